#include "filters/sentinel/cluster/token_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "filters/sentinel/cluster/token_desk.h"
#include "net/conn.h"

enum {
	XID_MAX = 999999999, /* then 1 again, as Java counts */
	REQUEST_TIMEOUT_MS = 20,
	CONNECT_TIMEOUT_MS = 10000,
	RECONNECT_MS = 2000,
	STALL_MS = 1000,
};

static const struct token_answer fail = {.status = TOKEN_FAIL};

struct token_conn {
	struct conn conn;
	struct token_client *client;
};

struct token_client {
	struct token_service service;
	struct token_client_options options;
	struct loop *loop;
	struct doorbell bell;    /* questions */
	struct addr server;      /* ADDR_NONE: none */
	struct token_conn *conn; /* NULL: none */
	struct timer reconnect;
	uint32_t failures;            /* in a row */
	int32_t xid;                  /* the last one */
	uint64_t unanswered_since_ms; /* 0: all was answered, or nothing asked */
	bool is_closed;
	_Atomic int state;                    /* enum token_client_state */
	struct doorbell *local;               /* of a token server in the process; NULL: none */
	_Atomic(struct doorbell *) questions; /* where they go; NULL: they fail */
	struct token_counts counts;
	struct question *pending[TOKEN_PENDING_MAX]; /* by xid */
	struct token_desk *desks;                    /* one a worker */
};

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void set_state(struct token_client *client, enum token_client_state state)
{
	atomic_store_explicit(&client->state, (int)state, memory_order_relaxed);
	atomic_store_explicit(&client->questions,
			      state == TOKEN_CLIENT_STARTED ? &client->bell : client->local,
			      memory_order_release);
}

static void conn_free(struct grave *grave)
{
	free(container_of(grave, struct token_conn, conn.io.grave));
}

static void fail_all(struct token_client *client)
{
	for (int i = 0; i < TOKEN_PENDING_MAX; i++) {
		struct question *question = client->pending[i];
		client->pending[i] = NULL;
		if (question)
			token_desk_answer(question, fail);
	}
}

/* The connection is DEAD, or never was: later again. */
static void lost(struct token_client *client)
{
	uint64_t delay_ms = (uint64_t)client->options.reconnect_ms * ++client->failures;

	if (client->conn)
		conn_bury(&client->conn->conn, conn_free);
	client->conn = NULL;
	client->unanswered_since_ms = 0;
	count(&client->counts.losses);
	set_state(client, TOKEN_CLIENT_PENDING);
	fail_all(client);
	timer_start(&client->loop->wheel, &client->reconnect,
		    delay_ms < TOKEN_RECONNECT_MAX_MS ? delay_ms : TOKEN_RECONNECT_MAX_MS);
}

static void drop_conn(struct token_client *client)
{
	if (client->conn)
		conn_close(&client->conn->conn, false);
	lost(client);
}

static struct token_client *client_of(struct conn *conn)
{
	return container_of(conn, struct token_conn, conn)->client;
}

static void send_frame(struct token_client *client, struct slice frame)
{
	struct conn *conn = &client->conn->conn;

	buf_append_copy(&conn->out, frame);
	conn_flush_later(conn);
	if (!client->unanswered_since_ms)
		client->unanswered_since_ms = loop_now_ms(client->loop);
}

static void connected(struct conn *conn)
{
	struct token_client *client = client_of(conn);
	char frame[TOKEN_FRAME_MAX];

	count(&client->counts.connects);
	set_state(client, TOKEN_CLIENT_STARTED);
	send_frame(client, slice_make(frame, token_write_ping(frame, client->options.name_space)));
}

static void take_response(struct token_client *client, const struct token_response *response)
{
	struct question **pending = &client->pending[(uint32_t)response->xid % TOKEN_PENDING_MAX];
	struct question *question = *pending;
	int32_t xid;

	if (response->type == TOKEN_PING || !question)
		return;
	memcpy(&xid, question->frame, sizeof(xid));
	if (xid != response->xid)
		return; /* too late, or never asked */
	*pending = NULL;
	token_desk_answer(question, (struct token_answer){response->status, response->wait_ms});
}

static size_t take_bytes(struct conn *conn, struct slice bytes, bool eof)
{
	struct token_client *client = client_of(conn);
	struct token_response response;
	struct slice payload;
	size_t at = 0;
	ssize_t size;

	while ((size = token_read_frame(slice_sub(bytes, at, bytes.len), &payload)) > 0) {
		at += (size_t)size;
		if (token_read_response(payload, &response))
			continue; /* Java skips it, too */
		client->failures = 0;
		client->unanswered_since_ms = 0;
		take_response(client, &response);
	}
	if (size < 0)
		count(&client->counts.garbage);
	if (size < 0 || eof) {
		drop_conn(client);
		return bytes.len;
	}
	return at;
}

static void closed(struct conn *conn, enum status why)
{
	(void)why;
	lost(client_of(conn));
}

static const struct conn_events conn_events = {
	.read = take_bytes,
	.connected = connected,
	.closed = closed,
};

static void dial(struct token_client *client)
{
	static const struct conn_options options;
	struct token_conn *made = calloc(1, sizeof(*made));

	invariant(made);
	made->client = client;
	client->conn = made;
	set_state(client, TOKEN_CLIENT_PENDING);
	if (conn_connect(&made->conn, client->loop, &client->server, &options,
			 client->options.connect_timeout_ms, &plain_transport, &conn_events)) {
		client->conn = NULL;
		free(made);
		lost(client);
	}
}

static void dial_again(struct timer *timer)
{
	dial(container_of(timer, struct token_client, reconnect));
}

static int32_t next_xid(struct token_client *client)
{
	client->xid = client->xid >= XID_MAX ? 1 : client->xid + 1;
	return client->xid;
}

/* The place of the next xid, or NULL: as many questions as may be are under way. */
static struct question **place_for(struct token_client *client, int32_t xid)
{
	struct question **place = &client->pending[(uint32_t)xid % TOKEN_PENDING_MAX];
	struct question *old = *place;

	if (!old)
		return place;
	if (loop_now_ms(client->loop) - old->sent_ms <= client->options.request_timeout_ms)
		return NULL;
	*place = NULL; /* who asked waits no longer */
	token_desk_answer(old, fail);
	return place;
}

static bool is_stalled(const struct token_client *client)
{
	return client->unanswered_since_ms &&
	       loop_now_ms(client->loop) - client->unanswered_since_ms > client->options.stall_ms;
}

static bool can_send(struct token_client *client)
{
	if (client->conn && is_stalled(client)) {
		count(&client->counts.stalls);
		drop_conn(client);
	}
	return client->conn && conn_is_open(&client->conn->conn) &&
	       client->conn->conn.out.len < CONN_DEFAULT_HIGH_MARK;
}

static void take_question(struct doorbell *bell, struct note *note)
{
	struct token_client *client = container_of(bell, struct token_client, bell);
	struct question *question = container_of(note, struct question, note), **place = NULL;
	int32_t xid = 0;

	if (can_send(client)) {
		xid = next_xid(client);
		place = place_for(client, xid);
	}
	if (!place) {
		token_desk_answer(question, fail);
		return;
	}
	token_set_xid(question->frame, xid);
	send_frame(client, slice_make(question->frame, question->size));
	memcpy(question->frame, &xid, sizeof(xid)); /* the frame is sent: known by it from now on */
	question->sent_ms = loop_now_ms(client->loop);
	*place = question;
}

/* On a worker. */
static void ask(void *arg, unsigned worker, struct token_ask *ask)
{
	struct token_client *client = arg;
	struct token_desk *desk = &client->desks[worker];
	struct doorbell *bell = atomic_load_explicit(&client->questions, memory_order_acquire);
	char frame[TOKEN_FRAME_MAX];

	count(&client->counts.asked);
	ask->answer = fail;
	if (!bell || !desk->is_open) {
		count(&client->counts.failed);
		return;
	}
	size_t size = token_write_question(frame, 0, ask);
	if (!size) {
		count(&client->counts.failed);
		ask->answer.status = TOKEN_BAD_REQUEST;
		return;
	}
	struct question *question = malloc(sizeof(*question) + size);
	invariant(question);
	*question = (struct question){.size = (uint32_t)size};
	memcpy(question->frame, frame, size);
	token_desk_add(desk, ask, question);
	ask->answer.status = TOKEN_PENDING;
	doorbell_put(bell, &question->note);
}

static void forget(void *arg, unsigned worker, struct token_ask *ask)
{
	struct token_client *client = arg;

	count(&client->counts.forgotten);
	token_desk_forget(&client->desks[worker], ask);
}

static uint32_t or_else(uint32_t given, uint32_t otherwise)
{
	return given ? given : otherwise;
}

static void put_name_space(struct token_client *client, struct slice name_space)
{
	char *name = malloc(name_space.len + 1);

	invariant(name);
	if (name_space.len)
		memcpy(name, name_space.data, name_space.len);
	free((char *)(uintptr_t)client->options.name_space.data);
	client->options.name_space = slice_make(name, name_space.len);
}

void token_client_set_timeout(struct token_client *client, uint32_t request_timeout_ms)
{
	client->options.request_timeout_ms = or_else(request_timeout_ms, REQUEST_TIMEOUT_MS);
	atomic_store_explicit(&client->service.timeout_ns,
			      client->options.request_timeout_ms * INT64_C(1000000),
			      memory_order_relaxed);
}

struct token_client *token_client_new(struct loop *loop, const struct token_client_options *options)
{
	struct token_client *client = calloc(1, sizeof(*client));

	invariant(client);
	client->options = (struct token_client_options){
		.workers = options->workers,
		.connect_timeout_ms = or_else(options->connect_timeout_ms, CONNECT_TIMEOUT_MS),
		.reconnect_ms = or_else(options->reconnect_ms, RECONNECT_MS),
		.stall_ms = or_else(options->stall_ms, STALL_MS),
	};
	put_name_space(client, options->name_space);
	client->service.ask = ask;
	client->service.forget = forget;
	client->service.arg = client;
	token_client_set_timeout(client, options->request_timeout_ms);
	client->loop = loop;
	client->desks = calloc(options->workers + 1, sizeof(*client->desks));
	invariant(client->desks);
	timer_init(&client->reconnect, dial_again);
	if (doorbell_open(&client->bell, loop, take_question)) {
		free(client->desks);
		free((char *)(uintptr_t)client->options.name_space.data);
		free(client);
		return NULL;
	}
	return client;
}

static void hang_up(struct token_client *client)
{
	if (client->conn) {
		conn_close(&client->conn->conn, false);
		conn_bury(&client->conn->conn, conn_free);
	}
	client->conn = NULL;
	client->unanswered_since_ms = 0;
	timer_cancel(&client->loop->wheel, &client->reconnect);
	set_state(client, TOKEN_CLIENT_OFF);
	fail_all(client);
}

void token_client_set_server(struct token_client *client, const struct addr *server)
{
	struct addr none = {.family = ADDR_NONE};
	const struct addr *wanted = server ? server : &none;

	if (wanted->family == client->server.family &&
	    (!server || addr_equal(wanted, &client->server)))
		return;
	hang_up(client);
	client->server = *wanted;
	client->failures = 0;
	if (server)
		dial(client);
}

void token_client_set_local(struct token_client *client, struct doorbell *bell)
{
	client->local = bell;
	set_state(client, token_client_state(client));
}

void token_client_set_name_space(struct token_client *client, struct slice name_space)
{
	if (slice_equal(client->options.name_space, name_space))
		return;
	put_name_space(client, name_space);
	if (client->server.family == ADDR_NONE)
		return;
	hang_up(client);
	client->failures = 0;
	dial(client);
}

void token_client_close(struct token_client *client)
{
	client->local = NULL;
	hang_up(client);
	doorbell_rest(&client->bell);
	client->is_closed = true;
}

static void free_question(struct note *note)
{
	free(container_of(note, struct question, note));
}

void token_client_free(struct token_client *client)
{
	if (!client)
		return;
	invariant(client->is_closed);
	doorbell_close(&client->bell, free_question);
	for (unsigned i = 0; i < client->options.workers; i++)
		if (client->desks[i].bell.loop)
			token_desk_fini(&client->desks[i]);
	free(client->desks);
	free((char *)(uintptr_t)client->options.name_space.data);
	free(client);
}

enum status token_client_join(struct token_client *client, unsigned worker, struct loop *loop)
{
	invariant(worker < client->options.workers && !client->desks[worker].bell.loop);
	return token_desk_open(&client->desks[worker], loop, &client->counts);
}

void token_client_leave(struct token_client *client, unsigned worker)
{
	token_desk_close(&client->desks[worker]);
}

const struct token_service *token_client_service(const struct token_client *client)
{
	return &client->service;
}

enum token_client_state token_client_state(const struct token_client *client)
{
	return (enum token_client_state)atomic_load_explicit(&client->state, memory_order_relaxed);
}

const struct token_counts *token_client_counts(const struct token_client *client)
{
	return &client->counts;
}
