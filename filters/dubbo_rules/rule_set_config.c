#include <stdlib.h>
#include <sys/random.h>

#include <envoy/config/core/v3/base.pb-c.h>
#include <outrigger/config/route/v1/dubbo_rules.pb-c.h>

#include "filters/dubbo_rules/rule_set.h"
#include "message/data_source_config.h"
#include "xds/proto/any_message.h"

#define SOURCE(kind) ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_##kind

enum { SOURCE_BYTES = 16 << 20 };

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

static enum status read_rule(struct rule_list *list, size_t number,
			     const Google__Protobuf__Any *any, struct diag *diag)
{
	const ProtobufCMessage *rule = any_message(any);
	char *path = arena_printf(list->arena, "rules[%zu]", number);

	if (!rule)
		return diag_at(diag, path, "the type '%s' is not known", any->type_url);
	add_rule(list, rule, path);
	return STATUS_OK;
}

enum status dubbo_rule_set_load(struct dubbo_rule_set *set, Google__Protobuf__Any *const *rules,
				size_t rule_count,
				Envoy__Config__Core__V3__DataSource *const *sources,
				size_t source_count, const struct config_context *context,
				struct diag *diag)
{
	struct rule_list list = {.arena = context->arena};
	enum status status = STATUS_OK;
	size_t at;

	for (size_t i = 0; !status && i < rule_count; i++)
		status = read_rule(&list, i, rules[i], diag);
	for (size_t i = 0; !status && i < source_count; i++) {
		status = read_source(&list, i, sources[i], context, diag);
		if (status)
			diag_prefix(diag, "sources[%zu]", i);
	}
	if (status)
		return status;
	set->count = (uint32_t)list.count;
	invariant(getrandom(&set->id, sizeof set->id, 0) == sizeof set->id);
	status =
		dubbo_rules_load(&set->rules, list.messages, list.count, context->arena, &at, diag);
	if (status && list.count)
		diag_prefix(diag, "%s", list.paths[at]);
	return status;
}

/* --- published --- */

struct published_rules {
	struct published published;
	struct dubbo_rule_set set;
};

static void rules_free(struct published *object)
{
	struct published_rules *rules = container_of(object, struct published_rules, published);

	arena_free(&object->arena);
	free(rules);
}

enum status dubbo_rule_set_build(const Outrigger__Config__Route__V1__DubboRules *message,
				 struct slice name, const struct config_context *outer,
				 struct published **built, struct diag *diag)
{
	struct published_rules *rules = calloc(1, sizeof *rules);
	struct published *published = &rules->published;
	struct config_context context = *outer;

	invariant(rules);
	arena_init(&published->arena, 4096);
	context.arena = &published->arena;
	published->kind = PUBLISHED_RULES;
	published->references = 1;
	published->free = rules_free;
	published->name = arena_slice(context.arena, name);
	published->slot = outer->slot(outer, PUBLISHED_RULES, name);
	enum status status =
		dubbo_rule_set_load(&rules->set, message->rules, message->n_rules, message->sources,
				    message->n_sources, &context, diag);
	if (status)
		rules_free(published);
	else
		*built = published;
	return status;
}

const struct dubbo_rule_set *dubbo_rule_set_of(const struct published *object)
{
	return &container_of(object, struct published_rules, published)->set;
}
