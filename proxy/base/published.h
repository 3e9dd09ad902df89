/* An immutable object that main publishes to the workers, and a worker's pin on it.
 *
 *   main: published_new ─ publish to slot 7 ─> each worker: table.pins[7]
 *   worker: a stream ++ (pin_take) and -- (pin_drop); a newer version arrives: the old pin is
 *           retired, and its last drop gives the object back
 *
 * An object has one reference a worker that holds it and one of main while it is current. Streams
 * count pins with a plain word: one atomic a worker and version, none a request. The last reference
 * is dropped on main (workers hand theirs back by mailbox), so `free` runs there.
 *
 * Owner: the references. Thread: references main's; struct pin and pin_table the worker's. */
#ifndef BASE_PUBLISHED_H
#define BASE_PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

/* The kinds of objects, in the order in which a batch of them is applied (make before break). */
enum published_kind {
	PUBLISHED_HOST_SET,
	PUBLISHED_CLUSTER,
	PUBLISHED_RULES,     /* a filter's: of its own resource type */
	PUBLISHED_EXTENSION, /* a message filter that comes by discovery (stream/extension.h) */
	PUBLISHED_ROUTES,
	PUBLISHED_LISTENER,
	PUBLISHED_KINDS,
};

/* Something to be done on main when an object is published, before any worker has it. Not for one
 * that is refused. */
struct published_call {
	struct published_call *next;
	void (*run)(void *argument);
	void *argument;
};

struct published {
	enum published_kind kind;
	uint32_t slot;       /* of its (kind, name): fixed for the life of the process */
	uint32_t references; /* main's count: 1 + workers that hold it */
	uint64_t hash;       /* of the configuration: equal means nothing changed */
	struct slice name;
	struct slice version_info;
	struct arena arena;                     /* the object and all it points at */
	void (*free)(struct published *object); /* what the arena can't: or NULL */
	struct published_call *calls;           /* newest first */
	void *owner; /* whose `free` it is: NULL unless that one wants it */
};

/* A worker's handle on one version. */
struct pin {
	struct published *object;
	uint32_t count;  /* streams, connections … that use it */
	bool is_retired; /* no longer the slot's current version */
	struct pin_table *table;
};

struct pin_table {
	struct pin **pins[PUBLISHED_KINDS]; /* by slot; NULL: nothing there */
	uint32_t size[PUBLISHED_KINDS];
	uint32_t pin_count; /* pins that exist, retired ones included */
	/* Called when a retired version's last pin is dropped: hand the reference back to main. */
	void (*give_back)(struct pin_table *table, struct published *object);
};

void pin_table_init(struct pin_table *table,
		    void (*give_back)(struct pin_table *table, struct published *object));
/* Gives every object back. All pins must be dropped. */
void pin_table_fini(struct pin_table *table);

/* Makes object current in its slot (NULL object: empties `slot` of `kind`). The old version is
 * retired. */
void pin_table_set(struct pin_table *table, enum published_kind kind, uint32_t slot,
		   struct published *object);

/* The current version's pin, or NULL. Borrowed: take it to keep it beyond this call chain. */
static inline struct pin *pin_find(const struct pin_table *table, enum published_kind kind,
				   uint32_t slot)
{
	return slot < table->size[kind] ? table->pins[kind][slot] : NULL;
}

static inline struct pin *pin_take(struct pin *pin)
{
	pin->count++;
	return pin;
}

void pin_release(struct pin *pin); /* the retired path of pin_drop */

static inline void pin_drop(struct pin *pin)
{
	if (!--pin->count && UNLIKELY(pin->is_retired))
		pin_release(pin);
}

#endif
