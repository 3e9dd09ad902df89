/* What a listener's filter chain is made of: connection filters, the last of which serves the
 * connection.
 *
 * One const struct per type. Gates (connection limit, rate limit, RBAC …) only say yes or no when a
 * connection arrives; the last one takes it. Thread: config_load the builder's, the others the
 * worker's. */
#ifndef NET_CONN_FILTER_H
#define NET_CONN_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/published.h"
#include "base/slice.h"

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;
struct config_context;
struct handover;
struct served_chain;
struct worker_context;

/* In the place of the time that a connection has lived: it lives on elsewhere (net/handover.h). */
#define ACCEPTED_GIVEN_AWAY UINT64_MAX

/* Who hears, once, that an accepted connection has ended: the listener, or a gate that stands
 * before it. Embedded. */
struct accepted_end {
	void (*ended)(struct accepted_end *end, uint64_t lived_ms);
};

/* A connection that a listener accepted, while it is handed to its chain. */
struct accepted {
	int fd;
	struct addr remote, local;
	struct worker_context *worker;
	struct pin *listener; /* the serving filter takes it for the connection's life */
	const struct served_chain *chain; /* the listener's: lives as long as it is taken */
	struct accepted_end *end;
	uint32_t buffer_limit; /* per_connection_buffer_limit_bytes; 0: the default */
	bool is_adopted;       /* it was accepted elsewhere, and admitted there */
};

static inline void accepted_ended(struct accepted_end *end, uint64_t lived_ms)
{
	end->ended(end, lived_ms);
}

struct conn_filter_type {
	const char *name; /* also the xDS type name's filter name */
	const struct ProtobufCMessageDescriptor *message;
	enum status (*config_load)(const void **config, const struct ProtobufCMessage *message,
				   const struct config_context *context, struct diag *diag);
	/* A gate: false refuses (the caller closes). One that wants to hear of the end puts itself
	 * before accepted->end: it is called whether the connection was served or refused. NULL
	 * for the serving filter. */
	bool (*admit)(const void *config, struct accepted *accepted);
	/* Takes the connection: calls accepted_ended once, later. NULL for gates. */
	void (*serve)(const void *config, const struct accepted *accepted);
	/* The same of one that was given away elsewhere: takes its descriptors, copies the rest. It
	 * counts among those that are open, not among those that came. False: it can't go on here;
	 * nothing was taken. NULL: none can. */
	bool (*adopt)(const void *config, const struct accepted *accepted,
		      struct handover *handover);
};

#endif
