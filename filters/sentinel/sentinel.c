#include "filters/sentinel/sentinel.h"

#include <stdatomic.h>

#include "base/attributes.h"
#include "filters/sentinel/ops/ops.h"
#include "filters/sentinel/rules.h"
#include "message/rpc_head.h"
#include "stream/worker_context.h"
#include "telemetry/stats.h"

static const struct sentinel_config *config_of(const struct filter *f)
{
	return filter_chain_config(f);
}

static void count(const struct filter *f, enum sentinel_stat id)
{
	stat_inc(filter_stats(f), config_of(f)->application->stats, id);
}

static struct instant now_of(const struct filter *f)
{
	const struct loop *loop = filter_worker(f)->loop;

	return (struct instant){.ms = (int64_t)(loop->wall_ns / 1000000),
				.ns = (int64_t)loop->now_ns};
}

/* The version in force; NULL: none has come. */
static struct pin *current(const struct filter *f)
{
	return pin_find(&filter_worker(f)->pins, PUBLISHED_RULES, config_of(f)->application->slot);
}

static struct rule_set *set_of(const struct pin *pin)
{
	return sentinel_rules_of(pin->object)->set;
}

/* --- the end --- */

static void exit_all(struct filter *f, bool has_failed)
{
	struct sentinel_state *own = f->state;
	const struct pin *pin = own->passed ? current(f) : NULL;

	if (!pin)
		return;
	if (has_failed)
		count(f, SENTINEL_STAT_ERROR);
	struct rule_set *set = set_of(pin);
	struct instant now = now_of(f);
	for (; own->passed; own->passed--) {
		struct entry *entry = &own->entries[own->passed - 1];
		if (has_failed)
			sph_trace(entry);
		sph_exit(entry, set, now);
	}
}

static void end_wait(struct filter *f)
{
	struct sentinel_state *own = f->state;

	own->is_waiting = false;
	pin_drop(own->pin);
	own->pin = NULL;
	stat_gauge_dec(filter_stats(f), config_of(f)->application->stats, SENTINEL_STAT_WAITING);
}

void sentinel_close(struct filter *f)
{
	struct sentinel_state *own = f->state;

	if (own->is_waiting) {
		sph_cancel(&own->entries[own->passed]);
		end_wait(f);
		count(f, SENTINEL_STAT_WAIT_CANCELLED);
		exit_all(f, false);
	}
	if (own->passed)
		exit_all(f, sentinel_has_failed(f));
}

/* --- blocked --- */

static enum sentinel_stat stat_of(enum block_exception exception)
{
	switch (exception) {
	case BLOCK_AUTHORITY:
		return SENTINEL_STAT_BLOCK_AUTHORITY;
	case BLOCK_SYSTEM:
		return SENTINEL_STAT_BLOCK_SYSTEM;
	case BLOCK_PARAM_FLOW:
		return SENTINEL_STAT_BLOCK_PARAM_FLOW;
	case BLOCK_FLOW:
		return SENTINEL_STAT_BLOCK_FLOW;
	case BLOCK_DEGRADE:
	case BLOCK_NONE:
		break;
	}
	return SENTINEL_STAT_BLOCK_DEGRADE;
}

static enum filter_status block(struct filter *f, enum block_exception exception)
{
	exit_all(f, false);
	count(f, stat_of(exception));
	return sentinel_fall_back(f, exception);
}

/* --- asking --- */

static struct sentinel_ops *ops_of(const struct filter *f)
{
	return atomic_load_explicit(&config_of(f)->application->ops, memory_order_acquire);
}

/* What rules ask of a resource's calls is read when the first of them does. */
static void read_facts(struct filter *f, const struct resource_rules *rules, bool asks_origin)
{
	struct sentinel_state *own = f->state;
	const struct headers *headers = filter_request(f);

	if (asks_origin && !own->origin.data && !config_of(f)->naming.is_outbound)
		own->origin = sentinel_find_origin(f, headers);
	if (rules->param_count && !own->args)
		sentinel_find_parameters(f, headers, rules);
}

static void read_all_facts(struct filter *f, struct rule_set *set)
{
	const struct sentinel_state *own = f->state;
	bool shows_callers = ops_of(f) != NULL;

	for (uint32_t i = 0; i < own->names.count; i++) {
		if (!own->names.resources[i])
			continue;
		const struct resource_rules *rules = rule_set_of(set, own->names.resources[i]);
		bool asks_origin = rules->asks_origin || shows_callers;
		if (UNLIKELY(asks_origin || rules->param_count))
			read_facts(f, rules, asks_origin);
	}
}

static void wait_over(struct filter *f);

/* What it waits for came, from the loop: it goes on at once, a timer's tick would cost it 1 ms. The
 * entry may be gone afterwards. */
static void wake(struct entry *entry)
{
	struct filter *f = entry->request.wake_arg;
	struct sentinel_state *own = f->state;

	filter_timer_cancel(&own->timer);
	wait_over(f);
}

static enum entry_verdict begin(struct filter *f, struct rule_set *set, struct instant now)
{
	struct sentinel_state *own = f->state;
	const struct sentinel_config *config = config_of(f);
	struct entry *entry = &own->entries[own->passed];
	bool is_inner = own->passed + 1U == own->names.count;

	entry->sentinel = config->application->core;
	entry->worker = filter_worker(f)->index;
	entry->request = (struct entry_request){
		.resource = own->names.resources[own->passed],
		.context = own->names.context,
		.origin = own->origin,
		.args = is_inner ? own->args : NULL,
		.args_count = is_inner ? own->args_count : 0,
		.count = 1,
		.inbound = !config->naming.is_outbound,
		.wake = wake,
		.wake_arg = f,
	};
	return sph_begin(entry, set, now);
}

/* Asks for the entries that are left. */
static enum entry_verdict ask(struct filter *f, struct rule_set *set, struct instant now,
			      enum entry_verdict verdict)
{
	struct sentinel_state *own = f->state;

	while (verdict == ENTRY_PASS && ++own->passed < own->names.count)
		verdict = begin(f, set, now);
	return verdict;
}

/* A token server's answer may be there much sooner. */
static bool is_too_long(const struct filter *f, const struct entry *entry, uint64_t wait_ms)
{
	const struct sentinel_state *own = f->state;

	return !entry->asks && own->deadline_ms != UINT64_MAX &&
	       filter_now_ms(f) + wait_ms >= own->deadline_ms;
}

/* Of an entry that is to wait. False: it can't wait that long, and is blocked. */
static bool wait_for_turn(struct filter *f, struct pin *pin)
{
	struct sentinel_state *own = f->state;
	struct entry *entry = &own->entries[own->passed];
	uint64_t wait_ms = ((uint64_t)entry->wait_ns + 999999) / 1000000;

	if (is_too_long(f, entry, wait_ms)) {
		count(f, SENTINEL_STAT_WAIT_PAST_DEADLINE);
		sph_refuse(entry, now_of(f));
		return false;
	}
	own->pin = pin_take(pin);
	own->is_waiting = true;
	count(f, SENTINEL_STAT_WAIT);
	stat_gauge_inc(filter_stats(f), config_of(f)->application->stats, SENTINEL_STAT_WAITING);
	filter_timer_start(&own->timer, f, wait_ms, wait_over);
	return true;
}

static void note_block(const struct filter *f, const struct entry *entry, const struct pin *pin)
{
	const struct rule_stats *stats = &sentinel_rules_of(pin->object)->stats;
	const struct stat_scope *scope =
		rule_stats_of(stats, entry->block.rule, entry->block.system_limit);
	struct sentinel_ops *ops = ops_of(f);

	if (scope)
		stat_inc(filter_stats(f), scope, RULE_STAT_BLOCKED);
	if (ops)
		sentinel_ops_blocked(ops, entry, now_of(f).ms);
}

/* What comes of it: goes on, waits, or is answered. */
static enum filter_status settle(struct filter *f, enum entry_verdict verdict, struct pin *pin)
{
	struct sentinel_state *own = f->state;

	if (verdict == ENTRY_PASS) {
		count(f, SENTINEL_STAT_PASS);
		return FILTER_CONTINUE;
	}
	if (verdict == ENTRY_WAIT && wait_for_turn(f, pin))
		return FILTER_PAUSE;
	note_block(f, &own->entries[own->passed], pin);
	return block(f, own->entries[own->passed].block.exception);
}

static void wait_over(struct filter *f)
{
	struct sentinel_state *own = f->state;
	struct entry *entry = &own->entries[own->passed];
	const struct resource_rules *before = entry->rules;
	struct pin *pin = current(f), *waited = pin_take(own->pin);

	end_wait(f);
	if (!pin)
		pin = waited;
	struct instant now = now_of(f);
	enum entry_verdict verdict = ask(f, set_of(pin), now, sph_resume(entry, set_of(pin), now));
	/* the slot that it is in goes on with the rules that it had */
	bool is_still = verdict == ENTRY_WAIT && entry == &own->entries[own->passed] &&
			entry->rules == before;
	enum filter_status status = settle(f, verdict, is_still ? waited : pin);
	pin_drop(waited);
	if (status == FILTER_CONTINUE)
		filter_resume(f, DIRECTION_REQUEST);
}

enum filter_status sentinel_request_headers(struct filter *f, struct headers *headers, bool end)
{
	struct sentinel_state *own = f->state;
	const struct sentinel_route *route = f->config;
	const struct sentinel_config *config = config_of(f);
	struct instant now = now_of(f);
	struct pin *pin;

	(void)end;
	if (!config->application || route->is_disabled)
		return FILTER_CONTINUE;
	pin = current(f);
	if (!pin || !sentinel_find_names(f, headers, now))
		return FILTER_CONTINUE;
	struct rule_set *set = set_of(pin);
	read_all_facts(f, set);
	if (config->keeping)
		sentinel_prepare_fallback(f);
	own->entries = arena_alloc(filter_arena(f), own->names.count * sizeof *own->entries);
	enum entry_verdict verdict = ask(f, set, now, begin(f, set, now));
	if (verdict == ENTRY_WAIT)
		own->deadline_ms = config->waits_past_deadline ? UINT64_MAX
							       : sentinel_find_deadline(f, headers);
	return settle(f, verdict, pin);
}
