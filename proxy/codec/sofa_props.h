/* Where an entry of a SofaRequest's requestProps stands: most of the header map travels again
 * there, and Java takes an entry from it that the header map hasn't.
 *
 *   content: [SofaRequest{… requestProps: {"app": "a", "rpc_req_baggage": {"x-tag": "blue"}}}] …
 *
 * Pure. Thread: any. */
#ifndef CODEC_SOFA_PROPS_H
#define CODEC_SOFA_PROPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/slice.h"

struct hessian2_grammar;

/* The bytes [*from, *to) of the entry, name and value, which nothing else refers to: its value is a
 * scalar. "outer.inner" also names the entry `inner` of a map under the name `outer`. False: there
 * is none, or the request can't be read. */
bool sofa_props_find(struct slice content, const struct hessian2_grammar *grammar,
		     struct slice name, struct arena *arena, size_t *from, size_t *to);

#endif
