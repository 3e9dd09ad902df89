/* A worker's side of all clusters: which versions are in force, its host objects, their pools.
 *
 *   upstream_worker ─ clusters[slot] ─ cluster_worker ─ hosts (by host id)
 *     ─ worker_host ─ pools (by protocol)
 *
 * Owner: the worker. Thread: the worker's. A worker_host is made when a request first picks the
 * host; it goes when its host has left the set and the last request and connection are gone. */
#ifndef UPSTREAM_UPSTREAM_WORKER_H
#define UPSTREAM_UPSTREAM_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/published.h"
#include "base/random.h"
#include "base/scope.h"
#include "net/loop.h"
#include "telemetry/stats.h"
#include "upstream/balancer.h"
#include "upstream/breaker.h"
#include "upstream/cluster.h"
#include "upstream/destination.h"
#include "upstream/host_set.h"
#include "upstream/host_views.h"
#include "upstream/outlier.h"
#include "upstream/pool.h"
#include "upstream/upstream_dialect.h"

/* What one worker has counted of a host. */
struct host_counts {
	uint64_t cx_total, cx_connect_fail;
	uint64_t rq_total, rq_success, rq_error, rq_timeout;
	uint64_t cx_active, rq_active, rq_pending; /* worker_host_counts fills these in */
};

struct worker_host {
	struct host *host; /* a reference */
	struct cluster_worker *cluster;
	struct worker_host *next; /* in its hash bucket */
	uint32_t active;          /* requests in flight of this worker */
	uint32_t holds;           /* requests that aren't over, streams that look at it */
	bool is_removed;          /* no longer in the set */
	struct host_counts counts;
	uint64_t told_requests, told_successes; /* of the counts, what main knows */
	struct pool *pools[UPSTREAM_PROTOCOLS]; /* NULL: never used */
	struct list_node reserved_pools;        /* pool->in_host: of reserves that call it */
};

struct cluster_worker {
	struct upstream_worker *upstream;
	uint32_t slot;
	struct pin *cluster; /* taken; never NULL while listed */
	struct pin *hosts;   /* taken; NULL: no host set yet */
	struct stat_scope *stats;
	struct worker_host **buckets;
	uint32_t bucket_count, host_count;
	struct worker_host *only; /* what every pick comes to (cluster_worker_only), or NULL */
	uint32_t swept;           /* buckets whose hosts were compared with the set in force */
	struct timer sweep_timer; /* runs while there are more */
	struct balance_state balance;
	struct host_views views;            /* for picks that a host rule narrows */
	struct http1_options http1_options; /* of connections to its hosts */
	struct breaker_lease leases[CLUSTER_PRIORITIES];
	struct timer tell_timer;          /* runs while main wants to know of successes */
	uint32_t told;                    /* buckets whose hosts it was told of, of this interval */
	struct destinations destinations; /* hosts of ORIGINAL_DST */
	uint32_t holds;                   /* who looks at it beyond a call chain */
	bool is_removed;                  /* not configured any more; goes with its last host */
	struct list_node removed;         /* upstream->removed; unlinked until then */
	bool is_plain; /* a pick asks nothing but whose turn it is, and none is dropped */
};

/* What a worker tells main of a host. */
struct host_report {
	uint32_t slot;     /* of the cluster */
	struct host *host; /* a reference */
	unsigned causes;   /* bits of enum outlier_cause: rows of errors that are long enough */
	uint64_t requests, successes; /* answered since the last report; 0: not told */
	bool has_failed;              /* its own word: x-envoy-immediate-health-check-fail */
};

struct upstream_worker {
	struct loop *loop;
	struct pin_table *pins;
	struct stats_shard *stats;
	struct random *random;
	struct cluster_worker **clusters; /* by slot; NULL: not configured */
	uint32_t cluster_size;
	struct list_node removed; /* clusters that wait for their hosts' end */
	struct map names;         /* of configured clusters -> cluster_worker */
	struct map reserves;      /* client connection's id -> reserve (reserve.h) */
	uint64_t next_conn_id;
	struct dubbo_options dubbo_options;
	struct dubbo_counts dubbo_counts;
	struct bolt_options bolt_options;
	struct bolt_counts bolt_counts;
	struct scope fired; /* calls that nobody waits for (client_fire) */
	uint32_t fired_count;
	/* Takes the report's reference. NULL: reports are dropped. */
	void (*report)(struct upstream_worker *upstream, const struct host_report *report);
	void *owner;
};

struct upstream_worker *upstream_worker_new(struct loop *loop, struct pin_table *pins,
					    struct stats_shard *stats, struct random *random);
/* Closes all connections. Requests must be over. */
void upstream_worker_free(struct upstream_worker *upstream);

/* The pin table has a new version (or none) in this slot. kind: cluster or host set. */
void upstream_worker_changed(struct upstream_worker *upstream, enum published_kind kind,
			     uint32_t slot);

/* How connections to the cluster's hosts speak HTTP/1 (http1_client_options.c). */
void cluster_http1_options(const struct cluster *cluster, struct http1_options *options);

/* NULL: no such cluster now. Borrowed until the end of the turn. */
static inline struct cluster_worker *cluster_worker_find(const struct upstream_worker *upstream,
							 uint32_t slot)
{
	return slot < upstream->cluster_size ? upstream->clusters[slot] : NULL;
}

struct cluster_worker *cluster_worker_find_name(const struct upstream_worker *upstream,
						struct slice name);

static inline const struct cluster *cluster_worker_config(const struct cluster_worker *cluster)
{
	return container_of(cluster->cluster->object, struct cluster, published);
}

static inline const struct host_set *cluster_worker_hosts(const struct cluster_worker *cluster)
{
	return cluster->hosts ? container_of(cluster->hosts->object, struct host_set, published)
			      : NULL;
}

/* It isn't freed before its release, though it may leave the configuration. */
static inline struct cluster_worker *cluster_worker_hold(struct cluster_worker *cluster)
{
	cluster->holds++;
	return cluster;
}
void cluster_worker_release(struct cluster_worker *cluster);

bool cluster_worker_take_shared(struct cluster_worker *cluster, enum cluster_priority priority,
				enum breaker_resource resource);
void cluster_worker_drop_shared(struct cluster_worker *cluster, enum cluster_priority priority,
				enum breaker_resource resource);

/* A slot of a circuit breaker; false when its limit is met. cluster_worker_drop gives it back. */
static inline bool cluster_worker_take(struct cluster_worker *cluster,
				       enum cluster_priority priority,
				       enum breaker_resource resource)
{
	return breaker_take_spare(&cluster->leases[priority], resource) ||
	       cluster_worker_take_shared(cluster, priority, resource);
}
static inline void cluster_worker_drop(struct cluster_worker *cluster,
				       enum cluster_priority priority,
				       enum breaker_resource resource)
{
	if (!breaker_keep_spare(&cluster->leases[priority], resource))
		cluster_worker_drop_shared(cluster, priority, resource);
}
void cluster_worker_take_anyway(struct cluster_worker *cluster, enum cluster_priority priority,
				enum breaker_resource resource);

/* A slot of the retry breaker, held from the decision to try again until that attempt is answered
 * or fails. Zeroed: none. */
struct retry_slot {
	struct cluster_worker *cluster; /* held; NULL: none */
	enum cluster_priority priority;
};
bool retry_slot_take(struct retry_slot *slot, struct cluster_worker *cluster,
		     enum cluster_priority priority);
void retry_slot_give(struct retry_slot *slot);
/* Does nothing when there is none. */
static inline void retry_slot_drop(struct retry_slot *slot)
{
	if (UNLIKELY(slot->cluster != NULL))
		retry_slot_give(slot);
}

/* What a request to the host came to, for outlier detection. Requests that end with an answer or a
 * reset are noted where they end; timeouts are the router's to note. */
void worker_host_note(struct worker_host *wh, enum outlier_event event);
/* Starts or stops telling main of successes, as the cluster's version in force wants it. */
void cluster_worker_tell(struct cluster_worker *cluster);
/* The host has said that it fails (x-envoy-immediate-health-check-fail). */
void worker_host_failed(struct worker_host *wh);

/* The host of a set of one without anything to choose by, once it was picked, while it is well; it
 * drops nothing either. NULL: pick. What a sidecar has for its own application. */
static inline struct worker_host *cluster_worker_only(const struct cluster_worker *cluster)
{
	struct worker_host *only = cluster->only;

	return only && !(host_health(only->host) & (HOST_UNHEALTHY | HOST_READONLY)) ? only : NULL;
}

/* Chooses a host; NULL when there is none (no healthy upstream). Borrowed: hold it to keep it. */
struct worker_host *cluster_worker_pick(struct cluster_worker *cluster, struct pick *pick);

/* The same for a cluster that is_plain; NULL: ask the other. */
struct worker_host *cluster_worker_pick_next(struct cluster_worker *cluster);

/* This worker's object for a host of the cluster, made if new. Borrowed. */
struct worker_host *worker_host_get(struct cluster_worker *cluster, struct host *host);
static inline struct worker_host *worker_host_hold(struct worker_host *wh)
{
	wh->holds++;
	return wh;
}
void worker_host_release(struct worker_host *wh);
/* It takes no new requests; it goes with its last request and connection, or now. */
void worker_host_remove(struct worker_host *wh);

/* The counts, with what is active now. */
struct host_counts worker_host_counts(const struct worker_host *wh);
/* Every host that this worker has used and its clusters still have. */
void upstream_worker_each_host(const struct upstream_worker *upstream,
			       void (*fn)(void *context, const struct worker_host *wh),
			       void *context);

/* A pool of the host begins, or ends. */
void worker_host_count_pool(const struct worker_host *wh, bool is_new);

/* The pool of a protocol, made if new. */
struct pool *worker_host_pool(struct worker_host *wh, enum stream_protocol protocol);

#endif
