/* HTTP/1.1 connections that are given away and adopted: whatever moves when, the client gets the
 * bytes that it gets from a connection that never moves. */
#include "handover_support.h"

#include "manager/http_manager.h"
#include "telemetry/stats_http.h"

enum { RUNS = 60, SCRIPT = 65536, STEPS = 200000 };

static const char config[] =
	"stat_prefix: h\n"
	"http_filters: [{name: r, typed_config: {'@type': "
	"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, "
	"suppress_envoy_headers: true}}]\n"
	"route_config: {name: r, virtual_hosts: [{name: v, domains: ['*'], routes: [\n"
	"  {match: {prefix: /abc}, route: {cluster: abc}},\n"
	"  {match: {prefix: /large}, direct_response: {status: 200, body: {inline_string: "
	"'%s'}}},\n"
	"  {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "
	"'small'}}}]}]}\n";

static int begin(void **state)
{
	static char large[4001];

	(void)state;
	memset(large, 'x', sizeof large - 1);
	handover_begin_test();
	load(&http_connection_manager_filter, arena_printf(&h.arena, config, large));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	handover_end_test();
	return 0;
}

static uint64_t counted(unsigned id)
{
	const struct http_manager *manager = h.config;
	return stat_value(f.stats, manager->stats, id);
}

/* --- the upstream: answers each request with its body, sooner or later */

struct origin_conn {
	int fd;
	char bytes[SCRIPT];
	size_t len;
};

static struct origin {
	struct origin_conn conns[8];
	unsigned count;
} origin;

/* The length of the request that the bytes begin with, and its body; 0: it isn't whole. */
static size_t request_len(const char *bytes, size_t len, struct slice *body)
{
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);
	size_t head = end ? (size_t)(end - bytes) + 4 : 0;
	const char *length = end ? memmem(bytes, head, "content-length: ", 16) : NULL;

	*body = slice_make(bytes + head, length ? strtoul(length + 16, NULL, 10) : 0);
	if (end && memmem(bytes, head, "transfer-encoding", 17)) {
		const char *last = memmem(bytes + head, len - head, "0\r\n\r\n", 5);
		body->len = last ? (size_t)(last - bytes) - head + 5 : SCRIPT;
	}
	return end && head + body->len <= len ? head + body->len : 0;
}

/* What chunks hold: how they are cut is a matter of time. */
static size_t dechunk(char *to, struct slice body)
{
	size_t len = 0;
	char *end;

	for (const char *p = body.data;; p = end + 2) {
		size_t n = strtoul(p, &end, 16);
		if (!n)
			return len;
		memcpy(to + len, end + 2, n);
		len += n;
		end += 2 + n;
	}
}

static void origin_serve(struct origin_conn *conn)
{
	struct slice body;
	ssize_t n = recv(conn->fd, conn->bytes + conn->len, sizeof conn->bytes - conn->len, 0);

	conn->len += n > 0 ? (size_t)n : 0;
	size_t len = request_len(conn->bytes, conn->len, &body);
	if (!len)
		return;
	static char answer[SCRIPT], plain[SCRIPT];
	if (memmem(conn->bytes, (size_t)(body.data - conn->bytes), "transfer-encoding", 17))
		body = slice_make(plain, dechunk(plain, body));
	int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n",
			    body.len);
	memcpy(answer + head, body.data, body.len);
	size_t all = (size_t)head + body.len;
	assert_int_equal(send(conn->fd, answer, all, MSG_NOSIGNAL), all);
	conn->len -= len;
	memmove(conn->bytes, conn->bytes + len, conn->len);
}

static void origin_step(struct random *random)
{
	int fd = accept4(h.provider, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		assert_true(origin.count < COUNT_OF(origin.conns));
		origin.conns[origin.count++] = (struct origin_conn){.fd = fd};
	}
	for (unsigned i = 0; i < origin.count; i++)
		if (!random_below(random, 3))
			origin_serve(&origin.conns[i]);
}

static void origin_end(void)
{
	while (origin.count)
		close(origin.conns[--origin.count].fd);
}

/* --- whole conversations */

static size_t write_script(char *to, struct random *random)
{
	size_t len = 0;

	for (unsigned n = 4 + random_below(random, 20); n; n--) {
		char body[600];
		unsigned size = random_below(random, sizeof body);
		memset(body, 'a' + (int)(n % 26), sizeof body);
		switch (random_below(random, 4)) {
		case 0:
			len += (size_t)sprintf(to + len, "GET /large HTTP/1.1\r\nhost: h\r\n\r\n");
			break;
		case 1:
			len += (size_t)sprintf(to + len, "GET /s HTTP/1.1\r\nhost: h\r\n\r\n");
			break;
		case 2:
			len += (size_t)sprintf(to + len,
					       "POST /abc HTTP/1.1\r\nhost: h\r\ncontent-length: "
					       "%u\r\n\r\n%.*s",
					       size, (int)size, body);
			break;
		default:
			len += (size_t)sprintf(
				to + len,
				"POST /abc HTTP/1.1\r\nhost: h\r\ntransfer-encoding: "
				"chunked\r\n\r\n%x\r\n%.*s\r\n0\r\n\r\n",
				size + 1, (int)size + 1, body);
		}
	}
	len += (size_t)sprintf(to + len,
			       "GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
	assert_true(len < SCRIPT);
	return len;
}

/* It differs by the second. */
static void mask_dates(char *bytes, size_t len)
{
	for (char *p = bytes; (p = memmem(p, len - (size_t)(p - bytes), "\r\ndate: ", 8)); p += 8)
		memset(p + 8, '-', 29);
}

/* The last answer is here; the proxy waits for the client to close. */
static bool is_complete(const struct script *script)
{
	size_t tail = script->seen_len < 100 ? script->seen_len : 100;
	const char *last = script->seen + script->seen_len - tail;

	return tail && memmem(last, tail, "connection: close", 17) &&
	       !memcmp(script->seen + script->seen_len - 5, "small", 5);
}

/* What the client gets for the script. chance: of moving, in each step. */
static struct slice converse(struct script *script, struct random *random, unsigned chance,
			     unsigned *moves, unsigned *busy)
{
	struct mover mover = {.random = random, .chance = chance};

	script->fd = connect_client(&h.sides[0]);
	for (unsigned i = 0; !is_complete(script); i++) {
		assert_true(i < STEPS);
		if (random_below(random, 2))
			script_send(script, 1 + random_below(random, 300));
		if (random_below(random, 2))
			script_receive(script, 1 + random_below(random, 3000));
		origin_step(random);
		turn_both();
		/* The last one is asked to close: it doesn't move any more. */
		if (script->sent + 80 < script->len)
			mover_step(&mover);
		else
			mover_finish(&mover);
	}
	*moves += mover.moves;
	*busy += mover.moves - mover.wholes;
	mask_dates(script->seen, script->seen_len);
	return slice_make(script->seen, script->seen_len);
}

static void a_client_sees_the_same_bytes_wherever_its_connection_is(void **state)
{
	static char bytes[SCRIPT];
	unsigned moves = 0, busy = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct random random;
		random_init(&random, seed);
		size_t len = write_script(bytes, &random);
		struct script still = {.bytes = bytes, .len = len}, moved = still;
		struct slice expected = converse(&still, &random, 0, &moves, &busy);
		struct slice got = converse(&moved, &random, 20, &moves, &busy);
		if (expected.len != got.len || memcmp(expected.data, got.data, got.len))
			fail_msg("seed %lu: %zu bytes for %zu", (unsigned long)seed, got.len,
				 expected.len);
		script_end(&still);
		script_end(&moved);
		origin_end();
	}
	assert_true(moves > RUNS);
	assert_true(busy > RUNS / 2); /* with bytes in a buffer */
	assert_int_equal(counted(HTTP_STAT_DOWNSTREAM_CX_TOTAL), 2 * RUNS);
	assert_int_equal(counted(HTTP_STAT_DOWNSTREAM_CX_DESTROY), 2 * RUNS);
	assert_int_equal(counted(HTTP_STAT_DOWNSTREAM_CX_ACTIVE), 0);
	assert_int_equal(h.sides[0].given + h.sides[1].given, moves);
}

/* --- one by one */

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn_both();
}

static void expect_answer(int fd, const char *body)
{
	char bytes[8192] = "";
	size_t len = 0;

	for (int i = 0; i < STEPS && !strstr(bytes, body); i++) {
		ssize_t n = recv(fd, bytes + len, sizeof bytes - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
		turn_and_wait();
	}
	assert_non_null(strstr(bytes, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(bytes, body));
}

static void half_a_head_goes_along(void **state)
{
	struct handover handover;
	int client = connect_client(&h.sides[0]);

	(void)state;
	say(client, "GET /s HTTP/1.1\r\nhost: h\r\n\r\n");
	expect_answer(client, "small");
	say(client, "GET /s HTTP/1.1\r\nho");
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	assert_string_equal(handover.protocol, "http1");
	assert_int_equal(handover.requests, 1);
	assert_int_equal(handover.sockets[0].unread_len, strlen("GET /s HTTP/1.1\r\nho"));
	assert_int_equal(handover.sockets[0].unsent_len, 0);
	assert_int_equal(h.sides[0].open, 0);
	turn_both();
	pass(&handover);
	assert_true(adopt(&h.sides[1], &handover));
	handover_fini(&handover);
	say(client, "st: h\r\n\r\n");
	expect_answer(client, "small");
	assert_int_equal(counted(HTTP_STAT_DOWNSTREAM_CX_ACTIVE), 1);
	close(client);
	turn_both();
	turn_both();
}

static void a_busy_one_moves_at_the_end_of_its_exchange(void **state)
{
	struct handover handover;
	struct random random;
	int client = connect_client(&h.sides[0]);

	(void)state;
	random_init(&random, 1);
	say(client, "GET /abc HTTP/1.1\r\nhost: h\r\n\r\nGET /s HTTP/1.1\r\nhost: h\r\n\r\n");
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_AGAIN);
	for (int i = 0; !h.sides[0].worker.handover.has_boundary; i++) {
		assert_true(i < STEPS);
		origin_step(&random);
		turn_and_wait();
	}
	/* What follows it isn't begun. */
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	assert_int_equal(handover.sockets[0].unread_len,
			 strlen("GET /s HTTP/1.1\r\nhost: h\r\n\r\n"));
	assert_true(adopt(&h.sides[1], &handover));
	handover_fini(&handover);
	expect_answer(client, "small");
	close(client);
	turn_both();
	turn_both();
	origin_end();
}

static void one_that_is_about_to_close_stays(void **state)
{
	struct handover handover;
	int client = connect_client(&h.sides[0]);

	(void)state;
	say(client, "GET /abc HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_UNSUPPORTED);
	close(client);
	turn_both();
	turn_both();
	origin_end();
}

static void what_it_cant_read_isnt_adopted(void **state)
{
	struct handover handover;
	int client = connect_client(&h.sides[0]);

	(void)state;
	turn_both();
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	handover.version++;
	assert_false(adopt(&h.sides[1], &handover));
	handover.version--;
	handover.state_len--;
	assert_false(adopt(&h.sides[1], &handover));
	handover.state_len++;
	handover.protocol[0] = 'x';
	assert_false(adopt(&h.sides[1], &handover));
	handover.protocol[0] = 'h';
	assert_true(handover.sockets[0].fd >= 0);
	assert_true(adopt(&h.sides[0], &handover)); /* where it was */
	handover_fini(&handover);
	say(client, "GET /s HTTP/1.1\r\nhost: h\r\n\r\n");
	expect_answer(client, "small");
	close(client);
	turn_both();
	turn_both();
}

static void what_is_dropped_on_the_way_is_closed(void **state)
{
	struct handover handover;
	char byte;
	int client = connect_client(&h.sides[0]);

	(void)state;
	say(client, "GET ");
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	assert_int_equal(recv(client, &byte, 1, 0), -1); /* until then it is open */
	handover_fini(&handover);
	assert_int_equal(recv(client, &byte, 1, 0), 0);
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_client_sees_the_same_bytes_wherever_its_connection_is, begin, finish),
		cmocka_unit_test_setup_teardown(half_a_head_goes_along, begin, finish),
		cmocka_unit_test_setup_teardown(a_busy_one_moves_at_the_end_of_its_exchange, begin,
						finish),
		cmocka_unit_test_setup_teardown(one_that_is_about_to_close_stays, begin, finish),
		cmocka_unit_test_setup_teardown(what_it_cant_read_isnt_adopted, begin, finish),
		cmocka_unit_test_setup_teardown(what_is_dropped_on_the_way_is_closed, begin,
						finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
