/* Main's list of published objects: names to slots, and each slot's current version.
 *
 *   publisher_slot("c1") = 3 ─ build object ─ publisher_add(batch) ─ publisher_send
 *     ─> one message to each worker
 *   a version's last reference ─> freed here, on main
 *
 * Owner: the server. Thread: main; publisher_slot also the builder (the lock is for it alone). */
#ifndef SERVER_PUBLISHER_H
#define SERVER_PUBLISHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/published.h"
#include "base/slice.h"
#include "net/mailbox.h"

struct worker;

struct publisher {
	pthread_mutex_t lock; /* of names */
	struct arena names_arena;
	struct map names[PUBLISHED_KINDS]; /* -> slot, for good */
	uint32_t slot_count[PUBLISHED_KINDS];
	struct published **current[PUBLISHED_KINDS]; /* by slot; NULL: nothing */
	uint32_t
		*noted[PUBLISHED_KINDS]; /* by slot: 1 + index among the pending changes; 0: none */
	uint32_t current_size[PUBLISHED_KINDS];
	struct mailbox *mailbox; /* main's: where workers give references back */
	struct worker **workers; /* NULL: not made yet, or gone */
	unsigned worker_count;
	struct publication *pending; /* what publisher_send will send */
	bool is_held;                /* while starting: nothing is sent before all of it can be */
};

void publisher_init(struct publisher *publisher, struct mailbox *mailbox);
/* Workers have joined, their messages are drained. */
void publisher_fini(struct publisher *publisher);

/* The slot of a name, made if new. Any configuration thread. */
uint32_t publisher_slot(struct publisher *publisher, enum published_kind kind, struct slice name);

/* The current version, or NULL. Borrowed. */
struct published *publisher_current(const struct publisher *publisher, enum published_kind kind,
				    uint32_t slot);

/* Makes object (its kind and slot filled in, one reference, taken) current, with the next
 * publisher_send. */
void publisher_add(struct publisher *publisher, struct published *object);
/* Empties the slot. */
void publisher_remove(struct publisher *publisher, enum published_kind kind, uint32_t slot);

/* Sends what was added and removed since the last time as one batch: host sets, clusters, routes,
 * listeners, then what is gone. Each worker applies it in one turn, a large one in several. */
void publisher_send(struct publisher *publisher);

/* Drops a reference; frees with the last. Main. */
void published_drop(struct published *object);

/* One change of a batch, as workers get it. */
struct publication_change {
	enum published_kind kind;
	uint32_t slot;
	struct published *object; /* NULL: removed */
};

#endif
