/* Which protocol a new connection speaks, from its first bytes, which stay unread.
 *
 *   accepted ─ peek ─┬ decided ───────────────────────────────────────────> found
 *                    └ too few: waits for as many as it takes ─ peek … ──> found
 *                        └ time, or the peer's end, comes first ──> found(OTHER), or closed
 *
 * The bytes are only looked at in the socket: whoever serves the connection then reads it from its
 * beginning, and pays nothing for this. Waiting costs no wake-up for a part of what is needed
 * (SO_RCVLOWAT).
 *
 * Owner: what waits is the worker's (worker->served), and frees itself. Thread: the worker's.
 * Timers: one while it waits. Limits: SNIFF_BYTES are looked at. Sources: RFC 9113 3.4 (preface),
 * RFC 8446 5.1 (record type), RFC 9110 5.6.2 (a method is a token). */
#ifndef MANAGER_SNIFF_H
#define MANAGER_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct accepted;
struct handover;

#define SNIFF_PROTOCOL "sniffed" /* of a handover */

enum {
	SNIFF_BYTES = 4,
	SNIFF_TIMEOUT_MS = 300000, /* more than a Dubbo consumer waits for its first heartbeat */
};

/* The numbers are those of ProtocolSniffer.Protocol. */
enum sniffed {
	SNIFFED_OTHER,
	SNIFFED_HTTP1,
	SNIFFED_HTTP2,
	SNIFFED_TLS,
	SNIFFED_DUBBO,
	SNIFFED_BOLT,
	SNIFFED_COUNT,
};

/* What a connection that begins with these bytes speaks. *needs: 0, or how many bytes decide it
 * when these are too few (at most SNIFF_BYTES). */
enum sniffed sniff_bytes(struct slice bytes, size_t *needs);

/* Who asked, and takes the connection: false refuses it. Called once, maybe from within
 * sniff_start. */
typedef bool sniff_found(const void *config, enum sniffed protocol,
			 const struct accepted *accepted);

/* A connection that was given away while it waited here: nothing of it was read, so it begins anew
 * with sniff_start, which takes its descriptor from now on. False: it was something else. */
bool sniff_takes(struct handover *handover);

/* Takes the connection until `found`. config lives as long as accepted->listener is pinned. */
void sniff_start(const struct accepted *accepted, uint64_t timeout_ms, sniff_found *found,
		 const void *config);

#endif
