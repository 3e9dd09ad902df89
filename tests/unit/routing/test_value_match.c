/* One value of a call against each kind of test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "outrigger/config/route/v1/rpc_route.pb-c.h"
#include "routing/value_match.h"
#include "xds/yaml_message.h"

struct fixture {
	struct arena arena;
	struct value_match match;
	char said[600];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	arena_init(&f->arena, 4096);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	free(f);
	return 0;
}

static bool load(struct fixture *f, const char *yaml)
{
	ProtobufCMessage *message = NULL;
	struct diag diag = {0};
	struct text_pool pool;
	text_pool_init(&pool, 0, &f->arena, &f->arena);
	if (yaml_message_parse(slice_of(yaml), "t.yaml",
			       &outrigger__config__route__v1__value_match__descriptor, NULL,
			       &f->arena, &message, &diag))
		fail_msg("%s\nin: %s", diag_format(&diag, f->said, sizeof f->said), yaml);
	if (!value_match_load(&f->match, (void *)message, &pool, &diag))
		return true;
	diag_format(&diag, f->said, sizeof f->said);
	return false;
}

static const struct argument_value absent = {.kind = ARGUMENT_ABSENT};
static const struct argument_value null_value = {.kind = ARGUMENT_NULL};
static const struct argument_value list = {.kind = ARGUMENT_LIST};
static const struct argument_value object = {.kind = ARGUMENT_OBJECT, .type = {"a.B", 3}};

static struct argument_value text(const char *s)
{
	return (struct argument_value){.kind = ARGUMENT_STRING, .text = slice_of(s)};
}

static struct argument_value name_of_enum(const char *s)
{
	return (struct argument_value){
		.kind = ARGUMENT_ENUM, .text = slice_of(s), .type = SLICE("a.Status")};
}

static struct argument_value whole(enum argument_kind kind, int64_t n)
{
	return (struct argument_value){.kind = kind, .integer = n, .number = (double)n};
}

static struct argument_value number(double n)
{
	return (struct argument_value){.kind = ARGUMENT_DOUBLE, .number = n};
}

static bool test(struct fixture *f, const char *yaml, struct argument_value value)
{
	if (!load(f, yaml))
		fail_msg("%s: %s", yaml, f->said);
	return value_match_test(&f->match, &value, &f->arena);
}

static void texts(void **state)
{
	struct fixture *f = *state;
	assert_true(test(f, "exact: PAID", text("PAID")));
	assert_false(test(f, "exact: PAID", text("paid")));
	assert_true(test(f, "{exact: Paid, ignore_case: true}", text("pAID")));
	assert_true(test(f, "exact: PAID", name_of_enum("PAID")));
	assert_true(test(f, "exact: ''", text("")));
	assert_true(test(f, "prefix: ab", text("abc")));
	assert_false(test(f, "prefix: ab", text("a")));
	assert_true(test(f, "{prefix: AB, ignore_case: true}", text("aBc")));
	assert_true(test(f, "suffix: bc", text("abc")));
	assert_false(test(f, "suffix: bc", text("bcd")));
	assert_true(test(f, "contains: b", text("abc")));
	assert_true(test(f, "safe_regex: {regex: '[a-c]+'}", text("abc")));
	assert_false(test(f, "safe_regex: {regex: '[a-c]+'}", text("abcd"))); /* all of it */
	/* As String.valueOf. */
	assert_true(test(f, "exact: '42'", whole(ARGUMENT_INT, 42)));
	assert_true(test(f, "exact: '-9223372036854775808'", whole(ARGUMENT_LONG, INT64_MIN)));
	assert_true(test(f, "suffix: '7'", whole(ARGUMENT_LONG, 9007)));
	assert_true(test(f, "exact: 'true'", whole(ARGUMENT_BOOL, 1)));
	assert_true(test(f, "exact: '2.5'", number(2.5)));
	assert_true(test(f, "exact: '1.0E7'", number(1e7)));
	assert_false(test(f, "exact: '2'", number(2)));
}

static void one_of_many(void **state)
{
	struct fixture *f = *state;
	assert_true(test(f, "in: {values: [a, b]}", text("b")));
	assert_false(test(f, "in: {values: [a, b]}", text("c")));
	assert_true(test(f, "{in: {values: [A, b]}, ignore_case: true}", text("a")));
	assert_true(test(f, "in: {values: ['1', '2']}", whole(ARGUMENT_INT, 2)));
	char *many = arena_printf(&f->arena, "in: {values: [x0");
	for (int i = 1; i < 500; i++)
		many = arena_printf(&f->arena, "%s, x%d", many, i);
	many = arena_printf(&f->arena, "%s, x3]}", many);
	assert_true(test(f, many, text("x499")));
	assert_true(test(f, many, text("x0")));
	assert_false(test(f, many, text("x500")));
	assert_false(test(f, many, text("")));
}

static void numbers(void **state)
{
	struct fixture *f = *state;
	const char *range = "range: {start: -2, end: 5}";
	assert_true(test(f, range, whole(ARGUMENT_INT, -2)));
	assert_true(test(f, range, whole(ARGUMENT_LONG, 4)));
	assert_false(test(f, range, whole(ARGUMENT_LONG, 5)));
	assert_true(test(f, range, text("4")));
	assert_false(test(f, range, text("4.0")));
	assert_false(test(f, range, text("x")));
	assert_false(test(f, range, whole(ARGUMENT_BOOL, 1)));
	assert_true(test(f, range, number(3.0)));
	assert_false(test(f, range, number(3.5)));
	assert_false(test(f, range, number(1e300)));
	assert_true(test(f, "range: {start: 1000, end: 2000}", whole(ARGUMENT_DATE, 1500)));
	range = "double_range: {start: 0.5, end: 2.5}";
	assert_true(test(f, range, number(0.5)));
	assert_false(test(f, range, number(2.5)));
	assert_true(test(f, range, whole(ARGUMENT_INT, 2)));
	assert_true(test(f, range, text("1.25e0")));
	assert_false(test(f, range, text("0x1")));
	assert_false(test(f, range, text("nan")));
	assert_false(test(f, range, text("")));
	const char *modulo = "modulo: {divisor: 100, remainder: {start: 0, end: 10}}";
	assert_true(test(f, modulo, whole(ARGUMENT_LONG, 1209)));
	assert_false(test(f, modulo, whole(ARGUMENT_LONG, 1210)));
	assert_true(test(f, modulo, text("2088000000000107")));
	assert_false(test(f, modulo, text("abc")));
	/* Never negative, as Math.floorMod. */
	assert_true(test(f, modulo, whole(ARGUMENT_INT, -95)));
	assert_false(test(f, modulo, whole(ARGUMENT_INT, -5)));
}

static void what_is_there(void **state)
{
	struct fixture *f = *state;
	assert_true(test(f, "present: true", text("x")));
	assert_true(test(f, "present: true", null_value));
	assert_true(test(f, "present: true", list));
	assert_false(test(f, "present: true", absent));
	assert_true(test(f, "present: false", absent));
	assert_false(test(f, "present: false", null_value));
	assert_true(test(f, "{present: true, invert_match: true}", absent));
	assert_true(test(f, "null_value: true", null_value));
	assert_false(test(f, "null_value: true", text("")));
	assert_false(test(f, "null_value: true", absent));
	assert_true(test(f, "null_value: false", text("x")));
	assert_false(test(f, "null_value: false", absent));
}

static void inverted(void **state)
{
	struct fixture *f = *state;
	assert_false(test(f, "{exact: a, invert_match: true}", text("a")));
	assert_true(test(f, "{exact: a, invert_match: true}", text("b")));
	assert_false(test(f, "{exact: a, invert_match: true}", absent));
	assert_true(
		test(f, "{exact: a, invert_match: true, treat_missing_as_empty: true}", absent));
	assert_false(test(f, "{exact: a, treat_missing_as_empty: true}", absent));
	assert_true(test(f, "{exact: '', treat_missing_as_empty: true}", absent));
	assert_true(test(f, "{in: {values: [a]}, invert_match: true}", object));
	assert_false(test(f, "exact: a", object));
	assert_false(test(f, "range: {start: 0, end: 9}", null_value));
	assert_true(test(f, "{range: {start: 0, end: 9}, invert_match: true}", number(10)));
	assert_true(test(f,
			 "{modulo: {divisor: 2, remainder: {start: 0, end: 1}}, "
			 "invert_match: true}",
			 whole(ARGUMENT_INT, 3)));
}

static void refused(struct fixture *f, const char *yaml, const char *said)
{
	if (load(f, yaml))
		fail_msg("was taken: %s", yaml);
	if (!strstr(f->said, said))
		fail_msg("\"%s\" should say \"%s\"", f->said, said);
}

static void bad_ones(void **state)
{
	struct fixture *f = *state;
	refused(f, "{}", "one of exact, prefix");
	refused(f, "{ignore_case: true}", "ignore_case");
	refused(f, "prefix: ''", "prefix: must not be empty");
	refused(f, "in: {}", "in.values: at least one");
	refused(f, "safe_regex: {regex: '('}", "safe_regex.regex: invalid regular expression");
	refused(f, "{safe_regex: {regex: 'a'}, ignore_case: true}", "ignore_case:");
	refused(f, "{range: {start: 1, end: 2}, ignore_case: true}", "ignore_case:");
	refused(f, "range: {start: 2, end: 2}", "range: start must be below end");
	refused(f, "double_range: {start: 2.5, end: 2}", "double_range:");
	refused(f, "modulo: {remainder: {start: 0, end: 1}}", "modulo.divisor: must be > 0");
	refused(f, "modulo: {divisor: 2}", "modulo.remainder: is required");
	refused(f, "modulo: {divisor: 2, remainder: {start: 1, end: 3}}", "modulo.remainder:");
	refused(f, "modulo: {divisor: 2, remainder: {start: -1, end: 1}}", "modulo.remainder:");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts),         TEST(one_of_many), TEST(numbers),
		TEST(what_is_there), TEST(inverted),    TEST(bad_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
