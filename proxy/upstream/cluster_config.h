/* The parts of cluster_build, one for each part of the message. Each writes into the cluster, whose
 * arena holds what is made, and answers STATUS_INVALID with path and text in diag.
 *
 * Owner: cluster_config.c. Thread: the builder's. */
#ifndef UPSTREAM_CLUSTER_CONFIG_H
#define UPSTREAM_CLUSTER_CONFIG_H

#include <envoy/config/cluster/v3/cluster.pb-c.h>

#include "upstream/cluster.h"

/* lb_policy, its options, load_balancing_policy, common_lb_config. */
enum status MUST_CHECK cluster_lb_config(struct cluster *cluster,
					 const Envoy__Config__Cluster__V3__Cluster *message,
					 struct diag *diag);

/* lb_subset_config. */
enum status MUST_CHECK cluster_subset_config(
	struct cluster *cluster, const Envoy__Config__Cluster__V3__Cluster__LbSubsetConfig *message,
	struct diag *diag);

/* health_checks. */
enum status MUST_CHECK cluster_health_config(struct cluster *cluster,
					     const Envoy__Config__Cluster__V3__Cluster *message,
					     struct diag *diag);

/* HttpProtocolOptions and its deprecated forerunners. */
enum status MUST_CHECK cluster_http_config(struct cluster *cluster,
					   const Envoy__Config__Cluster__V3__Cluster *message,
					   struct diag *diag);

#endif
