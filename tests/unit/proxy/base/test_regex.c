#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/regex.h"

static int setup(void **state)
{
	struct arena *arena = calloc(1, sizeof *arena);
	arena_init(arena, 4096);
	*state = arena;
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	free(*state);
	return 0;
}

static const struct regex *compiled(struct arena *arena, const char *pattern)
{
	const struct regex *regex = NULL;
	struct diag diag = {0};
	if (regex_compile(slice_of(pattern), REGEX_MATCH | REGEX_REPLACE, arena, &regex, &diag))
		fail_msg("%s: %s", pattern, diag.text);
	return regex;
}

static void full_patterns_match_the_whole_text(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"abc", "xabc", false},
		{"a|ab", "ab", true},
		{"", "", true},
		{"", "a", false},
		{".*", "a\nb", false},
		{"(?s).*", "a\nb", true},
		{"a$", "a\n", false},
		{"(?i)ABC", "abc", true},
		{"/a/[^/]+", "/a/b", true},
		{"/a/[^/]+", "/a/b/c", false},
		{"a{2,3}", "aaaa", false},
		{"a{,2}", "a{,2}", true},
		{"\\s", "\v", false},
		{"\\v", "\v", true},
		{"\\v", "\n", false},
		{"\\S", "\v", true},
		{"[\\s]", "\v", false},
		{"[\\s]", " ", true},
		{"\\12", "\n", true},
		{"\\x41", "A", true},
		{"\\Q.*\\E", ".*", true},
		{"\\Q.*\\E", "ab", false},
		{"...", "\xc3\xa9zz", true},
		{"..", "\xc3\xa9zz", false},
		{"(?m)a$\\nb", "a\nb", true},
		{".*", "a\xff", false},
		{"[a[b]+", "a[b", true},
		{"[\\d-z]+", "1-z", true},
		{"[\\d-z]", "a", false},
		{"(?:a+)?b", "aab", true},
		{"\\_", "_", true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct regex *regex = compiled(*state, rows[i].pattern);
		if (regex_match(regex, slice_of(rows[i].text)) != rows[i].matches)
			fail_msg("%s on %s", rows[i].pattern, rows[i].text);
	}
	assert_true(regex_match(compiled(*state, ""), slice_make(NULL, 0)));
}

static void search_patterns_match_anywhere(void **state)
{
	const struct regex *regex = compiled(*state, "b(c)?(d)?");
	struct slice groups[3], text = SLICE("abdb");

	assert_int_equal(regex_group_count(regex), 2);
	assert_int_equal(regex_find(regex, text, groups, 3), STATUS_OK);
	assert_ptr_equal(groups[0].data, text.data + 1);
	assert_int_equal(groups[0].len, 2);
	assert_null(groups[1].data);
	assert_int_equal(groups[2].len, 1);
	assert_int_equal(regex_find(regex, text, groups, 1), STATUS_OK);
	assert_int_equal(regex_find(regex, SLICE("xyz"), groups, 3), STATUS_NOT_FOUND);
}

static void replacing_is_re2s_global_replace(void **state)
{
	static const char *const rows[][4] = {
		{"a", "banana", "o", "bonono"},
		{"^/service/([^/]+)(/.*)$", "/service/foo/v1/api", "\\2/instance/\\1",
		 "/v1/api/instance/foo"},
		{"one", "/xxx/one/yyy/one/zzz", "two", "/xxx/two/yyy/two/zzz"},
		{"^(.*?)one(.*)$", "/xxx/one/yyy/one/zzz", "\\1two\\2", "/xxx/two/yyy/one/zzz"},
		{"(?i)/xxx/", "/aaa/XxX/bbb", "/yyy/", "/aaa/yyy/bbb"},
		{"x", "none", "y", "none"},
		{"a*", "baac", "x", "xbxcx"},
		{"", "ab", "-", "-a-b-"},
		{"", "\xc3\xa9", "-", "-\xc3\xa9-"},
		{"a", "aaa", "", ""},
		{"(a)|(b)", "ab", "[\\1\\2]", "[a][b]"},
		{"a", "a", "\\\\\\0", "\\a"},
		{"$", "ab", "!", "ab!"},
		{"^", "ab", "!", "!ab"},
		{"\\b", "ab cd", "|", "|ab| |cd|"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct regex *regex = compiled(*state, rows[i][0]);
		struct slice result = regex_replace_all(regex, slice_of(rows[i][1]),
							slice_of(rows[i][2]), *state);
		if (!slice_equal(result, slice_of(rows[i][3])))
			fail_msg("%s in %s became %.*s", rows[i][0], rows[i][1], SLICE_FMT(result));
	}
}

static void a_substitution_that_does_not_fit_changes_nothing(void **state)
{
	static const char *const misfits[] = {"\\3", "\\", "\\x", "a\\"};
	const struct regex *regex = compiled(*state, "(a)(b)");
	struct slice text = SLICE("abab");

	for (size_t i = 0; i < COUNT_OF(misfits); i++)
		assert_ptr_equal(regex_replace_all(regex, text, slice_of(misfits[i]), *state).data,
				 text.data);
	assert_true(slice_equal(regex_replace_all(regex, text, SLICE("\\2\\1"), *state),
				SLICE("baba")));
}

static void a_match_that_explodes_is_given_up(void **state)
{
	const struct regex *regex = compiled(*state, "(a+)+$");
	struct slice text = SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");

	assert_int_equal(regex_try_match(regex, text), STATUS_TOO_LARGE);
	assert_false(regex_match(regex, text));
	assert_int_equal(regex_try_match(regex, SLICE("b")), STATUS_NOT_FOUND);
	assert_ptr_equal(regex_replace_all(regex, text, SLICE("x"), *state).data, text.data);
}

static void a_long_text_needs_a_larger_stack_and_gets_it(void **state)
{
	static char text[200000];

	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = 'b';
	struct slice all = slice_make(text, sizeof text);
	assert_true(regex_match(compiled(*state, "(?:ab?)*b"), slice_sub(all, 100000, all.len)));
	assert_true(regex_match(compiled(*state, "(?:a|b)*"), all));
}

static void a_result_is_limited(void **state)
{
	const struct regex *regex = compiled(*state, "a");
	static char text[2000], by[1000];
	struct slice all = slice_make(text, sizeof text);

	memset(text, 'a', sizeof text);
	memset(by, 'b', sizeof by);
	assert_int_equal(regex_replace_all(regex, all, slice_make(by, 500), *state).len, 1000000);
	assert_ptr_equal(regex_replace_all(regex, all, slice_make(by, 1000), *state).data, text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(full_patterns_match_the_whole_text),
		TEST(search_patterns_match_anywhere),
		TEST(replacing_is_re2s_global_replace),
		TEST(a_substitution_that_does_not_fit_changes_nothing),
		TEST(a_match_that_explodes_is_given_up),
		TEST(a_long_text_needs_a_larger_stack_and_gets_it),
		TEST(a_result_is_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
