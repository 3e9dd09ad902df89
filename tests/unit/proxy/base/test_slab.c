#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slab.h"

enum { SIZE = 404, COUNT = 1000 }; /* some chunks of 160 each */

static void objects_are_apart_and_keep_their_bytes(void **state)
{
	struct slab slab = {.object_size = 0};
	char *objects[COUNT];
	(void)state;

	for (int i = 0; i < COUNT; i++) {
		objects[i] = slab_take(&slab, SIZE);
		assert_int_equal((uintptr_t)objects[i] % 8, 0);
		memset(objects[i], i % 251, SIZE);
	}
	for (int i = 0; i < COUNT; i++)
		for (int at = 0; at < SIZE; at++)
			assert_int_equal((unsigned char)objects[i][at], i % 251);
	for (int i = 0; i < COUNT; i++)
		slab_give(&slab, objects[i]);
	slab_fini(&slab);
}

static void an_object_costs_its_size(void **state)
{
	struct slab slab = {.object_size = 0};
	void *objects[COUNT];
	(void)state;

	for (int i = 0; i < COUNT; i++)
		objects[i] = slab_take(&slab, SIZE);
	unsigned most = COUNT * SIZE * 102 / 100 / SLAB_CHUNK_SIZE + 1;
	assert_in_range(slab.chunk_count, COUNT * SIZE / SLAB_CHUNK_SIZE, most);
	for (int i = 0; i < COUNT; i++)
		slab_give(&slab, objects[i]);
	slab_fini(&slab);
}

static void empty_chunks_go_back_but_the_last(void **state)
{
	struct slab slab = {.object_size = 0};
	void *objects[COUNT];
	(void)state;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++)
			objects[i] = slab_take(&slab, SIZE);
		unsigned most = slab.chunk_count;
		assert_true(most > 5);
		for (int i = 0; i < COUNT / 2; i++)
			slab_give(&slab, objects[i * 2]);
		assert_int_equal(slab.chunk_count, most); /* each is half full */
		for (int i = 0; i < COUNT / 2; i++)
			slab_give(&slab, objects[i * 2 + 1]);
		assert_int_equal(slab.chunk_count, 1);
	}
	slab_fini(&slab);
	assert_int_equal(slab.chunk_count, 0);
}

static void what_was_given_is_taken_first(void **state)
{
	struct slab slab = {.object_size = 0};
	(void)state;

	void *first = slab_take(&slab, SIZE), *second = slab_take(&slab, SIZE);
	slab_give(&slab, first);
	assert_ptr_equal(slab_take(&slab, SIZE), first);
	slab_give(&slab, second);
	slab_give(&slab, first);
	assert_ptr_equal(slab_take(&slab, SIZE), first);
	assert_ptr_equal(slab_take(&slab, SIZE), second);
	slab_give(&slab, first);
	slab_give(&slab, second);
	slab_fini(&slab);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_apart_and_keep_their_bytes),
		cmocka_unit_test(an_object_costs_its_size),
		cmocka_unit_test(empty_chunks_go_back_but_the_last),
		cmocka_unit_test(what_was_given_is_taken_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
