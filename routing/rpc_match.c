#include "routing/rpc_match.h"

#include <stdlib.h>

#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"
#include "envoy/type/v3/range.pb-c.h"

typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch method_message;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch__ParamsMatchEntry
	argument_message;

#define ARGUMENT(kind)                                                                             \
	ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__METHOD_MATCH__PARAMETER_MATCH_SPECIFIER__PARAMETER_MATCH_SPECIFIER_##kind

static enum status load_argument(struct argument_match *match, const argument_message *message,
				 struct arena *arena, struct diag *diag)
{
	match->index = message->key;
	switch (message->value ? (int)message->value->parameter_match_specifier_case : 0) {
	case ARGUMENT(EXACT_MATCH):
		match->text = arena_slice(arena, slice_of(message->value->exact_match));
		return STATUS_OK;
	case ARGUMENT(RANGE_MATCH):
		match->is_range = true;
		match->from = message->value->range_match->start;
		match->to = message->value->range_match->end;
		return STATUS_OK;
	}
	return diag_set(diag, "exact_match or range_match is required");
}

enum status rpc_match_load(struct rpc_match *match, const method_message *method,
			   const struct route_hooks *hooks, struct arena *arena, struct diag *diag)
{
	if (!method->name)
		return diag_at(diag, "name", "is required");
	enum status status = string_matcher_load(&match->method, method->name, arena, diag);
	if (status) {
		diag_prefix(diag, "name");
		return status;
	}
	if (method->n_params_match && !(hooks && hooks->can_read_arguments)) {
		diag_at(diag, "params_match", "matching on arguments is not supported here");
		return STATUS_UNSUPPORTED;
	}
	struct argument_match *arguments =
		ARENA_NEW_ARRAY(arena, struct argument_match, method->n_params_match);
	for (size_t i = 0; i < method->n_params_match; i++) {
		status = load_argument(&arguments[i], method->params_match[i], arena, diag);
		if (status) {
			diag_prefix(diag, "params_match[%u]", method->params_match[i]->key);
			return status;
		}
	}
	match->arguments = arguments;
	match->argument_count = (uint32_t)method->n_params_match;
	return STATUS_OK;
}

void rpc_match_prepare(struct route_match_input *input)
{
	struct slice path = input->path;
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
	size_t end = slash ? (size_t)(slash - path.data) : 0;
	bool has_slash = path.len && path.data[0] == '/';

	/* "/interface/method": a method holds no '/', an interface might. */
	if (end) {
		input->interface = slice_sub(path, has_slash, end);
		input->method = slice_sub(path, end + 1, path.len);
	} else {
		input->interface = slice_sub(path, has_slash, path.len);
		input->method = SLICE("");
	}
	input->version = headers_get(input->headers, HEADER_TRI_SERVICE_VERSION);
	input->group = headers_get(input->headers, HEADER_TRI_SERVICE_GROUP);
}

bool rpc_match_test(const struct rpc_match *match, const struct route_match_input *input)
{
	if (match->version.len && !slice_equal(match->version, input->version))
		return false;
	if (!string_matcher_test(&match->method, input->method))
		return false;
	if (match->group.len && !slice_equal(match->group, input->group))
		return false;
	for (uint32_t i = 0; i < match->argument_count; i++) {
		const struct argument_match *argument = &match->arguments[i];
		struct slice text;
		int64_t number;
		if (!input->argument ||
		    !input->argument(input->argument_context, argument->index, &text))
			return false;
		if (!argument->is_range && !slice_equal(text, argument->text))
			return false;
		if (argument->is_range && (!slice_to_int64(text, &number) ||
					   number < argument->from || number >= argument->to))
			return false;
	}
	return true;
}
