/* What is to happen in virtual time. At one moment what was begun earlier goes on first (waits and
 * calls that end, in the order in which they were put off), then events in the order of the file.
 *
 * Owner: the program. */
#ifndef TESTS_SENTINEL_AGENDA_H
#define TESTS_SENTINEL_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum task_kind {
	TASK_RESUME, /* a wait is over */
	TASK_EXIT,   /* the call is over */
	TASK_EVENT,
};

struct task {
	int64_t at_ns;
	uint64_t number; /* in the order of being put in */
	enum task_kind kind;
	size_t event;
};

struct agenda {
	struct task *heap;
	size_t count, room;
	uint64_t next_number;
};

void agenda_add(struct agenda *agenda, int64_t at_ns, enum task_kind kind, size_t event);
/* The next one, or false. */
bool agenda_take(struct agenda *agenda, struct task *task);
/* Takes out the wait or the end of the event's call. */
void agenda_remove(struct agenda *agenda, size_t event);
void agenda_free(struct agenda *agenda);

#endif
