/* What a hot-parameter rule knows of each value, as bytes for the process that comes after this
 * one.
 *
 *   how many places, then of each value: steps to its place, ms of its last use, fingerprint, word
 *
 * In a table of as many places each stays in its own, so that they are forgotten in the same order.
 *
 * Pure. Thread: writes whatever others count meanwhile; reads into a table of its own. */
#ifndef SENTINEL_CORE_VALUE_TRANSFER_H
#define SENTINEL_CORE_VALUE_TRANSFER_H

#include "base/section.h"
#include "filters/sentinel/core/instant.h"
#include "filters/sentinel/core/param_flow_rule.h"
#include "filters/sentinel/core/value_table.h"

enum { VALUE_TRANSFER_SIZE = 30 }; /* of a value, at most: numbers of 5 + 5 + 10 + 10 bytes */

/* only_used: those alone whose word isn't 0. */
void value_transfer_write(const struct value_table *values, bool only_used,
			  struct section_writer *out);

/* Whether only_used would write any. */
bool value_transfer_is_used(const struct value_table *values);

/* Adds them; a moment that a value waits for isn't further ahead of now than calls of the rule
 * queue. False: the bytes are wrong, and some may have been added. */
bool value_transfer_read(struct slice bytes, const struct param_flow_rule *rule, struct instant now,
			 struct value_table *values);

#endif
