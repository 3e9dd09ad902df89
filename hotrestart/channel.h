/* The open socket between two processes: messages out in order, messages in one by one.
 *
 *   channel_send ─ copy ─ queue ─ record by record while the kernel takes them ─>
 *   <─ records ─ message_reader ─ received(message)
 *
 * Owner: giver or taker embeds it. Thread: main. Never waits, but in channel_wait, for the time
 * before a loop runs. CHANNEL_RECORDS_A_TURN bounds what one turn reads or sends; the queue is
 * bounded by who fills it (channel_queued).
 * `closed` is the last event, once, when the other side ends it or breaks the rules; after that,
 * and after channel_close, nothing is open any more. Both may be called from within `received`. */
#ifndef HOTRESTART_CHANNEL_H
#define HOTRESTART_CHANNEL_H

#include "base/list.h"
#include "hotrestart/message.h"
#include "net/loop.h"

enum { CHANNEL_RECORDS_A_TURN = 32 };

struct channel;

struct channel_events {
	/* Borrows the message; what it takes of its descriptors it sets to -1. */
	void (*received)(struct channel *channel, struct upgrade_message *message);
	/* STATUS_CLOSED: the peer's end. Else what was wrong. */
	void (*closed)(struct channel *channel, enum status why);
};

struct channel {
	struct io io;
	struct loop *loop;
	const struct channel_events *events;
	struct message_reader reader;
	struct list_node out; /* struct outgoing (channel.c) */
	size_t queued;        /* bytes in it */
	char *room;           /* RECORD_MAX, for what comes */
	bool is_open;
};

/* All zero and not open; channel_close does no harm. */
void channel_init(struct channel *channel);

/* Takes the connected socket and watches it. */
void channel_open(struct channel *channel, struct loop *loop, int fd,
		  const struct channel_events *events);
/* Sends what the kernel takes of what is queued, drops the rest. No event follows. */
void channel_close(struct channel *channel);

/* Copies bytes and descriptors (dup). Nothing happens when it isn't open. When the socket is broken
 * `closed` follows in a turn to come. */
void channel_send(struct channel *channel, enum message_kind kind, struct slice bytes,
		  const int *fds, size_t fd_count);
/* The same with a message to be packed as its payload. */
void channel_send_message(struct channel *channel, enum message_kind kind,
			  const ProtobufCMessage *message, const int *fds, size_t fd_count);

/* Serves it, without the loop, until something was received, closed or ms have passed. */
void channel_wait(struct channel *channel, int ms);

/* The peer has closed, whether or not all it said before was read. */
bool channel_is_hung_up(const struct channel *channel);

static inline size_t channel_queued(const struct channel *channel)
{
	return channel->queued;
}

#endif
