/* Calls that are routed by their values: what goes without a stream goes where a stream takes it,
 * and is answered alike. One session passes calls, another gives each a stream; both get the same
 * bytes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <outrigger/filters/network/rpc_proxy/v1/rpc_proxy.pb-c.h>

#include "codec/dubbo_frame.h"
#include "codec/hessian2_write.h"
#include "filters/registry.h"
#include "manager/rpc_private.h"
#include "stream/stream.h"
#include "unit/proxy/upstream/worker_fixture.h"
#include "xds/yaml_message.h"

enum { FRAME = 4096, VALUES = 2 };

#define HEAD                                                                                       \
	"stat_prefix: p\nuse_caller_timeout: false\n"                                              \
	"http_filters: [{name: r, typed_config: {'@type': "                                        \
	"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]\n"                  \
	"rpc_route_config: {name: r, services: [{interface: a.b.c.LongService, routes: ["

/* "abc" is the cluster that there is: slots are lengths of names here. */
static const struct {
	const char *match, *route;
} routes[] = {
	{"arguments: [{path: '1', value: {exact: gold}}]", "{cluster: abc}"},
	{"arguments: [{path: '1', value: {range: {start: 5, end: 7}}}]", "{cluster: abc}"},
	{"arguments: [{path: '1', value: {double_range: {start: 0.25, end: 0.75}}}]",
	 "{cluster: abc}"},
	{"arguments: [{path: '1', value: {exact: 'true'}}]", "{cluster: abc}"},
	{"arguments: [{path: '1.level', value: {exact: high}}]", "{cluster: abc}"},
	{"attachments: [{name: region, value: {exact: north}}]", "{cluster: abc}"},
	{"group: {exact: g1}", "{cluster: abc}"},
	{"attachments: [{name: edit, value: {present: true}}]",
	 "{cluster: abc}, request_headers_to_add: [{header: {key: region, value: south}}]"},
	{"arguments: [{path: '1', value: {null_value: true}}]", "{cluster: nowhere}"},
};

/* --- the proxy's side */

static struct {
	struct worker_context worker;
	struct pin pin;
	struct arena arena;
	struct rpc_manager *managers[2]; /* passing, and by streams only */
	struct accepted_end end;
	struct rpc_session *session;
	int consumer, listener, provider;
	/* "m"; or "plain": its rules ask for whole arguments only, so that what was decided for the
	 * same bytes is looked up; or "named": and for nothing but the names of attachments. */
	const char *method;
} t;

static uint32_t slot_of(const struct config_context *context, enum published_kind kind,
			struct slice name)
{
	(void)context;
	(void)kind;
	return (uint32_t)name.len;
}

static bool nothing_is_known(const struct config_context *context, enum published_kind kind,
			     struct slice name)
{
	(void)context;
	(void)kind;
	(void)name;
	return false;
}

static void ended(struct accepted_end *end, uint64_t lived_ms)
{
	(void)end;
	(void)lived_ms;
	t.session = NULL;
}

static void load(void)
{
	const struct config_context context = {
		.arena = &t.arena,
		.stats = f.stats,
		.slot = slot_of,
		.is_known = nothing_is_known,
		.filter_type = filter_type_find,
	};
	struct diag diag = {.path = ""};
	ProtobufCMessage *message = NULL;
	const void *config = NULL;

	const char *text = HEAD;
	for (size_t i = 0; i < COUNT_OF(routes); i++)
		text = arena_printf(&t.arena, "%s{match: {method: {exact: m}, %s}, route: %s}, ",
				    text, routes[i].match, routes[i].route);
	for (size_t i = 0; i < COUNT_OF(routes); i++)
		if (!strchr(routes[i].match, '.') || strstr(routes[i].match, "double"))
			text = arena_printf(&t.arena,
					    "%s{match: {method: {exact: plain}, %s}, route: %s}, ",
					    text, routes[i].match, routes[i].route);
	for (size_t i = 0; i < COUNT_OF(routes); i++)
		if (!strchr(routes[i].match, '.') && !strstr(routes[i].match, "group"))
			text = arena_printf(&t.arena,
					    "%s{match: {method: {exact: named}, %s}, route: %s}, ",
					    text, routes[i].match, routes[i].route);
	text = arena_printf(&t.arena, "%s]}]}\n", text);
	if (yaml_message_parse(slice_of(text), "t.yaml", rpc_proxy_filter.message, NULL, &t.arena,
			       &message, &diag) ||
	    rpc_proxy_filter.config_load(&config, message, &context, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	for (int i = 0; i < 2; i++) {
		t.managers[i] = arena_alloc(&t.arena, sizeof *t.managers[i]);
		memcpy(t.managers[i], config, sizeof *t.managers[i]);
	}
	assert_true(t.managers[0]->is_plain);
	t.managers[1]->is_plain = false;
}

static void listen_for_proxy(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof addr;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t.listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(t.listener, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(listen(t.listener, 4), 0);
	assert_int_equal(getsockname(t.listener, (struct sockaddr *)&addr, &len), 0);
	make_cluster();
	add_host(ntohs(addr.sin_port));
	publish();
}

/* A consumer's connection, served by that manager. */
static void connect_to(const struct rpc_manager *manager)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	t.consumer = ends[1];
	const struct addr here = {.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 1};
	static const struct served_chain chain = {0};
	rpc_serve(manager, &(struct accepted){.fd = ends[0],
					      .remote = here,
					      .local = here,
					      .worker = &t.worker,
					      .listener = &t.pin,
					      .chain = &chain,
					      .end = &t.end});
	struct served *served = container_of(t.worker.served.next, struct served, link);
	t.session = rpc_session_of(container_of(served, struct session, served));
}

static void turn(void)
{
	usleep(200);
	loop_turn(&f.loop, false);
}

static void hang_up(void)
{
	close(t.consumer);
	while (t.session)
		turn();
}

static int begin(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	fixture_begin();
	arena_init(&t.arena, 4096);
	t.worker.loop = &f.loop;
	t.worker.stats = stats_main_shard(f.stats);
	t.worker.upstream = f.upstream;
	t.worker.config_epoch = 1;
	random_init(&t.worker.random, 7);
	list_init(&t.worker.served);
	dubbo_heads_init(&t.worker.dubbo_heads);
	rpc_call_init_spares(&t.worker);
	t.pin.count = 1;
	t.end.ended = ended;
	t.provider = -1;
	t.method = "m";
	listen_for_proxy();
	load();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (t.provider >= 0)
		close(t.provider);
	close(t.listener);
	arena_free(&t.arena); /* the configuration's scope is one of f.stats */
	fixture_end();
	stream_free_spares(&t.worker);
	rpc_call_free_spares(&t.worker);
	dubbo_heads_fini(&t.worker.dubbo_heads);
	slab_fini(&t.worker.rpc_sessions);
	return 0;
}

/* --- the peers */

/* The next frame there, waited for: its body's length; -1: none comes in time. */
static int read_frame(int fd, char *body, struct dubbo_frame *frame)
{
	char head[DUBBO_HEADER_SIZE];

	for (int i = 0; recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT) < DUBBO_HEADER_SIZE;
	     i++) {
		if (i == 2000)
			return -1;
		turn();
	}
	assert_int_equal(recv(fd, head, sizeof head, 0), sizeof head);
	enum status status = dubbo_frame_read(slice_make(head, sizeof head), FRAME, frame);
	assert_true(!status || status == STATUS_AGAIN);
	for (size_t at = 0; at < frame->body_len;) {
		ssize_t n = recv(fd, body + at, frame->body_len - at, MSG_DONTWAIT);
		if (n > 0)
			at += (size_t)n;
		else
			turn();
	}
	return (int)frame->body_len;
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&poll_fd, 1, 0) == 1;
}

/* Until a frame is here or there. */
static void await_any(void)
{
	for (int i = 0; !is_readable(t.consumer) && !is_readable(t.provider); i++) {
		assert_int_not_equal(i, 5000);
		if (t.provider < 0 && is_readable(t.listener))
			t.provider = accept(t.listener, NULL, NULL);
		turn();
	}
}

/* --- calls */

struct row {
	const char *name;
	const char *region, *group, *edit; /* attachments; NULL: none */
	void (*write)(struct hessian2_writer *writer);
	unsigned cut;        /* bytes that are left out at the end */
	bool is_streams_own; /* its route, or reply, needs one */
	bool is_forwarded;
};

static void gold(struct hessian2_writer *w)
{
	hessian2_write_string(w, SLICE("gold"));
}

static void silver(struct hessian2_writer *w)
{
	hessian2_write_string(w, SLICE("silver"));
}

static void six(struct hessian2_writer *w)
{
	hessian2_write_int(w, 6);
}

static void long_six(struct hessian2_writer *w)
{
	hessian2_write_long(w, 6);
}

static void half(struct hessian2_writer *w)
{
	hessian2_write_raw(w, slice_make("D\x3f\xe0\0\0\0\0\0\0", 9));
}

static void yes(struct hessian2_writer *w)
{
	hessian2_write_bool(w, true);
}

static void nothing(struct hessian2_writer *w)
{
	hessian2_write_null(w);
}

static void high(struct hessian2_writer *w)
{
	static const char *const fields[] = {"size", "level"};
	uint32_t number = hessian2_write_class(w, SLICE("a.Other"), fields, 2);

	hessian2_write_object(w, number);
	hessian2_write_int(w, 70000);
	hessian2_write_string(w, SLICE("high"));
}

static void broken(struct hessian2_writer *w)
{
	hessian2_write_raw(w, SLICE("\x4f")); /* an object of no class */
}

static const struct row rows[] = {
	{.name = "text", .write = gold, .is_forwarded = true},
	{.name = "int", .write = six, .is_forwarded = true},
	{.name = "long", .write = long_six, .is_forwarded = true},
	{.name = "double", .write = half, .is_forwarded = true},
	{.name = "bool", .write = yes, .is_forwarded = true},
	{.name = "field", .write = high, .is_forwarded = true},
	{.name = "attachment", .write = silver, .region = "north", .is_forwarded = true},
	{.name = "group", .write = silver, .group = "g1", .is_forwarded = true},
	{.name = "null", .write = nothing, .is_streams_own = true},
	{.name = "no route", .write = silver, .region = "west", .is_streams_own = true},
	{.name = "edited",
	 .write = silver,
	 .edit = "",
	 .is_streams_own = true,
	 .is_forwarded = true},
	{.name = "malformed", .write = broken, .region = "north", .is_streams_own = true},
	{.name = "cut", .write = gold, .region = "north", .cut = 3, .is_forwarded = true},
	{.name = "cut sooner",
	 .write = silver,
	 .region = "north",
	 .cut = 9,
	 .is_streams_own = true},
};

static void write_attachment(struct hessian2_writer *w, const char *name, const char *value)
{
	if (!value)
		return;
	hessian2_write_string(w, slice_of(name));
	hessian2_write_string(w, slice_of(value));
}

/* m(Order, Object): an order first, so that something stands before the value. */
static size_t write_call(char *to, const struct row *row, uint64_t id)
{
	static const char *const fields[] = {"id", "note"};
	struct hessian2_writer w;

	hessian2_writer_init(&w, &t.arena);
	hessian2_write_string(&w, SLICE("2.0.2"));
	hessian2_write_string(&w, SLICE("a.b.c.LongService"));
	hessian2_write_string(&w, SLICE("1.0.0"));
	hessian2_write_string(&w, slice_of(t.method));
	hessian2_write_string(&w, SLICE("La/Order;Ljava/lang/Object;"));
	uint32_t number = hessian2_write_class(&w, SLICE("a.Order"), fields, 2);
	hessian2_write_object(&w, number);
	hessian2_write_long(&w, 4711);
	hessian2_write_string(&w, SLICE("a note that has more than thirty-one letters"));
	row->write(&w);
	hessian2_write_map_begin(&w);
	write_attachment(&w, "path", "a.b.c.LongService");
	write_attachment(&w, "group", row->group);
	write_attachment(&w, "edit", row->edit);
	write_attachment(&w, "region", row->region);
	if (!strcmp(t.method, "named") && !row->cut)
		write_attachment(&w, "trace-id", arena_printf(&t.arena, "%08u", (unsigned)id));
	hessian2_write_map_end(&w);
	struct slice body = hessian2_written(&w);
	body.len -= row->cut;
	assert_true(DUBBO_HEADER_SIZE + body.len <= FRAME);
	dubbo_frame_write(to, &(struct dubbo_frame){
				      id, (uint32_t)body.len,
				      DUBBO_FLAG_REQUEST | DUBBO_FLAG_TWOWAY | DUBBO_HESSIAN2, 0});
	memcpy(to + DUBBO_HEADER_SIZE, body.data, body.len);
	return DUBBO_HEADER_SIZE + body.len;
}

struct outcome {
	char arrived[FRAME], answer[FRAME];
	int arrived_len, answer_len;
	uint8_t status;
	bool was_passed; /* without a stream */
};

/* The provider's part, if the call gets there. */
static void serve_call(struct outcome *o)
{
	struct dubbo_frame frame;
	char answer[DUBBO_HEADER_SIZE + 2] = {0};

	o->arrived_len = -1;
	if (is_readable(t.consumer))
		return;
	o->arrived_len = read_frame(t.provider, o->arrived, &frame);
	char *trace = memmem(o->arrived, (size_t)o->arrived_len, "trace-id", 8);
	if (trace) /* each call's own */
		memset(trace + 9, '0', 8);
	o->was_passed = !list_is_empty(&t.session->calls);
	dubbo_frame_write(answer, &(struct dubbo_frame){frame.id, 2, DUBBO_HESSIAN2, DUBBO_OK});
	memcpy(answer + DUBBO_HEADER_SIZE, "\x91N", 2);
	assert_int_equal(send(t.provider, answer, sizeof answer, 0), sizeof answer);
}

static void take_answer(struct outcome *o, uint64_t id)
{
	struct dubbo_frame frame;

	o->answer_len = read_frame(t.consumer, o->answer, &frame);
	assert_true(o->answer_len >= 0);
	assert_int_equal(frame.id, id);
	o->status = frame.status;
}

static void ask(const struct row *row, uint64_t id, struct outcome *o)
{
	char frame[FRAME];
	size_t len = write_call(frame, row, id);

	memset(o, 0, sizeof *o);
	assert_int_equal(send(t.consumer, frame, len, 0), len);
	await_any();
	serve_call(o);
	take_answer(o, id);
}

static void assert_alike(const struct row *row, const struct outcome *a, const struct outcome *b)
{
	if (a->arrived_len != b->arrived_len || a->answer_len != b->answer_len ||
	    a->status != b->status ||
	    (a->arrived_len > 0 && memcmp(a->arrived, b->arrived, (size_t)a->arrived_len) != 0) ||
	    memcmp(a->answer, b->answer, (size_t)a->answer_len) != 0)
		fail_msg("'%s' isn't as it is by a stream: arrived %d and %d, status %u and %u",
			 row->name, a->arrived_len, b->arrived_len, a->status, b->status);
}

static void values_lead_where_streams_go(void **state)
{
	static struct outcome by_streams[COUNT_OF(rows)], o;
	uint64_t id = 1;

	(void)state;
	connect_to(t.managers[1]);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ask(&rows[i], id++, &by_streams[i]);
		assert_false(by_streams[i].was_passed);
		assert_int_equal(by_streams[i].arrived_len >= 0, rows[i].is_forwarded);
	}
	hang_up();
	connect_to(t.managers[0]);
	ask(&rows[0], id++, &o); /* asked for the first time: by a stream */
	assert_false(o.was_passed);
	for (unsigned round = 0; round < 2; round++)
		for (size_t i = 0; i < COUNT_OF(rows); i++) {
			ask(&rows[i], id++, &o);
			assert_alike(&rows[i], &o, &by_streams[i]);
			if (o.was_passed == rows[i].is_streams_own)
				fail_msg("'%s' went the other way", rows[i].name);
		}
	hang_up();
	assert_int_equal(stat_value(f.stats, t.managers[0]->stats, RPC_STAT_REQUEST), id - 1);
	assert_int_equal(stat_value(f.stats, t.managers[0]->stats, RPC_STAT_REQUEST_ACTIVE), 0);
}

/* Bytes that lead where they led before: each call again and again, and after the others. */
static void lead_to_the_same(const char *method, unsigned passing)
{
	static struct outcome by_streams[COUNT_OF(rows)], o;
	unsigned passed = 0;
	uint64_t id = 1;

	t.method = method;
	connect_to(t.managers[1]);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ask(&rows[i], id++, &by_streams[i]);
	hang_up();
	connect_to(t.managers[0]);
	for (unsigned round = 0; round < 3; round++)
		for (size_t i = 0; i < COUNT_OF(rows); i++)
			for (unsigned again = 0; again < 4; again++) {
				ask(&rows[i], id++, &o);
				assert_alike(&rows[i], &o, &by_streams[i]);
				passed += o.was_passed;
				if (o.was_passed && rows[i].is_streams_own)
					fail_msg("'%s' went the other way", rows[i].name);
			}
	assert_int_equal(passed, 3 * 4 * passing - 1); /* the first of all went by a stream */
	hang_up();
}

static void the_same_bytes_lead_to_the_same(void **state)
{
	(void)state;
	lead_to_the_same("plain", 8);
}

/* … whatever else calls bring with them. */
static void attachments_that_are_not_asked_for(void **state)
{
	(void)state;
	lead_to_the_same("named", 6);
}

/* What was read for one call isn't the next one's. */
static void two_calls_in_one_turn(void **state)
{
	static struct outcome first, second;
	const struct row *passed = &rows[0], *refused = &rows[9];
	char frames[2 * FRAME];

	(void)state;
	connect_to(t.managers[0]);
	ask(passed, 1, &first);
	for (uint64_t id = 2; id < 10; id += 2) {
		bool is_turned = id & 2;
		size_t len = write_call(frames, is_turned ? refused : passed, id);
		len += write_call(frames + len, is_turned ? passed : refused, id + 1);
		assert_int_equal(send(t.consumer, frames, len, 0), len);
		take_answer(&second, is_turned ? id : id + 1); /* the proxy's own comes first */
		assert_non_null(memmem(second.answer, (size_t)second.answer_len, "no route", 8));
		serve_call(&first);
		assert_true(first.was_passed);
		take_answer(&first, is_turned ? id + 1 : id);
		assert_int_equal(first.status, DUBBO_OK);
		assert_int_equal(first.answer_len, 2);
	}
	hang_up();
}

/* A new configuration: nothing that was kept of the old one counts. */
static void kept_answers_end_with_their_epoch(void **state)
{
	static struct outcome o;

	(void)state;
	connect_to(t.managers[0]);
	ask(&rows[0], 1, &o); /* its head is kept, … */
	ask(&rows[0], 2, &o); /* … and who is to be asked */
	assert_false(o.was_passed);
	ask(&rows[0], 3, &o);
	assert_true(o.was_passed);
	t.worker.config_epoch++;
	ask(&rows[0], 4, &o);
	assert_false(o.was_passed);
	ask(&rows[0], 5, &o);
	assert_true(o.was_passed);
	hang_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_lead_where_streams_go, begin, finish),
		cmocka_unit_test_setup_teardown(the_same_bytes_lead_to_the_same, begin, finish),
		cmocka_unit_test_setup_teardown(attachments_that_are_not_asked_for, begin, finish),
		cmocka_unit_test_setup_teardown(two_calls_in_one_turn, begin, finish),
		cmocka_unit_test_setup_teardown(kept_answers_end_with_their_epoch, begin, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
