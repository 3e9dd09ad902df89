/* A session's part in giving its connection away, and in taking one that was given away elsewhere.
 *
 *   STAYS ─ give: it is busy ─> LEAVES ─ last stream ends ─> LEAVES_HELD ─ give ─> GIVEN
 *     │                           └─── keep ───> STAYS <─── keep ───┘                ^
 *     └── give: it is idle, or there is a relay for its calls ──────────────────────┘
 *
 * A multiplexed connection reads nothing more from LEAVES on; HTTP/1 finishes its exchange first.
 * What was read and not consumed travels: the other side reads it again from the first byte of a
 * message. A half written answer is half written there.
 *
 * State, before the protocol's own: how long it has waited, whether a head has begun to come.
 * Owner: the session. Thread: its worker. Without a stream GIVEN frees it at the end of the turn;
 * with some it lives until the last has ended, and what they send goes to the relay. */
#ifndef STREAM_SESSION_HANDOVER_H
#define STREAM_SESSION_HANDOVER_H

#include "base/section.h"
#include "net/conn_handover.h"
#include "stream/session.h"

/* served_type's. */
enum status session_give(struct served *served, struct relay_sink *relay,
			 struct handover *handover);
void session_keep(struct served *served);

/* What a given connection says of itself, but for its socket and calls. False: it can't go on
 * elsewhere; the handover is empty. */
bool session_describe(struct session *session, struct handover *handover);

/* The session of a connection that was accepted elsewhere, on whose descriptor it has been begun:
 * between the codec's opening and session_start. False: what it brings can't be read; the session
 * is to be ended with session_disown. */
bool session_adopt(struct session *session, struct codec *codec, const struct handover *handover);

/* Undoes session_init: frees what it took, and leaves the descriptor open. The caller frees what
 * embeds it at the end of the turn. */
void session_disown(struct session *session);

/* A stream has ended while it leaves, or is GIVEN. */
COLD void session_leave_on(struct session *session);

#endif
