#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <outrigger/filters/lane/v1/lane.pb-c.h>
#include <outrigger/type/v1/request_value.pb-c.h>

#include "base/shared.h"
#include "filters/lane/lane.h"
#include "message/grammar.h"
#include "routing/duration.h"
#include "routing/header_match.h"

typedef Outrigger__Filters__Lane__V1__Lane Message;
typedef Outrigger__Filters__Lane__V1__TraceCorrelation TraceCorrelation;

STAT_TYPE(lane_stats, "lane", LANE_STAT, LANE_STATS);

static void traces_init(void *state, const void *config)
{
	shared_notes_init(state, *(const uint32_t *)config);
}

static const struct shared_type traces_type = {.name = "lane_traces", .init = traces_init};

static enum status load_correlation(struct lane_config *config, const TraceCorrelation *message,
				    const struct config_context *context, struct diag *diag)
{
	uint32_t count = message->max_traces ? message->max_traces->value : LANE_TRACES_DEFAULT;
	uint32_t keep_ms;

	enum status status = header_name_load(&config->trace_header, message->trace_header,
					      "trace_header", context->arena, diag);
	if (status)
		return status;
	if (!count || count > LANE_TRACES_MAX)
		return diag_at(diag, "max_traces", "must be from 1 to %d", LANE_TRACES_MAX);
	status = duration_load(&keep_ms, LANE_KEEP_DEFAULT_MS, message->keep, "keep", diag);
	if (status)
		return status;
	config->keep_ms = keep_ms;
	config->recalls = context->is_outbound;
	config->traces = shared_take_for(context->arena, &traces_type, slice_of(message->name),
					 count, shared_notes_size(count), &count);
	return STATUS_OK;
}

static enum status load_tags(struct lane_config *config, const Message *message,
			     struct arena *arena, struct diag *diag)
{
	static const struct request_value usual[] = {
		{.source = REQUEST_VALUE_HEADER,
		 .name = SLICE("x-asm-prefer-tag"),
		 .header = SLICE("x-asm-prefer-tag")},
		{.source = REQUEST_VALUE_ATTACHMENT,
		 .name = SLICE("dubbo.tag"),
		 .header = SLICE("dubbo.tag")},
	};

	config->tags = (struct request_values){usual, COUNT_OF(usual)};
	if (!message->n_tags)
		return STATUS_OK;
	return request_values_load(&config->tags, "tags", message->tags, message->n_tags, arena,
				   diag);
}

static bool is_carried(const struct request_value *value)
{
	return value->header.len && value->header.data[0] != ':';
}

/* The first source of that kind, else the first that requests can carry on. */
static struct slice name_to_propagate(const struct request_values *tags,
				      enum request_value_source preferred)
{
	struct slice name = {0};

	for (uint32_t i = 0; i < tags->count; i++) {
		const struct request_value *value = &tags->items[i];
		if (is_carried(value) && value->source == preferred)
			return value->header;
		if (is_carried(value) && !name.len)
			name = value->header;
	}
	return name;
}

static enum status load_propagation(struct lane_config *config, const Message *message,
				    struct arena *arena, struct diag *diag)
{
	if (!message->propagate[0]) {
		config->propagate_http = name_to_propagate(&config->tags, REQUEST_VALUE_HEADER);
		config->propagate_rpc = name_to_propagate(&config->tags, REQUEST_VALUE_ATTACHMENT);
		return STATUS_OK;
	}
	enum status status = header_name_load(&config->propagate_http, message->propagate,
					      "propagate", arena, diag);
	config->propagate_rpc = config->propagate_http;
	return status;
}

static void load_baseline(struct lane_config *config, const Message *message, struct arena *arena)
{
	struct label *label = ARENA_NEW(arena, struct label);

	config->label =
		arena_slice(arena, message->label[0] ? slice_of(message->label) : SLICE("lane"));
	config->baseline = arena_slice(arena, slice_of(message->baseline));
	*label = (struct label){.key = config->label,
				.kind = config->baseline.len ? LABEL_STRING : LABEL_NULL,
				.text = config->baseline};
	config->baseline_wish = (struct policy_wish){label, 1};
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct arena *arena = context->arena;
	struct lane_config *config = ARENA_NEW(arena, struct lane_config);
	enum status status;

	(void)is_per_route;
	*loaded = config;
	if ((status = load_tags(config, message, arena, diag)) ||
	    (status = load_propagation(config, message, arena, diag)))
		return status;
	config->default_tag = arena_slice(arena, slice_of(message->default_tag));
	if (config->default_tag.len > LANE_TAG_MAX ||
	    !grammar_all(config->default_tag, GRAMMAR_TARGET))
		return diag_at(diag, "default_tag", "must be at most %d visible characters",
			       LANE_TAG_MAX);
	load_baseline(config, message, arena);
	config->is_strict = message->strict;
	config->stats = config_scope(
		context, &lane_stats,
		slice_of(arena_printf(arena, "%.*slane", SLICE_FMT(context->stat_prefix))));
	if (!message->correlate)
		return STATUS_OK;
	status = load_correlation(config, message->correlate, context, diag);
	if (status)
		diag_prefix(diag, "correlate");
	return status;
}

const struct filter_type lane_filter = {
	.name = "outrigger.filters.lane",
	.message = &outrigger__filters__lane__v1__lane__descriptor,
	.state_size = sizeof(struct lane_state),
	.policy = &lane_policy,
	.config_load = config_load,
	.request_headers = lane_request_headers,
};
