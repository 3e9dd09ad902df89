#include <envoy/extensions/filters/http/router/v3/router.pb-c.h>
#include <envoy/extensions/filters/network/dubbo_proxy/router/v3/router.pb-c.h>
#include <envoy/extensions/filters/network/dubbo_proxy/v3/dubbo_proxy.pb-c.h>
#include <outrigger/filters/network/bolt_proxy/v1/bolt_proxy.pb-c.h>

#include "codec/dubbo.h"
#include "manager/router.h"
#include "manager/routes.h"
#include "manager/rpc_manager.h"
#include "manager/rpc_dialect.h"
#include "telemetry/stats_network.h"
#include "xds/proto/any_message.h"

typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__DubboProxy DubboProxy;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__DubboFilter DubboFilter;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteConfiguration RouteConfiguration;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__MultipleRouteConfiguration
	MultipleRouteConfiguration;
typedef Outrigger__Filters__Network__BoltProxy__V1__BoltProxy BoltProxy;

#define ROUTER_NAME "envoy.filters.dubbo.router"

/* What DubboProxy and BoltProxy have in common, which is all. */
struct fields {
	const struct rpc_dialect *dialect;
	const char *stat_prefix;
	const char *filters_name; /* of the field */
	DubboFilter **filters;
	RouteConfiguration **routes;
	size_t filter_count, route_count;
	const MultipleRouteConfiguration *multiple; /* or NULL */
};

/* A call has no header that the router's own would stand beside. */
static const struct router_config router_config = {.suppresses_envoy_headers = true};

void rpc_manager_init(struct rpc_manager *m, const struct config_context *context)
{
	m->session.type = &rpc_session_type;
	m->session.is_inbound = context->is_inbound;
	m->session.ignores_failing = context->is_modify_only;
	m->max_in_flight = UINT32_MAX;
	m->output_cap = RPC_OUTPUT_CAP;
	m->parts_over = DUBBO_PARTS_OVER;
	m->sniff_timeout_ms = SNIFF_TIMEOUT_MS;
	m->reads_attachments = true;
}

void rpc_manager_publish_for(struct rpc_manager *m, bool all)
{
	for (unsigned direction = 0; direction < 2; direction++)
		m->publishes_each[direction] = all || m->session.chain.asks_attachments[direction];
}

void rpc_manager_seal(struct rpc_manager *m)
{
	bool asks_each = m->time_stats || m->publishes || m->is_strict || m->uses_caller_timeout ||
			 m->request_timeout_ms;

	m->session.notes_reads = m->time_stats != NULL;
	m->session.is_logged = m->access_log != NULL;
	m->is_bare = !asks_each && m->max_in_flight == UINT32_MAX && !m->idempotent_count;
	m->is_plain = !asks_each && m->session.chain.is_single && !m->access_log &&
		      !m->session.is_unshared;
}

static bool is_router(const DubboFilter *message, const ProtobufCMessage *config)
{
	if (!config)
		return !message->config && slice_equal(slice_of(message->name), SLICE(ROUTER_NAME));
	return config->descriptor ==
		       &envoy__extensions__filters__network__dubbo_proxy__router__v3__router__descriptor ||
	       config->descriptor == router_filter.message;
}

/* Any message filter may stand in the chain: they know no protocol. */
static enum status load_filter(struct chain_entry *entry, const DubboFilter *message,
			       const ProtobufCMessage *config, const struct config_context *context,
			       struct diag *diag)
{
	const struct filter_type *type = config ? context->filter_type(config->descriptor) : NULL;

	if (!type || type->message != config->descriptor)
		return diag_at(diag, "config", "no filter of calls has the type '%s'",
			       message->config ? message->config->type_url : message->name);
	entry->type = type;
	entry->name = arena_slice(context->arena, slice_of(message->name));
	if (!type->config_load)
		return STATUS_OK;
	enum status status = type->config_load(&entry->config, config, false, context, diag);
	if (status)
		diag_prefix(diag, "config");
	return status;
}

/* The chain ends with the router, configured or not. */
static enum status load_filters(struct rpc_manager *m, const struct fields *fields,
				const struct config_context *context, struct diag *diag)
{
	size_t count = fields->filter_count;
	struct chain_entry *entries =
		ARENA_NEW_ARRAY(context->arena, struct chain_entry, count + 1);
	unsigned used = 0;

	if (count >= CHAIN_FILTERS_MAX)
		return diag_at(diag, fields->filters_name, "at most %d", CHAIN_FILTERS_MAX - 1);
	for (size_t i = 0; i < count; i++) {
		const DubboFilter *filter = fields->filters[i];
		const ProtobufCMessage *config = any_message(filter->config);
		enum status status = STATUS_OK;
		if (!is_router(filter, config))
			status = load_filter(&entries[used++], filter, config, context, diag);
		else if (i + 1 < count)
			status = diag_set(diag, "'%s' is terminal: it must be the last filter",
					  filter->name);
		if (status) {
			diag_prefix(diag, "%s[%zu]", fields->filters_name, i);
			return status;
		}
	}
	entries[used++] = (struct chain_entry){
		.type = &router_filter, .config = &router_config, .name = SLICE(ROUTER_NAME)};
	chain_config_init(&m->session.chain, entries, used);
	return STATUS_OK;
}

static enum status load_routes(struct rpc_manager *m, const struct fields *fields,
			       const struct config_context *context, struct diag *diag)
{
	const MultipleRouteConfiguration *multiple = fields->multiple;
	struct route_hooks hooks;
	struct route_table_options options = {.hooks = &hooks}; /* an unknown cluster is a reply */
	enum status status;

	routes_hooks(&hooks, context);
	if (multiple)
		status = route_table_load_rpc(&m->routes, multiple->name, multiple->route_config,
					      multiple->n_route_config, &options, context->arena,
					      diag);
	else
		status = route_table_load_rpc(&m->routes, fields->stat_prefix, fields->routes,
					      fields->route_count, &options, context->arena, diag);
	if (status)
		diag_prefix(diag, "%s",
			    multiple ? "multiple_route_config.route_config" : "route_config");
	return status;
}

static enum status load(const void **loaded, const struct fields *fields,
			const struct config_context *outer, struct diag *diag)
{
	struct config_context context = *outer;
	struct rpc_manager *m = ARENA_NEW(context.arena, struct rpc_manager);
	const char *scope;
	enum status status;

	if (!fields->stat_prefix[0])
		return diag_at(diag, "stat_prefix", "must not be empty");
	rpc_manager_init(m, &context);
	m->dialect = fields->dialect;
	scope = arena_printf(context.arena, "%s.%s", m->dialect->name, fields->stat_prefix);
	context.stat_prefix = slice_of(arena_printf(context.arena, "%s.", scope));
	m->stats = config_scope(&context, &rpc_stats, slice_of(scope));
	if ((status = load_filters(m, fields, &context, diag)) ||
	    (status = load_routes(m, fields, &context, diag)))
		return status;
	/* Filters read and change headers; without them only those routes look that the head leads
	 * to. */
	m->publishes = m->session.chain.count > 1;
	m->is_strict = m->session.chain.has_authority || m->session.chain.has_limiter;
	m->passes_unread = !m->session.chain.has_authority;
	rpc_manager_publish_for(m, false);
	rpc_manager_seal(m);
	*loaded = m;
	return STATUS_OK;
}

enum status rpc_config_load(const void **loaded, const ProtobufCMessage *base,
			    const struct config_context *context, struct diag *diag)
{
	const DubboProxy *message = (const DubboProxy *)base;
	struct fields fields = {
		.dialect = &rpc_dubbo,
		.stat_prefix = message->stat_prefix,
		.filters_name = "dubbo_filters",
		.filters = message->dubbo_filters,
		.routes = message->route_config,
		.filter_count = message->n_dubbo_filters,
		.route_count = message->n_route_config,
	};

	switch (message->route_specifier_case) {
	case ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__DUBBO_PROXY__ROUTE_SPECIFIER_DRDS:
		return diag_at(diag, "drds", "is not supported yet");
	case ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__DUBBO_PROXY__ROUTE_SPECIFIER_MULTIPLE_ROUTE_CONFIG:
		fields.multiple = message->multiple_route_config;
		break;
	case ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__DUBBO_PROXY__ROUTE_SPECIFIER__NOT_SET:
	case _ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__DUBBO_PROXY__ROUTE_SPECIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return load(loaded, &fields, context, diag);
}

static enum status bolt_config_load(const void **loaded, const ProtobufCMessage *base,
				    const struct config_context *context, struct diag *diag)
{
	const BoltProxy *message = (const BoltProxy *)base;
	const struct fields fields = {
		.dialect = &rpc_bolt,
		.stat_prefix = message->stat_prefix,
		.filters_name = "bolt_filters",
		.filters = message->bolt_filters,
		.routes = message->route_config,
		.filter_count = message->n_bolt_filters,
		.route_count = message->n_route_config,
		.multiple = message->multiple_route_config,
	};

	return load(loaded, &fields, context, diag);
}

const struct conn_filter_type dubbo_proxy_filter = {
	.name = "envoy.filters.network.dubbo_proxy",
	.message = &envoy__extensions__filters__network__dubbo_proxy__v3__dubbo_proxy__descriptor,
	.config_load = rpc_config_load,
	.serve = rpc_serve,
	.adopt = rpc_adopt,
};

const struct conn_filter_type bolt_proxy_filter = {
	.name = "outrigger.filters.network.bolt_proxy",
	.message = &outrigger__filters__network__bolt_proxy__v1__bolt_proxy__descriptor,
	.config_load = bolt_config_load,
	.serve = rpc_serve,
	.adopt = rpc_adopt,
};
