/* Where the answers of calls go whose connection was given away while they were under way.
 *
 *   old: manager/rpc_away.h ─ relay_sink ─ channel ─> manager/rpc_owed.h: new writes them
 *
 * Owner: who gives connections away; it outlives all that were given with it. Thread: each worker's
 * own calls it. Nothing is refused or paused here: what is pending, and with it what comes, was
 * bounded when the calls were taken. */
#ifndef NET_RELAY_H
#define NET_RELAY_H

#include <stdint.h>

#include "net/handover.h"

struct relay_sink {
	/* Borrows all of it. */
	void (*answer)(struct relay_sink *sink, const struct handover_answer *answer);
	/* Nothing of this connection is pending any more: it is forgotten. */
	void (*settled)(struct relay_sink *sink, uint64_t connection);
};

#endif
