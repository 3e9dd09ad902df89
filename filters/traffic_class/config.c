#include <envoy/config/route/v3/route_components.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <outrigger/filters/traffic_class/v1/traffic_class.pb-c.h>

#include "base/shared_load.h"
#include "filters/traffic_class/replay.h"
#include "filters/traffic_class/traffic_class.h"
#include "message/grammar.h"
#include "routing/duration.h"
#include "routing/header_match.h"
#include "spool/spools.h"

typedef Outrigger__Filters__TrafficClass__V1__TrafficClass Message;
typedef Outrigger__Filters__TrafficClass__V1__TrafficClassPerRoute PerRoute;
typedef Outrigger__Filters__TrafficClass__V1__Class Class;
typedef Outrigger__Filters__TrafficClass__V1__Deferral Deferral;
typedef Outrigger__Filters__TrafficClass__V1__Pressure Pressure;
typedef Outrigger__Filters__TrafficClass__V1__Capacity Capacity;
typedef Outrigger__Filters__TrafficClass__V1__Learned Learned;
typedef Outrigger__Filters__TrafficClass__V1__Spool Spool;

STAT_TYPE(traffic_class_stats, "traffic_class", TRAFFIC_CLASS_STAT, TRAFFIC_CLASS_STATS);
STAT_TYPE(class_stats, "traffic_class_class", CLASS_STAT, CLASS_STATS);

enum {
	NAME_LEN_MAX = 64,
	HOLD_MS = 1000,
	LEARNED_MIN = 4,
	LEARNED_MAX = 1000,
	LEARNED_TOLERANCE = 1200,
	IN_FLIGHT_MAX = 1000000,
	BODY_MAX = 65536,
	RECORDS = 100000,
	RECORDS_MAX = 10000000,
	REQUEST_BYTES = 1 << 20,
	REQUEST_BYTES_MAX = 16 << 20,
	SPOOL_BYTES_MIN = 1 << 20,
	TTL_MS = 3600 * 1000,
	ATTEMPTS = 10,
	ATTEMPTS_MAX = 1000,
	BASE_INTERVAL_MS = 1000,
	MAX_INTERVAL_MS = 60000,
	TIMEOUT_MS = 15000,
	REPLAYS = 16,
	REPLAYS_MAX = 1024,
};

#define SPOOL_BYTES (UINT64_C(256) << 20)
#define SPOOL_BYTES_MAX (UINT64_C(1) << 40)

/* --- numbers --- */

/* As thousandths. */
static enum status load_share(uint32_t *thousandths, uint32_t unset,
			      const Google__Protobuf__DoubleValue *message, double max,
			      const char *field, struct diag *diag)
{
	*thousandths = unset;
	if (!message)
		return STATUS_OK;
	if (!(message->value >= 0.001 && message->value <= max))
		return diag_at(diag, field, "must be from 0.001 to %g", max);
	*thousandths = (uint32_t)(message->value * GUARD_FULL + 0.5);
	return STATUS_OK;
}

static enum status load_number(uint32_t *number, uint32_t unset,
			       const Google__Protobuf__UInt32Value *message, uint32_t max,
			       const char *field, struct diag *diag)
{
	*number = message ? message->value : unset;
	return *number && *number <= max
		       ? STATUS_OK
		       : diag_at(diag, field, "must be from 1 to %u", (unsigned)max);
}

static enum status load_time(uint32_t *ms, uint32_t unset,
			     const Google__Protobuf__Duration *message, const char *field,
			     struct diag *diag)
{
	enum status status = duration_load(ms, unset, message, field, diag);

	return status || *ms ? status : diag_at(diag, field, "must be at least 1 ms");
}

/* Names stand in those of statistics. */
static enum status check_name(const char *name, const char *field, struct diag *diag)
{
	struct slice text = slice_of(name);

	if (!text.len || text.len > NAME_LEN_MAX || !grammar_all(text, GRAMMAR_TOKEN))
		return diag_at(diag, field, "must be 1 to %d characters of a token", NAME_LEN_MAX);
	return STATUS_OK;
}

/* --- classes --- */

static enum status load_deferral(struct traffic_class *class, const Deferral *message,
				 struct arena *arena, struct diag *diag)
{
	struct deferral *deferral = ARENA_NEW(arena, struct deferral);
	enum status status = header_matches_load(&deferral->match, "match", message->match,
						 message->n_match, arena, diag);

	if (status)
		return status;
	if (message->status && (message->status < 200 || message->status > 299))
		return diag_at(diag, "status", "must be from 200 to 299");
	deferral->has_match = message->n_match;
	deferral->status = (uint16_t)message->status; /* 0: the reason's */
	deferral->body = arena_slice(arena, slice_of(message->body));
	if (deferral->body.len > BODY_MAX)
		return diag_at(diag, "body", "must be at most %d bytes", BODY_MAX);
	if (!grammar_is_value(slice_of(message->content_type)))
		return diag_at(diag, "content_type", "must not have control characters");
	deferral->content_type = arena_slice(arena, slice_of(message->content_type));
	class->deferral = deferral;
	return STATUS_OK;
}

static enum status load_thresholds(struct shedding *shedding, uint32_t i, const Class *message,
				   struct diag *diag)
{
	uint32_t *enter = &shedding->enter[i], *leave = &shedding->leave[i];
	enum status status = load_share(enter, SHEDDING_NEVER, message->enter, 1000, "enter", diag);

	if (!status)
		status = load_share(leave, 0, message->leave, 1000, "leave", diag);
	if (status)
		return status;
	if (!message->enter != !message->leave)
		return diag_at(diag, message->enter ? "leave" : "enter",
			       "is required: enter and leave go together");
	if (*enter == SHEDDING_NEVER)
		*leave = SHEDDING_NEVER;
	else if (*leave >= *enter)
		return diag_at(diag, "leave", "must be less than enter");
	if (i && *enter > shedding->enter[i - 1])
		return diag_at(diag, "enter", "must not be above that of a more important class");
	if (i && *leave > shedding->leave[i - 1])
		return diag_at(diag, "leave", "must not be above that of a more important class");
	return STATUS_OK;
}

static enum status load_class(struct traffic_class_config *config, struct traffic_class *classes,
			      uint32_t i, const Class *message,
			      const struct config_context *context, struct diag *diag)
{
	struct traffic_class *class = &classes[i];
	enum status status = check_name(message->name, "name", diag);

	if (status)
		return status;
	class->name = arena_slice(context->arena, slice_of(message->name));
	for (uint32_t j = 0; j < i; j++)
		if (slice_equal(classes[j].name, class->name))
			return diag_at(diag, "name", "'%s' is there already", message->name);
	if ((status = load_thresholds(&config->limits.shedding, i, message, diag)))
		return status;
	if (message->shed_status && (message->shed_status < 200 || message->shed_status > 599))
		return diag_at(diag, "shed_status", "must be from 200 to 599");
	class->shed_status = (uint16_t)message->shed_status;
	class->stats = config_scope(context, &class_stats,
				    slice_of(arena_printf(context->arena, "traffic_class.%.*s.%s",
							  SLICE_FMT(config->name), message->name)));
	if (!message->deferral)
		return STATUS_OK;
	if (!message->enter)
		return diag_at(diag, "deferral", "the class is never shed: enter is not set");
	if (!config->spool)
		return diag_at(diag, "deferral", "needs a spool");
	status = load_deferral(class, message->deferral, context->arena, diag);
	if (status)
		diag_prefix(diag, "deferral");
	return status;
}

static enum status load_classes(struct traffic_class_config *config, const Message *message,
				const struct config_context *context, struct diag *diag)
{
	struct traffic_class *classes =
		ARENA_NEW_ARRAY(context->arena, struct traffic_class, message->n_classes);

	if (message->n_classes > SHEDDING_CLASSES_MAX)
		return diag_at(diag, "classes", "must be at most %d", SHEDDING_CLASSES_MAX);
	for (uint32_t i = 0; i < message->n_classes; i++) {
		enum status status =
			load_class(config, classes, i, message->classes[i], context, diag);
		if (status) {
			diag_prefix(diag, "classes[%u]", i);
			return status;
		}
	}
	config->classes = classes;
	config->class_count = config->limits.shedding.count = (uint32_t)message->n_classes;
	return STATUS_OK;
}

static enum status find_class(uint32_t *class, const struct traffic_class_config *config,
			      const char *name, const char *field, struct diag *diag)
{
	for (*class = 0; *class < config->class_count; ++*class)
		if (slice_equal(config->classes[*class].name, slice_of(name)))
			return STATUS_OK;
	return diag_at(diag, field, "'%s' is no class", name);
}

static enum status load_rules(struct traffic_class_config *config, const Message *message,
			      struct arena *arena, struct diag *diag)
{
	struct class_rule *rules = ARENA_NEW_ARRAY(arena, struct class_rule, message->n_rules);

	for (size_t i = 0; i < message->n_rules; i++) {
		const Outrigger__Filters__TrafficClass__V1__Rule *rule = message->rules[i];
		enum status status =
			find_class(&rules[i].class, config, rule->class_, "class", diag);
		if (!status && !rule->n_headers)
			status = diag_at(diag, "headers", "at least one is required");
		if (!status)
			status = header_matches_load(&rules[i].headers, "headers", rule->headers,
						     rule->n_headers, arena, diag);
		if (status) {
			diag_prefix(diag, "rules[%zu]", i);
			return status;
		}
	}
	config->rules = rules;
	config->rule_count = (uint32_t)message->n_rules;
	return message->default_class[0] ? find_class(&config->default_class, config,
						      message->default_class, "default_class", diag)
					 : STATUS_OK;
}

/* --- pressure --- */

static enum status load_learned(struct guard_limits *limits, const Learned *message,
				struct diag *diag)
{
	struct learned_options *learned = &limits->learned;
	enum status status =
		load_number(&learned->min, LEARNED_MIN, message->min, IN_FLIGHT_MAX, "min", diag);

	if (!status)
		status = load_number(&learned->max, LEARNED_MAX, message->max, IN_FLIGHT_MAX, "max",
				     diag);
	if (!status)
		status = load_share(&learned->tolerance, LEARNED_TOLERANCE, message->tolerance, 10,
				    "tolerance", diag);
	if (status)
		return status;
	if (learned->max < learned->min)
		return diag_at(diag, "max", "must not be less than min");
	if (learned->tolerance <= GUARD_FULL)
		return diag_at(diag, "tolerance", "must be above 1");
	limits->is_learned = true;
	return STATUS_OK;
}

static enum status load_capacity(struct guard_limits *limits, const Capacity *message,
				 struct diag *diag)
{
	if (!message->max_in_flight == !message->learned)
		return diag_set(diag, "max_in_flight or learned is required, and not both");
	if (message->max_in_flight)
		return load_number(&limits->max_in_flight, 0, message->max_in_flight, IN_FLIGHT_MAX,
				   "max_in_flight", diag);
	enum status status = load_learned(limits, message->learned, diag);
	if (status)
		diag_prefix(diag, "learned");
	return status;
}

static enum status load_pressure(struct guard_limits *limits, const Pressure *message,
				 struct arena *arena, struct diag *diag)
{
	uint32_t delay_ms;
	enum status status = STATUS_OK;

	if (!message->capacity && !message->cpu && !message->delay)
		return diag_set(diag, "capacity, cpu or delay is required");
	if (message->capacity && (status = load_capacity(limits, message->capacity, diag))) {
		diag_prefix(diag, "capacity");
		return status;
	}
	if ((status = load_share(&limits->cpu, 0, message->cpu, 1, "cpu", diag)) ||
	    (status = duration_load(&delay_ms, 0, message->delay, "delay", diag)) ||
	    (status = duration_load(&limits->shedding.hold_ms, HOLD_MS, message->hold, "hold",
				    diag)))
		return status;
	if (message->delay && !delay_ms)
		return diag_at(diag, "delay", "must be at least 1 ms");
	limits->delay_us = UINT64_C(1000) * delay_ms;
	if (message->cpu)
		limits->load = shared_load_want(arena);
	return STATUS_OK;
}

/* --- the spool --- */

static enum status load_bytes(uint64_t *bytes, const Google__Protobuf__UInt64Value *message,
			      struct diag *diag)
{
	*bytes = message ? message->value : SPOOL_BYTES;
	if (*bytes < SPOOL_BYTES_MIN || *bytes > SPOOL_BYTES_MAX)
		return diag_at(diag, "max_bytes", "must be from 1 MiB to 1 TiB");
	return STATUS_OK;
}

static enum status load_sending(struct spool_use *use, const Spool *message, struct diag *diag)
{
	struct spool_options *options = &use->options;
	enum status status;

	if ((status = load_number(&options->max_attempts, ATTEMPTS, message->max_attempts,
				  ATTEMPTS_MAX, "max_attempts", diag)) ||
	    (status = load_time(&options->base_interval_ms, BASE_INTERVAL_MS,
				message->base_interval, "base_interval", diag)) ||
	    (status = load_time(&options->max_interval_ms, MAX_INTERVAL_MS, message->max_interval,
				"max_interval", diag)) ||
	    (status = load_time(&use->timeout_ms, TIMEOUT_MS, message->timeout, "timeout", diag)))
		return status;
	if (options->max_interval_ms < options->base_interval_ms)
		return diag_at(diag, "max_interval", "must not be less than base_interval");
	return load_number(&options->max_sending, REPLAYS, message->max_replays, REPLAYS_MAX,
			   "max_replays", diag);
}

static enum status load_spool(struct traffic_class_config *config, const Spool *message,
			      const struct config_context *context, struct diag *diag)
{
	struct spool_use *use = ARENA_NEW(context->arena, struct spool_use);
	const char *header = message->idempotency_key_header;
	enum status status;

	if (!message->path[0])
		return diag_at(diag, "path", "is required");
	use->path = arena_string(context->arena, slice_of(message->path));
	use->stat_name = slice_of(
		arena_printf(context->arena, "traffic_class.%.*s.spool", SLICE_FMT(config->name)));
	use->options.skips_sync = message->skips_sync;
	if ((status = load_bytes(&use->options.max_bytes, message->max_bytes, diag)) ||
	    (status = load_number(&use->options.max_records, RECORDS, message->max_records,
				  RECORDS_MAX, "max_records", diag)) ||
	    (status =
		     load_number(&use->max_request_bytes, REQUEST_BYTES, message->max_request_bytes,
				 REQUEST_BYTES_MAX, "max_request_bytes", diag)) ||
	    (status = load_time(&use->options.ttl_ms, TTL_MS, message->ttl, "ttl", diag)) ||
	    (status = load_share(&use->below, 0, message->replay_below, 1000, "replay_below",
				 diag)) ||
	    (status = header_name_load(&use->key_header, header[0] ? header : "idempotency-key",
				       "idempotency_key_header", context->arena, diag)))
		return status;
	if ((status = load_sending(use, message, diag)))
		return status;
	use->spools = context->spools;
	config->spool = use;
	return STATUS_OK;
}

/* The least important class's is the lowest. */
static enum status settle_below(struct traffic_class_config *config, struct diag *diag)
{
	const struct shedding *shedding = &config->limits.shedding;
	uint32_t leave = shedding->leave[shedding->count - 1];

	if (leave == SHEDDING_NEVER)
		return diag_at(diag, "spool", "no class is ever shed");
	if (!config->spool->below)
		config->spool->below = leave;
	return STATUS_OK;
}

static void drop_spool(void *data)
{
	struct spool_use *use = data;

	if (use->spool)
		spools_drop(use->spool);
	use->spool = NULL;
}

/* On main, before any worker works with it. */
static void adopt(void *data)
{
	struct traffic_class_config *config = data;
	struct spool_use *use = config->spool;

	if (use->spools)
		use->spool = spools_take(use->spools, use->path, use->stat_name, &use->options,
					 replay_user_new(config));
}

/* --- all of it --- */

static enum status load(struct traffic_class_config *config, const Message *message,
			const struct config_context *context, struct diag *diag)
{
	enum status status = check_name(message->name, "name", diag);

	if (status)
		return status;
	config->name = arena_slice(context->arena, slice_of(message->name));
	if (message->spool && (status = load_spool(config, message->spool, context, diag))) {
		diag_prefix(diag, "spool");
		return status;
	}
	if ((status = load_classes(config, message, context, diag)) ||
	    (status = load_rules(config, message, context->arena, diag)))
		return status;
	if (!message->pressure)
		return diag_at(diag, "pressure", "is required");
	status = load_pressure(&config->limits, message->pressure, context->arena, diag);
	if (status) {
		diag_prefix(diag, "pressure");
		return status;
	}
	return config->spool ? settle_below(config, diag) : STATUS_OK;
}

static enum status load_route(const void **loaded, const PerRoute *message,
			      const struct config_context *context)
{
	struct traffic_class_route *route = ARENA_NEW(context->arena, struct traffic_class_route);

	route->is_disabled = message->disabled;
	route->class = arena_slice(context->arena, slice_of(message->class_));
	*loaded = route;
	return STATUS_OK;
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct traffic_class_config *config;

	if (is_per_route)
		return load_route(loaded, (const PerRoute *)base, context);
	config = ARENA_NEW(context->arena, struct traffic_class_config);
	*loaded = config;
	if (!message->n_classes)
		return STATUS_OK;
	enum status status = load(config, message, context, diag);
	if (status)
		return status;
	config->guard = shared_take_for(context->arena, &shared_guard_type, config->name, 0,
					sizeof *config->guard, NULL);
	config->stats = config_scope(
		context, &traffic_class_stats,
		slice_of(arena_printf(context->arena, "traffic_class.%s", message->name)));
	if (!config->spool)
		return STATUS_OK;
	arena_defer(context->arena, drop_spool, config->spool);
	config_when_published(context, adopt, config);
	return STATUS_OK;
}

const struct filter_type traffic_class_filter = {
	.name = "outrigger.filters.traffic_class",
	.message = &outrigger__filters__traffic_class__v1__traffic_class__descriptor,
	.per_route = &outrigger__filters__traffic_class__v1__traffic_class_per_route__descriptor,
	.state_size = sizeof(struct traffic_class_state),
	.config_load = config_load,
	.open = traffic_class_open,
	.request_headers = traffic_class_request_headers,
	.request_data = traffic_class_request_data,
	.request_trailers = traffic_class_request_trailers,
	.response_headers = traffic_class_response_headers,
	.close = traffic_class_close,
};
