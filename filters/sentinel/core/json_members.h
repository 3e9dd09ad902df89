/* Reads members of a JSON object one after the other; the first that has the wrong type is kept as
 * the fault, and the others still give their defaults. */
#ifndef SENTINEL_CORE_JSON_MEMBERS_H
#define SENTINEL_CORE_JSON_MEMBERS_H

#include <jansson.h>

#include "base/arena.h"
#include "base/slice.h"

struct json_members {
	const json_t *object;
	struct arena *arena;
	const char *fault; /* NULL: none so far */
	const char *fault_member;
};

/* In the arena; numbers and booleans give their text. */
struct slice json_members_string(struct json_members *members, const char *name,
				 struct slice absent);
/* The same in memory of its own; NULL: absent, or empty. */
const struct slice *json_members_text(struct json_members *members, const char *name);
double json_members_real(struct json_members *members, const char *name, double absent);
/* A fraction is cut off; out of range is a fault. */
int64_t json_members_integer(struct json_members *members, const char *name, int64_t absent);
int32_t json_members_int(struct json_members *members, const char *name, int32_t absent);
bool json_members_bool(struct json_members *members, const char *name, bool absent);
/* NULL: absent or null. */
const json_t *json_members_value(const struct json_members *members, const char *name);

#endif
