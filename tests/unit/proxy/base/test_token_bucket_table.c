#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/shared_count.h"
#include "base/token_bucket_table.h"

static struct token_bucket_table *new_table(uint32_t count)
{
	struct token_bucket_table *table = malloc(token_bucket_table_size(count));
	assert_non_null(table);
	token_bucket_table_init(table, count, 1, 1, 1000000000);
	return table;
}

static void each_key_has_a_bucket_of_its_own(void **state)
{
	struct token_bucket_table *table = new_table(16);
	(void)state;

	for (uint64_t key = 0; key < 16; key++)
		assert_true(token_bucket_take(
			token_bucket_table_get(table, hash_uint64(key), 1000 + key), 1000 + key,
			1));
	for (uint64_t key = 0; key < 16; key++)
		assert_false(token_bucket_take(
			token_bucket_table_get(table, hash_uint64(key), 1000 + key), 1000 + key,
			1));
	free(table);
}

static void the_one_asked_for_longest_ago_makes_room(void **state)
{
	struct token_bucket_table *table = new_table(16);
	(void)state;

	for (uint64_t key = 1; key <= 16; key++)
		assert_true(
			token_bucket_take(token_bucket_table_get(table, key, 100 + key), 1000, 1));
	token_bucket_table_get(table, 1, 200);
	/* a key that is new displaces 2, not 1, and its bucket is full */
	assert_true(token_bucket_take(token_bucket_table_get(table, 17, 201), 1000, 1));
	assert_false(token_bucket_take(token_bucket_table_get(table, 1, 202), 1000, 1));
	assert_true(token_bucket_take(token_bucket_table_get(table, 2, 203), 1000, 1));
	free(table);
}

static void a_table_holds_at_least_what_was_asked(void **state)
{
	(void)state;
	for (uint32_t count = 1; count < 100; count++) {
		struct token_bucket_table *table = new_table(count);
		assert_true(table->set_count * TOKEN_BUCKET_TABLE_WAYS >= count);
		/* the last set is there: sanitizers look */
		for (uint64_t key = 0; key < 200; key++)
			assert_true(token_bucket_take(token_bucket_table_get(table, key, key), 1000,
						      0));
		free(table);
	}
}

static void a_shared_count_keeps_its_limit(void **state)
{
	struct shared_count count = {0};
	(void)state;

	assert_false(shared_count_take(&count, 0));
	assert_true(shared_count_take(&count, 2));
	assert_true(shared_count_take(&count, 2));
	assert_false(shared_count_take(&count, 2));
	shared_count_drop(&count);
	assert_true(shared_count_take(&count, 2));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_has_a_bucket_of_its_own),
		cmocka_unit_test(the_one_asked_for_longest_ago_makes_room),
		cmocka_unit_test(a_table_holds_at_least_what_was_asked),
		cmocka_unit_test(a_shared_count_keeps_its_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
