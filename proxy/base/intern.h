/* Strings as small numbers: the same text has the same id as long as the table lives.
 *
 *   ids 0, 1, 2 … in the order of the first asking
 *
 * Owner: whoever embeds it; texts live until intern_free. Nothing is ever forgotten, so only names
 * whose number configuration bounds may enter. Thread: one at a time. */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/slice.h"

struct intern {
	struct map ids; /* text -> id */
	struct arena arena;
	struct slice *texts; /* by id */
	uint32_t count, capacity;
};

void intern_init(struct intern *table);
void intern_free(struct intern *table);

/* The text's id, a new one if it has none. Copies the text. */
uint32_t intern_id(struct intern *table, struct slice text);

/* False if the text has no id. */
bool intern_find(const struct intern *table, struct slice text, uint32_t *id);

/* The text of an id that was given out. Terminated by a 0 that isn't counted. */
struct slice intern_text(const struct intern *table, uint32_t id);

#endif
