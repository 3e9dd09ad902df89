#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/trie.h"

static void build(struct trie *trie, struct arena *arena, const char *const *keys, size_t count,
		  unsigned flags)
{
	struct trie_entry entries[64];

	for (size_t i = 0; i < count; i++)
		entries[i] = (struct trie_entry){slice_of(keys[i]), (uint32_t)i};
	trie_build(trie, arena, entries, count, flags);
}

static void longest_and_lowest(void **state)
{
	static const char *const keys[] = {"/api/ab", "/api", "/x", "/", "/api/abc"};
	struct arena arena;
	struct trie trie;
	(void)state;

	arena_init(&arena, 1024);
	build(&trie, &arena, keys, COUNT_OF(keys), 0);
	assert_int_equal(trie_find_longest(&trie, SLICE("/api/abc/d")), 4);
	assert_int_equal(trie_find_longest(&trie, SLICE("/api/abc")), 4);
	assert_int_equal(trie_find_longest(&trie, SLICE("/api/ab")), 0);
	assert_int_equal(trie_find_longest(&trie, SLICE("/api/a")), 1);
	assert_int_equal(trie_find_longest(&trie, SLICE("/y")), 3);
	assert_int_equal(trie_find_longest(&trie, SLICE("")), TRIE_NONE);
	assert_int_equal(trie_find_longest(&trie, SLICE("api")), TRIE_NONE);
	assert_int_equal(trie_find_lowest(&trie, SLICE("/api/abc/d")), 0);
	assert_int_equal(trie_find_lowest(&trie, SLICE("/api/x")), 1);
	assert_int_equal(trie_find_lowest(&trie, SLICE("x")), TRIE_NONE);
	arena_free(&arena);
}

static void matches_come_shortest_first(void **state)
{
	static const char *const keys[] = {"abc", "", "ab", "abd", "b"};
	static const uint32_t expected[] = {1, 2, 0};
	struct arena arena;
	struct trie trie;
	uint32_t value;
	unsigned n = 0;
	(void)state;

	arena_init(&arena, 1024);
	build(&trie, &arena, keys, COUNT_OF(keys), 0);
	struct trie_cursor cursor = trie_begin(&trie, SLICE("abce"));
	while (trie_next(&cursor, &value)) {
		assert_true(n < COUNT_OF(expected));
		assert_int_equal(value, expected[n++]);
	}
	assert_int_equal(n, COUNT_OF(expected));
	assert_false(trie_next(&cursor, &value));
	arena_free(&arena);
}

static void suffixes_and_case(void **state)
{
	static const char *const keys[] = {".example.com", ".COM", "Example.com"};
	struct arena arena;
	struct trie trie;
	(void)state;

	arena_init(&arena, 1024);
	build(&trie, &arena, keys, COUNT_OF(keys), TRIE_SUFFIX | TRIE_NOCASE);
	assert_int_equal(trie_find_longest(&trie, SLICE("www.EXAMPLE.com")), 0);
	assert_int_equal(trie_find_longest(&trie, SLICE("eXample.com")), 2);
	assert_int_equal(trie_find_longest(&trie, SLICE("other.com")), 1);
	assert_int_equal(trie_find_longest(&trie, SLICE("com")), TRIE_NONE);
	build(&trie, &arena, keys, COUNT_OF(keys), TRIE_SUFFIX);
	assert_int_equal(trie_find_longest(&trie, SLICE("www.EXAMPLE.com")), TRIE_NONE);
	assert_int_equal(trie_find_longest(&trie, SLICE("www.example.com")), 0);
	arena_free(&arena);
}

static void of_equal_keys_the_first_counts(void **state)
{
	static const char *const keys[] = {"b", "a", "b", "a", "a"};
	struct arena arena;
	struct trie trie;
	(void)state;

	arena_init(&arena, 1024);
	build(&trie, &arena, keys, COUNT_OF(keys), 0);
	assert_int_equal(trie_find_longest(&trie, SLICE("a")), 1);
	assert_int_equal(trie_find_longest(&trie, SLICE("b")), 0);
	build(&trie, &arena, keys, 0, 0);
	assert_int_equal(trie_find_longest(&trie, SLICE("a")), TRIE_NONE);
	arena_free(&arena);
}

/* Against a look at every key, over a small alphabet so that keys share much. */
static void random_keys_agree_with_a_scan(void **state)
{
	enum { KEYS = 60 };
	static char texts[KEYS][10];
	const char *keys[KEYS];
	struct arena arena;
	struct trie trie;
	(void)state;

	srand(5);
	arena_init(&arena, 4096);
	for (int round = 0; round < 200; round++) {
		unsigned flags = (unsigned)rand() % 4;
		for (int i = 0; i < KEYS; i++) {
			int len = rand() % 8;
			for (int c = 0; c < len; c++)
				texts[i][c] = "abAB"[rand() % 4];
			texts[i][len] = 0;
			keys[i] = texts[i];
		}
		build(&trie, &arena, keys, KEYS, flags);
		for (int probe = 0; probe < 200; probe++) {
			char text[12];
			int len = rand() % 12;
			uint32_t longest = TRIE_NONE, lowest = TRIE_NONE;
			size_t best = 0;
			for (int c = 0; c < len; c++)
				text[c] = "abAB"[rand() % 4];
			struct slice s = slice_make(text, (size_t)len);
			for (uint32_t i = 0; i < KEYS; i++) {
				struct slice key = slice_of(keys[i]), part;
				if (key.len > s.len)
					continue;
				part = flags & TRIE_SUFFIX ? slice_sub(s, s.len - key.len, s.len)
							   : slice_sub(s, 0, key.len);
				if (flags & TRIE_NOCASE ? !slice_equal_nocase(part, key)
							: !slice_equal(part, key))
					continue;
				if (longest == TRIE_NONE || key.len > best)
					longest = i, best = key.len;
				if (lowest == TRIE_NONE)
					lowest = i;
			}
			assert_int_equal(trie_find_longest(&trie, s), longest);
			assert_int_equal(trie_find_lowest(&trie, s), lowest);
		}
		arena_reset(&arena);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_and_lowest),
		cmocka_unit_test(matches_come_shortest_first),
		cmocka_unit_test(suffixes_and_case),
		cmocka_unit_test(of_equal_keys_the_first_counts),
		cmocka_unit_test(random_keys_agree_with_a_scan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
