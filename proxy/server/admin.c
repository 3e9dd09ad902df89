#include "server/admin.h"

#include <stdlib.h>
#include <unistd.h>

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>

#include "codec/http1.h"
#include "hotrestart/passed_sockets.h"
#include "message/path.h"
#include "server/admin_answer.h"
#include "server/admin_build.h"
#include "server/admin_hosts.h"
#include "server/admin_pages.h"
#include "server/server.h"
#include "stream/reply.h"
#include "stream/session.h"
#include "upstream/config_values.h"

struct admin_session {
	struct session session;
	struct http1 codec;
	struct admin *admin;
};

static const struct session_type session_type;

static const struct session_config session_config = {
	.type = &session_type,
	.idle_timeout_ms = 3600 * 1000,
	.delayed_close_timeout_ms = SESSION_DELAYED_CLOSE_MS,
};

struct slice admin_query(const struct admin_request *request, struct slice name)
{
	struct slice rest = request->query;

	while (rest.len) {
		size_t end = slice_find_char(rest, '&', 0);
		struct slice item = slice_sub(rest, 0, end);
		size_t equals = slice_find_char(item, '=', 0);
		if (slice_equal(slice_sub(item, 0, equals), name))
			return equals < item.len ? slice_sub(item, equals + 1, item.len)
						 : slice_make("", 0);
		rest = slice_sub(rest, end < rest.len ? end + 1 : end, rest.len);
	}
	return (struct slice){0};
}

void admin_fill_index(struct admin_request *request)
{
	text_add(&request->body, SLICE("admin commands are:\n"));
	for (unsigned i = 0; i < admin_page_count; i++) {
		const struct admin_page *page = &admin_pages[i];
		text_printf(&request->body, "  %s%s: %s\n", page->path,
			    page->kind == ADMIN_POST ? " (POST)" : "", page->help);
		for (const struct admin_param *p = page->params; p && p->name; p++)
			text_printf(&request->body, "      %s: %s\n", p->name, p->help);
	}
}

static const struct admin_page *find_page(struct slice path)
{
	for (unsigned i = 0; i < admin_page_count; i++)
		if (slice_equal(slice_of(admin_pages[i].path), path))
			return &admin_pages[i];
	return NULL;
}

static bool is_allowed(const struct admin_page *page, struct slice method)
{
	return page->kind != ADMIN_POST || slice_equal(method, SLICE("POST"));
}

static void fill(struct admin_request *request, const struct admin_page *page)
{
	if (slice_equal(request->path, SLICE("/"))) {
		admin_fill_index(request);
	} else if (!page) {
		request->status = 404;
		text_add(&request->body, SLICE("invalid path. "));
		admin_fill_index(request);
	} else if (!is_allowed(page, request->method)) {
		request->status = 405;
		text_printf(&request->body, "Method %.*s not allowed, POST required.",
			    SLICE_FMT(request->method));
	} else {
		page->fill(request);
	}
}

static void answer(struct stream *s, struct admin_request *request)
{
	if (request->body.len > ADMIN_PIECE) {
		struct builder *builder = &request->server->dynamic.subscriptions.builder;
		admin_answer_send(s, builder, request->status, request->content_type,
				  &request->body);
		return;
	}
	struct slice body = arena_slice(&s->arena, text_slice(&request->body));
	text_free(&request->body);
	reply_send(s, &(struct local_reply){.reason = REPLY_DIRECT_RESPONSE,
					    .http_status = (uint16_t)request->status,
					    .grpc_status = -1,
					    .text = body,
					    .content_type = slice_of(request->content_type)});
}

static void ignore(void *source)
{
	(void)source; /* nothing was sent yet */
}

/* --- answers that the builder makes --- */

static void on_built(struct admin_build *build)
{
	struct stream *s = build->owner;

	stream_clear_source(s);
	answer(s, &build->request);
}

static void forget_build(void *source)
{
	((struct admin_build *)source)->owner = NULL;
}

static const struct response_source build_source = {
	.pause = ignore,
	.resume = ignore,
	.cancel = forget_build,
};

static void build(struct stream *s, const struct admin_page *page,
		  const struct admin_request *request, struct host_query *hosts)
{
	struct builder *builder = &request->server->dynamic.subscriptions.builder;
	struct admin_build *made = admin_build_start(builder, page, request, hosts, on_built, s);

	if (made)
		stream_set_source(s, &build_source, made);
}

/* Takes hosts; NULL: none. */
static void respond(struct stream *s, const struct admin_page *page, struct host_query *hosts)
{
	struct admin_session *as = container_of(s->session, struct admin_session, session);
	struct slice path = headers_get(s->request, HEADER_PATH);
	struct admin_request request = {
		.server = as->admin->server,
		.path = path_without_query(path),
		.query = path_query(path),
		.method = headers_get(s->request, HEADER_METHOD),
		.status = 200,
		.content_type = "text/plain; charset=UTF-8",
		.hosts = hosts,
	};
	bool is_begun = page && page->begin && page->begin(&request);

	if (is_begun && request.is_large) {
		build(s, page, &request, hosts);
		return;
	}
	if (hosts)
		host_query_merge(hosts);
	if (!page || !page->begin || is_begun)
		fill(&request, page);
	if (is_begun)
		page->end(request.taken);
	if (hosts)
		host_query_free(hosts);
	answer(s, &request);
}

/* --- answers that wait for the workers --- */

static void on_hosts(struct host_query *query)
{
	struct stream *s = query->owner;

	stream_clear_source(s);
	respond(s, find_page(path_without_query(headers_get(s->request, HEADER_PATH))), query);
}

static void forget_query(void *source)
{
	((struct host_query *)source)->owner = NULL;
}

static const struct response_source hosts_source = {
	.pause = ignore,
	.resume = ignore,
	.cancel = forget_query,
};

static bool prepare_request(struct stream *s, bool end)
{
	struct admin_session *as = container_of(s->session, struct admin_session, session);
	struct server *server = as->admin->server;
	const struct admin_page *page =
		find_page(path_without_query(headers_get(s->request, HEADER_PATH)));

	if (page && page->kind == ADMIN_GET_HOSTS && end && server->worker_count)
		stream_set_source(s, &hosts_source, host_query_start(server, on_hosts, s));
	else
		respond(s, page, NULL);
	return false;
}

static void prepare_response(struct stream *s, struct headers *headers, bool end)
{
	(void)end;
	headers_set_id(headers, HEADER_DATE, worker_date(s->worker));
	headers_set_id(headers, HEADER_SERVER, SLICE("outrigger"));
	headers_set(headers, SLICE("cache-control"), SLICE("no-cache, max-age=0"));
	headers_set(headers, SLICE("x-content-type-options"), SLICE("nosniff"));
}

/* Answers have no length ahead, as Envoy's. */
static void amend_reply(struct stream *s, const struct local_reply *reply, struct headers *headers,
			struct buf *body)
{
	(void)s;
	(void)reply;
	(void)body;
	headers_remove_id(headers, HEADER_CONTENT_LENGTH);
}

static void find_route(struct stream *s)
{
	(void)s;
}

static void stream_ended(struct stream *s)
{
	(void)s;
}

static void request_failed(struct session *session, enum reply_reason reason, struct slice details)
{
	(void)session;
	(void)reason;
	(void)details;
}

static void session_free(struct grave *grave)
{
	struct session *session = container_of(grave, struct session, conn.io.grave);
	free(container_of(session, struct admin_session, session));
}

static void ended(struct session *session)
{
	conn_bury(&session->conn, session_free);
}

static const struct session_type session_type = {
	.protocol = STREAM_PROTOCOL_HTTP11,
	.prepare_request = prepare_request,
	.prepare_response = prepare_response,
	.amend_reply = amend_reply,
	.find_route = find_route,
	.stream_ended = stream_ended,
	.request_failed = request_failed,
	.ended = ended,
};

static void on_listener_ended(struct accepted_end *end, uint64_t lived_ms)
{
	(void)end;
	(void)lived_ms;
}

static void on_accepted(struct acceptor *acceptor, int fd, const struct addr *remote)
{
	static const struct served_chain no_chain = {0};
	struct admin *admin = container_of(acceptor, struct admin, acceptor);
	struct admin_session *as = malloc(sizeof *as);
	struct accepted accepted = {.fd = fd,
				    .remote = *remote,
				    .local = admin->addr,
				    .worker = &admin->server->context,
				    .listener = &admin->pin,
				    .chain = &no_chain,
				    .end = &admin->end};

	invariant(as);
	as->admin = admin;
	session_init(&as->session, &session_config, &accepted);
	http1_open(&as->codec, CODEC_SERVER, &http1_default_options, &session_codec_events,
		   &as->session, &as->session.conn.out);
	session_start(&as->session, &as->codec.codec);
}

void admin_init(struct admin *admin, struct server *server)
{
	*admin = (struct admin){.server = server, .fd = -1, .end = {on_listener_ended}};
	admin->pin.object = &admin->object;
	admin->pin.count = 1;
	list_init(&admin->queries);
}

/* Its predecessor's, or a new one. */
static int open_socket(struct admin *admin)
{
	struct passed_sockets *passed = admin->server->listeners.passed;
	static const struct listen_options options = {.reuse_port = false};
	int fd;

	/* a group of this role has one */
	if (!passed || passed_sockets_find(passed, PASSED_ADMIN, &admin->addr, false, false) != 1)
		return listen_socket_open(&admin->addr, &options);
	passed_sockets_claim(passed, PASSED_ADMIN, &admin->addr, false, false, &fd);
	return fd;
}

enum status admin_bind(struct admin *admin, struct diag *diag)
{
	struct server *server = admin->server;
	const Envoy__Config__Bootstrap__V3__Admin *message = server->bootstrap.message->admin;
	char text[ADDR_TEXT_MAX];

	if (!message || !message->address)
		return STATUS_OK;
	enum status status = config_address(message->address, &server->bootstrap.arena,
					    &admin->addr, NULL, diag);
	if (status) {
		diag_prefix(diag, "admin.address");
		return status;
	}
	int fd = open_socket(admin);
	addr_format(&admin->addr, text);
	if (fd < 0)
		return diag_at(diag, "admin.address", "cannot bind '%s': %s", text,
			       status_text((enum status)fd));
	admin->fd = fd;
	return STATUS_OK;
}

static enum status write_address(struct admin *admin, struct diag *diag)
{
	struct server *server = admin->server;
	char text[ADDR_TEXT_MAX];

	addr_format(&admin->addr, text);
	return server_write_file(server->options->admin_address_path, "--admin-address-path", text,
				 diag);
}

static void begin_to_accept(struct admin *admin)
{
	admin->is_accepting = true;
	acceptor_start(&admin->acceptor, &admin->server->loop, admin->fd, on_accepted);
}

enum status admin_start(struct admin *admin, struct diag *diag)
{
	if (admin->fd < 0)
		return STATUS_OK;
	enum status status = write_address(admin, diag);
	if (!status)
		begin_to_accept(admin);
	return status;
}

enum status admin_resume(struct admin *admin, struct diag *diag)
{
	if (admin->fd < 0)
		return STATUS_OK;
	begin_to_accept(admin);
	return write_address(admin, diag);
}

void admin_pause(struct admin *admin)
{
	if (admin->is_accepting)
		acceptor_stop(&admin->acceptor);
	admin->is_accepting = false;
}

static void close_socket(struct admin *admin)
{
	admin_pause(admin);
	if (admin->fd >= 0)
		close(admin->fd);
	admin->fd = -1;
}

void admin_leave(struct admin *admin)
{
	const struct list_node *all = &admin->server->context.served;

	close_socket(admin);
	for (struct list_node *n = all->next, *next; n != all; n = next) {
		struct served *served = container_of(n, struct served, link);
		next = n->next;
		served->type->drain(served);
	}
}

void admin_stop(struct admin *admin)
{
	struct worker_context *context = &admin->server->context;

	close_socket(admin);
	while (!list_is_empty(&context->served)) {
		struct served *served = container_of(context->served.next, struct served, link);
		served->type->close(served);
	}
	loop_settle(context->loop);
}

void admin_fini(struct admin *admin)
{
	while (!list_is_empty(&admin->queries))
		host_query_free(container_of(admin->queries.next, struct host_query, link));
}
