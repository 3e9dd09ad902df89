/* CRC-32 against what others say, bit by bit, and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc32.h"

static void known_values_come_out(void **state)
{
	(void)state;
	assert_int_equal(crc32(0, SLICE("")), 0);
	assert_int_equal(crc32(0, SLICE("a")), 0xe8b7be43);
	assert_int_equal(crc32(0, SLICE("123456789")), 0xcbf43926); /* the check value */
	assert_int_equal(crc32(0, SLICE("The quick brown fox jumps over the lazy dog")),
			 0x414fa339);
}

/* As its definition has it. */
static uint32_t by_bits(struct slice bytes)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (uint8_t)bytes.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void every_length_at_every_split(void **state)
{
	enum { SIZE = 67 };
	char *bytes = malloc(SIZE);
	uint32_t random = 7;
	(void)state;

	for (size_t len = 0; len <= SIZE; len++) {
		struct slice all = slice_make(bytes + SIZE - len, len);
		for (size_t i = 0; i < len; i++) {
			random = random * 1664525 + 1013904223;
			bytes[SIZE - len + i] = (char)(random >> 24);
		}
		for (size_t split = 0; split <= len; split++) {
			uint32_t crc = crc32(0, slice_sub(all, 0, split));
			assert_int_equal(crc32(crc, slice_sub(all, split, len)), by_bits(all));
		}
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values_come_out),
		cmocka_unit_test(every_length_at_every_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
