/* A downstream connection as its worker sees it, whatever serves it.
 *
 * Owner: what embeds it. Thread: its worker. */
#ifndef NET_SERVED_H
#define NET_SERVED_H

#include "base/list.h"

struct served {
	struct list_node link; /* the worker's list of all */
	const struct served_type *type;
};

struct served_type {
	/* No new requests: ends at its next boundary. */
	void (*drain)(struct served *served);
	/* Its worker asks clients to leave, or does so no more: tells the peer if its protocol can
	 * take that back. NULL: it has nothing to tell. */
	void (*review)(struct served *served);
	/* Ends now, and is unlinked by that. */
	void (*close)(struct served *served);
};

#endif
