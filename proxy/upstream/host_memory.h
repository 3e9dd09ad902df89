/* What the process before this one has found out about hosts: results of active checks, and who was
 * ejected. A host that appears here with a new host set begins with that; then it is used up.
 *
 *   section "hosts" ─> memory: (cluster, address, hostname) ─> finding ─┬─> health_checker
 *                                                                       └─> outlier
 *
 * Owner: the cluster manager. Thread: main. Bounded by HOST_MEMORY_MAX findings. */
#ifndef UPSTREAM_HOST_MEMORY_H
#define UPSTREAM_HOST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "upstream/host.h"

enum { HOST_MEMORY_MAX = 4000000 };

struct host_finding {
	uint32_t checked_flags; /* bits of HOST_CHECKED, if is_checked */
	uint32_t successes, failures;
	uint32_t times, jitter_ms; /* of ejections: struct outlier_host */
	uint64_t ejected_ms, returned_ms;
	bool is_checked;
	bool was_ejected; /* lately, or is_ejected */
	bool is_ejected;
};

struct host_memory {
	struct arena arena;
	struct map findings; /* struct host_finding */
};

void host_memory_init(struct host_memory *memory);
void host_memory_fini(struct host_memory *memory);

/* The finding of that host, made (zeroed) if there is none. NULL: too many. */
struct host_finding *host_memory_at(struct host_memory *memory, struct slice cluster,
				    struct slice address, struct slice hostname);
/* NULL: nothing is known of it. memory may be NULL. */
struct host_finding *host_memory_find(const struct host_memory *memory, struct slice cluster,
				      const struct host *host);

#endif
