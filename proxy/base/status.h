/* What a function that acts answers: 0, or a negative value.
 *
 *   0: done    -1 .. -999: -errno of a system call    below -1000: a code of our own (table below)
 *
 * One table gives name and text of our own codes. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <errno.h>
#include <sys/types.h>

#include "base/attributes.h"

#define STATUS_TABLE(X)                                                                            \
	X(AGAIN, -1001, "nothing to do now, try again later")                                      \
	X(CLOSED, -1002, "the peer has closed")                                                    \
	X(INVALID, -1003, "not valid")                                                             \
	X(MALFORMED, -1004, "malformed bytes")                                                     \
	X(TOO_LARGE, -1005, "over a limit")                                                        \
	X(UNSUPPORTED, -1006, "not supported")                                                     \
	X(NOT_FOUND, -1007, "not found")                                                           \
	X(EXISTS, -1008, "exists already")                                                         \
	X(EXHAUSTED, -1009, "a bounded resource is used up")

enum status {
	STATUS_OK = 0,
#define STATUS_ENUM(name, value, text) STATUS_##name = (value),
	STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
};

/* "not found", or strerror's text for a negated errno. Borrowed, never NULL. */
const char *status_text(enum status status);

/* The status for the errno of the call before. Read it on the next line or not at all. */
static inline enum status status_of_errno(int number)
{
	return (enum status)(-number);
}

#endif
