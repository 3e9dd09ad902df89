/* Writes edits of head fields and attachments into the body of a Dubbo message; all else of it
 * stays the bytes that it was.
 *
 *   five strings | arguments | {"a": 1, "b": "2", "c": [3]}          Hessian2
 *     moved, or    moved         moved dropped moved   new ones before the end
 *     written
 *
 * What stays is moved, not copied, and what was read before (rpc_head.plain_map) isn't read again.
 * New and changed attachments are strings and stand last, which is what Java reads when a name
 * comes twice; the end of the map is found by stepping over what it holds. No map, a null, or a ref
 * to one among the arguments becomes a map; a map of a type becomes one without. Where dropping a
 * list, map or object would shift what later refs, classes and types count in, it stays, and an
 * entry behind it overrules it (with null, if it was to go). Debug builds read the result again and
 * check it. Pure functions. Thread: the stream's. */
#ifndef CODEC_DUBBO_REWRITE_H
#define CODEC_DUBBO_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"
#include "codec/dubbo_edits.h"

/* Of a request's body. Applying the same edits once more changes nothing. body stays as it is on
 * failure. STATUS_MALFORMED: can't be read; STATUS_TOO_LARGE: over a limit of
 * dubbo_attachments.h; STATUS_UNSUPPORTED: the serialization, or a value in it, isn't known
 * here. */
MUST_CHECK enum status dubbo_rewrite_request(struct buf *body, uint8_t serialization,
					     const struct dubbo_edits *edits);

/* Of an answer's body of status 20. may_add: the consumer knows answers with attachments, so one
 * without gets them, with dubbo=2.0.2. STATUS_UNSUPPORTED: also if it may not, but would have to.
 */
MUST_CHECK enum status dubbo_rewrite_answer(struct buf *body, uint8_t serialization, bool may_add,
					    const struct dubbo_edits *edits);

#endif
