/* Regular expressions as configurations of Envoy mean them: RE2's syntax and leftmost-first
 * matching, done by PCRE2 (JIT-compiled where the machine allows it).
 *
 * What RE2 has not (back references, look-around, recursion, possessive repeats, verbs) is refused,
 * and a match is given up as "no" after REGEX_STEPS_MAX steps, so that no pattern can hold a
 * worker.
 *
 * Owner: the arena given to compile, which frees it. Thread: any, after the compile; matching takes
 * nothing from the heap as long as the JIT is there. */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	REGEX_STEPS_MAX = 1000000,
	REGEX_PATTERN_MAX = 16384, /* bytes of a pattern */
	REGEX_GROUPS_MAX = 32,     /* capturing groups that a replacement can see */
};

/* What it will be used for: each costs a compile. */
enum regex_use {
	REGEX_MATCH = 1,
	REGEX_REPLACE = 2,
};

struct regex;

/* STATUS_INVALID (bad syntax, or what RE2 doesn't know) or STATUS_TOO_LARGE, with a diag text. */
enum status MUST_CHECK regex_compile(struct slice pattern, unsigned uses, struct arena *arena,
				     const struct regex **regex, struct diag *diag);

/* True if all of text matches. Compiled with REGEX_MATCH. */
bool regex_match(const struct regex *regex, struct slice text);

/* text with every match replaced; \1 to \9 in the substitution stand for groups, \0 for the match,
 * \\ for a backslash. text itself when nothing matches, or when the substitution names a group that
 * isn't there. Otherwise in the arena. Compiled with REGEX_REPLACE. */
struct slice regex_replace_all(const struct regex *regex, struct slice text,
			       struct slice substitution, struct arena *arena);

#endif
