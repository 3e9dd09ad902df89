/* Main's side of clusters: what is configured, whose hosts are known, and what is published of
 * them.
 *
 *   message ─ cluster_build ─ hosts: in the message, from EDS, by DNS ─ host_set_build
 *           ─> published together
 *
 * A cluster serves when its first host set is known (until then it is warming). Owner: the server.
 * Thread: main; the builder makes what is large (cluster_hosts.h, dynamic_clusters.c). */
#ifndef SERVER_CLUSTER_MANAGER_H
#define SERVER_CLUSTER_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/map.h"
#include "server/dynamic_origin.h"
#include "server/publisher.h"
#include "upstream/breaker.h"
#include "upstream/cluster.h"
#include "upstream/cluster_care.h"
#include "upstream/host_memory.h"
#include "upstream/host_set.h"

struct assignment;
struct builder;
struct host_report;
struct hosts_work;
struct loop;
struct random;
struct stats;
struct subscription;
struct Envoy__Config__Cluster__V3__Cluster;

struct cluster_record {
	struct list_node link; /* in the order of their adding */
	struct slice name;     /* of the current version */
	uint32_t slot;
	bool is_static;  /* from static_resources: CDS can't replace it */
	bool is_warming; /* no host set yet, or its hosts' first checks are out */
	uint64_t hash;   /* of the configuration */
	struct cluster
		*cluster; /* current version; the publisher's reference, or (warming) our own */
	struct host_set *hosts;            /* latest; the publisher's reference. NULL: none yet */
	uint32_t generation;               /* the highest that a host set was given */
	struct hosts_work *work;           /* a host set that is being built; NULL: none */
	struct assignment *assignment;     /* from DNS, to be built next; NULL: none */
	bool is_build_due, is_refresh_due; /* when `work` is back */
	struct breakers *breakers;         /* of all versions */
	struct cluster_manager *manager;
	struct cluster_care care; /* DNS, health checks, outliers */
	uint64_t updated_wall_ns;
	struct origin origin;           /* of the configuration */
	struct subscription *endpoints; /* type EDS; NULL: none */
	struct origin endpoints_origin;
	bool has_endpoints; /* EDS has answered; the hashes of what, for which version */
	uint64_t endpoints_hash, endpoints_cluster_hash;
};

struct cluster_manager {
	struct publisher *publisher;
	struct loop *loop;
	struct random *random;
	struct dns *dns; /* opened with the first cluster that needs it; NULL: none */
	struct builder *builder;
	void (*warmed)(
		struct cluster_manager *manager); /* a cluster has become active. May be NULL */
	/* The builder has brought hosts: publisher_send, if nothing else is to be waited for. */
	void (*settled)(struct cluster_manager *manager);
	void *owner;
	unsigned due; /* clusters whose configured hosts are being built */
	unsigned active, warming;
	struct stats *stats;
	struct stat_scope *scope;  /* "cluster_manager" */
	struct host_memory memory; /* of the process before */
	struct list_node records;
	struct map by_name;
	struct cluster_record **by_slot; /* NULL: none */
	uint32_t slot_count;
};

/* A cluster's configuration on its way into force. */
struct cluster_offer {
	const struct Envoy__Config__Cluster__V3__Cluster *message;
	uint64_t hash; /* equal to that of the version in force: nothing to do */
	bool is_static;
	struct cluster *built;    /* of the message; NULL: it is to be built yet */
	const struct diag *fault; /* why it can't be built; NULL: none is known */
};

void cluster_manager_init(struct cluster_manager *manager, struct publisher *publisher,
			  struct loop *loop, struct random *random, struct stats *stats);
void cluster_manager_fini(struct cluster_manager *manager);

/* Adds or replaces. The change is sent with the next publisher_send. offer->built is taken and NULL
 * afterwards, if it was used. STATUS_INVALID with path and reason; STATUS_EXISTS when CDS names a
 * static cluster. */
enum status MUST_CHECK cluster_manager_put(struct cluster_manager *manager,
					   struct cluster_offer *offer, uint64_t now_wall_ns,
					   struct diag *diag);
void cluster_manager_remove(struct cluster_manager *manager, struct slice name);

struct cluster_record *cluster_manager_find(const struct cluster_manager *manager,
					    struct slice name);

/* A worker's report on a host. Takes the report's reference. */
void cluster_manager_report(struct cluster_manager *manager, const struct host_report *report);

/* New hosts (from EDS or DNS). Takes the host set, built for the record's current cluster. */
void cluster_manager_set_hosts(struct cluster_manager *manager, struct cluster_record *record,
			       struct host_set *hosts);

#endif
