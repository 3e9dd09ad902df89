/* The rules of a resource with their states as bytes, for the process that comes after this one:
 * which takes over the states of those rules that it has, too, as a version of the rules does from
 * the one before it.
 *
 *   flow      warm-up's tokens and their second, the moment of a rate limiter's last pass
 *   degrade   the breaker's state, its next try, and its window
 *   param     what is known of each value, in its place; the index that calls have settled
 *
 * A rule is written with all that makes it equal to another. States that are those of a new rule
 * are left out, with their rules.
 *
 * Pure. Thread: whoever has the states to itself. */
#ifndef SENTINEL_CORE_RULE_TRANSFER_H
#define SENTINEL_CORE_RULE_TRANSFER_H

#include "base/arena.h"
#include "base/section_fields.h"
#include "filters/sentinel/core/instant.h"
#include "filters/sentinel/core/resource_rules.h"

/* Appends fields: one a rule that has a state. Values that might make out longer than values_end
 * are left out: they are most of it by far, and their rule then begins anew. */
void rule_transfer_write(const struct resource_rules *rules, size_t values_end,
			 struct section_writer *out);

/* Appends fields: one a hot-parameter rule that counts calls which run, with their values only.
 * Whoever counts meanwhile. */
void rule_transfer_write_running(const struct resource_rules *rules, struct section_writer *out);

struct rule_transfer {
	struct arena *arena; /* for the rules */
	struct instant now;  /* moments from outside aren't far ahead of it */
	unsigned workers;
	int32_t cold_factor;
};

/* Reads them as the rules of a version before: `rules` is zeroed. NULL, or why not; in either case
 * resource_rules_unbind frees the states. */
const char *rule_transfer_read(const struct rule_transfer *transfer, struct section_reader *in,
			       struct resource_rules *rules);

/* What says that a breaker was half open already when it came: its probe is elsewhere. */
extern const char rule_transfer_probe;

#endif
