/* Conditions on query parameters and cookies. Names and values are compared as they came, without
 * percent-decoding; of a name that occurs several times the first counts.
 *
 * Owner: whoever embeds it; texts live in the arena given to load. Thread: any. */
#ifndef ROUTING_QUERY_MATCH_H
#define ROUTING_QUERY_MATCH_H

#include "message/headers.h"
#include "routing/string_matcher.h"

struct Envoy__Config__Route__V3__QueryParameterMatcher;
struct Envoy__Config__Route__V3__CookieMatcher;

struct pair_match {
	struct slice name;
	bool is_present_test; /* the value doesn't matter */
	bool invert;
	struct string_matcher string;
};

struct pair_matches {
	const struct pair_match *items;
	uint32_t count;
};

/* STATUS_INVALID and a diag with the path from "query_parameters" or "cookies" on. */
enum status MUST_CHECK
query_matches_load(struct pair_matches *matches,
		   struct Envoy__Config__Route__V3__QueryParameterMatcher *const *messages,
		   size_t count, struct arena *arena, struct diag *diag);
enum status MUST_CHECK
cookie_matches_load(struct pair_matches *matches,
		    struct Envoy__Config__Route__V3__CookieMatcher *const *messages, size_t count,
		    struct arena *arena, struct diag *diag);

/* query: what stands behind the '?'. */
bool query_matches_test(const struct pair_matches *matches, struct slice query);
bool cookie_matches_test(const struct pair_matches *matches, const struct headers *headers);

/* The first value of a parameter: true if it is there ("" for "k" and "k="). */
bool query_find(struct slice query, struct slice name, struct slice *value);

#endif
