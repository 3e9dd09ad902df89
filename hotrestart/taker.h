/* The process that takes over: dials who serves, adopts what it is given and walks the steps of
 * hotrestart/new_steps.h.
 *
 *   taker_adopt (waits: nothing else runs yet) ─ configuration ─ loop ─ taker_warmed ─ … ─ ALONE
 *
 * Owner: the server embeds it. Thread: main. Timers: one, of the state (new_state_limit_ms), or of
 * the next look whether the right to serve is free (every TAKER_ASK_MS, TAKER_ASKS times: a kernel
 * closes a dead process's socket and its lock in any order). Final sections wait in memory for GO.
 */
#ifndef HOTRESTART_TAKER_H
#define HOTRESTART_TAKER_H

#include "hotrestart/channel.h"
#include "hotrestart/meeting.h"
#include "hotrestart/new_steps.h"
#include "hotrestart/passed_sockets.h"
#include "hotrestart/section.h"

struct taker;

enum {
	TAKER_REASON_MAX = 1024,
	TAKER_ASK_MS = 20,
	TAKER_ASKS = 50,
	TAKER_FINAL_MAX = 256 << 20, /* of all final sections together */
};

/* What the process does at the steps. owner is the taker's. */
struct taker_type {
	/* Accepts, serves the admin page, writes the pid file: all final sections are in. Else the
	 * reason: then nothing of it is done. */
	enum status (*install)(void *owner, struct diag *diag);
	/* The right to serve is held: listen at the meeting's path. */
	void (*own)(void *owner);
	/* The predecessor has ended. */
	void (*forget_old)(void *owner);
	/* Ends with an error. drains: when what it has accepted is over. */
	void (*end)(void *owner, bool drains);
	/* CONNECTION, ANSWER or CONNECTION_WORD, when ALONE. NULL: none are taken. */
	void (*handed)(void *owner, struct upgrade_message *message);
};

struct taker_options {
	const struct taker_type *type;
	void *owner;
	struct loop *loop;
	const struct meeting *meeting;
	const struct section *sections;
	size_t section_count;
};

struct taker {
	struct taker_options options;
	struct channel channel;
	struct timer timer;
	enum new_state state;
	unsigned asks_left;
	struct upgrade_message *final; /* SECTIONs until GO */
	size_t final_count, final_capacity, final_size;
	struct passed_sockets sockets; /* not claimed yet */
	uint32_t epoch, workers;       /* as WELCOME says */
	uint64_t start_wall_ns;
	bool is_used;    /* there is, or was, a predecessor */
	bool is_waiting; /* in taker_adopt: nobody ends the process but its caller */
	char reason[TAKER_REASON_MAX];
};

void taker_init(struct taker *taker);

/* Takes the connected descriptor and waits for the whole offer: listeners are then to be claimed,
 * warm sections are imported. STATUS_INVALID with the reason. */
enum status MUST_CHECK taker_adopt(struct taker *taker, int fd, const struct taker_options *options,
				   struct diag *diag);

/* This process could serve now. Nothing if it has been said, or there is no predecessor. */
void taker_warmed(struct taker *taker);
/* It can't; told to old. Until it is LIVE, nothing afterwards. */
void taker_failed(struct taker *taker, const char *reason);
/* What old hands over (ALONE only) can't be read: it isn't listened to any more. */
void taker_distrust(struct taker *taker);
void taker_close(struct taker *taker);

/* Something is still awaited before this process may serve. */
static inline bool taker_holds(const struct taker *taker)
{
	return taker->is_used && taker->state < NEW_LIVE;
}

/* The predecessor has not ended, or the upgrade isn't decided. */
static inline bool taker_is_busy(const struct taker *taker)
{
	return taker->is_used && taker->state != NEW_ENDED &&
	       (taker->state != NEW_ALONE || taker->channel.is_open);
}

#endif
