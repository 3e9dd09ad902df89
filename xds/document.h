/* A YAML or JSON text as a tree: what a configuration is before it becomes a message.
 *
 *   struct node   NULL | PLAIN | TEXT: text, count bytes
 *                 LIST: children[count]
 *                 MAP:  children[2 * count], key value …
 *
 * A PLAIN scalar has no quotes, so its form tells its type; a TEXT is a string whatever it looks
 * like. Keys are scalars, unique within their map: of equal ones the last counts, and the document
 * says that there were some. An alias shares the children of its anchor, so the tree is no bigger
 * than the text; who walks it counts his steps.
 *
 * Owner: the document's arena holds all of it. Thread: one at a time. Limits: struct
 * document_limits. */
#ifndef XDS_DOCUMENT_H
#define XDS_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum node_kind {
	NODE_NULL,
	NODE_PLAIN,
	NODE_TEXT,
	NODE_LIST,
	NODE_MAP,
};

struct node {
	union {
		const char *text; /* with a 0 behind it */
		struct node *children;
	};
	uint32_t count;
	uint32_t line;   /* from 1 */
	uint16_t column; /* from 1; 65535: that or more */
	uint8_t kind;    /* enum node_kind */
	bool is_ignored; /* a key tagged !ignore, as Envoy has it: its entry is left out */
};

struct document_limits {
	size_t bytes; /* of the text */
	size_t nodes; /* of the tree; and of what is read from it, aliases counted each time */
	size_t depth;
};

#define DOCUMENT_LIMITS_DEFAULT                                                                    \
	((struct document_limits){                                                                 \
		.bytes = (size_t)256 << 20, .nodes = (size_t)32 << 20, .depth = 100})

enum document_format {
	DOCUMENT_YAML,
	DOCUMENT_JSON,
};

struct document {
	struct arena arena;
	const char *file; /* borrowed; "" when there is none */
	enum document_format format;
	struct document_limits limits;
	struct node root;
	size_t duplicates;                         /* keys given more than once */
	uint32_t duplicate_line, duplicate_column; /* of the first of them */
};

/* JSON if the name ends in .json, else YAML (which JSON nearly is). */
enum document_format document_format_of(const char *file);

/* Reads text. `file` is borrowed for the document's life, NULL for none; `limits` may be NULL. On
 * failure diag says where and what, and there is nothing to free. STATUS_MALFORMED,
 * STATUS_TOO_LARGE. */
MUST_CHECK enum status document_parse(struct document *document, struct slice text,
				      enum document_format format, const char *file,
				      const struct document_limits *limits, struct diag *diag);

void document_free(struct document *document);

/* The node at a path like `a.b[3].c["x.y"]`, or the deepest one that the path and the tree have in
 * common: an empty path gives the root. Names match in snake_case and lowerCamelCase. Borrowed. */
const struct node *document_locate(const struct document *document, const char *path);

/* Fills in file, line and column of a diag that has a path. */
void document_place(const struct document *document, struct diag *diag);

static inline struct slice node_text(const struct node *node)
{
	return (struct slice){node->text, node->count};
}

/* True if key is field's name as proto files write it, or as JSON does (lowerCamelCase). */
bool document_name_matches(const char *field, struct slice key);

#endif
