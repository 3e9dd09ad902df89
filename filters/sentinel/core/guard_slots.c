/* The two slots that look at who calls and at the process as a whole. */
#include "filters/sentinel/core/slot.h"

enum entry_verdict authority_slot_entry(struct entry *entry)
{
	const struct resource_rules *rules = entry->rules;

	for (uint32_t i = 0; i < rules->authority_count; i++)
		if (!authority_rule_allows(rules->authority[i], entry->request.origin))
			return slot_block(entry, BLOCK_AUTHORITY, &rules->authority[i]->rule);
	return ENTRY_PASS;
}

enum entry_verdict system_slot_entry(struct entry *entry, const struct system_limits *limits,
				     struct instant now)
{
	struct sentinel *sentinel = entry->sentinel;

	if (!limits->active || !entry->request.inbound)
		return ENTRY_PASS;
	entry->block.system_limit =
		system_limits_check(limits, sentinel_status(sentinel), sentinel->entrance,
				    leap_window(now.ms), entry->request.count);
	return entry->block.system_limit ? slot_block(entry, BLOCK_SYSTEM, NULL) : ENTRY_PASS;
}
