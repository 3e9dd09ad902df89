#include "routing/query_match.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "message/cookie.h"

#define SPECIFIER(kind)                                                                            \
	ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_##kind

static enum status load_query(struct pair_match *match,
			      const Envoy__Config__Route__V3__QueryParameterMatcher *message,
			      struct arena *arena, struct diag *diag)
{
	enum status status;

	if (!message->name[0])
		return diag_at(diag, "name", "must not be empty");
	match->name = arena_slice(arena, slice_of(message->name));
	switch ((int)message->query_parameter_match_specifier_case) {
	case SPECIFIER(STRING_MATCH):
		status = string_matcher_load(&match->string, message->string_match, arena, diag);
		if (status)
			diag_prefix(diag, "string_match");
		return status;
	case SPECIFIER(PRESENT_MATCH):
		match->invert = !message->present_match;
		break;
	}
	match->is_present_test = true;
	return STATUS_OK;
}

enum status query_matches_load(struct pair_matches *matches,
			       Envoy__Config__Route__V3__QueryParameterMatcher *const *messages,
			       size_t count, struct arena *arena, struct diag *diag)
{
	struct pair_match *items = ARENA_NEW_ARRAY(arena, struct pair_match, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = load_query(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "query_parameters[%zu]", i);
			return status;
		}
	}
	*matches = (struct pair_matches){items, (uint32_t)count};
	return STATUS_OK;
}

static enum status load_cookie(struct pair_match *match,
			       const Envoy__Config__Route__V3__CookieMatcher *message,
			       struct arena *arena, struct diag *diag)
{
	enum status status;

	if (!message->name[0])
		return diag_at(diag, "name", "must not be empty");
	if (!message->string_match)
		return diag_at(diag, "string_match", "is required");
	match->name = arena_slice(arena, slice_of(message->name));
	match->invert = message->invert_match;
	status = string_matcher_load(&match->string, message->string_match, arena, diag);
	if (status)
		diag_prefix(diag, "string_match");
	return status;
}

enum status cookie_matches_load(struct pair_matches *matches,
				Envoy__Config__Route__V3__CookieMatcher *const *messages,
				size_t count, struct arena *arena, struct diag *diag)
{
	struct pair_match *items = ARENA_NEW_ARRAY(arena, struct pair_match, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = load_cookie(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "cookies[%zu]", i);
			return status;
		}
	}
	*matches = (struct pair_matches){items, (uint32_t)count};
	return STATUS_OK;
}

/* Cuts the next "name=value" off rest. */
static struct slice next_pair(struct slice *rest, struct slice *value)
{
	size_t end = slice_find_char(*rest, '&', 0);
	struct slice pair = slice_sub(*rest, 0, end);
	size_t equals = slice_find_char(pair, '=', 0);

	*rest = slice_sub(*rest, end + (end < rest->len), rest->len);
	*value = slice_sub(pair, equals + (equals < pair.len), pair.len);
	return slice_sub(pair, 0, equals);
}

bool query_find(struct slice query, struct slice name, struct slice *value)
{
	while (query.len)
		if (slice_equal(next_pair(&query, value), name))
			return true;
	return false;
}

bool query_matches_test(const struct pair_matches *matches, struct slice query)
{
	for (uint32_t i = 0; i < matches->count; i++) {
		const struct pair_match *match = &matches->items[i];
		struct slice value;
		bool hit = query_find(query, match->name, &value) &&
			   (match->is_present_test || string_matcher_test(&match->string, value));
		if (hit == match->invert)
			return false;
	}
	return true;
}

bool cookie_matches_test(const struct pair_matches *matches, const struct headers *headers)
{
	for (uint32_t i = 0; i < matches->count; i++) {
		const struct pair_match *match = &matches->items[i];
		struct slice value = cookie_find(headers, match->name);
		bool hit = value.data && string_matcher_test(&match->string, value);
		if (hit == match->invert)
			return false;
	}
	return true;
}
