#include "routing/route.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "message/format.h"
#include "routing/table.h"
#include "routing/text_pool.h"
#include "routing/timeouts.h"
#include "routing/virtual_host.h"

#define ACTION(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_##kind

typedef Envoy__Config__Route__V3__Route route_message;

const struct route_extras route_extras_none = {
	.body_buffer_limit = UINT64_MAX,
	.stat_prefix = SLICE(""),
	.decorator = SLICE(""),
};

void route_set_levels(struct route *route, struct route_extras *extras,
		      const struct header_mutations *const request[ROUTE_LEVELS],
		      const struct header_mutations *const response[ROUTE_LEVELS],
		      bool most_specific_wins)
{
	route->is_most_specific_last = most_specific_wins;
	for (unsigned i = 0; i < ROUTE_LEVELS; i++) {
		unsigned from = most_specific_wins ? ROUTE_LEVELS - 1 - i : i;
		if (request[from])
			extras->request_levels[route->request_level_count++] = request[from];
		if (response[from])
			extras->response_levels[route->response_level_count++] = response[from];
	}
}

static enum status load_levels(struct route *route, struct route_extras *extras,
			       const route_message *message, const struct route_build *build,
			       struct diag *diag)
{
	const struct virtual_host *host = route->virtual_host;
	const struct header_mutations *request[ROUTE_LEVELS] = {NULL, host->request,
								host->table->request};
	const struct header_mutations *response[ROUTE_LEVELS] = {NULL, host->response,
								 host->table->response};
	enum status status =
		HEADER_MUTATIONS_LOAD(&request[0], request, message, build->arena, diag);
	if (!status)
		status = HEADER_MUTATIONS_LOAD(&response[0], response, message, build->arena, diag);
	route_set_levels(route, extras, request, response, build->most_specific_wins);
	return status;
}

/* The row of these bytes in the table. */
static const void *share(const struct route_build *build, const void *row, size_t size)
{
	return text_pool_take(build->rows, slice_make(row, size), NULL).data;
}

/* Builds in zeroed bytes on the stack, so that equal rows are equal in all of them. */
static enum status load_forward(struct route *route, const route_message *message,
				const struct path_template *template,
				const struct route_build *build, struct diag *diag)
{
	struct route_action action;
	enum status status = cluster_choice_load(&route->cluster, message->route, build, diag);

	memset(&action, 0, sizeof action);
	route->kind = ROUTE_FORWARD;
	if (!status)
		status = route_action_load(&action, message->route, template, build, diag);
	if (status)
		return status;
	route->forward = share(build, &action, sizeof action);
	route->rewrites = action.path_rewrite.kind != PATH_REWRITE_NONE ||
			  action.host_rewrite.kind != HOST_REWRITE_NONE;
	return STATUS_OK;
}

static enum status load_action(struct route *route, const route_message *message,
			       const struct path_template *template,
			       const struct route_build *build, struct diag *diag)
{
	struct redirect *redirect;
	struct direct_response *direct;
	enum status status = STATUS_OK;
	const char *field = "";

	switch ((int)message->action_case) {
	case ACTION(ROUTE):
		field = "route";
		status = load_forward(route, message, template, build, diag);
		break;
	case ACTION(REDIRECT):
		field = "redirect";
		redirect = ARENA_NEW(build->arena, struct redirect);
		route->kind = ROUTE_REDIRECT;
		route->redirect = redirect;
		status = redirect_load(redirect, message->redirect, build->arena, diag);
		break;
	case ACTION(DIRECT_RESPONSE):
		field = "direct_response";
		direct = ARENA_NEW(build->arena, struct direct_response);
		route->kind = ROUTE_DIRECT_RESPONSE;
		route->direct_response = direct;
		status = direct_response_load(direct, message->direct_response, build->body_max,
					      build->arena, diag);
		break;
	case ACTION(NON_FORWARDING_ACTION):
		route->kind = ROUTE_NON_FORWARDING;
		return STATUS_OK;
	case ACTION(FILTER_ACTION):
		diag_at(diag, "filter_action", "is not supported");
		return STATUS_UNSUPPORTED;
	default:
		return diag_set(diag, "one of route, redirect, direct_response, "
				      "non_forwarding_action is required");
	}
	if (status)
		diag_prefix(diag, "%s", field);
	return status;
}

static enum status load_tracing(struct route_extras *extras, const route_message *message,
				struct arena *arena, struct diag *diag)
{
	const Envoy__Config__Route__V3__Tracing *m = message->tracing;
	const Google__Protobuf__BoolValue *propagate =
		message->decorator ? message->decorator->propagate : NULL;
	enum status status = STATUS_OK;

	extras->decorator = SLICE("");
	if (message->decorator && !message->decorator->operation[0])
		return diag_at(diag, "decorator.operation", "must not be empty");
	if (message->decorator)
		extras->decorator = arena_slice(arena, slice_of(message->decorator->operation));
	extras->decorator_propagates = !propagate || propagate->value;
	if (!m)
		return STATUS_OK;

	const struct fraction all = {100, 100};
	struct route_tracing *tracing = ARENA_NEW(arena, struct route_tracing);
	extras->tracing = tracing;
	tracing->client_sampling = m->client_sampling ? fraction_load(m->client_sampling) : all;
	tracing->random_sampling = m->random_sampling ? fraction_load(m->random_sampling) : all;
	tracing->overall_sampling = m->overall_sampling ? fraction_load(m->overall_sampling) : all;
	if (m->operation[0])
		status = format_compile(slice_of(m->operation), arena, &tracing->operation, diag);
	if (!status && m->upstream_operation[0])
		status = format_compile(slice_of(m->upstream_operation), arena,
					&tracing->upstream_operation, diag);
	if (status)
		diag_prefix(diag, "tracing.operation");
	return status;
}

static enum status load_filters(struct route_extras *extras, const route_message *message,
				const struct route_build *build, struct diag *diag)
{
	size_t count = message->n_typed_per_filter_config;
	struct filter_config_message *filters =
		ARENA_NEW_ARRAY(build->arena, struct filter_config_message, count);
	const Envoy__Config__Route__V3__CorsPolicy *cors =
		message->action_case == ACTION(ROUTE) ? message->route->cors : NULL;

	FILTER_CONFIG_MESSAGES_READ(filters, message)
	return filter_configs_load(&extras->filter_configs, filters, count, cors, build->hooks,
				   build->arena, diag);
}

static enum status load_extras(struct route *route, const route_message *message,
			       const struct route_build *build, struct diag *diag)
{
	struct route_extras extras;

	memset(&extras, 0, sizeof extras);
	extras.stat_prefix = route_build_text(build, message->stat_prefix);
	extras.body_buffer_limit = route->virtual_host->body_buffer_limit;
	if (message->request_body_buffer_limit)
		extras.body_buffer_limit = message->request_body_buffer_limit->value;
	else if (message->per_request_buffer_limit_bytes)
		extras.body_buffer_limit = message->per_request_buffer_limit_bytes->value;
	enum status status = load_levels(route, &extras, message, build, diag);
	if (!status)
		status = load_tracing(&extras, message, build->arena, diag);
	if (!status)
		status = load_filters(&extras, message, build, diag);
	if (status)
		return status;
	status = route_metadata_load(&extras.metadata, message->metadata, build, diag);
	if (status)
		diag_prefix(diag, "metadata");
	else
		route->extras = share(build, &extras, sizeof extras);
	return status;
}

enum status route_load(struct route *route, struct route_matcher *matcher,
		       const route_message *message, const struct virtual_host *virtual_host,
		       const struct route_build *build, struct diag *diag)
{
	struct path_template template = {.name_count = 0};

	if (!message->match)
		return diag_at(diag, "match", "is required");
	enum status status = route_matcher_load(matcher, message->match, build->hooks, build->arena,
						&template, diag);
	if (status) {
		diag_prefix(diag, "match");
		return status;
	}
	route->matcher = matcher;
	return route_load_rest(route, message, &template, virtual_host, build, diag);
}

enum status route_load_rest(struct route *route, const route_message *message,
			    const struct path_template *template,
			    const struct virtual_host *virtual_host,
			    const struct route_build *build, struct diag *diag)
{
	route->virtual_host = virtual_host;
	route->name = route_build_text(build, message->name);
	enum status status = load_action(route, message, template, build, diag);
	if (!status)
		status = load_extras(route, message, build, diag);
	if (!status)
		route_note_kind(route);
	return status;
}

void route_mutate(const struct route *route, const struct header_mutations *const *levels,
		  unsigned count, const struct header_mutations *weighted, struct headers *headers,
		  const struct stream_info *info)
{
	if (!route->is_most_specific_last)
		header_mutations_apply(weighted, headers, info);
	for (unsigned i = 0; i < count; i++)
		header_mutations_apply(levels[i], headers, info);
	if (route->is_most_specific_last)
		header_mutations_apply(weighted, headers, info);
}

void route_rewrite(const struct route *route, const struct weighted_cluster *weighted,
		   struct headers *request, bool keeps_original)
{
	const struct route_action *action = route->forward;
	struct slice host, path;

	if (route->kind != ROUTE_FORWARD)
		return;
	if (weighted && weighted->host_rewrite.len)
		host = weighted->host_rewrite;
	else
		host = host_rewrite_value(&action->host_rewrite, request, request->arena);
	if (host.data)
		host_rewrite_set(request, host, action->appends_forwarded_host, keeps_original);
	path = headers_get(request, HEADER_PATH);
	if (action->path_rewrite.kind != PATH_REWRITE_NONE && path.data)
		path_rewrite_set(request,
				 path_rewrite_apply(&action->path_rewrite, route->matcher, path,
						    request->arena),
				 keeps_original);
}

#define ASKED_NAMES(word) (TIMEOUT_ASKED_NAMES(word) | RETRY_ASKED_NAMES(word))
const struct header_ids route_asked_names = {{ASKED_NAMES(0), ASKED_NAMES(1)}};

static bool is_plain(const struct route *route)
{
	const struct route_action *action = route->forward;

	return route->kind == ROUTE_FORWARD && route->cluster.kind == CLUSTER_NAMED &&
	       !route->virtual_host->virtual_cluster_count && !action->hash_policies.count &&
	       !route->rewrites && !route->request_level_count && !route->response_level_count &&
	       !route->policy && !route_retry_policy(route) && !route_hedge_policy(route) &&
	       !route_mirrors(route)->count && !action->has_stream_duration &&
	       action->max_grpc_timeout_ms == DURATION_UNSET &&
	       action->idle_timeout_ms == DURATION_UNSET &&
	       route->extras->body_buffer_limit == UINT64_MAX;
}

void route_note_kind(struct route *route)
{
	const struct virtual_host *host = route->virtual_host;

	route->has_filter_configs = route->extras->filter_configs.count ||
				    host->filter_configs.count || host->table->filter_configs.count;
	route->is_plain = is_plain(route);
}

const struct retry_policy *route_retry_policy(const struct route *route)
{
	if (route->kind == ROUTE_FORWARD && route->forward->retry)
		return route->forward->retry;
	return route->virtual_host->retry;
}

const struct hedge_policy *route_hedge_policy(const struct route *route)
{
	if (route->kind == ROUTE_FORWARD && route->forward->hedge)
		return route->forward->hedge;
	return route->virtual_host->hedge;
}

const struct mirrors *route_mirrors(const struct route *route)
{
	if (route->kind == ROUTE_FORWARD && route->forward->mirrors.count)
		return &route->forward->mirrors;
	if (route->virtual_host->mirrors.count)
		return &route->virtual_host->mirrors;
	return &route->virtual_host->table->mirrors;
}

unsigned route_filter_configs(const struct route *route, const struct weighted_cluster *weighted,
			      struct slice filter,
			      const struct filter_config *configs[ROUTE_FILTER_CONFIGS_MAX])
{
	const struct filter_configs *levels[] = {
		&route->virtual_host->table->filter_configs,
		&route->virtual_host->filter_configs,
		&route->extras->filter_configs,
		weighted ? &weighted->filter_configs : NULL,
	};
	unsigned count = 0;

	for (unsigned i = 0; i < COUNT_OF(levels); i++) {
		const struct filter_config *found = levels[i] && levels[i]->count
							    ? filter_configs_find(levels[i], filter)
							    : NULL;
		if (found)
			configs[count++] = found;
	}
	return count;
}

const struct filter_config *route_filter_config(const struct route *route,
						const struct weighted_cluster *weighted,
						struct slice filter)
{
	const struct filter_config *configs[ROUTE_FILTER_CONFIGS_MAX];
	unsigned count = route_filter_configs(route, weighted, filter, configs);

	return count ? configs[count - 1] : NULL;
}
