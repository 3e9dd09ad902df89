/* A token client against servers that are scripted: what each does stands in its test. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "filters/sentinel/cluster/token_client.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "net/loop.h"

enum {
	RECONNECT_MS = 30,
	STALL_MS = 60,
	PATIENCE_MS = 10000,
};

struct fixture {
	struct loop main, worker;
	struct token_client *client;
	int listener, server; /* -1: none */
	struct addr addr;
	int answered;
};

struct call {
	struct token_ask ask;
	struct fixture *fixture;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void turn(struct fixture *f)
{
	struct timespec pause = {0, 200000};

	loop_turn(&f->main, false);
	loop_turn(&f->worker, false);
	nanosleep(&pause, NULL);
}

#define UNTIL(f, condition)                                                                        \
	do {                                                                                       \
		int64_t end_ = now_ms() + PATIENCE_MS;                                             \
		while (!(condition)) {                                                             \
			assert_true(now_ms() < end_);                                              \
			turn(f);                                                                   \
		}                                                                                  \
	} while (0)

static void listen_on_any_port(struct fixture *f)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(f->listener, 8), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&in, &len), 0);
	assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), ntohs(in.sin_port), &f->addr),
			 STATUS_OK);
}

static int set_up_with(void **state, uint32_t stall_ms)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct token_client_options options = {
		.name_space = SLICE("demo-app"),
		.workers = 2,
		.request_timeout_ms = 2000,
		.reconnect_ms = RECONNECT_MS,
		.stall_ms = stall_ms,
	};

	assert_int_equal(loop_init(&f->main, f), STATUS_OK);
	assert_int_equal(loop_init(&f->worker, f), STATUS_OK);
	f->client = token_client_new(&f->main, &options);
	assert_non_null(f->client);
	assert_int_equal(token_client_join(f->client, 1, &f->worker), STATUS_OK);
	f->server = -1;
	listen_on_any_port(f);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, STALL_MS);
}

/* On a busy machine the server itself, which is this program, may rest for some time. */
static int set_up_patient(void **state)
{
	return set_up_with(state, PATIENCE_MS);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	token_client_leave(f->client, 1);
	token_client_close(f->client);
	loop_settle(&f->main);
	token_client_free(f->client);
	loop_fini(&f->worker);
	loop_fini(&f->main);
	if (f->server >= 0)
		close(f->server);
	close(f->listener);
	free(f);
	return 0;
}

static bool has_accepted(struct fixture *f)
{
	f->server = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
	return f->server >= 0;
}

static void read_bytes(struct fixture *f, char *out, size_t size)
{
	size_t got = 0;

	for (int64_t end = now_ms() + PATIENCE_MS; got < size; turn(f)) {
		ssize_t n = recv(f->server, out + got, size - got, 0);
		assert_true(n != 0 && now_ms() < end);
		got += n > 0 ? (size_t)n : 0;
	}
}

/* The next frame that the client sent. */
static void read_request(struct fixture *f, struct token_request *request)
{
	char frame[TOKEN_FRAME_MAX];
	struct slice payload;

	read_bytes(f, frame, 2);
	size_t size = (size_t)((uint8_t)frame[0] << 8 | (uint8_t)frame[1]);
	read_bytes(f, frame + 2, size);
	assert_int_equal(token_read_frame(slice_make(frame, size + 2), &payload), size + 2);
	assert_int_equal(token_read_request(payload, request), STATUS_OK);
}

static void write_bytes(struct fixture *f, const void *bytes, size_t size)
{
	assert_int_equal(send(f->server, bytes, size, MSG_NOSIGNAL), size);
}

static void write_response(struct fixture *f, struct token_response response)
{
	char frame[TOKEN_FRAME_MAX];

	write_bytes(f, frame, token_write_response(frame, &response));
}

static void start(struct fixture *f)
{
	static struct token_request ping;

	token_client_set_server(f->client, &f->addr);
	UNTIL(f, has_accepted(f));
	UNTIL(f, token_client_state(f->client) == TOKEN_CLIENT_STARTED);
	read_request(f, &ping);
	assert_int_equal(ping.type, TOKEN_PING);
	assert_int_equal(ping.name_space.len, 8);
}

static void answer_ping(struct fixture *f)
{
	write_response(f, (struct token_response){.type = TOKEN_PING, .remaining = 1});
}

static void answered(struct token_ask *ask)
{
	((struct call *)(void *)ask)->fixture->answered++;
}

/* A question of worker 1. Returns whether it is under way. */
static bool ask(struct fixture *f, struct call *call, int64_t flow_id)
{
	const struct token_service *service = token_client_service(f->client);

	*call = (struct call){
		.ask = {.flow_id = flow_id, .count = 1, .answered = answered},
		.fixture = f,
	};
	service->ask(service->arg, 1, &call->ask);
	return call->ask.answer.status == TOKEN_PENDING;
}

static void forget(struct fixture *f, struct call *call)
{
	const struct token_service *service = token_client_service(f->client);

	service->forget(service->arg, 1, &call->ask);
}

static void answers_find_their_questions(void **state)
{
	static struct token_request requests[2];
	struct fixture *f = *state;
	struct call calls[2];

	start(f);
	assert_true(ask(f, &calls[0], 101) && ask(f, &calls[1], 102));
	read_request(f, &requests[0]);
	read_request(f, &requests[1]);
	assert_true(requests[0].flow_id == 101 && requests[1].flow_id == 102);
	answer_ping(f);
	write_response(
		f, (struct token_response){requests[1].xid, TOKEN_FLOW, TOKEN_SHOULD_WAIT, 0, 70});
	write_response(f,
		       (struct token_response){requests[0].xid, TOKEN_FLOW, TOKEN_BLOCKED, 0, 0});
	UNTIL(f, f->answered == 2);
	assert_int_equal(calls[0].ask.answer.status, TOKEN_BLOCKED);
	assert_int_equal(calls[1].ask.answer.status, TOKEN_SHOULD_WAIT);
	assert_int_equal(calls[1].ask.answer.wait_ms, 70);
	assert_int_equal(token_client_counts(f->client)->granted, 1);
	assert_int_equal(token_client_counts(f->client)->refused, 1);
}

static void without_a_server_questions_fail_at_once(void **state)
{
	struct fixture *f = *state;
	struct call call;

	assert_false(ask(f, &call, 1));
	assert_int_equal(call.ask.answer.status, TOKEN_FAIL);
	assert_int_equal(token_client_state(f->client), TOKEN_CLIENT_OFF);
	token_client_set_server(f->client, &f->addr);
	assert_false(ask(f, &call, 1)); /* not connected yet */
	assert_int_equal(token_client_state(f->client), TOKEN_CLIENT_PENDING);
}

static void questions_without_sense_are_not_sent(void **state)
{
	struct fixture *f = *state;
	struct call call;

	start(f);
	assert_false(ask(f, &call, 0));
	assert_int_equal(call.ask.answer.status, TOKEN_BAD_REQUEST);
}

static void an_answer_to_a_forgotten_question_is_dropped(void **state)
{
	static struct token_request first, second;
	struct fixture *f = *state;
	struct call calls[2];

	start(f);
	assert_true(ask(f, &calls[0], 1));
	read_request(f, &first);
	forget(f, &calls[0]);
	assert_true(ask(f, &calls[1], 2)); /* takes the place of the first one */
	read_request(f, &second);
	write_response(f, (struct token_response){first.xid, TOKEN_FLOW, TOKEN_BLOCKED, 0, 0});
	write_response(f, (struct token_response){77, TOKEN_FLOW, TOKEN_BLOCKED, 0, 0});
	write_response(f, (struct token_response){second.xid, TOKEN_FLOW, TOKEN_OK, 0, 0});
	UNTIL(f, f->answered);
	assert_int_equal(f->answered, 1);
	assert_int_equal(calls[1].ask.answer.status, TOKEN_OK);
	assert_int_equal(token_client_counts(f->client)->forgotten, 1);
}

static void garbage_ends_the_connection_and_fails_what_is_under_way(void **state)
{
	struct fixture *f = *state;
	struct call call;

	start(f);
	assert_true(ask(f, &call, 1));
	write_bytes(f, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	UNTIL(f, f->answered);
	assert_int_equal(call.ask.answer.status, TOKEN_FAIL);
	assert_int_equal(token_client_counts(f->client)->garbage, 1);
	assert_false(ask(f, &call, 1));
	close(f->server);
	UNTIL(f, has_accepted(f)); /* again, after a while */
}

static void frames_that_mean_nothing_are_skipped(void **state)
{
	static struct token_request request;
	struct fixture *f = *state;
	struct call call;

	start(f);
	assert_true(ask(f, &call, 1));
	read_request(f, &request);
	write_bytes(f, "\0\0\0\1x", 5);
	write_response(f, (struct token_response){request.xid, 9, TOKEN_OK, 0, 0});
	UNTIL(f, f->answered); /* by its number: the type says nothing, as in Java */
	assert_int_equal(call.ask.answer.status, TOKEN_OK);
}

static void a_server_that_closes_is_called_again_ever_later(void **state)
{
	struct fixture *f = *state;
	struct call call;
	int64_t began = now_ms();

	start(f);
	assert_true(ask(f, &call, 1));
	close(f->server);
	UNTIL(f, f->answered);
	assert_int_equal(call.ask.answer.status, TOKEN_FAIL);
	for (int i = 0; i < 3; i++) { /* each time it comes it is thrown out */
		UNTIL(f, has_accepted(f));
		close(f->server);
	}
	f->server = -1;
	assert_true(now_ms() - began >= RECONNECT_MS * (1 + 2 + 3));
	UNTIL(f, has_accepted(f));
	answer_ping(f);
	UNTIL(f, token_client_state(f->client) == TOKEN_CLIENT_STARTED);
}

static void a_refused_connection_is_tried_again(void **state)
{
	struct fixture *f = *state;

	close(f->listener);
	token_client_set_server(f->client, &f->addr);
	UNTIL(f, token_client_counts(f->client)->losses >= 2);
	assert_int_equal(token_client_counts(f->client)->connects, 0);
	f->listener = -1;
}

static void a_server_that_stalls_is_left(void **state)
{
	struct fixture *f = *state;
	struct call call;
	int64_t began = now_ms();

	start(f);
	assert_true(ask(f, &call, 1));
	UNTIL(f, now_ms() - began > 2 * STALL_MS);
	assert_int_equal(f->answered, 0);
	assert_true(ask(f, &call, 1)); /* shows that nothing was answered */
	UNTIL(f, token_client_counts(f->client)->stalls == 1);
	UNTIL(f, f->answered);
	assert_int_equal(call.ask.answer.status, TOKEN_FAIL);
	close(f->server);
	UNTIL(f, has_accepted(f));
}

static void another_server_takes_over(void **state)
{
	struct fixture *f = *state;
	struct call call;
	int old = f->listener, old_server;

	start(f);
	old_server = f->server;
	listen_on_any_port(f);
	assert_true(ask(f, &call, 1));
	start(f);
	assert_int_equal(recv(old_server, (char[64]){0}, 64, 0) >= 0, 1);
	UNTIL(f, f->answered);
	assert_int_equal(call.ask.answer.status, TOKEN_FAIL);
	token_client_set_server(f->client, NULL);
	assert_int_equal(token_client_state(f->client), TOKEN_CLIENT_OFF);
	assert_false(ask(f, &call, 1));
	close(old);
	close(old_server);
}

static void as_many_as_may_be_are_under_way(void **state)
{
	struct fixture *f = *state;
	struct call *calls = calloc(TOKEN_PENDING_MAX + 1, sizeof(*calls));

	start(f);
	answer_ping(f);
	for (int i = 0; i <= TOKEN_PENDING_MAX; i++)
		assert_true(ask(f, &calls[i], i + 1));
	UNTIL(f, f->answered); /* one is refused at least; when the server reads nothing, more */
	assert_int_equal(calls[TOKEN_PENDING_MAX].ask.answer.status, TOKEN_FAIL);
	token_client_set_server(f->client, NULL);
	UNTIL(f, f->answered == TOKEN_PENDING_MAX + 1);
	free(calls);
}

enum { THREAD_ASKS = 500, THREAD_AT_A_TIME = 5 };

struct thread {
	struct fixture *fixture;
	pthread_t id;
	int granted, failed, forgotten;
	_Atomic bool is_done;
};

/* A worker of its own thread: some questions at a time, of which it forgets each seventh. */
static void *work(void *arg)
{
	struct thread *thread = arg;
	struct fixture *f = thread->fixture;
	const struct token_service *service = token_client_service(f->client);
	struct loop loop;

	assert_int_equal(loop_init(&loop, thread), STATUS_OK);
	assert_int_equal(token_client_join(f->client, 0, &loop), STATUS_OK);
	for (int i = 0; i < THREAD_ASKS; i += THREAD_AT_A_TIME) {
		struct token_ask asks[THREAD_AT_A_TIME];
		for (int k = 0; k < THREAD_AT_A_TIME; k++) {
			asks[k] = (struct token_ask){.flow_id = i + k + 1, .count = 1};
			service->ask(service->arg, 0, &asks[k]);
			if ((i + k) % 7 || asks[k].answer.status != TOKEN_PENDING)
				continue;
			service->forget(service->arg, 0, &asks[k]);
			asks[k].answer.status = TOKEN_NOT_AVAILABLE;
		}
		for (int k = 0; k < THREAD_AT_A_TIME; k++) {
			while (asks[k].answer.status == TOKEN_PENDING)
				loop_turn(&loop, false);
			thread->granted += asks[k].answer.status == TOKEN_OK;
			thread->failed += asks[k].answer.status == TOKEN_FAIL;
			thread->forgotten += asks[k].answer.status == TOKEN_NOT_AVAILABLE;
		}
	}
	token_client_leave(f->client, 0);
	loop_fini(&loop);
	atomic_store(&thread->is_done, true);
	return NULL;
}

/* Answers what has come. False: the client has gone. */
static bool serve(struct fixture *f, char *left, size_t *left_size)
{
	static struct token_request request;
	ssize_t n = recv(f->server, left + *left_size, 4096, 0), size;
	struct slice payload;
	size_t at = 0;

	*left_size += n > 0 ? (size_t)n : 0;
	while ((size = token_read_frame(slice_make(left + at, *left_size - at), &payload)) > 0) {
		at += (size_t)size;
		assert_int_equal(token_read_request(payload, &request), STATUS_OK);
		write_response(f,
			       (struct token_response){request.xid, request.type, TOKEN_OK, 1, 0});
	}
	*left_size -= at;
	memmove(left, left + at, *left_size);
	return n != 0;
}

static void a_worker_on_a_thread_of_its_own(void **state)
{
	static char left[8192];
	struct fixture *f = *state;
	struct thread thread = {.fixture = f};
	size_t left_size = 0;

	start(f);
	assert_int_equal(pthread_create(&thread.id, NULL, work, &thread), 0);
	for (bool lives = true; !atomic_load(&thread.is_done); turn(f)) {
		lives = lives && serve(f, left, &left_size);
		if (lives && token_client_counts(f->client)->granted > THREAD_ASKS / 2) {
			lives = false; /* what is under way and what comes fails */
			close(f->server);
			close(f->listener);
			f->server = f->listener = -1;
		}
	}
	pthread_join(thread.id, NULL);
	assert_int_equal(thread.granted + thread.failed + thread.forgotten, THREAD_ASKS);
	assert_true(thread.granted >= THREAD_ASKS / 2 - THREAD_ASKS / 7 && thread.failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void another_name_is_told_by_another_connection(void **state)
{
	static struct token_request ping;
	struct fixture *f = *state;
	const struct token_service *service = token_client_service(f->client);
	struct call call;

	token_client_set_timeout(f->client, 7);
	assert_int_equal(service->timeout_ns, 7000000);
	token_client_set_timeout(f->client, 0);
	assert_int_equal(service->timeout_ns, 20000000);
	start(f);
	assert_true(ask(f, &call, 1));
	token_client_set_name_space(f->client, SLICE("demo-app"));
	assert_int_equal(token_client_state(f->client), TOKEN_CLIENT_STARTED);
	close(f->server);
	f->server = -1;
	token_client_set_name_space(f->client, SLICE("other"));
	UNTIL(f, f->answered == 1);
	assert_int_equal(call.ask.answer.status, TOKEN_FAIL);
	UNTIL(f, has_accepted(f));
	read_request(f, &ping);
	assert_true(ping.type == TOKEN_PING && ping.name_space.len == 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(answers_find_their_questions),
		TEST(without_a_server_questions_fail_at_once),
		TEST(questions_without_sense_are_not_sent),
		TEST(an_answer_to_a_forgotten_question_is_dropped),
		TEST(garbage_ends_the_connection_and_fails_what_is_under_way),
		TEST(frames_that_mean_nothing_are_skipped),
		TEST(a_server_that_closes_is_called_again_ever_later),
		TEST(a_refused_connection_is_tried_again),
		TEST(a_server_that_stalls_is_left),
		TEST(another_server_takes_over),
		TEST(another_name_is_told_by_another_connection),
		TEST(as_many_as_may_be_are_under_way),
		cmocka_unit_test_setup_teardown(a_worker_on_a_thread_of_its_own, set_up_patient,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
