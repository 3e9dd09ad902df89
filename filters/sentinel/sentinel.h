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
#include "filters/sentinel/name_template.h"
#include "filters/sentinel/names.h"
#include "routing/request_value.h"
#include "stream/filter.h"

enum sentinel_http_resource { /* the numbers of the message */
			      SENTINEL_HTTP_METHOD_AND_PATH,
			      SENTINEL_HTTP_PATH,
			      SENTINEL_HTTP_ROUTE_NAME,
};

enum { SENTINEL_RESOURCES_A_REQUEST = 2 };

enum sentinel_peer { /* likewise: what of a client's certificate says who it is */
		     SENTINEL_PEER_NONE,
		     SENTINEL_PEER_URI,
		     SENTINEL_PEER_DNS,
		     SENTINEL_PEER_SUBJECT,
};

/* What a blocked request gets: the last good answer, if that is wanted and there is one; else what
 * the other cluster answers, if one is named; else this body. */
struct sentinel_fallback {
	uint16_t status; /* 0: 429 */
	struct slice body, content_type;
	struct slice cluster; /* "" : none */
	uint32_t cluster_slot;
	bool has_last_answer;
};

/* How good answers are kept. */
struct sentinel_keeping {
	size_t bytes_max; /* of one worker */
	size_t body_max;  /* of one answer */
	uint64_t age_max_ms;
	const struct name_template *key; /* NULL: what was asked for, as fallback.c tells */
};

/* What a request may be named by. */
struct sentinel_resource_names {
	const struct name_template *templates[SENTINEL_RESOURCES_A_REQUEST]; /* outer first */
	uint32_t count;
};

/* What a route may say; the filter's own is the beginning of its configuration. */
struct sentinel_route {
	bool is_disabled;
	const struct name_template *resource;     /* NULL: the usual ones */
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
	const struct sentinel_keeping *keeping; /* NULL: answers aren't kept */
	const struct sentinel_resource_names *resources;
	uint32_t resource_count; /* 0: the usual ones */
	uint8_t http_resource;   /* enum sentinel_http_resource */
	uint8_t peer_name;       /* enum sentinel_peer */
	bool waits_past_deadline;
	bool asks_headers;             /* of calls, those that attachments become */
	struct request_values origins; /* none: the usual attachment */
	const struct sentinel_parameter *parameters;
	uint32_t parameter_count;
};

struct answer_capture;

struct sentinel_state {
	struct sentinel_names names;
	struct entry *entries; /* one a resource; in the arena */
	uint8_t passed;        /* entries that are begun */
	bool is_waiting, is_blocked;
	const struct sentinel_fallback *elsewhere; /* whose cluster answers; NULL: the route's */
	struct answer_capture *capture;            /* fallback.c's; NULL: nothing is kept */
	struct pin *pin;      /* taken while it waits: the rules that it waits by */
	uint64_t deadline_ms; /* of the caller; UINT64_MAX: none is known */
	struct slice origin;
	const struct argument *args;
	uint32_t args_count;
	struct filter_timer timer;
};

extern const struct filter_type sentinel_filter; /* config.c */

enum filter_status sentinel_request_headers(struct filter *f, struct headers *headers, bool end);
void sentinel_close(struct filter *f);

/* fallback.c: what blocked requests get, and good answers, which are kept for them. */
enum filter_status sentinel_response_headers(struct filter *f, struct headers *headers, bool end);
enum filter_status sentinel_response_data(struct filter *f, struct buf *data, bool end);
bool sentinel_reads_answers(const void *config);
extern const struct route_policy sentinel_policy;

/* Before anything of the request is held: what will be asked of it if it is blocked, or answered.
 */
void sentinel_prepare_fallback(struct filter *f);
/* Answers, or has the request go elsewhere. Its entries are over. */
enum filter_status sentinel_fall_back(struct filter *f, enum block_exception exception);

/* request_facts.c: what is asked for of a request. Texts live as long as the stream. */

/* False: nothing is asked of such a request. */
bool sentinel_find_names(struct filter *f, const struct headers *headers, struct instant now);
/* Class.getName() of a call's parameters, with commas between. */
struct slice sentinel_find_types(struct filter *f, const struct rpc_head *rpc);
bool sentinel_is_grpc(const struct headers *request);
struct slice sentinel_find_origin(const struct filter *f, const struct headers *headers);
/* When its caller gives up, in filter_now_ms; UINT64_MAX: it doesn't say. */
uint64_t sentinel_find_deadline(const struct filter *f, const struct headers *headers);
/* Whether it ended badly. */
bool sentinel_has_failed(const struct filter *f);

/* parameters.c: as many of the parameters as those rules ask for; the others are null. */
void sentinel_find_parameters(struct filter *f, const struct headers *headers,
			      const struct resource_rules *rules);

#endif
