#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"

static void agrees_with_the_published_vectors_of_xxh64(void **state)
{
	(void)state;
	assert_true(hash_bytes(SLICE("")) == UINT64_C(0xef46db3751d8e999));
	assert_true(hash_bytes(SLICE("a")) == UINT64_C(0xd24ec4f1a98c6e5b));
	assert_true(hash_bytes(SLICE("abc")) == UINT64_C(0x44bc2cf5ad770999));
	assert_true(hash_bytes(slice_make(NULL, 0)) == hash_bytes(SLICE("")));
}

static void seeds_and_order_matter(void **state)
{
	(void)state;
	assert_true(hash_seeded(SLICE("a"), 0) == hash_bytes(SLICE("a")));
	assert_true(hash_seeded(SLICE("a"), 1) != hash_bytes(SLICE("a")));
	assert_true(hash_combine(1, 2) != hash_combine(2, 1));
}

static void numbers_spread_and_stay_apart(void **state)
{
	uint64_t bits = 0;
	(void)state;
	for (uint64_t n = 1; n < 1000; n++) {
		bits |= hash_uint64(n) ^ hash_uint64(n + 1);
		assert_true(hash_uint64(n) != hash_uint64(n + 1));
	}
	assert_true(bits == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_published_vectors_of_xxh64),
		cmocka_unit_test(seeds_and_order_matter),
		cmocka_unit_test(numbers_spread_and_stay_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
