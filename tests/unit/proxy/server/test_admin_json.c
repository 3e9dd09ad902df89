#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/admin_json.h"

static void check(struct text *text, const char *wanted)
{
	while (text->capacity == text->len)
		text_add(text, SLICE(" "));
	text->data[text->len] = 0;
	assert_string_equal(text->data, wanted);
	text_free(text);
}

static void empty_containers_are_on_one_line(void **state)
{
	struct text text = {0};
	struct json json = {.out = &text};

	(void)state;
	json_open(&json, NULL, '{');
	json_open(&json, "list", '[');
	json_close(&json);
	json_open(&json, "map", '{');
	json_close(&json);
	json_close(&json);
	check(&text, "{\n \"list\": [],\n \"map\": {}\n}");
}

static void members_stand_a_space_a_level_deeper(void **state)
{
	struct text text = {0};
	struct json json = {.out = &text};

	(void)state;
	json_open(&json, NULL, '{');
	json_text(&json, "name", SLICE("a\"b"));
	json_open(&json, "list", '[');
	json_number(&json, NULL, 7);
	json_bool(&json, NULL, true);
	json_open(&json, NULL, '{');
	json_raw(&json, "raw", SLICE("null"));
	json_close(&json);
	json_close(&json);
	json_close(&json);
	check(&text, "{\n \"name\": \"a\\\"b\",\n \"list\": [\n  7,\n  true,\n  {\n   \"raw\": "
		     "null\n  }\n ]\n}");
}

static void times_have_milliseconds(void **state)
{
	struct text text = {0};
	struct json json = {.out = &text};

	(void)state;
	json_open(&json, NULL, '[');
	json_time(&json, NULL, UINT64_C(1795268690601999999));
	json_time(&json, NULL, 0);
	json_close(&json);
	check(&text, "[\n \"2026-11-21T13:44:50.601Z\",\n \"1970-01-01T00:00:00.000Z\"\n]");
}

static void addresses_are_of_their_kind(void **state)
{
	struct text text = {0};
	struct json json = {.out = &text};
	struct addr ip, path = {.family = ADDR_UNIX, .path = "/run/x"};

	(void)state;
	assert_int_equal(addr_parse(SLICE("[::1]:80"), &ip), STATUS_OK);
	json_open(&json, NULL, '{');
	json_address(&json, "a", &ip);
	json_address(&json, "b", &path);
	json_close(&json);
	check(&text, "{\n \"a\": {\n  \"socket_address\": {\n   \"address\": \"::1\",\n   "
		     "\"port_value\": 80\n  }\n },\n \"b\": {\n  \"pipe\": {\n   \"path\": "
		     "\"/run/x\"\n  }\n }\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_containers_are_on_one_line),
		cmocka_unit_test(members_stand_a_space_a_level_deeper),
		cmocka_unit_test(times_have_milliseconds),
		cmocka_unit_test(addresses_are_of_their_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
