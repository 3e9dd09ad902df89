#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/shared.h"
#include "base/shared_section.h"
#include "base/token_bucket.h"

static void bucket_init(void *state, const void *config)
{
	(void)config;
	token_bucket_init(state, 10, 1, 1000000000);
}

static size_t bucket_save(const void *state, uint64_t *words, size_t max)
{
	assert_true(max > 0);
	words[0] = (uint64_t)token_bucket_save(state);
	return 1;
}

static void bucket_restore(void *state, const uint64_t *words, size_t count)
{
	if (count == 1)
		token_bucket_restore(state, (int64_t)words[0]);
}

static const struct shared_type bucket_type = {"bucket", bucket_init, bucket_save, bucket_restore};
static const uint64_t now = 1000 * UINT64_C(1000000000);

static struct token_bucket *take(const char *name, uint64_t config_hash)
{
	return shared_take(&bucket_type, slice_of(name), config_hash, sizeof(struct token_bucket),
			   NULL);
}

static enum status import(struct slice bytes)
{
	struct diag diag = {0};
	enum status status = shared_section.import(NULL, SECTION_FINAL, 1, bytes, &diag);

	assert_int_equal(status != STATUS_OK, diag_is_set(&diag));
	return status;
}

/* What is saved in one process, and given to the same states of another. */
static void test_buckets_are_as_empty_as_they_were(void **state)
{
	struct section_writer out = {0};

	(void)state;
	struct token_bucket *a = take("a", 1), *b = take("b", 1), *c = take("c", 1);
	assert_true(token_bucket_take(a, now, 7));
	assert_true(token_bucket_take(b, now, 8));
	assert_true(token_bucket_take(c, now, 9));
	shared_section.export[SECTION_FINAL](NULL, &out);
	shared_drop(a);
	shared_drop(b);
	shared_drop(c);
	a = take("a", 1);
	assert_int_equal(token_bucket_tokens(a, now), 10);
	assert_int_equal(import(slice_make(out.data, out.len)), STATUS_OK);
	assert_int_equal(token_bucket_tokens(a, now), 3);
	b = take("b", 1); /* later */
	assert_int_equal(token_bucket_tokens(b, now), 2);
	struct token_bucket *other = take("b", 2); /* of another configuration */
	assert_int_equal(token_bucket_tokens(other, now), 10);
	shared_section.predecessor_gone(NULL);
	c = take("c", 1);
	assert_int_equal(token_bucket_tokens(c, now), 10);
	shared_drop(a);
	shared_drop(b);
	shared_drop(c);
	shared_drop(other);
	section_writer_free(&out);
	assert_int_equal(shared_count(), 0);
}

static void test_all_or_nothing(void **state)
{
	struct section_writer out = {0};

	(void)state;
	struct token_bucket *a = take("a", 1);
	assert_true(token_bucket_take(a, now, 7));
	shared_section.export[SECTION_FINAL](NULL, &out);
	token_bucket_restore(a, 0);
	uint64_t full = token_bucket_tokens(a, now);
	for (size_t len = 1; len < out.len; len++) {
		char *copy = malloc(len); /* so that reading beyond it is seen */
		assert_non_null(copy);
		memcpy(copy, out.data, len);
		assert_int_not_equal(import(slice_make(copy, len)), STATUS_OK);
		assert_int_equal(token_bucket_tokens(a, now), full);
		free(copy);
	}
	assert_int_not_equal(import(SLICE("\x0a\x02\x12\x00")), STATUS_OK); /* no type */
	shared_section.predecessor_gone(NULL);
	shared_drop(a);
	section_writer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_are_as_empty_as_they_were),
		cmocka_unit_test(test_all_or_nothing),
	};
	return cmocka_run_group_tests_name("shared_section", tests, NULL, NULL);
}
