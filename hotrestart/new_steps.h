/* The steps of the process that takes over, without any I/O: an event in, what to do out.
 *
 *   DIALLING                     connects (5 s), says HELLO
 *      │ CONNECTED
 *   ADOPTING                     WELCOME, listeners, warm sections come (10 s)
 *      │ OFFERED
 *   WARMING                      loads its configuration, warms: as long as old waits
 *      │ WARMED                  says READY
 *   READY                        final sections come (10 s)
 *      │ GO ───────────────┐
 *   INSTALLING             │ LOST and the right to serve is free: old has died; with what has come
 *      │ INSTALLED         │     accepts, serves the admin page, writes the pid file, says LIVE
 *   LIVE ── LOST ─> is the right to serve free?  yes: old has died ─> ALONE
 *      │                                          no: old took back ─> ENDED (drains what it has)
 *      │ YIELDED                 takes the right to serve, and the socket's name
 *   ALONE                        in charge; what old still hands over comes in
 *
 *   ENDED                        before LIVE: any failure; tells old why, exits with an error
 *
 * The right to serve is a lock that the kernel frees when its holder dies (hotrestart/meeting.h):
 * so "old has died" and "old has lost patience and goes on" are told apart, and never do two serve
 * for longer than it takes to see it.
 *
 * Owner: struct taker. Thread: main. Pure: the table in new_steps.c is all of it. */
#ifndef HOTRESTART_NEW_STEPS_H
#define HOTRESTART_NEW_STEPS_H

#include <stdint.h>

enum new_state {
	NEW_DIALLING,
	NEW_ADOPTING,
	NEW_WARMING,
	NEW_READY,
	NEW_INSTALLING,
	NEW_LIVE,
	NEW_ALONE,
	NEW_ENDED,
	NEW_STATES,
};

enum new_event {
	NEW_ON_CONNECTED,
	NEW_ON_OFFERED, /* all of the offer is there */
	NEW_ON_WARMED,  /* this process's own doing: it could serve now */
	NEW_ON_GO,
	NEW_ON_INSTALLED, /* its own doing */
	NEW_ON_YIELDED,
	NEW_ON_REFUSED, /* old says no, and why */
	NEW_ON_FAILED,  /* this process can't */
	NEW_ON_LOST,    /* the channel's end, or what isn't to be said in this state */
	NEW_ON_RIGHT,   /* asked by NEW_ASK_RIGHT: the right to serve was free, and is ours */
	NEW_ON_NO_RIGHT,
	NEW_ON_TIMEOUT,
	NEW_EVENTS,
};

enum new_action { /* in this order */
		  NEW_SAY_HELLO = 1,
		  NEW_SAY_READY = 2,
		  NEW_INSTALL = 4,
		  NEW_SAY_LIVE = 8,
		  NEW_ASK_RIGHT = 16,  /* NEW_ON_RIGHT or NEW_ON_NO_RIGHT follows, soon */
		  NEW_OWN = 32,        /* takes the right to serve, binds the socket's name */
		  NEW_FORGET_OLD = 64, /* it has ended: nothing of it comes any more */
		  NEW_SAY_REFUSAL = 128,
		  NEW_END = 256,   /* exits with an error: nothing was served */
		  NEW_DRAIN = 512, /* exits with an error when what it has accepted is over */
};

struct new_step {
	uint8_t next;     /* enum new_state */
	uint16_t actions; /* of enum new_action */
};

struct new_step new_step_of(enum new_state state, enum new_event event);

/* How long the state may last before NEW_ON_TIMEOUT; 0: for ever. */
uint32_t new_state_limit_ms(enum new_state state);

/* "DIALLING" */
const char *new_state_name(enum new_state state);
const char *new_event_name(enum new_event event);

#endif
