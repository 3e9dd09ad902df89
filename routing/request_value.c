#include "routing/request_value.h"

#include "message/argument_value.h"
#include "message/cookie.h"
#include "message/grammar.h"
#include "outrigger/type/v1/request_value.pb-c.h"
#include "routing/header_match.h"

#define SOURCE(kind) OUTRIGGER__TYPE__V1__REQUEST_VALUE__SOURCE_##kind

static enum status load_name(struct request_value *value, enum request_value_source source,
			     const char *name, const char *field, struct arena *arena,
			     struct diag *diag)
{
	value->source = source;
	value->name = arena_slice(arena, slice_of(name));
	if (!name[0])
		return diag_at(diag, field, "must not be empty");
	if (source == REQUEST_VALUE_HEADER && name[0] != ':' && !grammar_is_token(value->name))
		return diag_at(diag, field, "'%s' is no name of a header", name);
	if (source != REQUEST_VALUE_COOKIE)
		value->header = header_name_of_config(name, arena);
	return STATUS_OK;
}

static enum status load(struct request_value *value,
			const struct Outrigger__Type__V1__RequestValue *message,
			struct arena *arena, struct diag *diag)
{
	enum status status;

	switch (message->source_case) {
	case SOURCE(HEADER):
		return load_name(value, REQUEST_VALUE_HEADER, message->header, "header", arena,
				 diag);
	case SOURCE(ATTACHMENT):
		return load_name(value, REQUEST_VALUE_ATTACHMENT, message->attachment, "attachment",
				 arena, diag);
	case SOURCE(COOKIE):
		return load_name(value, REQUEST_VALUE_COOKIE, message->cookie, "cookie", arena,
				 diag);
	case SOURCE(ARGUMENT):
		value->source = REQUEST_VALUE_ARGUMENT;
		status =
			argument_path_parse(&value->path, slice_of(message->argument), arena, diag);
		if (status)
			diag_prefix(diag, "argument");
		return status;
	case SOURCE(_NOT_SET):
	case _OUTRIGGER__TYPE__V1__REQUEST_VALUE__SOURCE__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(diag, "one of header, attachment, cookie, argument is required");
}

enum status request_values_load(struct request_values *values, const char *field,
				struct Outrigger__Type__V1__RequestValue *const *messages,
				size_t count, struct arena *arena, struct diag *diag)
{
	struct request_value *items = ARENA_NEW_ARRAY(arena, struct request_value, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = load(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	*values = (struct request_values){items, (uint32_t)count};
	return STATUS_OK;
}

static bool find_header(const struct request_value *value, const struct policy_facts *facts,
			struct slice *text)
{
	const struct header *header = headers_find(facts->headers, value->header);

	if (!header)
		return false;
	*text = header_value(header);
	return true;
}

static bool find_attachment(const struct request_value *value, const struct policy_facts *facts,
			    struct slice *text)
{
	return facts->attachment && facts->attachment(facts->context, value->name, text);
}

static bool find_argument(const struct request_value *value, const struct policy_facts *facts,
			  struct slice *text)
{
	struct argument_value found;

	if (!facts->argument || !facts->argument(facts->context, &value->path, &found))
		return false;
	*text = argument_value_text(&found, facts->arena);
	return text->data != NULL;
}

bool request_value_find(const struct request_value *value, const struct policy_facts *facts,
			struct slice *text)
{
	switch (value->source) {
	case REQUEST_VALUE_HEADER:
		return find_header(value, facts, text) || find_attachment(value, facts, text);
	case REQUEST_VALUE_ATTACHMENT:
		return find_attachment(value, facts, text) || find_header(value, facts, text);
	case REQUEST_VALUE_COOKIE:
		*text = cookie_find(facts->headers, value->name);
		return text->data != NULL;
	case REQUEST_VALUE_ARGUMENT:
		return find_argument(value, facts, text);
	}
	return false;
}

bool request_values_find(const struct request_values *values, const struct policy_facts *facts,
			 struct slice *text)
{
	for (uint32_t i = 0; i < values->count; i++)
		if (request_value_find(&values->items[i], facts, text) && text->len)
			return true;
	return false;
}
