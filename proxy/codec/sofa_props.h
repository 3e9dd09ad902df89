/* Where a SofaRequest says again what stands in the header map: the method, of which Java obeys
 * this copy alone, and requestProps, from which Java takes an entry that the header map hasn't.
 *
 *   content: [SofaRequest{methodName: "hi", … requestProps: {"app": "a", …}}] …
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
 * scalar. "outer.inner" also names the entry `inner` of a map under the name `outer`. The content
 * may be cut short behind it. False: there is none, or it can't be read. */
bool sofa_props_find(struct slice content, const struct hessian2_grammar *grammar,
		     struct slice name, struct arena *arena, size_t *from, size_t *to);

/* Its method's name and its bytes [*from, *to), a string. The content may be cut short behind it.
 * False: there is none, or it can't be read. */
bool sofa_method_find(struct slice content, const struct hessian2_grammar *grammar,
		      struct arena *arena, struct slice *method, size_t *from, size_t *to);

#endif
