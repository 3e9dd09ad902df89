#include "routing/value_match.h"

#include <math.h>
#include <stdlib.h>

#include "base/regex.h"
#include "envoy/type/v3/range.pb-c.h"
#include "outrigger/config/route/v1/rpc_route.pb-c.h"
#include "routing/header_match.h"

#define PATTERN(kind) OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_##kind

typedef Outrigger__Config__Route__V1__ValueMatch match_message;

enum {
	HASHED_FROM = 8,  /* fewer texts are compared faster than hashed */
	NUMBER_TEXT = 64, /* longer texts are no numbers */
};

/* --- loading */

static enum status load_string(struct value_match *match, enum string_matcher_kind kind,
			       const char *field, const char *text, bool ignore_case,
			       struct text_pool *pool, struct diag *diag)
{
	if (!text[0] && kind != STRING_MATCHER_EXACT)
		return diag_at(diag, field, "must not be empty");
	if (kind == STRING_MATCHER_EXACT && !ignore_case) {
		*match = value_match_exact(slice_of(text), pool);
		return STATUS_OK;
	}
	struct string_matcher *string = ARENA_NEW(pool->arena, struct string_matcher);
	string_matcher_init(string, kind, slice_of(text), ignore_case, pool->arena);
	match->kind = VALUE_MATCH_STRING;
	match->string = string;
	return STATUS_OK;
}

static enum status load_regex(struct value_match *match, const match_message *message,
			      struct text_pool *pool, struct diag *diag)
{
	struct string_matcher *string = ARENA_NEW(pool->arena, struct string_matcher);

	if (message->ignore_case)
		return diag_at(diag, "ignore_case", "has no effect for safe_regex");
	string->kind = STRING_MATCHER_REGEX;
	match->kind = VALUE_MATCH_STRING;
	match->string = string;
	enum status status = regex_matcher_load(&string->regex, message->safe_regex, REGEX_MATCH,
						pool->arena, diag);
	if (status)
		diag_prefix(diag, "safe_regex");
	return status;
}

static enum status load_set(struct value_match *match, const match_message *message,
			    struct text_pool *pool, struct diag *diag)
{
	size_t count = message->in->n_values;
	struct value_set *set = ARENA_NEW(pool->arena, struct value_set);
	struct slice *texts = ARENA_NEW_ARRAY(pool->arena, struct slice, count);

	if (!count)
		return diag_at(diag, "in.values", "at least one is required");
	for (size_t i = 0; i < count; i++) {
		struct slice text = slice_of(message->in->values[i]);
		char *copy = arena_string(pool->arena, text);
		if (message->ignore_case)
			slice_copy_lower(copy, text);
		texts[i] = (struct slice){copy, text.len};
	}
	*set = (struct value_set){texts, (uint32_t)count, message->ignore_case, {NULL, 0, 0}};
	if (count >= HASHED_FROM) {
		name_map_init(&set->map, count, pool->arena);
		for (uint32_t i = 0; i < count; i++)
			name_map_add(&set->map, texts[i], i);
	}
	match->kind = VALUE_MATCH_IN;
	match->set = set;
	return STATUS_OK;
}

static enum status load_modulo(struct value_match *match, const match_message *message,
			       struct text_pool *pool, struct diag *diag)
{
	const Outrigger__Config__Route__V1__ValueMatch__Modulo *m = message->modulo;
	struct value_modulo *modulo = ARENA_NEW(pool->arena, struct value_modulo);

	if (!m->divisor)
		return diag_at(diag, "modulo.divisor", "must be > 0");
	if (!m->remainder)
		return diag_at(diag, "modulo.remainder", "is required");
	if (m->remainder->start < 0 || m->remainder->end > m->divisor ||
	    m->remainder->start >= m->remainder->end)
		return diag_at(diag, "modulo.remainder",
			       "must be a range within [0, divisor), start < end");
	*modulo = (struct value_modulo){m->divisor, m->remainder->start, m->remainder->end};
	match->kind = VALUE_MATCH_MODULO;
	match->modulo = modulo;
	return STATUS_OK;
}

static enum status load_pattern(struct value_match *match, const match_message *message,
				struct text_pool *pool, struct diag *diag)
{
	bool ignore_case = message->ignore_case;

	switch ((int)message->match_pattern_case) {
	case PATTERN(EXACT):
		return load_string(match, STRING_MATCHER_EXACT, "exact", message->exact,
				   ignore_case, pool, diag);
	case PATTERN(PREFIX):
		return load_string(match, STRING_MATCHER_PREFIX, "prefix", message->prefix,
				   ignore_case, pool, diag);
	case PATTERN(SUFFIX):
		return load_string(match, STRING_MATCHER_SUFFIX, "suffix", message->suffix,
				   ignore_case, pool, diag);
	case PATTERN(CONTAINS):
		return load_string(match, STRING_MATCHER_CONTAINS, "contains", message->contains,
				   ignore_case, pool, diag);
	case PATTERN(SAFE_REGEX):
		return load_regex(match, message, pool, diag);
	case PATTERN(IN):
		return load_set(match, message, pool, diag);
	}
	if (ignore_case)
		return diag_at(diag, "ignore_case", "has no effect for what compares no texts");
	switch ((int)message->match_pattern_case) {
	case PATTERN(RANGE):
		match->kind = VALUE_MATCH_RANGE;
		match->range.from = message->range->start;
		match->range.to = message->range->end;
		if (match->range.from >= match->range.to)
			return diag_at(diag, "range", "start must be below end");
		return STATUS_OK;
	case PATTERN(DOUBLE_RANGE):
		match->kind = VALUE_MATCH_DOUBLE_RANGE;
		match->numbers.from = message->double_range->start;
		match->numbers.to = message->double_range->end;
		if (!(match->numbers.from < match->numbers.to))
			return diag_at(diag, "double_range", "start must be below end");
		return STATUS_OK;
	case PATTERN(MODULO):
		return load_modulo(match, message, pool, diag);
	case PATTERN(PRESENT):
		match->kind = VALUE_MATCH_PRESENT;
		match->invert ^= !message->present;
		return STATUS_OK;
	case PATTERN(NULL_VALUE):
		match->kind = VALUE_MATCH_NULL;
		match->invert ^= !message->null_value;
		return STATUS_OK;
	}
	return diag_set(diag, "one of exact, prefix, suffix, contains, safe_regex, in, range, "
			      "double_range, modulo, present, null_value is required");
}

enum status value_match_load(struct value_match *match, const match_message *message,
			     struct text_pool *pool, struct diag *diag)
{
	*match = (struct value_match){.invert = message->invert_match};
	enum status status = load_pattern(match, message, pool, diag);
	/* load_string may have written all of it anew. */
	if (match->kind != VALUE_MATCH_PRESENT && match->kind != VALUE_MATCH_NULL)
		match->invert = message->invert_match;
	match->missing_is_empty = message->treat_missing_as_empty;
	return status;
}

struct value_match value_match_exact(struct slice text, struct text_pool *pool)
{
	return (struct value_match){.kind = VALUE_MATCH_EXACT,
				    .text = text_pool_take(pool, text, NULL)};
}

bool value_match_texts(const struct value_match *match, const struct slice **texts, uint32_t *count)
{
	if (match->invert || match->missing_is_empty)
		return false;
	if (match->kind == VALUE_MATCH_EXACT) {
		*texts = &match->text;
		*count = 1;
		return true;
	}
	if (match->kind != VALUE_MATCH_IN || match->set->ignore_case)
		return false;
	*texts = match->set->texts;
	*count = match->set->count;
	return true;
}

/* --- testing */

static struct slice integer_text(int64_t value, char buffer[VALUE_TEXT_SIZE])
{
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char *end = buffer + VALUE_TEXT_SIZE, *p = end;

	do
		*--p = (char)('0' + size % 10);
	while (size /= 10);
	if (value < 0)
		*--p = '-';
	return slice_make(p, (size_t)(end - p));
}

struct slice value_text(const struct argument_value *value, char buffer[VALUE_TEXT_SIZE],
			struct arena *scratch)
{
	if (value->kind == ARGUMENT_STRING || value->kind == ARGUMENT_ENUM)
		return value->text;
	if (value->kind == ARGUMENT_INT || value->kind == ARGUMENT_LONG)
		return integer_text(value->integer, buffer);
	return argument_value_text(value, scratch);
}

/* The value as a whole number: one that is, a date in milliseconds, a decimal text. */
static bool value_integer(const struct argument_value *value, int64_t *integer)
{
	switch (value->kind) {
	case ARGUMENT_INT:
	case ARGUMENT_LONG:
	case ARGUMENT_DATE:
		*integer = value->integer;
		return true;
	case ARGUMENT_DOUBLE:
		if (!(value->number >= -0x1p63 && value->number < 0x1p63) ||
		    value->number != trunc(value->number))
			return false;
		*integer = (int64_t)value->number;
		return true;
	case ARGUMENT_STRING:
	case ARGUMENT_ENUM:
		return slice_to_int64(value->text, integer);
	case ARGUMENT_ABSENT:
	case ARGUMENT_NULL:
	case ARGUMENT_BOOL:
	case ARGUMENT_BINARY:
	case ARGUMENT_LIST:
	case ARGUMENT_MAP:
	case ARGUMENT_OBJECT:
		break;
	}
	return false;
}

bool value_number_of_text(struct slice text, double *number)
{
	char copy[NUMBER_TEXT + 1], *end;

	if (!text.len || text.len > NUMBER_TEXT)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.' && c != 'e' &&
		    c != 'E')
			return false;
	}
	memcpy(copy, text.data, text.len);
	copy[text.len] = 0;
	*number = strtod(copy, &end);
	return end == copy + text.len;
}

static bool value_number(const struct argument_value *value, double *number)
{
	switch (value->kind) {
	case ARGUMENT_INT:
	case ARGUMENT_LONG:
	case ARGUMENT_DATE:
	case ARGUMENT_DOUBLE:
		*number = value->number;
		return true;
	case ARGUMENT_STRING:
	case ARGUMENT_ENUM:
		return value_number_of_text(value->text, number);
	case ARGUMENT_ABSENT:
	case ARGUMENT_NULL:
	case ARGUMENT_BOOL:
	case ARGUMENT_BINARY:
	case ARGUMENT_LIST:
	case ARGUMENT_MAP:
	case ARGUMENT_OBJECT:
		break;
	}
	return false;
}

static bool set_has(const struct value_set *set, struct slice text, struct arena *scratch)
{
	if (set->ignore_case) {
		char *copy = arena_string(scratch, text);
		slice_copy_lower(copy, text);
		text.data = copy;
	}
	if (set->map.count)
		return name_map_find(&set->map, text) != NAME_MAP_NONE;
	for (uint32_t i = 0; i < set->count; i++)
		if (slice_equal(set->texts[i], text))
			return true;
	return false;
}

static bool text_test(const struct value_match *match, const struct argument_value *value,
		      struct arena *scratch)
{
	char buffer[VALUE_TEXT_SIZE];
	struct slice text = value_text(value, buffer, scratch);

	if (!text.data)
		return false;
	if (match->kind == VALUE_MATCH_EXACT)
		return slice_equal(text, match->text);
	if (match->kind == VALUE_MATCH_STRING)
		return string_matcher_test(match->string, text);
	return set_has(match->set, text, scratch);
}

static bool modulo_test(const struct value_modulo *modulo, int64_t integer)
{
	int64_t rest = integer % (int64_t)modulo->divisor;

	if (rest < 0)
		rest += modulo->divisor;
	return rest >= modulo->from && rest < modulo->to;
}

static bool test(const struct value_match *match, const struct argument_value *value,
		 struct arena *scratch)
{
	int64_t integer;
	double number;

	switch ((enum value_match_kind)match->kind) {
	case VALUE_MATCH_PRESENT:
		return true;
	case VALUE_MATCH_NULL:
		return value->kind == ARGUMENT_NULL;
	case VALUE_MATCH_EXACT:
	case VALUE_MATCH_STRING:
	case VALUE_MATCH_IN:
		return text_test(match, value, scratch);
	case VALUE_MATCH_RANGE:
		return value_integer(value, &integer) && integer >= match->range.from &&
		       integer < match->range.to;
	case VALUE_MATCH_DOUBLE_RANGE:
		return value_number(value, &number) && number >= match->numbers.from &&
		       number < match->numbers.to;
	case VALUE_MATCH_MODULO:
		return value_integer(value, &integer) && modulo_test(match->modulo, integer);
	}
	return false;
}

bool value_match_test(const struct value_match *match, const struct argument_value *value,
		      struct arena *scratch)
{
	static const struct argument_value empty = {.kind = ARGUMENT_STRING, .text = SLICE("")};

	if (UNLIKELY(value->kind == ARGUMENT_ABSENT)) {
		if (match->missing_is_empty)
			return test(match, &empty, scratch) != match->invert;
		return match->kind == VALUE_MATCH_PRESENT && match->invert;
	}
	return test(match, value, scratch) != match->invert;
}
