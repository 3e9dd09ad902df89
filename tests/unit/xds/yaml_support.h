/* For tests that read messages from text written in the test. */
#ifndef TESTS_UNIT_XDS_YAML_SUPPORT_H
#define TESTS_UNIT_XDS_YAML_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/diag.h"
#include "xds/yaml_message.h"

struct yaml_fixture {
	struct arena arena;
	struct diag diag;
	char said[1024]; /* the diag, formatted */
	unsigned warnings, faults;
	char last_report[1024];
};

static inline void yaml_fixture_report(void *context, const struct diag *diag, bool is_fault)
{
	struct yaml_fixture *fixture = context;
	*(is_fault ? &fixture->faults : &fixture->warnings) += 1;
	diag_format(diag, fixture->last_report, sizeof fixture->last_report);
}

static inline int yaml_fixture_setup(void **state)
{
	static struct yaml_fixture fixture;
	fixture = (struct yaml_fixture){0};
	arena_init(&fixture.arena, 4096);
	*state = &fixture;
	return 0;
}

static inline int yaml_fixture_teardown(void **state)
{
	struct yaml_fixture *fixture = *state;
	arena_free(&fixture->arena);
	return 0;
}

/* The message, or NULL with the reason in fixture->said. */
static inline void *yaml_try(struct yaml_fixture *fixture, const ProtobufCMessageDescriptor *type,
			     const char *file, const char *text, bool allow_unknown)
{
	struct yaml_options options = {allow_unknown, yaml_fixture_report, fixture};
	ProtobufCMessage *message = NULL;
	fixture->diag = (struct diag){0};
	enum status status = yaml_message_parse(slice_of(text), file, type, &options,
						&fixture->arena, &message, &fixture->diag);
	diag_format(&fixture->diag, fixture->said, sizeof fixture->said);
	return status ? NULL : message;
}

static inline void *yaml_must(struct yaml_fixture *fixture, const ProtobufCMessageDescriptor *type,
			      const char *text)
{
	void *message = yaml_try(fixture, type, "t.yaml", text, false);
	if (!message)
		fail_msg("%s\nin:\n%s", fixture->said, text);
	return message;
}

static inline void yaml_must_fail(struct yaml_fixture *fixture,
				  const ProtobufCMessageDescriptor *type, const char *text,
				  const char *said)
{
	if (yaml_try(fixture, type, "t.yaml", text, false))
		fail_msg("was read:\n%s", text);
	assert_string_equal(fixture->said, said);
}

#endif
