/* Every golden frame of Dubbo and Bolt, read by the product's reader and dumped as typed JSON: the
 * same as Java's own decoders gave (the index beside the frames). So are single values, in which
 * each tag of both grammars occurs.
 *
 *   unit_proxy_codec_test_golden_vectors            compares all
 *   unit_proxy_codec_test_golden_vectors FILE.hex   prints one, the path from tests/vectors on
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/dubbo_arguments.h"
#include "codec/sofa_hessian.h"
#include "support/typed_value.h"
#include "support/vectors.h"

static struct arena arena;

/* --- bodies as the indexes have them */

static json_t *next_json(struct typed_reader *reader)
{
	const struct typed_value *value = typed_read(reader);
	json_t *json = value ? typed_json(value, &arena) : NULL;

	assert_non_null(json);
	return json;
}

/* A string, an int, a flag or null, bare. */
static json_t *bare_json(const struct typed_value *value)
{
	assert_non_null(value);
	if (value->kind == HESSIAN2_STRING)
		return json_stringn(value->text.data, value->text.len);
	if (value->kind == HESSIAN2_BOOL)
		return json_boolean(value->integer);
	return value->kind == HESSIAN2_INT ? json_integer(value->integer) : json_null();
}

static json_t *next_bare(struct typed_reader *reader)
{
	return bare_json(typed_read(reader));
}

static json_t *dubbo_request(struct typed_reader *reader)
{
	json_t *args = json_array(), *body = json_object();
	static const char *const names[] = {"dubbo_version", "path", "version", "method",
					    "parameter_types_desc"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		json_object_set_new(body, names[i], next_bare(reader));
	const char *types = json_string_value(json_object_get(body, "parameter_types_desc"));
	for (int i = dubbo_count_arguments(slice_of(types)); i > 0; i--)
		json_array_append_new(args, next_json(reader));
	json_object_set_new(body, "args", args);
	json_object_set_new(body, "attachments", next_json(reader));
	return body;
}

static json_t *dubbo_result(struct typed_reader *reader)
{
	static const char *const names[] = {"EXCEPTION",
					    "VALUE",
					    "NULL_VALUE",
					    "EXCEPTION_WITH_ATTACHMENTS",
					    "VALUE_WITH_ATTACHMENTS",
					    "NULL_VALUE_WITH_ATTACHMENTS"};
	json_t *type = next_bare(reader), *body = json_object();
	size_t number = (size_t)json_integer_value(type);

	assert_true(number < COUNT_OF(names));
	json_object_set_new(body, "response_type", type);
	json_object_set_new(body, "response_type_name", json_string(names[number]));
	if (number % 3 != 2)
		json_object_set_new(body, number % 3 ? "value" : "exception", next_json(reader));
	if (number >= 3)
		json_object_set_new(body, "attachments", next_json(reader));
	return body;
}

static json_t *dubbo_body(struct slice frame)
{
	const uint8_t *p = (const uint8_t *)frame.data;
	struct typed_reader reader;
	json_t *body;

	typed_reader_init(&reader, slice_sub(frame, 16, frame.len), &hessian2_grammar, &arena);
	if ((p[2] & 0x1f) != 2)
		return json_pack("{s:b}", "not_hessian2", 1);
	if (p[2] & 0x20)
		body = json_pack("{s:o}", "event_data", next_json(&reader));
	else if (p[2] & 0x80)
		body = dubbo_request(&reader);
	else if (p[3] != 20)
		body = json_pack("{s:o}", "error_message", next_bare(&reader));
	else
		body = dubbo_result(&reader);
	assert_int_equal(reader.hessian2.pos, reader.hessian2.len);
	return body;
}

/* --- Bolt */

static json_t *bolt_headers(struct slice section)
{
	json_t *headers = json_object();

	while (section.len) {
		struct slice parts[2];
		for (int i = 0; i < 2; i++) {
			const uint8_t *p = (const uint8_t *)section.data;
			size_t len = (size_t)p[2] << 8 | p[3]; /* none is longer than 64 kB */
			parts[i] = slice_sub(section, 4, 4 + len);
			section = slice_sub(section, 4 + len, section.len);
		}
		json_object_set_new(headers, arena_string(&arena, parts[0]),
				    json_stringn(parts[1].data, parts[1].len));
	}
	return headers;
}

/* A field of a SofaRequest or SofaResponse: bare when it is text or a flag. */
static json_t *field_json(const struct typed_value *object, const char *name, bool is_bare)
{
	const struct typed_value *value = typed_field(object, name);

	assert_non_null(value);
	return is_bare ? bare_json(value) : typed_json(value, &arena);
}

static void add_sofa(json_t *body, struct typed_reader *reader, bool is_request)
{
	const struct typed_value *object = typed_read(reader);

	assert_non_null(object);
	if (!is_request) {
		json_object_set_new(body, "is_error", field_json(object, "isError", true));
		json_object_set_new(body, "error_msg", field_json(object, "errorMsg", true));
		json_object_set_new(body, "app_response", field_json(object, "appResponse", false));
		json_object_set_new(body, "response_props",
				    field_json(object, "responseProps", false));
		return;
	}
	json_object_set_new(body, "target_service",
			    field_json(object, "targetServiceUniqueName", true));
	json_object_set_new(body, "method", field_json(object, "methodName", true));
	json_object_set_new(body, "target_app", field_json(object, "targetAppName", true));
	json_object_set_new(body, "arg_sigs", field_json(object, "methodArgSigs", false));
	json_object_set_new(body, "request_props", field_json(object, "requestProps", false));
	json_t *args = json_array();
	while (reader->hessian2.pos < reader->hessian2.len)
		json_array_append_new(args, next_json(reader));
	json_object_set_new(body, "args", args);
}

static json_t *hex_json(struct slice bytes)
{
	char *hex = arena_alloc(&arena, 2 * bytes.len + 4), *to = hex;
	size_t shown = bytes.len > 200 ? 200 : bytes.len;

	for (size_t i = 0; i < shown; i++)
		to += snprintf(to, 3, "%02x", (uint8_t)bytes.data[i]);
	if (shown < bytes.len)
		memcpy(to, "...", 4);
	return json_stringn(hex, 2 * shown + (shown < bytes.len ? 3 : 0));
}

/* What stands in a frame behind its head. */
struct bolt {
	bool is_request;
	struct slice class, headers, content;
};

static struct bolt split_bolt(struct slice frame)
{
	const uint8_t *p = (const uint8_t *)frame.data;
	size_t shift = p[0] == 2;
	bool is_request = p[1 + shift];
	size_t at = (is_request ? 14u : 12u) + 2 * shift, head = at + 8;
	size_t class_len = (size_t)p[at] << 8 | p[at + 1];
	size_t headers_end = head + class_len + ((size_t)p[at + 2] << 8 | p[at + 3]);
	size_t content_len = (size_t)p[at + 5] << 16 | (size_t)p[at + 6] << 8 | p[at + 7];

	return (struct bolt){
		.is_request = is_request,
		.class = slice_sub(frame, head, head + class_len),
		.headers = slice_sub(frame, head + class_len, headers_end),
		.content = slice_sub(frame, headers_end, headers_end + content_len),
	};
}

static json_t *bolt_body(struct slice frame, bool is_plain)
{
	struct bolt bolt = split_bolt(frame);
	struct typed_reader reader;
	json_t *body = json_pack("{s:o}", "class", json_stringn(bolt.class.data, bolt.class.len));

	typed_reader_init(&reader, bolt.content, &sofa_hessian_grammar, &arena);
	if (is_plain) {
		json_object_set_new(body, "header_hex", hex_json(bolt.headers));
		json_object_set_new(body, "content_hex", hex_json(bolt.content));
		if (bolt.content.len)
			assert_non_null(typed_read(&reader));
	} else {
		json_object_set_new(body, "headers", bolt_headers(bolt.headers));
		if (bolt.content.len)
			add_sofa(body, &reader, bolt.is_request);
	}
	assert_int_equal(reader.hessian2.pos, reader.hessian2.len);
	return body;
}

/* --- the indexes */

static json_t *body_of(const char *file)
{
	struct slice frame = vector_read(file, &arena);

	if (strncmp(file, "bolt/", 5))
		return dubbo_body(frame);
	return bolt_body(frame, !strncmp(file, "bolt/bolt-", 10));
}

static size_t compare_index(const char *folder, const char *index)
{
	char path[256];
	size_t i, j, frames = 0;
	json_t *vector, *frame;

	snprintf(path, sizeof path, "tests/vectors/%s/%s", folder, index);
	json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "vectors"), i, vector)
	{
		json_array_foreach(json_object_get(vector, "frames"), j, frame)
		{
			const char *file = json_string_value(json_object_get(frame, "file"));
			snprintf(path, sizeof path, "%s/%s", folder, file);
			json_t *body = body_of(path);
			if (!typed_json_equal(body, json_object_get(frame, "body")))
				fail_msg("%s:\n%s", path, json_dumps(body, JSON_INDENT(1)));
			json_decref(body);
			arena_reset(&arena);
			frames++;
		}
	}
	json_decref(root);
	return frames;
}

static void dubbo_bodies_are_what_java_reads(void **state)
{
	(void)state;
	assert_int_equal(compare_index("dubbo", "index-d33.json"), 60);
	assert_int_equal(compare_index("dubbo", "index-d27.json"), 57);
}

static void bolt_bodies_are_what_java_reads(void **state)
{
	(void)state;
	assert_int_equal(compare_index("bolt", "index.json"), 62);
}

/* --- single values in either grammar: tests/interop/java's Vectors */

static bool met[256]; /* tags */

static void compare_values(const char *folder, const struct hessian2_grammar *grammar)
{
	char path[256];
	json_t *entry, *expected;
	size_t i, j;

	memset(met, 0, sizeof met);
	snprintf(path, sizeof path, "tests/vectors/%s/index.json", folder);
	json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
	assert_non_null(root);
	json_array_foreach(root, i, entry)
	{
		struct typed_reader reader;
		snprintf(path, sizeof path, "%s/%s", folder,
			 json_string_value(json_object_get(entry, "file")));
		typed_reader_init(&reader, vector_read(path, &arena), grammar, &arena);
		reader.tags = met;
		json_array_foreach(json_object_get(entry, "values"), j, expected)
		{
			json_t *json = next_json(&reader);
			if (!typed_json_equal(json, expected))
				fail_msg("%s, value %zu: %s", path, j, json_dumps(json, 0));
			json_decref(json);
		}
		assert_int_equal(reader.hessian2.pos, reader.hessian2.len);
		arena_reset(&arena);
	}
	json_decref(root);
}

static bool is_value(const struct hessian2_grammar *grammar, unsigned tag)
{
	return grammar->tags[tag].kind != HESSIAN2_INVALID;
}

static void values_are_what_java_reads(void **state)
{
	(void)state;
	compare_values("hessian2", &hessian2_grammar);
	for (unsigned tag = 0; tag < 256; tag++)
		if (is_value(&hessian2_grammar, tag) && !met[tag])
			fail_msg("Hessian2: no vector has the tag %02x", tag);
	compare_values("sofa", &sofa_hessian_grammar);
	for (unsigned tag = 0; tag < 256; tag++)
		if (is_value(&sofa_hessian_grammar, tag) && !met[tag])
			fail_msg("SOFA: no vector has the tag %02x", tag);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dubbo_bodies_are_what_java_reads),
		cmocka_unit_test(bolt_bodies_are_what_java_reads),
		cmocka_unit_test(values_are_what_java_reads),
	};

	arena_init(&arena, 4096);
	int failed = 0;
	if (argc > 1) {
		json_t *body = body_of(argv[1]);
		json_dumpf(body, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(body);
	} else {
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	}
	arena_free(&arena);
	return failed;
}
