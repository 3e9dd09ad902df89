#include <envoy/config/route/v3/route.pb-c.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h>
#include <envoy/extensions/http/original_ip_detection/xff/v3/xff.pb-c.h>

#include "manager/http_manager.h"
#include "manager/local_replies.h"
#include "manager/message_filters.h"
#include "manager/routes.h"
#include "telemetry/access_log.h"
#include "telemetry/stats_http.h"
#include "upstream/config_values.h"
#include "xds/proto/any_message.h"

enum {
	DEFAULT_STREAM_IDLE_MS = 300 * 1000,
	DEFAULT_IDLE_MS = 3600 * 1000,
	DEFAULT_DELAYED_CLOSE_MS = 1000,
};

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager Hcm;
typedef Envoy__Config__Core__V3__HttpProtocolOptions HttpProtocolOptions;
typedef Envoy__Config__Core__V3__Http1ProtocolOptions Http1ProtocolOptions;

static enum status load_ms(const Google__Protobuf__Duration *duration, const char *path,
			   uint64_t otherwise, uint64_t *ms, struct diag *diag)
{
	uint32_t value = (uint32_t)otherwise;
	enum status status = config_ms(duration, path, &value, diag);
	*ms = value;
	return status;
}

static enum status load_times(struct http_manager *m, const Hcm *message, struct diag *diag)
{
	const HttpProtocolOptions *common = message->common_http_protocol_options;
	struct session_config *session = &m->session;
	enum status status;

	session->type = &http_session_type;
	if ((status = load_ms(message->stream_idle_timeout, "stream_idle_timeout",
			      DEFAULT_STREAM_IDLE_MS, &session->stream_idle_timeout_ms, diag)) ||
	    (status =
		     load_ms(message->delayed_close_timeout, "delayed_close_timeout",
			     DEFAULT_DELAYED_CLOSE_MS, &session->delayed_close_timeout_ms, diag)) ||
	    (status = load_ms(message->request_timeout, "request_timeout", 0,
			      &m->request_timeout_ms, diag)) ||
	    (status = load_ms(message->request_headers_timeout, "request_headers_timeout", 0,
			      &session->request_headers_timeout_ms, diag)))
		return status;
	session->idle_timeout_ms = DEFAULT_IDLE_MS;
	if (!common)
		return STATUS_OK;
	if ((status = load_ms(common->idle_timeout, "idle_timeout", DEFAULT_IDLE_MS,
			      &session->idle_timeout_ms, diag)) ||
	    (status = load_ms(common->max_connection_duration, "max_connection_duration", 0,
			      &session->max_connection_duration_ms, diag)) ||
	    (status = load_ms(common->max_stream_duration, "max_stream_duration", 0,
			      &m->max_stream_duration_ms, diag)))
		diag_prefix(diag, "common_http_protocol_options");
	session->max_requests_per_connection = config_u32(common->max_requests_per_connection, 0);
	return status;
}

static void load_http1(struct http_manager *m, const Hcm *message, struct arena *arena)
{
	const Http1ProtocolOptions *http1 = message->http_protocol_options;
	const HttpProtocolOptions *common = message->common_http_protocol_options;
	uint32_t kb = config_u32(message->max_request_headers_kb, 0);

	m->http1 = http1_default_options;
	if (kb)
		m->http1.max_head_bytes = (kb < 8192 ? kb : 8192) * 1024;
	if (common) {
		m->http1.max_headers = config_u32(common->max_headers_count, m->http1.max_headers);
		m->http1.underscores = (uint8_t)common->headers_with_underscores_action;
	}
	if (!http1)
		return;
	m->http1.accept_http_10 = http1->accept_http_10;
	m->http1.default_host = arena_slice(arena, slice_of(http1->default_host_for_http_10));
	m->http1.allow_absolute_url =
		config_bool(http1->allow_absolute_url, m->http1.allow_absolute_url);
	m->http1.allow_chunked_length = http1->allow_chunked_length;
	m->http1.allow_custom_methods = http1->allow_custom_methods;
	m->http1.enable_trailers = http1->enable_trailers;
	if (http1->header_key_format &&
	    http1->header_key_format->header_format_case ==
		    ENVOY__CONFIG__CORE__V3__HTTP1_PROTOCOL_OPTIONS__HEADER_KEY_FORMAT__HEADER_FORMAT_PROPER_CASE_WORDS)
		m->http1.header_case = HTTP1_CASE_PROPER_WORDS;
}

static void load_origin(struct http_manager *m, const Hcm *message)
{
	m->uses_remote_address = config_bool(message->use_remote_address, false);
	m->trusted_hops = message->xff_num_trusted_hops;
	m->skips_xff_append = message->skip_xff_append;
	m->generates_request_id = config_bool(message->generate_request_id, true);
	m->keeps_external_request_id = message->preserve_external_request_id;
	m->returns_request_id = message->always_set_request_id_in_response;
	m->adds_user_agent = config_bool(message->add_user_agent, false);
	m->proxies_100_continue = message->proxy_100_continue;
	m->appends_forwarded_port = message->append_x_forwarded_port;
	m->appends_local_overload = message->append_local_overload;
	m->forwards_client_cert =
		message->forward_client_cert_details ==
		ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__ALWAYS_FORWARD_ONLY;
}

/* Of Envoy's ways to find the client's address the one by x-forwarded-for. */
static enum status load_detection(struct http_manager *m, const Hcm *message, struct diag *diag)
{
	static const char field[] = "original_ip_detection_extensions";
	const Envoy__Extensions__Http__OriginalIpDetection__Xff__V3__XffConfig *xff;

	if (!message->n_original_ip_detection_extensions)
		return STATUS_OK;
	xff = any_message_of(
		message->original_ip_detection_extensions[0]->typed_config,
		&envoy__extensions__http__original_ip_detection__xff__v3__xff_config__descriptor);
	if (message->n_original_ip_detection_extensions > 1 || !xff || xff->xff_trusted_cidrs ||
	    !config_bool(xff->skip_xff_append, true)) {
		diag_at(diag, field,
			"only one is supported, an XffConfig with "
			"xff_num_trusted_hops alone");
		return STATUS_UNSUPPORTED;
	}
	if (m->uses_remote_address || m->trusted_hops)
		return diag_at(diag, field,
			       "can't be given together with use_remote_address and "
			       "xff_num_trusted_hops");
	m->trusted_hops = xff->xff_num_trusted_hops;
	return STATUS_OK;
}

/* In the order of Envoy's enum: default, keep, reject, redirect, forward. */
static uint8_t escaped_slashes(const Hcm *message)
{
	static const uint8_t actions[] = {PATH_SLASHES_KEEP, PATH_SLASHES_KEEP, PATH_SLASHES_REJECT,
					  PATH_SLASHES_REDIRECT, PATH_SLASHES_UNESCAPE};
	unsigned action = (unsigned)message->path_with_escaped_slashes_action;
	return action < COUNT_OF(actions) ? actions[action] : (uint8_t)PATH_SLASHES_KEEP;
}

static void load_target(struct http_manager *m, const Hcm *message)
{
	m->path.normalize = config_bool(message->normalize_path, false);
	m->path.merge_slashes = message->merge_slashes;
	m->path.escaped_slashes = escaped_slashes(message);
	m->strips_matching_port = message->strip_matching_host_port;
	m->strips_any_port =
		message->strip_port_mode_case ==
			ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__STRIP_PORT_MODE_STRIP_ANY_HOST_PORT &&
		message->strip_any_host_port;
	m->strips_trailing_dot = message->strip_trailing_host_dot;
	m->normalizes_path = m->path.normalize || m->path.merge_slashes ||
			     m->path.escaped_slashes != PATH_SLASHES_KEEP;
	m->strips_host = m->strips_matching_port || m->strips_any_port || m->strips_trailing_dot;
}

static void load_names(struct http_manager *m, const Hcm *message, struct arena *arena)
{
	m->stat_prefix = arena_slice(arena, slice_of(message->stat_prefix));
	m->server_name = message->server_name[0]
				 ? arena_slice(arena, slice_of(message->server_name))
				 : SLICE("outrigger");
	m->via = arena_slice(arena, slice_of(message->via));
	m->server_header = (uint8_t)message->server_header_transformation;
}

static enum status load_internal(struct http_manager *m, const Hcm *message, struct arena *arena,
				 struct diag *diag)
{
	if (!message->internal_address_config)
		return STATUS_OK;
	size_t count = message->internal_address_config->n_cidr_ranges;
	struct addr_range *ranges = ARENA_NEW_ARRAY(arena, struct addr_range, count);
	for (size_t i = 0; i < count; i++) {
		const Envoy__Config__Core__V3__CidrRange *range =
			message->internal_address_config->cidr_ranges[i];
		unsigned prefix_len = config_u32(range->prefix_len, 0);
		if (addr_range_parse(slice_of(range->address_prefix), prefix_len, &ranges[i])) {
			diag_set(diag, "'%s' is no address", range->address_prefix);
			diag_prefix(diag, "internal_address_config.cidr_ranges[%zu].address_prefix",
				    i);
			return STATUS_INVALID;
		}
	}
	m->internal_ranges = ranges;
	m->internal_range_count = (unsigned)count;
	return STATUS_OK;
}

static void load_upgrades(struct http_manager *m, const Hcm *message, struct arena *arena)
{
	struct http_upgrade *upgrades =
		ARENA_NEW_ARRAY(arena, struct http_upgrade, message->n_upgrade_configs);

	for (size_t i = 0; i < message->n_upgrade_configs; i++) {
		upgrades[i].type =
			arena_slice(arena, slice_of(message->upgrade_configs[i]->upgrade_type));
		upgrades[i].is_enabled = config_bool(message->upgrade_configs[i]->enabled, true);
	}
	m->upgrades = upgrades;
	m->upgrade_count = (unsigned)message->n_upgrade_configs;
}

static enum status load_routes(struct http_manager *m, const Hcm *message,
			       const struct config_context *context, struct diag *diag)
{
	struct route_hooks hooks;
	struct route_table_options options = {.hooks = &hooks, .validates_clusters = true};
	enum status status;

	switch (message->route_specifier_case) {
	case ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG:
		routes_hooks(&hooks, context);
		status = route_table_load(&m->routes, message->route_config, &options,
					  context->arena, diag);
		if (status)
			diag_prefix(diag, "route_config");
		return status;
	case ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_RDS:
		return routes_load_rds(message->rds, context, &m->routes_slot, diag);
	case ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_SCOPED_ROUTES:
		return diag_at(diag, "scoped_routes", "is not supported");
	case ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER__NOT_SET:
	case _ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(diag, "route_config or rds is required");
}

static void take_scopes(struct http_manager *m, const struct config_context *context)
{
	struct arena *arena = context->arena;

	m->stats =
		config_scope(context, &http_stats,
			     slice_of(arena_printf(arena, "http.%.*s", SLICE_FMT(m->stat_prefix))));
	m->http1_stats = config_scope(context, &http1_stats, SLICE("http1"));
	m->tracing_stats = config_scope(
		context, &tracing_stats,
		slice_of(arena_printf(arena, "http.%.*s.tracing", SLICE_FMT(m->stat_prefix))));
	m->router_stats =
		config_scope(context, &router_stats,
			     slice_of(arena_printf(arena, "http.%.*s", SLICE_FMT(m->stat_prefix))));
	m->listener_stats = config_scope(context, &listener_http_stats,
					 slice_of(arena_printf(arena, "listener.%.*s.http.%.*s",
							       SLICE_FMT(context->listener_address),
							       SLICE_FMT(m->stat_prefix))));
}

enum status http_config_load(const void **loaded, const ProtobufCMessage *base,
			     const struct config_context *outer, struct diag *diag)
{
	const Hcm *message = (const Hcm *)base;
	struct config_context context = *outer;
	struct arena *arena = context.arena;
	struct http_manager *m = ARENA_NEW(arena, struct http_manager);
	enum status status;
	const struct access_log_place logs = {context.log_files, arena, context.runtime};

	if (!message->stat_prefix[0])
		return diag_at(diag, "stat_prefix", "must not be empty");
	if (message->codec_type !=
		    ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__CODEC_TYPE__AUTO &&
	    message->codec_type !=
		    ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__CODEC_TYPE__HTTP1)
		return diag_at(diag, "codec_type",
			       "only HTTP/1.1 is served yet: leave it out, or AUTO or HTTP1");
	load_names(m, message, arena);
	load_http1(m, message, arena);
	load_origin(m, message);
	load_target(m, message);
	load_upgrades(m, message, arena);
	m->adds_own_headers = m->adds_user_agent || m->appends_forwarded_port || m->via.len;
	m->session.is_inbound = context.is_inbound;
	m->session.ignores_failing = context.is_modify_only;
	m->host_address = context.host_address;
	m->service_cluster = context.service_cluster;
	m->service_node = context.service_node;
	context.stat_prefix = slice_of(arena_printf(arena, "http.%s.", message->stat_prefix));
	take_scopes(m, &context);
	context.router_stats = m->router_stats;
	if ((status = load_detection(m, message, diag)) ||
	    (status = load_times(m, message, diag)) ||
	    (status = load_internal(m, message, arena, diag)) ||
	    (status = message_filters_load(&m->session.chain, message->http_filters,
					   message->n_http_filters, &context, diag)) ||
	    (status = load_routes(m, message, &context, diag)) ||
	    (status = access_log_load(message->access_log, message->n_access_log, &logs,
				      &m->access_log, diag)) ||
	    (status = local_replies_load(&m->local_replies, message->local_reply_config, &context,
					 diag)))
		return status;
	m->session.is_logged = m->access_log != NULL;
	*loaded = m;
	return STATUS_OK;
}

const struct conn_filter_type http_connection_manager_filter = {
	.name = "envoy.filters.network.http_connection_manager",
	.message =
		&envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor,
	.config_load = http_config_load,
	.serve = http_serve,
	.adopt = http_adopt,
};
