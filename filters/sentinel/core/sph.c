#include "filters/sentinel/core/sph.h"

#include <stdio.h>

#include "base/attributes.h"
#include "filters/sentinel/core/slot.h"
#include "filters/sentinel/core/token_check.h"

/* The slots that have anything to ask, a bit each. */
static unsigned slots_of(const struct entry *entry, const struct rule_set *rules,
			 const struct resource_rules *current)
{
	unsigned slots = current->slots;

	return rules->system.active && entry->request.inbound ? slots | 1U << SLOT_SYSTEM : slots;
}

/* Whether the slot is one of these; then the entry is in it. */
static inline bool enter(struct entry *entry, unsigned slots, enum entry_slot slot)
{
	if (!(slots & 1U << slot))
		return false;
	entry->slot = slot;
	return true;
}

/* Out of the slot, if it lets the entry pass: those that follow go by the current rules. */
static inline enum entry_verdict leave(struct entry *entry, const struct resource_rules *current,
				       enum entry_verdict verdict)
{
	if (UNLIKELY(verdict != ENTRY_PASS))
		return verdict;
	entry->at = entry->element = 0;
	entry->rules = current;
	return ENTRY_PASS;
}

static inline enum entry_verdict ask(struct entry *entry, unsigned slots,
				     const struct rule_set *rules,
				     const struct resource_rules *current, struct instant now)
{
	enum entry_verdict verdict = ENTRY_PASS;

	if (enter(entry, slots, SLOT_AUTHORITY))
		verdict = leave(entry, current, authority_slot_entry(entry));
	if (verdict == ENTRY_PASS && enter(entry, slots, SLOT_SYSTEM))
		verdict = leave(entry, current, system_slot_entry(entry, &rules->system, now));
	if (verdict == ENTRY_PASS && enter(entry, slots, SLOT_PARAM_FLOW))
		verdict = leave(entry, current, param_flow_slot_entry(entry, now));
	if (verdict == ENTRY_PASS && enter(entry, slots, SLOT_FLOW))
		verdict = leave(entry, current, flow_slot_entry(entry, now));
	if (verdict == ENTRY_PASS && enter(entry, slots, SLOT_DEGRADE))
		verdict = leave(entry, current, degrade_slot_entry(entry, now));
	return verdict;
}

static COLD enum entry_verdict retract(struct entry *entry, struct instant now)
{
	statistic_slot_retract(entry, now);
	degrade_slot_retract(entry, now);
	return ENTRY_BLOCK;
}

/* Counts a call that no slot blocked. */
static enum entry_verdict pass(struct entry *entry, const struct resource_rules *rules,
			       struct instant now)
{
	entry->rules = rules;
	if (!entry->confirms) {
		statistic_slot_pass(entry, now);
	} else {
		statistic_slot_pass_visibly(entry, now);
		if (flow_slot_confirm(entry, now) == ENTRY_BLOCK)
			return retract(entry, now);
	}
	if (rules->has_thread_params)
		param_flow_slot_pass(entry, now);
	return ENTRY_PASS;
}

/* Asks the slots, and counts the answer. The first one goes on with the rules that the entry has.
 * It stays one function, for the slots to be part of it. */
static NOINLINE enum entry_verdict proceed(struct entry *entry, unsigned slots,
					   const struct rule_set *rules,
					   const struct resource_rules *current, struct instant now)
{
	enum entry_verdict verdict = ask(entry, slots, rules, current, now);

	if (LIKELY(verdict == ENTRY_PASS))
		return pass(entry, current, now);
	if (verdict == ENTRY_BLOCK)
		statistic_slot_block(entry, now);
	return verdict;
}

enum entry_verdict sph_begin(struct entry *entry, struct rule_set *rules, struct instant now)
{
	const struct entry_request *request = &entry->request;
	uint32_t window = leap_window(now.ms);

	entry->default_node = NULL;
	entry->origin_node = NULL;
	entry->created_ms = now.ms;
	entry->wait_ns = 0;
	entry->at = entry->element = 0;
	entry->confirms = entry->asks = entry->checks_again = entry->borrowed = entry->error =
		false;
	if (!request->resource || !request->context || !sentinel_is_on(entry->sentinel))
		return ENTRY_PASS;
	entry->default_node = resource_default_node(request->resource, request->context, window);
	if (request->origin.len)
		entry->origin_node =
			resource_origin_node(request->resource, request->origin, window);
	entry->rules = rule_set_of(rules, request->resource);
	return proceed(entry, slots_of(entry, rules, entry->rules), rules, entry->rules, now);
}

enum entry_verdict sph_entry(struct sentinel *sentinel, struct rule_set *rules, unsigned worker,
			     const struct entry_request *request, struct instant now,
			     struct entry *entry)
{
	*entry = (struct entry){.sentinel = sentinel, .request = *request, .worker = worker};
	return sph_begin(entry, rules, now);
}

enum entry_verdict sph_resume(struct entry *entry, struct rule_set *rules, struct instant now)
{
	const struct resource_rules *current = rule_set_of(rules, entry->request.resource);

	entry->wait_ns = 0;
	if (!entry->borrowed) {
		unsigned slots = slots_of(entry, rules, current) >> entry->slot | 1;
		return proceed(entry, slots << entry->slot, rules, current, now);
	}
	statistic_slot_priority_wait(entry);
	entry->rules = current;
	param_flow_slot_pass(entry, now);
	return ENTRY_PASS;
}

void sph_refuse(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;
	const struct entry_request *request = &entry->request;

	if (entry->asks)
		token_check_cancel(entry);
	entry->wait_ns = 0;
	if (entry->slot == SLOT_PARAM_FLOW) {
		const struct param_binding *param = &rules->param[entry->at];
		entry->block.argument = &request->args[parameter_metric_index(
			param->metric, param->rule, request->args_count)];
		slot_block(entry, BLOCK_PARAM_FLOW, &param->rule->rule);
	} else {
		slot_block(entry, BLOCK_FLOW, &rules->flow[entry->at - 1].rule->rule);
	}
	statistic_slot_block(entry, now);
}

void sph_cancel(struct entry *entry)
{
	if (entry->asks)
		token_check_cancel(entry);
	entry->default_node = NULL;
	entry->wait_ns = 0;
}

void sph_exit(struct entry *entry, struct rule_set *rules, struct instant now)
{
	int64_t rt_ms = now.ms - entry->created_ms;

	if (!entry->default_node)
		return;
	entry->rules = rule_set_of(rules, entry->request.resource);
	statistic_slot_exit(entry, now, rt_ms);
	if (entry->rules->has_thread_params)
		param_flow_slot_exit(entry);
	if (entry->rules->degrade_count)
		degrade_slot_exit(entry, now, rt_ms);
	entry->default_node = NULL;
}

const char *block_exception_name(enum block_exception exception)
{
	switch (exception) {
	case BLOCK_AUTHORITY:
		return "AuthorityException";
	case BLOCK_SYSTEM:
		return "SystemBlockException";
	case BLOCK_PARAM_FLOW:
		return "ParamFlowException";
	case BLOCK_FLOW:
		return "FlowException";
	case BLOCK_DEGRADE:
		return "DegradeException";
	case BLOCK_NONE:
		break;
	}
	return "";
}

static size_t put(struct slice text, char *out, size_t size)
{
	size_t n = text.len < size - 1 ? text.len : size - 1;

	if (n)
		memcpy(out, text.data, n);
	out[n] = 0;
	return n;
}

size_t block_limit_app(const struct entry *entry, char *out, size_t size)
{
	const struct block *block = &entry->block;

	switch (block->exception) {
	case BLOCK_AUTHORITY:
		return put(entry->request.origin, out, size);
	case BLOCK_SYSTEM:
		return put(slice_of(system_limit_name(block->system_limit)), out, size);
	case BLOCK_PARAM_FLOW:
		return argument_format(block->argument, out, size);
	case BLOCK_FLOW:
	case BLOCK_DEGRADE:
		return put(block->rule->limit_app, out, size);
	case BLOCK_NONE:
		break;
	}
	return put(SLICE(""), out, size);
}
