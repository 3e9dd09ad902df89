#include "routing/metadata_match.h"

#include "envoy/type/matcher/v3/metadata.pb-c.h"

#define PATTERN(kind) ENVOY__TYPE__MATCHER__V3__VALUE_MATCHER__MATCH_PATTERN_##kind

typedef Envoy__Type__Matcher__V3__MetadataMatcher metadata_message;
typedef Envoy__Type__Matcher__V3__ValueMatcher value_message;
typedef Envoy__Type__Matcher__V3__DoubleMatcher double_message;

static enum status load_test(struct label_test *test, const value_message *message, unsigned depth,
			     struct arena *arena, struct diag *diag);

static enum status load_number(struct label_test *test, const double_message *message,
			       struct diag *diag)
{
	switch ((int)message->match_pattern_case) {
	case ENVOY__TYPE__MATCHER__V3__DOUBLE_MATCHER__MATCH_PATTERN_RANGE:
		test->kind = LABEL_TEST_RANGE;
		test->from = message->range->start;
		test->to = message->range->end;
		return STATUS_OK;
	case ENVOY__TYPE__MATCHER__V3__DOUBLE_MATCHER__MATCH_PATTERN_EXACT:
		test->kind = LABEL_TEST_NUMBER;
		test->from = message->exact;
		return STATUS_OK;
	}
	return diag_at(diag, "double_match", "range or exact is required");
}

static enum status load_parts(struct label_test *test, enum label_test_kind kind, const char *field,
			      value_message *const *messages, size_t count, unsigned depth,
			      struct arena *arena, struct diag *diag)
{
	struct label_test *parts = ARENA_NEW_ARRAY(arena, struct label_test, count);

	test->kind = (uint8_t)kind;
	test->parts = parts;
	test->part_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		enum status status = load_test(&parts[i], messages[i], depth + 1, arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_item(struct label_test *test,
			     const Envoy__Type__Matcher__V3__ListMatcher *m, unsigned depth,
			     struct arena *arena, struct diag *diag)
{
	struct label_test *part = ARENA_NEW(arena, struct label_test);

	if (m->match_pattern_case != ENVOY__TYPE__MATCHER__V3__LIST_MATCHER__MATCH_PATTERN_ONE_OF)
		return diag_at(diag, "list_match.one_of", "is required");
	test->kind = LABEL_TEST_ITEM;
	test->parts = part;
	test->part_count = 1;
	enum status status = load_test(part, m->one_of, depth + 1, arena, diag);
	if (status)
		diag_prefix(diag, "list_match.one_of");
	return status;
}

static enum status load_string(struct label_test *test,
			       const Envoy__Type__Matcher__V3__StringMatcher *message,
			       struct arena *arena, struct diag *diag)
{
	enum status status = string_matcher_load(&test->string, message, arena, diag);

	test->kind = LABEL_TEST_STRING;
	if (status)
		diag_prefix(diag, "string_match");
	return status;
}

static enum status load_test(struct label_test *test, const value_message *message, unsigned depth,
			     struct arena *arena, struct diag *diag)
{
	if (depth >= METADATA_MATCH_DEPTH_MAX)
		return diag_set(diag, "is nested more than %d deep", METADATA_MATCH_DEPTH_MAX);
	switch ((int)message->match_pattern_case) {
	case PATTERN(NULL_MATCH):
		test->kind = LABEL_TEST_NULL;
		return STATUS_OK;
	case PATTERN(BOOL_MATCH):
		test->kind = LABEL_TEST_BOOL;
		test->truth = message->bool_match;
		return STATUS_OK;
	case PATTERN(PRESENT_MATCH):
		test->kind = message->present_match ? LABEL_TEST_PRESENT : LABEL_TEST_NOTHING;
		return STATUS_OK;
	case PATTERN(DOUBLE_MATCH):
		return load_number(test, message->double_match, diag);
	case PATTERN(STRING_MATCH):
		return load_string(test, message->string_match, arena, diag);
	case PATTERN(LIST_MATCH):
		return load_item(test, message->list_match, depth, arena, diag);
	case PATTERN(OR_MATCH):
		return load_parts(test, LABEL_TEST_ANY, "or_match.value_matchers",
				  message->or_match->value_matchers,
				  message->or_match->n_value_matchers, depth, arena, diag);
	}
	return diag_set(diag, "one of null_match, double_match, string_match, bool_match, "
			      "present_match, list_match, or_match is required");
}

enum status metadata_match_load(struct metadata_match *match, const metadata_message *message,
				struct arena *arena, struct diag *diag)
{
	struct slice *keys = ARENA_NEW_ARRAY(arena, struct slice, message->n_path);

	if (!message->filter[0])
		return diag_at(diag, "filter", "must not be empty");
	if (!message->n_path)
		return diag_at(diag, "path", "must not be empty");
	if (!message->value)
		return diag_at(diag, "value", "is required");
	for (size_t i = 0; i < message->n_path; i++)
		if (message->path[i]->segment_case ==
		    ENVOY__TYPE__MATCHER__V3__METADATA_MATCHER__PATH_SEGMENT__SEGMENT_KEY)
			keys[i] = arena_slice(arena, slice_of(message->path[i]->key));
	match->path = (struct metadata_path){arena_slice(arena, slice_of(message->filter)), keys,
					     (uint32_t)message->n_path};
	match->invert = message->invert;
	enum status status = load_test(&match->test, message->value, 0, arena, diag);
	if (status)
		diag_prefix(diag, "value");
	return status;
}

enum status metadata_matches_load(struct metadata_matches *matches, const char *field,
				  metadata_message *const *messages, size_t count,
				  struct arena *arena, struct diag *diag)
{
	struct metadata_match *items = ARENA_NEW_ARRAY(arena, struct metadata_match, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = metadata_match_load(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	*matches = (struct metadata_matches){items, (uint32_t)count};
	return STATUS_OK;
}

/* --- testing --- */

static bool is_number(const struct label_test *test, const struct label *label)
{
	if (label->kind != LABEL_NUMBER)
		return false;
	if (test->kind == LABEL_TEST_RANGE)
		return test->from <= label->number && label->number < test->to;
	return test->from <= label->number && label->number <= test->from;
}

static bool has_item(const struct label_test *test, const struct label *list, bool *gave_up)
{
	for (uint32_t i = 0; list->kind == LABEL_LIST && i < list->count; i++)
		if (label_test(test->parts, &list->items[i], gave_up))
			return true;
	return false;
}

static bool is_any(const struct label_test *test, const struct label *label, bool *gave_up)
{
	for (uint32_t i = 0; i < test->part_count; i++)
		if (label_test(&test->parts[i], label, gave_up))
			return true;
	return false;
}

bool label_test(const struct label_test *test, const struct label *label, bool *gave_up)
{
	if (!label)
		return false;
	switch ((enum label_test_kind)test->kind) {
	case LABEL_TEST_NOTHING:
		return false;
	case LABEL_TEST_PRESENT:
		return true;
	case LABEL_TEST_NULL:
		return label->kind == LABEL_NULL;
	case LABEL_TEST_BOOL:
		return label->kind == LABEL_BOOL && label->truth == test->truth;
	case LABEL_TEST_NUMBER:
	case LABEL_TEST_RANGE:
		return is_number(test, label);
	case LABEL_TEST_STRING:
		return label->kind == LABEL_STRING &&
		       string_matcher_try(&test->string, label->text, gave_up);
	case LABEL_TEST_ITEM:
		return has_item(test, label, gave_up);
	case LABEL_TEST_ANY:
		return is_any(test, label, gave_up);
	}
	return false;
}

bool metadata_match_try(const struct metadata_match *match, const struct metadata *metadata,
			bool *gave_up)
{
	const struct label *label = metadata_find(metadata, &match->path);
	return label_test(&match->test, label, gave_up) != match->invert;
}

bool metadata_matches_test(const struct metadata_matches *matches, const struct metadata *metadata)
{
	bool gave_up = false;

	for (uint32_t i = 0; i < matches->count; i++)
		if (!metadata_match_try(&matches->items[i], metadata, &gave_up))
			return false;
	return true;
}
