/* What goes on around one cluster on main: names are resolved, hosts are checked, bad ones left out
 * and taken back.
 *
 *   new version ──────── cluster_care_cluster ─┐        ┌─ assign(): DNS has new hosts
 *   new host set ─────── cluster_care_hosts ───┼─ care ─┼─ refresh(): hosts' health has changed,
 *   a worker saw errors ─ cluster_care_trip ───┘        │  the tables are old
 *                                                       └─ warm(): the first answers are in, the
 *                                                          cluster may serve
 *
 * Owner: the cluster's record, which embeds it. Thread: main. Timers: outlier interval, refresh (at
 * most every CARE_REFRESH_MS), and those of what it embeds. */
#ifndef UPSTREAM_CLUSTER_CARE_H
#define UPSTREAM_CLUSTER_CARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer_wheel.h"
#include "upstream/dns_cluster.h"
#include "upstream/health_checker.h"
#include "upstream/outlier.h"

struct cluster_care;
struct host_memory;

enum { CARE_REFRESH_MS = 50 };

struct cluster_care_events {
	/* Takes the assignment: build a set and call cluster_care_hosts. */
	void (*assign)(struct cluster_care *care, struct assignment *assignment);
	/* Build a set by host_set_refresh and call cluster_care_hosts. */
	void (*refresh)(struct cluster_care *care);
	/* Once for each version: names are resolved and hosts checked for the first time. Maybe
	 * from within cluster_care_cluster and cluster_care_hosts. */
	void (*warm)(struct cluster_care *care);
};

struct cluster_care {
	struct loop *loop;
	const struct cluster_care_events *events;
	const struct cluster *cluster;
	const struct host_set *hosts;
	const struct host_memory *memory; /* of the process before; NULL: none */
	struct health_checker checker;
	struct outlier outlier;
	struct dns_cluster dns;
	struct timer outlier_timer, refresh_timer;
	uint64_t refreshed_ms;
	bool is_warm;
};

/* shared_dns: may be NULL. */
void cluster_care_init(struct cluster_care *care, struct loop *loop, struct random *random,
		       struct stats *stats, struct dns *shared_dns,
		       const struct cluster_care_events *events);
void cluster_care_fini(struct cluster_care *care);

/* New hosts begin with what the process before knew of them. Borrowed for as long as care lives. */
void cluster_care_remember(struct cluster_care *care, const struct host_memory *memory);

/* The cluster's version in force from now on, with its stats taken. It must live until the next
 * call (or fini) has returned. */
void cluster_care_cluster(struct cluster_care *care, const struct cluster *cluster);

/* Its latest host set, likewise. */
void cluster_care_hosts(struct cluster_care *care, const struct host_set *hosts);

/* False while the first answers of DNS and of health checks are out. A cluster of type EDS: while
 * it has no host set. */
static inline bool cluster_care_is_warm(const struct cluster_care *care)
{
	return care->is_warm;
}

/* A worker's report: the host's row of errors is long enough for these causes (bits of enum
 * outlier_cause). */
void cluster_care_trip(struct cluster_care *care, struct host *host, unsigned causes);

/* A worker's report: so many requests the host has answered since the last one, so many of them
 * well. */
void cluster_care_count(struct cluster_care *care, struct host *host, uint64_t requests,
			uint64_t successes);

/* A worker's report: the host has said that it fails (x-envoy-immediate-health-check-fail). */
void cluster_care_fail(struct cluster_care *care, const struct host *host);

#endif
