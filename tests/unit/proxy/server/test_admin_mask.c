#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/admin_mask.h"

static const char dump[] =
	"{\"configs\": [{\"@type\": \"A\", \"list\": [{\"name\": \"x\", \"port\": 1}, {\"port\": "
	"2}], \"version\": \"v\"}, {\"@type\": \"B\", \"other\": {\"name\": \"y\"}}]}";

static void check(const char *mask, bool keeps_all, bool is_found, const char *wanted)
{
	struct text text = {0};

	text_add(&text, slice_of(dump));
	assert_int_equal(admin_mask(&text, slice_of(mask), keeps_all), is_found);
	text_add(&text, slice_make("", 1));
	assert_string_equal(text.data, wanted);
	text_free(&text);
}

static void sections_without_the_field_are_left_out(void **state)
{
	(void)state;
	check("version", false, true,
	      "{\n \"configs\": [\n  {\n   \"@type\": \"A\",\n   \"version\": \"v\"\n  }\n ]\n}\n");
	check("none", false, false, "{\n \"configs\": []\n}\n");
}

static void items_stay_even_if_they_are_empty(void **state)
{
	(void)state;
	check("other.name", true, true,
	      "{\n \"configs\": [\n  {\n   \"@type\": \"A\"\n  },\n  {\n   \"@type\": \"B\",\n   "
	      "\"other\": {\n    \"name\": \"y\"\n   }\n  }\n ]\n}\n");
}

static void paths_go_through_lists(void **state)
{
	(void)state;
	check("list.name,list.port", false, true,
	      "{\n \"configs\": [\n  {\n   \"@type\": \"A\",\n   \"list\": [\n    {\n     "
	      "\"name\": \"x\",\n     \"port\": 1\n    },\n    {\n     \"port\": 2\n    }\n   "
	      "]\n  }\n ]\n}\n");
}

static void what_is_under_a_plain_value_is_not_found(void **state)
{
	(void)state;
	check("version.name", false, false, "{\n \"configs\": []\n}\n");
}

static void a_text_that_is_no_json_stays(void **state)
{
	struct text text = {0};

	(void)state;
	text_add(&text, SLICE("{\"configs\": [{\"name\": \"\xff\"}]}"));
	assert_false(admin_mask(&text, SLICE("name"), false));
	assert_int_equal(text.len, 28);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_without_the_field_are_left_out),
		cmocka_unit_test(items_stay_even_if_they_are_empty),
		cmocka_unit_test(paths_go_through_lists),
		cmocka_unit_test(what_is_under_a_plain_value_is_not_found),
		cmocka_unit_test(a_text_that_is_no_json_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
