#include "filters/sentinel/core/slot.h"

enum entry_verdict degrade_slot_entry(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;
	const struct breaker_observer *observer = &entry->sentinel->options.observer;

	for (uint32_t i = 0; i < rules->degrade_count; i++) {
		const struct degrade_binding *degrade = &rules->degrade[i];
		if (circuit_breaker_try_pass(degrade->breaker, degrade->rule, entry, now.ms,
					     observer))
			continue;
		for (uint32_t k = 0; k < i; k++) /* those that let this call probe */
			circuit_breaker_probe_blocked(rules->degrade[k].breaker,
						      rules->degrade[k].rule, entry, now.ms,
						      observer);
		return slot_block(entry, BLOCK_DEGRADE, &degrade->rule->rule);
	}
	return ENTRY_PASS;
}

void degrade_slot_retract(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;

	for (uint32_t i = 0; i < rules->degrade_count; i++)
		circuit_breaker_probe_blocked(rules->degrade[i].breaker, rules->degrade[i].rule,
					      entry, now.ms, &entry->sentinel->options.observer);
}

void degrade_slot_exit(struct entry *entry, struct instant now, int64_t rt_ms)
{
	const struct resource_rules *rules = entry->rules;
	const struct breaker_observer *observer = &entry->sentinel->options.observer;

	for (uint32_t i = 0; i < rules->degrade_count; i++)
		circuit_breaker_complete(rules->degrade[i].breaker, rules->degrade[i].rule,
					 entry->worker, now.ms, rt_ms, entry->error, observer);
}
