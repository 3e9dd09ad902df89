/* Texts found by their hashes beside what they lead to: of all lengths, and when hashes are the
 * same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "routing/text_table.h"

/* Tables of so many texts "", "a1", "bb2" …, each record with its number. */
static void make_table(struct text_table *table, unsigned texts, struct slice *names,
		       struct arena *arena)
{
	uint32_t mask = text_slots_count(texts) - 1;
	struct text_slot *slots = ARENA_NEW_ARRAY(arena, struct text_slot, (size_t)mask + 1);
	struct text_records records;

	text_records_init(&records, arena);
	for (unsigned i = 0; i < texts; i++) {
		char *text = arena_printf(arena, "%.*s%u", (int)(i % 40),
					  "abcdefghijklmnopqrstuvwxyz0123456789....", i);
		names[i] = slice_make(text, i ? strlen(text) : 0);
		if (i % 3 == 0)
			text_records_align(&records);
		if (i % 3 == 1)
			text_records_fit(&records, text_record_size(names[i].len) + 8);
		size_t before = records.len, at = text_records_begin(&records, names[i]);
		uint64_t number = i;
		size_t owned = text_records_add(&records, sizeof number);
		memcpy(records.bytes + owned, &number, sizeof number);
		assert_int_equal(at, before);
		if (i % 3 == 0)
			assert_int_equal(at % 64, 0);
		if (i % 3 == 1) /* as few lines as its length takes */
			assert_true((records.len - 1) / 64 - at / 64 <=
				    (records.len - at - 1) / 64);
		text_slots_add(slots, mask, name_hash(names[i]), text_records_at(at));
	}
	text_table_finish(table, slots, mask, &records, arena);
}

static const struct text_record *find(const struct text_table *table, struct slice name)
{
	return text_slots_find(table->slots, table->mask, table->records, name, name_hash(name), 8);
}

static void finds_all_and_no_others(void **state)
{
	static const unsigned sizes[] = {0, 1, 2, 3, 4, 5, 100, 10000};
	(void)state;

	for (unsigned s = 0; s < COUNT_OF(sizes); s++) {
		struct slice names[10001];
		struct text_table table;
		struct arena arena;
		arena_init(&arena, 4096);
		make_table(&table, sizes[s], names, &arena);
		assert_int_equal((uintptr_t)table.slots % 64, 0);
		assert_int_equal((uintptr_t)table.records % 64, 0);
		for (unsigned i = 0; i < sizes[s]; i++) {
			const struct text_record *record = find(&table, names[i]);
			assert_non_null(record);
			assert_int_equal(*(const uint64_t *)text_record_rest(record), i);
			struct slice longer = slice_of(
				arena_printf(&arena, "%.*s!", (int)names[i].len, names[i].data));
			assert_null(find(&table, longer));
		}
		assert_null(find(&table, SLICE("there is none")));
		arena_free(&arena);
	}
}

static void a_slot_is_always_empty(void **state)
{
	(void)state;
	for (uint32_t texts = 0; texts < 5000; texts++) {
		uint32_t count = text_slots_count(texts);
		assert_true(count > texts && !(count & (count - 1)));
		assert_true(texts < 4 || (uint64_t)5 * texts <= (uint64_t)4 * (count + 1));
	}
}

static void equal_hashes_are_told_apart(void **state)
{
	static const char *const texts[] = {"one", "two", "six", "seventeen"};
	uint32_t mask = text_slots_count(4) - 1;
	struct text_records records;
	struct text_slot slots[8];
	struct arena arena;
	(void)state;

	assert_int_equal(mask, 7);
	memset(slots, 0, sizeof slots);
	arena_init(&arena, 4096);
	text_records_init(&records, &arena);
	for (unsigned i = 0; i < 4; i++)
		text_slots_add(slots, mask, 7, /* the last slot: they go on in the first */
			       text_records_at(text_records_begin(&records, slice_of(texts[i]))));
	for (unsigned i = 0; i < 4; i++) {
		const struct text_record *record =
			text_slots_find(slots, mask, records.bytes, slice_of(texts[i]), 7, 1);
		assert_non_null(record);
		assert_true(slice_equal(slice_make(record->text, record->len), slice_of(texts[i])));
	}
	assert_null(text_slots_find(slots, mask, records.bytes, SLICE("ten"), 7, 1));
	assert_null(text_slots_find(slots, mask, records.bytes, SLICE("one"), 15, 1));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_all_and_no_others),
		cmocka_unit_test(a_slot_is_always_empty),
		cmocka_unit_test(equal_hashes_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
