/* A downstream connection as its worker sees it, whatever serves it.
 *
 *   begins ─ served_begin ─> worker's list ─ served_end ─> gone
 *
 * Owner: what embeds it. Thread: its worker. */
#ifndef NET_SERVED_H
#define NET_SERVED_H

#include "base/attributes.h"
#include "base/drain.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/status.h"

struct handover;
struct pin;
struct relay_sink;

enum served_protocol {
	SERVED_HTTP1,
	SERVED_DUBBO,
	SERVED_BOLT,
	SERVED_TCP,
	SERVED_OTHER, /* not known yet, or served by the proxy itself */
	SERVED_PROTOCOLS,
};

/* Why a connection that is to end is still open. */
enum served_wait {
	SERVED_IDLE_WAIT,     /* nothing is under way: for its next message, or for none to come */
	SERVED_BUSY_CALL,     /* for an answer */
	SERVED_TCP_END,       /* bytes without messages: only its ends know when it is over */
	SERVED_NOT_DRAINABLE, /* a tunnel, or something else without a word for going away */
	SERVED_WAITS,
};

struct served_look {
	enum served_protocol protocol;
	enum served_wait wait;
};

/* What ends the connections of a listener or chain that has gone. Its worker's. */
struct served_drain {
	struct drain rule;
	unsigned open; /* connections that have it */
	void (*emptied)(struct served_drain *drain);
};

/* The filter chain that a connection came by: its listener's; when that has gone, a drain's stands
 * in for it. */
struct served_chain {
	struct slice name;
	struct served_drain *drain; /* NULL: it is in force */
};

/* Where a connection came in. */
struct served_origin {
	struct pin *listener;
	const struct served_chain **chain;
};

struct served {
	struct list_node link; /* the worker's list of all */
	const struct served_type *type;
};

struct served_type {
	/* No new requests: ends at its next boundary. */
	void (*drain)(struct served *served);
	/* What its worker or its listener's drain asks of it may have changed: tells the peer, if
	 * its protocol has a word for that. NULL: it has nothing to tell. */
	void (*review)(struct served *served);
	/* Ends now, and is unlinked by that. */
	void (*close)(struct served *served);
	struct served_look (*look)(const struct served *served);
	struct served_origin (*origin)(struct served *served);
	/* Gives the connection away (net/handover.h): it isn't here any more, its peer was told
	 * nothing, and handover is filled in, the caller's to handover_fini. Called between turns'
	 * events (at a turn's end, or as a message). relay: where answers go of calls that are
	 * under way; NULL: there must be none. STATUS_AGAIN: it is in the middle of something: it
	 * begins nothing new, and says so (worker_handover.has_boundary) when it may be asked
	 * again. STATUS_UNSUPPORTED: it can't be given away as it is; it stays, to be drained.
	 * NULL: none can. */
	enum status (*give)(struct served *served, struct relay_sink *relay,
			    struct handover *handover);
	/* After STATUS_AGAIN: it stays, and goes on as before. NULL: as give. */
	void (*keep)(struct served *served);
};

static inline void served_begin(struct served *served, const struct served_type *type,
				struct list_node *all, const struct served_chain *chain)
{
	served->type = type;
	list_push_back(all, &served->link);
	if (UNLIKELY(chain->drain != NULL))
		chain->drain->open++;
}

/* Its drain, and with it the chain, may be gone afterwards. */
static inline void served_end(struct served *served, const struct served_chain *chain)
{
	struct served_drain *drain = chain->drain;

	list_remove(&served->link);
	if (UNLIKELY(drain != NULL) && !--drain->open)
		drain->emptied(drain);
}

#endif
