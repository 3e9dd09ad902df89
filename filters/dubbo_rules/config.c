#include <stdlib.h>
#include <sys/random.h>

#include <envoy/config/core/v3/base.pb-c.h>
#include <outrigger/filters/dubbo_rules/v1/dubbo_rules.pb-c.h>

#include "filters/dubbo_rules/dubbo_rules.h"
#include "message/data_source_config.h"
#include "xds/proto/any_message.h"

typedef Outrigger__Filters__DubboRules__V1__DubboRules Message;
typedef Outrigger__Filters__DubboRules__V1__DubboRules__Consumer Consumer;

#define SOURCE(kind) ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_##kind

enum { SOURCE_BYTES = 16 << 20 };

STAT_TYPE(dubbo_rules_stats, "dubbo_rules", DUBBO_RULES_STAT, DUBBO_RULES_STATS);

/* All rules in one list, and where each stands. */
struct rule_list {
	const ProtobufCMessage **messages;
	char **paths;
	size_t count, capacity;
	struct arena *arena;
};

static void add_rule(struct rule_list *list, const ProtobufCMessage *message, char *path)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		const ProtobufCMessage **messages =
			ARENA_NEW_ARRAY(list->arena, const ProtobufCMessage *, capacity);
		char **paths = ARENA_NEW_ARRAY(list->arena, char *, capacity);
		for (size_t i = 0; i < list->count; i++) {
			messages[i] = list->messages[i];
			paths[i] = list->paths[i];
		}
		list->messages = messages;
		list->paths = paths;
		list->capacity = capacity;
	}
	list->messages[list->count] = message;
	list->paths[list->count++] = path;
}

/* A fault's place in the text can't be the place in the file around: it goes into the reason. */
static enum status say_place(struct diag *diag, enum status status)
{
	struct diag said = *diag;

	if (!said.line && !said.file[0])
		return status;
	*diag = (struct diag){0};
	(void)diag_set(diag, "%.200s:%u:%u: %.120s%s%.160s", said.file[0] ? said.file : "line",
		       said.line, said.column, said.path, said.path[0] ? ": " : "", said.text);
	return status;
}

static enum status read_source(struct rule_list *list, size_t number,
			       const Envoy__Config__Core__V3__DataSource *source,
			       const struct config_context *context, struct diag *diag)
{
	const ProtobufCMessage *const *messages;
	struct slice text;
	const char *file = source->specifier_case == SOURCE(FILENAME) ? source->filename : NULL;
	size_t count;
	enum status status = data_source_load(&text, source, SOURCE_BYTES, context->arena, diag);

	if (status)
		return status;
	if (!context->read_dubbo_rules)
		return diag_set(diag, "Dubbo's YAML can't be read here");
	status = context->read_dubbo_rules(context, text, file, &messages, &count, diag);
	if (status)
		return say_place(diag, status);
	for (size_t i = 0; i < count; i++)
		add_rule(list, messages[i],
			 arena_printf(list->arena, "sources[%zu], document %zu", number, i + 1));
	return STATUS_OK;
}

static enum status read_rules(struct rule_list *list, const Message *message,
			      const struct config_context *context, struct diag *diag)
{
	for (size_t i = 0; i < message->n_rules; i++) {
		const ProtobufCMessage *rule = any_message(message->rules[i]);
		if (!rule) {
			(void)diag_set(diag, "the type '%s' is not known",
				       message->rules[i]->type_url);
			diag_prefix(diag, "rules[%zu]", i);
			return STATUS_INVALID;
		}
		add_rule(list, rule, arena_printf(list->arena, "rules[%zu]", i));
	}
	for (size_t i = 0; i < message->n_sources; i++) {
		enum status status = read_source(list, i, message->sources[i], context, diag);
		if (status) {
			diag_prefix(diag, "sources[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

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

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct dubbo_rules_config *config = ARENA_NEW(context->arena, struct dubbo_rules_config);
	struct rule_list list = {.arena = context->arena};
	enum status status = read_rules(&list, message, context, diag);
	size_t at;

	*loaded = config;
	if (status)
		return status;
	status = dubbo_rules_load(&config->rules, list.messages, list.count, context->arena, &at,
				  diag);
	if (status) {
		if (list.count)
			diag_prefix(diag, "%s", list.paths[at]);
		return status;
	}
	config->is_empty = is_per_route && !list.count;
	config->rule.type = &dubbo_rules_host_rule;
	invariant(getrandom(&config->rule.id, sizeof config->rule.id, 0) == sizeof config->rule.id);
	load_consumer(config, message->consumer, context);
	config->provider_application =
		arena_slice(context->arena, slice_of(message->provider_application));
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
};
