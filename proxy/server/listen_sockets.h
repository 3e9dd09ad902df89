/* The sockets of one set of addresses: opened by main, accepted from by workers, kept while any
 * version of a listener with these addresses is in force.
 *
 *   fds: [address 0: worker 0, 1, …][address 1: …]
 *        an address without reuse_port has one for all workers, from which worker 0 accepts
 *
 * Owner: main's references: its own and one a worker and version. Thread: main; workers read fds.
 */
#ifndef SERVER_LISTEN_SOCKETS_H
#define SERVER_LISTEN_SOCKETS_H

#include <stdint.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/list.h"
#include "net/listener.h"

struct publisher;

struct listen_sockets {
	struct list_node link; /* in the server's list */
	struct addr *addrs;
	char (*paths)[ADDR_TEXT_MAX];      /* of Unix addresses */
	const struct publisher *publisher; /* for its workers; NULL there: they have ended */
	unsigned addr_count, worker_count;
	uint32_t references;
	struct listen_options options;
	int fds[];
};

/* The open set with these addresses and options from `open`, with a reference more; or newly opened
 * sockets. NULL with a reason when an address can't be bound. */
struct listen_sockets *listen_sockets_take(struct list_node *open, const struct addr *addrs,
					   unsigned addr_count,
					   const struct listen_options *options,
					   const struct publisher *publisher, struct diag *diag);
/* Closes with the last reference: each worker what it accepted from. */
void listen_sockets_drop(struct listen_sockets *sockets);

/* What worker w accepts from for address a, or -1. */
static inline int listen_sockets_fd(const struct listen_sockets *sockets, unsigned a, unsigned w)
{
	return sockets->fds[a * sockets->worker_count + w];
}

#endif
