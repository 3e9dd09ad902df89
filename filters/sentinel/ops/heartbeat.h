/* Tells Sentinel's dashboards that this machine is there (SimpleHttpHeartbeatSender).
 *
 *   start ─ 5 s ─> POST /registry/machine to each dashboard, all at once ─ interval ─> …
 *
 * Each is a connection of its own, given up after HEARTBEAT_TIMEOUT_MS. Nothing is sent while the
 * command centre has no port. Java tells the first dashboard of its list only.
 *
 * Owner: who started it. Thread: one of its own, which may hang in a name look-up: so it isn't
 * waited for, and what it needs is its own. Limits: HEARTBEAT_DASHBOARDS_MAX. */
#ifndef SENTINEL_OPS_HEARTBEAT_H
#define SENTINEL_OPS_HEARTBEAT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "telemetry/text.h"

enum {
	HEARTBEAT_DASHBOARDS_MAX = 16,
	HEARTBEAT_FIRST_MS = 5000,
	HEARTBEAT_INTERVAL_MS = 10000,
	HEARTBEAT_TIMEOUT_MS = 3000,
};

struct heartbeat_options {
	struct slice dashboards; /* "host:port,http://host": without a port 80 */
	struct slice path;       /* "": /registry/machine */
	struct slice application, hostname, ip;
	int32_t application_type;
	uint32_t first_ms, interval_ms; /* 0: the defaults */
};

struct dashboard {
	struct slice host;
	uint16_t port;
};

/* How many of the list there are. Those that can't be told (https, no port) are left out, and
 * logged. Slices are parts of the list. */
unsigned heartbeat_dashboards(struct slice list,
			      struct dashboard dashboards[HEARTBEAT_DASHBOARDS_MAX]);

/* Appends the whole request. */
void heartbeat_request(struct text *out, const struct heartbeat_options *options, struct slice host,
		       uint16_t port, int64_t now_ms);

struct heartbeat;

/* Copies what it needs. Returns owned; NULL: no dashboards, or no thread (which is logged). */
struct heartbeat *heartbeat_start(const struct heartbeat_options *options);
/* That of the command centre; 0: it has none (yet). Any thread. */
void heartbeat_set_port(struct heartbeat *heartbeat, uint16_t port);
/* Takes it; what is under way is given up. NULL is fine. */
void heartbeat_stop(struct heartbeat *heartbeat);

#endif
