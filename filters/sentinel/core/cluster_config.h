/* What a rule in cluster mode says of the token server: flow rules (ClusterFlowConfig, which says
 * more) and hot-parameter rules (ParamFlowClusterConfig) alike. Pure. */
#ifndef SENTINEL_CORE_CLUSTER_CONFIG_H
#define SENTINEL_CORE_CLUSTER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct cluster_config {
	int64_t flow_id; /* what the server is asked for */
	int32_t threshold_type;
	int32_t sample_count;
	int32_t window_interval_ms;
	bool fallback_to_local_when_fail;
};

/* NULL if it may be used, and otherwise why not. config: NULL if a rule has none. */
const char *cluster_config_fault(const struct cluster_config *config);

bool cluster_config_is_equal(const struct cluster_config *a, const struct cluster_config *b);

#endif
