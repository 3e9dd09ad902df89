/* Each byte at each place of texts of each length, against a look at one byte after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/rpc_text.h"

enum { LONGEST = 50 };

static bool is_printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

static bool is_capital(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_name(uint8_t c)
{
	return c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", c);
}

/* The text of `len` letters, one of them another byte, with bytes behind it that don't count. */
static void expect(size_t len, size_t at, uint8_t byte)
{
	char *text = malloc(len + RPC_TEXT_WIDE);

	assert_non_null(text);
	memset(text, 'a', len);
	memset(text + len, '\n', RPC_TEXT_WIDE);
	text[at] = (char)byte;
	assert_int_equal(rpc_text_is_printable(text, len), is_printable(byte));
	assert_int_equal(rpc_text_is_name(text, len), is_name(byte));
	assert_int_equal(rpc_text_is_lower_name(text, len), is_name(byte) && !is_capital(byte));
	free(text);
}

static void each_byte_counts_at_each_place(void **state)
{
	(void)state;
	for (size_t len = 1; len <= LONGEST; len++)
		for (size_t at = 0; at < len; at++)
			for (unsigned byte = 0; byte < 256; byte++)
				expect(len, at, (uint8_t)byte);
}

static void nothing_is_all_of_it(void **state)
{
	static const char behind[RPC_TEXT_WIDE] = "\n";

	(void)state;
	assert_true(rpc_text_is_printable(behind, 0));
	assert_true(rpc_text_is_name(behind, 0));
	assert_true(rpc_text_is_lower_name(behind, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_counts_at_each_place),
		cmocka_unit_test(nothing_is_all_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
