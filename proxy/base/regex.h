/* Regular expressions of RE2's dialect, as configurations for Envoy use them, run by PCRE2's JIT
 * under limits.
 *
 * RE2 never takes more than linear time; PCRE2 can. So a match gives up after REGEX_STEPS_MAX
 * steps and says so; whoever decides about access treats that as the unsafe answer. Usual matches
 * take no heap: 40 ns and the text's length.
 *
 * Limits: pattern 16 KiB, steps 250,000 a match, stack 8 MiB, result of a replacement 1 MiB.
 *
 * Owner: the arena it is compiled into. Thread: any, once compiled. */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	REGEX_PATTERN_MAX = 16384,
	REGEX_STEPS_MAX = 250000,    /* about 0.4 ms */
	REGEX_STACK_LIMIT = 1 << 23, /* bytes; taken from the heap only beyond the first 32 KiB */
	REGEX_RESULT_MAX = 1 << 20,
	REGEX_GROUPS_MAX = 10, /* the whole match is 0 */
};

/* What it will be used for: each costs a compile. */
enum regex_use {
	REGEX_MATCH = 1,   /* against the whole text */
	REGEX_REPLACE = 2, /* anywhere in it: regex_find, regex_replace_all */
};

struct regex;

/* STATUS_INVALID (what RE2 refuses too, or too complex) or STATUS_TOO_LARGE, with a diag text. */
enum status MUST_CHECK regex_compile(struct slice pattern, unsigned uses, struct arena *arena,
				     const struct regex **regex, struct diag *diag);

/* True if all of text matches; giving up counts as no match. For whatever no access depends on. */
bool regex_match(const struct regex *regex, struct slice text);

/* STATUS_OK: all of text matches. STATUS_NOT_FOUND: it doesn't. STATUS_TOO_LARGE: gave up. */
enum status MUST_CHECK regex_try_match(const struct regex *regex, struct slice text);

/* Looks for the first match and what its groups took: [0] the whole match, .data NULL for a group
 * that took no part. Fills `count` entries (at most REGEX_GROUPS_MAX). Answers as above. */
enum status MUST_CHECK regex_find(const struct regex *regex, struct slice text,
				  struct slice *groups, unsigned count);

/* Groups in the pattern, the whole match not counted. */
unsigned regex_group_count(const struct regex *regex);

/* text with every match replaced that doesn't overlap the one before, as RE2's GlobalReplace does.
 * The substitution is in RE2's form: \0 to \9 are groups, \\ a backslash. text itself when nothing
 * matches, when the substitution has another \ or a group that the pattern doesn't have, or when a
 * match gives up or the result is over its limit. Otherwise in the arena. */
struct slice regex_replace_all(const struct regex *regex, struct slice text,
			       struct slice substitution, struct arena *arena);

#endif
