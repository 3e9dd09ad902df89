/* The hosts of a STRICT_DNS or LOGICAL_DNS cluster: its names are resolved again and again, and
 * each round gives an assignment.
 *
 *   WAITING ─ timer ─> all names asked ─ last answer ─ assign() ─> WAITING
 *            (refresh rate, time to live, or back-off)
 *
 * A name that can't be resolved keeps the addresses it had. A LOGICAL_DNS cluster has one host: the
 * first address, which stays as long as the name has it. Owner: the cluster's record on main.
 * Thread: main. Timers: one. */
#ifndef UPSTREAM_DNS_CLUSTER_H
#define UPSTREAM_DNS_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer_wheel.h"
#include "upstream/assignment.h"
#include "upstream/cluster.h"

struct dns;
struct dns_name;
struct loop;
struct random;
struct stats;

struct dns_cluster {
	struct loop *loop;
	struct random *random;
	struct stats *stats;
	struct dns *shared; /* the system's name servers */
	struct dns *own;    /* the cluster's; NULL: it uses the shared one */
	const struct cluster *cluster;
	struct dns_name *names; /* one for each endpoint that has one */
	uint32_t count, pending;
	uint32_t failures; /* rounds in a row in which a name failed */
	bool has_answered; /* the first round is over */
	bool is_changed;   /* this round has brought other addresses */
	struct timer timer;
	/* New hosts. Takes the assignment, which borrows from the cluster. */
	void (*assign)(struct dns_cluster *dns_cluster, struct assignment *assignment);
};

/* shared may be NULL when no cluster of its kind is there yet: then configure opens one of its own.
 */
void dns_cluster_init(struct dns_cluster *dc, struct loop *loop, struct random *random,
		      struct stats *stats, struct dns *shared,
		      void (*assign)(struct dns_cluster *dc, struct assignment *assignment));
/* Resolves the names of this version from now on; of a cluster of another type (or NULL) nothing.
 * The cluster must live until the next call. */
void dns_cluster_configure(struct dns_cluster *dc, const struct cluster *cluster);
void dns_cluster_fini(struct dns_cluster *dc);

#endif
