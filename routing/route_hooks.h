/* What building a routing table needs from the rest of the house, as calls given by the builder:
 * routing itself includes neither filters nor clusters.
 *
 * Owner: the caller, for the length of a build. Thread: the builder's. Any member may be NULL; what
 * that means stands with it. */
#ifndef ROUTING_ROUTE_HOOKS_H
#define ROUTING_ROUTE_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

struct Envoy__Config__Bootstrap__V3__LayeredRuntime;
struct Envoy__Config__Core__V3__Metadata;
struct Google__Protobuf__Any;
struct filter_config;

enum { CLUSTER_SLOT_NONE = UINT32_MAX }; /* find the cluster by its name */

struct route_hooks {
	void *context;

	/* The slot of the cluster of that name, made if it is new. NULL: all are
	 * CLUSTER_SLOT_NONE. */
	uint32_t (*cluster_slot)(void *context, struct slice name);

	/* Asked for each named cluster of a table that validates clusters. NULL: all exist. */
	bool (*cluster_exists)(void *context, struct slice name);

	/* Loads what a filter wants to know of a route (host, table, weighted cluster), and whose
	 * configuration it is; the name is there.
	 * STATUS_UNSUPPORTED: there is no such filter. NULL: such configurations are checked by
	 * nobody and dropped. */
	enum status (*load_filter_config)(void *context, struct filter_config *config,
					  const struct Google__Protobuf__Any *message,
					  struct arena *arena, struct diag *diag);

	/* Loads metadata: that of a route, or what hosts must hold (metadata_match). NULL: dropped.
	 */
	enum status (*load_metadata)(void *context,
				     const struct Envoy__Config__Core__V3__Metadata *message,
				     struct arena *arena, const void **metadata, struct diag *diag);

	/* The runtime layers, which fractions ask for their keys. NULL: none. */
	const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime;

	/* route_match_input.read_call will be given when calls are matched. */
	bool can_read_arguments;
};

#endif
