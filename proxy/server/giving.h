/* The process that is replaced gives its connections to its successor: main's side.
 *
 *   workers ─ MAIN_GIVEN ─> out ─ CONNECTION ─> successor
 *                            ├─ ADOPTED ─> its descriptors are closed here; its worker hears of it
 *                            └─ REFUSED, or the successor's end ─> its worker has it back
 *
 * What is out waits for the successor's word, however long that takes: only who has it knows
 * whether it writes. The rest is its worker's, which gives some at a time, for a limited time.
 *
 * Owner: struct upgrade. Thread: main; workers' is server/worker_giving.h. */
#ifndef SERVER_GIVING_H
#define SERVER_GIVING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/list.h"
#include "hotrestart/message.h"

struct channel;
struct given;
struct worker;

struct giving {
	struct channel *channel; /* NULL: the successor isn't there, or not any more */
	struct worker **workers; /* NULL: they aren't there any more */
	unsigned worker_count;
	unsigned over; /* workers that give no more */
	struct list_node out;
	uint64_t adopted, returned;
};

void giving_init(struct giving *giving);
/* All workers give from now on. Borrows. */
void giving_begin(struct giving *giving, struct channel *channel, struct worker **workers,
		  unsigned worker_count);

/* MAIN_GIVEN: takes it. */
void giving_take(struct giving *giving, struct given *given);
/* MAIN_GIVING_OVER. True when it is over everywhere. */
bool giving_end_one(struct giving *giving);
/* The successor's word. False: it can't be read. */
bool MUST_CHECK giving_hear(struct giving *giving, const struct upgrade_message *message);
/* The successor has gone: what it hasn't adopted is served here. */
void giving_reclaim(struct giving *giving);

/* The process ends: nothing is given back to workers any more. */
void giving_stop(struct giving *giving);

#endif
