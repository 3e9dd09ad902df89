#include "upstream/cluster_config.h"

#include "upstream/assignment.h"
#include "upstream/config_values.h"
#include "upstream/labels.h"

typedef Envoy__Config__Cluster__V3__Cluster cluster_message;

enum {
	DEFAULT_CONNECT_TIMEOUT_MS = 5000,
	DEFAULT_BUFFER_LIMIT = 1 << 20,
	DEFAULT_DNS_REFRESH_MS = 5000,
	DEFAULT_CLEANUP_MS = 5000,
};

static enum status read_type(struct cluster *cluster, const cluster_message *message,
			     struct diag *diag)
{
	if (message->cluster_discovery_type_case ==
	    ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_CLUSTER_TYPE)
		return diag_at(diag, "cluster_type", "'%s' is not supported",
			       message->cluster_type->name);
	unsigned type = 0;
	if (message->cluster_discovery_type_case ==
	    ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_TYPE)
		type = (unsigned)message->type;
	static const enum cluster_type types[] = {CLUSTER_STATIC, CLUSTER_STRICT_DNS,
						  CLUSTER_LOGICAL_DNS, CLUSTER_EDS,
						  CLUSTER_ORIGINAL_DST};
	if (type >= COUNT_OF(types))
		return diag_at(diag, "type", "unknown value %u", type);
	cluster->type = types[type];
	if (message->eds_cluster_config && cluster->type != CLUSTER_EDS)
		return diag_at(diag, "eds_cluster_config", "is for clusters of type EDS");
	if (cluster->type == CLUSTER_EDS && !message->eds_cluster_config)
		return diag_at(diag, "eds_cluster_config", "is required for type EDS");
	return STATUS_OK;
}

static void set_default_limits(struct breaker_limits *limits)
{
	*limits = (struct breaker_limits){
		.max_connections = 1024,
		.max_pending = 1024,
		.max_requests = 1024,
		.max_retries = 3,
		.max_pools = UINT32_MAX,
	};
}

static enum status read_breakers(struct cluster *cluster,
				 const Envoy__Config__Cluster__V3__CircuitBreakers *message,
				 struct diag *diag)
{
	bool is_set[CLUSTER_PRIORITIES] = {false};

	for (int i = 0; i < CLUSTER_PRIORITIES; i++)
		set_default_limits(&cluster->breakers[i]);
	for (size_t i = 0; message && i < message->n_thresholds; i++) {
		const Envoy__Config__Cluster__V3__CircuitBreakers__Thresholds *t =
			message->thresholds[i];
		unsigned priority = (unsigned)t->priority;
		if (priority >= CLUSTER_PRIORITIES)
			return diag_set(diag, "unknown priority %u", priority),
			       diag_prefix(diag, "circuit_breakers.thresholds[%zu].priority", i),
			       STATUS_INVALID;
		if (is_set[priority])
			continue; /* the first of a priority is the one that counts, as in Envoy */
		is_set[priority] = true;
		struct breaker_limits *limits = &cluster->breakers[priority];
		limits->max_connections = config_u32(t->max_connections, limits->max_connections);
		limits->max_pending = config_u32(t->max_pending_requests, limits->max_pending);
		limits->max_requests = config_u32(t->max_requests, limits->max_requests);
		limits->max_retries = config_u32(t->max_retries, limits->max_retries);
		limits->max_pools = config_u32(t->max_connection_pools, limits->max_pools);
		limits->tracks_remaining = t->track_remaining;
		if (t->retry_budget) {
			limits->has_budget = true;
			limits->budget_percent =
				config_percent(t->retry_budget->budget_percent, 20.0);
			limits->min_retry_concurrency =
				config_u32(t->retry_budget->min_retry_concurrency, 3);
		}
	}
	return STATUS_OK;
}

static enum status read_outlier(struct cluster *cluster,
				const Envoy__Config__Cluster__V3__OutlierDetection *m,
				struct diag *diag)
{
	if (!m)
		return STATUS_OK;
	struct outlier_config *outlier =
		ARENA_NEW(&cluster->published.arena, struct outlier_config);
	*outlier = (struct outlier_config){
		.interval_ms = 10000,
		.base_ejection_ms = 30000,
		.max_ejection_ms = 300000,
		.max_ejection_percent = config_u32(m->max_ejection_percent, 10),
		.consecutive_5xx = config_u32(m->consecutive_5xx, 5),
		.consecutive_gateway = config_u32(m->consecutive_gateway_failure, 5),
		.consecutive_local = config_u32(m->consecutive_local_origin_failure, 5),
		.enforcing_5xx = config_u32(m->enforcing_consecutive_5xx, 100),
		.enforcing_gateway = config_u32(m->enforcing_consecutive_gateway_failure, 0),
		.enforcing_local = config_u32(m->enforcing_consecutive_local_origin_failure, 100),
		.enforcing_success_rate = config_u32(m->enforcing_success_rate, 100),
		.success_rate_minimum_hosts = config_u32(m->success_rate_minimum_hosts, 5),
		.success_rate_request_volume = config_u32(m->success_rate_request_volume, 100),
		.success_rate_stdev_factor = config_u32(m->success_rate_stdev_factor, 1900),
		.enforcing_failure_percentage = config_u32(m->enforcing_failure_percentage, 0),
		.failure_percentage_threshold = config_u32(m->failure_percentage_threshold, 85),
		.failure_percentage_minimum_hosts =
			config_u32(m->failure_percentage_minimum_hosts, 5),
		.failure_percentage_request_volume =
			config_u32(m->failure_percentage_request_volume, 50),
		.splits_local = m->split_external_local_origin_errors,
		.unejects_on_health_check =
			config_bool(m->successful_active_health_check_uneject_host, true),
		.always_ejects_one = config_bool(m->always_eject_one_host, false),
	};
	cluster->outlier = outlier;
	enum status status =
		config_ms_positive(m->interval, "interval", &outlier->interval_ms, diag);
	if (!status)
		status = config_ms_positive(m->base_ejection_time, "base_ejection_time",
					    &outlier->base_ejection_ms, diag);
	if (!status)
		status = config_ms_positive(m->max_ejection_time, "max_ejection_time",
					    &outlier->max_ejection_ms, diag);
	if (!status)
		status = config_ms(m->max_ejection_time_jitter, "max_ejection_time_jitter",
				   &outlier->ejection_jitter_ms, diag);
	if (status)
		return diag_prefix(diag, "outlier_detection"), status;
	if (outlier->max_ejection_ms < outlier->base_ejection_ms) {
		if (m->max_ejection_time)
			return diag_at(diag, "outlier_detection.max_ejection_time",
				       "must not be smaller than base_ejection_time");
		outlier->max_ejection_ms = outlier->base_ejection_ms;
	}
	return STATUS_OK;
}

static enum status read_dns(struct cluster *cluster, const cluster_message *message,
			    struct diag *diag)
{
	struct dns_config *dns = &cluster->dns;
	static const enum dns_family families[] = {DNS_FAMILY_AUTO, DNS_FAMILY_V4_ONLY,
						   DNS_FAMILY_V6_ONLY, DNS_FAMILY_V4_PREFERRED,
						   DNS_FAMILY_ALL};

	if ((unsigned)message->dns_lookup_family >= COUNT_OF(families))
		return diag_at(diag, "dns_lookup_family", "unknown value");
	*dns = (struct dns_config){
		.family = families[message->dns_lookup_family],
		.refresh_ms = DEFAULT_DNS_REFRESH_MS,
		.respects_ttl = message->respect_dns_ttl,
		.uses_tcp = message->use_tcp_for_dns_lookups,
	};
	enum status status = config_ms_positive(message->dns_refresh_rate, "dns_refresh_rate",
						&dns->refresh_ms, diag);
	if (!status)
		status = config_ms(message->dns_jitter, "dns_jitter", &dns->jitter_ms, diag);
	dns->failure_base_ms = dns->failure_max_ms = dns->refresh_ms;
	if (!status && message->dns_failure_refresh_rate) {
		status = config_ms_positive(message->dns_failure_refresh_rate->base_interval,
					    "dns_failure_refresh_rate.base_interval",
					    &dns->failure_base_ms, diag);
		dns->failure_max_ms = dns->failure_base_ms * 10;
		if (!status)
			status = config_ms_positive(message->dns_failure_refresh_rate->max_interval,
						    "dns_failure_refresh_rate.max_interval",
						    &dns->failure_max_ms, diag);
		if (!status && dns->failure_max_ms < dns->failure_base_ms)
			return diag_at(diag, "dns_failure_refresh_rate.max_interval",
				       "must not be smaller than base_interval");
	}
	if (status)
		return status;
	dns->resolvers =
		ARENA_NEW_ARRAY(&cluster->published.arena, struct addr, message->n_dns_resolvers);
	for (size_t i = 0; i < message->n_dns_resolvers; i++) {
		status = config_address(message->dns_resolvers[i], &cluster->published.arena,
					&dns->resolvers[i], NULL, diag);
		if (status)
			return diag_prefix(diag, "dns_resolvers[%zu]", i), status;
	}
	dns->resolver_count = (uint32_t)message->n_dns_resolvers;
	return STATUS_OK;
}

static enum status read_connection_options(struct cluster *cluster, const cluster_message *message,
					   struct diag *diag)
{
	const Envoy__Config__Cluster__V3__UpstreamConnectionOptions *options =
		message->upstream_connection_options;
	const Envoy__Config__Core__V3__BindConfig *bind = message->upstream_bind_config;

	if (options && options->tcp_keepalive) {
		const Envoy__Config__Core__V3__TcpKeepalive *keepalive = options->tcp_keepalive;
		cluster->socket.has_keepalive = true;
		cluster->socket.keepalive_probes = config_u32(keepalive->keepalive_probes, 0);
		cluster->socket.keepalive_time_s = config_u32(keepalive->keepalive_time, 0);
		cluster->socket.keepalive_interval_s = config_u32(keepalive->keepalive_interval, 0);
	}
	if (bind && bind->source_address) {
		enum status status =
			config_socket_address(bind->source_address, &cluster->published.arena,
					      &cluster->socket.source, NULL, diag);
		if (status)
			return diag_prefix(diag, "upstream_bind_config"), status;
	}
	if (message->transport_socket) {
		struct slice name = slice_of(message->transport_socket->name);
		if (!slice_equal(name, SLICE("envoy.transport_sockets.raw_buffer")))
			return diag_at(diag, "transport_socket",
				       "'%s' is not supported yet for upstream connections",
				       message->transport_socket->name);
	}
	return STATUS_OK;
}

static enum status read_original_dst(struct cluster *cluster, const cluster_message *message,
				     struct diag *diag)
{
	if (message->lb_config_case !=
	    ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_CONFIG_ORIGINAL_DST_LB_CONFIG)
		return STATUS_OK;
	const Envoy__Config__Cluster__V3__Cluster__OriginalDstLbConfig *config =
		message->original_dst_lb_config;
	uint32_t port = config_u32(config->upstream_port_override, 0);
	if (cluster->type != CLUSTER_ORIGINAL_DST)
		return diag_at(diag, "original_dst_lb_config",
			       "is for clusters of type ORIGINAL_DST");
	if (config->metadata_key)
		return diag_at(diag, "original_dst_lb_config.metadata_key", "is not supported");
	if (port > UINT16_MAX)
		return diag_at(diag, "original_dst_lb_config.upstream_port_override",
			       "must be at most 65535");
	cluster->uses_header_for_original_dst = config->use_http_header;
	cluster->original_dst_header =
		config->http_header_name[0]
			? config_text(&cluster->published.arena, config->http_header_name)
			: SLICE("x-envoy-original-dst-host");
	cluster->original_dst_port = (uint16_t)port;
	return STATUS_OK;
}

static enum status read_assignment(struct cluster *cluster, const cluster_message *message,
				   struct diag *diag)
{
	bool takes_names =
		cluster->type == CLUSTER_STRICT_DNS || cluster->type == CLUSTER_LOGICAL_DNS;
	bool has_hosts = takes_names || cluster->type == CLUSTER_STATIC;

	if (!has_hosts && message->load_assignment && message->load_assignment->n_endpoints)
		return diag_at(diag, "load_assignment", "is not for clusters of this type");
	if (cluster->type == CLUSTER_EDS)
		return STATUS_OK;
	struct assignment *assignment = NULL;
	enum status status =
		assignment_build(message->load_assignment, takes_names, &assignment, diag);
	if (status)
		return diag_prefix(diag, "load_assignment"), status;
	arena_defer(&cluster->published.arena, assignment_free_deferred, assignment);
	cluster->assignment = assignment;
	if (cluster->type == CLUSTER_LOGICAL_DNS && assignment->endpoint_count != 1)
		return diag_at(
			diag, "load_assignment",
			"clusters of type LOGICAL_DNS need exactly one endpoint, there are %u",
			assignment->endpoint_count);
	return STATUS_OK;
}

static enum status read_common(struct cluster *cluster, const cluster_message *message,
			       struct diag *diag)
{
	struct arena *arena = &cluster->published.arena;

	if (!message->name[0])
		return diag_at(diag, "name", "must not be empty");
	cluster->published.name = config_text(arena, message->name);
	cluster->stat_name = message->alt_stat_name[0] ? config_text(arena, message->alt_stat_name)
						       : cluster->published.name;
	cluster->service_name = cluster->published.name;
	if (message->eds_cluster_config && message->eds_cluster_config->service_name[0])
		cluster->service_name =
			config_text(arena, message->eds_cluster_config->service_name);
	cluster->connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS;
	cluster->cleanup_ms = DEFAULT_CLEANUP_MS;
	cluster->buffer_limit =
		config_u32(message->per_connection_buffer_limit_bytes, DEFAULT_BUFFER_LIMIT);
	cluster->closes_on_health_failure = message->close_connections_on_host_health_failure;
	cluster->ignores_health_on_removal = message->ignore_health_on_host_removal;
	cluster->has_pool_per_downstream = message->connection_pool_per_downstream_connection;
	cluster->tracks_timeout_budgets = message->track_timeout_budgets;
	if (message->track_cluster_stats) {
		cluster->tracks_endpoints = message->track_cluster_stats->per_endpoint_stats;
		cluster->tracks_sizes = message->track_cluster_stats->request_response_sizes;
		cluster->tracks_timeout_budgets |= message->track_cluster_stats->timeout_budgets;
	}
	struct labels *labels = labels_new(message->metadata);
	arena_defer(arena, labels_drop_deferred, labels);
	cluster->labels = labels;
	enum status status = config_ms_positive(message->connect_timeout, "connect_timeout",
						&cluster->connect_timeout_ms, diag);
	if (!status)
		status = config_ms_positive(message->cleanup_interval, "cleanup_interval",
					    &cluster->cleanup_ms, diag);
	return status;
}

enum status cluster_build(const Envoy__Config__Cluster__V3__Cluster *message, struct cluster **out,
			  struct diag *diag)
{
	struct arena arena;
	arena_init(&arena, 2048);
	struct cluster *cluster = ARENA_NEW(&arena, struct cluster);
	cluster->published = (struct published){.kind = PUBLISHED_CLUSTER,
						.references = 1,
						.arena = arena,
						.free = cluster_release};

	enum status status = read_common(cluster, message, diag);
	if (!status)
		status = read_type(cluster, message, diag);
	if (!status)
		status = read_breakers(cluster, message->circuit_breakers, diag);
	if (!status)
		status = read_outlier(cluster, message->outlier_detection, diag);
	if (!status)
		status = cluster_lb_config(cluster, message, diag);
	if (!status)
		status = cluster_health_config(cluster, message, diag);
	if (!status)
		status = cluster_http_config(cluster, message, diag);
	if (!status)
		status = read_dns(cluster, message, diag);
	if (!status)
		status = read_connection_options(cluster, message, diag);
	if (!status)
		status = read_original_dst(cluster, message, diag);
	if (!status)
		status = read_assignment(cluster, message, diag);
	if (status) {
		cluster_free(cluster);
		return status;
	}
	*out = cluster;
	return STATUS_OK;
}
