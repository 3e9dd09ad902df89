/* The :authority (Host) of a request: name and port.
 *
 *   www.example.com:8080    [2001:db8::1]:443    10.0.0.1
 *
 * Pure; results are borrowed from the input. */
#ifndef MESSAGE_AUTHORITY_H
#define MESSAGE_AUTHORITY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

/* Name and port text ("" if there is none, or if what follows the colon isn't a number). An IPv6
 * address keeps its brackets. */
struct slice authority_split(struct slice authority, struct slice *port);

/* Without ":port". */
static inline struct slice authority_host(struct slice authority)
{
	struct slice port;
	return authority_split(authority, &port);
}

/* Without ":port", if it is this one. */
struct slice authority_strip_port(struct slice authority, uint16_t port);

/* Without one dot at the end of the name; "name.:80" is joined in the arena. */
struct slice authority_strip_dot(struct slice authority, struct arena *arena);

#endif
