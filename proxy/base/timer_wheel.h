/* A hierarchical timer wheel: start and cancel in O(1), no allocation, no clock of its own.
 *
 *   level   0      1       2       3
 *   a slot  1 ms   64 ms   4.1 s   4.4 min     64 slots each
 *
 * A timer waits in the finest level whose span reaches its deadline and moves down as time passes,
 * so it fires in the millisecond it asked for, never before. Longer than 4.6 hours is waited for in
 * several rounds.
 *
 * Owner: whoever embeds a struct timer owns it and must cancel it before freeing it. Thread: the
 * worker's alone. Invariant: bit s of occupied[l] is set if and only if slots[l][s] holds a timer.
 */
#ifndef BASE_TIMER_WHEEL_H
#define BASE_TIMER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum {
	TIMER_LEVELS = 4,
	TIMER_SLOTS = 64,
};

struct timer {
	struct list_node link;
	uint64_t deadline_ms;
	void (*fire)(struct timer *timer);
};

struct timer_wheel {
	uint64_t now_ms;
	uint64_t occupied[TIMER_LEVELS];
	struct list_node slots[TIMER_LEVELS][TIMER_SLOTS];
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);

/* Calls `fire` of every timer due at or before now_ms, earliest millisecond first. A callback may
 * start, cancel or free any timer, its own included. now_ms may not go back. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);

/* When advance has to be called next: never later than the first timer's millisecond. UINT64_MAX if
 * no timer runs. */
uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel);

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));

/* A running timer is started anew. A delay of 0 counts as 1 ms, so that a timer that starts itself
 * can't hold the loop. */
void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms);

static inline bool timer_is_running(const struct timer *timer)
{
	return list_is_linked(&timer->link);
}

void timer_cancel_running(struct timer_wheel *wheel, struct timer *timer);

/* Does nothing to a timer that isn't running. */
static inline void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
	if (timer_is_running(timer))
		timer_cancel_running(wheel, timer);
}

#endif
