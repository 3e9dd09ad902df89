#include "base/timer_wheel.h"

enum { SLOT_BITS = 6 };

static const uint64_t longest_ms = (UINT64_C(1) << (SLOT_BITS * TIMER_LEVELS)) - 1;

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
	wheel->now_ms = now_ms;
	for (unsigned level = 0; level < TIMER_LEVELS; level++) {
		wheel->occupied[level] = 0;
		for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
			list_init(&wheel->slots[level][slot]);
	}
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
	*timer = (struct timer){.fire = fire};
}

static void place(struct timer_wheel *wheel, struct timer *timer)
{
	uint64_t delay_ms = timer->deadline_ms - wheel->now_ms;
	if (delay_ms > longest_ms)
		delay_ms = longest_ms; /* comes round there, and is placed again */

	unsigned level = delay_ms < TIMER_SLOTS
				 ? 0
				 : (63u - (unsigned)__builtin_clzll(delay_ms)) / SLOT_BITS;
	unsigned slot = (unsigned)((wheel->now_ms + delay_ms) >> (SLOT_BITS * level)) % TIMER_SLOTS;

	wheel->occupied[level] |= UINT64_C(1) << slot;
	list_push_back(&wheel->slots[level][slot], &timer->link);
}

void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms)
{
	timer_cancel(wheel, timer);
	timer->deadline_ms = wheel->now_ms + (delay_ms ? delay_ms : 1);
	place(wheel, timer);
}

/* The head may also be that of timers being fired, which are in no slot any more. */
static void note_empty(struct timer_wheel *wheel, const struct list_node *head)
{
	size_t slot = ((uintptr_t)head - (uintptr_t)wheel->slots) / sizeof *head;
	if (slot < TIMER_LEVELS * TIMER_SLOTS)
		wheel->occupied[slot / TIMER_SLOTS] &= ~(UINT64_C(1) << slot % TIMER_SLOTS);
}

void timer_cancel_running(struct timer_wheel *wheel, struct timer *timer)
{
	struct list_node *next = timer->link.next;

	list_remove(&timer->link);
	if (list_is_empty(next)) /* no timer, but the head of the list that it was alone in */
		note_empty(wheel, next);
}

/* The slot that now stands on was emptied when now came to it: a timer there waits for the next
 * turn. */
static uint64_t next_slot_ms(const struct timer_wheel *wheel, unsigned level)
{
	uint64_t occupied = wheel->occupied[level];
	if (!occupied)
		return UINT64_MAX;

	unsigned shift = SLOT_BITS * level;
	uint64_t current = wheel->now_ms >> shift;
	unsigned first = (unsigned)(current + 1) % TIMER_SLOTS;
	uint64_t from_first =
		first ? occupied >> first | occupied << (TIMER_SLOTS - first) : occupied;

	return (current + 1 + (unsigned)__builtin_ctzll(from_first)) << shift;
}

uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel)
{
	uint64_t next_ms = UINT64_MAX;
	for (unsigned level = 0; level < TIMER_LEVELS; level++) {
		uint64_t slot_ms = next_slot_ms(wheel, level);
		if (slot_ms < next_ms)
			next_ms = slot_ms;
	}
	return next_ms;
}

/* Unlinks all timers of the slot that now stands on; they are the caller's to place or fire. */
static void take_current_slot(struct timer_wheel *wheel, unsigned level, struct list_node *taken)
{
	unsigned slot = (unsigned)(wheel->now_ms >> (SLOT_BITS * level)) % TIMER_SLOTS;

	list_init(taken);
	list_splice_back(taken, &wheel->slots[level][slot]);
	wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* Moves the timers of the slots that begin now one level down or more, the coarsest first. */
static void cascade(struct timer_wheel *wheel)
{
	for (unsigned level = TIMER_LEVELS - 1; level > 0; level--) {
		struct list_node taken;
		if (wheel->now_ms % (UINT64_C(1) << (SLOT_BITS * level)))
			continue;
		take_current_slot(wheel, level, &taken);
		while (!list_is_empty(&taken)) {
			struct timer *timer = container_of(taken.next, struct timer, link);
			list_remove(&timer->link);
			place(wheel, timer);
		}
	}
}

/* The next timer to fire is looked up anew each time, since a callback may cancel any of the
 * others. */
static void fire_current_slot(struct timer_wheel *wheel)
{
	struct list_node due;

	take_current_slot(wheel, 0, &due);
	while (!list_is_empty(&due)) {
		struct timer *timer = container_of(due.next, struct timer, link);
		list_remove(&timer->link);
		timer->fire(timer);
	}
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
	for (uint64_t next_ms; (next_ms = timer_wheel_next_ms(wheel)) <= now_ms;) {
		wheel->now_ms = next_ms;
		cascade(wheel);
		fire_current_slot(wheel);
	}
	wheel->now_ms = now_ms;
}
