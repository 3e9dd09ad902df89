/* A token server on its thread: clients over TCP, workers of the process, settings that change
 * meanwhile. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "filters/sentinel/cluster/token_client.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "filters/sentinel/cluster/token_desk.h"
#include "filters/sentinel/cluster/token_server.h"

enum { PATIENCE_MS = 20000 };

/* Of a window of 10 minutes: n single tokens are granted while n / 600 + 1 <= count. */
#define RULES(count, type)                                                                         \
	"[{\"resource\":\"r\",\"count\":" #count ",\"clusterMode\":true,\"clusterConfig\":{"       \
	"\"flowId\":1,\"thresholdType\":" #type ",\"windowIntervalMs\":600000}}]"

struct fixture {
	struct token_server *server;
	struct token_listen listen;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void rest(void)
{
	nanosleep(&(struct timespec){0, 1000000}, NULL);
}

#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		int64_t end_ = now_ms() + PATIENCE_MS;                                             \
		while (!(condition)) {                                                             \
			assert_true(now_ms() < end_);                                              \
			rest();                                                                    \
		}                                                                                  \
	} while (0)

static enum token_server_state state_of(struct fixture *f, uint16_t *port)
{
	token_server_lock(f->server);
	enum token_server_state state = f->server->state;
	*port = f->server->bound.port;
	token_server_unlock(f->server);
	return state;
}

static uint32_t sessions_of(struct fixture *f)
{
	token_server_lock(f->server);
	uint32_t count = f->server->session_count;
	token_server_unlock(f->server);
	return count;
}

static struct token_server_counts counts_of(struct fixture *f)
{
	token_server_lock(f->server);
	struct token_server_counts counts = f->server->counts;
	token_server_unlock(f->server);
	return counts;
}

static void set_rules(struct fixture *f, const char *text)
{
	struct token_rules *rules;

	assert_int_equal(token_rules_parse(TOKEN_KIND_FLOW, slice_of(text), 7, &rules), STATUS_OK);
	token_server_lock(f->server);
	assert_true(token_arbiter_set_rules(&f->server->arbiter, SLICE("shop"), rules));
	token_server_unlock(f->server);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->server = token_server_new(7);
	assert_non_null(f->server);
	token_server_serve(f->server, SLICE("self"), (struct slice[]){SLICE("shop")}, 1);
	assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), 0, &f->listen.addr), STATUS_OK);
	f->listen.idle_ms = 600000;
	f->listen.connections_max = 3;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	token_server_close(f->server);
	token_server_free(f->server);
	free(f);
	return 0;
}

static void turn_on(struct fixture *f)
{
	uint16_t port;

	assert_int_equal(token_server_listen(f->server, &f->listen, true), STATUS_OK);
	UNTIL(state_of(f, &port) == TOKEN_SERVER_STARTED);
}

static int dial(struct fixture *f)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct timeval patience = {PATIENCE_MS / 1000, 0};
	uint16_t port;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	state_of(f, &port);
	in.sin_port = htons(port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	return fd;
}

static void say(int fd, const void *bytes, size_t size)
{
	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

static void hear(int fd, struct token_response *response)
{
	char frame[TOKEN_FRAME_MAX];
	struct slice payload;

	assert_int_equal(recv(fd, frame, 2, MSG_WAITALL), 2);
	size_t size = (size_t)((uint8_t)frame[0] << 8 | (uint8_t)frame[1]);
	assert_int_equal(recv(fd, frame + 2, size, MSG_WAITALL), size);
	assert_int_equal(token_read_frame(slice_make(frame, size + 2), &payload), size + 2);
	assert_int_equal(token_read_response(payload, response), STATUS_OK);
}

static struct token_response ping(int fd, const char *name)
{
	char frame[TOKEN_FRAME_MAX];
	struct token_response response;

	say(fd, frame, token_write_ping(frame, slice_of(name)));
	hear(fd, &response);
	assert_int_equal(response.type, TOKEN_PING);
	return response;
}

static struct token_response ask(int fd, uint32_t count)
{
	struct token_ask ask = {.flow_id = 1, .count = count};
	char frame[TOKEN_FRAME_MAX];
	struct token_response response;

	say(fd, frame, token_write_question(frame, 77, &ask));
	hear(fd, &response);
	assert_true(response.xid == 77 && response.type == TOKEN_FLOW);
	return response;
}

/* The server closes it. */
static void wait_for_end(int fd)
{
	char bytes[256];

	while (recv(fd, bytes, sizeof bytes, 0) > 0)
		;
	close(fd);
}

static void clients_are_counted_in_their_name_spaces(void **state)
{
	struct fixture *f = *state;

	set_rules(f, RULES(5, 0));
	turn_on(f);
	int first = dial(f), second = dial(f);
	assert_int_equal(ask(first, 1).status, TOKEN_BLOCKED); /* nobody has said who it is */
	assert_int_equal(ping(first, "shop").remaining, 1);
	assert_int_equal(ping(second, "shop").remaining, 2);
	assert_int_equal(ask(first, 11).status, TOKEN_BLOCKED);
	assert_int_equal(ask(first, 10).status, TOKEN_OK);
	assert_int_equal(ping(second, "other").remaining, 1);
	assert_int_equal(ping(first, "shop").remaining, 1);
	assert_int_equal(ping(first, "").status, TOKEN_FAIL);
	assert_int_equal(ping(first, "self").remaining, 2); /* with the application itself */
	close(first);
	close(second);
	UNTIL(!sessions_of(f));
	first = dial(f);
	assert_int_equal(ping(first, "shop").remaining, 1);
	close(first);
}

/* Many at once, in pieces, each with its answer. */
static void questions_in_pieces(void **state)
{
	struct fixture *f = *state;
	struct token_ask ask = {.flow_id = 1, .count = 1};
	struct token_response response;
	char bytes[50 * 32];
	size_t size = 0;

	set_rules(f, RULES(2, 1));
	turn_on(f);
	int fd = dial(f);
	for (int32_t i = 0; i < 50; i++)
		size += token_write_question(bytes + size, i, &ask);
	for (size_t at = 0; at < size; at += 7) {
		say(fd, bytes + at, size - at < 7 ? size - at : 7);
		if (at % 70 == 0)
			rest();
	}
	for (int32_t i = 0; i < 50; i++) {
		hear(fd, &response);
		assert_int_equal(response.xid, i);
		assert_int_equal(response.status, TOKEN_OK);
	}
	close(fd);
}

static void what_is_no_question_gets_no_answer(void **state)
{
	struct fixture *f = *state;
	static const char unknown[] = "\0\x05\0\0\0\1\x63", cut[] = "\0\x07\0\0\0\1\1??",
			  empty[] = "\0\0", too_long[] = "\x04\0";

	set_rules(f, RULES(5, 1));
	turn_on(f);
	int fd = dial(f);
	say(fd, unknown, 7);
	say(fd, cut, 9);
	say(fd, empty, 2);
	assert_int_equal(ask(fd, 1).status, TOKEN_OK);
	assert_int_equal(counts_of(f).malformed, 3);
	say(fd, too_long, 2);
	wait_for_end(fd);
	assert_int_equal(counts_of(f).garbage, 1);
	UNTIL(!sessions_of(f));
}

static void there_is_a_limit_of_connections(void **state)
{
	struct fixture *f = *state;
	int fds[3];

	turn_on(f);
	for (int i = 0; i < 3; i++) {
		fds[i] = dial(f);
		assert_int_equal(ping(fds[i], "shop").remaining, i + 1);
	}
	wait_for_end(dial(f));
	assert_int_equal(counts_of(f).over_limit, 1);
	close(fds[0]);
	UNTIL(sessions_of(f) == 2);
	fds[0] = dial(f);
	assert_int_equal(ping(fds[0], "shop").remaining, 3);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void silent_clients_are_disconnected(void **state)
{
	struct fixture *f = *state;

	f->listen.idle_ms = 30;
	turn_on(f);
	int fd = dial(f);
	ping(fd, "shop");
	wait_for_end(fd);
	assert_int_equal(counts_of(f).idle, 1);
	UNTIL(!sessions_of(f));
}

/* What isn't taken stays bounded, and nothing is lost. */
static void a_client_that_does_not_read_is_not_read(void **state)
{
	struct fixture *f = *state;
	struct token_ask ask = {.flow_id = 1, .count = 1};
	struct token_response response;
	char frames[100 * 32];
	size_t size = 0;
	long sent = 0;

	turn_on(f);
	int fd = dial(f);
	for (int32_t i = 0; i < 100; i++)
		size += token_write_question(frames + size, i, &ask);
	for (int64_t still_since = now_ms(); now_ms() - still_since < 300;) {
		ssize_t n = send(fd, frames + (size_t)sent % size, size - (size_t)sent % size,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			sent += n;
			still_since = now_ms();
		} else {
			rest();
		}
		assert_true(sent < 100L << 20);
	}
	long questions = sent / ((long)size / 100);
	for (long i = 0; i < questions; i++) {
		hear(fd, &response);
		assert_int_equal(response.xid, i % 100);
		assert_int_equal(response.status, TOKEN_NO_RULE_EXISTS);
	}
	close(fd);
}

struct call {
	struct token_ask ask;
	int answered;
};

static void answered(struct token_ask *ask)
{
	((struct call *)(void *)ask)->answered++;
}

/* They ask through their token client, without a connection. */
static void workers_of_the_process_ask_too(void **state)
{
	struct fixture *f = *state;
	const struct token_client_options options = {.name_space = SLICE("self"), .workers = 1};
	static struct loop main_loop, worker;

	set_rules(f, RULES(3, 1));
	assert_int_equal(loop_init(&main_loop, f), STATUS_OK);
	assert_int_equal(loop_init(&worker, f), STATUS_OK);
	struct token_client *client = token_client_new(&main_loop, &options);
	assert_int_equal(token_client_join(client, 0, &worker), STATUS_OK);
	const struct token_service *service = token_client_service(client);
	turn_on(f);
	token_client_set_local(client, &f->server->bell);
	int fd = dial(f);
	assert_int_equal(ask(fd, 1).status, TOKEN_OK); /* 1,200 are left */
	for (int i = 0; i < 1500; i++) {
		struct call call = {.ask = {.flow_id = 1, .count = 1, .answered = answered}};
		service->ask(service->arg, 0, &call.ask);
		assert_int_equal(call.ask.answer.status, TOKEN_PENDING);
		UNTIL((loop_turn(&worker, false), call.answered));
		assert_int_equal(call.ask.answer.status, i < 1200 ? TOKEN_OK : TOKEN_BLOCKED);
	}
	assert_int_equal(ask(fd, 1).status, TOKEN_BLOCKED);
	assert_int_equal(counts_of(f).local, 1500);
	assert_int_equal(token_client_counts(client)->granted, 1200);
	assert_int_equal(token_client_counts(client)->refused, 300);

	assert_int_equal(token_server_listen(f->server, &f->listen, false), STATUS_OK);
	struct call late = {.ask = {.flow_id = 1, .count = 1, .answered = answered}};
	service->ask(service->arg, 0, &late.ask);
	UNTIL((loop_turn(&worker, false), late.answered));
	assert_int_equal(late.ask.answer.status, TOKEN_FAIL); /* it is off */
	token_client_set_local(client, NULL);
	service->ask(service->arg, 0, &late.ask);
	assert_int_equal(late.ask.answer.status, TOKEN_FAIL);
	close(fd);

	token_client_leave(client, 0);
	token_client_close(client);
	loop_settle(&main_loop);
	token_client_free(client);
	loop_fini(&worker);
	loop_fini(&main_loop);
}

/* Off, on, another port, rules meanwhile; a port that is taken is had when it is free. */
static void it_is_switched(void **state)
{
	struct fixture *f = *state;
	uint16_t port, other;

	set_rules(f, RULES(1000, 1));
	for (int i = 0; i < 5; i++) {
		turn_on(f);
		int fd = dial(f);
		set_rules(f, i % 2 ? RULES(1000, 1) : RULES(900, 1));
		assert_int_equal(ask(fd, 1).status, TOKEN_OK);
		assert_int_equal(token_server_listen(f->server, &f->listen, false), STATUS_OK);
		wait_for_end(fd);
		UNTIL(state_of(f, &port) == TOKEN_SERVER_OFF);
	}
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof in;
	int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(taken, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(taken, 1), 0);
	assert_int_equal(getsockname(taken, (struct sockaddr *)&in, &len), 0);
	f->listen.addr.port = ntohs(in.sin_port);
	assert_int_equal(token_server_listen(f->server, &f->listen, true), STATUS_OK);
	UNTIL(state_of(f, &port) == TOKEN_SERVER_STARTING);
	close(taken);
	UNTIL(state_of(f, &other) == TOKEN_SERVER_STARTED);
	assert_int_equal(other, f->listen.addr.port);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(clients_are_counted_in_their_name_spaces),
		TEST(questions_in_pieces),
		TEST(what_is_no_question_gets_no_answer),
		TEST(there_is_a_limit_of_connections),
		TEST(silent_clients_are_disconnected),
		TEST(a_client_that_does_not_read_is_not_read),
		TEST(workers_of_the_process_ask_too),
		TEST(it_is_switched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
