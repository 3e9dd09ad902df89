/* Live connections and relayed answers as messages of the upgrade channel. What travels is
 * net/handover.h's plain data; this packs it into messages of outrigger.hotrestart.v1 and back,
 * checking every limit: the bytes come from another process.
 *
 *   LIVE … old: CONNECTION{Handover}, fds ─────────> new
 *          old <──────────────── WORD{ADOPTED, id}   new
 *          old: ANSWER{id, frames, calls} ─────────> new     in order, as often as needed
 *          old: WORD{SETTLED, id} ─────────────────> new
 *          old <──────────────── WORD{CLOSED, id}    new     the client went first
 *
 * A message of any size goes over the channel in records of <= 64 KiB; descriptors ride with its
 * first records: client's first, then upstream's. They are valid only after YIELD has been sent:
 * before, the state machines take them for a broken peer.
 *
 * Thread: main. Errors: STATUS_MALFORMED, STATUS_TOO_LARGE; descriptors are then closed by who
 * received them. */
#ifndef HOTRESTART_HANDOVER_H
#define HOTRESTART_HANDOVER_H

#include "base/section.h"
#include "hotrestart/message.h"
#include "net/handover.h"

/* Appends the message's bytes. Borrows all; descriptors are the caller's to send and to keep. */
void handover_pack(const struct handover *handover, struct section_writer *out);
void handover_pack_answer(const struct handover_answer *answer, struct section_writer *out);
void handover_pack_word(enum handover_word word, uint64_t connection, struct slice reason,
			struct section_writer *out);

/* Says a word on the channel's socket at once, from any thread: it needs no place among what the
 * channel has queued. STATUS_AGAIN: there is no room; else the peer has gone. */
enum status MUST_CHECK handover_say(int socket, enum handover_word word, uint64_t connection);

/* From a received CONNECTION. Takes the descriptors it names out of fds (they become -1). The
 * result is the caller's to handover_fini, after STATUS_OK only. */
enum status MUST_CHECK handover_unpack(const struct upgrade_message *message, int *fds,
				       size_t fd_count, struct handover *handover);
/* Calls fn with what the message says, borrowed for the call. STATUS_MALFORMED, STATUS_TOO_LARGE:
 * it isn't called. */
enum status MUST_CHECK handover_unpack_answer(const struct upgrade_message *message,
					      void (*fn)(void *arg,
							 const struct handover_answer *answer),
					      void *arg);
/* STATUS_UNSUPPORTED: a word of a later release. */
enum status MUST_CHECK handover_unpack_word(const struct upgrade_message *message,
					    enum handover_word *word, uint64_t *connection);

#endif
