/* What became of the questions of an application's rules.
 *
 * Owner: its token client. Thread: any. */
#ifndef SENTINEL_CLUSTER_TOKEN_COUNTS_H
#define SENTINEL_CLUSTER_TOKEN_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

struct token_counts {
	_Atomic uint64_t asked;     /* questions of rules */
	_Atomic uint64_t granted;   /* OK, SHOULD_WAIT */
	_Atomic uint64_t refused;   /* BLOCKED, and what blocks like it */
	_Atomic uint64_t failed;    /* answers by which rules fall back; no connection */
	_Atomic uint64_t forgotten; /* no answer in time, or the call was cancelled */
	_Atomic uint64_t connects, losses, garbage, stalls;
};

#endif
