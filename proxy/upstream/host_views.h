/* Picks among the hosts that a host rule leaves (routing/host_rule.h), with the cluster's own way
 * of balancing.
 *
 *   rule + host set ─ view ─ choose ─> choice ─ attached: what balances among its hosts
 *                                                (view_parts.h)
 *
 * A view is made at the first pick with its rule, and anew for each version of the host set; what a
 * choice's hosts are balanced by likewise: what stays is looked up. Wishes of other policies and
 * the route's labels hold among the hosts that the rule leaves.
 *
 * Owner: a worker's cluster embeds it. Thread: the worker's. Limit: HOST_VIEWS_MAX rules at a time;
 * the one that was used longest ago goes. */
#ifndef UPSTREAM_HOST_VIEWS_H
#define UPSTREAM_HOST_VIEWS_H

#include "upstream/balancer.h"

struct host_view;
struct narrowing;

enum { HOST_VIEWS_MAX = 8 };

struct host_views {
	struct host_view *list; /* the latest used first */
	uint32_t count;
	/* Of the cluster's version in force: set by who picks. */
	const struct lb_config *lb;
	struct slice cluster;
};

/* pick->narrowing has a rule. The index of a host, or BALANCE_NONE. */
uint32_t host_views_pick(struct host_views *views, const struct host_set *set,
			 struct balance_state *state, struct pick *pick);
void host_views_fini(struct host_views *views);

#endif
