#include <stdlib.h>

#include <envoy/config/core/v3/base.pb-c.h>
#include <envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "base/hash.h"
#include "base/shared.h"
#include "base/token_bucket_table.h"
#include "filters/local_ratelimit/local_ratelimit.h"
#include "telemetry/stats_filters.h"

typedef Envoy__Extensions__Filters__Http__LocalRatelimit__V3__LocalRateLimit Message;
typedef Envoy__Extensions__Common__Ratelimit__V3__LocalRateLimitDescriptor Descriptor;
typedef Envoy__Config__Core__V3__HeaderValueOption HeaderValueOption;
typedef Envoy__Config__Core__V3__RuntimeFractionalPercent RuntimeFraction;

enum { MIN_STATUS = 400 };

/* --- the buckets by value --- */

struct table_limits {
	struct bucket_limits limits;
	uint32_t count;
};

static void table_init(void *state, const void *config)
{
	const struct table_limits *table = config;
	token_bucket_table_init(state, table->count, table->limits.max_tokens,
				table->limits.tokens_per_fill, table->limits.fill_interval_ns);
}

static const struct shared_type table_type = {
	.name = "local_ratelimit_by_value",
	.init = table_init,
};

/* --- loading --- */

/* One name for each bucket of a configuration. */
static struct slice name_of(const struct config_context *context, const Message *message,
			    struct slice descriptor, const struct bucket_limits *limits)
{
	struct slice name = slice_of(arena_printf(context->arena, "%.*s%s %.*s",
						  SLICE_FMT(context->stat_prefix),
						  message->stat_prefix, SLICE_FMT(descriptor)));
	return config_state_name(context, name, bucket_limits_hash(limits));
}

static enum status load_entries(struct local_ratelimit_descriptor *descriptor,
				const Descriptor *message, const struct config_context *context,
				struct slice *text, struct diag *diag)
{
	struct rate_limit_entry *entries =
		ARENA_NEW_ARRAY(context->arena, struct rate_limit_entry, message->n_entries);

	if (message->n_entries > RATE_LIMIT_ACTIONS_MAX)
		return diag_at(diag, "entries", "at most %d", RATE_LIMIT_ACTIONS_MAX);
	for (size_t i = 0; i < message->n_entries; i++) {
		entries[i].key = arena_slice(context->arena, slice_of(message->entries[i]->key));
		entries[i].value =
			arena_slice(context->arena, slice_of(message->entries[i]->value));
		descriptor->has_any_value |= !entries[i].value.len;
		*text = slice_of(arena_printf(context->arena, "%.*s%.*s=%.*s;", SLICE_FMT(*text),
					      SLICE_FMT(entries[i].key),
					      SLICE_FMT(entries[i].value)));
	}
	descriptor->entries = entries;
	descriptor->entry_count = (uint32_t)message->n_entries;
	return STATUS_OK;
}

static enum status load_descriptor(struct local_ratelimit_descriptor *descriptor,
				   const Message *outer, const Descriptor *message,
				   const struct config_context *context, struct diag *diag)
{
	struct slice text = {0};
	enum status status = load_entries(descriptor, message, context, &text, diag);

	if (status)
		return status;
	if (!message->token_bucket)
		return diag_at(diag, "token_bucket", "is required");
	if ((status = bucket_limits_load(&descriptor->limits, message->token_bucket, diag))) {
		diag_prefix(diag, "token_bucket");
		return status;
	}
	descriptor->is_shadow = message->shadow_mode;
	struct slice name = name_of(context, outer, text, &descriptor->limits);
	uint64_t hash = bucket_limits_hash(&descriptor->limits);
	if (!descriptor->has_any_value) {
		descriptor->bucket = bucket_take(context, name, &descriptor->limits);
		return STATUS_OK;
	}
	struct table_limits table = {descriptor->limits, LOCAL_RATELIMIT_DYNAMIC_DEFAULT};
	if (outer->max_dynamic_descriptors)
		table.count = outer->max_dynamic_descriptors->value;
	if (!table.count)
		table.count = LOCAL_RATELIMIT_DYNAMIC_MAX;
	descriptor->by_key =
		shared_take_for(context->arena, &table_type, name, hash_combine(hash, table.count),
				token_bucket_table_size(table.count), &table);
	return STATUS_OK;
}

/* The slowest to fill first: the narrowest limit is asked before the others are charged. */
static int compare_rates(const void *a, const void *b)
{
	const struct bucket_limits *x = &((const struct local_ratelimit_descriptor *)a)->limits;
	const struct bucket_limits *y = &((const struct local_ratelimit_descriptor *)b)->limits;
	double rate_x = (double)x->tokens_per_fill / (double)x->fill_interval_ns;
	double rate_y = (double)y->tokens_per_fill / (double)y->fill_interval_ns;
	return (rate_x > rate_y) - (rate_x < rate_y);
}

static enum status load_descriptors(struct local_ratelimit_config *config, const Message *message,
				    const struct config_context *context, struct diag *diag)
{
	struct local_ratelimit_descriptor *descriptors = ARENA_NEW_ARRAY(
		context->arena, struct local_ratelimit_descriptor, message->n_descriptors);

	for (size_t i = 0; i < message->n_descriptors; i++) {
		enum status status = load_descriptor(&descriptors[i], message,
						     message->descriptors[i], context, diag);
		if (status) {
			diag_prefix(diag, "descriptors[%zu]", i);
			return status;
		}
	}
	if (message->n_descriptors > 1)
		qsort(descriptors, message->n_descriptors, sizeof *descriptors, compare_rates);
	config->descriptors = descriptors;
	config->descriptor_count = (uint32_t)message->n_descriptors;
	return STATUS_OK;
}

static enum status load_headers(struct header_mutations *mutations,
				HeaderValueOption *const *messages, size_t count, const char *field,
				struct arena *arena, struct diag *diag)
{
	struct header_add *adds = ARENA_NEW_ARRAY(arena, struct header_add, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = header_add_load(&adds[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	*mutations = (struct header_mutations){.adds = adds, .add_count = (uint32_t)count};
	return STATUS_OK;
}

static struct fraction fraction_or_none(const RuntimeFraction *message,
					const struct config_context *context)
{
	return message ? fraction_load_runtime(message, context->runtime)
		       : (struct fraction){0, 100};
}

static void load_reply(struct local_ratelimit_config *config, const Message *message)
{
	unsigned status = message->status ? (unsigned)message->status->code : 429;

	config->status = (uint16_t)(status >= MIN_STATUS && status < 600 ? status : 429);
	config->grpc_status = message->rate_limited_as_resource_exhausted ? 8 : -1;
}

static enum status load_default_bucket(struct local_ratelimit_config *config,
				       const Message *message, const struct config_context *context,
				       struct diag *diag)
{
	if (!message->token_bucket)
		return STATUS_OK;
	enum status status = bucket_limits_load(&config->limits, message->token_bucket, diag);
	if (status) {
		diag_prefix(diag, "token_bucket");
		return status;
	}
	config->bucket =
		bucket_take(context, name_of(context, message, (struct slice){0}, &config->limits),
			    &config->limits);
	return STATUS_OK;
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct arena *arena = context->arena;
	struct local_ratelimit_config *config = ARENA_NEW(arena, struct local_ratelimit_config);
	enum status status;

	(void)is_per_route;
	if (message->max_dynamic_descriptors &&
	    message->max_dynamic_descriptors->value > LOCAL_RATELIMIT_DYNAMIC_MAX)
		return diag_at(diag, "max_dynamic_descriptors", "must be at most %d",
			       LOCAL_RATELIMIT_DYNAMIC_MAX);
	config->enabled = fraction_or_none(message->filter_enabled, context);
	config->enforced = fraction_or_none(message->filter_enforced, context);
	config->tells_limits =
		message->enable_x_ratelimit_headers ==
		ENVOY__EXTENSIONS__COMMON__RATELIMIT__V3__XRATE_LIMIT_HEADERS_RFCVERSION__DRAFT_VERSION_03;
	config->always_takes_default = !message->always_consume_default_token_bucket ||
				       message->always_consume_default_token_bucket->value;
	config->host_rate_limits = (uint8_t)message->vh_rate_limits; /* the same order */
	config->stage = message->stage;
	config->source_cluster = arena_slice(arena, context->service_cluster);
	load_reply(config, message);
	config->stats = config_scope(
		context, &local_ratelimit_stats,
		slice_of(arena_printf(arena, "%s.http_local_rate_limit", message->stat_prefix)));
	if ((status = load_headers(&config->reply_headers, message->response_headers_to_add,
				   message->n_response_headers_to_add, "response_headers_to_add",
				   arena, diag)) ||
	    (status = load_headers(&config->over_headers,
				   message->request_headers_to_add_when_not_enforced,
				   message->n_request_headers_to_add_when_not_enforced,
				   "request_headers_to_add_when_not_enforced", arena, diag)) ||
	    (status = load_default_bucket(config, message, context, diag)) ||
	    (status = load_descriptors(config, message, context, diag)) ||
	    (status = rate_limits_load(&config->rate_limits, message->rate_limits,
				       message->n_rate_limits, arena, diag)))
		return status;
	*loaded = config;
	return STATUS_OK;
}

const struct filter_type local_ratelimit_filter = {
	.name = "envoy.filters.http.local_ratelimit",
	.message =
		&envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor,
	.state_size = sizeof(struct local_ratelimit),
	.config_load = config_load,
	.request_headers = local_ratelimit_request_headers,
	.response_headers = local_ratelimit_response_headers,
};
