/* A version of an application's rules: what the texts of all its parts say, read and put together.
 *
 * Owner: a published object in the application's slot, which counts the application. Thread: built
 * on main; immutable afterwards, but for the states in the set. */
#ifndef FILTERS_SENTINEL_RULES_H
#define FILTERS_SENTINEL_RULES_H

#include "base/published.h"
#include "filters/sentinel/core/rule.h"
#include "filters/sentinel/rule_stats.h"

struct rule_list;
struct rule_set;
struct sentinel_application;

/* A rule that was left out. */
struct sentinel_rejection {
	const struct sentinel_rejection *next;
	enum rule_kind kind;
	uint32_t index;
	const char *source, *reason;
};

struct sentinel_rules {
	struct published published;
	struct sentinel_application *application; /* a reference */
	struct rule_set *set;
	const struct rule_list *list; /* what it was made of: in the set's arena */
	uint64_t hash;                /* of all texts */
	struct rule_stats stats;
	uint32_t loaded, rejected;
	const struct sentinel_rejection *rejections; /* newest first, the first 100 */
};

static inline struct sentinel_rules *sentinel_rules_of(struct published *object)
{
	return container_of(object, struct sentinel_rules, published);
}

/* Of all parts' rules; NULL if it would be the one in force. Returns owned. */
struct sentinel_rules *sentinel_rules_build(struct sentinel_application *application);

#endif
