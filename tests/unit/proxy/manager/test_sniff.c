/* Which protocol first bytes belong to, and how many of them it takes to tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "manager/sniff.h"

static void assert_sniffed(const char *bytes, size_t len, enum sniffed protocol, size_t needs)
{
	size_t asked = 99;
	enum sniffed found = sniff_bytes(slice_make(bytes, len), &asked);

	if (asked != needs || (!needs && found != protocol))
		fail_msg("'%.*s': protocol %d, needs %zu", (int)len, bytes, (int)found, asked);
}

#define SNIFFED(bytes, protocol) assert_sniffed(bytes, sizeof bytes - 1, protocol, 0)
#define NEEDS(bytes, needs) assert_sniffed(bytes, sizeof bytes - 1, SNIFFED_OTHER, needs)

static void each_protocol(void **state)
{
	(void)state;
	SNIFFED("\xda\xbb\xc2\x00", SNIFFED_DUBBO);
	SNIFFED("\x01", SNIFFED_BOLT);
	SNIFFED("\x02\x02\x01\x00", SNIFFED_BOLT);
	SNIFFED("\x16\x03\x01\x02", SNIFFED_TLS);
	SNIFFED("PRI * HTTP/2.0\r\n", SNIFFED_HTTP2);
	SNIFFED("GET / HTTP/1.1\r\n", SNIFFED_HTTP1);
	SNIFFED("G", SNIFFED_HTTP1);
	SNIFFED("m-search * HTTP/1.1", SNIFFED_HTTP1);
	SNIFFED("\r\nGET", SNIFFED_HTTP1); /* RFC 9112 2.2: empty lines before a request */
}

static void what_is_none(void **state)
{
	(void)state;
	SNIFFED("\xda\xba", SNIFFED_OTHER);
	SNIFFED("\x16\x02", SNIFFED_OTHER);
	SNIFFED("\x00\x01", SNIFFED_OTHER);
	SNIFFED(" GET", SNIFFED_OTHER);
	SNIFFED("\x03", SNIFFED_OTHER);
	SNIFFED("\xff\xff", SNIFFED_OTHER);
}

static void too_few(void **state)
{
	(void)state;
	NEEDS("", 1);
	NEEDS("\xda", 2);
	NEEDS("\x16", 2);
	NEEDS("P", 4);
	NEEDS("PR", 4);
	NEEDS("PRI", 4);
	SNIFFED("PO", SNIFFED_HTTP1);
	SNIFFED("PRIX", SNIFFED_HTTP1);
}

/* Whatever comes, no more than SNIFF_BYTES are asked for, and so many always tell. */
static void bounded(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			char bytes[SNIFF_BYTES] = {(char)first, (char)second, 'I', ' '};
			size_t needs;
			for (size_t len = 0; len <= SNIFF_BYTES; len++) {
				sniff_bytes(slice_make(bytes, len), &needs);
				assert_true(needs <= SNIFF_BYTES && (!needs || needs > len));
			}
			assert_int_equal(needs, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_protocol),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(too_few),
		cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
