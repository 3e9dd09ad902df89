/* Conditions on the header fields of a message (or the attachments of an RPC call): what xDS calls
 * HeaderMatcher. Of a field that came several times each value is tried; one that matches is
 * enough (and with `invert` one is enough to fail).
 *
 *   field absent: no match, whatever `invert` says; but "absent" itself can be asked for
 *   (present: false, or present inverted), and treat_missing_as_empty tests "" instead
 *
 * Owner: whoever embeds it; texts live in the arena given to load. Thread: any. */
#ifndef ROUTING_HEADER_MATCH_H
#define ROUTING_HEADER_MATCH_H

#include <stdint.h>

#include "message/headers.h"
#include "routing/string_matcher.h"

struct Envoy__Config__Route__V3__HeaderMatcher;

enum value_test {
	VALUE_TEST_PRESENT, /* is there, with any value */
	VALUE_TEST_RANGE,   /* a decimal number in [from, to) */
	VALUE_TEST_STRING,
};

struct header_match {
	struct slice name;
	uint8_t id;   /* enum header_id of the name */
	uint8_t test; /* enum value_test */
	bool invert;
	bool missing_is_empty;
	int64_t from, to;
	struct string_matcher string;
};

struct header_matches {
	const struct header_match *items;
	uint32_t count;
};

/* Copies what it needs. STATUS_INVALID and a diag with the path from `field` on. */
enum status MUST_CHECK
header_matches_load(struct header_matches *matches, const char *field,
		    struct Envoy__Config__Route__V3__HeaderMatcher *const *messages, size_t count,
		    struct arena *arena, struct diag *diag);

/* *gave_up is set (never cleared) when a regex gave up: the answer can't be relied on then. */
bool header_match_try(const struct header_match *match, const struct headers *headers,
		      bool *gave_up);

static inline bool header_match_test(const struct header_match *match,
				     const struct headers *headers)
{
	bool gave_up = false;
	return header_match_try(match, headers, &gave_up);
}

/* True when all match: also when there are none. */
static inline bool header_matches_test(const struct header_matches *matches,
				       const struct headers *headers)
{
	for (uint32_t i = 0; i < matches->count; i++)
		if (!header_match_test(&matches->items[i], headers))
			return false;
	return true;
}

/* A name from configuration as headers know it: lower case, "host" is ":authority". Copied. */
struct slice header_name_of_config(const char *name, struct arena *arena);

/* The same, checked: what is no field name (RFC 9110 5.1), a pseudo header too, is refused with the
 * path `field`. For messages of our own: those of Envoy's have their rules in xds/constraints. */
MUST_CHECK enum status header_name_load(struct slice *loaded, const char *name, const char *field,
					struct arena *arena, struct diag *diag);

/* An optional sign and decimal digits that fit 64 bits, all of text. */
bool slice_to_int64(struct slice text, int64_t *value);

#endif
