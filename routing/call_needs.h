/* What rules ask of a call's body, and what was read of one.
 *
 *   rules of a list ─ each adds ─> call_needs ─ read_call, once a call ─> call_facts
 *                                  paths 0.user.id, 1 …                   values in their order
 *
 * A body is read in one pass, when the first condition asks for it, for all conditions of a list.
 * Owner: needs the table's arena, immutable; facts the decision. Thread: any; a decision's facts
 * its own. Limit: RPC_PATHS_MAX. */
#ifndef ROUTING_CALL_NEEDS_H
#define ROUTING_CALL_NEEDS_H

#include <stdbool.h>
#include <stdint.h>

#include "message/argument_path.h"
#include "message/argument_value.h"
#include "routing/name_map.h"

struct route_match_input;

enum {
	RPC_PATHS_MAX = 64, /* different arguments that the rules of one method ask for */
	RPC_NAMES_MAX = 3,  /* attachments that are told by their names */
};

struct call_needs {
	const struct argument_path *const *paths;
	uint32_t path_count;
	bool attachments;
	bool names;   /* group and application: attachments that have names of their own here */
	bool headers; /* attachments must be header fields, too */
	/* The attachments that count; 0: any may, or none. */
	uint8_t attachment_count;
	struct slice attachment_names[RPC_NAMES_MAX];
};

/* What was read of one call. Zeroed when the decision begins. */
struct call_facts {
	const struct call_needs *read_for;   /* NULL: nothing yet */
	const struct argument_value *values; /* of read_for->paths */
	const struct call_facts *older;      /* what was read for other needs; NULL: nothing */
};

/* Reads what the rules need of the call, unless input->facts have it: once for each needs, however
 * often lists of rules with different ones take turns. */
const struct call_facts *call_facts_read(const struct route_match_input *input,
					 const struct call_needs *needs);

/* Needs while they are gathered; needs zeroed at first. needs.paths isn't set; attachment_count is
 * RPC_NAMES_MAX + 1 when there are more. */
struct call_needs_builder {
	struct call_needs needs;
	const struct argument_path *paths[RPC_PATHS_MAX];
};

/* *slot: the path's place. False when there are RPC_PATHS_MAX others. Borrows the path. */
bool call_needs_add(struct call_needs_builder *b, const struct argument_path *path, uint8_t *slot);
/* Borrows the name of an attachment. */
void call_needs_add_attachment(struct call_needs_builder *b, struct slice name);

/* Needs of a table while it is built, each kept once. Paths must be, too. */
struct call_needs_pool {
	struct arena *arena, *scratch;
	struct name_map map; /* by what they ask, to places in items */
	const struct call_needs **items;
	uint32_t count, capacity;
};

/* Capacity 0: nothing is shared. scratch lives as long as the pool. */
void call_needs_pool_init(struct call_needs_pool *pool, size_t capacity, struct arena *arena,
			  struct arena *scratch);

/* NULL if nothing at all is asked. */
const struct call_needs *call_needs_take(struct call_needs_pool *pool,
					 const struct call_needs_builder *b);

#endif
