/* Where a text may come from, and what is said when it can't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "envoy/config/core/v3/base.pb-c.h"
#include "message/data_source_config.h"
#include "xds/yaml_message.h"

static char said[1024];

static struct slice load(struct arena *arena, const char *yaml, size_t limit, enum status *status)
{
	struct diag diag = {0};
	ProtobufCMessage *message = NULL;
	struct slice text = {0};

	if (yaml_message_parse(slice_of(yaml), "t.yaml",
			       &envoy__config__core__v3__data_source__descriptor, NULL, arena,
			       &message, &diag))
		fail_msg("%s", diag.text);
	*status = data_source_load(&text, (const void *)message, limit, arena, &diag);
	snprintf(said, sizeof said, "%.200s: %.200s", diag.path, diag.text);
	return text;
}

static void each_source_is_read(void **state)
{
	char path[] = "/tmp/data-source-XXXXXX", yaml[64];
	int fd = mkstemp(path);
	struct arena arena;
	enum status status;
	(void)state;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "of a file", 9), 9);
	close(fd);
	setenv("DATA_SOURCE", "of the environment", 1);
	arena_init(&arena, 4096);
	assert_true(slice_equal(load(&arena, "inline_string: in line", 100, &status),
				SLICE("in line")));
	assert_true(slice_equal(load(&arena, "inline_bytes: aGk=", 100, &status), SLICE("hi")));
	assert_true(slice_equal(load(&arena, "environment_variable: DATA_SOURCE", 100, &status),
				SLICE("of the environment")));
	snprintf(yaml, sizeof yaml, "filename: %s", path);
	struct slice text = load(&arena, yaml, 9, &status);
	assert_int_equal(status, STATUS_OK);
	assert_string_equal(text.data, "of a file"); /* with its NUL */
	load(&arena, yaml, 8, &status);
	assert_int_equal(status, STATUS_INVALID);
	assert_non_null(strstr(said, "has more than the 8 bytes allowed"));
	unlink(path);
	arena_free(&arena);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *yaml, *said;
	} rows[] = {
		{"{}", ": one of filename, inline_bytes, inline_string and environment_variable "
		       "is required"},
		{"filename: /none", "filename: '/none' can't be read: No such file or directory"},
		{"environment_variable: NOT_THERE", "environment_variable: 'NOT_THERE' is not set"},
		{"inline_string: four", ": has 4 bytes; at most 3 are allowed"},
		{"inline_bytes: Zm91cg==", ": has 4 bytes; at most 3 are allowed"},
	};
	struct arena arena;
	enum status status;
	(void)state;

	arena_init(&arena, 4096);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		load(&arena, rows[i].yaml, 3, &status);
		assert_int_equal(status, STATUS_INVALID);
		assert_string_equal(said, rows[i].said);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_source_is_read),
		cmocka_unit_test(what_is_wrong_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
