/* Hosts of ORIGINAL_DST clusters: whatever address a request wants becomes a host of this worker,
 * until nobody uses it.
 *
 *   pick(address) ─┬ known ─> worker_host
 *                  └ new ───> host, worker_host
 *   every cleanup interval: those without connections and requests go
 *
 * Owner: the cluster_worker. Thread: its worker. Timers: cleanup, while there are hosts. Limits:
 * DESTINATIONS_MAX. */
#ifndef UPSTREAM_DESTINATION_H
#define UPSTREAM_DESTINATION_H

#include "base/map.h"
#include "base/timer_wheel.h"

struct addr;
struct cluster_worker;
struct worker_host;

enum { DESTINATIONS_MAX = 65536 }; /* of a cluster and worker; a further one is no host */

struct destinations {
	struct cluster_worker *cluster;
	struct map by_address; /* text form -> worker_host */
	struct timer timer;
};

/* The host of the address, made if new; NULL when there are too many. Borrowed. */
struct worker_host *destination_pick(struct destinations *destinations, const struct addr *addr);

/* The cluster goes: its hosts are removed. Does nothing when there never were any. */
void destinations_fini(struct destinations *destinations);

#endif
