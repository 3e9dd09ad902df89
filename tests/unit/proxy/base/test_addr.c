#include <sys/un.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/addr.h"

static void text_forms_round_trip(void **state)
{
	static const char *const texts[] = {"10.0.0.1:80", "0.0.0.0:0",     "255.255.255.255:65535",
					    "[::1]:443",   "[fe80::1:2]:1", "[::]:15001"};
	char out[ADDR_TEXT_MAX];
	struct addr addr;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(addr_parse(slice_of(texts[i]), &addr), STATUS_OK);
		assert_int_equal(addr_format(&addr, out), strlen(texts[i]));
		assert_string_equal(out, texts[i]);
	}
	assert_int_equal(addr_parse_ip(SLICE("10.0.0.1"), 80, &addr), STATUS_OK);
	assert_int_equal(addr_format_ip(&addr, out), 8);
	assert_string_equal(out, "10.0.0.1");
	assert_int_equal(addr_parse_ip(SLICE("::1"), 80, &addr), STATUS_OK);
	addr_format_ip(&addr, out);
	assert_string_equal(out, "::1");
	addr = (struct addr){.family = ADDR_UNIX, .path = "/run/x.sock"};
	addr_format(&addr, out);
	assert_string_equal(out, "/run/x.sock");
	addr = (struct addr){0};
	assert_int_equal(addr_format(&addr, out), 0);
	assert_string_equal(out, "");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    "10.0.0.1",
					    "10.0.0.1:",
					    "10.0.0.1:65536",
					    "10.0.0.1:-1",
					    "10.0.0.1:+1",
					    "10.0.0:1",
					    "10.0.0.256:1",
					    "::1:80",
					    "[::1]",
					    "[::1]:",
					    "[::1]80",
					    "[10.0.0.1]:80",
					    "[::1:80",
					    "host:80",
					    "01.2.3.4:1",
					    "10.0.0.1: 80",
					    " 10.0.0.1:80",
					    "[::1%eth0]:80",
					    "10.0.0.1:000080"};
	struct addr addr;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_int_equal(addr_parse(slice_of(texts[i]), &addr), STATUS_INVALID);
	assert_int_equal(addr_parse_ip(slice_make("1.2.3.4\0", 8), 1, &addr), STATUS_INVALID);
	char zeros[200];
	memset(zeros, '0', sizeof zeros);
	assert_int_equal(addr_parse_ip(slice_make(zeros, sizeof zeros), 1, &addr), STATUS_INVALID);
}

static struct addr parsed(const char *text)
{
	struct addr addr;
	assert_int_equal(addr_parse(slice_of(text), &addr), STATUS_OK);
	return addr;
}

static void equality(void **state)
{
	struct addr a = parsed("10.0.0.1:80"), b = parsed("10.0.0.1:80");
	struct addr others[] = {parsed("10.0.0.1:81"),
				parsed("10.0.0.2:80"),
				parsed("[::1]:80"),
				{.family = ADDR_UNIX, .path = "/a"}};
	char copy[] = "/a";
	(void)state;

	memset(b.ip + 4, 0xff, 12); /* what IPv4 doesn't use */
	assert_true(addr_equal(&a, &b));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(addr_equal(&a, &others[i]));
	a = (struct addr){.family = ADDR_UNIX, .path = copy};
	assert_true(addr_equal(&a, &others[3]));
}

static void sockaddrs_round_trip(void **state)
{
	struct addr unix_path = {.family = ADDR_UNIX, .path = "/run/x.sock"};
	struct addr unix_abstract = {.family = ADDR_UNIX, .path = "@name"};
	struct addr addrs[] = {parsed("10.0.0.1:80"), parsed("[2001:db8::1]:8080"), unix_path,
			       unix_abstract};
	struct sockaddr_storage storage;
	char path[ADDR_TEXT_MAX];
	struct addr back;
	socklen_t len;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(addrs); i++) {
		assert_int_equal(addr_to_sockaddr(&addrs[i], &storage, &len), STATUS_OK);
		addr_from_sockaddr(&storage, len, &back, path);
		assert_true(addr_equal(&addrs[i], &back));
	}
	assert_int_equal(addr_to_sockaddr(&unix_abstract, &storage, &len), STATUS_OK);
	assert_int_equal(len, offsetof(struct sockaddr_un, sun_path) + 5);
	addr_from_sockaddr(&storage, offsetof(struct sockaddr_un, sun_path), &back, path);
	assert_int_equal(back.family, ADDR_UNIX);
	assert_string_equal(back.path, "");
	addr_from_sockaddr(&storage, 0, &back, NULL);
	assert_int_equal(back.family, ADDR_NONE);
	assert_int_equal(addr_to_sockaddr(&back, &storage, &len), STATUS_INVALID);
}

static void mapped_ipv6_becomes_ipv4(void **state)
{
	struct addr mapped = parsed("[::ffff:10.1.2.3]:80"), expected = parsed("10.1.2.3:80"), back;
	struct sockaddr_storage storage;
	socklen_t len;
	(void)state;

	assert_int_equal(addr_to_sockaddr(&mapped, &storage, &len), STATUS_OK);
	addr_from_sockaddr(&storage, len, &back, NULL);
	assert_true(addr_equal(&back, &expected));
}

static void a_unix_path_has_a_limit(void **state)
{
	char path[200];
	struct addr addr = {.family = ADDR_UNIX, .path = path};
	struct sockaddr_storage storage;
	socklen_t len;
	char back[ADDR_TEXT_MAX];
	struct addr from;
	(void)state;

	memset(path, 'x', sizeof path);
	path[107] = 0;
	assert_int_equal(addr_to_sockaddr(&addr, &storage, &len), STATUS_OK);
	path[107] = 'x';
	path[108] = 0;
	assert_int_equal(addr_to_sockaddr(&addr, &storage, &len), STATUS_TOO_LARGE);
	path[0] = '@'; /* abstract names have no 0 at their end */
	assert_int_equal(addr_to_sockaddr(&addr, &storage, &len), STATUS_OK);
	addr_from_sockaddr(&storage, len, &from, back);
	assert_string_equal(from.path, path);
}

static void ranges(void **state)
{
	static const struct {
		const char *base, *addr;
		unsigned bits;
		bool is_in;
	} rows[] = {
		{"10.0.0.0", "10.255.1.2:80", 8, true},
		{"10.0.0.0", "11.0.0.0:80", 8, false},
		{"10.0.0.0", "11.0.0.0:80", 7, true},
		{"10.1.2.3", "10.1.2.3:80", 32, true},
		{"10.1.2.3", "10.1.2.2:80", 32, false},
		{"10.1.2.3", "10.1.2.2:80", 31, true},
		{"10.1.2.3", "99.1.2.2:80", 0, true},
		{"10.1.2.3", "10.1.2.3:80", 99, true},
		{"10.1.2.3", "[::1]:80", 0, false},
		{"2001:db8::", "[2001:db8:1::1]:1", 32, true},
		{"2001:db8::", "[2001:db9::1]:1", 32, false},
		{"2001:db8::", "[2001:db8:8000::1]:1", 33, false},
		{"::1", "[::1]:1", 128, true},
		{"::1", "[::]:1", 128, false},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct addr_range range;
		struct addr addr = parsed(rows[i].addr);
		assert_int_equal(addr_range_parse(slice_of(rows[i].base), rows[i].bits, &range),
				 STATUS_OK);
		assert_int_equal(addr_in_range(&addr, &range), rows[i].is_in);
	}
	struct addr_range none;
	assert_int_equal(addr_range_parse(SLICE("10.0.0"), 8, &none), STATUS_INVALID);
}

static void loopback(void **state)
{
	static const struct {
		const char *addr;
		bool is_loopback;
	} rows[] = {{"127.0.0.1:1", true},
		    {"127.9.9.9:1", true},
		    {"10.1.1.1:1", false},
		    {"[::1]:1", true},
		    {"[2001:db8::1]:1", false}};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct addr addr = parsed(rows[i].addr);
		assert_int_equal(addr_is_loopback(&addr), rows[i].is_loopback);
	}
}

static void packed_addresses_come_out_as_they_went_in(void **state)
{
	static const char *const texts[] = {"1.2.3.4:80", "0.0.0.0:0", "255.255.255.255:65535",
					    "[::1]:443", "[2001:db8::ff]:65535"};
	struct addr in, out;
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(addr_parse(slice_of(texts[i]), &in), STATUS_OK);
		struct addr_packed packed = addr_pack(&in);
		addr_unpack(packed, &out);
		assert_true(addr_equal(&in, &out));
		addr_packed_free(packed);
	}
	in = (struct addr){.family = ADDR_UNIX, .path = "/run/x"};
	struct addr_packed packed = addr_pack(&in);
	addr_unpack(packed, &out);
	assert_int_equal(out.family, ADDR_UNIX);
	assert_string_equal(out.path, "/run/x");
	addr_packed_free(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_forms_round_trip),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(equality),
		cmocka_unit_test(sockaddrs_round_trip),
		cmocka_unit_test(mapped_ipv6_becomes_ipv4),
		cmocka_unit_test(a_unix_path_has_a_limit),
		cmocka_unit_test(ranges),
		cmocka_unit_test(loopback),
		cmocka_unit_test(packed_addresses_come_out_as_they_went_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
