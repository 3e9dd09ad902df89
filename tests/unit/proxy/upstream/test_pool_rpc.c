/* Shared connections to Dubbo providers: which hosts and connections get calls while providers say
 * READONLY, fall silent, or have more calls in flight than one connection should carry. */
#include "worker_fixture.h"

#include <fcntl.h>
#include <poll.h>

#include "codec/dubbo_frame.h"
#include "upstream/reserve.h"
#include "upstream/request.h"

enum { PROVIDERS = 3, CONNS = 8, CALLS = 2600 };

enum outcome {
	WAITING,
	SENT,
	FAILED,
	RESET,
	ANSWERED,
};

struct call {
	struct upstream_request request;
	struct arena arena;
	enum outcome outcome;
};

/* Of this thread: its sockets are looked at between the turns of the loop. */
struct provider {
	int listener, conns[CONNS];
	unsigned count;
	uint16_t port;
};

static struct call calls[CALLS];
static struct provider providers[PROVIDERS];

/* --- providers */

static void provider_listen(struct provider *p, uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t len = sizeof addr;
	int on = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(p->listener >= 0);
	setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(listen(p->listener, 16), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&addr, &len), 0);
	p->port = ntohs(addr.sin_port);
}

static void hang_up(struct provider *p)
{
	for (unsigned i = 0; i < p->count; i++)
		close(p->conns[i]);
	p->count = 0;
	if (p->listener >= 0)
		close(p->listener);
	p->listener = -1;
}

static void turn(void)
{
	usleep(500);
	loop_turn(&f.loop, false);
}

static void accept_all(struct provider *p)
{
	struct pollfd poll_fd = {.fd = p->listener, .events = POLLIN};

	while (poll(&poll_fd, 1, 0) == 1) {
		assert_true(p->count < CONNS);
		p->conns[p->count] = accept(p->listener, NULL, NULL);
		assert_true(p->conns[p->count++] >= 0);
	}
}

static void await_conns(struct provider *p, unsigned count)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;

	for (accept_all(p); p->count < count; accept_all(p)) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_int_equal(p->count, count);
}

/* The next frame from the proxy; its flag, or -1 when there is none yet. */
static int take(struct provider *p, unsigned conn, uint64_t *id)
{
	struct dubbo_frame frame;
	char head[DUBBO_HEADER_SIZE], body[64];

	if (recv(p->conns[conn], head, sizeof head, MSG_PEEK | MSG_DONTWAIT) < DUBBO_HEADER_SIZE)
		return -1;
	enum status status = dubbo_frame_read(slice_make(head, sizeof head), 64, &frame);
	assert_true(!status || status == STATUS_AGAIN);
	assert_int_equal(recv(p->conns[conn], head, sizeof head, 0), sizeof head);
	assert_int_equal(recv(p->conns[conn], body, frame.body_len, MSG_WAITALL), frame.body_len);
	*id = frame.id;
	return frame.flag;
}

static int await_frame(struct provider *p, unsigned conn, uint64_t *id)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	int flag;

	while ((flag = take(p, conn, id)) < 0) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	return flag;
}

static void say(struct provider *p, unsigned conn, uint8_t flag, uint8_t status, uint64_t id,
		const char *body)
{
	char frame[64];
	size_t len = strlen(body);

	dubbo_frame_write(frame, &(struct dubbo_frame){id, (uint32_t)len, flag, status});
	memcpy(frame + DUBBO_HEADER_SIZE, body, len);
	assert_int_equal(send(p->conns[conn], frame, DUBBO_HEADER_SIZE + len, 0),
			 DUBBO_HEADER_SIZE + len);
}

static void answer(struct provider *p, unsigned conn, uint64_t id)
{
	say(p, conn, DUBBO_HESSIAN2, DUBBO_OK, id, "\x91N");
}

static void answer_heartbeat(struct provider *p, unsigned conn, uint64_t id)
{
	say(p, conn, DUBBO_FLAG_EVENT | DUBBO_HESSIAN2, DUBBO_OK, id, "N");
}

/* Of a provider that has taken all its calls. */
static void answer_heartbeats(struct provider *p)
{
	uint64_t id;

	for (unsigned c = 0; c < p->count; c++)
		while (take(p, c, &id) == 0xe2)
			answer_heartbeat(p, c, id);
}

static void event(struct provider *p, unsigned conn, const char *body)
{
	say(p, conn, DUBBO_FLAG_REQUEST | DUBBO_FLAG_EVENT | DUBBO_HESSIAN2, 0, 0, body);
}

/* --- calls */

static struct call *of(struct upstream_request *request)
{
	return container_of(request, struct call, request);
}

static void on_ready(struct upstream_request *request)
{
	struct call *call = of(request);
	struct rpc_head head = {.protocol = RPC_DUBBO, .serialization = DUBBO_HESSIAN2};
	struct headers headers;
	struct buf body;

	call->outcome = SENT;
	headers_init(&headers, &call->arena, 1);
	headers.rpc = &head;
	buf_init(&body, &f.loop.pool);
	buf_append_copy(&body, SLICE("call"));
	upstream_send_headers(request, &headers, false);
	upstream_send_data(request, &body, true);
}

static void on_failed(struct upstream_request *request, enum reply_reason reason,
		      struct slice details)
{
	(void)reason;
	(void)details;
	of(request)->outcome = FAILED;
}

static void on_headers(struct upstream_request *request, struct headers *headers, bool is_end)
{
	(void)request;
	(void)headers;
	(void)is_end;
}

static void on_data(struct upstream_request *request, struct buf *data, bool is_end)
{
	(void)request;
	(void)is_end;
	buf_clear(data);
}

static void on_reset(struct upstream_request *request, enum reply_reason reason)
{
	(void)reason;
	of(request)->outcome = RESET;
}

static void on_complete(struct upstream_request *request)
{
	of(request)->outcome = ANSWERED;
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

static struct call *call_on(unsigned n, struct worker_host *host)
{
	calls[n].outcome = WAITING;
	upstream_request_start(&calls[n].request, host, STREAM_PROTOCOL_DUBBO, &calls[n].arena,
			       &events);
	return &calls[n];
}

static struct worker_host *pick(void)
{
	struct worker_host *host = cluster_worker_pick(cluster(), &(struct pick){0});
	assert_non_null(host);
	return host;
}

static struct call *call(unsigned n)
{
	return call_on(n, pick());
}

static void await(const struct call *one, enum outcome outcome)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;

	while (one->outcome != outcome) {
		turn();
		if (loop_now_ms(&f.loop) > deadline_ms)
			fail_msg("outcome %d, wanted %d", (int)one->outcome, (int)outcome);
	}
	turn();
}

static struct worker_host *host_of(const struct provider *p)
{
	for (uint32_t i = 0; i < f.hosts->count; i++)
		if (f.hosts->hosts[i]->addr.port == p->port)
			return worker_host_get(cluster(), f.hosts->hosts[i]);
	fail_msg("no such host");
	return NULL;
}

static bool is_picked(const struct provider *p)
{
	for (unsigned i = 0; i < 64; i++)
		if (pick()->host->addr.port == p->port)
			return true;
	return false;
}

/* Until the picks of the worker do (not) come to it. */
static void await_picked(const struct provider *p, bool wanted)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;

	while (is_picked(p) != wanted) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
}

/* --- the fixture */

static int begin(void **context)
{
	(void)context;
	fixture_begin();
	memset(calls, 0, sizeof calls);
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		arena_init(&calls[i].arena, 256);
	for (size_t i = 0; i < COUNT_OF(providers); i++) {
		providers[i].count = 0;
		provider_listen(&providers[i], 0);
	}
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
	for (size_t i = 0; i < COUNT_OF(providers); i++)
		hang_up(&providers[i]);
	return 0;
}

static void with(unsigned count)
{
	make_cluster();
	for (int i = 0; i < CLUSTER_PRIORITIES; i++)
		f.cluster->breakers[i].max_requests = f.cluster->breakers[i].max_pending = CALLS;
	for (unsigned i = 0; i < count; i++)
		add_host(providers[i].port);
	publish();
}

/* One answered call to each of the providers. */
static void warm_up(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t id;
		struct call *one = call_on(0, host_of(&providers[i]));
		await_conns(&providers[i], 1);
		assert_int_equal(await_frame(&providers[i], 0, &id), 0xc2);
		answer(&providers[i], 0, id);
		await(one, ANSWERED);
	}
}

/* --- READONLY */

static void a_readonly_host_gets_no_call_of_any_worker(void **context)
{
	struct loop loop;
	struct pin_table pins;
	struct random random;
	(void)context;

	with(3);
	warm_up(3);
	/* A second worker, which never heard of the event. */
	assert_int_equal(loop_init(&loop, &f), STATUS_OK);
	pin_table_init(&pins, give_back);
	random_init(&random, 7);
	struct upstream_worker *other =
		upstream_worker_new(&loop, &pins, stats_main_shard(f.stats), &random);
	f.hosts->published.references++;
	pin_table_set(&pins, PUBLISHED_HOST_SET, SLOT, &f.hosts->published);
	f.cluster->published.references++;
	pin_table_set(&pins, PUBLISHED_CLUSTER, SLOT, &f.cluster->published);
	upstream_worker_changed(other, PUBLISHED_CLUSTER, SLOT);

	event(&providers[1], 0, "\1R");
	await_picked(&providers[1], false);
	unsigned seen[3] = {0};
	for (unsigned i = 0; i < 60; i++) {
		struct cluster_worker *cw = cluster_worker_find(other, SLOT);
		struct worker_host *host = cluster_worker_pick(cw, &(struct pick){0});
		for (unsigned p = 0; p < 3; p++)
			seen[p] += host->host->addr.port == providers[p].port;
	}
	assert_int_equal(seen[1], 0);
	assert_true(seen[0] > 10 && seen[2] > 10);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_CLOSE_NOTIFY), 1);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE),
			 3); /* it may be told otherwise */

	event(&providers[1], 0, "\1W");
	await_picked(&providers[1], true);

	upstream_worker_free(other);
	loop_settle(&loop);
	pin_table_fini(&pins);
	loop_fini(&loop);
}

static void one_is_picked_when_all_are_readonly(void **context)
{
	uint64_t id;
	(void)context;

	with(2);
	warm_up(2);
	event(&providers[0], 0, "\1R");
	await_picked(&providers[0], false);
	event(&providers[0], 0, "\1R"); /* Dubbo 3.3 says so twice */
	event(&providers[1], 0, "\1R");
	await_picked(&providers[0], true);
	assert_true(is_picked(&providers[1]));
	struct call *one = call_on(0, host_of(&providers[0]));
	await_frame(&providers[0], 0, &id); /* on the connection that is there */
	answer(&providers[0], 0, id);
	await(one, ANSWERED);
	event(&providers[0], 0, "\1W");
	await_picked(&providers[1], false);
	assert_true(is_picked(&providers[0]));
}

static void calls_under_way_end_on_a_readonly_connection(void **context)
{
	uint64_t id;
	(void)context;

	with(2);
	warm_up(2);
	struct call *one = call_on(0, host_of(&providers[0]));
	await_frame(&providers[0], 0, &id);
	event(&providers[0], 0, "\1R");
	await_picked(&providers[0], false);
	answer(&providers[0], 0, id);
	await(one, ANSWERED);
	await_conns(&providers[0], 1);
}

/* It rests when it has gone; who is started again on its address is a new provider. */
static void a_restarted_provider_is_picked_again(void **context)
{
	(void)context;
	with(2);
	warm_up(2);
	event(&providers[0], 0, "\1R");
	await_picked(&providers[0], false);
	uint16_t port = providers[0].port;
	hang_up(&providers[0]);
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (stat_of(CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE) < 1) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_false(is_picked(&providers[0]));

	provider_listen(&providers[0], port);
	struct worker_host *host = host_of(&providers[0]);
	uint64_t now_ms = loop_now_ms(&f.loop);
	assert_true(host_readonly_lasts(host->host, now_ms + HOST_REST_MS - 10000));
	assert_true(host_is_readonly(host->host, now_ms));
	uint64_t id;
	struct call *one = call_on(0, host); /* as if all were READONLY */
	await_conns(&providers[0], 1);
	await_frame(&providers[0], 0, &id);
	answer(&providers[0], 0, id);
	await(one, ANSWERED);
	assert_true(is_picked(&providers[0]));
}

static void a_rest_ends_by_time(void **context)
{
	struct addr addr = {.family = ADDR_IPV4, .port = 80};
	struct host *host = host_new(&addr, SLICE(""));
	(void)context;

	simple();
	assert_false(host_is_readonly(host, 5));
	host_readonly_said(host);
	host_readonly_said(host); /* two connections */
	assert_true(host_is_readonly(host, UINT32_MAX));
	host_readonly_over(host, true, 1000);
	host_readonly_connected(host); /* a grown one: the provider is still the same */
	assert_true(host_is_readonly(host, 1000 + HOST_REST_MS));
	host_readonly_over(host, true, 2000);
	assert_true(host_is_readonly(host, 1999 + HOST_REST_MS));
	assert_false(host_is_readonly(host, 2000 + HOST_REST_MS));
	assert_int_equal(host_health(host), 0);
	host_readonly_said(host);
	host_readonly_over(host, false, 3000);
	assert_false(host_is_readonly(host, 3000));
	host_drop(host);
}

/* Most of many are READONLY: no run of attempts finds the last one, and it is found. */
static void the_last_writeable_host_is_found(void **context)
{
	(void)context;
	make_cluster();
	for (uint32_t i = 0; i < 200; i++)
		plan_endpoint(&f.plan, i, 1);
	publish();
	for (uint32_t i = 0; i < 200; i++)
		if (i != 77)
			host_readonly_said(f.hosts->hosts[i]);
	for (unsigned i = 0; i < 500; i++)
		assert_ptr_equal(pick()->host, f.hosts->hosts[77]);
	host_health_set(f.hosts->hosts[77], HOST_FAILED_ACTIVE_CHECK, 0);
	assert_ptr_not_equal(pick()->host, f.hosts->hosts[77]);
}

/* --- silence */

static void a_lost_heartbeat_takes_a_connection_out(void **context)
{
	uint64_t id, heartbeat, late;
	(void)context;

	make_cluster();
	f.cluster->http.keepalive_interval_ms = 30;
	f.cluster->http.keepalive_timeout_ms = 60;
	add_host(providers[0].port);
	publish();
	struct provider *p = &providers[0];
	struct call *one = call(0);
	await_conns(p, 1);
	assert_int_equal(await_frame(p, 0, &id), 0xc2);
	assert_int_equal(await_frame(p, 0, &heartbeat), 0xe2);
	answer_heartbeat(p, 0, heartbeat);
	assert_int_equal(await_frame(p, 0, &heartbeat), 0xe2); /* and the next */
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (!stat_of(CLUSTER_STAT_UPSTREAM_CX_HEARTBEAT_LOST)) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_int_equal(one->outcome, SENT); /* it goes on */

	struct call *two = call(1);
	await_conns(p, 2);
	assert_int_equal(await_frame(p, 1, &late), 0xc2);
	answer(p, 1, late);
	await(two, ANSWERED);
	answer(p, 0, id); /* it was only slow */
	await(one, ANSWERED);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 2);
	call(2);
	assert_int_equal(await_frame(p, 0, &id), 0xc2); /* the one that was heard last */
}

static void a_silent_connection_without_calls_is_closed(void **context)
{
	uint64_t id;
	(void)context;

	make_cluster();
	f.cluster->http.keepalive_interval_ms = f.cluster->http.keepalive_timeout_ms = 20;
	add_host(providers[0].port);
	publish();
	warm_up(1);
	assert_int_equal(await_frame(&providers[0], 0, &id), 0xe2);
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE)) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_HEARTBEAT_LOST), 1);
}

static void idle_connections_are_closed(void **context)
{
	(void)context;
	make_cluster();
	f.cluster->http.keepalive_interval_ms = 1000;
	f.cluster->http.idle_timeout_ms = 40;
	add_host(providers[0].port);
	add_host(providers[1].port);
	publish();
	warm_up(2);
	event(&providers[1], 0, "\1R"); /* waits for W */
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE) > 1) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	for (unsigned i = 0; i < 200; i++)
		turn();
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_IDLE_TIMEOUT), 1);
	assert_true(host_of(&providers[1])->pools[STREAM_PROTOCOL_DUBBO]->conn_count == 1);
}

/* --- growth */

static void connections_grow_with_the_calls_in_flight(void **context)
{
	struct provider *p = &providers[0];
	static uint64_t ids[2][CALLS];
	unsigned counts[2] = {0}, heartbeats[2] = {0};
	(void)context;

	make_cluster();
	f.cluster->http.keepalive_interval_ms = 200;
	f.cluster->http.keepalive_timeout_ms = 5000;
	for (int i = 0; i < CLUSTER_PRIORITIES; i++)
		f.cluster->breakers[i].max_requests = f.cluster->breakers[i].max_pending = CALLS;
	add_host(p->port);
	publish();
	warm_up(1);
	for (unsigned i = 0; i < MULTIPLEX_MARK; i++)
		call(i);
	for (unsigned i = 0; i < 20; i++)
		turn();
	await_conns(p, 1); /* one is enough */
	call(MULTIPLEX_MARK);
	await_conns(p, 2);
	for (unsigned i = 0; i < 20; i++)
		turn();
	for (unsigned i = MULTIPLEX_MARK + 1; i < 2 * MULTIPLEX_MARK; i++)
		call(i);
	/* Its answers take so long that each connection is asked whether it lives. */
	for (unsigned c = 0; c < 2; c++) {
		uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
		while (counts[c] < (c ? MULTIPLEX_MARK - 1 : MULTIPLEX_MARK + 1) ||
		       !heartbeats[c]) {
			uint64_t *id = &ids[c][counts[c]];
			int flag = take(p, c, id);
			counts[c] += flag == 0xc2;
			heartbeats[c] += flag == 0xe2;
			if (flag == 0xe2)
				answer_heartbeat(p, c, *id);
			else if (flag < 0)
				turn();
			assert_true(loop_now_ms(&f.loop) < deadline_ms);
		}
	}
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 2);
	for (unsigned c = 0; c < 2; c++)
		for (unsigned i = 0; i < counts[c]; i++) {
			answer(p, c, ids[c][i]);
			if (i % 64)
				continue;
			turn();
			answer_heartbeats(p);
		}
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	for (unsigned i = 0; i < 2 * MULTIPLEX_MARK; i++)
		while (calls[i].outcome != ANSWERED) {
			turn();
			answer_heartbeats(p);
			assert_true(loop_now_ms(&f.loop) < deadline_ms);
		}
	/* One is too many now, and closed; the last one stays. */
	while (stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE) == 2) {
		turn();
		answer_heartbeats(p);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 1);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_DESTROY_WITH_ACTIVE_RQ), 0);
}

static void a_readonly_host_is_not_grown(void **context)
{
	(void)context;
	with(1);
	warm_up(1);
	event(&providers[0], 0, "\1R");
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (!host_is_readonly(f.hosts->hosts[0], loop_now_ms(&f.loop))) {
		turn();
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	for (unsigned i = 0; i < MULTIPLEX_MARK + 10; i++)
		assert_int_equal(call(i)->outcome, SENT); /* there is no other */
	for (unsigned i = 0; i < 40; i++)
		turn();
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_TOTAL), 1);
}

/* --- what a provider may not do */

static void odd_frames_of_a_provider_are_counted(void **context)
{
	uint64_t id;
	(void)context;

	with(1);
	warm_up(1);
	struct call *one = call(0);
	await_frame(&providers[0], 0, &id);
	answer(&providers[0], 0, id + (UINT64_C(1) << 32));
	say(&providers[0], 0, DUBBO_FLAG_REQUEST | DUBBO_FLAG_TWOWAY | DUBBO_HESSIAN2, 0, 99, "?");
	answer(&providers[0], 0, id);
	answer(&providers[0], 0, id);
	await(one, ANSWERED);
	assert_int_equal(await_frame(&providers[0], 0, &id), DUBBO_HESSIAN2);
	assert_int_equal(id, 99);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_UNKNOWN_ANSWER), 2);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_RQ_FROM_PROVIDER), 1);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 1);
}

/* --- connections of one client */

static struct call *call_in(unsigned n, struct reserve *reserve)
{
	calls[n].request.reserve = reserve;
	return call(n);
}

static void a_reserve_has_a_connection_for_itself(void **context)
{
	struct provider *p = &providers[0];
	struct reserve one, two;
	uint64_t ids[4];
	(void)context;

	reserve_init(&one);
	reserve_init(&two);
	with(1);
	warm_up(1); /* the shared one */
	call_in(1, &one);
	await_conns(p, 2);
	await_frame(p, 1, &ids[0]);
	call_in(2, &two);
	await_conns(p, 3);
	await_frame(p, 2, &ids[1]);
	call_in(3, &one);
	await_frame(p, 1, &ids[2]);
	call_in(4, NULL);
	await_frame(p, 0, &ids[3]);
	assert_int_equal(worker_host_counts(pick()).cx_active, 3);
	answer(p, 1, ids[2]);
	answer(p, 2, ids[1]);
	await(&calls[3], ANSWERED);
	await(&calls[2], ANSWERED);

	upstream_request_cancel(&calls[1].request); /* its client leaves */
	reserve_end(&one);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 2);
	reserve_end(&two);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 1);
	answer(p, 0, ids[3]);
	await(&calls[4], ANSWERED);
}

static void reserves_outlive_their_connections_and_hosts(void **context)
{
	struct reserve reserve, waits;
	uint64_t id;
	(void)context;

	reserve_init(&reserve);
	reserve_init(&waits);
	with(1);
	call_in(0, &reserve);
	await_conns(&providers[0], 1);
	await_frame(&providers[0], 0, &id);
	close(providers[0].conns[0]);
	providers[0].count = 0;
	await(&calls[0], RESET);
	call_in(0, &reserve); /* another one */
	await_conns(&providers[0], 1);
	await_frame(&providers[0], 0, &id);
	call_in(1, &waits); /* connects when the host goes */
	assert_int_equal(calls[1].outcome, WAITING);

	plan_init(&f.plan);
	add_host(providers[1].port);
	publish_hosts();
	assert_int_equal(cluster()->host_count, 1);
	upstream_request_cancel(&calls[1].request);
	answer(&providers[0], 0, id);
	await(&calls[0], ANSWERED);
	assert_int_equal(cluster()->host_count, 0);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 0);
	assert_true(list_is_empty(&reserve.pools));

	call_in(0, &reserve);
	await_conns(&providers[1], 1);
	await_frame(&providers[1], 0, &id);
	upstream_request_cancel(&calls[0].request);
	reserve_end(&reserve);
	reserve_end(&waits);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 0);
}

static void a_reserve_to_nowhere_fails(void **context)
{
	struct reserve reserve;
	(void)context;

	reserve_init(&reserve);
	with(1);
	hang_up(&providers[0]);
	await(call_in(0, &reserve), FAILED);
	await(call_in(0, &reserve), FAILED);
	reserve_end(&reserve);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 0);
}

/* The worker ends before the client's connection does. */
static void a_reserve_that_outlives_the_worker_s_hosts(void **context)
{
	static struct reserve reserve;
	uint64_t id;
	(void)context;

	reserve_init(&reserve);
	with(1);
	call_in(0, &reserve);
	await_conns(&providers[0], 1);
	await_frame(&providers[0], 0, &id);
	answer(&providers[0], 0, id);
	await(&calls[0], ANSWERED);
}

int main(void)
{
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_FIXTURE(a_readonly_host_gets_no_call_of_any_worker),
		IN_FIXTURE(one_is_picked_when_all_are_readonly),
		IN_FIXTURE(calls_under_way_end_on_a_readonly_connection),
		IN_FIXTURE(a_restarted_provider_is_picked_again),
		IN_FIXTURE(a_rest_ends_by_time),
		IN_FIXTURE(the_last_writeable_host_is_found),
		IN_FIXTURE(a_lost_heartbeat_takes_a_connection_out),
		IN_FIXTURE(a_silent_connection_without_calls_is_closed),
		IN_FIXTURE(idle_connections_are_closed),
		IN_FIXTURE(connections_grow_with_the_calls_in_flight),
		IN_FIXTURE(a_readonly_host_is_not_grown),
		IN_FIXTURE(odd_frames_of_a_provider_are_counted),
		IN_FIXTURE(a_reserve_has_a_connection_for_itself),
		IN_FIXTURE(reserves_outlive_their_connections_and_hosts),
		IN_FIXTURE(a_reserve_to_nowhere_fails),
		IN_FIXTURE(a_reserve_that_outlives_the_worker_s_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
