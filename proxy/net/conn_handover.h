/* A plain connection's socket with the bytes in its buffers, taken out of it and put into another.
 *
 *   conn: left ─> unread    out ─> unsent    descriptor ─> fd          and back
 *
 * Owner: the bytes are the handover_socket's, on the heap (handover_fini). Thread: the
 * connection's worker. Limits: HANDOVER_BYTES_MAX each way. */
#ifndef NET_CONN_HANDOVER_H
#define NET_CONN_HANDOVER_H

#include <string.h>

#include "net/conn.h"
#include "net/handover.h"

enum { HANDOVER_STATE_VERSION = 1 }; /* of what all of them write into state */

static inline bool handover_is(const struct handover *handover, const char *protocol)
{
	return !strcmp(handover->protocol, protocol) && handover->version == HANDOVER_STATE_VERSION;
}

struct accepted;

/* Begins a handover: what the listener knows of the connection, and who serves it. The rest is
 * empty. Copies. */
void handover_begin(struct handover *handover, const char *protocol,
		    const struct accepted *accepted);

/* A copy on the heap, with a 0 behind it. */
char *handover_text(struct slice text);

/* An open connection over a plain socket, with no more in its buffers than may travel. Splices
 * don't count: they are the owner's to empty first (splice_unload). */
bool conn_may_move(const struct conn *conn);

/* Empties the buffers into the socket. Its bytes were none before. */
void conn_unload(struct conn *conn, struct handover_socket *socket);

/* Takes its descriptor as well: DEAD without an event, and the descriptor open. The caller buries
 * what embeds it. */
void conn_move_out(struct conn *conn, struct handover_socket *socket);

/* Puts the bytes into a connection that was just opened on such a descriptor, before anything else
 * is sent: unread ones are shown before what comes, unsent ones go first. Copies. */
void conn_load(struct conn *conn, const struct handover_socket *socket);

#endif
