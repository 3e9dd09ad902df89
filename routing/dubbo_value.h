/* Tests of one value, in the three notations that Dubbo's rules have.
 *
 *   pattern    of conditions: hello  hello*  *hello  h*o  *  1~100  ~100  1~  $param
 *   text       of mesh and tag rules: {exact: a} {prefix: a} {regex: a.*} {empty: ''} …
 *   address    of tag rules: 10.0.0.1:20880  10.0.0.*  10.0.0.1-9:20880  10.0.0.0/24  0.0.0.0:20880
 *              *
 *
 * Owner: whoever embeds it; texts live in the arena given. Immutable. Thread: any. */
#ifndef ROUTING_DUBBO_VALUE_H
#define ROUTING_DUBBO_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

struct regex;
struct Outrigger__Config__Route__V1__DubboStringMatch;

/* --- patterns of conditions --- */

enum dubbo_pattern_kind {
	DUBBO_PATTERN_GLOB,  /* prefix, and suffix if is_open */
	DUBBO_PATTERN_RANGE, /* from ~ to, both included */
	DUBBO_PATTERN_PARAM, /* what the consumer's parameter `prefix` says, itself a glob */
};

struct dubbo_pattern {
	uint8_t kind; /* enum dubbo_pattern_kind */
	bool is_open; /* a '*' stands between prefix and suffix */
	struct slice prefix, suffix;
	int64_t from, to;
};

/* takes_parameters: `$name` is one, not a text. STATUS_INVALID: a range without numbers. */
enum status MUST_CHECK dubbo_pattern_parse(struct dubbo_pattern *pattern, struct slice text,
					   bool takes_parameters, struct arena *arena,
					   struct diag *diag);
/* parameter: of DUBBO_PATTERN_PARAM, what it says; .data NULL: nothing. */
bool dubbo_pattern_test(const struct dubbo_pattern *pattern, struct slice value,
			struct slice parameter);

/* --- texts --- */

enum dubbo_text_kind {
	DUBBO_TEXT_EXACT,
	DUBBO_TEXT_PREFIX,
	DUBBO_TEXT_REGEX,
	DUBBO_TEXT_ANY, /* wildcard: "*" */
	DUBBO_TEXT_EMPTY,
	DUBBO_TEXT_NOT_EMPTY,
};

struct dubbo_text {
	uint8_t kind; /* enum dubbo_text_kind */
	struct slice text;
	const struct regex *regex;
};

/* STATUS_INVALID with the path from inside the message: none or several of its fields are there, or
 * a regex that isn't one. NULL message: none. */
enum status MUST_CHECK
dubbo_text_load(struct dubbo_text *text,
		const struct Outrigger__Config__Route__V1__DubboStringMatch *message,
		struct arena *arena, struct diag *diag);
/* value.data NULL: there is none. */
bool dubbo_text_test(const struct dubbo_text *text, struct slice value);

/* --- addresses --- */

struct dubbo_address {
	uint8_t family; /* enum addr_family; ADDR_NONE: any */
	bool has_port;
	uint16_t port;
	uint16_t low[8], high[8]; /* of the address's segments, both included */
};

/* STATUS_INVALID: no such notation. */
enum status MUST_CHECK dubbo_address_parse(struct dubbo_address *address, struct slice text,
					   struct diag *diag);
bool dubbo_address_test(const struct dubbo_address *address, const struct addr *addr);

/* A decimal whole number, maybe with a sign. */
bool dubbo_number_parse(struct slice text, int64_t *number);

#endif
