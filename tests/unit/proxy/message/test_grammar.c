/* The tables against the rules as the RFCs word them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/grammar.h"

static bool is_alpha(unsigned c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(unsigned c)
{
	return c >= '0' && c <= '9';
}

static bool is_one_of(unsigned c, const char *set)
{
	return c && c < 128 && strchr(set, (int)c);
}

static void classes_are_those_of_the_rfcs(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		uint8_t byte = (uint8_t)c;
		bool is_token = is_alpha(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
		assert_int_equal(grammar_is(byte, GRAMMAR_TOKEN), is_token);
		assert_int_equal(grammar_is(byte, GRAMMAR_LOWER_TOKEN),
				 is_token && !(c >= 'A' && c <= 'Z'));
		assert_int_equal(grammar_is(byte, GRAMMAR_VALUE),
				 c == '\t' || (c >= ' ' && c != 0x7f));
		assert_int_equal(grammar_is(byte, GRAMMAR_DIGIT), is_digit(c));
		assert_int_equal(grammar_is(byte, GRAMMAR_HEX),
				 is_digit(c) || is_one_of(c, "abcdefABCDEF"));
		assert_int_equal(grammar_is(byte, GRAMMAR_UNRESERVED),
				 is_alpha(c) || is_digit(c) || is_one_of(c, "-._~"));
		assert_int_equal(grammar_is(byte, GRAMMAR_TARGET), c > ' ' && c < 0x7f);
		assert_int_equal(grammar_is(byte, GRAMMAR_MESSAGE),
				 c >= ' ' && c < 0x7f && c != '%');
		assert_int_equal(grammar_lower[c],
				 is_token ? (uint8_t)slice_lower_char((char)c) : 0);
	}
}

static void hex_digits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(grammar_hex("0123456789abcdef"[i]), i);
		assert_int_equal(grammar_hex("0123456789ABCDEF"[i]), i);
	}
}

static void tokens_and_values(void **state)
{
	(void)state;
	assert_true(grammar_is_token(SLICE("Content-Type")));
	assert_false(grammar_is_token(SLICE("")));
	assert_false(grammar_is_token(SLICE("a b")));
	assert_true(grammar_is_value(SLICE("")));
	assert_true(grammar_is_value(SLICE("a\tb \xff")));
	assert_false(grammar_is_value(SLICE("a\rb")));
	assert_false(grammar_is_value(SLICE("a\0b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_those_of_the_rfcs),
		cmocka_unit_test(hex_digits),
		cmocka_unit_test(tokens_and_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
