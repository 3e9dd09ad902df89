#include "routing/action.h"

#include <inttypes.h>
#include <stdio.h>

#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/core/v3/extension.pb-c.h"
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config.pb-c.h"
#include "envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config.pb-c.h"
#include "envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "routing/text_pool.h"
#include "xds/proto/any_message.h"

#define ALLOW_LISTED_ROUTES                                                                        \
	&envoy__extensions__internal_redirect__allow_listed_routes__v3__allow_listed_routes_config__descriptor
#define SAFE_CROSS_SCHEME                                                                          \
	&envoy__extensions__internal_redirect__safe_cross_scheme__v3__safe_cross_scheme_config__descriptor
#define PREVIOUS_ROUTES                                                                            \
	&envoy__extensions__internal_redirect__previous_routes__v3__previous_routes_config__descriptor
#define HOST(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_##kind

typedef Envoy__Config__Route__V3__RouteAction action_message;

const struct hedge_policy *hedge_policy_load(const Envoy__Config__Route__V3__HedgePolicy *message,
					     struct arena *arena)
{
	if (!message)
		return NULL;
	struct hedge_policy *hedge = ARENA_NEW(arena, struct hedge_policy);
	hedge->initial_requests = message->initial_requests ? message->initial_requests->value : 1;
	hedge->additional_request_chance = fraction_load(message->additional_request_chance);
	hedge->on_per_try_timeout = message->hedge_on_per_try_timeout;
	return hedge;
}

static enum status load_times(struct route_action *action, const action_message *message,
			      const struct route_build *build, struct diag *diag)
{
	char digits[16];
	const Envoy__Config__Route__V3__RouteAction__MaxStreamDuration *max =
		message->max_stream_duration;
	const struct {
		uint32_t *ms;
		uint32_t unset;
		const Google__Protobuf__Duration *duration;
		const char *field;
	} times[] = {
		{&action->timeout_ms, ROUTE_TIMEOUT_DEFAULT_MS, message->timeout, "timeout"},
		{&action->idle_timeout_ms, DURATION_UNSET, message->idle_timeout, "idle_timeout"},
		{&action->flush_timeout_ms, DURATION_UNSET, message->flush_timeout,
		 "flush_timeout"},
		{&action->max_grpc_timeout_ms, DURATION_UNSET, message->max_grpc_timeout,
		 "max_grpc_timeout"},
		{&action->grpc_timeout_offset_ms, DURATION_UNSET, message->grpc_timeout_offset,
		 "grpc_timeout_offset"},
		{&action->max_stream_duration_ms, DURATION_UNSET,
		 max ? max->max_stream_duration : NULL, "max_stream_duration.max_stream_duration"},
		{&action->grpc_timeout_header_max_ms, DURATION_UNSET,
		 max ? max->grpc_timeout_header_max : NULL,
		 "max_stream_duration.grpc_timeout_header_max"},
		{&action->grpc_timeout_header_offset_ms, DURATION_UNSET,
		 max ? max->grpc_timeout_header_offset : NULL,
		 "max_stream_duration.grpc_timeout_header_offset"},
	};

	action->has_stream_duration = max;
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		enum status status = duration_load(times[i].ms, times[i].unset, times[i].duration,
						   times[i].field, diag);
		if (status)
			return status;
	}
	snprintf(digits, sizeof digits, "%" PRIu32, action->timeout_ms);
	action->timeout_text = text_pool_take(build->rows, slice_of(digits), NULL);
	return STATUS_OK;
}

static enum status load_host_rewrite(struct host_rewrite *rewrite, const action_message *message,
				     struct arena *arena, struct diag *diag)
{
	enum status status;

	switch ((int)message->host_rewrite_specifier_case) {
	case HOST(HOST_REWRITE_LITERAL):
		if (!message->host_rewrite_literal[0])
			return STATUS_OK;
		if (strpbrk(message->host_rewrite_literal, "\r\n"))
			return diag_at(diag, "host_rewrite_literal", "must not hold CR or LF");
		rewrite->kind = HOST_REWRITE_LITERAL;
		rewrite->text = arena_slice(arena, slice_of(message->host_rewrite_literal));
		return STATUS_OK;
	case HOST(AUTO_HOST_REWRITE):
		rewrite->kind =
			message->auto_host_rewrite->value ? HOST_REWRITE_AUTO : HOST_REWRITE_NONE;
		return STATUS_OK;
	case HOST(HOST_REWRITE_HEADER):
		rewrite->kind = HOST_REWRITE_HEADER;
		rewrite->text = header_name_of_config(message->host_rewrite_header, arena);
		return STATUS_OK;
	case HOST(HOST_REWRITE_PATH_REGEX):
		rewrite->kind = HOST_REWRITE_PATH_REGEX;
		status = regex_rewrite_load(&rewrite->regex, &rewrite->text,
					    message->host_rewrite_path_regex, arena, diag);
		if (status)
			diag_prefix(diag, "host_rewrite_path_regex");
		return status;
	case HOST(HOST_REWRITE):
		diag_at(diag, "host_rewrite", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

static enum status load_upgrades(struct route_action *action, const action_message *message,
				 struct arena *arena, struct diag *diag)
{
	struct upgrade_config *items =
		ARENA_NEW_ARRAY(arena, struct upgrade_config, message->n_upgrade_configs);

	for (size_t i = 0; i < message->n_upgrade_configs; i++) {
		const Envoy__Config__Route__V3__RouteAction__UpgradeConfig *m =
			message->upgrade_configs[i];
		struct slice type = slice_of(m->upgrade_type);
		const char *fault = NULL;
		if (!type.len)
			fault = "must not be empty";
		for (size_t k = 0; k < i; k++)
			if (slice_equal_nocase(items[k].type, type))
				fault = "occurs twice";
		if (m->connect_config && !slice_equal_nocase(type, SLICE("connect")))
			fault = "only CONNECT may have a connect_config";
		if (fault) {
			diag_set(diag, "%s", fault);
			diag_prefix(diag, "upgrade_configs[%zu].upgrade_type", i);
			return STATUS_INVALID;
		}
		items[i] = (struct upgrade_config){
			.type = arena_slice(arena, type),
			.is_enabled = !m->enabled || m->enabled->value,
			.terminates_connect = m->connect_config,
			.allows_post = m->connect_config && m->connect_config->allow_post,
		};
	}
	action->upgrades = items;
	action->upgrade_count = (uint32_t)message->n_upgrade_configs;
	return STATUS_OK;
}

static enum status load_predicate(struct internal_redirect *redirect,
				  const Google__Protobuf__Any *any, struct arena *arena,
				  struct diag *diag)
{
	const ProtobufCMessage *message = any_message(any);
	const Envoy__Extensions__InternalRedirect__AllowListedRoutes__V3__AllowListedRoutesConfig
		*allowed = any_message_of(any, ALLOW_LISTED_ROUTES);

	if (allowed) {
		struct slice *names =
			ARENA_NEW_ARRAY(arena, struct slice, allowed->n_allowed_route_names);
		for (size_t i = 0; i < allowed->n_allowed_route_names; i++)
			names[i] = arena_slice(arena, slice_of(allowed->allowed_route_names[i]));
		redirect->allowed_routes = names;
		redirect->allowed_route_count = (uint32_t)allowed->n_allowed_route_names;
		redirect->allows_only_listed_routes = true;
	} else if (message && message->descriptor == SAFE_CROSS_SCHEME) {
		redirect->allows_only_safe_cross_scheme = true;
	} else if (message && message->descriptor == PREVIOUS_ROUTES) {
		redirect->forbids_previous_routes = true;
	} else {
		diag_set(diag, "unknown predicate \"%s\"", any ? any->type_url : "");
		return STATUS_UNSUPPORTED;
	}
	return STATUS_OK;
}

static enum status load_predicates(struct internal_redirect *redirect,
				   const Envoy__Config__Route__V3__InternalRedirectPolicy *message,
				   struct arena *arena, struct diag *diag)
{
	for (size_t i = 0; i < message->n_predicates; i++) {
		enum status status =
			load_predicate(redirect, message->predicates[i]->typed_config, arena, diag);
		if (status) {
			diag_prefix(diag, "internal_redirect_policy.predicates[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_internal_redirect(struct internal_redirect *redirect,
					  const action_message *message, struct arena *arena,
					  struct diag *diag)
{
	const Envoy__Config__Route__V3__InternalRedirectPolicy *policy =
		message->internal_redirect_policy;

	redirect->max =
		message->max_internal_redirects ? message->max_internal_redirects->value : 1;
	redirect->statuses[0] = 302;
	redirect->status_count = 1;
	redirect->is_enabled =
		policy ||
		message->internal_redirect_action ==
			ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__INTERNAL_REDIRECT_ACTION__HANDLE_INTERNAL_REDIRECT;
	if (!policy)
		return STATUS_OK;
	redirect->max = policy->max_internal_redirects ? policy->max_internal_redirects->value : 1;
	redirect->allows_cross_scheme = policy->allow_cross_scheme_redirect;
	if (policy->n_redirect_response_codes)
		redirect->status_count = 0;
	for (size_t i = 0; i < policy->n_redirect_response_codes; i++) {
		uint32_t code = policy->redirect_response_codes[i];
		bool is_redirect = (code >= 301 && code <= 303) || code == 307 || code == 308;
		if (is_redirect && redirect->status_count < COUNT_OF(redirect->statuses))
			redirect->statuses[redirect->status_count++] = (uint16_t)code;
	}
	struct slice *names =
		ARENA_NEW_ARRAY(arena, struct slice, policy->n_response_headers_to_copy);
	for (size_t i = 0; i < policy->n_response_headers_to_copy; i++)
		names[i] = header_name_of_config(policy->response_headers_to_copy[i], arena);
	redirect->copied_headers = names;
	redirect->copied_header_count = (uint32_t)policy->n_response_headers_to_copy;
	return load_predicates(redirect, policy, arena, diag);
}

enum status route_retry_load(const struct retry_policy **retry,
			     const Envoy__Config__Route__V3__RetryPolicy *message,
			     const Google__Protobuf__Any *typed, const struct route_build *build,
			     struct diag *diag)
{
	if (typed) {
		diag_at(diag, "retry_policy_typed_config", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	if (!message)
		return STATUS_OK;
	struct retry_policy *policy = ARENA_NEW(build->arena, struct retry_policy);
	enum status status = retry_policy_load(policy, message, build->hooks, build->arena, diag);
	*retry = policy;
	if (status)
		diag_prefix(diag, "retry_policy");
	return status;
}

enum status route_action_load(struct route_action *action, const action_message *message,
			      const struct path_template *matched, const struct route_build *build,
			      struct diag *diag)
{
	static const uint16_t not_found[] = {503, 404, 500};
	struct arena *arena = build->arena;

	if (message->path_rewrite[0] || message->early_data_policy) {
		diag_at(diag, message->path_rewrite[0] ? "path_rewrite" : "early_data_policy",
			"is not supported");
		return STATUS_UNSUPPORTED;
	}
	if ((unsigned)message->cluster_not_found_response_code >= COUNT_OF(not_found))
		return diag_at(diag, "cluster_not_found_response_code", "unknown value %d",
			       (int)message->cluster_not_found_response_code);
	action->cluster_not_found_status = not_found[message->cluster_not_found_response_code];
	action->appends_forwarded_host = message->append_x_forwarded_host;
	action->is_high_priority =
		message->priority == ENVOY__CONFIG__CORE__V3__ROUTING_PRIORITY__HIGH;
	action->hedge = hedge_policy_load(message->hedge_policy, arena);
	action->includes_host_rate_limits =
		!message->n_rate_limits ||
		(message->include_vh_rate_limits && message->include_vh_rate_limits->value);

	enum status status = load_times(action, message, build, diag);
	if (!status)
		status = path_rewrite_load(&action->path_rewrite, message->prefix_rewrite,
					   message->regex_rewrite, message->path_rewrite_policy,
					   matched, arena, diag);
	if (!status)
		status = load_host_rewrite(&action->host_rewrite, message, arena, diag);
	if (!status)
		status = route_retry_load(&action->retry, message->retry_policy,
					  message->retry_policy_typed_config, build, diag);
	if (!status)
		status = hash_policies_load(&action->hash_policies, message->hash_policy,
					    message->n_hash_policy, arena, diag);
	if (!status)
		status = mirrors_load(&action->mirrors, message->request_mirror_policies,
				      message->n_request_mirror_policies, build->validates_clusters,
				      build->hooks, arena, diag);
	if (!status)
		status = load_upgrades(action, message, arena, diag);
	if (!status)
		status = load_internal_redirect(&action->internal_redirect, message, arena, diag);
	if (!status)
		status = rate_limits_load(&action->rate_limits, message->rate_limits,
					  message->n_rate_limits, arena, diag);
	return status;
}
