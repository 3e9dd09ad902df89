/* envoy.filters.http.header_mutation: changes that are made to the headers, trailers and query of
 * the messages that pass, in the order in which they are written.
 *
 * Owner: the published object's arena; immutable. Thread: the stream's worker. */
#ifndef FILTERS_HEADER_MUTATION_H
#define FILTERS_HEADER_MUTATION_H

#include "routing/header_mutation.h"
#include "routing/string_matcher.h"
#include "stream/filter.h"

/* One step; exactly one of them is there. */
struct mutation_step {
	struct header_mutations plain;       /* one name to remove, or one value to add */
	const struct string_matcher *remove; /* all headers whose name matches; NULL: none */
};

struct mutation_steps {
	const struct mutation_step *items;
	uint32_t count;
};

enum mutation_place {
	MUTATION_REQUEST,
	MUTATION_RESPONSE,
	MUTATION_REQUEST_TRAILERS,
	MUTATION_RESPONSE_TRAILERS,
	MUTATION_PLACES,
};

struct header_mutation_config {
	struct mutation_steps steps[MUTATION_PLACES];
	bool most_specific_wins; /* of the chain's: the route's are made last, not first */
};

extern const struct filter_type header_mutation_filter; /* config.c */

enum filter_status header_mutation_request_headers(struct filter *f, struct headers *headers,
						   bool end);
enum filter_status header_mutation_request_trailers(struct filter *f, struct headers *trailers);
enum filter_status header_mutation_response_headers(struct filter *f, struct headers *headers,
						    bool end);
enum filter_status header_mutation_response_trailers(struct filter *f, struct headers *trailers);

#endif
