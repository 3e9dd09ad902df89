/* What is accepted and refused was tried against Envoy 1.40. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/regex.h"

static bool compiles(const char *pattern)
{
	const struct regex *regex;
	struct arena arena;
	struct diag diag = {0};

	arena_init(&arena, 1024);
	enum status status = regex_compile(slice_of(pattern), REGEX_MATCH, &arena, &regex, &diag);
	arena_free(&arena);
	assert_int_equal(diag_is_set(&diag), status != STATUS_OK);
	return status == STATUS_OK;
}

static void what_re2_accepts(void **state)
{
	static const char *const patterns[] = {"",
					       "abc",
					       "(?P<n>a)",
					       "(?<n>a)",
					       "(?i)abc",
					       "(?i:abc)",
					       "(?-i)a",
					       "(?i-s:a)",
					       "a??",
					       "a{1000}",
					       "a{,5}",
					       "a{",
					       "a{x}",
					       "\\z",
					       "\\A",
					       "\\012",
					       "\\12",
					       "\\0",
					       "\\x41",
					       "\\x{41}",
					       "\\pL",
					       "\\p{Greek}",
					       "\\p{^Greek}",
					       "\\PN",
					       "\\Qa*b\\E",
					       "\\Qa*b",
					       "\\v",
					       "\\s\\S",
					       "\\-",
					       "\\\"",
					       "\\_",
					       "[a-z]",
					       "[]a]",
					       "[^]a]",
					       "[[:alpha:]]",
					       "[[:^alpha:]]",
					       "[\\d-z]",
					       "[\\s\\S]",
					       "[a[b]",
					       "()",
					       "(|a)",
					       "a||b",
					       "(?:)",
					       "(?)",
					       "\\bfoo\\b",
					       "\\B",
					       "a{0}",
					       "a{0,}",
					       "(?P<a>x)(?P<a>y)",
					       ".",
					       "}",
					       "]",
					       "(?U)a+",
					       "(?s).",
					       "(?m)^a$",
					       "(?imsU)a",
					       "(?ii)a",
					       "a|",
					       "[[.a.]]",
					       "[\\pL\\x41\\n-]"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(patterns); i++)
		if (!compiles(patterns[i]))
			fail_msg("refused: %s", patterns[i]);
}

static void what_re2_refuses(void **state)
{
	static const char *const patterns[] = {"(a)\\1",
					       "(?=a)b",
					       "(?!a)b",
					       "(?<=a)b",
					       "(?<!a)b",
					       "(?>a)",
					       "(?|a|b)",
					       "(?#c)a",
					       "(?'n'a)",
					       "(?P=n)",
					       "(?R)",
					       "(?1)",
					       "(?x)a",
					       "(*UTF)a",
					       "a**",
					       "a++",
					       "a*+",
					       "a???",
					       "a{2}{3}",
					       "a{2}*",
					       "a{1001}",
					       "a{2,1}",
					       "a{1,99999999999}",
					       "*a",
					       "(*a)",
					       "|*",
					       "\\Z",
					       "\\G",
					       "\\K",
					       "\\R",
					       "\\X",
					       "\\N",
					       "\\h",
					       "\\H",
					       "\\e",
					       "\\cA",
					       "\\o{12}",
					       "\\8",
					       "\\x4",
					       "\\x{110000}",
					       "\\p{Nope}",
					       "\\E",
					       "\\\xc3\xa9",
					       "[z-a]",
					       "[]",
					       "[a",
					       "[[:nope:]]",
					       "[[:<:]]",
					       "[\\b]",
					       "[\\z]",
					       "a)",
					       "(a",
					       "(?i)*",
					       "\\",
					       "a\\",
					       "a|*",
					       "(?P<>a)",
					       "(?P<n",
					       "\\u0041",
					       "\\L",
					       "(?-)a",
					       "(?i-)a",
					       "\\p",
					       "\\p{L",
					       "(?",
					       "(?P",
					       "\xff",
					       "[\\Qa\\E]"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(patterns); i++)
		if (compiles(patterns[i]))
			fail_msg("accepted: %s", patterns[i]);
}

static void size_is_limited(void **state)
{
	static char pattern[REGEX_PATTERN_MAX + 2];
	(void)state;
	memset(pattern, 'a', REGEX_PATTERN_MAX);
	assert_true(compiles(pattern));
	pattern[REGEX_PATTERN_MAX] = 'a';
	assert_false(compiles(pattern));
	assert_false(compiles("(((((a{1000}){1000}){1000}){1000}){1000})"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_re2_accepts),
		cmocka_unit_test(what_re2_refuses),
		cmocka_unit_test(size_is_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
