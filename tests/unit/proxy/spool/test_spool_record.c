/* Records as they stand in files: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "spool/spool_record.h"

static const struct spool_record request = {
	.type = SPOOL_REQUEST,
	.id = UINT64_C(0x1122334455667788),
	.created_ms = 1234567890123,
	.key = {{7, UINT64_MAX}},
	.bytes = {"hello", 5},
};

static size_t write_record(char *out, const struct spool_record *record)
{
	char front[SPOOL_REQUEST_FRONT];
	size_t n = spool_record_write(front, record);

	memcpy(out, front, n);
	if (record->type == SPOOL_REQUEST)
		memcpy(out + n, record->bytes.data, record->bytes.len);
	return spool_record_size(record);
}

static void what_is_written_is_read(void **state)
{
	char bytes[128];
	struct spool_record read;
	size_t size = write_record(bytes, &request);

	(void)state;
	assert_int_equal(size, 49);
	assert_int_equal(spool_record_read(slice_make(bytes, size), &read), size);
	assert_int_equal(read.type, SPOOL_REQUEST);
	assert_int_equal(read.id, request.id);
	assert_int_equal(read.created_ms, request.created_ms);
	assert_memory_equal(&read.key, &request.key, sizeof read.key);
	assert_true(slice_equal(read.bytes, request.bytes));

	const struct spool_record over = {.type = SPOOL_OVER, .id = 5};
	size = write_record(bytes, &over);
	assert_int_equal(size, 20);
	assert_int_equal(spool_record_read(slice_make(bytes, size), &read), size);
	assert_int_equal(read.type, SPOOL_OVER);
	assert_int_equal(read.id, 5);
}

static void what_is_cut_short_is_told_from_what_is_wrong(void **state)
{
	char bytes[128];
	struct spool_record read;
	size_t size = write_record(bytes, &request);

	(void)state;
	for (size_t n = 0; n < size; n++)
		assert_int_equal(spool_record_read(slice_make(bytes, n), &read), STATUS_AGAIN);
	for (size_t i = 4; i < size; i++) {
		bytes[i] ^= 1;
		assert_int_equal(spool_record_read(slice_make(bytes, size), &read),
				 STATUS_MALFORMED);
		bytes[i] ^= 1;
	}
	for (size_t bit = 0; bit < 32; bit++) { /* the length */
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(spool_record_read(slice_make(bytes, size), &read) < 0);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(spool_record_read(slice_make(bytes, size), &read), size);
}

static void zeroes_are_no_record(void **state)
{
	static const char zeroes[4096];
	struct spool_record read;

	(void)state;
	assert_int_equal(spool_record_read(slice_make(zeroes, sizeof zeroes), &read),
			 STATUS_MALFORMED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_cut_short_is_told_from_what_is_wrong),
		cmocka_unit_test(zeroes_are_no_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
