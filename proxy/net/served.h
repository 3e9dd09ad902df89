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

struct pin;
struct slice;

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

/* Where a connection came in. */
struct served_origin {
	struct pin *listener;
	const struct slice *filter_chain_name; /* struct accepted's */
};

/* What ends the connections of a listener or chain that has gone. Its worker's. */
struct served_drain {
	struct drain rule;
	unsigned open; /* connections that have it */
	void (*emptied)(struct served_drain *drain);
};

struct served {
	struct list_node link; /* the worker's list of all */
	const struct served_type *type;
	struct served_drain *drain; /* of its own listener. NULL: that is in force */
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
	struct served_origin (*origin)(const struct served *served);
};

static inline void served_begin(struct served *served, const struct served_type *type,
				struct list_node *all)
{
	served->type = type;
	served->drain = NULL;
	list_push_back(all, &served->link);
}

static inline void served_end(struct served *served)
{
	struct served_drain *drain = served->drain;

	list_remove(&served->link);
	served->drain = NULL;
	if (UNLIKELY(drain != NULL) && !--drain->open)
		drain->emptied(drain);
}

#endif
