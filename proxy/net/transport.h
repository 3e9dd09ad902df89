/* How a connection moves bytes. So far there are plain sockets; the seam is for TLS.
 *
 * One const table per kind; a kind with state has one for each connection, in what keeps the state.
 * All return bytes (> 0) or a status: STATUS_AGAIN when it would block, STATUS_CLOSED at the peer's
 * orderly end (read only), a negated errno when the connection is broken. Thread: the connection's
 * worker. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/slice.h"

struct conn;

struct transport {
	const char *name;
	/* Says io_spent when no more can be read until the descriptor has news. */
	ssize_t (*read)(struct conn *conn, void *data, size_t size);
	/* After fewer bytes than offered, the descriptor has news when it takes more. */
	ssize_t (*writev)(struct conn *conn, const struct iovec *iov, int count);
	/* Tells the peer that no more comes. */
	void (*shutdown)(struct conn *conn);
	/* Frees the state; the descriptor is the connection's own business. */
	void (*close)(struct conn *conn);
	bool has_fd_bytes; /* the descriptor carries the bytes as they are: splice is possible */
};

extern const struct transport plain_transport;

#endif
