/* The header map of a Bolt message, as SOFA writes it: names and values by turns.
 *
 *   [length, 4 bytes][name] [length][value] …      length ffffffff: null
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_BOLT_FIELDS_H
#define CODEC_BOLT_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "codec/bolt_frame.h"
#include "message/rpc_head.h"

enum { BOLT_FIELDS_LIMIT = 1024 }; /* entries */

/* Takes one text off the front of what lies from *at to end; false: it is cut short. */
static inline bool bolt_text_take(const char **at, const char *end, struct slice *text)
{
	const char *p = *at;

	if (UNLIKELY(end - p < 4))
		return false;
	uint32_t len = bolt_get_u32(p);
	p += 4;
	*text = (struct slice){p, len};
	if (UNLIKELY(len > (size_t)(end - p))) {
		*text = (struct slice){NULL, 0};
		*at = p;
		return len == UINT32_MAX; /* null */
	}
	*at = p + len;
	return true;
}

/* Takes one entry off the front of *map, which isn't empty; .data NULL for null. What it gives
 * borrows *map. STATUS_MALFORMED: cut short. */
MUST_CHECK static inline enum status bolt_fields_take(struct slice *map,
						      struct rpc_attachment *field)
{
	const char *at = map->data, *end = at + map->len;

	if (UNLIKELY(!bolt_text_take(&at, end, &field->name) ||
		     !bolt_text_take(&at, end, &field->value)))
		return STATUS_MALFORMED;
	*map = (struct slice){at, (size_t)(end - at)};
	return STATUS_OK;
}

/* All entries but those whose name is null, in wire order, in the arena; they borrow map.
 * STATUS_MALFORMED: cut short. STATUS_TOO_LARGE: more than BOLT_FIELDS_LIMIT. */
MUST_CHECK enum status bolt_fields_read(struct slice map, struct arena *arena,
					struct rpc_attachment **fields, uint32_t *count);

/* The bytes that these entries take in a map. */
size_t bolt_fields_size(const struct rpc_attachment *fields, uint32_t count);

/* Writes one entry; where the next goes. */
char *bolt_fields_put(char *to, const struct rpc_attachment *field);

#endif
