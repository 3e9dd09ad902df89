/* A test of one text: exact, prefix, suffix, contains or a regular expression for all of it; the
 * first four also without regard to ASCII case. What xDS calls a StringMatcher.
 *
 * Owner: whoever embeds it; its text and regex live in the arena given to load. Thread: any. */
#ifndef ROUTING_STRING_MATCHER_H
#define ROUTING_STRING_MATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

struct regex;
struct Envoy__Type__Matcher__V3__StringMatcher;
struct Envoy__Type__Matcher__V3__RegexMatcher;

enum string_matcher_kind {
	STRING_MATCHER_EXACT,
	STRING_MATCHER_PREFIX,
	STRING_MATCHER_SUFFIX,
	STRING_MATCHER_CONTAINS,
	STRING_MATCHER_REGEX,
};

struct string_matcher {
	enum string_matcher_kind kind;
	bool ignore_case;          /* text is in lower case then */
	struct slice text;         /* for all kinds but REGEX */
	const struct regex *regex; /* for REGEX */
};

/* STATUS_INVALID or STATUS_UNSUPPORTED and a diag whose path begins inside the message. */
enum status MUST_CHECK
string_matcher_load(struct string_matcher *matcher,
		    const struct Envoy__Type__Matcher__V3__StringMatcher *message,
		    struct arena *arena, struct diag *diag);

/* Compiles the pattern for `uses` (enum regex_use). An empty one is refused. */
enum status MUST_CHECK regex_matcher_load(
	const struct regex **regex, const struct Envoy__Type__Matcher__V3__RegexMatcher *message,
	unsigned uses, struct arena *arena, struct diag *diag);

/* One without a message: copies text into the arena. */
void string_matcher_init(struct string_matcher *matcher, enum string_matcher_kind kind,
			 struct slice text, bool ignore_case, struct arena *arena);

/* A regex that gives up (base/regex.h) counts as no match, and sets *gave_up, which is left alone
 * otherwise: who decides about access then takes the safe way. */
bool string_matcher_try(const struct string_matcher *matcher, struct slice text, bool *gave_up);

/* For whatever no access depends on. */
static inline bool string_matcher_test(const struct string_matcher *matcher, struct slice text)
{
	bool gave_up = false;
	return string_matcher_try(matcher, text, &gave_up);
}

/* Eight bytes at once: upper case letters become lower case. */
static inline uint64_t word_lower(uint64_t word)
{
	uint64_t low = word & UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t from_a = low + UINT64_C(0x3f3f3f3f3f3f3f3f);  /* high bit: >= 'A' */
	uint64_t above_z = low + UINT64_C(0x2525252525252525); /* high bit: > 'Z' */
	uint64_t upper = from_a & ~above_z & ~word & UINT64_C(0x8080808080808080);
	return word | (upper >> 2);
}

/* Compares ASCII letters without case. `lower` is in lower case already. */
bool slice_equal_lower(struct slice text, struct slice lower);
bool slice_starts_with_lower(struct slice text, struct slice lower);

/* Copies s to out[s.len] with ASCII letters in lower case. */
void slice_copy_lower(char *out, struct slice s);

#endif
