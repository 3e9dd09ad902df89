/* RE2's regular expressions, checked and rewritten for PCRE2: what RE2 refuses is refused, what
 * the two read differently is spelled so that PCRE2 means the same. Private to regex.c.
 *
 *   refused:  backreferences, look-around, atomic and conditional groups, recursion, verbs,
 *             comments, possessive and stacked repetition, counts above 1000, escapes RE2 doesn't
 *             know, \C
 *   spelled anew:  \s \S (no vertical tab), \v (a character, not a class), octal escapes
 *
 * Pure. */
#ifndef BASE_REGEX_SYNTAX_H
#define BASE_REGEX_SYNTAX_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum { REGEX_REPEAT_MAX = 1000 };

/* The pattern for PCRE2, in the arena. What is wrong but means nothing else to PCRE2 (an unclosed
 * bracket, a reversed range) is left for it to refuse. STATUS_INVALID with diag otherwise. */
enum status MUST_CHECK regex_translate(struct slice pattern, struct arena *arena, struct diag *diag,
				       struct slice *result);

#endif
