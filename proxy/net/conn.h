/* A connection: a descriptor with its unread leftover, its output queue and its states.
 *
 *   socket -> turn block -> events->read -> what it leaves: left, comes again with more behind it
 *   conn_out -> out ─ end of turn ─> writev -> socket
 *
 *   CONNECTING ─ ok ─> OPEN ─ conn_close_flushed ─> CLOSING ─ flushed ─> LINGERING ─┐
 *       │               │                              │           (till the peer's end)
 *       └───────────────┴── error, conn_close, time ───┴────────────────────────────┴─> DEAD
 *
 * One read and one write a turn. An idle connection owns no buffer. Reading is paused by count;
 * output is bounded by who fills it: `blocked` says that more than the high mark could not be sent,
 * `unblocked` that it has fallen below half of it.
 *
 * Owner: who opened it (session, pool) embeds it and frees it by conn_bury after `closed`, the last
 * event. Thread: its worker.
 *
 * There are many idle ones, so what can't be at one time shares its place: the mark for flushing
 * and the grave (struct io), and the limits of time (`timer`): CONNECTING: of the connect; OPEN:
 * the owner's, for whatever it waits for; CLOSING: CONN_STALL_MS without progress, or, if it is to
 * linger, both states together: linger_ms. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/status.h"
#include "net/conn_options.h"
#include "net/loop.h"
#include "net/splice.h"
#include "net/transport.h"

struct conn;

enum {
	CONN_READ_SIZE = 16384,      /* what a read reserves */
	CONN_READ_SIZE_BULK = 65536, /* after a read that filled it, or where reads_bulk */
	CONN_DEFAULT_HIGH_MARK = 65536,
	CONN_LEFT_LIMIT = 64 << 20, /* no leftover grows beyond; codecs' own limits are far below */
	CONN_STALL_MS = 300000,     /* a closing connection's peer that takes no byte for so long is
				       given up */
};

struct conn_events {
	/* Bytes: what was left last time with the new ones behind it, contiguous, valid until the
	 * end of the turn. Returns how many were consumed. eof: the peer sends no more (told again
	 * whenever what is left is shown again). */
	size_t (*read)(struct conn *conn, struct slice bytes, bool eof);
	void (*connected)(
		struct conn *conn); /* an outgoing connection is open. NULL for accepted ones */
	void (*blocked)(struct conn *conn);   /* output stays above the high mark. May be NULL */
	void (*unblocked)(struct conn *conn); /* and has fallen below half of it. May be NULL */
	void (*flushed)(struct conn *conn);   /* all output was taken by the kernel. May be NULL */
	/* The owner's limit (conn_set_timer) is over. NULL: it sets none */
	void (*timed_out)(struct conn *conn);
	/* The connection is gone: STATUS_OK after an orderly local close, STATUS_CLOSED after the
	 * peer's, STATUS_AGAIN after a connect timeout, else what broke it. Not called from within
	 * conn_close. The descriptor is closed already. */
	void (*closed)(struct conn *conn, enum status why);
};

enum conn_state {
	CONN_CONNECTING,
	CONN_OPEN,
	CONN_CLOSING,   /* nothing more is read or queued; the rest of out is sent */
	CONN_LINGERING, /* all is sent; waits for the peer's end, dropping what comes */
	CONN_DEAD,
};

/* Bytes that wait to be consumed, in a block of the pool. */
struct conn_left {
	uint32_t len, room;
	char bytes[];
};

struct conn {
	struct io io;
	const struct conn_events *events;
	const struct transport *transport;
	struct splice *splice_out, *splice_in; /* what is read goes there, what is sent comes from
						  there; NULL: none */
	struct buf out;                        /* its pool is the loop's */
	struct conn_left *left;                /* NULL: none */
	struct timer timer;
	uint64_t bytes_read, bytes_written;
	uint32_t high_mark;
	uint16_t read_pauses; /* counted */
	uint8_t state;        /* enum conn_state; set_state is its one setter */
	bool is_blocked : 1;
	bool is_eof : 1;             /* the peer's end was seen; CLOSING: or is not waited for */
	bool is_bulk : 1;            /* the last read filled its room */
	bool is_shutdown_wanted : 1; /* half close: once out is flushed */
	bool is_shutdown : 1;
	bool is_rereading : 1; /* a synthetic read of `left` is due at the end of the turn */
	bool keeps_unsent : 1; /* set by the owner: what is in out at the end stays there, and is
				  the owner's to clear */
	bool reads_bulk : 1;   /* set by the owner, who holds messages as a whole anyway: what a
				  peer sends at once is read at once, up to CONN_READ_SIZE_BULK */
};

static inline struct loop *conn_loop(const struct conn *conn)
{
	return container_of(conn->out.pool, struct loop, pool);
}

/* An accepted descriptor; starts reading. */
void conn_open(struct conn *conn, struct loop *loop, int fd, const struct transport *transport,
	       const struct conn_events *events);

/* Starts to connect; `connected` or `closed` follow, never from within this call. timeout_ms 0:
 * none. A system error: STATUS, it is DEAD, and no event follows. */
enum status MUST_CHECK conn_connect(struct conn *conn, struct loop *loop, const struct addr *to,
				    const struct conn_options *options, uint64_t timeout_ms,
				    const struct transport *transport,
				    const struct conn_events *events);

/* Marks `out` for flushing at the end of the turn. After anything was appended to it. */
static inline void conn_flush_later(struct conn *conn)
{
	io_mark_dirty(conn_loop(conn), &conn->io);
}

/* Tells `blocked` at once if more than the high mark is queued, even though the turn's end may send
 * it all: for whoever stops reading until `unblocked`. */
void conn_check_output(struct conn *conn);

/* Counted. While paused, nothing is read and `left` is not shown again; the end of the peer is not
 * seen either. */
void conn_read_pause(struct conn *conn);
void conn_read_resume(struct conn *conn);

/* Shows `left` to events->read again before the turn ends (an exchange was resumed, the next
 * pipelined request may start). */
void conn_read_again(struct conn *conn);

/* No more output after what is queued: the peer sees our end, reading goes on. */
void conn_shutdown(struct conn *conn);

/* Sends what is queued, then closes; linger_ms > 0: first waits for the peer's own end, so that a
 * reset doesn't take the last bytes from it, and all of it takes no longer than that. 0: the peer
 * has CONN_STALL_MS for each next byte. `closed` follows. */
void conn_close_flushed(struct conn *conn, uint64_t linger_ms);

/* Now, with what is queued dropped. reset: by RST. No event follows; the caller buries what embeds
 * it. */
void conn_close(struct conn *conn, bool reset);

/* Goes on with another descriptor and transport: the one it had stays open, is watched no more, and
 * is returned. Only while it is OPEN and without a splice; its timer stops. fd -1: reading must be
 * paused as long as it has none, and the transport takes all that is written. What is queued or
 * left stays. */
int conn_exchange(struct conn *conn, int fd, const struct transport *transport);

/* Frees what embeds the connection, which is DEAD, at the end of the turn; free gets
 * &conn->io.grave.
 */
static inline void conn_bury(struct conn *conn, void (*free)(struct grave *grave))
{
	io_bury(conn_loop(conn), &conn->io, free);
}

/* Has `timed_out` called once after delay_ms, counted from now, while it is OPEN; 0: not at all.
 * Started anew by another call, stopped by what ends it. */
void conn_set_timer(struct conn *conn, uint64_t delay_ms);

static inline bool conn_is_open(const struct conn *conn)
{
	return conn->state == CONN_OPEN;
}

#endif
