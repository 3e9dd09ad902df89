/* outrigger.filters.sentinel: each request asks the rules of its resources whether it may go on.
 *
 *   request ─ names, origin, parameters ─> entry, entry ─┬─ pass ───> …  the end: exit, exit
 *                                            ^           ├─ block ──> reply
 *                                            └── timer ──┴─ wait
 *
 * A call enters its interface and then its method; other requests have one resource. Attempts and
 * retries are one entry. What waits is a stream that pauses; when it ends meanwhile, its turn is
 * lost.
 *
 * Owner: configurations the published object's arena, the rest the stream's. Thread: the stream's
 * worker. */
#ifndef FILTERS_SENTINEL_H
#define FILTERS_SENTINEL_H

#include "filters/sentinel/application.h"
#include "filters/sentinel/core/sph.h"
#include "filters/sentinel/names.h"
#include "routing/request_value.h"
#include "stream/filter.h"

enum sentinel_http_resource { /* the numbers of the message */
			      SENTINEL_HTTP_METHOD_AND_PATH,
			      SENTINEL_HTTP_PATH,
			      SENTINEL_HTTP_ROUTE_NAME,
};

struct sentinel_fallback {
	uint16_t status; /* 0: 429 */
	struct slice body, content_type;
};

/* What a route may say; the filter's own is the beginning of its configuration. */
struct sentinel_route {
	bool is_disabled;
	struct slice resource;                    /* "": the usual ones */
	const struct sentinel_fallback *fallback; /* NULL: the filter's, or none */
};

struct sentinel_parameter {
	struct slice query; /* .data NULL: value */
	struct request_values value;
};

struct sentinel_config {
	struct sentinel_route route;
	struct sentinel_application *application; /* NULL: the configuration is only checked */
	struct sentinel_naming naming;
	uint8_t http_resource; /* enum sentinel_http_resource */
	bool waits_past_deadline;
	struct request_values origins; /* none: the usual attachment */
	const struct sentinel_parameter *parameters;
	uint32_t parameter_count;
};

struct sentinel_state {
	struct sentinel_names names;
	struct entry *entries; /* one a resource; in the arena */
	uint8_t passed;        /* entries that are begun */
	bool is_waiting, is_blocked;
	struct pin *pin;      /* taken while it waits: the rules that it waits by */
	uint64_t deadline_ms; /* of the caller; UINT64_MAX: none is known */
	struct slice origin;
	const struct argument *args;
	uint32_t args_count;
	struct filter_timer timer;
};

extern const struct filter_type sentinel_filter; /* config.c */

enum filter_status sentinel_request_headers(struct filter *f, struct headers *headers, bool end);
enum filter_status sentinel_response_headers(struct filter *f, struct headers *headers, bool end);
void sentinel_close(struct filter *f);

/* request_facts.c: what is asked for of a request. Texts live as long as the stream. */

/* False: nothing is asked of such a request. */
bool sentinel_find_names(struct filter *f, const struct headers *headers, struct instant now);
struct slice sentinel_find_origin(const struct filter *f, const struct headers *headers);
/* When its caller gives up, in filter_now_ms; UINT64_MAX: it doesn't say. */
uint64_t sentinel_find_deadline(const struct filter *f, const struct headers *headers);
/* Whether it ended badly. */
bool sentinel_has_failed(const struct filter *f);

/* parameters.c: as many of the parameters as those rules ask for; the others are null. */
void sentinel_find_parameters(struct filter *f, const struct headers *headers,
			      const struct resource_rules *rules);

#endif
