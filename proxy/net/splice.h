/* Moving bulk bytes from one connection to another inside the kernel, through a pipe.
 *
 *   from's socket ─ splice ─> pipe ─ splice ─> to's socket
 *                             held only while it isn't empty
 *
 * For a pair of plain connections of which everything that `from` reads goes to `to` unseen. Used
 * after a read that filled its room (conn->is_bulk), while `to` has no output queued; a burst that
 * ends early goes back to ordinary reads.
 *
 * In a long burst the splice rests when it has moved all there is: it looks again SPLICE_REST_MS
 * later instead of being woken for each packet, and waking the sender for each, which is most of
 * what splicing costs. The socket's buffer takes what comes meanwhile (the kernel lets it grow to
 * some MiB), so only a stream of GiB a second would notice. A look that brings little ends the
 * burst.
 *
 * Owner: whoever owns both connections embeds it (one for each way). Thread: their worker. Timers:
 * `rest`. Limits: about SPLICE_CHUNK bytes wait in a pipe, during which `from` is not read (what is
 * moved at once is more only while the kernel's own queue for `to` has room for it); at most
 * SPLICE_ROUNDS a turn. */
#ifndef NET_SPLICE_H
#define NET_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/timer_wheel.h"

struct conn;

enum {
	SPLICE_PIPE_SIZE = 1024 * 1024, /* of its slots, of which a fragment takes one */
	SPLICE_CHUNK = 192 * 1024,
	SPLICE_LONG_CHUNK = 1024 * 1024, /* in a long burst, if `to` has room for it */
	SPLICE_ROUNDS = 8,
	SPLICE_LONG_BURST = 4 << 20, /* bytes after which a burst is long */
	SPLICE_REST_MS = 1,
	SPLICE_BRISK = 32 * 1024, /* bytes that `to` must have taken for another rest */
	SPLICE_PAUSE_MS = 50,     /* within which a burst goes on where it ended */
};

struct splice;

/* Who wants it. Both are called by the connections. */
struct splice_type {
	/* How many more bytes of `from` are for `to` unseen; 0: none now, it is read as always. */
	uint64_t (*room)(struct splice *splice);
	/* `to` has taken n more bytes. May part the splice if that was the room, and close either
	 * connection. */
	void (*moved)(struct splice *splice, uint64_t n);
};

struct splice {
	const struct splice_type *type;
	struct conn *from, *to; /* NULL: parted */
	int pipe[2];            /* read end, write end; valid while has_pipe */
	size_t waiting;         /* bytes in the pipe */
	size_t untold;          /* bytes that `to` has taken, and type->moved isn't told */
	uint64_t burst;         /* bytes of it so far */
	uint64_t run;           /* bytes moved since there last was nothing more to read */
	uint64_t ended_ms;      /* when the last one did */
	struct timer rest;
	bool has_pipe;
	bool has_paused; /* `from` isn't read because of what waits, or during a rest */
};

/* Joins two open plain connections, in this direction. */
void splice_join(struct splice *splice, const struct splice_type *type, struct conn *from,
		 struct conn *to);

/* They are two again, and what waits in the pipe is lost: done by closing either. Nothing if they
 * were parted before. Who embeds the splice parts it before its memory goes. */
void splice_part(struct splice *splice);

/* Reads by splicing: STATUS_OK, STATUS_AGAIN when there is nothing more to read, STATUS_CLOSED at
 * from's end, STATUS_EXHAUSTED when there is no room or no pipe, or what broke `from`. What a
 * broken `to` didn't take waits: it shows itself at splice_drain. *is_bulk: enough came
 * at once for the burst to go on. */
enum status MUST_CHECK splice_read(struct splice *splice, bool *is_bulk);

/* `to` can be written again: moves what waits. STATUS_AGAIN while some still does; else what broke
 * `to`, which is the caller's to close. */
enum status MUST_CHECK splice_drain(struct splice *splice);

/* Of a long burst, when others of this loop were served earlier in this millisecond: it rests for
 * what is left of it, so that all are served in one turn. */
bool splice_is_early(struct splice *splice);

/* Tells the type what has moved. The last use of the splice: it may be parted then. */
void splice_tell(struct splice *splice);

/* Takes what waits in the pipe out of it, and appends it to what `to` has queued: before the two go
 * elsewhere. The pipe is given back. A failing read of it, which can't be, loses the rest. */
void splice_unload(struct splice *splice);

/* Gives the pipe back, with what is in it. */
void splice_end(struct splice *splice);

#endif
