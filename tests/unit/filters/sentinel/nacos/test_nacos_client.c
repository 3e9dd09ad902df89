/* The client, its thread and a loop, with a server in memory of the test: what changes is told on
 * the loop's thread, whatever else goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"
#include "filters/sentinel/nacos/nacos_client.h"
#include "net/loop.h"

enum { TEXTS = 3, TURNS_MAX = 2000, TURN_MS = 10 };

static const char *const names[TEXTS] = {"a", "b", "c"};

/* Has a text of each name, a number; 0: none. Questions hang until one changed. */
struct server {
	int fd;
	unsigned port;
	pthread_t thread;
	atomic_uint versions[TEXTS];
	atomic_uint logins;
	atomic_uint gets;
	atomic_bool is_broken;   /* says what is no HTTP */
	atomic_bool is_restless; /* says that all have changed, whatever is known */
	atomic_bool is_ending;
};

static bool text_of(const struct server *s, unsigned i, char text[static 16])
{
	unsigned version = atomic_load(&s->versions[i]);

	snprintf(text, 16, "[%u]", version);
	return version;
}

static void say(int fd, unsigned status, const char *body)
{
	char answer[512];
	int len = snprintf(answer, sizeof answer, "HTTP/1.1 %u \r\nContent-Length: %zu\r\n\r\n%s",
			   status, strlen(body), body);

	(void)!write(fd, answer, (size_t)len);
}

/* Those whose MD5 in the request isn't theirs. */
static void list_changes(const struct server *s, const char *request, char *out, size_t size)
{
	out[0] = 0;
	for (unsigned i = 0; i < TEXTS; i++) {
		char text[16], md5[MD5_HEX_SIZE] = "", wanted[64], name[16];
		if (text_of(s, i, text))
			md5_hex(slice_of(text), md5);
		snprintf(name, sizeof name, "%s%%02G%%02", names[i]);
		snprintf(wanted, sizeof wanted, "%s%s%%01", name, md5);
		if (strstr(request, name) &&
		    (!strstr(request, wanted) || atomic_load(&s->is_restless))) {
			size_t used = strlen(out);
			snprintf(out + used, size - used, "%s%%02G%%01", names[i]);
		}
	}
}

static void answer(struct server *s, int fd, const char *request)
{
	char text[256];

	if (atomic_load(&s->is_broken)) {
		(void)!write(fd, "what?\n\n", 7);
	} else if (strstr(request, "/login")) {
		atomic_fetch_add(&s->logins, 1);
		say(fd, 200, "{\"accessToken\": \"t\", \"tokenTtl\": 100}");
	} else if (!strstr(request, "accessToken=t")) {
		say(fd, 403, "no");
	} else if (!strncmp(request, "GET ", 4)) {
		const char *name = strstr(request, "dataId=");
		unsigned i = name ? (unsigned)(name[7] - 'a') : 0;
		atomic_fetch_add(&s->gets, 1);
		say(fd, text_of(s, i, text) ? 200 : 404, text);
	} else {
		bool hangs = !strstr(request, "No-Hangup");
		list_changes(s, request, text, sizeof text);
		for (unsigned i = 0; hangs && !text[0] && i < 100 && !atomic_load(&s->is_ending);
		     i++) {
			usleep(5000);
			list_changes(s, request, text, sizeof text);
		}
		say(fd, 200, text);
	}
}

/* One connection after the other: the client has one at a time. */
static void *serve(void *arg)
{
	struct server *s = arg;

	for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0; close(fd)) {
		char request[2048];
		size_t len = 0;
		const char *body;
		do {
			ssize_t n = recv(fd, request + len, sizeof request - 1 - len, 0);
			if (n <= 0)
				break;
			len += (size_t)n;
			request[len] = 0;
			body = strstr(request, "\r\n\r\n");
			const char *length = strstr(request, "Content-Length: ");
			if (body && (!length || strlen(body + 4) >= (size_t)atoi(length + 16)))
				break;
		} while (true);
		request[len] = 0;
		answer(s, fd, request);
	}
	return NULL;
}

static void server_start(struct server *s)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t size = sizeof addr;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_false(bind(s->fd, (struct sockaddr *)(void *)&addr, sizeof addr) ||
		     listen(s->fd, 16));
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)(void *)&addr, &size), 0);
	s->port = ntohs(addr.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	atomic_store(&s->is_ending, true);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

struct told {
	unsigned calls, texts;
	enum nacos_news last;
	char text[32];
};

static void on_change(void *arg, enum nacos_news news, struct slice text)
{
	struct told *told = arg;

	told->calls++;
	told->texts += news == NACOS_TEXT;
	told->last = news;
	snprintf(told->text, sizeof told->text, "%.*s", SLICE_FMT(text));
}

struct bench {
	struct server server;
	struct loop loop;
	struct nacos_client *client;
	struct told told[TEXTS];
	struct nacos_watch *watches[TEXTS];
};

static struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof *b);
	char servers[64];

	assert_non_null(b);
	server_start(&b->server);
	assert_int_equal(loop_init(&b->loop, b), 0);
	snprintf(servers, sizeof servers, "127.0.0.1:%u", b->server.port);
	const struct nacos_options options = {
		.servers = slice_of(servers),
		.context_path = SLICE("/nacos"),
		.username = SLICE("me"),
		.password = SLICE("pw"),
		.long_poll_ms = 10000,
	};
	b->client = nacos_client_start(&b->loop, &options);
	assert_non_null(b->client);
	return b;
}

static void watch(struct bench *b, unsigned i, const char *md5)
{
	b->watches[i] = nacos_watch(b->client, slice_of(names[i]), SLICE("G"), slice_of(md5),
				    on_change, &b->told[i]);
}

static void unwatch(struct bench *b, unsigned i)
{
	nacos_unwatch(b->watches[i]);
	b->watches[i] = NULL;
}

static void bench_free(struct bench *b)
{
	for (unsigned i = 0; i < TEXTS; i++)
		if (b->watches[i])
			unwatch(b, i);
	nacos_client_stop(b->client);
	server_stop(&b->server);
	loop_fini(&b->loop);
	free(b);
}

/* Until it was told so, by its text (NULL: any) and what else is wanted. */
static void wait_for(struct bench *b, unsigned i, enum nacos_news news, const char *text)
{
	for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
		loop_turn(&b->loop, false);
		if (b->told[i].calls && b->told[i].last == news &&
		    (!text || !strcmp(b->told[i].text, text)))
			return;
		usleep(TURN_MS * 1000);
	}
	fail_msg("%s: told %u times, the last was %d '%s'", names[i], b->told[i].calls,
		 (int)b->told[i].last, b->told[i].text);
}

static void texts_come_and_go(void **state)
{
	struct bench *b = bench_new();
	(void)state;

	atomic_store(&b->server.versions[0], 1);
	watch(b, 0, "");
	watch(b, 1, "");
	wait_for(b, 0, NACOS_TEXT, "[1]");
	wait_for(b, 1, NACOS_NONE, NULL);
	for (unsigned version = 2; version < 6; version++) {
		char wanted[16];
		atomic_store(&b->server.versions[version % 2], version);
		snprintf(wanted, sizeof wanted, "[%u]", version);
		wait_for(b, version % 2, NACOS_TEXT, wanted);
	}
	atomic_store(&b->server.versions[0], 0);
	wait_for(b, 0, NACOS_NONE, NULL);
	assert_int_equal(b->told[1].texts, 2);
	assert_int_equal(atomic_load(&b->server.logins), 1);
	assert_true(atomic_load(&nacos_client_counts(b->client)->is_connected));
	bench_free(b);
}

static void what_is_known_is_told_to_be_so(void **state)
{
	struct bench *b = bench_new();
	char md5[MD5_HEX_SIZE];
	(void)state;

	atomic_store(&b->server.versions[0], 7);
	md5_hex(SLICE("[7]"), md5);
	watch(b, 0, md5);
	watch(b, 1, md5); /* gone meanwhile */
	wait_for(b, 0, NACOS_SAME, NULL);
	wait_for(b, 1, NACOS_NONE, NULL);
	assert_int_equal(b->told[0].calls, 1);
	bench_free(b);
}

static void names_come_while_a_question_hangs(void **state)
{
	struct bench *b = bench_new();
	(void)state;

	atomic_store(&b->server.versions[0], 1);
	atomic_store(&b->server.versions[2], 3);
	watch(b, 0, "");
	wait_for(b, 0, NACOS_TEXT, "[1]");
	watch(b, 2, "");
	wait_for(b, 2, NACOS_TEXT, "[3]");
	unwatch(b, 0);
	atomic_store(&b->server.versions[0], 9);
	atomic_store(&b->server.versions[2], 4);
	wait_for(b, 2, NACOS_TEXT, "[4]");
	assert_int_equal(b->told[0].texts, 1);
	bench_free(b);
}

static void a_broken_server_is_told_once(void **state)
{
	struct bench *b = bench_new();
	(void)state;

	atomic_store(&b->server.is_broken, true);
	atomic_store(&b->server.versions[0], 1);
	watch(b, 0, "");
	wait_for(b, 0, NACOS_UNKNOWN, NULL);
	assert_false(atomic_load(&nacos_client_counts(b->client)->is_connected));
	atomic_store(&b->server.is_broken, false);
	wait_for(b, 0, NACOS_TEXT, "[1]");
	assert_int_equal(b->told[0].calls, 2);
	assert_true(atomic_load(&nacos_client_counts(b->client)->failures) >= 1);
	bench_free(b);
}

/* As for names that a server knows by another name: it isn't asked without a pause, and what does
 * change comes. */
static void what_changes_without_end_is_put_off(void **state)
{
	struct bench *b = bench_new();
	(void)state;

	atomic_store(&b->server.is_restless, true);
	atomic_store(&b->server.versions[0], 1);
	watch(b, 0, "");
	watch(b, 1, "");
	wait_for(b, 0, NACOS_TEXT, "[1]");
	wait_for(b, 1, NACOS_NONE, NULL);
	for (unsigned turn = 0; turn < 100; turn++, usleep(TURN_MS * 1000))
		loop_turn(&b->loop, false);
	assert_in_range(atomic_load(&b->server.gets), 2, 30);
	assert_int_equal(b->told[0].calls, 1);
	assert_int_equal(b->told[1].calls, 1);
	atomic_store(&b->server.versions[0], 2);
	wait_for(b, 0, NACOS_TEXT, "[2]");
	bench_free(b);
}

/* Whatever the thread is at. */
static void it_may_end_at_any_moment(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct bench *b = bench_new();
		atomic_store(&b->server.versions[0], 1);
		watch(b, 0, "");
		watch(b, 1, "");
		usleep(i * 1000);
		loop_turn(&b->loop, false);
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_come_and_go),
		cmocka_unit_test(what_is_known_is_told_to_be_so),
		cmocka_unit_test(names_come_while_a_question_hangs),
		cmocka_unit_test(a_broken_server_is_told_once),
		cmocka_unit_test(what_changes_without_end_is_put_off),
		cmocka_unit_test(it_may_end_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
