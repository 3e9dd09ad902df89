#include "routing/string_matcher.h"

#include "base/regex.h"
#include "envoy/type/matcher/v3/regex.pb-c.h"
#include "envoy/type/matcher/v3/string.pb-c.h"

#define PATTERN(kind) ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_##kind

void slice_copy_lower(char *out, struct slice s)
{
	size_t i = 0;
	for (; i + 8 <= s.len; i += 8) {
		uint64_t word;
		memcpy(&word, s.data + i, 8);
		word = word_lower(word);
		memcpy(out + i, &word, 8);
	}
	for (; i < s.len; i++)
		out[i] = slice_lower_char(s.data[i]);
}

bool slice_equal_lower(struct slice text, struct slice lower)
{
	return text.len == lower.len && slice_starts_with_lower(text, lower);
}

bool slice_starts_with_lower(struct slice text, struct slice lower)
{
	size_t i = 0;

	if (text.len < lower.len)
		return false;
	for (; i + 8 <= lower.len; i += 8) {
		uint64_t a, b;
		memcpy(&a, text.data + i, 8);
		memcpy(&b, lower.data + i, 8);
		if (word_lower(a) != b)
			return false;
	}
	for (; i < lower.len; i++)
		if (slice_lower_char(text.data[i]) != lower.data[i])
			return false;
	return true;
}

void string_matcher_init(struct string_matcher *matcher, enum string_matcher_kind kind,
			 struct slice text, bool ignore_case, struct arena *arena)
{
	char *copy = arena_string(arena, text);
	if (ignore_case)
		slice_copy_lower(copy, text);
	*matcher = (struct string_matcher){
		.kind = kind,
		.ignore_case = ignore_case,
		.text = {copy, text.len},
	};
}

enum status regex_matcher_load(const struct regex **regex,
			       const struct Envoy__Type__Matcher__V3__RegexMatcher *message,
			       unsigned uses, struct arena *arena, struct diag *diag)
{
	if (!message->regex[0])
		return diag_at(diag, "regex", "must not be empty");
	enum status status = regex_compile(slice_of(message->regex), uses, arena, regex, diag);
	if (status)
		diag_prefix(diag, "regex");
	return status;
}

static enum status load_literal(struct string_matcher *matcher, enum string_matcher_kind kind,
				const char *field, const char *text, bool ignore_case,
				struct arena *arena, struct diag *diag)
{
	if (!text[0] && kind != STRING_MATCHER_EXACT)
		return diag_at(diag, field, "must not be empty");
	string_matcher_init(matcher, kind, slice_of(text), ignore_case, arena);
	return STATUS_OK;
}

enum status string_matcher_load(struct string_matcher *matcher,
				const struct Envoy__Type__Matcher__V3__StringMatcher *message,
				struct arena *arena, struct diag *diag)
{
	bool ignore_case = message->ignore_case;
	enum status status;

	switch ((int)message->match_pattern_case) {
	case PATTERN(EXACT):
		return load_literal(matcher, STRING_MATCHER_EXACT, "exact", message->exact,
				    ignore_case, arena, diag);
	case PATTERN(PREFIX):
		return load_literal(matcher, STRING_MATCHER_PREFIX, "prefix", message->prefix,
				    ignore_case, arena, diag);
	case PATTERN(SUFFIX):
		return load_literal(matcher, STRING_MATCHER_SUFFIX, "suffix", message->suffix,
				    ignore_case, arena, diag);
	case PATTERN(CONTAINS):
		return load_literal(matcher, STRING_MATCHER_CONTAINS, "contains", message->contains,
				    ignore_case, arena, diag);
	case PATTERN(SAFE_REGEX):
		if (ignore_case)
			return diag_at(diag, "ignore_case", "has no effect for safe_regex");
		*matcher = (struct string_matcher){.kind = STRING_MATCHER_REGEX};
		status = regex_matcher_load(&matcher->regex, message->safe_regex, REGEX_MATCH,
					    arena, diag);
		if (status)
			diag_prefix(diag, "safe_regex");
		return status;
	case PATTERN(CUSTOM):
		diag_at(diag, "custom", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	return diag_set(diag, "one of exact, prefix, suffix, contains, safe_regex is required");
}

static bool contains_lower(struct slice text, struct slice lower)
{
	for (; text.len >= lower.len; text.data++, text.len--)
		if (slice_starts_with_lower(text, lower))
			return true;
	return false;
}

bool string_matcher_try(const struct string_matcher *m, struct slice text, bool *gave_up)
{
	enum status status;

	switch (m->kind) {
	case STRING_MATCHER_EXACT:
		return m->ignore_case ? slice_equal_lower(text, m->text)
				      : slice_equal(text, m->text);
	case STRING_MATCHER_PREFIX:
		return m->ignore_case ? slice_starts_with_lower(text, m->text)
				      : slice_starts_with(text, m->text);
	case STRING_MATCHER_SUFFIX:
		if (text.len < m->text.len)
			return false;
		text = slice_sub(text, text.len - m->text.len, text.len);
		return m->ignore_case ? slice_equal_lower(text, m->text)
				      : slice_equal(text, m->text);
	case STRING_MATCHER_CONTAINS:
		if (m->ignore_case)
			return contains_lower(text, m->text);
		return text.len >= m->text.len &&
		       memmem(text.data, text.len, m->text.data, m->text.len);
	case STRING_MATCHER_REGEX:
		status = regex_try_match(m->regex, text);
		*gave_up |= status == STATUS_TOO_LARGE;
		return status == STATUS_OK;
	}
	return false;
}
