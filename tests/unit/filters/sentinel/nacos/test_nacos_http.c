/* Answers of a Nacos server, whole, in every part, and as they mustn't be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_answers),
		cmocka_unit_test(the_check_sum_is_found),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(a_head_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
