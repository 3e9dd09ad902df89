#include "filters/unit/unit.h"

#include "message/rpc_head.h"
#include "telemetry/stats.h"

/* What is decided of a request, by the rule in force at that moment. */
enum verdict {
	VERDICT_GO,
	VERDICT_HOLD_FENCED, /* as long as this may last */
	VERDICT_HOLD_BEHIND,
	VERDICT_WRONG_UNIT,
	VERDICT_UNKNOWN_UNIT,
	VERDICT_NO_KEY,
};

static const struct unit_config *config_of(const struct filter *f)
{
	return f->config;
}

static void count(const struct filter *f, unsigned id)
{
	stat_inc(filter_stats(f), config_of(f)->stats, id);
}

/* --- writes under way --- */

static void tell_drained(const struct filter *f)
{
	uint64_t news = shared_shards_news(config_of(f)->rule->shards);

	if (UNLIKELY(news))
		stat_gauge_add(filter_stats(f), config_of(f)->stats, UNIT_STAT_DRAINED_VERSION,
			       news);
}

static bool enter(struct filter *f, uint64_t now)
{
	const struct unit_config *config = f->config;
	struct unit_state *own = f->state;

	if (!shared_shards_enter(config->rule->shards, now, &own->slot))
		return false;
	own->is_under_way = true;
	stat_gauge_inc(filter_stats(f), config->stats, UNIT_STAT_WRITES_ACTIVE);
	return true;
}

static void leave(struct filter *f)
{
	struct unit_state *own = f->state;

	own->is_under_way = false;
	shared_shards_leave(config_of(f)->rule->shards, own->slot);
	stat_gauge_dec(filter_stats(f), config_of(f)->stats, UNIT_STAT_WRITES_ACTIVE);
	tell_drained(f);
}

/* --- deciding --- */

/* To another unit. Behind a wrong one only once, or by a newer rule than that went by: either way
 * it comes to an end. */
static enum verdict send_to(struct filter *f, const struct unit *unit, uint64_t version)
{
	struct unit_state *own = f->state;
	bool is_newer = own->asked_version && version > own->asked_version;

	if (unit != config_of(f)->local && own->has_hop && !is_newer && !config_of(f)->is_outbound)
		return VERDICT_WRONG_UNIT;
	own->to = unit;
	return VERDICT_GO;
}

static enum verdict decide_without_key(struct filter *f)
{
	const struct unit_config *config = f->config;
	struct unit_state *own = f->state;

	switch ((enum unit_missing_key)config->missing_key) {
	case UNIT_MISSING_REFUSE:
		return VERDICT_NO_KEY;
	case UNIT_MISSING_LOCAL_FIRST:
		own->is_local_first = config->local != NULL;
		own->to = config->rule->global;
		return VERDICT_GO;
	case UNIT_MISSING_GLOBAL:
		break;
	}
	return send_to(f, config->rule->global, 0);
}

static enum verdict decide_write(struct filter *f, uint64_t *version)
{
	const struct unit_config *config = f->config;
	struct shared_shards *shards = config->rule->shards;
	struct unit_state *own = f->state;

	for (;;) {
		uint64_t now = shared_shards_now(shards);
		uint64_t word = shared_shards_word(shards, now, own->shard);
		*version = shared_shards_version(now);
		if (own->asked_version > *version)
			return VERDICT_HOLD_BEHIND;
		if (word & SHARED_SHARD_FENCED)
			return VERDICT_HOLD_FENCED;
		const struct unit *unit = unit_find(config->rule, word);
		if (!unit)
			return VERDICT_UNKNOWN_UNIT;
		if (unit != config->local)
			return send_to(f, unit, *version);
		own->to = unit;
		if (LIKELY(enter(f, now)))
			return VERDICT_GO;
	} /* a newer version came in between */
}

static enum verdict decide_read(struct filter *f, uint64_t *version)
{
	const struct unit_config *config = f->config;
	struct unit_state *own = f->state;

	*version = 0; /* nothing hangs on it */
	const struct shared_shards *shards = config->rule->shards;
	uint64_t word = shared_shards_word(shards, shared_shards_now(shards), own->shard);
	const struct unit *unit = unit_find(config->rule, word & ~(uint64_t)SHARED_SHARD_FENCED);
	if (!unit)
		return VERDICT_UNKNOWN_UNIT;
	own->to = unit;
	own->is_local_first = config->local && unit != config->local;
	return VERDICT_GO;
}

static enum verdict decide(struct filter *f, uint64_t *version)
{
	const struct unit_state *own = f->state;

	*version = 0;
	if (!own->has_shard)
		return decide_without_key(f);
	return own->is_read ? decide_read(f, version) : decide_write(f, version);
}

/* --- what comes of it --- */

static void mark(struct filter *f, uint64_t version)
{
	const struct unit_config *config = f->config;
	struct unit_state *own = f->state;
	struct headers *headers = filter_request(f);

	if (version)
		headers_set(headers, config->rule_header, arena_number(filter_arena(f), version));
	if (own->is_local_first) {
		if (own->is_read && own->has_shard)
			count(f, UNIT_STAT_READ_LOCAL);
		return;
	}
	if (own->is_under_way)
		count(f, UNIT_STAT_WRITE_ACCEPTED);
	if (!config->local || own->to == config->local)
		return;
	count(f, UNIT_STAT_FORWARDED);
	if (!config->is_outbound)
		headers_set(headers, config->hop_header, config->local->name);
}

static void refuse(struct filter *f, enum verdict verdict)
{
	const struct unit_config *config = f->config;
	const struct unit_state *own = f->state;
	struct slice rule = config->rule->name;
	enum reply_reason reason = REPLY_WRONG_UNIT;
	const char *text = NULL, *details = NULL;
	struct arena *arena = filter_arena(f);
	unsigned status = 0;

	switch (verdict) {
	case VERDICT_GO:
		return;
	case VERDICT_HOLD_FENCED:
		reason = REPLY_SHARD_MOVING;
		text = arena_printf(arena, "shard %u of %.*s is moving", own->shard,
				    SLICE_FMT(rule));
		break;
	case VERDICT_HOLD_BEHIND:
		reason = REPLY_SHARD_MOVING;
		text = arena_printf(arena, "version %llu of %.*s isn't known here yet",
				    (unsigned long long)own->asked_version, SLICE_FMT(rule));
		details = "unit_rule_behind";
		break;
	case VERDICT_WRONG_UNIT:
		text = own->has_shard ? arena_printf(arena, "shard %u of %.*s isn't this unit's",
						     own->shard, SLICE_FMT(rule))
				      : "a request without a key isn't this unit's";
		break;
	case VERDICT_UNKNOWN_UNIT:
		text = arena_printf(arena, "the unit of shard %u of %.*s isn't known", own->shard,
				    SLICE_FMT(rule));
		details = "unit_unknown";
		break;
	case VERDICT_NO_KEY:
		status = 400;
		text = arena_printf(arena, "no key for %.*s", SLICE_FMT(rule));
		details = "unit_key_missing";
		break;
	}
	if (reason == REPLY_WRONG_UNIT)
		count(f, UNIT_STAT_WRONG_UNIT);
	filter_reply_with(f, reason, status, -1, slice_of(text),
			  details ? slice_of(details) : (struct slice){0});
}

static bool may_change(enum verdict verdict)
{
	return verdict == VERDICT_HOLD_FENCED || verdict == VERDICT_HOLD_BEHIND;
}

/* --- holding --- */

static bool hold(struct filter *f)
{
	const struct unit_config *config = f->config;
	struct unit_state *own = f->state;

	if (!config->hold_ms || !shared_count_take(config->held, config->max_held))
		return false;
	own->is_held = true;
	own->held_until_ms = filter_now_ms(f) + config->hold_ms;
	count(f, UNIT_STAT_HELD);
	stat_gauge_inc(filter_stats(f), config->stats, UNIT_STAT_HELD_ACTIVE);
	return true;
}

static void let_go(struct filter *f)
{
	struct unit_state *own = f->state;

	own->is_held = false;
	shared_count_drop(config_of(f)->held);
	stat_gauge_dec(filter_stats(f), config_of(f)->stats, UNIT_STAT_HELD_ACTIVE);
}

static void look_again(struct filter *f)
{
	struct unit_state *own = f->state;
	uint64_t version, now_ms = filter_now_ms(f);
	enum verdict verdict = decide(f, &version);

	if (may_change(verdict) && now_ms < own->held_until_ms) {
		uint64_t left_ms = own->held_until_ms - now_ms;
		filter_timer_start(&own->timer, f, left_ms < UNIT_POLL_MS ? left_ms : UNIT_POLL_MS,
				   look_again);
		return;
	}
	let_go(f);
	if (verdict != VERDICT_GO) {
		if (may_change(verdict))
			count(f, UNIT_STAT_HOLD_OVER);
		refuse(f, verdict);
		return;
	}
	mark(f, version);
	filter_resume(f, DIRECTION_REQUEST);
}

/* --- the request --- */

static bool is_read_only(const struct unit_config *config, const struct headers *headers)
{
	struct slice method =
		headers->rpc ? headers->rpc->method : headers_get(headers, HEADER_METHOD);

	for (uint32_t i = 0; i < config->read_only_count; i++)
		if (string_matcher_test(&config->read_only[i], method))
			return true;
	return false;
}

static bool find_text(const struct policy_facts *facts, struct slice header, struct slice *text)
{
	const struct request_value where = {
		.source = REQUEST_VALUE_HEADER, .name = header, .header = header};
	return request_value_find(&where, facts, text);
}

static void read_request(struct filter *f, const struct headers *headers)
{
	const struct unit_config *config = f->config;
	struct unit_state *own = f->state;
	struct policy_facts facts;
	struct slice text;

	filter_facts(f, &facts);
	if (!request_values_find(&config->keys, &facts, &text))
		count(f, UNIT_STAT_KEY_MISSING);
	else if (!unit_shard(&config->extractor, config->rule->shard_count, text, &own->shard))
		count(f, UNIT_STAT_KEY_INVALID);
	else
		own->has_shard = true;
	if (own->has_shard)
		count(f, UNIT_STAT_KEYED);
	own->is_read = config->read_only_count && is_read_only(config, headers);
	own->has_hop = find_text(&facts, config->hop_header, &text);
	if (find_text(&facts, config->rule_header, &text) &&
	    !slice_to_uint64(text, &own->asked_version))
		own->asked_version = UINT64_MAX;
}

enum filter_status unit_request_headers(struct filter *f, struct headers *headers, bool end)
{
	struct unit_state *own = f->state;
	uint64_t version;

	(void)end;
	if (!config_of(f)->rule)
		return FILTER_CONTINUE;
	read_request(f, headers);
	enum verdict verdict = decide(f, &version);
	if (LIKELY(verdict == VERDICT_GO)) {
		mark(f, version);
		return FILTER_CONTINUE;
	}
	if (may_change(verdict))
		count(f, verdict == VERDICT_HOLD_FENCED ? UNIT_STAT_FENCED : UNIT_STAT_BEHIND);
	if (may_change(verdict) && hold(f)) {
		filter_timer_start(&own->timer, f, UNIT_POLL_MS, look_again);
		return FILTER_PAUSE;
	}
	refuse(f, verdict);
	return FILTER_REPLIED;
}

void unit_close(struct filter *f)
{
	struct unit_state *own = f->state;

	if (own->is_held)
		let_go(f);
	if (own->is_under_way)
		leave(f);
}

/* --- where it goes --- */

static void choose(const void *loaded, const struct policy_facts *facts,
		   struct policy_choice *choice)
{
	const struct unit_config *config = loaded;
	struct unit_state *own = facts->state;

	if (!own->to)
		return;
	if (own->is_local_first) {
		own->wishes[0] = config->local->wish;
		own->wishes[1] = own->to->wish;
		choice->wishes = own->wishes;
		choice->wish_count = 2;
		return;
	}
	if (own->to != config->local && own->to->cluster.len) {
		choice->cluster = own->to->cluster;
		choice->cluster_slot = own->to->cluster_slot;
		return;
	}
	choice->wishes = &own->to->wish;
	choice->wish_count = 1;
	choice->is_required = own->to != config->local;
}

const struct route_policy unit_policy = {"unit", choose};
