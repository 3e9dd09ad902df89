/* Settings that we understand and don't carry out, so that none is silently ignored. */
#ifndef XDS_UNSUPPORTED_H
#define XDS_UNSUPPORTED_H

/* What stands behind a field's name when it is refused. Rows of a type follow the row that names
 * it. */
struct unsupported {
	const char *field;  /* NULL: the next row's type begins here; */
	const char *reason; /* the type's name when field is NULL */
};

/* The rows of a type, up to the next with field NULL: NULL if it has none. */
const struct unsupported *unsupported_find(const char *type);

/* The whole table, for a test: ends with a row of two NULLs. */
const struct unsupported *unsupported_rows(void);

#endif
