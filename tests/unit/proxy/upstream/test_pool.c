/* Requests over pools and real sockets: which connection they get, what limits them, and what is
 * left when hosts go. */
#include "worker_fixture.h"

#include "routing/policy.h"
#include "upstream/request.h"

enum outcome {
	WAITING,
	READY,
	FAILED,
	RESET,
	COMPLETE,
};

struct call {
	struct upstream_request request;
	struct arena arena;
	enum outcome outcome;
	enum reply_reason reason;
	uint64_t status;
	uint64_t conn_id;
	size_t body;
};

static struct call calls[8];

static int begin(void **context)
{
	(void)context;
	fixture_begin();
	memset(calls, 0, sizeof calls);
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		arena_init(&calls[i].arena, 1024);
	return 0;
}

static int end(void **context)
{
	(void)context;
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		upstream_request_cancel(&calls[i].request);
	fixture_end();
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		arena_free(&calls[i].arena);
	return 0;
}

/* --- calls */

static struct call *of(struct upstream_request *request)
{
	return container_of(request, struct call, request);
}

static void on_ready(struct upstream_request *request)
{
	struct call *call = of(request);
	struct headers headers;

	call->outcome = READY;
	call->conn_id = request->conn->id;
	headers_init(&headers, &call->arena, 4);
	headers_add_id(&headers, HEADER_METHOD, SLICE("GET"));
	headers_add_id(&headers, HEADER_PATH, SLICE("/"));
	headers_add_id(&headers, HEADER_AUTHORITY, SLICE("a"));
	upstream_send_headers(request, &headers, true);
}

static void on_failed(struct upstream_request *request, enum reply_reason reason,
		      struct slice details)
{
	(void)details;
	of(request)->outcome = FAILED;
	of(request)->reason = reason;
}

static void on_headers(struct upstream_request *request, struct headers *headers, bool is_end)
{
	(void)is_end;
	assert_true(slice_to_uint64(headers_get(headers, HEADER_STATUS), &of(request)->status));
}

static void on_data(struct upstream_request *request, struct buf *data, bool is_end)
{
	(void)is_end;
	of(request)->body += data->len;
	buf_clear(data);
}

static void on_reset(struct upstream_request *request, enum reply_reason reason)
{
	of(request)->outcome = RESET;
	of(request)->reason = reason;
}

static void on_complete(struct upstream_request *request)
{
	of(request)->outcome = COMPLETE;
}

static void ignore(struct upstream_request *request)
{
	(void)request;
}

static const struct upstream_request_events events = {
	.ready = on_ready,
	.failed = on_failed,
	.headers = on_headers,
	.data = on_data,
	.reset = on_reset,
	.complete = on_complete,
	.blocked = ignore,
	.unblocked = ignore,
};

static struct call *start(unsigned n)
{
	struct call *call = &calls[n];
	struct pick pick = {0};
	struct worker_host *host = cluster_worker_pick(cluster(), &pick);

	assert_non_null(host);
	call->outcome = WAITING;
	call->status = call->body = 0;
	upstream_request_start(&call->request, host, STREAM_PROTOCOL_HTTP11, &call->arena, &events);
	return call;
}

static void await(const struct call *call, enum outcome outcome)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;

	while (call->outcome != outcome) {
		loop_turn(&f.loop, true);
		if (loop_now_ms(&f.loop) > deadline_ms)
			fail_msg("outcome %d, wanted %d", (int)call->outcome, (int)outcome);
	}
	loop_turn(&f.loop, false); /* the end of that turn */
}

static void await_open(unsigned n)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	struct timer tick;

	timer_init(&tick, NULL);
	while (SERVER_GET(f.server.open) != n) {
		usleep(1000);
		loop_turn(&f.loop, false);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
}

/* --- tests */

static void connections_are_reused_the_latest_first(void **context)
{
	(void)context;
	simple();
	await(start(0), COMPLETE);
	assert_int_equal(calls[0].status, 200);
	assert_int_equal(calls[0].body, 2);
	await(start(1), COMPLETE);
	assert_true(calls[1].request.is_conn_reused);
	assert_int_equal(SERVER_GET(f.server.accepted), 1);

	SERVER_SET(f.server.is_held, true);
	start(0);
	start(1);
	await(&calls[0], READY);
	await(&calls[1], READY);
	SERVER_SET(f.server.is_held, false);
	await(&calls[0], COMPLETE);
	await(&calls[1], COMPLETE);
	assert_int_equal(SERVER_GET(f.server.accepted), 2);
	uint64_t first = calls[2].conn_id;
	await(start(2), COMPLETE);
	first = calls[2].conn_id;
	for (int i = 0; i < 3; i++) {
		await(start(3), COMPLETE);
		assert_int_equal(calls[3].conn_id, first);
	}
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 2);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_TOTAL), 8);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_ACTIVE), 0);
}

static void connections_and_pending_requests_are_limited(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->breakers[0].max_connections = f.cluster->breakers[0].max_pending = 1;
	add_host(f.server.port);
	publish();
	SERVER_SET(f.server.is_held, true);
	await(start(0), READY);
	assert_int_equal(stat_of(CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_CX_OPEN), 1);
	assert_int_equal(start(1)->outcome, WAITING);
	assert_int_equal(start(2)->outcome, FAILED);
	assert_int_equal(calls[2].reason, REPLY_OVERFLOW);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_PENDING_OVERFLOW), 1);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_OVERFLOW), 1);
	SERVER_SET(f.server.is_held, false);
	await(&calls[0], COMPLETE);
	await(&calls[1], COMPLETE);
	assert_int_equal(calls[0].conn_id, calls[1].conn_id);
	assert_int_equal(SERVER_GET(f.server.accepted), 1);
}

static void requests_are_limited_by_priority(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->breakers[0].max_requests = 1;
	add_host(f.server.port);
	publish();
	SERVER_SET(f.server.is_held, true);
	await(start(0), READY);
	await(start(1), FAILED);
	assert_int_equal(calls[1].reason, REPLY_OVERFLOW);
	assert_int_equal(stat_of(CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN), 1);
	calls[2].request.priority = CLUSTER_PRIORITY_HIGH;
	await(start(2), READY);
	SERVER_SET(f.server.is_held, false);
	await(&calls[0], COMPLETE);
	await(&calls[2], COMPLETE);
	assert_int_equal(stat_of(CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN), 0);
}

/* A host always gets one connection, or its requests would wait for ever. */
static void the_first_connection_is_over_the_limit(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->breakers[0].max_connections = 0;
	add_host(f.server.port);
	publish();
	await(start(0), COMPLETE);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_OVERFLOW), 1);
}

static void refused_connections_fail_requests_and_are_reported(void **context)
{
	struct http_server gone;
	(void)context;
	http_server_start(&gone);
	http_server_stop(&gone);
	make_cluster();
	f.cluster->outlier = ARENA_NEW(&f.cluster->published.arena, struct outlier_config);
	f.cluster->outlier->consecutive_5xx = 3;
	add_host(gone.port);
	publish();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.reports, 0);
		await(start(i), FAILED);
		assert_int_equal(calls[i].reason, REPLY_CONNECT_FAILURE);
	}
	assert_int_equal(f.reports, 1);
	assert_int_equal(f.causes, 1 << OUTLIER_CAUSE_5XX);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_CONNECT_FAIL), 3);
}

static void bad_answers_are_reported(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->outlier = ARENA_NEW(&f.cluster->published.arena, struct outlier_config);
	f.cluster->outlier->consecutive_5xx = 2;
	add_host(f.server.port);
	publish();
	SERVER_SET(f.server.answer, "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
	await(start(0), COMPLETE);
	SERVER_SET(f.server.answer, "HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n");
	await(start(0), COMPLETE);
	SERVER_SET(f.server.answer, "HTTP/1.1 503 No\r\nx-envoy-immediate-health-check-fail: 1\r\n"
				    "content-length: 0\r\n\r\n");
	await(start(0), COMPLETE);
	assert_int_equal(f.reports, 1);
	assert_int_equal(f.causes, 0);
	SERVER_SET(f.server.answer, "");
	await(start(0), RESET);
	await(start(0), RESET);
	assert_int_equal(f.causes, 1 << OUTLIER_CAUSE_5XX);
}

static void successes_are_told_each_interval(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->outlier = ARENA_NEW(&f.cluster->published.arena, struct outlier_config);
	*f.cluster->outlier = (struct outlier_config){.interval_ms = 30,
						      .enforcing_success_rate = 100,
						      .consecutive_5xx = 100,
						      .consecutive_gateway = 100};
	add_host(f.server.port);
	publish();
	await(start(0), COMPLETE);
	await(start(0), COMPLETE);
	SERVER_SET(f.server.answer, "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
	await(start(0), COMPLETE);
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (f.told_requests < 3) {
		loop_turn(&f.loop, true);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_int_equal(f.told_requests, 3);
	assert_int_equal(f.told_successes, 2);
}

static void idle_connections_are_closed(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->http.idle_timeout_ms = 40;
	add_host(f.server.port);
	publish();
	await(start(0), COMPLETE);
	await_open(0);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_IDLE_TIMEOUT), 1);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 0);
}

static void a_connection_serves_so_many_requests(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->http.max_requests_per_connection = 2;
	add_host(f.server.port);
	publish();
	for (unsigned i = 0; i < 4; i++)
		await(start(0), COMPLETE);
	assert_int_equal(SERVER_GET(f.server.accepted), 2);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_MAX_REQUESTS), 2);
	await_open(0);
}

static void a_connection_that_ended_is_not_picked(void **context)
{
	(void)context;
	simple();
	await(start(0), COMPLETE);
	SERVER_SET(f.server.closes_idle, true);
	await_open(0);
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (stat_of(CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE) != 1 &&
	       loop_now_ms(&f.loop) < deadline_ms)
		loop_turn(&f.loop, true);
	await(start(1), COMPLETE);
	assert_false(calls[1].request.is_conn_reused);
	assert_int_equal(SERVER_GET(f.server.accepted), 2);
}

static void a_removed_host_ends_its_requests_first(void **context)
{
	struct http_server other;
	(void)context;
	http_server_start(&other);
	simple();
	await(start(0), COMPLETE);
	SERVER_SET(f.server.is_held, true);
	await(start(0), READY);
	await(start(1), READY);
	plan_init(&f.plan);
	add_host(other.port);
	publish_hosts();
	await(start(2), COMPLETE);
	assert_int_equal(SERVER_GET(other.accepted), 1);
	assert_int_equal(cluster()->host_count, 2);
	SERVER_SET(f.server.is_held, false);
	await(&calls[0], COMPLETE);
	await(&calls[1], COMPLETE);
	await_open(0);
	assert_int_equal(cluster()->host_count, 1);
	http_server_stop(&other);
}

static void remove_cluster(void)
{
	pin_table_set(&f.pins, PUBLISHED_CLUSTER, SLOT, NULL);
	pin_table_set(&f.pins, PUBLISHED_HOST_SET, SLOT, NULL);
	upstream_worker_changed(f.upstream, PUBLISHED_CLUSTER, SLOT);
	assert_null(cluster_worker_find(f.upstream, SLOT));
}

static void a_removed_cluster_ends_its_requests_first(void **context)
{
	(void)context;
	simple();
	SERVER_SET(f.server.is_held, true);
	await(start(0), READY);
	struct cluster_worker *cw = cluster_worker_hold(cluster());
	remove_cluster();
	SERVER_SET(f.server.is_held, false);
	await(&calls[0], COMPLETE);
	assert_int_equal(calls[0].status, 200);
	assert_int_equal(cw->host_count, 0);
	cluster_worker_release(cw);
}

/* As if so many hosts had been called. */
static void use_hosts(uint32_t count)
{
	simple();
	for (uint32_t i = 0; i < count; i++) {
		struct host *host =
			host_new(&(struct addr){.family = ADDR_IPV4,
						.port = 80,
						.ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}},
				 SLICE(""));
		worker_host_get(cluster(), host);
		host_drop(host);
	}
}

static void hosts_of_a_removed_cluster_go_by_and_by(void **context)
{
	unsigned turns = 0;
	(void)context;
	use_hosts(6000);
	struct cluster_worker *cw = cluster_worker_hold(cluster());
	remove_cluster();
	assert_true(cw->host_count > 4000);
	while (cw->host_count && ++turns < 1000)
		loop_turn(&f.loop, true);
	assert_int_equal(cw->host_count, 0);
	assert_false(list_is_empty(&f.upstream->removed));
	cluster_worker_release(cw);
	assert_true(list_is_empty(&f.upstream->removed));
}

static void it_ends_while_hosts_of_a_removed_cluster_go(void **context)
{
	(void)context;
	use_hosts(6000);
	remove_cluster();
	assert_false(list_is_empty(&f.upstream->removed));
}

/* A connection on its way doesn't keep a host for which nobody waits any more. */
static void a_removed_host_gives_up_connecting(void **context)
{
	struct http_server other;
	(void)context;
	http_server_start(&other);
	simple();
	start(0); /* not connected yet */
	start(1);
	upstream_request_cancel(&calls[0].request);
	plan_init(&f.plan);
	add_host(other.port);
	publish_hosts();
	assert_int_equal(cluster()->host_count, 1);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 2);
	upstream_request_cancel(&calls[1].request);
	assert_int_equal(cluster()->host_count, 0);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 0);
	http_server_stop(&other);
}

/* The worker ends while a host that has left waits for its last answer. */
static void a_removed_host_ends_with_the_worker(void **context)
{
	struct http_server other;
	(void)context;
	http_server_start(&other);
	simple();
	SERVER_SET(f.server.is_held, true);
	await(start(0), READY);
	plan_init(&f.plan);
	add_host(other.port);
	publish_hosts();
	upstream_worker_free(f.upstream);
	assert_int_equal(calls[0].outcome, RESET);
	SERVER_SET(f.server.is_held, false);
	f.upstream = upstream_worker_new(&f.loop, &f.pins, stats_main_shard(f.stats), &f.random);
	http_server_stop(&other);
}

static void requests_may_be_cancelled_at_any_time(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->breakers[0].max_connections = 1;
	add_host(f.server.port);
	publish();
	start(0); /* not connected yet */
	upstream_request_cancel(&calls[0].request);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_CANCELLED), 1);
	SERVER_SET(f.server.is_held, true);
	await(start(1), READY);
	start(2);
	upstream_request_cancel(&calls[1].request); /* its connection can't be used again */
	await(&calls[2], READY);
	SERVER_SET(f.server.is_held, false);
	await(&calls[2], COMPLETE);
	assert_int_equal(calls[0].outcome, WAITING);
	assert_int_equal(calls[1].outcome, READY);
	upstream_request_cancel(&calls[2].request); /* nothing happens */
}

static void destinations_come_and_go(void **context)
{
	struct addr to = {.family = ADDR_IPV4, .port = f.server.port, .ip = {127, 0, 0, 1}};
	struct pick pick = {.address = &to}, nowhere = {0};
	(void)context;
	make_cluster();
	f.cluster->type = CLUSTER_ORIGINAL_DST;
	f.cluster->cleanup_ms = 30;
	f.cluster->http.idle_timeout_ms = 20;
	publish();
	assert_null(cluster_worker_pick(cluster(), &nowhere));
	struct worker_host *host = cluster_worker_pick(cluster(), &pick);
	assert_ptr_equal(cluster_worker_pick(cluster(), &pick), host);
	struct label east = {.key = SLICE("unit"), .kind = LABEL_STRING, .text = SLICE("east")};
	struct narrowing narrowing = {.count = 1, .wishes = {{&east, 1}}};
	pick.narrowing = &narrowing; /* what can't be told apart serves unless it is required */
	assert_ptr_equal(cluster_worker_pick(cluster(), &pick), host);
	narrowing.is_required = true;
	assert_null(cluster_worker_pick(cluster(), &pick));
	pick.narrowing = NULL;
	calls[0].outcome = WAITING;
	upstream_request_start(&calls[0].request, host, STREAM_PROTOCOL_HTTP11, &calls[0].arena,
			       &events);
	await(&calls[0], COMPLETE);
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (cluster()->host_count) {
		loop_turn(&f.loop, true);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_non_null(cluster_worker_pick(cluster(), &pick));
}

static void an_only_host_is_remembered_while_it_is_well(void **context)
{
	(void)context;
	simple();
	assert_null(cluster_worker_only(cluster()));
	await(start(0), COMPLETE);
	struct worker_host *only = cluster_worker_only(cluster());
	assert_ptr_equal(only, calls[0].request.host);
	struct pick pick = {.index = 7, .was_panic = true};
	assert_ptr_equal(cluster_worker_pick(cluster(), &pick), only);
	assert_int_equal(pick.index, 0);
	assert_false(pick.was_panic);

	host_health_set(only->host, HOST_FAILED_ACTIVE_CHECK, 0);
	assert_null(cluster_worker_only(cluster()));
	host_health_set(only->host, 0, HOST_FAILED_ACTIVE_CHECK);
	assert_ptr_equal(cluster_worker_only(cluster()), only);
	host_readonly_said(only->host);
	assert_null(cluster_worker_only(cluster()));
	assert_ptr_equal(cluster_worker_pick(cluster(), &pick), only);
	host_readonly_over(only->host, false, loop_now_ms(&f.loop));
	assert_ptr_equal(cluster_worker_pick(cluster(), &pick), only);
	assert_ptr_equal(cluster_worker_only(cluster()), only);

	add_host(f.server.port == 1 ? 2 : 1); /* a second one */
	publish_hosts();
	assert_null(cluster_worker_only(cluster()));
	cluster_worker_pick(cluster(), &pick);
	cluster_worker_pick(cluster(), &pick);
	assert_null(cluster_worker_only(cluster()));
}

/* The worker was held up longer than a connect may take; the host was not. */
static void a_late_worker_does_not_blame_the_host(void **context)
{
	(void)context;
	make_cluster()->connect_timeout_ms = 10;
	add_host(f.server.port);
	publish();
	struct call *call = start(0);
	assert_int_equal(call->outcome, WAITING);
	usleep(100000);
	await(call, COMPLETE);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_CONNECT_TIMEOUT), 0);
}

/* --- RPC: what was not sent */

static char sent_again[64];

static void send_rpc(struct upstream_request *request)
{
	struct call *call = of(request);
	struct rpc_head head = {.protocol = RPC_DUBBO, .serialization = 2};
	struct headers headers;
	struct buf body;

	call->outcome = READY;
	headers_init(&headers, &call->arena, 1);
	headers.rpc = &head;
	buf_init(&body, &f.loop.pool);
	buf_append_copy(&body, call == &calls[0] ? SLICE("first") : SLICE("second"));
	upstream_send_headers(request, &headers, false);
	upstream_send_data(request, &body, true);
}

static void on_rpc_reset(struct upstream_request *request, enum reply_reason reason)
{
	struct buf body;

	on_reset(request, reason);
	buf_init(&body, &f.loop.pool);
	of(request)->body = upstream_request_unsent(request, &body) ? body.len : 0;
	buf_peek(&body, sent_again, sizeof sent_again);
	buf_clear(&body);
}

static const struct upstream_request_events rpc_events = {
	.ready = send_rpc,
	.failed = on_failed,
	.reset = on_rpc_reset,
	.blocked = ignore,
	.unblocked = ignore,
};

static struct call *start_rpc(unsigned n)
{
	struct pick pick = {0};

	calls[n].outcome = WAITING;
	upstream_request_start(&calls[n].request, cluster_worker_pick(cluster(), &pick),
			       STREAM_PROTOCOL_DUBBO, &calls[n].arena, &rpc_events);
	return &calls[n];
}

static void what_a_connection_did_not_take_is_there_again(void **context)
{
	(void)context;
	simple();
	struct call *taken = start_rpc(0);
	await(taken, READY); /* and flushed, at the end of that turn */
	struct call *waits = start_rpc(1);
	assert_int_equal(waits->outcome, READY);
	struct upstream_conn *uc = taken->request.conn;
	assert_ptr_equal(waits->request.conn, uc);

	upstream_conn_close(uc, REPLY_CONNECTION_LOST);
	assert_int_equal(taken->outcome, RESET);
	assert_int_equal(waits->outcome, RESET);
	assert_false(taken->request.was_untouched);
	assert_true(waits->request.was_untouched);
	assert_int_equal(taken->body, 0);
	assert_int_equal(waits->body, 6);
	assert_memory_equal(sent_again, "second", 6);
}

static void retry_slots(void **context)
{
	struct retry_slot slots[4] = {{0}};
	(void)context;
	simple();
	for (int i = 0; i < 3; i++)
		assert_true(retry_slot_take(&slots[i], cluster(), CLUSTER_PRIORITY_DEFAULT));
	assert_false(retry_slot_take(&slots[3], cluster(), CLUSTER_PRIORITY_DEFAULT));
	assert_int_equal(stat_of(CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_RETRY_OPEN), 1);
	for (int i = 0; i < 4; i++)
		retry_slot_drop(&slots[i]);
	assert_true(retry_slot_take(&slots[3], cluster(), CLUSTER_PRIORITY_DEFAULT));
	retry_slot_drop(&slots[3]);
	retry_slot_drop(&slots[3]);
	assert_int_equal(cluster()->holds, 0);
}

int main(void)
{
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_FIXTURE(connections_are_reused_the_latest_first),
		IN_FIXTURE(connections_and_pending_requests_are_limited),
		IN_FIXTURE(requests_are_limited_by_priority),
		IN_FIXTURE(the_first_connection_is_over_the_limit),
		IN_FIXTURE(refused_connections_fail_requests_and_are_reported),
		IN_FIXTURE(bad_answers_are_reported),
		IN_FIXTURE(successes_are_told_each_interval),
		IN_FIXTURE(idle_connections_are_closed),
		IN_FIXTURE(a_connection_serves_so_many_requests),
		IN_FIXTURE(a_connection_that_ended_is_not_picked),
		IN_FIXTURE(a_removed_host_ends_its_requests_first),
		IN_FIXTURE(a_removed_cluster_ends_its_requests_first),
		IN_FIXTURE(hosts_of_a_removed_cluster_go_by_and_by),
		IN_FIXTURE(it_ends_while_hosts_of_a_removed_cluster_go),
		IN_FIXTURE(a_removed_host_gives_up_connecting),
		IN_FIXTURE(a_removed_host_ends_with_the_worker),
		IN_FIXTURE(requests_may_be_cancelled_at_any_time),
		IN_FIXTURE(destinations_come_and_go),
		IN_FIXTURE(an_only_host_is_remembered_while_it_is_well),
		IN_FIXTURE(a_late_worker_does_not_blame_the_host),
		IN_FIXTURE(what_a_connection_did_not_take_is_there_again),
		IN_FIXTURE(retry_slots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
