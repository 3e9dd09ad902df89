/* One value of an RPC call's arguments, as a route or a rule compares it: the same of every
 * serialization.
 *
 * Borrows its texts: from the message, or from the arena it was read with. Thread: the stream's. */
#ifndef MESSAGE_ARGUMENT_VALUE_H
#define MESSAGE_ARGUMENT_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

struct argument_path;
struct headers;

enum argument_kind {
	ARGUMENT_ABSENT, /* no such argument, field, entry or element */
	ARGUMENT_NULL,
	ARGUMENT_BOOL,
	ARGUMENT_INT,
	ARGUMENT_LONG,
	ARGUMENT_DOUBLE,
	ARGUMENT_DATE,
	ARGUMENT_STRING,
	ARGUMENT_ENUM,
	ARGUMENT_BINARY,
	ARGUMENT_LIST,
	ARGUMENT_MAP,
	ARGUMENT_OBJECT,
};

struct argument_value {
	enum argument_kind kind;
	int64_t integer;   /* of BOOL (0, 1), INT, LONG, DATE (ms since 1970); else 0 */
	double number;     /* of BOOL, INT, LONG, DOUBLE, DATE; else 0 */
	struct slice text; /* of STRING (UTF-8, a lone surrogate as its three bytes), and of ENUM
			      its name; else .data is NULL: argument_value_text makes it */
	struct slice type; /* the class of ENUM and OBJECT, "com.foo.Order"; else .data is NULL */
};

/* What a codec has to answer what stands at a path of a message's arguments. STATUS_OK with
 * ARGUMENT_ABSENT: nothing stands there; STATUS_MALFORMED, STATUS_TOO_LARGE: it can't be read;
 * STATUS_UNSUPPORTED: not in this serialization, or the payload is gone (it is there during the
 * `headers` event). The value lives as long as payload and headers->arena. */
typedef enum status argument_read(const struct headers *headers, const struct argument_path *path,
				  struct argument_value *value);

/* Whether the value counts as there: anything but ABSENT. */
static inline bool argument_value_is_present(const struct argument_value *value)
{
	return value->kind != ARGUMENT_ABSENT;
}

/* Java's String.valueOf: of BOOL, INT, LONG, DOUBLE, STRING and ENUM. .data NULL for all others,
 * which match as present only. In the arena, constant, or the value's own. */
struct slice argument_value_text(const struct argument_value *value, struct arena *arena);

/* Double.toString: the fewest digits that read back as the same number; plain from 0.001 to 10^7,
 * else d.dddEn. In the arena, or constant. */
struct slice argument_double_text(double value, struct arena *arena);

#endif
