/* The slots that may block a call, and the one that counts. Each looks at entry->at and
 * entry->element to go on where it was; with ENTRY_WAIT they stand behind what made it wait. */
#ifndef SENTINEL_CORE_SLOT_H
#define SENTINEL_CORE_SLOT_H

#include "filters/sentinel/core/entry.h"

enum entry_verdict authority_slot_entry(struct entry *entry);
enum entry_verdict system_slot_entry(struct entry *entry, const struct system_limits *limits,
				     struct instant now);
enum entry_verdict param_flow_slot_entry(struct entry *entry, struct instant now);
enum entry_verdict flow_slot_entry(struct entry *entry, struct instant now);
/* Asks again when the call is counted: of workers that saw the last pass at one moment, none that
 * is over the limit keeps it. */
enum entry_verdict flow_slot_confirm(struct entry *entry, struct instant now);
enum entry_verdict degrade_slot_entry(struct entry *entry, struct instant now);

/* Counts a call that passed (PriorityWait: that has waited for a borrowed pass), was blocked, or is
 * over after rt_ms. */
void statistic_slot_pass(struct entry *entry, struct instant now);
/* The same so that it is seen before anything that this thread looks at afterwards; and its
 * undoing, which counts a blocked call. */
void statistic_slot_pass_visibly(struct entry *entry, struct instant now);
void statistic_slot_retract(struct entry *entry, struct instant now);
void statistic_slot_priority_wait(struct entry *entry);
void statistic_slot_block(struct entry *entry, struct instant now);
void statistic_slot_exit(struct entry *entry, struct instant now, int64_t rt_ms);

/* A call is over, for breakers and for counts of hot parameters. */
void degrade_slot_exit(struct entry *entry, struct instant now, int64_t rt_ms);
/* A call that breakers let through was blocked after all. */
void degrade_slot_retract(struct entry *entry, struct instant now);
void param_flow_slot_pass(struct entry *entry, struct instant now);
void param_flow_slot_exit(struct entry *entry);

static inline enum entry_verdict slot_block(struct entry *entry, enum block_exception exception,
					    const struct rule *rule)
{
	entry->block.exception = exception;
	entry->block.rule = rule;
	return ENTRY_BLOCK;
}

#endif
