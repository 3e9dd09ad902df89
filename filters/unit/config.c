#include <envoy/type/matcher/v3/string.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <outrigger/filters/unit/v1/unit.pb-c.h>
#include <outrigger/type/v1/request_value.pb-c.h>

#include "base/hash.h"
#include "base/log.h"
#include "filters/unit/unit.h"
#include "routing/duration.h"
#include "routing/header_match.h"
#include "routing/route_hooks.h"

typedef Outrigger__Filters__Unit__V1__Unit Message;
typedef Outrigger__Filters__Unit__V1__UnitRule UnitRule;
typedef Outrigger__Filters__Unit__V1__ShardRange ShardRange;
typedef Outrigger__Filters__Unit__V1__Extractor Extractor;

STAT_TYPE(unit_stats, "unit", UNIT_STAT, UNIT_STATS);

/* --- units --- */

/* Names are few: each is looked for among those before it. */
static enum status add_unit(struct unit_rule *rule, struct unit *units, const char *name,
			    struct slice label, struct arena *arena, struct diag *diag)
{
	uint64_t owner = shared_shard_owner(slice_of(name));
	const struct unit *same = unit_find(rule, owner);

	if (!name[0])
		return diag_set(diag, "must not be empty");
	if (same && slice_equal(same->name, slice_of(name)))
		return STATUS_OK;
	if (same)
		return diag_set(diag, "can't be told from '%.*s': take another name",
				SLICE_FMT(same->name));
	if (rule->unit_count == UNIT_UNITS_MAX)
		return diag_set(diag, "at most %d units", UNIT_UNITS_MAX);
	struct unit *unit = &units[rule->unit_count++];
	unit->name = arena_slice(arena, slice_of(name));
	unit->owner = owner;
	unit->label = (struct label){.key = label, .kind = LABEL_STRING, .text = unit->name};
	unit->wish = (struct policy_wish){&unit->label, 1};
	return STATUS_OK;
}

static enum status load_places(struct unit_rule *rule, struct unit *units, const UnitRule *message,
			       struct slice label, const struct config_context *context,
			       struct diag *diag)
{
	for (size_t i = 0; i < message->n_units; i++) {
		const Outrigger__Filters__Unit__V1__UnitPlace *place = message->units[i];
		uint32_t before = rule->unit_count;
		enum status status =
			add_unit(rule, units, place->name, label, context->arena, diag);
		if (!status && rule->unit_count == before)
			status = diag_set(diag, "'%s' is there already", place->name);
		if (status) {
			diag_prefix(diag, "units[%zu].name", i);
			return status;
		}
		if (!place->cluster[0])
			continue;
		struct unit *unit = &units[before];
		unit->cluster = arena_slice(context->arena, slice_of(place->cluster));
		unit->cluster_slot = context->slot(context, PUBLISHED_CLUSTER, unit->cluster);
	}
	return STATUS_OK;
}

/* --- the rule --- */

static enum status load_range(struct unit_rule *rule, struct unit *units, uint64_t *words,
			      const ShardRange *message, struct slice label, struct arena *arena,
			      struct diag *diag)
{
	enum status status;

	if (message->first > message->last || message->last >= rule->shard_count)
		return diag_at(diag, "last", "must be from first to shard_count - 1");
	status = add_unit(rule, units, message->unit, label, arena, diag);
	if (status) {
		diag_prefix(diag, "unit");
		return status;
	}
	uint64_t word = shared_shard_owner(slice_of(message->unit));
	for (uint32_t shard = message->first; shard <= message->last; shard++) {
		if (words[shard])
			return diag_at(diag, "first", "shard %u has a unit already", shard);
		words[shard] = word | (message->fenced ? SHARED_SHARD_FENCED : 0);
	}
	return STATUS_OK;
}

static enum status load_shards(struct unit_rule *rule, struct unit *units, const UnitRule *message,
			       struct slice label, struct arena *arena, struct diag *diag)
{
	uint64_t *words = ARENA_NEW_ARRAY(arena, uint64_t, rule->shard_count);

	for (size_t i = 0; i < message->n_shards; i++) {
		enum status status =
			load_range(rule, units, words, message->shards[i], label, arena, diag);
		if (status) {
			diag_prefix(diag, "shards[%zu]", i);
			return status;
		}
	}
	for (uint32_t shard = 0; shard < rule->shard_count; shard++)
		if (!words[shard])
			return diag_at(diag, "shards", "shard %u has no unit", shard);
	rule->words = words;
	return STATUS_OK;
}

static enum status load_rule(struct unit_config *config, const UnitRule *message,
			     struct slice label, const struct config_context *context,
			     struct diag *diag)
{
	struct arena *arena = context->arena;
	struct unit_rule *rule = ARENA_NEW(arena, struct unit_rule);
	struct unit *units = ARENA_NEW_ARRAY(arena, struct unit, UNIT_UNITS_MAX);
	enum status status;

	rule->units = units;
	rule->name = arena_slice(arena, slice_of(message->name));
	rule->version = message->version;
	rule->shard_count = message->shard_count;
	if (!rule->name.len)
		return diag_at(diag, "name", "must not be empty");
	if (!rule->version || rule->version > INT64_MAX)
		return diag_at(diag, "version", "must be > 0, and at most %lld",
			       (long long)INT64_MAX);
	if (!rule->shard_count || rule->shard_count > SHARED_SHARDS_MAX)
		return diag_at(diag, "shard_count", "must be from 1 to %d", SHARED_SHARDS_MAX);
	if ((status = load_places(rule, units, message, label, context, diag)) ||
	    (status = load_shards(rule, units, message, label, arena, diag)))
		return status;
	if (message->global_unit[0]) {
		status = add_unit(rule, units, message->global_unit, label, arena, diag);
		if (status) {
			diag_prefix(diag, "global_unit");
			return status;
		}
		rule->global = unit_find(rule, shared_shard_owner(slice_of(message->global_unit)));
	}
	rule->shards = shared_take_for(arena, &shared_shards_type, rule->name, rule->shard_count,
				       shared_shards_size(rule->shard_count), &rule->shard_count);
	config->rule = rule;
	return STATUS_OK;
}

/* On main, when the configuration is published. */
static void adopt(void *argument)
{
	const struct unit_config *config = argument;
	const struct unit_rule *rule = config->rule;
	struct stats_shard *stats = stats_main_shard(config->stats_owner);

	switch (shared_shards_adopt(rule->shards, rule->version, rule->words)) {
	case SHARED_SHARDS_NEWER:
	case SHARED_SHARDS_SAME:
		break;
	case SHARED_SHARDS_OLDER:
		log_warn(CONFIG,
			 "unit rule '%.*s': version %llu isn't taken, a newer one is in force",
			 SLICE_FMT(rule->name), (unsigned long long)rule->version);
		stat_inc(stats, config->stats, UNIT_STAT_RULE_REFUSED);
		break;
	case SHARED_SHARDS_DIFFERENT:
		log_warn(CONFIG, "unit rule '%.*s': version %llu says something else than before",
			 SLICE_FMT(rule->name), (unsigned long long)rule->version);
		stat_inc(stats, config->stats, UNIT_STAT_RULE_REFUSED);
		break;
	}
	stat_gauge_set(stats, config->stats, UNIT_STAT_RULE_VERSION,
		       shared_shards_version(shared_shards_now(rule->shards)));
	stat_gauge_add(stats, config->stats, UNIT_STAT_DRAINED_VERSION,
		       shared_shards_news(rule->shards));
}

/* --- the rest --- */

static void held_init(void *state, const void *config)
{
	shared_count_init(state, config);
}

static const struct shared_type held_type = {.name = "unit_held", .init = held_init};

static enum status load_extractor(struct unit_extractor *extractor, const Extractor *message,
				  struct diag *diag)
{
	if (!message)
		return STATUS_OK;
	extractor->is_hash =
		message->method == OUTRIGGER__FILTERS__UNIT__V1__EXTRACTOR__METHOD__HASH;
	if (!message->substring)
		return STATUS_OK;
	extractor->has_substring = true;
	extractor->from = message->substring->from;
	extractor->length = message->substring->length;
	if (extractor->from == INT32_MIN)
		return diag_at(diag, "extractor.substring.from", "is too small");
	return STATUS_OK;
}

static enum status load_read_only(struct unit_config *config, const Message *message,
				  struct arena *arena, struct diag *diag)
{
	struct string_matcher *matchers =
		ARENA_NEW_ARRAY(arena, struct string_matcher, message->n_read_only_methods);

	for (size_t i = 0; i < message->n_read_only_methods; i++) {
		enum status status = string_matcher_load(
			&matchers[i], message->read_only_methods[i], arena, diag);
		if (status) {
			diag_prefix(diag, "read_only_methods[%zu]", i);
			return status;
		}
	}
	config->read_only = matchers;
	config->read_only_count = (uint32_t)message->n_read_only_methods;
	return STATUS_OK;
}

static enum status load_holding(struct unit_config *config, const Message *message,
				const struct config_context *context, struct diag *diag)
{
	enum status status = duration_load(&config->hold_ms, 0, message->hold, "hold", diag);

	if (status)
		return status;
	if (config->hold_ms > UNIT_HOLD_MAX_MS)
		return diag_at(diag, "hold", "must be at most %d s", UNIT_HOLD_MAX_MS / 1000);
	config->max_held = message->max_held ? message->max_held->value : UNIT_HELD_DEFAULT;
	config->held = shared_take_for(context->arena, &held_type, config->rule->name, 0,
				       sizeof *config->held, NULL);
	return STATUS_OK;
}

static enum status load_header(struct slice *name, const char *text, const char *usual,
			       const char *field, struct arena *arena, struct diag *diag)
{
	return header_name_load(name, text[0] ? text : usual, field, arena, diag);
}

static enum status load_local(struct unit_config *config, const Message *message, struct diag *diag)
{
	if (message->local_unit[0]) {
		config->local =
			unit_find(config->rule, shared_shard_owner(slice_of(message->local_unit)));
		if (!config->local)
			return diag_at(diag, "local_unit", "'%s' is no unit of the rule",
				       message->local_unit);
	}
	config->missing_key = (uint8_t)message->missing_key; /* the same order */
	if (config->missing_key != UNIT_MISSING_REFUSE && !config->rule->global)
		return diag_at(diag, "rule.global_unit",
			       "is required, unless missing_key is REFUSE");
	return STATUS_OK;
}

static enum status load(struct unit_config *config, const Message *message,
			const struct config_context *context, struct diag *diag)
{
	struct arena *arena = context->arena;
	struct slice label =
		arena_slice(arena, message->label[0] ? slice_of(message->label) : SLICE("unit"));
	enum status status = load_rule(config, message->rule, label, context, diag);

	if (status) {
		diag_prefix(diag, "rule");
		return status;
	}
	if (!message->n_keys)
		return diag_at(diag, "keys", "at least one is required");
	if ((status = load_local(config, message, diag)) ||
	    (status = request_values_load(&config->keys, "keys", message->keys, message->n_keys,
					  arena, diag)) ||
	    (status = load_extractor(&config->extractor, message->extractor, diag)) ||
	    (status = load_read_only(config, message, arena, diag)) ||
	    (status = load_holding(config, message, context, diag)) ||
	    (status = load_header(&config->hop_header, message->hop_header, "x-outrigger-unit-hop",
				  "hop_header", arena, diag)))
		return status;
	return load_header(&config->rule_header, message->rule_header, "x-outrigger-unit-rule",
			   "rule_header", arena, diag);
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct unit_config *config = ARENA_NEW(context->arena, struct unit_config);

	(void)is_per_route;
	*loaded = config;
	if (!message->rule)
		return STATUS_OK;
	enum status status = load(config, message, context, diag);
	if (status)
		return status;
	config->is_outbound = context->is_outbound;
	config->stats_owner = context->stats;
	config->stats = config_scope(
		context, &unit_stats,
		slice_of(arena_printf(context->arena, "unit.%s", message->rule->name)));
	config_when_published(context, adopt, config);
	return STATUS_OK;
}

const struct filter_type unit_filter = {
	.name = "outrigger.filters.unit",
	.message = &outrigger__filters__unit__v1__unit__descriptor,
	.state_size = sizeof(struct unit_state),
	.policy = &unit_policy,
	.config_load = config_load,
	.request_headers = unit_request_headers,
	.close = unit_close,
};
