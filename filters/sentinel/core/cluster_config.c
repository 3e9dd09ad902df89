#include "filters/sentinel/core/cluster_config.h"

#include <stddef.h>

const char *cluster_config_fault(const struct cluster_config *config)
{
	if (!config)
		return "clusterConfig: needed in cluster mode";
	if (config->flow_id <= 0)
		return "clusterConfig.flowId: must be > 0";
	if (config->sample_count <= 0 || config->window_interval_ms <= 0 ||
	    config->window_interval_ms % config->sample_count)
		return "clusterConfig.windowIntervalMs: must be a multiple of sampleCount, both > "
		       "0";
	return NULL;
}

bool cluster_config_is_equal(const struct cluster_config *a, const struct cluster_config *b)
{
	return a->flow_id == b->flow_id && a->threshold_type == b->threshold_type &&
	       a->sample_count == b->sample_count &&
	       a->window_interval_ms == b->window_interval_ms &&
	       a->fallback_to_local_when_fail == b->fallback_to_local_when_fail;
}
