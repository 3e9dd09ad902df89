/* Listening sockets: main opens and keeps them, each worker accepts from its own.
 *
 *   main: listen_socket_open ─ a descriptor for each worker (SO_REUSEPORT), or one
 *   worker: acceptor_start ─ accept loop ─> accepted()
 *
 * Owner: struct acceptor belongs to the worker's listener object; descriptors to main. Thread:
 * acceptor its worker's. On EMFILE and the like an acceptor rests 100 ms and counts. At most
 * ACCEPT_BATCH connections a turn. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"
#include "net/loop.h"

enum {
	ACCEPT_BATCH = 64,
	ACCEPT_LAST_BATCHES = 64, /* when it ends: as many as a usual backlog */
	ACCEPT_REST_MS = 100,
};

struct listen_options {
	bool reuse_port;
	bool transparent;
	bool freebind;
	bool ipv4_compat;   /* an IPv6 socket that takes IPv4 too */
	int backlog;        /* 0: the system's */
	uint32_t unix_mode; /* of a Unix socket's file; 0: as umask says */
};

/* A bound, listening, non-blocking descriptor with TCP_NODELAY set (accepted ones inherit it), or a
 * negated errno. A Unix socket that stands at its path already is removed; -EADDRINUSE
 * for any other file there. */
int listen_socket_open(const struct addr *addr, const struct listen_options *options);

struct acceptor {
	struct io io;
	struct loop *loop;
	struct timer rest;
	/* A new connection: takes fd. remote: by value, a Unix peer has family ADDR_UNIX and an
	 * empty path. */
	void (*accepted)(struct acceptor *acceptor, int fd, const struct addr *remote);
	uint64_t accept_errors;
};

void acceptor_start(struct acceptor *acceptor, struct loop *loop, int fd,
		    void (*accepted)(struct acceptor *acceptor, int fd, const struct addr *remote));
/* Accepts what waits already, then stops. */
void acceptor_finish(struct acceptor *acceptor);
/* Stops watching; the descriptor stays open. */
void acceptor_stop(struct acceptor *acceptor);

#endif
