/* Answers of a Nacos server, whole, in every part, and as they mustn't be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "filters/sentinel/nacos/nacos_http.h"

enum { BODY_MAX = 64 };

static enum status parse(const char *bytes, size_t len, bool is_end, struct nacos_answer *answer)
{
	char *copy = malloc(len + 1); /* so that a read beyond is seen */
	enum status status;

	*answer = (struct nacos_answer){.status = 0};
	memcpy(copy, bytes, len);
	status = nacos_answer_parse(slice_make(copy, len), is_end, BODY_MAX, answer);
	free(copy);
	return status;
}

/* In parts it is never whole before it is; then as expected. */
static void expect(const char *bytes, bool needs_end, unsigned wanted, const char *body)
{
	struct nacos_answer answer;
	size_t len = strlen(bytes);

	for (size_t part = 0; part < len; part++) {
		assert_int_equal(parse(bytes, part, false, &answer), STATUS_AGAIN);
		text_free(&answer.body);
	}
	if (needs_end) {
		assert_int_equal(parse(bytes, len, false, &answer), STATUS_AGAIN);
		text_free(&answer.body);
	}
	assert_int_equal(parse(bytes, len, needs_end, &answer), STATUS_OK);
	assert_int_equal(answer.status, wanted);
	assert_int_equal(answer.body.len, strlen(body));
	assert_true(!answer.body.len || !memcmp(answer.body.data, body, answer.body.len));
	text_free(&answer.body);
}

static void whole_answers(void **state)
{
	(void)state;
	expect("HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n[ ]", false, 200, "[ ]");
	expect("HTTP/1.0 404 Not Found\ncontent-length:0\n\n", false, 404, "");
	expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n",
	       false, 200, "abc0123456789");
	expect("HTTP/1.1 500 \r\nServer: x\r\n\r\nto the end", true, 500, "to the end");
}

static void the_check_sum_is_found(void **state)
{
	struct nacos_answer answer;
	const char *bytes = "HTTP/1.1 200 \r\ncontent-md5:  d41d8cd98f00b204e9800998ecf8427e\r\n"
			    "Content-Length: 0\r\n\r\n";
	(void)state;

	assert_int_equal(parse(bytes, strlen(bytes), false, &answer), STATUS_OK);
	assert_string_equal(answer.md5, "d41d8cd98f00b204e9800998ecf8427e");
	text_free(&answer.body);
	bytes = "HTTP/1.1 200 \r\nContent-MD5: short\r\nContent-Length: 0\r\n\r\n";
	assert_int_equal(parse(bytes, strlen(bytes), false, &answer), STATUS_OK);
	assert_string_equal(answer.md5, "");
	text_free(&answer.body);
}

static void what_is_none(void **state)
{
	static const struct {
		const char *bytes;
		enum status status;
	} rows[] = {
		{"SSH-2.0-x\r\n\r\n", STATUS_MALFORMED},
		{"HTTP/2 200\r\n\r\n", STATUS_MALFORMED},
		{"HTTP/1.1 2x0 \r\n\r\n", STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nno field\r\n\r\n", STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n", STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nContent-Length: 65\r\n\r\n", STATUS_TOO_LARGE},
		{"HTTP/1.1 200 \r\nContent-Length: 18446744073709551615\r\n\r\n", STATUS_TOO_LARGE},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: gzip\r\n\r\n", STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n41\r\n", STATUS_TOO_LARGE},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
		 STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n",
		 STATUS_MALFORMED},
		/* cut short */
		{"HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\n12345678", STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nContent-Le", STATUS_MALFORMED},
		{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", STATUS_MALFORMED},
		{"", STATUS_MALFORMED},
	};
	struct nacos_answer answer;
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(parse(rows[i].bytes, strlen(rows[i].bytes), true, &answer),
				 rows[i].status);
		text_free(&answer.body);
	}
}

static void a_head_without_end(void **state)
{
	struct nacos_answer answer;
	char *bytes = malloc(NACOS_HEAD_MAX + 1);
	(void)state;

	memset(bytes, 'a', NACOS_HEAD_MAX + 1);
	assert_int_equal(parse(bytes, NACOS_HEAD_MAX, false, &answer), STATUS_AGAIN);
	text_free(&answer.body);
	assert_int_equal(parse(bytes, NACOS_HEAD_MAX + 1, false, &answer), STATUS_TOO_LARGE);
	text_free(&answer.body);
	free(bytes);
}

/* Bytes without a pause, of which few are the answer's, for FLOOD_S. */
enum { FLOOD_S = 3, FLOOD_LINE = 8000 };

static void *flood(void *arg)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	char chunk[FLOOD_LINE + 8];
	time_t end = time(NULL) + FLOOD_S;
	int fd = accept(*(int *)arg, NULL, NULL);

	memset(chunk, 'e', sizeof chunk);
	memcpy(chunk, "1;", 2);
	memcpy(chunk + FLOOD_LINE, "\r\nx\r\n", 5);
	ssize_t sent = send(fd, head, sizeof head - 1, MSG_NOSIGNAL);
	while (sent > 0 && time(NULL) < end)
		sent = send(fd, chunk, FLOOD_LINE + 5, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void bytes_without_a_pause_end_in_time(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t size = sizeof addr;
	int listening = socket(AF_INET, SOCK_STREAM, 0);
	struct nacos_server server = {.host = "127.0.0.1"};
	struct nacos_answer answer;
	pthread_t thread;
	(void)state;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_false(bind(listening, (struct sockaddr *)(void *)&addr, sizeof addr) ||
		     listen(listening, 1) ||
		     getsockname(listening, (struct sockaddr *)(void *)&addr, &size));
	server.port = ntohs(addr.sin_port);
	assert_int_equal(pthread_create(&thread, NULL, flood, &listening), 0);
	const struct nacos_ask ask = {
		.server = &server,
		.request = SLICE("GET / HTTP/1.1\r\n\r\n"),
		.timeout_ms = 300,
		.body_max = 1 << 20,
		.wake_fd = eventfd(0, EFD_CLOEXEC),
	};
	assert_int_equal(nacos_exchange(&ask, &answer), status_of_errno(ETIMEDOUT));
	text_free(&answer.body);
	pthread_join(thread, NULL);
	close(ask.wake_fd);
	close(listening);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_answers),
		cmocka_unit_test(the_check_sum_is_found),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(a_head_without_end),
		cmocka_unit_test(bytes_without_a_pause_end_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
