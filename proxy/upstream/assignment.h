/* Where a cluster's hosts are, as the configuration, an EDS answer or DNS says: a plain list,
 * before it is a host set.
 *
 *   ClusterLoadAssignment -> assignment_build -> struct assignment -> (names resolved)
 *     -> host_set_build
 *
 * Endpoints of one locality stand together, in the order given; localities are in order of
 * priority, then as given. Owner: one; it frees. Immutable once built. Thread: any. */
#ifndef UPSTREAM_ASSIGNMENT_H
#define UPSTREAM_ASSIGNMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

struct labels;
struct Envoy__Config__Endpoint__V3__ClusterLoadAssignment;

enum {
	ASSIGNMENT_PRIORITY_MAX = 128,
	ASSIGNMENT_OVERPROVISIONING = 140, /* percent, the default */
};

enum endpoint_health {
	ENDPOINT_UNKNOWN,
	ENDPOINT_HEALTHY,
	ENDPOINT_UNHEALTHY,
	ENDPOINT_DRAINING,
	ENDPOINT_TIMEOUT,
	ENDPOINT_DEGRADED,
};

/* How a host is checked, where that differs from its address. */
struct endpoint_check {
	struct addr addr; /* ADDR_NONE: the endpoint's */
	uint16_t port;    /* 0: the endpoint's */
	bool is_disabled;
	struct slice hostname; /* Host header */
};

struct endpoint {
	struct addr addr;      /* ADDR_NONE with a port: `name` is to be resolved */
	struct slice name;     /* DNS name, "" for an IP */
	struct slice hostname; /* for Host rewriting and hashing; of a DNS endpoint: the name if
				  nothing else is given */
	uint32_t weight;       /* at least 1 */
	uint8_t health;        /* enum endpoint_health */
	struct labels *labels; /* NULL: none */
	struct endpoint_check *check; /* NULL: nothing special */
};

struct locality {
	struct slice region, zone, sub_zone;
	uint32_t priority, weight;
	bool has_weight;
	uint32_t first, count; /* of its endpoints */
};

struct drop_overload {
	struct slice category;
	uint32_t per_million;
};

struct assignment {
	struct arena arena;
	struct slice name;
	struct endpoint *endpoints;
	uint32_t endpoint_count;
	struct locality *localities;
	uint32_t locality_count;
	uint32_t overprovisioning; /* percent */
	bool is_health_weighted;   /* weighted_priority_health */
	uint32_t stale_after_ms;   /* 0: never */
	struct drop_overload *drops;
	uint32_t drop_count;
};

/* takes_names: addresses may be DNS names. NULL message: an assignment without endpoints. On
 * success *assignment is owned by the caller. STATUS_INVALID with path and reason in diag. */
enum status MUST_CHECK
assignment_build(const struct Envoy__Config__Endpoint__V3__ClusterLoadAssignment *message,
		 bool takes_names, struct assignment **assignment, struct diag *diag);

/* One with the localities and policy of `from` and room for endpoint_count endpoints, to be filled
 * in by the caller (DNS). Texts and labels are shared: `from` must live as long. */
struct assignment *assignment_derive(const struct assignment *from, uint32_t endpoint_count);

/* NULL: nothing. */
void assignment_free(struct assignment *assignment);
/* For arena_defer. */
void assignment_free_deferred(void *assignment);

#endif
