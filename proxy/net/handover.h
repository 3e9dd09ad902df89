/* A live connection on its way to another process: what travels, and the seam by which a worker
 * gives one away and takes one in. Plain data; the wire is hotrestart/handover.h's.
 *
 *   old, worker: served->type->… gives ─ struct handover ─> main ─ channel ─> main ─> new, worker
 *   new, worker: finds the listener and chain, adopts      ─ ADOPTED or REFUSED with reason ─> old
 *   old: closes its copy of the descriptors after ADOPTED; after REFUSED keeps and drains it
 *   old: answers of pending calls ─ whole frames, relayed ─> new writes them to the client
 *
 * One writer: from the moment it is given, old neither reads nor writes the sockets, until REFUSED.
 * Without an answer when the channel ends (new has died) old has it back, too: nobody else writes.
 *
 * Owner: who made it: a struct handover owns its texts, bytes, calls and descriptors (handover_fini
 * frees and closes). Thread: handed from worker to main and back by message, whole. */
#ifndef NET_HANDOVER_H
#define NET_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"

enum {
	HANDOVER_SOCKETS = 2,          /* client's; and upstream's of a TCP pair */
	HANDOVER_BYTES_MAX = 16 << 20, /* unread or unsent, each; more: it is drained instead */
	HANDOVER_CALLS_MAX = 65536,
	HANDOVER_TEXT_MAX = 255, /* of a name */
};

/* The side of one socket: what was read and not consumed, what was to be sent and wasn't (it may
 * begin in the middle of a frame: it goes out first, before anything else). */
struct handover_socket {
	int fd;             /* -1: none, or taken */
	bool is_read_eof;   /* the peer's end was seen: unread are the last bytes */
	bool is_write_shut; /* unsent are the last bytes, then our end */
	char *unread, *unsent;
	size_t unread_len, unsent_len;
};

/* A call that was forwarded and isn't answered: the old process relays its answer. Should that end
 * first, new answers with the connection-lost reply of the protocol. */
struct handover_call {
	uint64_t id;          /* the client's, as it stands in its frame */
	uint32_t deadline_ms; /* from now; 0: none */
	uint8_t kind;         /* the protocol's own: serialisation, version … for a local reply */
	bool is_one_way;      /* no answer is owed */
};

struct handover {
	uint64_t id;        /* old's, unique in its life: names it on the relay channel */
	char *protocol;     /* of who serves it: "http1", "dubbo", "bolt", "tcp", "websocket" */
	uint32_t version;   /* of state, by protocol; new refuses one it doesn't know */
	char *listener;     /* by name */
	char *filter_chain; /* by name; "": match anew by addresses */
	struct addr remote, local; /* of the client's socket; Unix: the path is owned */
	char *cluster, *host;      /* TCP: what the upstream socket is connected to ("ip:port") */
	uint64_t age_ms;           /* since it was accepted */
	uint64_t requests;         /* served so far */
	struct handover_socket sockets[HANDOVER_SOCKETS]; /* [0] the client's */
	struct handover_call *calls;
	size_t call_count;
	char *state; /* the protocol's own bytes (base/section.h's writer and reader are enough) */
	size_t state_len;
};

/* Frees all, closes what descriptors are left; all zero, -1 after it. */
void handover_fini(struct handover *handover);

/* --- relayed: from old to new, in order for one connection --- */

/* Whole frames, as they go to the client: new appends them to its output under its own marks. */
struct handover_answer {
	uint64_t connection; /* struct handover's id */
	struct slice frames; /* borrowed; at most HANDOVER_BYTES_MAX */
	const uint64_t *ids; /* the calls that these answer: they are pending no more */
	size_t id_count;
};

enum handover_word {                   /* with a connection's id */
		     HANDOVER_ADOPTED, /* new to old: it is mine; close yours, relay what is pending
					*/
		     HANDOVER_REFUSED, /* new to old: no such listener …: it stays yours */
		     HANDOVER_CLOSED,  /* new to old: the client has gone; drop its pending calls */
		     HANDOVER_SETTLED, /* old to new: nothing of it is pending here any more */
};

#endif
