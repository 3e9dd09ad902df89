/* A record: what one sendmsg puts on the upgrade's SOCK_SEQPACKET socket, bytes and descriptors.
 *
 *    0   2        3      4       5             6   8                12
 *   | OU | format | kind | flags | descriptors | 0 | message length | bytes …
 *                                                    little endian
 *
 * A message is one or more records of the same kind and length: FIRST … LAST. Its bytes are theirs,
 * one after the other, and so are its descriptors, which come in batches: a record has 64 KiB and
 * 250 descriptors at most (the kernel takes 253).
 *
 * Owner: nobody keeps one. Thread: any. Nothing that was received outlives a fault: the descriptors
 * of a record that isn't well formed, or whose control data the kernel has cut (MSG_CTRUNC: too
 * many, or no room in our table), are closed here. */
#ifndef HOTRESTART_RECORD_H
#define HOTRESTART_RECORD_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

enum {
	RECORD_FORMAT = 1,
	RECORD_HEAD = 12,
	RECORD_MAX = 65536, /* head included */
	RECORD_BYTES_MAX = RECORD_MAX - RECORD_HEAD,
	RECORD_FDS_MAX = 250,
};

enum record_flag {
	RECORD_FIRST = 1,
	RECORD_LAST = 2,
	RECORD_OPTIONAL = 4, /* who doesn't know this kind skips it */
	RECORD_FLAGS = 7,
};

struct record {
	uint8_t kind, flags, fd_count;
	uint32_t message_len;
	struct slice bytes;
};

void record_write_head(const struct record *record, char head[RECORD_HEAD]);

/* A whole datagram. bytes is borrowed from it. STATUS_MALFORMED for anything that isn't a record of
 * this format. */
enum status MUST_CHECK record_read(struct slice datagram, struct record *record);

/* Sends it with record->fd_count descriptors; borrows them. STATUS_AGAIN: no room now; else what
 * the system says (-EPIPE, -ECONNRESET: the peer has gone). Doesn't wait. */
enum status MUST_CHECK record_send(int socket, const struct record *record, const int *fds);

/* Receives one into data[RECORD_MAX], its descriptors (close-on-exec) into fds[RECORD_FDS_MAX]:
 * they are the caller's. STATUS_AGAIN: none is there; STATUS_CLOSED: the peer's end;
 * STATUS_TOO_LARGE: something was cut; STATUS_MALFORMED; else what the system says. Doesn't wait.
 */
enum status MUST_CHECK record_receive(int socket, char *data, struct record *record, int *fds);

#endif
