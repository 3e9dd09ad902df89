/* Formats whose result is a line of JSON: how one is built from a configuration's tree, value by
 * value.
 *
 *   begin · object · key "code" · template "%RESPONSE_CODE%" · end_object · finish   {"code":200}
 *
 * A template that is one operator gives a number where the operator has one, a string, or null; any
 * other gives a string. With FORMAT_OMIT_EMPTY what has no value is left out, and objects that are
 * empty thereby. Strings are escaped; one that isn't UTF-8 has all its other bytes escaped, as in
 * Envoy.
 *
 * Owner: who builds; the result is in the arena. Thread: one. Limits: FORMAT_JSON_DEPTH. Misuse
 * (a value without key in an object) is the caller's bug; faults of the configuration are kept in
 * the builder and reported by finish. */
#ifndef MESSAGE_FORMAT_JSON_H
#define MESSAGE_FORMAT_JSON_H

#include "message/format.h"
#include "message/format_op.h"

enum { FORMAT_JSON_DEPTH = 32 };

struct format_json {
	struct format_ops ops;
	unsigned flags, depth;
	enum status status; /* of the first fault */
	struct diag *diag;
};

void format_json_begin(struct format_json *json, unsigned flags, struct arena *arena,
		       struct diag *diag);

void format_json_object(struct format_json *json);
void format_json_end_object(struct format_json *json);
void format_json_list(struct format_json *json);
void format_json_end_list(struct format_json *json);

/* The key of the next value, in an object. Keys are written in the order of these calls. */
void format_json_key(struct format_json *json, struct slice key);

void format_json_template(struct format_json *json, struct slice text);
void format_json_number(struct format_json *json, double number);
void format_json_bool(struct format_json *json, bool value);
void format_json_null(struct format_json *json);

/* Ends the line with '\n'. What was wrong first, with its diag: a template that doesn't compile,
 * too many values, too deep. */
enum status MUST_CHECK format_json_finish(struct format_json *json, const struct format **format);

/* Makes the bytes from `start` on the inside of a JSON string. When there is no room, only the
 * length is right. */
void format_json_escape(struct format_out *out, size_t start);

#endif
