/* envoy.filters.http.cors: answers preflight requests and marks answers to other origins, by the
 * policies of the route, its virtual host and its table.
 *
 *   policies, the most specific first: a field that one leaves out is the next one's
 *
 * Owner: the published object's arena; immutable. Thread: the stream's worker. */
#ifndef FILTERS_CORS_H
#define FILTERS_CORS_H

#include "routing/fraction.h"
#include "routing/route.h"
#include "routing/string_matcher.h"
#include "stream/filter.h"

enum cors_answer {
	CORS_UNSAID,
	CORS_NO,
	CORS_YES,
};

struct cors_policy {
	const struct string_matcher *origins;
	uint32_t origin_count;
	struct slice methods, headers, exposed, max_age;       /* "" : left out */
	uint8_t credentials, private_network, forwards_others; /* enum cors_answer */
	struct fraction enabled, shadow;
};

/* Of the chain; a route's is a struct cors_policy. */
struct cors_config {
	struct stat_scope *stats;
};

/* Of one stream. */
struct cors {
	struct slice origin; /* .len 0: not a request of another origin that is allowed */
	const struct cors_policy *policies[ROUTE_FILTER_CONFIGS_MAX];
	unsigned policy_count;
	bool is_preflight, wants_private_network;
};

extern const struct filter_type cors_filter; /* config.c */

enum filter_status cors_request_headers(struct filter *f, struct headers *headers, bool end);
enum filter_status cors_response_headers(struct filter *f, struct headers *headers, bool end);

#endif
