/* Resources that come while the process runs: clusters, their endpoints, listeners, their routes,
 * filters of their chains, rules of those.
 *
 *   CDS ─ clusters ─ EDS ─ hosts ─┐
 *                                 ├─ all known ─> sent to the workers as one batch (publisher)
 *   LDS ─ listeners ─ RDS ─ routes┘
 *
 * At the start listeners are asked for when every cluster knows its hosts, and the process is live
 * when every route table is known too. Later nothing is sent while a first answer is out, so a
 * listener comes with its routes and a cluster with its hosts.
 *
 * A file that can't be read or is refused leaves what is in force as it is; at the start it counts
 * as known. Owner: the server. Thread: main. */
#ifndef SERVER_DYNAMIC_H
#define SERVER_DYNAMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/list.h"
#include "server/dynamic_origin.h"
#include "server/subscriptions.h"

struct cluster_offer;
struct cluster_record;
struct config_context;
struct discovered_filter;
struct extension_ask;
struct server;
struct Envoy__Config__Core__V3__ConfigSource;
struct Envoy__Config__Listener__V3__Listener;

/* What the last LDS answer had that was refused. */
struct dynamic_refusal {
	struct list_node link;
	struct origin origin;
	char *name, *details; /* heap */
};

struct dynamic {
	struct server *server;
	struct subscriptions subscriptions;
	struct subscription *clusters, *listeners; /* NULL: not configured */
	struct list_node named;                    /* struct dynamic_named */
	struct list_node refusals;                 /* struct dynamic_refusal */
	bool is_stopped;
};

void dynamic_init(struct dynamic *dynamic, struct server *server);
/* Opens CDS and LDS as the bootstrap says; CDS is read. serves: false only checks. STATUS_INVALID
 * with path and reason. */
enum status MUST_CHECK dynamic_start(struct dynamic *dynamic, bool serves, struct diag *diag);
/* True when all that was configured at the start is known; goes on to the next step if not. */
bool dynamic_is_ready(struct dynamic *dynamic);
/* Sends what changed, unless something that belongs to it is not known yet. */
void dynamic_settle(struct dynamic *dynamic);
/* Nothing is read or applied any more; all subscriptions but those of clusters and listeners are
 * closed. */
void dynamic_stop(struct dynamic *dynamic);
/* Clusters and listeners are gone. */
void dynamic_fini(struct dynamic *dynamic);

/* The faults of several resources in one: the first is told in full, the others are logged. */
void dynamic_gather(struct diag *all, const struct diag *one, size_t *count);

/* cluster_manager_put, and the endpoints' subscription for type EDS. file NULL: static. *is_changed
 * is set if it wasn't so before. */
enum status MUST_CHECK dynamic_put_cluster(struct dynamic *dynamic, struct cluster_offer *offer,
					   struct resource_file *file, bool *is_changed,
					   struct diag *diag);

/* dynamic_clusters.c: CDS. */
extern const struct subscription_type dynamic_clusters_type;

/* listener_manager_put. opens: as there. */
enum status MUST_CHECK dynamic_put_listener(
	struct dynamic *dynamic, const struct Envoy__Config__Listener__V3__Listener *message,
	uint64_t hash, struct resource_file *file, bool opens, bool *is_changed, struct diag *diag);

/* dynamic_routes.c: config_context.subscribe_routes. */
enum status MUST_CHECK
dynamic_subscribe_routes(const struct config_context *context,
			 const struct Envoy__Config__Core__V3__ConfigSource *source,
			 struct slice name, struct diag *diag);

/* dynamic_rules.c: config_context.subscribe_rules. */
enum status MUST_CHECK
dynamic_subscribe_rules(const struct config_context *context,
			const struct Envoy__Config__Core__V3__ConfigSource *source,
			struct slice name, struct diag *diag);

/* dynamic_extensions.c: config_context.subscribe_extension. */
enum status MUST_CHECK dynamic_subscribe_extension(const struct config_context *context,
						   const struct extension_ask *ask,
						   struct discovered_filter *discovered,
						   struct diag *diag);

/* dynamic_endpoints.c: reads the hosts of an EDS cluster whose configuration is new. */
enum status MUST_CHECK dynamic_subscribe_endpoints(
	struct dynamic *dynamic, struct cluster_record *record,
	const struct Envoy__Config__Core__V3__ConfigSource *source, struct diag *diag);

#endif
