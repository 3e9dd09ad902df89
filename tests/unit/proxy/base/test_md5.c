/* MD5 against RFC 1321 A.5, and of every length around its blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/md5.h"

static void those_of_the_rfc_come_out(void **state)
{
	static const struct {
		const char *text, *hex;
	} rows[] = {
		{"", "d41d8cd98f00b204e9800998ecf8427e"},
		{"a", "0cc175b9c0f1b6a831c399e269772661"},
		{"abc", "900150983cd24fb0d6963f7d28e17f72"},
		{"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
		{"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		 "d174ab98d277d9f5a5611c2c9f419d9f"},
		{"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
		 "57edf4a22be3c955ac49da2e2107b67a"},
	};
	char hex[MD5_HEX_SIZE];
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		md5_hex(slice_of(rows[i].text), hex);
		assert_string_equal(hex, rows[i].hex);
	}
}

/* Those of 0, 1, … 199 bytes one behind the other have this one: made by another implementation.
 */
static void every_length_around_the_blocks(void **state)
{
	enum { LENGTHS = 200, DIGITS = MD5_HEX_SIZE - 1 };
	char *all = malloc(LENGTHS * DIGITS), hex[MD5_HEX_SIZE];
	(void)state;

	for (size_t len = 0; len < LENGTHS; len++) {
		char *bytes = malloc(len + 1);
		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(unsigned char)(i * 7 + len);
		md5_hex(slice_make(bytes, len), hex);
		memcpy(all + len * DIGITS, hex, DIGITS);
		free(bytes);
	}
	md5_hex(slice_make(all, LENGTHS * DIGITS), hex);
	assert_string_equal(hex, "99226856ed06bc9d812b0cadebaf2e8c");
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_the_rfc_come_out),
		cmocka_unit_test(every_length_around_the_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
