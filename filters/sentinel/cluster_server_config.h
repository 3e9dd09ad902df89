/* What a configuration says of the token server that the application may be. */
#ifndef FILTERS_SENTINEL_CLUSTER_SERVER_CONFIG_H
#define FILTERS_SENTINEL_CLUSTER_SERVER_CONFIG_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/status.h"

struct cluster_server_options;
struct Outrigger__Filters__Sentinel__V1__ClusterServer;

/* *options in the arena. STATUS_INVALID, and a diag with the path from "cluster_server" on. */
enum status MUST_CHECK
cluster_server_load(const struct cluster_server_options **options,
		    const struct Outrigger__Filters__Sentinel__V1__ClusterServer *message,
		    struct arena *arena, struct diag *diag);

#endif
