/* A configured listener: addresses, filter chains and what matches them. Immutable.
 *
 *   Listener message -> listener_build -> struct listener -> published
 *                                         its sockets are main's (listen_sockets.h)
 *
 * Limits of connections stand in layered_runtime, as Envoy's: envoy.resource_limits.listener.
 * <name>.connection_limit, overload.global_downstream_max_connections.
 *
 * Owner: the references of `published`. Thread: built by the builder or main, read by workers,
 * freed on main. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/published.h"
#include "net/conn_filter.h"
#include "net/listener.h"
#include "net/served.h"
#include "stream/config_context.h"

struct listen_sockets;
struct shared_count;
struct Envoy__Config__Listener__V3__Listener;

/* Envoy's core.TrafficDirection. */
enum listener_direction {
	LISTENER_UNSPECIFIED,
	LISTENER_INBOUND,
	LISTENER_OUTBOUND,
};

struct conn_filter {
	const struct conn_filter_type *type;
	const void *config;
};

/* What a connection must look like. Empty lists match all. */
struct chain_match {
	uint16_t destination_port; /* 0: any */
	const struct addr_range *destinations, *sources, *direct_sources;
	unsigned destination_count, source_count, direct_source_count;
	const uint16_t *source_ports;
	unsigned source_port_count;
	uint8_t source_type;    /* 0 any, 1 same host or loopback, 2 external */
	bool wants_server_name; /* SNI or ALPN asked for: no plain connection has one */
	bool wants_tls;         /* transport_protocol "tls" */
};

struct filter_chain {
	struct served_chain served;
	uint64_t hash; /* of its configuration */
	struct chain_match match;
	const struct conn_filter *filters;
	unsigned filter_count;
};

/* How many connections may be open, on all workers and under all versions together. */
struct connection_cap {
	struct shared_count *count; /* the process's. NULL: no limit */
	uint32_t max;
};

struct listener {
	struct published published;
	const struct addr *addrs; /* the address, then additional ones */
	unsigned addr_count;
	struct slice address_text; /* "127.0.0.1:10000", of the first */
	struct listen_options options;
	const struct filter_chain *chains;
	unsigned chain_count;
	const struct filter_chain *default_chain; /* NULL: none */
	struct listen_sockets *sockets; /* main's; set before it is published. NULL: not bound */
	uint32_t buffer_limit;          /* 0: the default */
	struct connection_cap cap, global_cap; /* its own; the process's */
	uint8_t traffic_direction;             /* enum listener_direction */
	uint64_t frame_hash;                   /* of the configuration without its filter chains */
	uint64_t number;                       /* of this version, counted by main */
	bool is_bound;                         /* bind_to_port */
	struct stat_scope *stats;              /* the arena's, as those of its filters */
};

/* STATUS_INVALID with path and reason. context: all but arena, listener_address and scope is filled
 * in. */
enum status MUST_CHECK listener_build(const struct Envoy__Config__Listener__V3__Listener *message,
				      const struct config_context *context,
				      struct listener **listener, struct diag *diag);
/* The published object's free. */
void listener_free(struct published *published);

/* Whether this version serves by a chain of the same configuration, under the same frame: then a
 * connection of that chain may stay as it is. */
bool listener_keeps(const struct listener *now, const struct listener *then,
		    const struct filter_chain *chain);

/* How many chains of an earlier version of the same frame it does not keep; 0: it has another
 * frame, and keeps none. */
unsigned listener_lost_chains(const struct listener *now, const struct listener *then);

/* The most specific chain for a connection, or NULL. */
const struct filter_chain *listener_match(const struct listener *listener,
					  const struct addr *remote, const struct addr *local);

#endif
