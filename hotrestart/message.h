/* The messages of an upgrade: their kinds, who says which when, their limits, and how they become
 * records and are put together again. Pure but for closing descriptors.
 *
 *    old                                       new
 *     <───────────────────── HELLO ─────────────     protocol, release, features
 *     ── WELCOME, LISTENERS, SECTION… (warm), OFFERED ─>     adopts, loads its configuration, warms
 *     <───────────────────── READY ─────────────
 *     ── SECTION… (final), GO ─────────────────>     installs, accepts
 *     <───────────────────── LIVE ──────────────
 *     ── YIELD ────────────────────────────────>     is alone in charge
 *     ── CONNECTION…, ANSWER…, SECTION… (tail) ─>
 *     <─────────────── CONNECTION_WORD… ────────>
 *     either, until LIVE: REFUSAL with the reason, and the end
 *
 * The payload is a message of outrigger.hotrestart.v1 (upgrade.proto) or nothing. A kind that the
 * reader doesn't know is skipped if its record says so (RECORD_OPTIONAL), else the peer is broken.
 *
 * Owner: who holds a struct upgrade_message: its bytes and descriptors, message_fini. Thread: main.
 */
#ifndef HOTRESTART_MESSAGE_H
#define HOTRESTART_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/section.h"
#include "hotrestart/record.h"

enum {
	MESSAGE_PROTOCOL = 1,        /* what this release speaks */
	MESSAGE_PROTOCOL_OLDEST = 1, /* at least that of the release before */
	MESSAGE_CONTROL_MAX = 1 << 20,
	MESSAGE_DATA_MAX = SECTION_SIZE_MAX + 4096, /* of those with bytes of others */
	MESSAGE_LISTENER_FDS_MAX = 4096,
	MESSAGE_CONNECTION_FDS_MAX = 2,
};

/* X(name, payload's greatest size, descriptors at most) */
#define MESSAGE_KINDS(X)                                                                           \
	X(HELLO, 4096, 0)                                                                          \
	X(WELCOME, 4096, 0)                                                                        \
	X(REFUSAL, 4096, 0)                                                                        \
	X(LISTENERS, MESSAGE_CONTROL_MAX, MESSAGE_LISTENER_FDS_MAX)                                \
	X(SECTION, MESSAGE_DATA_MAX, 0)                                                            \
	X(OFFERED, 0, 0)                                                                           \
	X(READY, 0, 0)                                                                             \
	X(GO, 0, 0)                                                                                \
	X(LIVE, 0, 0)                                                                              \
	X(YIELD, 0, 0)                                                                             \
	X(CONNECTION, MESSAGE_DATA_MAX, MESSAGE_CONNECTION_FDS_MAX)                                \
	X(ANSWER, MESSAGE_DATA_MAX, 0)                                                             \
	X(CONNECTION_WORD, 4096, 0)

enum message_kind {
	MESSAGE_NONE, /* no kind on the wire */
#define MESSAGE_ENUM(name, size, fds) MESSAGE_##name,
	MESSAGE_KINDS(MESSAGE_ENUM)
#undef MESSAGE_ENUM
		MESSAGE_KIND_COUNT,
};

/* "HELLO"; "?" for others. */
const char *message_kind_name(unsigned kind);

struct upgrade_message {
	uint8_t kind; /* MESSAGE_KIND_COUNT and above: unknown, and may be skipped */
	char *data;
	size_t len;
	int *fds; /* -1: taken by somebody */
	size_t fd_count;
};

/* Frees the bytes, closes the descriptors nobody has taken. Can be called twice. */
void message_fini(struct upgrade_message *message);

/* The payload as a message of this type, to be freed by protobuf_c_message_free_unpacked; NULL if
 * it isn't one. */
ProtobufCMessage *message_unpack(const struct upgrade_message *message,
				 const ProtobufCMessageDescriptor *type);

/* --- out --- */

/* What is left to send of a message. Bytes and descriptors are borrowed. */
struct message_cursor {
	uint8_t kind, flags; /* flags: RECORD_OPTIONAL or 0 */
	struct slice rest;
	const int *fds;
	size_t fd_count;
	uint32_t message_len;
	bool is_begun, is_done;
};

/* len and fd_count must be within the kind's limits. */
void message_cursor_init(struct message_cursor *cursor, enum message_kind kind, struct slice bytes,
			 const int *fds, size_t fd_count);
/* The next record and its descriptors, which stays the next one until message_cursor_step. */
void message_cursor_peek(const struct message_cursor *cursor, struct record *record);
/* It was sent: is_done after the last one. */
void message_cursor_step(struct message_cursor *cursor);

/* --- in --- */

/* Puts records together. Start with {0}. */
struct message_reader {
	struct upgrade_message message; /* what there is of it */
	size_t capacity, fd_capacity;
	uint32_t message_len;
	bool is_begun;
};

/* Takes the record's descriptors. STATUS_OK: `done` is a whole message, the caller's;
 * STATUS_AGAIN: it goes on; STATUS_MALFORMED, STATUS_TOO_LARGE: the peer is broken, everything is
 * closed. */
enum status MUST_CHECK message_reader_add(struct message_reader *reader,
					  const struct record *record, const int *fds,
					  struct upgrade_message *done);
void message_reader_fini(struct message_reader *reader);

#endif
