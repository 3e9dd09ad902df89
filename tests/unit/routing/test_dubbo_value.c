/* Patterns, texts and addresses of Dubbo's rules. */
#include "dubbo_support.h"

static bool fits(struct dubbo_fixture *f, const char *pattern, const char *value)
{
	struct dubbo_pattern p;
	if (dubbo_pattern_parse(&p, slice_of(pattern), true, &f->routing.arena, &f->routing.diag))
		fail_msg("%s: %s", pattern, f->routing.diag.text);
	return dubbo_pattern_test(&p, slice_of(value), SLICE("he*"));
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *value;
		bool fits;
	} rows[] = {
		{"hello", "hello", true},   {"hello", "hello1", false},   {"hello", "", false},
		{"hel*", "hello", true},    {"hel*", "hel", true},        {"hel*", "he", false},
		{"*llo", "hello", true},    {"*llo", "hell", false},      {"h*o", "hello", true},
		{"h*o", "hell", false},     {"h*h", "h", true},           {"*", "", true},
		{"*", "x", true},           {"a*b*c", "a*bxc", true},     {"a*b*c", "axbxc", false},
		{"**", "*x", true},         {"**", "x", false},           {"1~100", "1", true},
		{"1~100", "100", true},     {"1~100", "101", false},      {"1~100", "0", false},
		{"~100", "-5", true},       {"~100", "101", false},       {"5~", "5", true},
		{"5~", "4", false},         {"1~100", "x", false},        {"0~100", "x", true},
		{"-5~5", "-5", true},       {"-5~5", "-6", false},        {"$host", "hello", true},
		{"$host", "xhello", false}, {"1.1.1.1", "1.1.1.1", true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (fits(*state, rows[i].pattern, rows[i].value) != rows[i].fits)
			fail_msg("%s and '%s'", rows[i].pattern, rows[i].value);
}

static void patterns_refused(void **state)
{
	struct dubbo_fixture *f = *state;
	const char *const rows[] = {"~", "a~b", "1~b", "a~2", "9~1", "1~2~3", "$a~$b"};
	struct dubbo_pattern p;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (dubbo_pattern_parse(&p, slice_of(rows[i]), true, &f->routing.arena,
					&f->routing.diag) != STATUS_INVALID)
			fail_msg("%s", rows[i]);
}

static void parameters(void **state)
{
	struct dubbo_fixture *f = *state;
	struct dubbo_pattern p;
	assert_int_equal(
		dubbo_pattern_parse(&p, SLICE("$x"), true, &f->routing.arena, &f->routing.diag), 0);
	assert_false(dubbo_pattern_test(&p, SLICE("v"), (struct slice){0}));
	assert_true(dubbo_pattern_test(&p, SLICE(""), (struct slice){0}));
	assert_true(dubbo_pattern_test(&p, SLICE("v"), SLICE("v")));
	/* before the arrow it is a text like any other */
	assert_int_equal(
		dubbo_pattern_parse(&p, SLICE("$x"), false, &f->routing.arena, &f->routing.diag),
		0);
	assert_true(dubbo_pattern_test(&p, SLICE("$x"), (struct slice){0}));
	assert_false(dubbo_pattern_test(&p, SLICE("v"), SLICE("v")));
}

static bool text_fits(struct dubbo_fixture *f, const char *yaml, const char *value)
{
	struct dubbo_text text;
	if (dubbo_text_load(&text, message_of(&f->routing, DUBBO_TYPE(string_match), yaml),
			    &f->routing.arena, &f->routing.diag))
		fail_msg("%s: %s", yaml, f->routing.diag.text);
	return dubbo_text_test(&text, slice_of(value));
}

static void texts(void **state)
{
	static const struct {
		const char *yaml, *value; /* NULL: there is none */
		bool fits;
	} rows[] = {
		{"{exact: a}", "a", true},        {"{exact: a}", "b", false},
		{"{exact: a}", NULL, false},      {"{prefix: ab}", "abc", true},
		{"{prefix: ab}", "a", false},     {"{prefix: ab}", NULL, false},
		{"{regex: 'a.c'}", "abc", true},  {"{regex: 'a.c'}", "xabc", false},
		{"{regex: '.*'}", NULL, false},   {"{wildcard: '*'}", "x", true},
		{"{wildcard: '*'}", NULL, false}, {"{wildcard: 'a'}", "a", true},
		{"{wildcard: 'a'}", "b", false},  {"{empty: ''}", NULL, true},
		{"{empty: ''}", "", true},        {"{empty: x}", "a", false},
		{"{noempty: ''}", "a", true},     {"{noempty: ''}", "", false},
		{"{noempty: ''}", NULL, false},   {"{exact: ''}", "", true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (text_fits(*state, rows[i].yaml, rows[i].value) != rows[i].fits)
			fail_msg("%s and '%s'", rows[i].yaml, rows[i].value);
}

static void texts_refused(void **state)
{
	struct dubbo_fixture *f = *state;
	struct dubbo_text text;
	struct diag *diag = &f->routing.diag;
	assert_int_equal(dubbo_text_load(&text,
					 message_of(&f->routing, DUBBO_TYPE(string_match),
						    "{exact: a, prefix: a}"),
					 &f->routing.arena, diag),
			 STATUS_INVALID);
	assert_string_equal(diag->path, "prefix");
	*diag = (struct diag){0};
	assert_int_equal(dubbo_text_load(&text,
					 message_of(&f->routing, DUBBO_TYPE(string_match), "{}"),
					 &f->routing.arena, diag),
			 STATUS_INVALID);
	*diag = (struct diag){0};
	assert_int_equal(
		dubbo_text_load(&text,
				message_of(&f->routing, DUBBO_TYPE(string_match), "{regex: '(a'}"),
				&f->routing.arena, diag),
		STATUS_INVALID);
	assert_string_equal(diag->path, "regex");
}

static void addresses(void **state)
{
	static const struct {
		const char *pattern, *addr;
		bool fits;
	} rows[] = {
		{"10.0.0.1:20880", "10.0.0.1:20880", true},
		{"10.0.0.1:20880", "10.0.0.1:20881", false},
		{"10.0.0.1", "10.0.0.1:1", true},
		{"10.0.0.1", "10.0.0.2:1", false},
		{"10.0.0.*", "10.0.0.255:1", true},
		{"10.0.0.*", "10.0.1.0:1", false},
		{"10.0.0.1-9:20880", "10.0.0.9:20880", true},
		{"10.0.0.1-9:20880", "10.0.0.10:20880", false},
		{"10.0.0.1-9:20880", "10.0.0.9:1", false},
		{"10.*.1-2.3", "10.77.2.3:1", true},
		{"10.0.0.0/24", "10.0.0.99:1", true},
		{"10.0.0.0/24", "10.0.1.99:1", false},
		{"10.0.16.0/20", "10.0.31.255:1", true},
		{"10.0.16.0/20", "10.0.32.0:1", false},
		{"10.0.0.7/32", "10.0.0.7:1", true},
		{"10.0.0.7/32", "10.0.0.6:1", false},
		{"0.0.0.0/0", "9.9.9.9:1", true},
		{"0.0.0.0:20880", "9.9.9.9:20880", true},
		{"0.0.0.0:20880", "9.9.9.9:1", false},
		{"0.0.0.0", "9.9.9.9:1", false},
		{"*", "9.9.9.9:1", true},
		{"*", "[::1]:1", true},
		{"*.*.*.*", "9.9.9.9:1", true},
		{"*:7", "9.9.9.9:7", true},
		{"*:7", "9.9.9.9:8", false},
		{"10.0.0.1:*", "10.0.0.1:8", true},
		{"::1", "[::1]:8", true},
		{"[::1]:8", "[::1]:8", true},
		{"[::1]:8", "[::1]:9", false},
		{"[::1]", "[::1]:9", true},
		{"234e:0:4567:0:0:0:3d:*", "[234e:0:4567::3d:ff]:1", true},
		{"234e:0:4567:0:0:0:3d:0-9", "[234e:0:4567::3d:ff]:1", false},
		{"234e:0:4567::/48", "[234e:0:4567:1::1]:1", true},
		{"234e:0:4567::/48", "[234e:0:4568:1::1]:1", false},
		{"10.0.0.1", "[::1]:1", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct dubbo_address address;
		struct diag diag = {0};
		struct addr addr;
		assert_int_equal(addr_parse(slice_of(rows[i].addr), &addr), 0);
		if (dubbo_address_parse(&address, slice_of(rows[i].pattern), &diag))
			fail_msg("%s", diag.text);
		if (dubbo_address_test(&address, &addr) != rows[i].fits)
			fail_msg("%s and %s", rows[i].pattern, rows[i].addr);
	}
}

static void addresses_refused(void **state)
{
	const char *const rows[] = {
		"",           "10.0.0",       "10.0.0.256", "10.0.0.1:",      "10.0.0.1:65536",
		"10.0.0.1:x", "host:1",       "10.0.0.9-1", "10.0.0.0/33",    "10.0.0.0/x",
		"[::1",       "[::1]x",       "1.2.3.4.5",  "10.0.0.0/24:80", "1:2:3:4:5:6:7:*:9",
		"10.0.-.1",   "10.0.1-2-3.1", "::1/129",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct dubbo_address address;
		struct diag diag = {0};
		if (dubbo_address_parse(&address, slice_of(rows[i]), &diag) != STATUS_INVALID)
			fail_msg("%s", rows[i]);
		assert_non_null(strstr(diag.text, "is no address"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DUBBO_TEST(patterns),          DUBBO_TEST(patterns_refused),
		DUBBO_TEST(parameters),        DUBBO_TEST(texts),
		DUBBO_TEST(texts_refused),     DUBBO_TEST(addresses),
		DUBBO_TEST(addresses_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
