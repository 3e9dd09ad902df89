/* A text of a request, wherever it stands: in a header, an attachment, a cookie or an argument.
 *
 * Of a call, a header and an attachment mean the same: a header of that name, or the attachment. Of
 * other requests an attachment is a header. Owner: the arena given to load; immutable. Thread: any.
 */
#ifndef ROUTING_REQUEST_VALUE_H
#define ROUTING_REQUEST_VALUE_H

#include "base/arena.h"
#include "base/diag.h"
#include "message/argument_path.h"
#include "routing/policy.h"

struct Outrigger__Type__V1__RequestValue;

enum request_value_source {
	REQUEST_VALUE_HEADER,
	REQUEST_VALUE_ATTACHMENT,
	REQUEST_VALUE_COOKIE,
	REQUEST_VALUE_ARGUMENT,
};

struct request_value {
	enum request_value_source source;
	struct slice name;   /* as configured */
	struct slice header; /* as headers know it; of HEADER and ATTACHMENT */
	struct argument_path path;
};

struct request_values {
	const struct request_value *items;
	uint32_t count;
};

/* STATUS_INVALID and a diag whose path begins with field. */
enum status MUST_CHECK
request_values_load(struct request_values *values, const char *field,
		    struct Outrigger__Type__V1__RequestValue *const *messages, size_t count,
		    struct arena *arena, struct diag *diag);

/* False if it isn't there, or has no text; it may be empty. Borrowed for the stream's life. */
bool request_value_find(const struct request_value *value, const struct policy_facts *facts,
			struct slice *text);
/* The first of them that is there and isn't empty. */
bool request_values_find(const struct request_values *values, const struct policy_facts *facts,
			 struct slice *text);

#endif
