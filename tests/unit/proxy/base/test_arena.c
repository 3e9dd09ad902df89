/* The arena takes its blocks from malloc, so AddressSanitizer judges bounds and leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"

static void nothing_is_taken_before_it_is_needed(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	assert_int_equal(arena.allocated, 0);
	arena_reset(&arena);
	arena_free(&arena);
	assert_int_equal(arena.allocated, 0);
}

static void pieces_are_aligned_and_apart(void **state)
{
	enum { COUNT = 500 };
	unsigned char *pieces[COUNT];
	struct arena arena;
	(void)state;

	arena_init(&arena, 256);
	for (unsigned i = 0; i < COUNT; i++) {
		size_t size = i % 97;
		pieces[i] = arena_alloc(&arena, size);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 8, 0);
		memset(pieces[i], (int)i, size);
	}
	for (unsigned i = 0; i < COUNT; i++)
		for (size_t at = 0; at < i % 97; at++)
			assert_int_equal(pieces[i][at], (unsigned char)i);
	arena_free(&arena);
}

static void a_big_piece_leaves_the_current_block_in_use(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	char *first = arena_alloc(&arena, 16);
	char *big = arena_alloc(&arena, 5000);
	memset(big, 1, 5000);
	char *second = arena_alloc(&arena, 16);
	assert_true(second > first && second < first + 64);
	arena_free(&arena);
}

static void tables_are_aligned_and_counted(void **state)
{
	static const size_t sizes[] = {0, 1, 64, 5000, 100000, (2 << 20) - 1, 2 << 20, 5000000};
	unsigned char *tables[COUNT_OF(sizes)];
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	for (unsigned round = 0; round < 2; round++) {
		size_t total = 0;
		for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
			tables[i] = arena_alloc_table(&arena, sizes[i]);
			assert_int_equal((uintptr_t)tables[i] % 64, 0);
			memset(tables[i], (int)i + 1, sizes[i]);
			total += sizes[i];
		}
		for (unsigned i = 0; i < COUNT_OF(sizes); i++)
			for (size_t at = 0; at < sizes[i]; at += 61)
				assert_int_equal(tables[i][at], i + 1);
		assert_true(arena.allocated >= total && arena.allocated < 2 * total);
		arena_reset(&arena);
		assert_true(arena.allocated < 8192);
	}
	arena_free(&arena);
	char *first = arena_alloc_table(&arena, 3 << 20); /* into an arena that has no block yet */
	char *second = arena_alloc(&arena, 16);
	memset(first, 1, 3 << 20);
	memset(second, 2, 16);
	arena_free(&arena);
	assert_int_equal(arena.allocated, 0);
}

static void reset_keeps_one_block_and_uses_it_again(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	arena_alloc(&arena, 8);
	size_t one_block = arena.allocated;
	for (int i = 0; i < 100; i++)
		arena_alloc(&arena, 200);
	arena_alloc(&arena, 100000);
	assert_true(arena.allocated > 100000);
	arena_reset(&arena);
	assert_int_equal(arena.allocated, one_block);
	arena_alloc(&arena, 200);
	assert_int_equal(arena.allocated, one_block);
	arena_free(&arena);
	assert_int_equal(arena.allocated, 0);
	arena_alloc(&arena, 8); /* it may be used again */
	arena_free(&arena);
}

static void a_big_piece_does_not_cost_the_kept_block(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	char *first = arena_alloc(&arena, 8);
	arena_alloc(&arena, 5000); /* lies behind the first block */
	arena_reset(&arena);
	assert_ptr_equal(arena_alloc(&arena, 8), first);
	arena_free(&arena);
}

static void rounds_that_are_alike_end_up_in_one_block(void **state)
{
	struct arena arena;
	size_t before = 0;
	(void)state;

	arena_init(&arena, 1024);
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 10; i++)
			arena_alloc(&arena, 150);
		arena_alloc(&arena, 900);
		assert_true(round < 3 || arena.allocated == before); /* nothing was taken */
		arena_reset(&arena);
		before = arena.allocated;
	}
	assert_in_range(before, 2048, 4096 + 64);
	arena_alloc(&arena, 10000); /* out of the ordinary */
	arena_reset(&arena);
	assert_int_equal(arena.allocated, before);
	arena_free(&arena);
}

static void a_first_block_of_odd_size_is_not_kept(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	arena_alloc(&arena, 4000);
	arena_reset(&arena);
	assert_int_equal(arena.allocated, 0);
	arena_free(&arena);
}

static void zeroed_memory_is_zero(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	memset(arena_alloc(&arena, 512), 0xff, 512);
	arena_reset(&arena);
	const unsigned char *bytes = arena_zalloc(&arena, 512);
	for (int i = 0; i < 512; i++)
		assert_int_equal(bytes[i], 0);
	const uint64_t *words = ARENA_NEW_ARRAY(&arena, uint64_t, 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(words[i], 0);
	arena_free(&arena);
}

static void copies_end_in_zero(void **state)
{
	char text[] = "abc";
	struct arena arena;
	(void)state;

	arena_init(&arena, 64);
	struct slice copy = arena_slice(&arena, slice_make(text, 3));
	const char *string = arena_string(&arena, slice_make(text, 2));
	text[0] = 'x';
	assert_int_equal(copy.len, 3);
	assert_string_equal(copy.data, "abc");
	assert_string_equal(string, "ab");
	assert_string_equal(arena_string(&arena, slice_make(NULL, 0)), "");
	assert_string_equal(arena_printf(&arena, "%s-%d", "n", 42), "n-42");
	char *longer = arena_printf(&arena, "%0500d", 1);
	assert_int_equal(strlen(longer), 500);
	arena_free(&arena);
}

struct log {
	char text[16];
	size_t len;
};

struct mark {
	struct log *log;
	char name;
};

static void numbers_are_decimal_digits(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {{0, "0"},     {9, "9"},         {10, "10"},
		    {205, "205"}, {15000, "15000"}, {UINT64_MAX, "18446744073709551615"}};
	struct arena arena;
	(void)state;

	arena_init(&arena, 256);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice text = arena_number(&arena, rows[i].n);
		assert_int_equal(text.len, strlen(rows[i].text));
		assert_memory_equal(text.data, rows[i].text, text.len);
	}
	arena_free(&arena);
}

static void take_a_block(void *ptr)
{
	for (int i = 0; i < 5; i++)
		memset(arena_alloc(ptr, 60), 'x', 60);
}

static void a_deferred_call_may_take_a_block(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 256);
	arena_defer(&arena, take_a_block, &arena);
	arena_reset(&arena);
	memset(arena_alloc(&arena, 200), 'y', 200);
	assert_in_range(arena.allocated, 512, 1024 + 64); /* one larger block is left */
	arena_free(&arena);
}

static void write_mark(void *ptr)
{
	struct mark *mark = ptr;
	mark->log->text[mark->log->len++] = mark->name;
}

static void deferred_calls_run_newest_first_and_once(void **state)
{
	struct log log = {.len = 0};
	struct mark a = {&log, 'a'}, b = {&log, 'b'}, c = {&log, 'c'};
	struct arena arena;
	(void)state;

	arena_init(&arena, 64);
	arena_defer(&arena, write_mark, &a);
	arena_defer(&arena, write_mark, &b);
	arena_reset(&arena);
	assert_memory_equal(log.text, "ba", 2);
	arena_defer(&arena, write_mark, &c);
	arena_free(&arena);
	arena_free(&arena);
	assert_int_equal(log.len, 3);
	assert_memory_equal(log.text, "bac", 3);
}

struct chain {
	struct arena *arena;
	struct mark *next;
};

static void defer_another(void *ptr)
{
	struct chain *chain = ptr;
	arena_defer(chain->arena, write_mark, chain->next);
}

static void a_deferred_call_may_defer_another(void **state)
{
	struct log log = {.len = 0};
	struct mark a = {&log, 'a'};
	struct arena arena;
	struct chain chain = {&arena, &a};
	(void)state;

	arena_init(&arena, 64);
	arena_defer(&arena, defer_another, &chain);
	arena_free(&arena);
	assert_int_equal(log.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_taken_before_it_is_needed),
		cmocka_unit_test(pieces_are_aligned_and_apart),
		cmocka_unit_test(a_big_piece_leaves_the_current_block_in_use),
		cmocka_unit_test(tables_are_aligned_and_counted),
		cmocka_unit_test(reset_keeps_one_block_and_uses_it_again),
		cmocka_unit_test(a_big_piece_does_not_cost_the_kept_block),
		cmocka_unit_test(rounds_that_are_alike_end_up_in_one_block),
		cmocka_unit_test(a_first_block_of_odd_size_is_not_kept),
		cmocka_unit_test(zeroed_memory_is_zero),
		cmocka_unit_test(copies_end_in_zero),
		cmocka_unit_test(numbers_are_decimal_digits),
		cmocka_unit_test(a_deferred_call_may_take_a_block),
		cmocka_unit_test(deferred_calls_run_newest_first_and_once),
		cmocka_unit_test(a_deferred_call_may_defer_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
