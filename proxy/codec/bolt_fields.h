/* The header map of a Bolt message, as SOFA writes it: names and values by turns.
 *
 *   [length, 4 bytes][name] [length][value] …      length ffffffff: null
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_BOLT_FIELDS_H
#define CODEC_BOLT_FIELDS_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "message/rpc_head.h"

enum { BOLT_FIELDS_LIMIT = 1024 }; /* entries */

/* Takes one entry off the front of *map, which isn't empty; .data NULL for null. What it gives
 * borrows *map. STATUS_MALFORMED: cut short. */
MUST_CHECK enum status bolt_fields_take(struct slice *map, struct rpc_attachment *field);

/* All entries but those whose name is null, in wire order, in the arena; they borrow map.
 * STATUS_MALFORMED: cut short. STATUS_TOO_LARGE: more than BOLT_FIELDS_LIMIT. */
MUST_CHECK enum status bolt_fields_read(struct slice map, struct arena *arena,
					struct rpc_attachment **fields, uint32_t *count);

/* The bytes that these entries take in a map. */
size_t bolt_fields_size(const struct rpc_attachment *fields, uint32_t count);

/* Writes one entry; where the next goes. */
char *bolt_fields_put(char *to, const struct rpc_attachment *field);

#endif
