/* Requests of the proxy's own, over real sockets. */
#include "worker_fixture.h"

#include "upstream/client.h"

static struct arena arena;
static struct scope scope;
static struct headers headers;
static struct client_call call;
static unsigned done_count;
static struct client_answer last;

static int begin(void **context)
{
	(void)context;
	fixture_begin();
	arena_init(&arena, 1024);
	scope_init(&scope);
	memset(&call, 0, sizeof call);
	done_count = 0;
	headers_init(&headers, &arena, 4);
	headers_add_id(&headers, HEADER_METHOD, SLICE("POST"));
	headers_add_id(&headers, HEADER_PATH, SLICE("/check"));
	headers_add_id(&headers, HEADER_AUTHORITY, SLICE("authz"));
	return 0;
}

static int end(void **context)
{
	(void)context;
	client_cancel(&call);
	fixture_end();
	arena_free(&arena);
	return 0;
}

static void on_done(struct client_call *c, const struct client_answer *answer)
{
	assert_ptr_equal(c, &call);
	last = *answer;
	done_count++;
}

static struct client_request request_of(const char *body)
{
	return (struct client_request){.cluster = SLICE("c1"),
				       .headers = &headers,
				       .body = slice_of(body),
				       .timeout_ms = 3000};
}

static void send_it(const struct client_request *request)
{
	client_send(&call, f.upstream, &scope, &arena, request, on_done);
}

static void await_done(void)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (!done_count) {
		loop_turn(&f.loop, true);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	loop_turn(&f.loop, false);
	assert_int_equal(done_count, 1);
	assert_true(list_is_empty(&scope.items));
}

static void an_answer_comes_as_a_whole(void **context)
{
	struct client_request request = request_of("");
	(void)context;
	simple();
	SERVER_SET(f.server.answer,
		   "HTTP/1.1 403 No\r\nx-why: policy\r\ntransfer-encoding: chunked\r\n\r\n"
		   "3\r\nyou\r\n4\r\n may\r\n4\r\n not\r\n0\r\n\r\n");
	send_it(&request);
	await_done();
	assert_int_equal(last.failure, REPLY_NONE);
	assert_int_equal(last.status, 403);
	assert_true(slice_equal(last.body, SLICE("you may not")));
	assert_true(slice_equal(header_value(headers_find(last.headers, SLICE("x-why"))),
				SLICE("policy")));
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_4XX), 1);
	assert_null(call.cluster);
}

static void failures_are_told(void **context)
{
	struct client_request request = request_of("x");
	(void)context;
	simple();
	request.cluster = SLICE("nowhere");
	send_it(&request);
	await_done();
	assert_int_equal(last.failure, REPLY_NO_CLUSTER);

	request.cluster = SLICE("c1");
	request.body_limit = 1; /* the answer has two */
	done_count = 0;
	send_it(&request);
	await_done();
	assert_int_equal(last.failure, REPLY_RESPONSE_TOO_LARGE);

	SERVER_SET(f.server.is_held, true);
	request.timeout_ms = 30;
	done_count = 0;
	send_it(&request);
	await_done();
	assert_int_equal(last.failure, REPLY_UPSTREAM_TIMEOUT);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_TIMEOUT), 1);

	SERVER_SET(f.server.is_held, false);
	SERVER_SET(f.server.answer, "");
	done_count = 0;
	request.timeout_ms = 3000;
	send_it(&request);
	await_done();
	assert_int_equal(last.failure, REPLY_CONNECTION_LOST);

	f.plan.endpoints[0].health = ENDPOINT_UNHEALTHY;
	f.cluster->lb.panic_threshold = 0;
	publish_hosts();
	done_count = 0;
	send_it(&request);
	await_done();
	assert_int_equal(last.failure, REPLY_NO_HEALTHY_UPSTREAM);
}

static void a_call_dies_with_its_scope(void **context)
{
	struct client_request request = request_of("body");
	(void)context;
	simple();
	SERVER_SET(f.server.is_held, true);
	send_it(&request);
	while (SERVER_GET(f.server.requests) == 0)
		loop_turn(&f.loop, false);
	scope_cancel(&scope);
	assert_null(call.cluster);
	assert_false(timer_is_running(&call.timeout));
	SERVER_SET(f.server.is_held, false);
	while (SERVER_GET(f.server.open))
		loop_turn(&f.loop, false);
	assert_int_equal(done_count, 0);
	client_cancel(&call); /* nothing happens */
}

static void fired_calls_need_nobody(void **context)
{
	struct client_request request = request_of("copy");
	(void)context;
	simple();
	for (int i = 0; i < 3; i++)
		client_fire(f.upstream, &request);
	headers_set_id(&headers, HEADER_PATH, SLICE("/changed")); /* they have copies */
	assert_int_equal(f.upstream->fired_count, 3);
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (f.upstream->fired_count) {
		loop_turn(&f.loop, true);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_int_equal(SERVER_GET(f.server.requests), 3);
	request.cluster = SLICE("nowhere");
	client_fire(f.upstream, &request);
	assert_int_equal(f.upstream->fired_count, 0);
	request.cluster = SLICE("c1");
	SERVER_SET(f.server.is_held, true);
	client_fire(f.upstream, &request); /* cancelled by the end of the worker */
	loop_turn(&f.loop, false);
}

int main(void)
{
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_FIXTURE(an_answer_comes_as_a_whole),
		IN_FIXTURE(failures_are_told),
		IN_FIXTURE(a_call_dies_with_its_scope),
		IN_FIXTURE(fired_calls_need_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
