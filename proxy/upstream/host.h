/* A host: one address of a cluster, as all versions of its host set know it.
 *
 *   host set v7 ─┐
 *   host set v8 ─┼─> host (address, hostname, one health word)
 *   worker_host ─┘   freed by whoever drops the last reference
 *
 * A new host set takes over the hosts of the one before that have the same address and hostname, so
 * pools and health survive an update. References are counted by host sets and by a worker's first
 * use of it, never by requests.
 *
 * Thread: immutable but for the words marked atomic: relaxed, written rarely, read at every pick.
 */
#ifndef UPSTREAM_HOST_H
#define UPSTREAM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attributes.h"
#include "base/slice.h"

/* Why a host isn't well: /clusters shows these names. */
#define HOST_FLAG_TABLE(X)                                                                         \
	X(FAILED_ACTIVE_CHECK, 0, "/failed_active_hc")                                             \
	X(FAILED_OUTLIER_CHECK, 1, "/failed_outlier_check")                                        \
	X(FAILED_EDS, 2, "/failed_eds_health")                                                     \
	X(DEGRADED_ACTIVE_CHECK, 3, "/degraded_active_hc")                                         \
	X(DEGRADED_EDS, 4, "/degraded_eds_health")                                                 \
	X(PENDING_ACTIVE_CHECK, 5, "/pending_active_hc")                                           \
	X(EXCLUDED, 6, "/excluded_via_immediate_hc_fail")                                          \
	X(CHECK_TIMEOUT, 7, "/active_hc_timeout")                                                  \
	X(DRAINING_EDS, 8, "/eds_status_draining")                                                 \
	X(READONLY, 9, "/readonly")

enum host_flag {
#define HOST_FLAG_ENUM(name, bit, text) HOST_##name = 1u << (bit),
	HOST_FLAG_TABLE(HOST_FLAG_ENUM)
#undef HOST_FLAG_ENUM
		HOST_UNHEALTHY = HOST_FAILED_ACTIVE_CHECK | HOST_FAILED_OUTLIER_CHECK |
				 HOST_FAILED_EDS | HOST_DRAINING_EDS,
	HOST_DEGRADED = HOST_DEGRADED_ACTIVE_CHECK | HOST_DEGRADED_EDS,
	/* READONLY is its own word: it takes no new calls while there are others. It isn't
	 * unhealthy: its calls are answered, and of hosts that all say so one is picked. */
	/* What active checks set. */
	HOST_CHECKED = HOST_FAILED_ACTIVE_CHECK | HOST_DEGRADED_ACTIVE_CHECK |
		       HOST_PENDING_ACTIVE_CHECK | HOST_EXCLUDED | HOST_CHECK_TIMEOUT,
};

struct host {
	struct addr addr;
	uint32_t references; /* atomic */
	uint32_t health;     /* atomic: bits of enum host_flag */
	uint32_t generation; /* atomic: the newest host set that has it */
	/* Errors in a row, since the last success: atomic, written when they change only. */
	uint16_t errors_5xx, errors_gateway, errors_local;
	uint16_t hostname_len;
	/* Atomic, of all workers: connections that said READONLY and stand, and were not told
	 * otherwise since; when none is left, until when (the low bits of the loops' time) nobody
	 * tries it. Both only while HOST_READONLY is set. */
	uint32_t readonly_count;
	uint32_t rests_until_ms;
	char text[]; /* hostname, 0, path of a Unix address, 0 */
};

/* One reference. The strings are copied. */
struct host *host_new(const struct addr *addr, struct slice hostname);
struct host *host_take(struct host *host);
/* NULL: nothing. */
void host_drop(struct host *host);

static inline struct slice host_hostname(const struct host *host)
{
	return (struct slice){host->text, host->hostname_len};
}

static inline uint32_t host_health(const struct host *host)
{
	return __atomic_load_n(&host->health, __ATOMIC_RELAXED);
}

/* Sets and clears bits; answers what they were before. */
static inline uint32_t host_health_set(struct host *host, uint32_t set, uint32_t clear)
{
	uint32_t before = host_health(host);
	while (!__atomic_compare_exchange_n(&host->health, &before, (before | set) & ~clear, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return before;
}

enum { HOST_REST_MS = 15000 }; /* from READONLY's last connection to the next try */

/* A connection to the host has been told READONLY: from now on no worker picks it. */
void host_readonly_said(struct host *host);
/* The same connection was told WRITEABLE, or (is_lost) has ended: then the host rests, as it is
 * likely to have stopped. */
void host_readonly_over(struct host *host, bool is_lost, uint64_t now_ms);
/* A new connection was made: a provider that has been started again. */
void host_readonly_connected(struct host *host);
/* Asked of a host with HOST_READONLY only: whether it still is. */
bool host_readonly_lasts(struct host *host, uint64_t now_ms);

static inline bool host_is_readonly(struct host *host, uint64_t now_ms)
{
	return UNLIKELY(host_health(host) & HOST_READONLY) && host_readonly_lasts(host, now_ms);
}

static inline bool host_is_unhealthy(const struct host *host)
{
	return host_health(host) & HOST_UNHEALTHY;
}

/* True when a host set of this generation or a later one has it. */
static inline bool host_is_in(const struct host *host, uint32_t generation)
{
	return __atomic_load_n(&host->generation, __ATOMIC_RELAXED) >= generation;
}

/* A host set of this generation has it. Two may be built at a time: the newer one counts. */
static inline void host_note_generation(struct host *host, uint32_t generation)
{
	uint32_t before = __atomic_load_n(&host->generation, __ATOMIC_RELAXED);
	while (before < generation &&
	       !__atomic_compare_exchange_n(&host->generation, &before, generation, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* By address, then hostname: the order in which host sets find the hosts of the one before. */
int host_compare(const struct addr *a, struct slice a_hostname, const struct addr *b,
		 struct slice b_hostname);

enum { HOST_FLAGS_TEXT_MAX = 256 };
/* "/failed_eds_health/…", or "healthy". Returns the length written to out[HOST_FLAGS_TEXT_MAX]. */
size_t host_flags_format(uint32_t flags, char *out);

#endif
