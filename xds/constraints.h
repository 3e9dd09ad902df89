/* What values fields may have, as tables: the rules that Envoy's API states for the messages we
 * know.
 *
 *   CONSTRAINTS_OF(type) rule rule … CONSTRAINTS_OF(type) rule …    types in order of their names
 *
 * A rule on a repeated field is about each of its values, one on a wrapper or a Duration about what
 * is inside, one on an unset message or an unchosen field of a oneof about nothing (but REQUIRED).
 */
#ifndef XDS_CONSTRAINTS_H
#define XDS_CONSTRAINTS_H

#include <stddef.h>

enum constraint_kind {
	CONSTRAINT_TYPE,     /* begins the rules of a type; `field` is its name */
	CONSTRAINT_REQUIRED, /* the message must be there */
	CONSTRAINT_ONEOF, /* of the oneof that the field is in (words: its name), one must be set */
	CONSTRAINT_MIN_LEN, /* bytes */
	CONSTRAINT_MAX_LEN,
	CONSTRAINT_AT_LEAST, /* numbers; seconds of a Duration */
	CONSTRAINT_AT_MOST,
	CONSTRAINT_ABOVE,
	CONSTRAINT_BELOW,
	CONSTRAINT_TRUE,
	CONSTRAINT_NOT,    /* this value of the enum */
	CONSTRAINT_ONE_OF, /* words, parted by spaces */
	CONSTRAINT_MIN_ITEMS,
	CONSTRAINT_MAX_ITEMS,
	CONSTRAINT_UNIQUE,
	CONSTRAINT_MIN_KEY_LEN,
	CONSTRAINT_HEADER_NAME, /* no NUL, CR, LF */
	CONSTRAINT_HEADER_VALUE,
	CONSTRAINT_STRICT_HEADER_NAME,  /* a token, a colon may stand in front */
	CONSTRAINT_STRICT_HEADER_VALUE, /* no control character but the tab */
	CONSTRAINT_IN_PERCENTS,         /* empty, or begins and ends with % */
	CONSTRAINT_SEPARATED_PATH,      /* no ?, no #, no / at the end, two characters */
};

struct constraint {
	const char *field;
	enum constraint_kind kind;
	double limit;
	const char *words;
};

/* How the tables are written. */
#define CONSTRAINTS_OF(type)                                                                       \
	{                                                                                          \
		(type), CONSTRAINT_TYPE, 0, NULL                                                   \
	}
#define RULE(field, kind)                                                                          \
	{                                                                                          \
		(field), CONSTRAINT_##kind, 0, NULL                                                \
	}
#define LIMIT(field, kind, limit)                                                                  \
	{                                                                                          \
		(field), CONSTRAINT_##kind, (limit), NULL                                          \
	}
#define WORDS(field, kind, words)                                                                  \
	{                                                                                          \
		(field), CONSTRAINT_##kind, 0, (words)                                             \
	}
/* Rules of messages that stand in the API more than once. */
#define COOKIE_ATTRIBUTE_RULES                                                                     \
	LIMIT("name", MIN_LEN, 1), LIMIT("name", MAX_LEN, 16384), RULE("name", HEADER_NAME),       \
		LIMIT("value", MAX_LEN, 16384), RULE("value", HEADER_VALUE)
#define PATH_SEGMENT_RULES WORDS("key", ONEOF, "segment"), LIMIT("key", MIN_LEN, 1)

#define CONSTRAINTS_END                                                                            \
	{                                                                                          \
		"~", CONSTRAINT_TYPE, 0, NULL                                                      \
	} /* behind all names */

extern const struct constraint constraints_of_config[];
extern const struct constraint constraints_of_routes[];
extern const struct constraint constraints_of_types[];
extern const struct constraint constraints_of_extensions[];

/* The rules of a type, up to the next CONSTRAINT_TYPE: NULL if it has none. */
const struct constraint *constraints_find(const char *type);

#endif
