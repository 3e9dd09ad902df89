/* Cookies of a request (RFC 6265 4.2): looked up, never parsed as a whole. Pure. */
#ifndef MESSAGE_COOKIE_H
#define MESSAGE_COOKIE_H

#include "base/slice.h"
#include "message/headers.h"

/* The first value of that name in all cookie fields, without the double quotes around it. Borrowed;
 * .data NULL if there is none. */
struct slice cookie_find(const struct headers *headers, struct slice name);

/* The same in one field's value. */
struct slice cookie_find_in(struct slice field, struct slice name);

#endif
