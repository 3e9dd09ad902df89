/* The tables are what Envoy 1.40 answered to these paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/path.h"

struct row {
	const char *path;
	enum path_answer answer;
	const char *result;
};

/* clang-format off */
static const struct row normalize_rows[] = {
	{"/a/../b", PATH_OK, "/b"},
	{"/a/./b", PATH_OK, "/a/b"},
	{"/../a", PATH_OK, "/a"},
	{"/..", PATH_OK, "/"},
	{"/.", PATH_OK, "/"},
	{"/a/..", PATH_OK, "/"},
	{"/a/../", PATH_OK, "/"},
	{"/a/.", PATH_OK, "/a/"},
	{"/a/b/../../c", PATH_OK, "/c"},
	{"/a/../../..//c", PATH_OK, "//c"},
	{"/%2e%2e/a", PATH_OK, "/a"},
	{"/a/%2E%2e/b", PATH_OK, "/b"},
	{"/a/.%2e/b", PATH_OK, "/b"},
	{"/a/%2e", PATH_OK, "/a/"},
	{"/a/...", PATH_OK, "/a/..."},
	{"/a/..b", PATH_OK, "/a/..b"},
	{"/a//b", PATH_OK, "/a//b"},
	{"//a", PATH_OK, "//a"},
	{"/a//../b", PATH_OK, "/a/b"},
	{"/a///b?x//y", PATH_OK, "/a///b?x//y"},
	{"/a/../b?c=/../d", PATH_OK, "/b?c=/../d"},
	{"/%zz", PATH_OK, "/%zz"},
	{"/%", PATH_OK, "/%"},
	{"/%2", PATH_OK, "/%2"},
	{"/a%2fb", PATH_OK, "/a%2fb"},
	{"/a%2Fb", PATH_OK, "/a%2Fb"},
	{"/a%5cb", PATH_OK, "/a%5cb"},
	{"/a%5Cb", PATH_OK, "/a%5Cb"},
	{"/a\\b", PATH_OK, "/a/b"},
	{"/a\\..\\b", PATH_OK, "/b"},
	{"/a%2f..%2fb", PATH_OK, "/a%2f..%2fb"},
	{"/a%2f%2e%2e/b", PATH_OK, "/a%2f../b"},
	{"/a%252fb", PATH_OK, "/a%252fb"},
	{"/a%2525b", PATH_OK, "/a%2525b"},
	{"/%25%32%66", PATH_OK, "/%252f"},
	{"/a?x=%2e%2e/y%41", PATH_OK, "/a?x=%2e%2e/y%41"},
	{"/a%23b", PATH_OK, "/a%23b"},
	{"/a%3fb", PATH_OK, "/a%3fb"},
	{"/a/..%2fb", PATH_OK, "/a/..%2fb"},
	{"/a%00b", PATH_REJECTED, ""},
	{"/a;x=1/../b", PATH_OK, "/b"},
	{"/a/..;/b", PATH_OK, "/b"},
	{"/..//../a", PATH_OK, "/a"},
	{"/a%2f%2fb", PATH_OK, "/a%2f%2fb"},
	{"/a/%2e%2e%2f%2e%2e/b", PATH_OK, "/a/..%2f../b"},
	{"/%2f", PATH_OK, "/%2f"},
	{"/a/b/..//c", PATH_OK, "/a//c"},
	{"/A%41", PATH_OK, "/AA"},
	{"/a%5c%5cb", PATH_OK, "/a%5c%5cb"},
	{"/a%2fb?c%2fd", PATH_OK, "/a%2fb?c%2fd"},
	{"/a/..%5cb", PATH_OK, "/a/..%5cb"},
	{"//..//a", PATH_OK, "//a"},
	{"/a//./b", PATH_OK, "/a//b"},
	{"/..a/", PATH_OK, "/..a/"},
	{"/a/.b/..", PATH_OK, "/a/"},
	{"/a/.;/b", PATH_OK, "/a/b"},
	{"/a/..;x=1/b", PATH_OK, "/b"},
	{"/a/b;c/d", PATH_OK, "/a/b;c/d"},
	{"/a/..;", PATH_OK, "/"},
	{"/a/.;", PATH_OK, "/a/"},
	{"/a/..%3b/b", PATH_OK, "/a/..%3b/b"},
	{"/a/...;/b", PATH_OK, "/a/...;/b"},
	{"/a/;/b", PATH_OK, "/a/;/b"},
	{"/a/;..;/b", PATH_OK, "/a/;..;/b"},
	{"/a/.;;/b", PATH_OK, "/a/b"},
	{"/a/..;x/..;y/z", PATH_OK, "/z"},
	{"/a/b%2f..;/c", PATH_OK, "/a/b%2f..;/c"},
	{"/a/..;%2fb", PATH_OK, "/"},
	{"/a/..,/b", PATH_OK, "/a/..,/b"},
	{"/a/..;\\b", PATH_OK, "/"},
	{"/..;?x", PATH_OK, "/?x"},
	{"/a/b/..;z?q", PATH_OK, "/a/?q"},
	{"/%2f..;/c", PATH_OK, "/%2f..;/c"},
	{"/%2e%2fb", PATH_OK, "/.%2fb"},
	{"/a%2f%2e%2e%2fb", PATH_OK, "/a%2f..%2fb"},
	{"/a%5c..%5cb", PATH_OK, "/a%5c..%5cb"},
	{"/a%2f;x/..", PATH_OK, "/"},
};

/* normalize_path, merge_slashes, UNESCAPE_AND_FORWARD */
static const struct row unescape_rows[] = {
	{"/a/../b", PATH_OK, "/b"},
	{"/a/./b", PATH_OK, "/a/b"},
	{"/../a", PATH_OK, "/a"},
	{"/..", PATH_OK, "/"},
	{"/.", PATH_OK, "/"},
	{"/a/..", PATH_OK, "/"},
	{"/a/../", PATH_OK, "/"},
	{"/a/.", PATH_OK, "/a/"},
	{"/a/b/../../c", PATH_OK, "/c"},
	{"/a/../../..//c", PATH_OK, "/c"},
	{"/%2e%2e/a", PATH_OK, "/a"},
	{"/a/%2E%2e/b", PATH_OK, "/b"},
	{"/a/.%2e/b", PATH_OK, "/b"},
	{"/a/%2e", PATH_OK, "/a/"},
	{"/a/...", PATH_OK, "/a/..."},
	{"/a/..b", PATH_OK, "/a/..b"},
	{"/a//b", PATH_OK, "/a/b"},
	{"//a", PATH_OK, "/a"},
	{"/a//../b", PATH_OK, "/a/b"},
	{"/a///b?x//y", PATH_OK, "/a/b?x//y"},
	{"/a/../b?c=/../d", PATH_OK, "/b?c=/../d"},
	{"/%zz", PATH_OK, "/%zz"},
	{"/%", PATH_OK, "/%"},
	{"/%2", PATH_OK, "/%2"},
	{"/a%2fb", PATH_OK, "/a/b"},
	{"/a%2Fb", PATH_OK, "/a/b"},
	{"/a%5cb", PATH_OK, "/a/b"},
	{"/a%5Cb", PATH_OK, "/a/b"},
	{"/a\\b", PATH_OK, "/a/b"},
	{"/a\\..\\b", PATH_OK, "/b"},
	{"/a%2f..%2fb", PATH_OK, "/b"},
	{"/a%2f%2e%2e/b", PATH_OK, "/b"},
	{"/a%252fb", PATH_OK, "/a%252fb"},
	{"/a%2525b", PATH_OK, "/a%2525b"},
	{"/%25%32%66", PATH_OK, "/%252f"},
	{"/a?x=%2e%2e/y%41", PATH_OK, "/a?x=%2e%2e/y%41"},
	{"/a%23b", PATH_OK, "/a%23b"},
	{"/a%3fb", PATH_OK, "/a%3fb"},
	{"/a/..%2fb", PATH_OK, "/b"},
	{"/a%00b", PATH_REJECTED, ""},
	{"/a;x=1/../b", PATH_OK, "/b"},
	{"/a/..;/b", PATH_OK, "/b"},
	{"/..//../a", PATH_OK, "/a"},
	{"/a%2f%2fb", PATH_OK, "/a/b"},
	{"/a/%2e%2e%2f%2e%2e/b", PATH_OK, "/b"},
	{"/%2f", PATH_OK, "//"},
	{"/a/b/..//c", PATH_OK, "/a/c"},
	{"/A%41", PATH_OK, "/AA"},
	{"/a%5c%5cb", PATH_OK, "/a/b"},
	{"/a%2fb?c%2fd", PATH_OK, "/a/b?c%2fd"},
	{"/a/..%5cb", PATH_OK, "/b"},
	{"//..//a", PATH_OK, "/a"},
	{"/a//./b", PATH_OK, "/a/b"},
	{"/..a/", PATH_OK, "/..a/"},
	{"/a/.b/..", PATH_OK, "/a/"},
	{"/a/b%2f..;/c", PATH_OK, "/a/c"},
	{"/a/..;%2fb", PATH_OK, "/b"},
	{"/%2f..;/c", PATH_OK, "/c"},
	{"/%2e%2fb", PATH_OK, "/b"},
	{"/a%2f%2e%2e%2fb", PATH_OK, "/b"},
	{"/a%5c..%5cb", PATH_OK, "/b"},
	{"/a%2f;x/..", PATH_OK, "/a/"},
};

/* merge_slashes, UNESCAPE_AND_REDIRECT */
static const struct row redirect_rows[] = {
	{"/a/../b", PATH_OK, "/a/../b"},
	{"/a/./b", PATH_OK, "/a/./b"},
	{"/../a", PATH_OK, "/../a"},
	{"/..", PATH_OK, "/.."},
	{"/.", PATH_OK, "/."},
	{"/a/..", PATH_OK, "/a/.."},
	{"/a/../", PATH_OK, "/a/../"},
	{"/a/.", PATH_OK, "/a/."},
	{"/a/b/../../c", PATH_OK, "/a/b/../../c"},
	{"/a/../../..//c", PATH_OK, "/a/../../../c"},
	{"/%2e%2e/a", PATH_OK, "/%2e%2e/a"},
	{"/a/%2E%2e/b", PATH_OK, "/a/%2E%2e/b"},
	{"/a/.%2e/b", PATH_OK, "/a/.%2e/b"},
	{"/a/%2e", PATH_OK, "/a/%2e"},
	{"/a/...", PATH_OK, "/a/..."},
	{"/a/..b", PATH_OK, "/a/..b"},
	{"/a//b", PATH_OK, "/a/b"},
	{"//a", PATH_OK, "/a"},
	{"/a//../b", PATH_OK, "/a/../b"},
	{"/a///b?x//y", PATH_OK, "/a/b?x//y"},
	{"/a/../b?c=/../d", PATH_OK, "/a/../b?c=/../d"},
	{"/%zz", PATH_OK, "/%zz"},
	{"/%", PATH_OK, "/%"},
	{"/%2", PATH_OK, "/%2"},
	{"/a%2fb", PATH_REDIRECT, "/a/b"},
	{"/a%2Fb", PATH_REDIRECT, "/a/b"},
	{"/a%5cb", PATH_REDIRECT, "/a\\b"},
	{"/a%5Cb", PATH_REDIRECT, "/a\\b"},
	{"/a\\b", PATH_OK, "/a\\b"},
	{"/a\\..\\b", PATH_OK, "/a\\..\\b"},
	{"/a%2f..%2fb", PATH_REDIRECT, "/a/../b"},
	{"/a%2f%2e%2e/b", PATH_REDIRECT, "/a/%2e%2e/b"},
	{"/a%252fb", PATH_OK, "/a%252fb"},
	{"/a%2525b", PATH_OK, "/a%2525b"},
	{"/%25%32%66", PATH_OK, "/%25%32%66"},
	{"/a?x=%2e%2e/y%41", PATH_OK, "/a?x=%2e%2e/y%41"},
	{"/a%23b", PATH_OK, "/a%23b"},
	{"/a%3fb", PATH_OK, "/a%3fb"},
	{"/a/..%2fb", PATH_REDIRECT, "/a/../b"},
	{"/a%00b", PATH_OK, "/a%00b"},
	{"/a;x=1/../b", PATH_OK, "/a;x=1/../b"},
	{"/a/..;/b", PATH_OK, "/a/..;/b"},
	{"/..//../a", PATH_OK, "/../../a"},
	{"/a%2f%2fb", PATH_REDIRECT, "/a/b"},
	{"/a/%2e%2e%2f%2e%2e/b", PATH_REDIRECT, "/a/%2e%2e/%2e%2e/b"},
	{"/%2f", PATH_REDIRECT, "//"},
	{"/a/b/..//c", PATH_OK, "/a/b/../c"},
	{"/A%41", PATH_OK, "/A%41"},
	{"/a%5c%5cb", PATH_REDIRECT, "/a\\\\b"},
	{"/a%2fb?c%2fd", PATH_REDIRECT, "/a/b?c%2fd"},
	{"/a/..%5cb", PATH_REDIRECT, "/a/..\\b"},
	{"//..//a", PATH_OK, "/../a"},
	{"/a//./b", PATH_OK, "/a/./b"},
	{"/..a/", PATH_OK, "/..a/"},
	{"/a/.b/..", PATH_OK, "/a/.b/.."},
};

/* normalize_path, REJECT_REQUEST */
static const struct row reject_rows[] = {
	{"/a/../b", PATH_OK, "/b"},
	{"/a/./b", PATH_OK, "/a/b"},
	{"/../a", PATH_OK, "/a"},
	{"/..", PATH_OK, "/"},
	{"/.", PATH_OK, "/"},
	{"/a/..", PATH_OK, "/"},
	{"/a/../", PATH_OK, "/"},
	{"/a/.", PATH_OK, "/a/"},
	{"/a/b/../../c", PATH_OK, "/c"},
	{"/a/../../..//c", PATH_OK, "//c"},
	{"/%2e%2e/a", PATH_OK, "/a"},
	{"/a/%2E%2e/b", PATH_OK, "/b"},
	{"/a/.%2e/b", PATH_OK, "/b"},
	{"/a/%2e", PATH_OK, "/a/"},
	{"/a/...", PATH_OK, "/a/..."},
	{"/a/..b", PATH_OK, "/a/..b"},
	{"/a//b", PATH_OK, "/a//b"},
	{"//a", PATH_OK, "//a"},
	{"/a//../b", PATH_OK, "/a/b"},
	{"/a///b?x//y", PATH_OK, "/a///b?x//y"},
	{"/a/../b?c=/../d", PATH_OK, "/b?c=/../d"},
	{"/%zz", PATH_OK, "/%zz"},
	{"/%", PATH_OK, "/%"},
	{"/%2", PATH_OK, "/%2"},
	{"/a%2fb", PATH_REJECTED, ""},
	{"/a%2Fb", PATH_REJECTED, ""},
	{"/a%5cb", PATH_REJECTED, ""},
	{"/a%5Cb", PATH_REJECTED, ""},
	{"/a\\b", PATH_OK, "/a/b"},
	{"/a\\..\\b", PATH_OK, "/b"},
	{"/a%2f..%2fb", PATH_REJECTED, ""},
	{"/a%2f%2e%2e/b", PATH_REJECTED, ""},
	{"/a%252fb", PATH_OK, "/a%252fb"},
	{"/a%2525b", PATH_OK, "/a%2525b"},
	{"/%25%32%66", PATH_OK, "/%252f"},
	{"/a?x=%2e%2e/y%41", PATH_OK, "/a?x=%2e%2e/y%41"},
	{"/a%23b", PATH_OK, "/a%23b"},
	{"/a%3fb", PATH_OK, "/a%3fb"},
	{"/a/..%2fb", PATH_REJECTED, ""},
	{"/a%00b", PATH_REJECTED, ""},
	{"/a;x=1/../b", PATH_OK, "/b"},
	{"/a/..;/b", PATH_OK, "/b"},
	{"/..//../a", PATH_OK, "/a"},
	{"/a%2f%2fb", PATH_REJECTED, ""},
	{"/a/%2e%2e%2f%2e%2e/b", PATH_REJECTED, ""},
	{"/%2f", PATH_REJECTED, ""},
	{"/a/b/..//c", PATH_OK, "/a//c"},
	{"/A%41", PATH_OK, "/AA"},
	{"/a%5c%5cb", PATH_REJECTED, ""},
	{"/a%2fb?c%2fd", PATH_REJECTED, ""},
	{"/a/..%5cb", PATH_REJECTED, ""},
	{"//..//a", PATH_OK, "//a"},
	{"/a//./b", PATH_OK, "/a//b"},
	{"/..a/", PATH_OK, "/..a/"},
	{"/a/.b/..", PATH_OK, "/a/"},
};
/* clang-format on */

static void check_rows(const struct row *rows, size_t count, struct path_options options)
{
	struct arena arena;

	arena_init(&arena, 4096);
	for (size_t i = 0; i < count; i++) {
		struct slice result;
		enum path_answer answer =
			path_normalize(slice_of(rows[i].path), &options, &arena, &result);
		if (answer != rows[i].answer ||
		    (answer != PATH_REJECTED && !slice_equal(result, slice_of(rows[i].result))))
			fail_msg("%s became %.*s (%d), not %s (%d)", rows[i].path,
				 SLICE_FMT(result), answer, rows[i].result, rows[i].answer);
	}
	arena_free(&arena);
}

static void normalizes_as_envoy_does(void **state)
{
	(void)state;
	check_rows(normalize_rows, COUNT_OF(normalize_rows),
		   (struct path_options){.normalize = true});
}

static void unescapes_slashes_as_envoy_does(void **state)
{
	(void)state;
	check_rows(unescape_rows, COUNT_OF(unescape_rows),
		   (struct path_options){.normalize = true,
					 .merge_slashes = true,
					 .escaped_slashes = PATH_SLASHES_UNESCAPE});
}

static void redirects_as_envoy_does(void **state)
{
	(void)state;
	check_rows(redirect_rows, COUNT_OF(redirect_rows),
		   (struct path_options){.merge_slashes = true,
					 .escaped_slashes = PATH_SLASHES_REDIRECT});
}

static void rejects_as_envoy_does(void **state)
{
	(void)state;
	check_rows(
		reject_rows, COUNT_OF(reject_rows),
		(struct path_options){.normalize = true, .escaped_slashes = PATH_SLASHES_REJECT});
}

static void merges_as_envoy_does(void **state)
{
	static const struct row rows[] = {
		{"//a///b//", PATH_OK, "/a/b/"},
		{"/a//?x=//y", PATH_OK, "/a/?x=//y"},
		{"//", PATH_OK, "//"},
		{"///", PATH_OK, "//"},
		{"/", PATH_OK, "/"},
		{"/a/.//b", PATH_OK, "/a/./b"},
		{"//?//", PATH_OK, "//?//"},
	};
	(void)state;
	check_rows(rows, COUNT_OF(rows), (struct path_options){.merge_slashes = true});
}

/* Here we differ: Envoy leaves "..;" behind, and servers that know path parameters climb on it. */
static void parameters_go_with_escaped_dots_too(void **state)
{
	static const struct row rows[] = {
		{"/a/%2e%2e;/b", PATH_OK, "/b"},
		{"/a/.%2E;x/b", PATH_OK, "/b"},
		{"/a\\..;/b", PATH_OK, "/b"},
	};
	(void)state;
	check_rows(rows, COUNT_OF(rows), (struct path_options){.normalize = true});
}

static void decoding_makes_no_new_escape(void **state)
{
	static const struct row rows[] = {
		{"/%2%65%2%65/a", PATH_OK, "/%2%65%2%65/a"},
		{"/%%34%31", PATH_OK, "/%%341"},
		{"/%zz%41", PATH_OK, "/%zzA"},
		{"/%25%34%31", PATH_OK, "/%2541"},
	};
	(void)state;
	check_rows(rows, COUNT_OF(rows), (struct path_options){.normalize = true});
}

static void every_byte_and_every_escape(void **state)
{
	static const char escaped[] = "\"<>^`{|}";
	static const char unreserved[] = "-._~0123456789abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const struct path_options options = {.normalize = true};
	struct arena arena;
	(void)state;

	arena_init(&arena, 4096);
	for (unsigned c = 0; c < 256; c++) {
		bool is_odd = c && strchr(escaped, (int)c),
		     is_plain = c && strchr(unreserved, (int)c);
		char *raw = arena_printf(&arena, "/a%cb", c), *expected = raw;
		struct slice result;

		enum path_answer answer =
			path_normalize(slice_make(raw, 4), &options, &arena, &result);
		if (c <= ' ' || c >= 0x7f) {
			assert_int_equal(answer, PATH_REJECTED);
		} else {
			if (is_odd)
				expected = arena_printf(&arena, "/a%%%02Xb", c);
			else if (c == '\\')
				expected = "/a/b";
			else if (c == '?')
				expected = "/a?b";
			assert_int_equal(answer, PATH_OK);
			assert_true(slice_equal(result, slice_of(expected)));
		}

		char *escape = arena_printf(&arena, "/a%%%02xb", c);
		answer = path_normalize(slice_of(escape), &options, &arena, &result);
		assert_int_equal(answer, c ? PATH_OK : PATH_REJECTED);
		if (c)
			assert_true(slice_equal(result, slice_of(is_plain ? raw : escape)));
	}
	arena_free(&arena);
}

static void a_normal_path_is_not_copied(void **state)
{
	const struct path_options options = {
		.normalize = true, .merge_slashes = true, .escaped_slashes = PATH_SLASHES_UNESCAPE};
	struct slice path = SLICE("/api/v1.2/users/a:b;c=d,(e)?q=%2e/../x//y"), result;
	struct arena arena;
	(void)state;

	arena_init(&arena, 4096);
	assert_int_equal(path_normalize(path, &options, &arena, &result), PATH_OK);
	assert_ptr_equal(result.data, path.data);
	assert_int_equal(result.len, path.len);
	assert_int_equal(arena.allocated, 0);
	path = SLICE("*");
	assert_int_equal(path_normalize(path, &options, &arena, &result), PATH_OK);
	assert_ptr_equal(result.data, path.data);
	assert_int_equal(path_normalize(SLICE(""), &options, &arena, &result), PATH_OK);
	arena_free(&arena);
}

#define ASSERT_SLICE(actual, text)                                                                 \
	do {                                                                                       \
		struct slice actual_ = (actual);                                                   \
		assert_non_null(actual_.data);                                                     \
		assert_int_equal(actual_.len, strlen(text));                                       \
		assert_memory_equal(actual_.data, text, strlen(text));                             \
	} while (0)

static void the_parts_of_a_path(void **state)
{
	(void)state;
	ASSERT_SLICE(path_without_query(SLICE("/a?b#c")), "/a");
	ASSERT_SLICE(path_without_query(SLICE("/a#c?b")), "/a");
	ASSERT_SLICE(path_without_query(SLICE("/a")), "/a");
	ASSERT_SLICE(path_query(SLICE("/a?b?c#d?e")), "b?c");
	ASSERT_SLICE(path_query(SLICE("/a?")), "");
	assert_null(path_query(SLICE("/a#?b")).data);
	assert_null(path_query(SLICE("/a")).data);
	assert_null(path_query(SLICE("")).data);
}

static void query_parameters(void **state)
{
	struct slice path = SLICE("/p?a=1&b&c=&a=2&=x&d=e=f&%61=z");
	(void)state;
	ASSERT_SLICE(path_query_find(path, SLICE("a")), "1");
	ASSERT_SLICE(path_query_find(path, SLICE("b")), "");
	ASSERT_SLICE(path_query_find(path, SLICE("c")), "");
	ASSERT_SLICE(path_query_find(path, SLICE("d")), "e=f");
	ASSERT_SLICE(path_query_find(path, SLICE("")), "x");
	ASSERT_SLICE(path_query_find(path, SLICE("%61")), "z");
	assert_null(path_query_find(path, SLICE("x")).data);
	assert_null(path_query_find(path, SLICE("A")).data);
	assert_null(path_query_find(SLICE("/p"), SLICE("a")).data);
	assert_null(path_query_find(SLICE("/p?"), SLICE("a")).data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normalizes_as_envoy_does),
		cmocka_unit_test(unescapes_slashes_as_envoy_does),
		cmocka_unit_test(redirects_as_envoy_does),
		cmocka_unit_test(rejects_as_envoy_does),
		cmocka_unit_test(merges_as_envoy_does),
		cmocka_unit_test(parameters_go_with_escaped_dots_too),
		cmocka_unit_test(decoding_makes_no_new_escape),
		cmocka_unit_test(every_byte_and_every_escape),
		cmocka_unit_test(a_normal_path_is_not_copied),
		cmocka_unit_test(the_parts_of_a_path),
		cmocka_unit_test(query_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
