/* The steps of the process that is replaced, without any I/O: an event in, what to do out.
 *
 *            CALLED ──┐  a successor was started here: its call is awaited (10 s)
 *       call │        │ CONNECTED
 *   ┌─> SERVING ──────┴───> MET         its HELLO is awaited (5 s)
 *   │                        │ HELLO    listeners and warm sections are sent
 *   │                     OFFERED       READY is awaited (120 s): new loads and warms
 *   │                        │ READY    accepts no more, parks its workers, closes the admin page
 *   │                     WARMED        they come to a turn's end (1 s)
 *   │                        │ PARKED   final sections and GO are sent
 *   │                     PARKED        LIVE is awaited (1 s)
 *   │  any failure,          │ LIVE     YIELD is sent; un-parks, accepts nothing, drains
 *   └── refusal, silence  LEAVING       until empty, or the deadline
 *       or end until here    │ EMPTY, DEADLINE     LOST: has back what new hasn't adopted
 *       (un-parks, goes on) GONE        ends
 *
 * The way back from each state until LEAVING is one: TAKE_BACK (if it had parked), and DISMISS.
 * STOP (SIGTERM …) does the same and ends in GONE, from which no upgrade starts. A second caller is
 * turned away in every state but SERVING and CALLED: there are never three.
 *
 * Owner: struct giver. Thread: main. Pure: the table in old_steps.c is all of it. */
#ifndef HOTRESTART_OLD_STEPS_H
#define HOTRESTART_OLD_STEPS_H

#include <stdint.h>

enum old_state {
	OLD_SERVING,
	OLD_CALLED,
	OLD_MET,
	OLD_OFFERED,
	OLD_WARMED,
	OLD_PARKED,
	OLD_LEAVING,
	OLD_GONE,
	OLD_STATES,
};

enum old_event {
	OLD_ON_CALL,      /* SIGUSR2, /upgrade: a successor process was started */
	OLD_ON_CHILD_END, /* and has ended */
	OLD_ON_CONNECTED, /* somebody of our uid has connected */
	OLD_ON_HELLO,     /* one we can talk to */
	OLD_ON_READY,
	OLD_ON_PARKED, /* all workers stand still */
	OLD_ON_LIVE,
	OLD_ON_REFUSED, /* new says that it can't, and why */
	OLD_ON_LOST,    /* the channel's end, or what isn't to be said in this state */
	OLD_ON_TIMEOUT,
	OLD_ON_STOP,  /* this process was told to end */
	OLD_ON_EMPTY, /* LEAVING: nothing is served here any more */
	OLD_ON_DEADLINE,
	OLD_EVENTS,
};

enum old_action {                    /* in this order */
		  OLD_TURN_AWAY = 1, /* the newcomer: an upgrade is under way */
		  OLD_TAKE_BACK =
			  2, /* un-park, accept, open the admin page: as if nothing had been */
		  OLD_DISMISS = 4, /* close the channel, forget the child, tell why */
		  OLD_GREET = 8,   /* take the newcomer */
		  OLD_OFFER = 16,  /* WELCOME, LISTENERS, warm SECTIONs, OFFERED */
		  OLD_PARK = 32,
		  OLD_FINISH = 64, /* final SECTIONs, GO */
		  OLD_LEAVE = 128, /* YIELD; give up the right to serve; drain */
		  OLD_END = 256,
		  OLD_RECLAIM = 512, /* what new had been given, and hasn't adopted */
};

struct old_step {
	uint8_t next;     /* enum old_state */
	uint16_t actions; /* of enum old_action */
};

struct old_step old_step_of(enum old_state state, enum old_event event);

/* How long the state may last before OLD_ON_TIMEOUT; 0: for ever. */
uint32_t old_state_limit_ms(enum old_state state);

/* "SERVING" */
const char *old_state_name(enum old_state state);
const char *old_event_name(enum old_event event);

#endif
