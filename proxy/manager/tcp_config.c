#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb-c.h>

#include "manager/tcp_manager.h"
#include "stream/config_context.h"
#include "telemetry/access_log.h"
#include "telemetry/stats_network.h"
#include "upstream/config_values.h"
#include "upstream/labels.h"

enum { DEFAULT_IDLE_MS = 3600 * 1000 };

typedef Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy TcpProxy;

/* A cluster that isn't there is found out when a connection comes, as in Envoy. */
static void load_one(struct tcp_cluster *cluster, const char *name,
		     const struct Envoy__Config__Core__V3__Metadata *match,
		     const struct config_context *context)
{
	cluster->name = arena_slice(context->arena, slice_of(name));
	cluster->slot = context->slot(context, PUBLISHED_CLUSTER, cluster->name);
	cluster->metadata_match = match ? labels_load(match, context->arena) : NULL;
}

static enum status load_clusters(struct tcp_config *config, const TcpProxy *message,
				 const struct config_context *context, struct diag *diag)
{
	if (message->cluster_specifier_case ==
	    ENVOY__EXTENSIONS__FILTERS__NETWORK__TCP_PROXY__V3__TCP_PROXY__CLUSTER_SPECIFIER_CLUSTER) {
		struct tcp_cluster *cluster = ARENA_NEW(context->arena, struct tcp_cluster);
		cluster->weight_below = config->weight_sum = 1;
		config->clusters = cluster;
		config->cluster_count = 1;
		load_one(cluster, message->cluster, message->metadata_match, context);
		return STATUS_OK;
	}
	if (message->cluster_specifier_case !=
	    ENVOY__EXTENSIONS__FILTERS__NETWORK__TCP_PROXY__V3__TCP_PROXY__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS)
		return diag_at(diag, "cluster_specifier",
			       "is required: cluster or weighted_clusters");

	size_t count = message->weighted_clusters->n_clusters;
	struct tcp_cluster *clusters = ARENA_NEW_ARRAY(context->arena, struct tcp_cluster, count);
	for (size_t i = 0; i < count; i++) {
		const Envoy__Config__Core__V3__Metadata *match =
			message->weighted_clusters->clusters[i]->metadata_match;
		load_one(&clusters[i], message->weighted_clusters->clusters[i]->name,
			 match ? match : message->metadata_match, context);
		config->weight_sum += message->weighted_clusters->clusters[i]->weight;
		clusters[i].weight_below = config->weight_sum;
	}
	config->clusters = clusters;
	config->cluster_count = (unsigned)count;
	if (!config->weight_sum)
		return diag_at(diag, "weighted_clusters", "the weights must not all be 0");
	return STATUS_OK;
}

enum status tcp_config_load(const void **loaded, const ProtobufCMessage *base,
			    const struct config_context *context, struct diag *diag)
{
	const TcpProxy *message = (const TcpProxy *)base;
	struct tcp_config *config = ARENA_NEW(context->arena, struct tcp_config);
	enum status status;
	const struct access_log_place logs = {context->log_files, context->arena, context->runtime};

	if (!message->stat_prefix[0])
		return diag_at(diag, "stat_prefix", "must not be empty");
	if (message->tunneling_config)
		return diag_at(diag, "tunneling_config", "is not supported yet");
	config->stat_prefix = arena_slice(context->arena, slice_of(message->stat_prefix));
	config->max_connect_attempts = config_u32(message->max_connect_attempts, 1);
	config->hashes_source_ip = message->n_hash_policy > 0;
	config->idle_timeout_ms = DEFAULT_IDLE_MS;
	status = config_ms(message->idle_timeout, "idle_timeout", &config->idle_timeout_ms, diag);
	if (!status)
		status = config_ms(message->max_downstream_connection_duration,
				   "max_downstream_connection_duration", &config->max_duration_ms,
				   diag);
	if (!status)
		status = load_clusters(config, message, context, diag);
	if (!status)
		status = access_log_load(message->access_log, message->n_access_log, &logs,
					 &config->access_log, diag);
	if (status)
		return status;
	config->stats = config_scope(
		context, &tcp_stats,
		slice_of(arena_printf(context->arena, "tcp.%s", message->stat_prefix)));
	*loaded = config;
	return STATUS_OK;
}

const struct conn_filter_type tcp_proxy_filter = {
	.name = "envoy.filters.network.tcp_proxy",
	.message = &envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy__descriptor,
	.config_load = tcp_config_load,
	.serve = tcp_serve,
	.adopt = tcp_adopt,
};
