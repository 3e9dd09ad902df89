#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/map.h"

static void finds_what_was_set(void **state)
{
	struct map map;
	int one = 1, two = 2;
	(void)state;

	map_init(&map, NULL);
	assert_null(map_get(&map, SLICE("a")));
	map_set(&map, SLICE("a"), &one);
	map_set(&map, SLICE("b"), &two);
	assert_ptr_equal(map_get(&map, SLICE("a")), &one);
	assert_ptr_equal(map_get(&map, SLICE("b")), &two);
	assert_null(map_get(&map, SLICE("A")));
	assert_null(map_get(&map, SLICE("")));
	map_set(&map, SLICE("a"), &two);
	assert_ptr_equal(map_get(&map, SLICE("a")), &two);
	assert_int_equal(map.count, 2);
	assert_ptr_equal(map_find_hashed(&map, SLICE("b"), hash_bytes(SLICE("b")))->value, &two);
	map_free(&map);
	assert_null(map_get(&map, SLICE("a")));
}

static void the_empty_key_is_a_key(void **state)
{
	struct map map;
	bool is_new;
	(void)state;

	map_init(&map, NULL);
	map_at(&map, slice_make(NULL, 0), &is_new)->number = 7;
	assert_true(is_new);
	assert_int_equal(map_at(&map, SLICE(""), &is_new)->number, 7);
	assert_false(is_new);
	assert_int_equal(map.count, 1);
	map_free(&map);
}

static void an_arena_may_own_the_entries(void **state)
{
	struct arena arena;
	struct map map;
	(void)state;

	arena_init(&arena, 256);
	map_init(&map, &arena);
	for (int i = 0; i < 1000; i++)
		map_at(&map, slice_of(arena_printf(&arena, "%d", i)), NULL)->number = (uint64_t)i;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(map_find(&map, slice_of(arena_printf(&arena, "%d", i)))->number,
				 i);
	arena_free(&arena);
}

/* Against an array of flags; few keys and many steps, so that runs wrap and removals shift. */
static void random_edits_agree_with_an_array(void **state)
{
	enum { KEYS = 300 };
	static char keys[KEYS][16];
	uint64_t model[KEYS] = {0};
	struct map map;
	(void)state;

	srand(3);
	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof keys[i], "k%d", i);
	map_init(&map, NULL);
	for (uint64_t step = 1; step < 60000; step++) {
		int k = rand() % KEYS;
		/* Waves: mostly adding, then mostly removing. */
		if (rand() % 4 < (step / 1000 % 2 ? 3 : 1)) {
			map_at(&map, slice_of(keys[k]), NULL)->number = step;
			model[k] = step;
		} else {
			void *removed = map_remove(&map, slice_of(keys[k]));
			assert_int_equal((uintptr_t)removed, model[k]);
			model[k] = 0;
		}
		if (step % 100)
			continue;
		uint32_t count = 0;
		for (int i = 0; i < KEYS; i++) {
			const struct map_entry *entry = map_find(&map, slice_of(keys[i]));
			assert_int_equal(entry ? entry->number : 0, model[i]);
			count += model[i] != 0;
		}
		assert_int_equal(map.count, count);
		for (struct map_entry *e = NULL; (e = map_next(&map, e)); count--)
			assert_int_equal(model[atoi(e->key.data + 1)], e->number);
		assert_int_equal(count, 0);
	}
	map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_set),
		cmocka_unit_test(the_empty_key_is_a_key),
		cmocka_unit_test(an_arena_may_own_the_entries),
		cmocka_unit_test(random_edits_agree_with_an_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
