/* The sockets of one set of addresses: opened by main, accepted from by workers, kept while any
 * version of a listener with these addresses is in force.
 *
 *   fds: [place 0: worker 0, 1, …][place 1: …]     place / rounds: the address
 *        an address without reuse_port has one for all workers, from which worker 0 accepts
 *
 * A process that takes over gets its predecessor's (hotrestart/passed_sockets.h). With fewer
 * workers than sockets each accepts from several: rounds. With more, those without one get it from
 * listen_sockets_complete, when nobody can take the service back any more: connections would wait
 * in a new socket's queue for somebody who then never comes.
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

struct passed_sockets;
struct publisher;

struct listen_sockets {
	struct list_node link; /* in the server's list */
	struct addr *addrs;
	char (*paths)[ADDR_TEXT_MAX];      /* of Unix addresses */
	const struct publisher *publisher; /* for its workers; NULL there: they have ended */
	unsigned addr_count, worker_count;
	unsigned rounds; /* sockets a worker may have for an address */
	uint32_t references;
	struct listen_options options;
	int fds[];
};

/* Where sockets come from. */
struct listen_source {
	struct list_node *open;            /* struct listen_sockets of this process */
	struct passed_sockets *passed;     /* a predecessor's, not claimed yet; NULL: none */
	const struct publisher *publisher; /* for its workers */
};

/* The open set with these addresses and options, with a reference more; or those that were passed,
 * or newly opened sockets. NULL with a reason when an address can't be bound. */
struct listen_sockets *listen_sockets_take(const struct listen_source *source,
					   const struct addr *addrs, unsigned addr_count,
					   const struct listen_options *options, struct diag *diag);
/* Opens what workers without a socket miss; what can't be opened stays so, logged. Before any
 * worker knows the set. */
void listen_sockets_complete(struct listen_sockets *sockets);
/* Workers have ended: closes what was opened for a version that none of them ever got. */
void listen_sockets_close_rest(struct list_node *open);
/* Closes with the last reference: each worker what it accepted from. */
void listen_sockets_drop(struct listen_sockets *sockets);

static inline unsigned listen_sockets_places(const struct listen_sockets *sockets)
{
	return sockets->addr_count * sockets->rounds;
}

/* What worker w accepts from at a place, or -1. */
static inline int listen_sockets_fd(const struct listen_sockets *sockets, unsigned place,
				    unsigned w)
{
	return sockets->fds[place * sockets->worker_count + w];
}

#endif
