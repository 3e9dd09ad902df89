/* Every tag, at every length that is too short, and Java's own texts for numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/hessian2.h"
#include "codec/hessian2_path.h"
#include "codec/hessian2_string.h"
#include "codec/hessian2_write.h"
#include "codec/sofa_hessian.h"
#include "message/argument_path.h"
#include "message/argument_value.h"
#include "unit/proxy/codec/dubbo_harness.h"

#include "support/test_arena.h"

/* One value that must be read to its last byte, and must fail when cut anywhere before. Each try
 * has a heap block of exactly its size. */
static void reads_as(const char *hex, enum hessian2_kind kind, const char *text)
{
	struct slice bytes = from_hex(hex);

	for (size_t len = 0; len <= bytes.len; len++) {
		char *copy = malloc(len + !len);
		struct hessian2_reader reader;
		struct slice out;
		memcpy(copy, bytes.data, len);
		hessian2_init(&reader, slice_make(copy, len), &arena);
		if (len == bytes.len) {
			assert_int_equal(hessian2_kind(&reader), kind);
			assert_int_equal(hessian2_skip(&reader), STATUS_OK);
			assert_int_equal(reader.pos, len);
			hessian2_init(&reader, slice_make(copy, len), &arena);
			assert_int_equal(hessian2_read_text(&reader, &out), STATUS_OK);
			assert_int_equal(reader.pos, len);
			assert_int_equal(!text, !out.data);
			assert_slice(out, slice_of(text));
		} else {
			assert_int_equal(hessian2_skip(&reader), STATUS_MALFORMED);
			hessian2_init(&reader, slice_make(copy, len), &arena);
			assert_int_equal(hessian2_read_text(&reader, &out), STATUS_MALFORMED);
		}
		free(copy);
	}
	free((void *)bytes.data);
}

static void skips_with(const char *hex, enum status status)
{
	struct slice bytes = from_hex(hex);
	struct hessian2_reader reader;

	hessian2_init(&reader, bytes, &arena);
	assert_int_equal(hessian2_skip(&reader), status);
	free((void *)bytes.data);
}

static void numbers_have_javas_texts(void **state)
{
	(void)state;
	reads_as("90", HESSIAN2_INT, "0");
	reads_as("80", HESSIAN2_INT, "-16");
	reads_as("bf", HESSIAN2_INT, "47");
	reads_as("c000", HESSIAN2_INT, "-2048");
	reads_as("c7ff", HESSIAN2_INT, "-1");
	reads_as("cfff", HESSIAN2_INT, "2047");
	reads_as("d00000", HESSIAN2_INT, "-262144");
	reads_as("d7ffff", HESSIAN2_INT, "262143");
	reads_as("4980000000", HESSIAN2_INT, "-2147483648");
	reads_as("497fffffff", HESSIAN2_INT, "2147483647");
	reads_as("d8", HESSIAN2_LONG, "-8");
	reads_as("ef", HESSIAN2_LONG, "15");
	reads_as("f000", HESSIAN2_LONG, "-2048");
	reads_as("ffff", HESSIAN2_LONG, "2047");
	reads_as("380000", HESSIAN2_LONG, "-262144");
	reads_as("3fffff", HESSIAN2_LONG, "262143");
	reads_as("5980000000", HESSIAN2_LONG, "-2147483648");
	reads_as("4c8000000000000000", HESSIAN2_LONG, "-9223372036854775808");
	reads_as("4c7fffffffffffffff", HESSIAN2_LONG, "9223372036854775807");
	reads_as("5b", HESSIAN2_DOUBLE, "0.0");
	reads_as("5c", HESSIAN2_DOUBLE, "1.0");
	reads_as("5d80", HESSIAN2_DOUBLE, "-128.0");
	reads_as("5e8000", HESSIAN2_DOUBLE, "-32768.0");
	reads_as("5f0000007b", HESSIAN2_DOUBLE, "0.123");
	reads_as("54", HESSIAN2_BOOL, "true");
	reads_as("46", HESSIAN2_BOOL, "false");
	reads_as("4e", HESSIAN2_NULL, NULL);
	reads_as("4a00000000ffffffff", HESSIAN2_DATE, NULL);
	reads_as("4b00000000", HESSIAN2_DATE, NULL);
}

static void expect_double(double value, const char *text)
{
	char hex[19];
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	snprintf(hex, sizeof hex, "44%016llx", (unsigned long long)bits);
	reads_as(hex, HESSIAN2_DOUBLE, text);
}

/* Taken from java.lang.Double.toString. */
static void doubles_have_javas_texts(void **state)
{
	(void)state;
	expect_double(-0.0, "-0.0");
	expect_double(3.5, "3.5");
	expect_double(100, "100.0");
	expect_double(1234567, "1234567.0");
	expect_double(9999999.5, "9999999.5");
	expect_double(1e7, "1.0E7");
	expect_double(-12345678.25, "-1.234567825E7");
	expect_double(0.001, "0.001");
	expect_double(0.00123, "0.00123");
	expect_double(0.0123, "0.0123");
	expect_double(0.00099, "9.9E-4");
	expect_double(0.1, "0.1");
	expect_double(0.30000000000000004, "0.30000000000000004");
	expect_double(1.7976931348623157e308, "1.7976931348623157E308");
	expect_double(4.9e-324, "4.9E-324");
	expect_double(1e21, "1.0E21");
	expect_double(123456.789, "123456.789");
	expect_double(__builtin_inf(), "Infinity");
	expect_double(-__builtin_inf(), "-Infinity");
	reads_as("447ff8000000000000", HESSIAN2_DOUBLE, "NaN");
}

static void strings_count_utf16_units(void **state)
{
	(void)state;
	reads_as("00", HESSIAN2_STRING, "");
	reads_as("0161", HESSIAN2_STRING, "a");
	reads_as("300161", HESSIAN2_STRING, "a");
	reads_as("02c3a9e4b8ad", HESSIAN2_STRING, "\u00e9\u4e2d");
	reads_as("02eda0bdedb880", HESSIAN2_STRING, "\U0001f600");
	reads_as("520001eda0bd530001edb880", HESSIAN2_STRING, "\U0001f600");
	reads_as("520002616201 63", HESSIAN2_STRING, "abc");
	reads_as("520000520000 00", HESSIAN2_STRING, "");
	reads_as("09616263646566676869", HESSIAN2_STRING, "abcdefghi");
	reads_as("0961626364656667c3a969", HESSIAN2_STRING, "abcdefg\u00e9i");
	reads_as("01eda0bd", HESSIAN2_STRING, "\xed\xa0\xbd");
	skips_with("0180", STATUS_MALFORMED);
	skips_with("01f09f9880", STATUS_MALFORMED); /* Java refuses four bytes, too */
	skips_with("5200016190", STATUS_MALFORMED);
}

static void a_string_that_java_would_bend_is_skipped_but_not_read(void **state)
{
	static const char *const bent[] = {"01c1a1", "01e081a1", "01c3ff", "01e4b8ff", "01e4ffad"};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(bent); i++) {
		struct slice bytes = from_hex(bent[i]), out;
		struct hessian2_reader reader;
		skips_with(bent[i], STATUS_OK);
		hessian2_init(&reader, bytes, &arena);
		assert_int_equal(hessian2_read_string(&reader, &out), STATUS_MALFORMED);
		free((void *)bytes.data);
	}
}

/* As Java reads: each first byte says how many bytes its unit has, whatever these are. */
static size_t stepped(struct slice bytes, size_t units)
{
	size_t at = 0;

	while (units--) {
		uint8_t c = at < bytes.len ? (uint8_t)bytes.data[at] : 0x80;
		size_t size = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 0;
		if (!size || size > bytes.len - at)
			return SIZE_MAX;
		at += size;
	}
	return at;
}

static void units_are_counted_as_java_steps(void **state)
{
	static const char *const letters[] = {
		"a",           "aaaaaaaaaaaa", "\u00e9",   "\u4e2d",   "\xed\xa0\xbd\xed\xb8\x80",
		"\xca",        "\xe4",         "\xe4\xca", "\xe4\xb8", "\x80",
		"\u4e2d\u4e2d"};
	uint32_t random = 1;
	(void)state;

	for (unsigned round = 0; round < 20000; round++) {
		char text[400];
		size_t len = 0, wanted = round % 16 ? sizeof text - 16 : round % 200;
		unsigned rare = 1u << round % 7; /* broken ones, or nearly none */
		while (len < wanted) {
			random = random * 1664525 + 1013904223;
			const char *letter =
				letters[(random >> 24) % rare ? (random >> 16) % 5
							      : (random >> 16) % COUNT_OF(letters)];
			memcpy(text + len, letter, strlen(letter));
			len += strlen(letter);
		}
		struct slice bytes = slice_make(text, len);
		for (size_t units = 0; units <= len; units += 1 + (random >> 16) % 7) {
			unsigned seen = 0;
			assert_int_equal(hessian2_units_size(bytes, units, &seen),
					 stepped(bytes, units));
		}
	}
}

static void containers_are_stepped_over(void **state)
{
	(void)state;
	reads_as("20", HESSIAN2_BINARY, NULL);
	reads_as("2f000102030405060708090a0b0c0d0e", HESSIAN2_BINARY, NULL);
	reads_as("3403 414243", HESSIAN2_BINARY, NULL);
	reads_as("410002ffff 420001ff", HESSIAN2_BINARY, NULL);
	reads_as("410002ffff 21ff", HESSIAN2_BINARY, NULL);
	reads_as("485a", HESSIAN2_MAP, NULL);
	reads_as("48 0161 90 485a 4e 5a", HESSIAN2_MAP, NULL);
	reads_as("4d 0161 0162 91 5a", HESSIAN2_MAP, NULL);
	reads_as("7a 90 91", HESSIAN2_LIST, NULL);
	reads_as("58 92 90 91", HESSIAN2_LIST, NULL);
	reads_as("57 90 91 5a", HESSIAN2_LIST, NULL);
	reads_as("55 0161 90 91 5a", HESSIAN2_LIST, NULL);
	reads_as("56 0161 92 90 91", HESSIAN2_LIST, NULL);
	reads_as("72 0161 90 91", HESSIAN2_LIST, NULL);
	reads_as("79 72 0161 90 91", HESSIAN2_LIST, NULL);
	reads_as("7a 700161 7090", HESSIAN2_LIST, NULL); /* the second type by its index */
	reads_as("43 0141 92 0161 0162 60 90 91", HESSIAN2_CLASS, NULL);
	reads_as("43 0141 92 0161 0162 4f90 90 91", HESSIAN2_CLASS, NULL);
	reads_as("43 0141 90 60", HESSIAN2_CLASS, NULL);
	reads_as("7a 43 0141 91 0161 60 90 60 51 91", HESSIAN2_LIST, NULL);
}

static void what_is_no_value_is_malformed(void **state)
{
	static const char *const bad[] = {
		"40",
		"45",
		"47",
		"50",
		"5a", /* no tags of values */
		"60",
		"4f90",                   /* no such class */
		"48 0161 5a",             /* a key without a value */
		"56 0161 8f",             /* a length below 0 */
		"56 90 90",               /* no such type */
		"72 e0 90 91",            /* a long for a type */
		"51 8f",                  /* a ref below 0 */
		"51 e0",                  /* a ref that is a long */
		"43 91 91 0161 60 90",    /* a class named by a number */
		"43 0141 91 91 60 90",    /* a field named by a number */
		"43 0141 8f 60",          /* fewer than no fields */
		"43 0141 49 00010000 60", /* more fields than a class can have */
		"49",
		"78ff", /* */
	};
	(void)state;

	for (unsigned i = 0; i + 1 < COUNT_OF(bad); i++)
		skips_with(bad[i], STATUS_MALFORMED);
}

static struct slice repeated(const char *unit_hex, size_t times, const char *end_hex)
{
	struct slice unit = from_hex(unit_hex), end = from_hex(end_hex);
	char *bytes = malloc(unit.len * times + end.len);

	for (size_t i = 0; i < times; i++)
		memcpy(bytes + i * unit.len, unit.data, unit.len);
	memcpy(bytes + times * unit.len, end.data, end.len);
	struct slice all = slice_make(bytes, unit.len * times + end.len);
	free((void *)unit.data);
	free((void *)end.data);
	return all;
}

static enum status skip_status(struct slice bytes, uint32_t items)
{
	struct hessian2_reader reader;

	hessian2_init(&reader, bytes, &arena);
	reader.items_left = items;
	enum status status = hessian2_skip(&reader);
	if (!status)
		assert_int_equal(reader.pos, bytes.len);
	free((void *)bytes.data);
	return status;
}

static void depth_and_items_are_bounded(void **state)
{
	(void)state;
	/* lists to their end marks: a level each */
	struct slice deep = repeated("57", HESSIAN2_DEPTH, "90");
	char *closed = malloc(deep.len + HESSIAN2_DEPTH);
	memcpy(closed, deep.data, deep.len);
	memset(closed + deep.len, 'Z', HESSIAN2_DEPTH);
	struct slice closed_deep = slice_make(closed, deep.len + HESSIAN2_DEPTH);
	free((void *)deep.data);
	assert_int_equal(skip_status(closed_deep, 10000), STATUS_OK);
	assert_int_equal(skip_status(repeated("57", HESSIAN2_DEPTH + 1, "90"), 10000),
			 STATUS_TOO_LARGE);
	/* what is counted doesn't nest */
	assert_int_equal(skip_status(repeated("7a90", 5000, "90"), 10001), STATUS_OK);
	assert_int_equal(skip_status(repeated("79", 100000, "90"), 100001), STATUS_OK);
	assert_int_equal(skip_status(repeated("79", 100000, "90"), 100000), STATUS_TOO_LARGE);
	assert_int_equal(skip_status(repeated("43 0141 90", HESSIAN2_CLASSES, "60"), 1), STATUS_OK);
	assert_int_equal(skip_status(repeated("43 0141 90", HESSIAN2_CLASSES + 1, "60"), 1),
			 STATUS_TOO_LARGE);
}

static void a_map_is_read_pair_by_pair(void **state)
{
	struct slice bytes = from_hex("4d 0174 0161 90 0162 7a9091 5a"), out;
	struct hessian2_reader reader;
	(void)state;

	hessian2_init(&reader, bytes, &arena);
	assert_int_equal(hessian2_enter_map(&reader), STATUS_OK);
	assert_false(hessian2_at_end(&reader));
	assert_int_equal(hessian2_read_string(&reader, &out), STATUS_OK);
	assert_slice(out, SLICE("a"));
	int32_t value;
	assert_int_equal(hessian2_read_int(&reader, &value), STATUS_OK);
	assert_int_equal(value, 0);
	assert_int_equal(hessian2_read_string(&reader, &out), STATUS_OK);
	assert_int_equal(hessian2_read_text(&reader, &out), STATUS_OK);
	assert_null(out.data);
	assert_true(hessian2_at_end(&reader));
	assert_int_equal(reader.pos, reader.len);
	assert_false(hessian2_at_end(&reader));
	assert_int_equal(hessian2_enter_map(&reader), STATUS_MALFORMED);
	free((void *)bytes.data);
}

static void a_wanted_ref_is_noted(void **state)
{
	struct slice bytes = from_hex("79 43 0141 91 0161 60 485a");
	struct hessian2_reader reader;
	(void)state;

	for (unsigned wanted = 0; wanted < 4; wanted++) {
		static const size_t begins[] = {0, 7, 8, SIZE_MAX};
		hessian2_init(&reader, bytes, &arena);
		reader.ref_wanted = wanted;
		assert_int_equal(hessian2_skip(&reader), STATUS_OK);
		assert_int_equal(reader.ref_at, begins[wanted]);
	}
	free((void *)bytes.data);
}

/* --- writing */

static void expect_written(struct hessian2_writer *writer, const char *hex)
{
	struct slice expected = from_hex(hex);
	assert_slice(hessian2_written(writer), expected);
	free((void *)expected.data);
}

static void ints_are_written_as_short_as_can_be(void **state)
{
	static const int32_t values[] = {0,      -16,     47,     -17,       48,
					 -2048,  2047,    -2049,  2048,      -262144,
					 262143, -262145, 262144, INT32_MIN, INT32_MAX};
	struct hessian2_writer writer;
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(values); i++) {
		static const uint8_t sizes[] = {1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 5, 5, 5, 5};
		struct hessian2_reader reader;
		int32_t back;
		hessian2_writer_init(&writer, &arena);
		hessian2_write_int(&writer, values[i]);
		assert_int_equal(writer.len, sizes[i]);
		hessian2_init(&reader, hessian2_written(&writer), &arena);
		assert_int_equal(hessian2_read_int(&reader, &back), STATUS_OK);
		assert_int_equal(back, values[i]);
	}
}

static void longs_are_written_as_short_as_can_be(void **state)
{
	static const int64_t values[] = {0,
					 -8,
					 15,
					 -9,
					 16,
					 -2048,
					 2047,
					 -2049,
					 2048,
					 -262144,
					 262143,
					 -262145,
					 262144,
					 INT32_MIN,
					 INT32_MAX,
					 INT32_MIN - INT64_C(1),
					 INT32_MAX + INT64_C(1),
					 INT64_MIN,
					 INT64_MAX};
	static const uint8_t sizes[] = {1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 5, 5, 5, 5, 9, 9, 9, 9};
	(void)state;

	for (unsigned i = 0; i < 2 * COUNT_OF(values); i++) {
		struct hessian2_writer writer;
		struct hessian2_reader reader;
		struct argument_value back;
		(i & 1 ? sofa_hessian_writer_init : hessian2_writer_init)(&writer, &arena);
		hessian2_write_long(&writer, values[i / 2]);
		assert_int_equal(writer.len, sizes[i / 2]);
		(i & 1 ? sofa_hessian_init : hessian2_init)(&reader, hessian2_written(&writer),
							    &arena);
		assert_int_equal(hessian2_read_value(&reader, &back), STATUS_OK);
		assert_int_equal(reader.pos, reader.len);
		assert_int_equal(back.kind, ARGUMENT_LONG);
		assert_int_equal(back.integer, values[i / 2]);
	}
}

static void strings_of_any_length_come_back(void **state)
{
	static const size_t lengths[] = {0,      1,      31,     32,     1023,    1024,
					 0x7fff, 0x8000, 0x8001, 0xffff, 0x10000, 200000};
	static const char *const letters[] = {"x", "\u00e9", "\u4e2d", "\U0001f600", "a\U0001f600"};
	(void)state;

	for (unsigned l = 0; l < COUNT_OF(letters); l++) {
		for (unsigned n = 0; n < COUNT_OF(lengths); n++) {
			size_t size = strlen(letters[l]), len = lengths[n] * size;
			char *text = malloc(len + 1);
			struct hessian2_writer writer;
			struct hessian2_reader reader;
			struct slice back;
			for (size_t i = 0; i < lengths[n]; i++)
				memcpy(text + i * size, letters[l], size);
			for (unsigned sofa = 0; sofa < 2; sofa++) {
				(sofa ? sofa_hessian_writer_init : hessian2_writer_init)(&writer,
											 &arena);
				hessian2_write_string(&writer, slice_make(text, len));
				(sofa ? sofa_hessian_init
				      : hessian2_init)(&reader, hessian2_written(&writer), &arena);
				assert_int_equal(hessian2_read_string(&reader, &back), STATUS_OK);
				assert_int_equal(reader.pos, writer.len);
				assert_slice(back, slice_make(text, len));
			}
			free(text);
		}
	}
}

static void what_is_no_utf8_is_written_as_question_marks(void **state)
{
	struct hessian2_writer writer;
	(void)state;

	hessian2_writer_init(&writer, &arena);
	hessian2_write_string(&writer,
			      SLICE("a\xff\xc3(\xed\xa0\xbd\xf0\x9f\x98\xf4\x90\x80\x80z"));
	expect_written(&writer, "0f 61 3f3f28 3f3f3f 3f3f3f 3f3f3f3f 7a");
}

static void an_exception_is_written_as_java_reads_it(void **state)
{
	struct hessian2_writer writer;
	(void)state;

	hessian2_writer_init(&writer, &arena);
	hessian2_write_runtime_exception(&writer, SLICE("no"));
	expect_written(&writer,
		       "43 1a 6a6176612e6c616e672e52756e74696d65457863657074696f6e 94"
		       "14 73757070726573736564457863657074696f6e73"
		       "0a 737461636b5472616365 05 6361757365 0d 64657461696c4d657373616765"
		       "60 4e 70 1c 5b6a6176612e6c616e672e537461636b5472616365456c656d656e74"
		       "4e 02 6e6f");
	sofa_hessian_writer_init(&writer, &arena);
	hessian2_write_runtime_exception(&writer, SLICE("no"));
	expect_written(&writer,
		       "4f aa 6a6176612e6c616e672e52756e74696d65457863657074696f6e 94"
		       "14 73757070726573736564457863657074696f6e73"
		       "0a 737461636b5472616365 05 6361757365 0d 64657461696c4d657373616765"
		       "6f90 4e 56 74 001c 5b6a6176612e6c616e672e537461636b5472616365456c656d656e74"
		       "6e00 7a 4e 02 6e6f");
	hessian2_writer_init(&writer, &arena);
	hessian2_write_map_begin(&writer);
	hessian2_write_string(&writer, (struct slice){NULL, 0});
	hessian2_write_null(&writer);
	hessian2_write_map_end(&writer);
	expect_written(&writer, "48 4e 4e 5a");
}

static void write_all(struct hessian2_writer *writer)
{
	static const char *const fields[] = {"a", "b"};

	hessian2_write_map_begin(writer);
	hessian2_write_string(writer, SLICE("k"));
	for (uint32_t i = 0; i < 17; i++) {
		if (i)
			hessian2_write_int(writer, (int32_t)i);
		uint32_t number = hessian2_write_class(writer, SLICE("A"), fields, i ? 0 : 2);
		assert_int_equal(number, i);
		hessian2_write_object(writer, number);
		if (!i) {
			hessian2_write_bool(writer, true);
			hessian2_write_bool(writer, false);
		}
	}
	hessian2_write_map_end(writer);
}

static void objects_and_maps_are_written_in_both_grammars(void **state)
{
	(void)state;
	for (unsigned sofa = 0; sofa < 2; sofa++) {
		static const struct argument_step steps[] = {
			{.kind = ARGUMENT_STEP_FIELD, .name = {"k", 1}},
			{.kind = ARGUMENT_STEP_FIELD, .name = {"a", 1}},
			{.kind = ARGUMENT_STEP_KEY, .name = {"16", 2}},
		};
		struct hessian2_writer writer;
		struct hessian2_reader reader;
		struct argument_value value;
		(sofa ? sofa_hessian_writer_init : hessian2_writer_init)(&writer, &arena);
		write_all(&writer);
		(sofa ? sofa_hessian_init : hessian2_init)(&reader, hessian2_written(&writer),
							   &arena);
		struct hessian2_reader other = reader, third = reader;
		assert_int_equal(hessian2_skip(&reader), STATUS_OK);
		assert_int_equal(reader.pos, reader.len);
		assert_int_equal(hessian2_read_at(&other, steps, 2, &value), STATUS_OK);
		assert_int_equal(value.kind, ARGUMENT_BOOL);
		assert_int_equal(value.integer, 1);
		assert_int_equal(hessian2_read_at(&third, steps + 2, 1, &value), STATUS_OK);
		assert_int_equal(value.kind, ARGUMENT_OBJECT); /* the 17th class: no short form */
		assert_slice(value.type, SLICE("A"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_javas_texts),
		cmocka_unit_test(doubles_have_javas_texts),
		cmocka_unit_test(strings_count_utf16_units),
		cmocka_unit_test(a_string_that_java_would_bend_is_skipped_but_not_read),
		cmocka_unit_test(units_are_counted_as_java_steps),
		cmocka_unit_test(containers_are_stepped_over),
		cmocka_unit_test(what_is_no_value_is_malformed),
		cmocka_unit_test(depth_and_items_are_bounded),
		cmocka_unit_test(a_map_is_read_pair_by_pair),
		cmocka_unit_test(a_wanted_ref_is_noted),
		cmocka_unit_test(ints_are_written_as_short_as_can_be),
		cmocka_unit_test(longs_are_written_as_short_as_can_be),
		cmocka_unit_test(strings_of_any_length_come_back),
		cmocka_unit_test(objects_and_maps_are_written_in_both_grammars),
		cmocka_unit_test(what_is_no_utf8_is_written_as_question_marks),
		cmocka_unit_test(an_exception_is_written_as_java_reads_it),
	};
	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
