#include <envoy/config/core/v3/config_source.pb-c.h>
#include <outrigger/filters/dubbo_rules/v1/dubbo_rules.pb-c.h>

#include "base/hash.h"
#include "filters/dubbo_rules/dubbo_rules.h"

typedef Outrigger__Filters__DubboRules__V1__DubboRules Message;
typedef Outrigger__Filters__DubboRules__V1__DubboRules__Consumer Consumer;
typedef Outrigger__Filters__DubboRules__V1__DubboRules__Discovery Discovery;

STAT_TYPE(dubbo_rules_stats, "dubbo_rules", DUBBO_RULES_STAT, DUBBO_RULES_STATS);

/* What isn't said is what the process knows of itself. */
static void load_consumer(struct dubbo_rules_config *config, const Consumer *message,
			  const struct config_context *context)
{
	struct arena *arena = context->arena;
	struct dubbo_consumer *consumer = &config->consumer;
	char text[ADDR_TEXT_MAX];

	config->has_application = message && message->application[0];
	consumer->application =
		arena_slice(arena, config->has_application ? slice_of(message->application)
							   : context->service_cluster);
	if (message && message->host[0])
		consumer->host = arena_slice(arena, slice_of(message->host));
	else if (context->host_address.family)
		consumer->host = arena_slice(
			arena, slice_make(text, addr_format_ip(&context->host_address, text)));
	if (!message)
		return;
	struct dubbo_parameter *parameters =
		ARENA_NEW_ARRAY(arena, struct dubbo_parameter, message->n_parameters);
	for (size_t i = 0; i < message->n_parameters; i++)
		parameters[i] = (struct dubbo_parameter){
			arena_slice(arena, slice_of(message->parameters[i]->key)),
			arena_slice(arena, slice_of(message->parameters[i]->value))};
	consumer->parameters = parameters;
	consumer->parameter_count = (uint32_t)message->n_parameters;
}

static enum status subscribe(struct dubbo_rules_config *config, const Message *message,
			     const struct config_context *context, struct diag *diag)
{
	const Discovery *discovery = message->discovery;
	struct slice name = slice_of(discovery->rules_name);
	enum status status;

	if (message->n_rules || message->n_sources)
		return diag_set(diag, "can't be given together with rules or sources");
	if (!name.len)
		return diag_at(diag, "rules_name", "is required");
	if (!discovery->config_source)
		return diag_at(diag, "config_source", "is required");
	if (!context->subscribe_rules)
		return diag_set(diag, "rules can't be subscribed to here");
	config->slot = context->slot(context, PUBLISHED_RULES, name);
	status = context->subscribe_rules(context, discovery->config_source, name, diag);
	return status;
}

static enum status load_rules(struct dubbo_rules_config *config, const Message *message,
			      bool is_per_route, const struct config_context *context,
			      struct diag *diag)
{
	struct dubbo_rule_set *set = ARENA_NEW(context->arena, struct dubbo_rule_set);
	enum status status;

	if (message->discovery) {
		status = subscribe(config, message, context, diag);
		if (status)
			diag_prefix(diag, "discovery");
		return status;
	}
	config->set = set;
	status = dubbo_rule_set_load(set, message->rules, message->n_rules, message->sources,
				     message->n_sources, context, diag);
	config->is_empty = is_per_route && !set->count;
	return status;
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct dubbo_rules_config *config = ARENA_NEW(context->arena, struct dubbo_rules_config);
	enum status status = load_rules(config, message, is_per_route, context, diag);

	*loaded = config;
	if (status)
		return status;
	load_consumer(config, message->consumer, context);
	config->provider_application =
		arena_slice(context->arena, slice_of(message->provider_application));
	config->application_hash = hash_bytes(config->provider_application);
	config->stats = config_scope(context, &dubbo_rules_stats,
				     slice_of(arena_printf(context->arena, "%.*sdubbo_rules",
							   SLICE_FMT(context->stat_prefix))));
	return STATUS_OK;
}

const struct filter_type dubbo_rules_filter = {
	.name = "outrigger.filters.dubbo_rules",
	.message = &outrigger__filters__dubbo_rules__v1__dubbo_rules__descriptor,
	.state_size = sizeof(struct dubbo_rules_state),
	.policy = &dubbo_rules_policy,
	.config_load = config_load,
	.request_headers = dubbo_rules_request_headers,
	.close = dubbo_rules_close,
};
