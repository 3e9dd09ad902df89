/* Settings that we understand and don't carry out, so that none is ignored unsaid.
 *
 * Most are refused; those whose absence changes nothing that a client, an upstream or a reader of
 * statistics could see go with a warning. A feature that lands takes its rows out;
 * tools/unread_fields finds settings that no code reads. */
#ifndef XDS_UNSUPPORTED_H
#define XDS_UNSUPPORTED_H

#include <stdbool.h>

struct unsupported {
	const char *field;  /* NULL: the rows of a type begin behind this one */
	const char *reason; /* of the type's row: its name */
	bool is_ignored;    /* a warning, not a fault */
};

/* The rows of a type, up to the next with field NULL: NULL if it has none. */
const struct unsupported *unsupported_find(const char *type);

/* The whole table, for a test: ends with a row of two NULLs. */
const struct unsupported *unsupported_rows(void);

#endif
