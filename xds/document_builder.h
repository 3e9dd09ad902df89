/* Builds a document from the events of a parser: scalars and the beginnings and ends of lists and
 * maps.
 *
 *   stack:  … [ … key value key | value        frames: where each open container's children begin
 *
 * Owner: the parser's function, on its stack; the nodes go to the document's arena. */
#ifndef XDS_DOCUMENT_BUILDER_H
#define XDS_DOCUMENT_BUILDER_H

#include "document.h"

struct document_mark {
	size_t line, column; /* from 0 */
};

struct document_builder {
	struct document *document;
	struct diag *diag;
	struct node *stack; /* heap */
	size_t used, room;
	size_t *frames; /* heap: index into the stack of each open container */
	size_t depth, frame_room;
	size_t nodes;
};

void document_builder_init(struct document_builder *builder, struct document *document,
			   struct diag *diag);
void document_builder_fini(struct document_builder *builder);

/* Each fails with STATUS_TOO_LARGE over a limit and STATUS_MALFORMED for what no document may be,
 * diag written. */
MUST_CHECK enum status document_add_scalar(struct document_builder *builder, enum node_kind kind,
					   struct slice text, struct document_mark mark);
MUST_CHECK enum status document_open(struct document_builder *builder, enum node_kind kind,
				     struct document_mark mark);
MUST_CHECK enum status document_close(struct document_builder *builder);
/* Adds a copy of a finished node: its children are shared. */
MUST_CHECK enum status document_add_copy(struct document_builder *builder, const struct node *node,
					 struct document_mark mark);

/* The node that was added or closed last. */
static inline struct node *document_builder_last(const struct document_builder *builder)
{
	return &builder->stack[builder->used - 1];
}

/* Writes the place and the text of a fault, returns status. */
PRINTF_LIKE(4, 5)
enum status document_fault(struct document_builder *builder, enum status status,
			   struct document_mark mark, const char *format, ...);

#endif
