/* Which request is next, and which key is there already: against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "spool/spool_index.h"

enum { MANY = 200, STEPS = 4000 };

static struct spool_entry *add(struct spool_index *index, uint64_t id, uint64_t key, uint64_t at_ms)
{
	const struct spool_record record = {
		.type = SPOOL_REQUEST, .id = id, .created_ms = at_ms, .key = {{key, 1}}};

	return spool_index_add(index, &record, (struct spool_place){.segment = 1});
}

static void the_earliest_is_first_and_of_equals_the_oldest(void **state)
{
	struct spool_index index;
	struct spool_entry *entry;

	(void)state;
	spool_index_init(&index);
	assert_null(spool_index_first(&index));
	add(&index, 1, 1, 20);
	add(&index, 2, 2, 10);
	add(&index, 3, 3, 10);
	for (uint64_t id = 2; id <= 3; id++) {
		entry = spool_index_first(&index);
		assert_int_equal(entry->id, id);
		spool_index_take(&index, entry);
	}
	assert_int_equal(spool_index_first(&index)->id, 1);
	assert_int_equal(index.count, 3);
	spool_index_retry(&index, entry, 15);
	assert_int_equal(spool_index_first(&index)->id, 3);
	spool_index_remove(&index, entry);
	assert_int_equal(spool_index_first(&index)->id, 1);
	spool_index_fini(&index);
}

static void a_key_is_found_while_its_request_is_there(void **state)
{
	const struct spool_key none = {{0, 0}}, other = {{1, 2}}, key = {{1, 1}};
	struct spool_index index;

	(void)state;
	spool_index_init(&index);
	assert_null(spool_index_find(&index, key));
	struct spool_entry *entry = add(&index, 9, 1, 0);
	assert_ptr_equal(spool_index_find(&index, key), entry);
	assert_null(spool_index_find(&index, other));
	assert_null(spool_index_find(&index, none));
	spool_index_take(&index, entry);
	assert_ptr_equal(spool_index_find(&index, key), entry);
	spool_index_remove(&index, entry);
	assert_null(spool_index_find(&index, key));
	spool_index_fini(&index);
}

static void any_order_agrees_with_a_list(void **state)
{
	struct spool_entry *entries[MANY] = {NULL};
	uint64_t due[MANY] = {0}, next_id = 1;
	bool is_out[MANY] = {false};
	struct spool_index index;
	struct random random;

	(void)state;
	random_init(&random, 1);
	spool_index_init(&index);
	for (int step = 0; step < STEPS; step++) {
		uint32_t i = random_below(&random, MANY);
		if (!entries[i]) {
			due[i] = random_below(&random, 100);
			entries[i] = add(&index, next_id, next_id, due[i]);
			next_id++;
		} else if (is_out[i] && random_below(&random, 2)) {
			due[i] = random_below(&random, 100);
			spool_index_retry(&index, entries[i], due[i]);
			is_out[i] = false;
		} else if (random_below(&random, 2)) {
			spool_index_remove(&index, entries[i]);
			entries[i] = NULL;
			is_out[i] = false;
		} else if (!is_out[i]) {
			spool_index_take(&index, entries[i]);
			is_out[i] = true;
		}
		const struct spool_entry *first = NULL;
		uint32_t count = 0;
		for (uint32_t n = 0; n < MANY; n++) {
			count += entries[n] != NULL;
			if (!entries[n] || is_out[n])
				continue;
			assert_ptr_equal(spool_index_find(&index, entries[n]->key), entries[n]);
			if (!first || due[n] < first->due_ms ||
			    (due[n] == first->due_ms && entries[n]->id < first->id))
				first = entries[n];
		}
		assert_int_equal(index.count, count);
		assert_ptr_equal(spool_index_first(&index), first);
	}
	spool_index_fini(&index);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earliest_is_first_and_of_equals_the_oldest),
		cmocka_unit_test(a_key_is_found_while_its_request_is_there),
		cmocka_unit_test(any_order_agrees_with_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
