/* Kept answers: found by their key, the oldest go when there are too many bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "filters/sentinel/answers.h"
#include "message/rpc_head.h"

struct fixture {
	struct answers *all;
	struct answers *answers; /* of the second worker */
	struct arena arena;
	struct headers headers;
};

enum { WORKERS = 2 };

static void open_fixture(struct fixture *f)
{
	f->all = answers_new(WORKERS);
	f->answers = answers_of(f->all, 1);
	arena_init(&f->arena, 1024);
	headers_init(&f->headers, &f->arena, 4);
	headers_add_id(&f->headers, HEADER_STATUS, SLICE("200"));
	headers_add(&f->headers, SLICE("x-a"), SLICE("1"));
	headers_add(&f->headers, SLICE("x-gone"), SLICE("2"));
	headers_remove(&f->headers, SLICE("x-gone"));
}

static void close_fixture(struct fixture *f)
{
	answers_free(f->all, WORKERS);
	arena_free(&f->arena);
}

static bool put(struct fixture *f, const char *key, const char *body, size_t bytes_max)
{
	const struct answer_parts parts = {
		.key = slice_of(key),
		.body = slice_of(body),
		.varies = SLICE("v"),
		.headers = &f->headers,
		.now_ms = 7,
	};

	return answers_put(f->answers, &parts, bytes_max);
}

static bool has(const struct fixture *f, const char *key)
{
	return answers_find(f->answers, slice_of(key)) != NULL;
}

static void an_answer_is_found_by_its_key(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	assert_false(has(&f, "a"));
	assert_true(put(&f, "a", "first", 4096));
	assert_true(put(&f, "b", "", 4096));
	assert_true(put(&f, "a", "second", 4096));
	const struct kept_answer *a = answers_find(f.answers, SLICE("a"));
	assert_non_null(a);
	assert_true(slice_equal(a->body, SLICE("second")) && slice_equal(a->varies, SLICE("v")));
	assert_int_equal(a->put_ms, 7);
	assert_int_equal(a->field_count, 2);
	assert_true(slice_equal(a->fields[0].name, SLICE(":status")));
	assert_true(slice_equal(a->fields[1].value, SLICE("1")));
	assert_int_equal(answers_find(f.answers, SLICE("b"))->body.len, 0);
	assert_int_equal(answers_count(f.answers), 2);
	assert_null(answers_find(answers_of(f.all, 0), SLICE("a"))); /* another worker's */
	assert_null(rpc_answer_head(&a->rpc, &f.arena));
	close_fixture(&f);
}

static void heads_of_calls_are_given_again(void **state)
{
	struct rpc_head head = {.protocol = RPC_DUBBO,
				.serialization = 2,
				.status = 20,
				.result = RPC_RESULT_VALUE_WITH_ATTACHMENTS};
	struct fixture f;
	(void)state;

	open_fixture(&f);
	f.headers.rpc = &head;
	assert_true(put(&f, "a", "x", 4096));
	const struct rpc_head *again =
		rpc_answer_head(&answers_find(f.answers, SLICE("a"))->rpc, &f.arena);
	assert_non_null(again);
	assert_true(again->protocol == RPC_DUBBO && again->serialization == 2);
	assert_true(again->status == 20 && again->result == RPC_RESULT_VALUE_WITH_ATTACHMENTS);
	assert_true(again->is_local && !again->bolt);
	close_fixture(&f);
}

static void the_oldest_go_when_bytes_run_out(void **state)
{
	enum { ANSWERS = 500 };
	struct fixture f;
	char key[16];
	(void)state;

	open_fixture(&f);
	assert_true(put(&f, "000", "body", SIZE_MAX));
	size_t one = answers_bytes(f.answers);
	for (int i = 1; i < ANSWERS; i++) {
		snprintf(key, sizeof key, "%03d", i);
		assert_true(put(&f, key, "body", SIZE_MAX));
	}
	assert_int_equal(answers_count(f.answers), ANSWERS);
	assert_int_equal(answers_bytes(f.answers), ANSWERS * one);
	assert_true(put(&f, "000", "body", ANSWERS * one)); /* takes its own place */
	assert_int_equal(answers_count(f.answers), ANSWERS);
	assert_true(put(&f, "new", "body", ANSWERS * one));
	assert_int_equal(answers_count(f.answers), ANSWERS);
	assert_true(has(&f, "000") && has(&f, "002") && !has(&f, "001"));
	assert_true(put(&f, "002", "body", one)); /* a lower limit */
	assert_int_equal(answers_count(f.answers), 1);
	assert_int_equal(answers_bytes(f.answers), one);
	close_fixture(&f);
}

static void what_is_too_large_is_not_kept(void **state)
{
	static char key[ANSWER_KEY_MAX + 2];
	struct fixture f;
	(void)state;

	open_fixture(&f);
	assert_true(put(&f, "a", "", SIZE_MAX));
	size_t one = answers_bytes(f.answers);
	assert_false(put(&f, "b", "x", one));
	assert_true(has(&f, "a") && !has(&f, "b"));
	memset(key, 'k', ANSWER_KEY_MAX + 1);
	assert_false(put(&f, key, "", SIZE_MAX));
	key[ANSWER_KEY_MAX] = 0;
	assert_true(put(&f, key, "", SIZE_MAX));
	close_fixture(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_found_by_its_key),
		cmocka_unit_test(heads_of_calls_are_given_again),
		cmocka_unit_test(the_oldest_go_when_bytes_run_out),
		cmocka_unit_test(what_is_too_large_is_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
