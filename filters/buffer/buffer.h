/* envoy.filters.http.buffer: a request goes on when all of it is there.
 *
 * Owner: the published object's arena; immutable. Thread: the stream's worker. Limit:
 * max_request_bytes (413). */
#ifndef FILTERS_BUFFER_H
#define FILTERS_BUFFER_H

#include "stream/filter.h"

struct buffer_config {
	bool is_disabled;
	uint32_t max_bytes;
};

/* Of one stream. */
struct buffer {
	uint64_t len; /* of the body so far */
	bool is_holding;
};

extern const struct filter_type buffer_filter; /* config.c */

enum filter_status buffer_request_headers(struct filter *f, struct headers *headers, bool end);
enum filter_status buffer_request_data(struct filter *f, struct buf *data, bool end);

#endif
