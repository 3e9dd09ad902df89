#include "filters/sentinel/core/json_members.h"

#include <errno.h>
#include <stdlib.h>

const json_t *json_members_value(const struct json_members *members, const char *name)
{
	const json_t *value = json_object_get(members->object, name);
	return value && !json_is_null(value) ? value : NULL;
}

static void fault(struct json_members *members, const char *name, const char *what)
{
	if (members->fault)
		return;
	members->fault = what;
	members->fault_member = name;
}

struct slice json_members_string(struct json_members *members, const char *name,
				 struct slice absent)
{
	const json_t *value = json_members_value(members, name);

	if (!value)
		return absent;
	if (json_is_string(value))
		return arena_slice(members->arena,
				   slice_make(json_string_value(value), json_string_length(value)));
	if (json_is_integer(value))
		return slice_of(
			arena_printf(members->arena, "%lld", (long long)json_integer_value(value)));
	if (json_is_boolean(value))
		return slice_of(json_is_true(value) ? "true" : "false");
	if (json_is_real(value))
		return slice_of(arena_printf(members->arena, "%.17g", json_real_value(value)));
	fault(members, name, "must be a string");
	return absent;
}

const struct slice *json_members_text(struct json_members *members, const char *name)
{
	struct slice text = json_members_string(members, name, SLICE(""));
	struct slice *kept = text.len ? ARENA_NEW(members->arena, struct slice) : NULL;

	if (kept)
		*kept = text;
	return kept;
}

static bool real_of_text(const json_t *value, double *real)
{
	const char *text = json_string_value(value);
	char *end;

	*real = strtod(text, &end);
	return end != text && end == text + json_string_length(value);
}

double json_members_real(struct json_members *members, const char *name, double absent)
{
	const json_t *value = json_members_value(members, name);
	double real;

	if (!value)
		return absent;
	if (json_is_number(value))
		return json_number_value(value);
	if (json_is_string(value) && real_of_text(value, &real))
		return real;
	fault(members, name, "must be a number");
	return absent;
}

int64_t json_members_integer(struct json_members *members, const char *name, int64_t absent)
{
	const json_t *value = json_members_value(members, name);

	if (value && json_is_integer(value))
		return json_integer_value(value);
	double real = json_members_real(members, name, (double)absent);
	if (!value || members->fault)
		return absent;
	if (real > -9e18 && real < 9e18)
		return (int64_t)real;
	fault(members, name, "is out of range");
	return absent;
}

int32_t json_members_int(struct json_members *members, const char *name, int32_t absent)
{
	int64_t value = json_members_integer(members, name, absent);

	if (value >= INT32_MIN && value <= INT32_MAX)
		return (int32_t)value;
	fault(members, name, "is out of range");
	return absent;
}

bool json_members_bool(struct json_members *members, const char *name, bool absent)
{
	const json_t *value = json_members_value(members, name);

	if (!value)
		return absent;
	if (json_is_boolean(value))
		return json_is_true(value);
	if (json_is_string(value))
		return slice_equal_nocase(slice_of(json_string_value(value)), SLICE("true"));
	fault(members, name, "must be true or false");
	return absent;
}
