#include "routing/header_match.h"

#include "base/regex.h"
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "envoy/type/v3/range.pb-c.h"
#include "message/grammar.h"

#define SPECIFIER(kind) ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_##kind

struct slice header_name_of_config(const char *name, struct arena *arena)
{
	struct slice text = slice_of(name);
	char *copy = arena_string(arena, text);

	slice_copy_lower(copy, text);
	if (slice_equal((struct slice){copy, text.len}, SLICE("host")))
		return SLICE(":authority");
	return (struct slice){copy, text.len};
}

enum status header_name_load(struct slice *loaded, const char *name, const char *field,
			     struct arena *arena, struct diag *diag)
{
	if (!grammar_is_token(slice_of(name)))
		return diag_at(diag, field, "must be the name of a header");
	*loaded = header_name_of_config(name, arena);
	return STATUS_OK;
}

bool slice_to_int64(struct slice text, int64_t *value)
{
	bool negative = text.len && text.data[0] == '-';
	uint64_t size;

	if (text.len && (text.data[0] == '-' || text.data[0] == '+'))
		text = slice_sub(text, 1, text.len);
	if (!slice_to_uint64(text, &size) || size > (uint64_t)INT64_MAX + negative)
		return false;
	*value = (int64_t)(negative ? 0 - size : size);
	return true;
}

/* The kinds of match from before StringMatcher. An empty text meant "present". */
static void load_old(struct header_match *match, enum string_matcher_kind kind, const char *text,
		     struct arena *arena)
{
	match->test = text[0] ? VALUE_TEST_STRING : VALUE_TEST_PRESENT;
	if (text[0])
		string_matcher_init(&match->string, kind, slice_of(text), false, arena);
}

static enum status load_test(struct header_match *match,
			     const Envoy__Config__Route__V3__HeaderMatcher *message,
			     struct arena *arena, struct diag *diag)
{
	enum status status = STATUS_OK;

	match->test = VALUE_TEST_PRESENT;
	switch ((int)message->header_match_specifier_case) {
	case SPECIFIER(PRESENT_MATCH):
		match->invert ^= !message->present_match;
		break;
	case SPECIFIER(RANGE_MATCH):
		match->test = VALUE_TEST_RANGE;
		match->from = message->range_match->start;
		match->to = message->range_match->end;
		break;
	case SPECIFIER(STRING_MATCH):
		match->test = VALUE_TEST_STRING;
		status = string_matcher_load(&match->string, message->string_match, arena, diag);
		if (status)
			diag_prefix(diag, "string_match");
		break;
	case SPECIFIER(SAFE_REGEX_MATCH):
		match->test = VALUE_TEST_STRING;
		match->string.kind = STRING_MATCHER_REGEX;
		status = regex_matcher_load(&match->string.regex, message->safe_regex_match,
					    REGEX_MATCH, arena, diag);
		if (status)
			diag_prefix(diag, "safe_regex_match");
		break;
	case SPECIFIER(EXACT_MATCH):
		load_old(match, STRING_MATCHER_EXACT, message->exact_match, arena);
		break;
	case SPECIFIER(PREFIX_MATCH):
		load_old(match, STRING_MATCHER_PREFIX, message->prefix_match, arena);
		break;
	case SPECIFIER(SUFFIX_MATCH):
		load_old(match, STRING_MATCHER_SUFFIX, message->suffix_match, arena);
		break;
	case SPECIFIER(CONTAINS_MATCH):
		load_old(match, STRING_MATCHER_CONTAINS, message->contains_match, arena);
		break;
	}
	return status;
}

enum status header_matches_load(struct header_matches *matches, const char *field,
				Envoy__Config__Route__V3__HeaderMatcher *const *messages,
				size_t count, struct arena *arena, struct diag *diag)
{
	struct header_match *items = ARENA_NEW_ARRAY(arena, struct header_match, count);

	for (size_t i = 0; i < count; i++) {
		const Envoy__Config__Route__V3__HeaderMatcher *message = messages[i];
		enum status status = STATUS_OK;
		if (!message->name[0]) {
			diag_at(diag, "name", "must not be empty");
			status = STATUS_INVALID;
		} else {
			items[i].name = header_name_of_config(message->name, arena);
			items[i].id = (uint8_t)known_name_find(items[i].name);
			items[i].invert = message->invert_match;
			items[i].missing_is_empty = message->treat_missing_header_as_empty;
			status = load_test(&items[i], message, arena, diag);
		}
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	*matches = (struct header_matches){items, (uint32_t)count};
	return STATUS_OK;
}

static bool test_value(const struct header_match *match, struct slice value, bool *gave_up)
{
	int64_t number;

	switch ((enum value_test)match->test) {
	case VALUE_TEST_PRESENT:
		return true;
	case VALUE_TEST_RANGE:
		return slice_to_int64(value, &number) && number >= match->from &&
		       number < match->to;
	case VALUE_TEST_STRING:
		return string_matcher_try(&match->string, value, gave_up);
	}
	return false;
}

bool header_match_try(const struct header_match *match, const struct headers *headers,
		      bool *gave_up)
{
	const struct header *h = match->id == HEADER_OTHER
					 ? headers_find(headers, match->name)
					 : headers_find_id(headers, (enum header_id)match->id);
	if (!h) {
		if (match->missing_is_empty)
			return test_value(match, SLICE(""), gave_up) != match->invert;
		return match->test == VALUE_TEST_PRESENT && match->invert;
	}
	for (; h; h = headers_find_next(headers, h))
		if (test_value(match, header_value(h), gave_up))
			return !match->invert;
	return match->invert;
}
