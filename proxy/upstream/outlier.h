/* Outlier detection: hosts that answer with errors several times in a row are left out for a while.
 *
 *   worker: outlier_note(host, what came back) ─ the nth error in a row ─ message
 *   main:   outlier_trip ─> ejected
 *           every interval: outlier_tick ─ ejected long enough ─> back
 *
 * A host is ejected for base_ejection_time times the number of times it was ejected lately, at most
 * max_ejection_time; an interval without an ejection takes one off that number. No more than
 * max_ejection_percent of the hosts are out at one time. The counts stand in the host (atomic
 * words, written when they change only); all else is main's.
 *
 * Owner: the cluster's record on main. Thread: outlier_note any worker, the rest main. No clock of
 * its own. */
#ifndef UPSTREAM_OUTLIER_H
#define UPSTREAM_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "upstream/cluster.h"
#include "upstream/host.h"

struct host_finding;
struct host_set;
struct random;
struct stats_shard;

/* What a request to a host came to. */
enum outlier_event {
	OUTLIER_SUCCESS,       /* an answer below 500 */
	OUTLIER_5XX,           /* another answer of 500 or above */
	OUTLIER_GATEWAY,       /* 502, 503 or 504 */
	OUTLIER_LOCAL_SUCCESS, /* connected (only where local errors are counted apart) */
	OUTLIER_LOCAL_FAILURE, /* no connection, a reset, a timeout */
};

enum outlier_cause {
	OUTLIER_CAUSE_5XX,
	OUTLIER_CAUSE_GATEWAY,
	OUTLIER_CAUSE_LOCAL,
	OUTLIER_CAUSE_SUCCESS_RATE, /* main's own finding, as the next one */
	OUTLIER_CAUSE_FAILURE_PERCENTAGE,
	OUTLIER_CAUSES,
};

/* The event of an answer's status. */
static inline enum outlier_event outlier_event_of(unsigned status)
{
	if (status < 500)
		return OUTLIER_SUCCESS;
	return status >= 502 && status <= 504 ? OUTLIER_GATEWAY : OUTLIER_5XX;
}

unsigned outlier_note_slow(struct host *host, const struct outlier_config *config,
			   enum outlier_event event);

/* Counts the event. Answers bits (1 << enum outlier_cause) of the rows of errors that have just
 * become long enough: main is to be told. A success costs a load. */
static inline unsigned outlier_note(struct host *host, const struct outlier_config *config,
				    enum outlier_event event)
{
	if (event == OUTLIER_SUCCESS && !__atomic_load_n(&host->errors_5xx, __ATOMIC_RELAXED) &&
	    !__atomic_load_n(&host->errors_gateway, __ATOMIC_RELAXED) &&
	    (config->splits_local || !__atomic_load_n(&host->errors_local, __ATOMIC_RELAXED)))
		return 0;
	return outlier_note_slow(host, config, event);
}

/* A host that is out, was lately, or has answered in this interval. */
struct outlier_host {
	struct host *host;            /* a reference */
	uint64_t requests, successes; /* reported in this interval */
	uint64_t ejected_ms, returned_ms;
	uint32_t jitter_ms;
	uint32_t times; /* multiplies the next ejection's time */
	bool is_ejected;
	struct outlier_host *next;
};

struct outlier {
	const struct outlier_config *config; /* of the cluster's current version */
	struct map by_host;                  /* pointer of a host -> its outlier_host */
	struct outlier_host *hosts;          /* few: those ejected or lately returned */
	uint32_t ejected;
	struct stats_shard *shard;
	const struct stat_scope *stats; /* outlier_stats */
	struct random *random;
};

void outlier_init(struct outlier *outlier, struct stats_shard *shard, struct random *random);
/* Its hosts are put back. */
void outlier_fini(struct outlier *outlier);

/* Another version of the configuration; both NULL: detection is off, and all hosts return. */
void outlier_configure(struct outlier *outlier, const struct outlier_config *config,
		       const struct stat_scope *stats);

/* A host's row of errors was long enough. host_count: of the cluster. True when it was ejected. */
bool outlier_trip(struct outlier *outlier, struct host *host, enum outlier_cause cause,
		  uint32_t host_count, uint64_t now_ms);

/* What a worker counted of a host since it last said so: for success rates. */
void outlier_count(struct outlier *outlier, struct host *host, uint64_t requests,
		   uint64_t successes);

/* Once an interval: hosts come back, and those whose rate of success is far below the others' go.
 * host_count: of the cluster. True when the health of any has changed. */
bool outlier_tick(struct outlier *outlier, uint32_t host_count, uint64_t now_ms);

/* Whether workers should count. */
static inline bool outlier_wants_counts(const struct outlier_config *config)
{
	return config && (config->enforcing_success_rate || config->enforcing_failure_percentage);
}

/* An active health check of the host has succeeded: it comes back, if so configured. True when it
 * did. */
bool outlier_checked(struct outlier *outlier, struct host *host, uint64_t now_ms);

/* Forgets hosts that aren't in the set any more. */
void outlier_keep(struct outlier *outlier, const struct host_set *set);

/* The process before has ejected the host, or had lately: it stays out as long as it would have.
 * Once; not of hosts that this process has ejected. True when the host's health has changed. */
bool outlier_remember(struct outlier *outlier, struct host *host, struct host_finding *finding,
		      uint64_t now_ms);

/* Milliseconds that the host stays out at a time, without jitter. */
uint64_t outlier_ejection_ms(const struct outlier_config *config, uint32_t times);

#endif
