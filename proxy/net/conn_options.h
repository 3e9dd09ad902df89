/* What an outgoing socket is set to before it connects: of a cluster, for conn_connect. Not for a
 * Unix peer.
 *
 * Owner: whoever embeds it. Thread: immutable once it is filled. */
#ifndef NET_CONN_OPTIONS_H
#define NET_CONN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct conn_options {
	struct addr source; /* bound to; ADDR_NONE: none */
	bool has_keepalive; /* the kernel asks a silent peer for signs of life */
	/* Unanswered ones that break the connection; the silence before the first, between two. 0:
	 * as the system has it. */
	uint32_t keepalive_probes, keepalive_time_s, keepalive_interval_s;
};

#endif
