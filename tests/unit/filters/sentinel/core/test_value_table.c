#include "sentinel_support.h"

#include "base/hash.h"
#include "filters/sentinel/core/value_table.h"

static uint64_t value(uint64_t i)
{
	uint64_t hash = hash_uint64(i + 1);
	return hash < 2 ? hash + 2 : hash;
}

static void up_to_its_capacity_every_value_keeps_its_word(void **state)
{
	struct value_table table;
	(void)state;

	value_table_init(&table, 4000);
	for (uint64_t i = 0; i < 4000; i++)
		*value_table_at(&table, value(i), 1) = i + 10;
	for (uint64_t i = 0; i < 4000; i++) {
		assert_int_equal(*value_table_find(&table, value(i)), i + 10);
		assert_int_equal(*value_table_at(&table, value(i), 2), i + 10);
	}
	assert_null(value_table_find(&table, value(4000)));
	assert_int_equal(table.count, 4000);
	value_table_fini(&table);
}

static void beyond_it_those_go_that_were_not_used(void **state)
{
	struct value_table table;
	int kept = 0;
	(void)state;

	value_table_init(&table, 4000);
	for (uint64_t i = 0; i < 100000; i++) {
		*value_table_at(&table, value(i), (int64_t)i) = 1;
		if (i % 16 == 0) /* in steady use, and so kept */
			for (uint64_t k = 0; k < 10; k++)
				*value_table_at(&table, value(k), (int64_t)i) = 2;
	}
	assert_in_range(table.count, 4000, 4100); /* over it where both sets are empty */
	for (uint64_t k = 0; k < 10; k++)
		assert_int_equal(*value_table_find(&table, value(k)), 2);
	for (uint64_t i = 99000; i < 100000; i++)
		kept += value_table_find(&table, value(i)) != NULL;
	assert_in_range(kept, 900, 1000);
	assert_null(value_table_find(&table, value(11)));
	value_table_fini(&table);
}

static void a_small_table_holds_what_it_was_made_for(void **state)
{
	struct value_table table;
	(void)state;

	value_table_init(&table, 1);
	*value_table_at(&table, value(1), 1) = 5;
	assert_int_equal(*value_table_at(&table, value(2), 2), 0);
	assert_int_equal(table.count <= 2, 1);
	value_table_fini(&table);
}

static void values_of_an_attacker_cost_no_more_memory(void **state)
{
	struct fixture f;
	struct entry entry;
	struct argument argument = {.type = ARGUMENT_INTEGER};
	(void)state;

	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW, "[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0}]");
	struct entry_request request = request_of(&f, "r", 0);
	request.args = &argument;
	request.args_count = 1;
	for (int i = 0; i < 100000; i++) {
		argument.integer = i;
		assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(i / 100), &entry),
				 ENTRY_PASS);
		sph_exit(&entry, f.rules, at(i / 100));
	}
	assert_in_range(entry.rules->param[0].metric->values.count, 4000, 4100);
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(1000), &entry),
			 ENTRY_BLOCK);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_its_capacity_every_value_keeps_its_word),
		cmocka_unit_test(beyond_it_those_go_that_were_not_used),
		cmocka_unit_test(a_small_table_holds_what_it_was_made_for),
		cmocka_unit_test(values_of_an_attacker_cost_no_more_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
