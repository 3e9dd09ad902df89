#include "routing/rpc_match_load.h"

#include <stdio.h>
#include <stdlib.h>

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"
#include "envoy/type/matcher/v3/string.pb-c.h"
#include "envoy/type/v3/range.pb-c.h"
#include "outrigger/config/route/v1/rpc_route.pb-c.h"
#include "routing/header_match.h"

typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch method_message;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch__ParamsMatchEntry
	argument_message;
typedef Outrigger__Config__Route__V1__RpcMatch match_message;
typedef Outrigger__Config__Route__V1__ValueMatch value_message;

#define ARGUMENT(kind)                                                                             \
	ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__METHOD_MATCH__PARAMETER_MATCH_SPECIFIER__PARAMETER_MATCH_SPECIFIER_##kind

/* What a match has until rpc_match_share_needs. */
static const struct call_needs not_shared = {.path_count = 0};

void rpc_pool_init(struct rpc_pool *pool, size_t rules, struct arena *arena, struct arena *scratch)
{
	text_pool_init(&pool->texts, rules, arena, scratch);
	text_pool_init(&pool->kept, rules, arena, scratch);
	pool->scratch = scratch;
	call_needs_pool_init(&pool->needs, rules, arena, scratch);
	pool->paths = ARENA_NEW_ARRAY(scratch, const struct argument_path *, rules);
}

/* --- what a match needs of the body */

static bool is_head(const struct rpc_condition *condition)
{
	return condition->source < RPC_SOURCE_GROUP;
}

/* Pseudo-headers and what is made of the call's head stand there without a look at its body. */
static bool is_head_field(const struct header_match *match)
{
	return match->id == HEADER_PATH || match->id == HEADER_METHOD ||
	       match->id == HEADER_AUTHORITY || match->id == HEADER_SCHEME ||
	       match->id == HEADER_TRI_SERVICE_VERSION;
}

static bool add_needs(struct call_needs_builder *b, struct rpc_match *match)
{
	if (match->headers)
		for (uint32_t i = 0; i < match->headers->count; i++)
			b->needs.headers |= !is_head_field(&match->headers->items[i]);
	for (uint32_t i = 0; i < match->condition_count; i++) {
		struct rpc_condition *condition = &match->conditions[i];
		if (condition->source == RPC_SOURCE_ARGUMENT) {
			if (!call_needs_add(b, condition->path, &condition->slot))
				return false;
		} else if (condition->source == RPC_SOURCE_ATTACHMENT) {
			call_needs_add_attachment(b,
						  slice_make(condition->name, condition->name_len));
		} else if (!is_head(condition)) {
			b->needs.attachments = true;
			b->needs.names = true;
		}
	}
	b->needs.attachments |= b->needs.headers;
	b->needs.names |= b->needs.headers;
	return true;
}

enum status rpc_match_share_needs(const struct rpc_match **matches, size_t count,
				  struct rpc_pool *pool, struct diag *diag)
{
	struct call_needs_builder b;

	memset(&b.needs, 0, sizeof b.needs);
	for (size_t i = 0; i < count; i++)
		if (matches[i] && !add_needs(&b, (struct rpc_match *)(uintptr_t)matches[i]))
			return diag_set(diag, "more than %d different arguments are asked for",
					RPC_PATHS_MAX);
	const struct call_needs *needs = call_needs_take(&pool->needs, &b);
	for (size_t i = 0; i < count; i++)
		if (matches[i] && matches[i]->needs)
			((struct rpc_match *)(uintptr_t)matches[i])->needs = needs;
	return STATUS_OK;
}

const struct rpc_match *rpc_match_keep(const struct rpc_match *match, struct rpc_pool *pool)
{
	size_t size = sizeof *match + match->condition_count * sizeof match->conditions[0];
	struct slice bytes = slice_make((const char *)match, size);

	return (const void *)text_pool_take(&pool->kept, bytes, NULL).data;
}

/* A match while it is loaded: ordered and cut to size at the end. */
struct load {
	struct rpc_pool *pool;
	struct arena *arena;
	struct diag *diag;
	const struct route_hooks *hooks;
	const struct header_matches *headers;
	const struct fraction *fraction;
	uint32_t count;
	struct rpc_condition conditions[RPC_CONDITIONS_MAX];
};

static void load_init(struct load *load, const struct rpc_match_build *build)
{
	load->pool = build->pool;
	load->arena = build->pool->texts.arena;
	load->diag = build->diag;
	load->hooks = build->hooks;
	load->headers = NULL;
	load->fraction = NULL;
	load->count = 0;
	if (build->version.len)
		load->conditions[load->count++] = (struct rpc_condition){
			.source = RPC_SOURCE_VERSION,
			.value = {.kind = VALUE_MATCH_EXACT, .text = build->version}};
	if (build->group.len)
		load->conditions[load->count++] = (struct rpc_condition){
			.source = RPC_SOURCE_GROUP,
			.value = {.kind = VALUE_MATCH_EXACT, .text = build->group}};
}

/* --- loading */

static int by_source(const void *a, const void *b)
{
	const struct rpc_condition *x = a, *y = b;
	return x->source - y->source;
}

static enum status add_condition(struct load *load, enum rpc_source source,
				 struct rpc_condition **condition)
{
	if (load->count == RPC_CONDITIONS_MAX)
		return diag_set(load->diag, "more than %d conditions", RPC_CONDITIONS_MAX);
	*condition = &load->conditions[load->count++];
	memset(*condition, 0, sizeof **condition); /* equal ones are equal bytes */
	(*condition)->source = (uint8_t)source;
	return STATUS_OK;
}

static enum status load_finish(struct load *load, const struct rpc_match **out)
{
	struct call_needs_builder b;
	size_t size = load->count * sizeof load->conditions[0];

	memset(&b.needs, 0, sizeof b.needs);
	*out = NULL;
	if (!load->count && !load->headers && !load->fraction)
		return STATUS_OK;
	/* Stable: equal sources are few, and their order says nothing. */
	qsort(load->conditions, load->count, sizeof load->conditions[0], by_source);
	struct rpc_match *match = arena_zalloc(load->pool->scratch, sizeof *match + size);
	match->headers = load->headers;
	match->fraction = load->fraction;
	match->condition_count = load->count;
	if (size)
		memcpy(match->conditions, load->conditions, size);
	if (!add_needs(&b, match))
		return diag_set(load->diag, "more than %d different arguments are asked for",
				RPC_PATHS_MAX);
	if (b.needs.attachments || b.needs.path_count)
		match->needs = &not_shared;
	*out = match;
	return STATUS_OK;
}

static enum status load_headers(struct load *load,
				Envoy__Config__Route__V3__HeaderMatcher *const *messages,
				size_t count)
{
	if (!count)
		return STATUS_OK;
	struct header_matches *headers = ARENA_NEW(load->arena, struct header_matches);
	load->headers = headers;
	return header_matches_load(headers, "headers", messages, count, load->arena, load->diag);
}

static bool can_read_arguments(const struct load *load)
{
	return load->hooks && load->hooks->can_read_arguments;
}

/* The path of that text, compiled once. */
static enum status take_path(struct load *load, struct slice text, const struct argument_path **out)
{
	struct rpc_pool *pool = load->pool;
	uint32_t place;
	struct slice kept = text_pool_take(&pool->texts, text, &place);

	if (place != NAME_MAP_NONE && pool->paths[place]) {
		*out = pool->paths[place];
		return STATUS_OK;
	}
	struct argument_path *path = ARENA_NEW(load->arena, struct argument_path);
	enum status status = argument_path_parse(path, kept, load->arena, load->diag);
	*out = path;
	if (!status && place != NAME_MAP_NONE)
		pool->paths[place] = path;
	return status;
}

/* --- Envoy's messages */

static enum status load_envoy_argument(struct load *load, const argument_message *message)
{
	struct rpc_condition *condition;
	const struct argument_path *path;
	char digits[16];
	enum status status = add_condition(load, RPC_SOURCE_ARGUMENT, &condition);

	snprintf(digits, sizeof digits, "%u", message->key);
	if (!status)
		status = take_path(load, slice_of(digits), &path);
	if (status)
		return status;
	condition->path = path;
	switch (message->value ? (int)message->value->parameter_match_specifier_case : 0) {
	case ARGUMENT(EXACT_MATCH):
		condition->value = value_match_exact(slice_of(message->value->exact_match),
						     &load->pool->texts);
		return STATUS_OK;
	case ARGUMENT(RANGE_MATCH):
		condition->value.kind = VALUE_MATCH_RANGE;
		condition->value.range.from = message->value->range_match->start;
		condition->value.range.to = message->value->range_match->end;
		return STATUS_OK;
	}
	return diag_set(load->diag, "exact_match or range_match is required");
}

/* An exact method is no condition where the index finds it by its name. */
static enum status load_envoy_method(struct load *load, struct slice *method_name,
				     const Envoy__Type__Matcher__V3__StringMatcher *message)
{
	struct string_matcher *matcher = ARENA_NEW(load->arena, struct string_matcher);
	struct rpc_condition *condition;
	enum status status = string_matcher_load(matcher, message, load->arena, load->diag);

	if (status)
		return status;
	if (matcher->kind == STRING_MATCHER_EXACT && !matcher->ignore_case) {
		*method_name = text_pool_take(&load->pool->texts, matcher->text, NULL);
		return STATUS_OK;
	}
	status = add_condition(load, RPC_SOURCE_METHOD, &condition);
	condition->value.kind = VALUE_MATCH_STRING;
	condition->value.string = matcher;
	return status;
}

enum status rpc_match_load_method(const struct rpc_match **out, struct slice *method_name,
				  const method_message *method,
				  Envoy__Config__Route__V3__HeaderMatcher *const *headers,
				  size_t header_count, const struct rpc_match_build *build)
{
	struct diag *diag = build->diag;
	struct load load;

	load_init(&load, build);
	*method_name = (struct slice){NULL, 0};
	if (!method)
		return diag_at(diag, "method", "is required");
	if (!method->name)
		return diag_at(diag, "method.name", "is required");
	enum status status = load_envoy_method(&load, method_name, method->name);
	if (status) {
		diag_prefix(diag, "method.name");
		return status;
	}
	if (method->n_params_match && !can_read_arguments(&load)) {
		diag_at(diag, "method.params_match", "matching on arguments is not supported here");
		return STATUS_UNSUPPORTED;
	}
	for (size_t i = 0; i < method->n_params_match; i++) {
		status = load_envoy_argument(&load, method->params_match[i]);
		if (status) {
			diag_prefix(diag, "method.params_match[%u]", method->params_match[i]->key);
			return status;
		}
	}
	status = load_headers(&load, headers, header_count);
	return status ? status : load_finish(&load, out);
}

/* --- our own message */

static enum status load_value(struct load *load, enum rpc_source source,
			      const value_message *message)
{
	struct rpc_condition *condition;
	enum status status;

	if (!message)
		return STATUS_OK;
	status = add_condition(load, source, &condition);
	return status ? status
		      : value_match_load(&condition->value, message, &load->pool->texts,
					 load->diag);
}

static enum status load_method(struct load *load, struct slice *method_name,
			       const value_message *message)
{
	uint32_t before = load->count;
	enum status status = load_value(load, RPC_SOURCE_METHOD, message);

	if (status || !method_name || load->count == before)
		return status;
	const struct value_match *value = &load->conditions[before].value;
	if (value->kind == VALUE_MATCH_EXACT && !value->invert) {
		*method_name = value->text;
		load->count = before;
	}
	return STATUS_OK;
}

static enum status load_argument(struct load *load,
				 const Outrigger__Config__Route__V1__ArgumentMatch *message)
{
	const struct argument_path *path;
	struct rpc_condition *condition;
	enum status status = take_path(load, slice_of(message->path), &path);

	if (status) {
		diag_prefix(load->diag, "path");
		return status;
	}
	if (!message->value)
		return diag_at(load->diag, "value", "is required");
	if ((status = add_condition(load, RPC_SOURCE_ARGUMENT, &condition)))
		return status;
	condition->path = path;
	status =
		value_match_load(&condition->value, message->value, &load->pool->texts, load->diag);
	if (status)
		diag_prefix(load->diag, "value");
	return status;
}

static enum status load_attachment(struct load *load,
				   const Outrigger__Config__Route__V1__AttachmentMatch *message)
{
	struct rpc_condition *condition;
	enum status status;

	if (!message->name[0])
		return diag_at(load->diag, "name", "must not be empty");
	if (!message->value)
		return diag_at(load->diag, "value", "is required");
	if ((status = add_condition(load, RPC_SOURCE_ATTACHMENT, &condition)))
		return status;
	struct slice name = text_pool_take(&load->pool->texts, slice_of(message->name), NULL);
	condition->name = name.data;
	condition->name_len = (uint32_t)name.len;
	status =
		value_match_load(&condition->value, message->value, &load->pool->texts, load->diag);
	if (!status && condition->value.kind == VALUE_MATCH_NULL)
		status = diag_at(load->diag, "null_value",
				 "an attachment has a text or is only present");
	if (status)
		diag_prefix(load->diag, "value");
	return status;
}

static enum status load_lists(struct load *load, const match_message *message)
{
	enum status status;

	if (message->n_arguments && !can_read_arguments(load)) {
		diag_at(load->diag, "arguments", "matching on arguments is not supported here");
		return STATUS_UNSUPPORTED;
	}
	for (size_t i = 0; i < message->n_arguments; i++)
		if ((status = load_argument(load, message->arguments[i]))) {
			diag_prefix(load->diag, "arguments[%zu]", i);
			return status;
		}
	for (size_t i = 0; i < message->n_attachments; i++)
		if ((status = load_attachment(load, message->attachments[i]))) {
			diag_prefix(load->diag, "attachments[%zu]", i);
			return status;
		}
	return load_headers(load, message->headers, message->n_headers);
}

enum status rpc_match_load(const struct rpc_match **out, struct slice *method_name,
			   const match_message *message, const struct rpc_match_build *build)
{
	struct diag *diag = build->diag;
	struct load load;
	enum status status;

	if (method_name)
		*method_name = (struct slice){NULL, 0};
	load_init(&load, build);
	if (!message)
		return load_finish(&load, out);
	const struct {
		const char *field;
		enum rpc_source source;
		const value_message *message;
	} values[] = {
		{"interface", RPC_SOURCE_INTERFACE, message->interface},
		{"version", RPC_SOURCE_VERSION, message->version},
		{"group", RPC_SOURCE_GROUP, message->group},
		{"application", RPC_SOURCE_APPLICATION, message->application},
	};
	for (size_t i = 0; i < COUNT_OF(values); i++)
		if ((status = load_value(&load, values[i].source, values[i].message))) {
			diag_prefix(diag, "%s", values[i].field);
			return status;
		}
	if ((status = load_method(&load, method_name, message->method))) {
		diag_prefix(diag, "method");
		return status;
	}
	if ((status = load_lists(&load, message)))
		return status;
	if (message->runtime_fraction) {
		struct fraction *fraction = ARENA_NEW(load.arena, struct fraction);
		*fraction = fraction_load_runtime(message->runtime_fraction,
						  build->hooks ? build->hooks->runtime : NULL);
		load.fraction = fraction;
	}
	return load_finish(&load, out);
}
