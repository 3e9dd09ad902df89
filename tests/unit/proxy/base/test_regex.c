#include "base/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int setup(void **state)
{
	static struct arena arena;
	arena_init(&arena, 4096);
	*state = &arena;
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static const struct regex *compiled(void **state, const char *pattern)
{
	const struct regex *regex;
	struct diag diag = {0};
	if (regex_compile(slice_of(pattern), REGEX_MATCH | REGEX_REPLACE, *state, &regex, &diag))
		fail_msg("%s", diag.text);
	return regex;
}

static bool matches(void **state, const char *pattern, const char *text)
{
	return regex_match(compiled(state, pattern), slice_of(text));
}

static void all_of_the_text_must_match(void **state)
{
	assert_true(matches(state, "/b[io]t", "/bit"));
	assert_false(matches(state, "/b[io]t", "/bite"));
	assert_false(matches(state, "/b[io]t", "x/bit"));
	assert_true(matches(state, "a|ab", "ab"));
	assert_false(matches(state, "abc$", "abc\n"));
	assert_true(matches(state, "(?i)ABC", "aBc"));
	assert_true(matches(state, "", ""));
	assert_false(matches(state, "a.c", "a\nc"));
	assert_true(matches(state, "(?P<n>x)(?:y)", "xy"));
	assert_true(matches(state, "\\d+", "123"));
	assert_false(matches(state, "\\d+", "\xd9\xa1")); /* an Arabic digit */
	assert_false(matches(state, "abc", "ab\xff"));
	assert_true(matches(state, "ab\\Q.*\\E", "ab.*"));
	assert_true(matches(state, "[]a[:alpha:]]+", "]b"));
}

static void what_re2_refuses(void **state)
{
	static const char *const patterns[] = {
		"(",   "(a)\\1", "(?=a)",     "(?!a)",  "(?<=a)b", "(?<!a)b", "(?>a)",
		"a++", "a*+",    "(*FAIL)",   "(?R)",   "(?1)",    "[a",      "a**",
		"\\K", "\\C",    "(?P=name)", "\\g{1}", "a{2}+",   "*a",
	};
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		const struct regex *regex;
		struct diag diag = {0};
		if (regex_compile(slice_of(patterns[i]), REGEX_MATCH, *state, &regex, &diag) !=
		    STATUS_INVALID)
			fail_msg("%s was taken", patterns[i]);
		assert_true(diag_is_set(&diag));
	}
}

static void no_pattern_runs_away(void **state)
{
	char text[60];
	memset(text, 'a', sizeof text);
	assert_false(regex_match(compiled(state, "(a*)*b"), slice_make(text, sizeof text)));
	assert_false(regex_match(compiled(state, "(a|aa|aaa)+b"), slice_make(text, sizeof text)));
}

static void long_texts_match_without_deep_stacks(void **state)
{
	size_t len = 200000;
	char *text = arena_alloc(*state, len);
	memset(text, 'a', len);
	assert_true(regex_match(compiled(state, "(?:a|b)*"), slice_make(text, len)));
}

static const char *replaced(void **state, const char *pattern, const char *text, const char *by)
{
	struct slice result =
		regex_replace_all(compiled(state, pattern), slice_of(text), slice_of(by), *state);
	return arena_string(*state, result);
}

static void replacing(void **state)
{
	assert_string_equal(replaced(state, "one", "/xx/one/yy/one", "two"), "/xx/two/yy/two");
	assert_string_equal(replaced(state, "^/service/([^/]+)(/.*)$", "/service/foo/v1/api",
				     "\\2/instance/\\1"),
			    "/v1/api/instance/foo");
	assert_string_equal(replaced(state, "(?i)/xxx/", "/aaa/XxX/bbb", "/yyy/"), "/aaa/yyy/bbb");
	assert_string_equal(replaced(state, "x", "abc", "y"), "abc");
	assert_string_equal(replaced(state, "b*", "abc", "-"), "-a-c-");
	assert_string_equal(replaced(state, "", "a\xc3\xa4", "-"), "-a-\xc3\xa4-");
	assert_string_equal(replaced(state, "b", "abc", "\\\\"), "a\\c");
	assert_string_equal(replaced(state, "b", "abc", "[\\0]"), "a[b]c");
	assert_string_equal(replaced(state, "b", "abc", "\\3"), "abc");
	assert_string_equal(replaced(state, "(x)|(b)", "abc", "<\\1\\2>"), "a<b>c");
	assert_string_equal(replaced(state, "a", "", "b"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_of_the_text_must_match, setup, teardown),
		cmocka_unit_test_setup_teardown(what_re2_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(no_pattern_runs_away, setup, teardown),
		cmocka_unit_test_setup_teardown(long_texts_match_without_deep_stacks, setup,
						teardown),
		cmocka_unit_test_setup_teardown(replacing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
