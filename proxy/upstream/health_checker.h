/* The active checks of one cluster: every host of its set is asked again and again, and its flags
 * follow the results.
 *
 *   host set ─ health_checker_configure ─> a check for each host ─ result ─> host's
 *   flags ─ changed() ─> new tables soon
 *
 * Owner: the cluster's record on main. Thread: main. Timers: one a host (interval), one a check
 * under way (timeout). Limit: HEALTH_STARTS_A_MS first checks, so that the rounds of many hosts are
 * spread, too. */
#ifndef UPSTREAM_HEALTH_CHECKER_H
#define UPSTREAM_HEALTH_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/cluster.h"
#include "upstream/health.h"

struct health_check;
struct health_checker;
struct host;
struct host_memory;
struct host_set;
struct loop;
struct random;
struct stats;

enum { HEALTH_STARTS_A_MS = 16 }; /* checks of new hosts that begin in a millisecond */

struct health_checker_events {
	/* A host's flags have changed: the tables are out of date. */
	void (*changed)(struct health_checker *checker);
	/* A check of the host has succeeded. */
	void (*succeeded)(struct health_checker *checker, struct host *host);
};

struct health_checker {
	struct loop *loop;
	struct random *random;
	struct stats *stats;
	const struct health_checker_events *events;
	const struct host_memory *memory; /* of the process before; NULL: none */
	const struct cluster *cluster;    /* its current version */
	struct health_check *checks;      /* one a host */
	uint32_t count, unchecked;        /* hosts, and those without a first result */
	uint32_t healthy, degraded;
};

void health_checker_init(struct health_checker *checker, struct loop *loop, struct random *random,
			 struct stats *stats, const struct health_checker_events *events);
void health_checker_fini(struct health_checker *checker);

/* Checks the hosts of this set, as this version of the cluster says (which must live until the next
 * call); no others. Called for every new set and version. Under another version hosts keep their
 * results, and what is under way is asked anew. */
void health_checker_configure(struct health_checker *checker, const struct cluster *cluster,
			      const struct host_set *set);

/* Calls fn for every host that has had a result. */
void health_checker_each(const struct health_checker *checker,
			 void (*fn)(void *arg, const struct host *host,
				    const struct health *health),
			 void *arg);

/* True when every host has had its first result (or there is nothing to check). */
static inline bool health_checker_is_warm(const struct health_checker *checker)
{
	return !checker->unchecked;
}

/* The host's own word, in an answer to a request: it fails at once. */
void health_checker_fail(struct health_checker *checker, const struct host *host);

#endif
