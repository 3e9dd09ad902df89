/* The contract of a message filter: one request and its answer, of any protocol.
 *
 *   request:   filter 0 -> 1 -> … -> router          response:  router -> … -> 1 -> filter 0
 *
 * How one is made: docs/adding-a-filter.md. Runs on the stream's worker thread only. A callback
 * answers for the event it was shown; after BUFFER or PAUSE what it held goes on in order. Timers
 * and sub-requests hang on the stream's scope and die with it. */
#ifndef STREAM_FILTER_H
#define STREAM_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/scope.h"
#include "base/timer_wheel.h"
#include "message/headers.h"
#include "message/reply_reason.h"
#include "message/stream_info.h"
#include "stream/config_context.h"

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;
struct stream;
struct worker_context;
struct chain_entry;
struct filter_config;
struct route;
struct route_policy;
struct policy_facts;
struct stats_shard;

enum filter_status {
	FILTER_CONTINUE, /* pass this event on (after BUFFER: release all that is held, in order) */
	FILTER_BUFFER,   /* hold it; keep showing me later events; over the limit: 413 or 500 */
	FILTER_PAUSE,    /* hold it; show me nothing and stop reading until filter_resume() */
	FILTER_REPLIED,  /* I answered or reset: touch the stream no more */
};

enum direction {
	DIRECTION_REQUEST,
	DIRECTION_RESPONSE,
};

struct filter {
	const struct filter_type *type;
	const void *config; /* most specific (route > host > listener) when the stream began; NULL
			       for a type without config_load; lives in a pinned published object */
	const struct chain_entry *entry; /* its place in the configured chain */
	void *state;                     /* type->state_size zeroed bytes from the stream's arena */
	struct stream *stream;
	struct filter_hold
		*hold[2]; /* the chain's: what is held, by direction; NULL: nothing was ever */
	bool is_showing;  /* the chain's: a headers callback runs */
};

struct filter_type {
	const char *name;                                 /* "envoy.filters.http.fault" */
	const struct ProtobufCMessageDescriptor *message; /* of typed_config */
	const struct ProtobufCMessageDescriptor
		*per_route; /* of typed_per_filter_config; NULL: same as message */
	size_t state_size;
	bool is_terminal;
	bool is_authority; /* it judges by what a request says it is: calls that contradict
			      themselves are refused before it */
	bool is_limiter;   /* it counts by that: the same, but what can't be read passes */
	const struct route_policy *policy; /* what it says of where requests go; NULL: nothing */
	bool is_policy_on_demand; /* asked only for requests of which it says so (filter_ask_policy)
				   */
	/* Whether answers are of any use with the listener's configuration: if to no filter, they
	 * pass by all of them. NULL: always. */
	bool (*reads_answers)(const void *config);
	/* NULL member = "not interested". Builds *config in context->arena. is_per_route: the
	 * message is a typed_per_filter_config, of the type per_route. STATUS_INVALID or
	 * _UNSUPPORTED with a diag whose path begins inside the message. */
	enum status (*config_load)(const void **config, const struct ProtobufCMessage *message,
				   bool is_per_route, const struct config_context *context,
				   struct diag *diag);
	/* Of calls: whether, with the listener's configuration (NULL: not known yet), it looks at
	 * or changes headers of that direction that stand for attachments, which become headers
	 * only if somebody does. NULL: it does; of answers, if it has a callback for them. What
	 * filter_facts gives is read when it is asked for, either way. */
	bool (*asks_attachments)(const void *config, enum direction direction);
	void (*open)(struct filter *f);
	enum filter_status (*request_headers)(struct filter *f, struct headers *headers, bool end);
	enum filter_status (*request_data)(struct filter *f, struct buf *data, bool end);
	enum filter_status (*request_trailers)(struct filter *f, struct headers *trailers);
	enum filter_status (*response_headers)(struct filter *f, struct headers *headers, bool end);
	enum filter_status (*response_data)(struct filter *f, struct buf *data, bool end);
	enum filter_status (*response_trailers)(struct filter *f, struct headers *trailers);
	void (*log)(struct filter *f);   /* stream complete, all facts known */
	void (*close)(struct filter *f); /* rarely needed: the scope cancels, the arena frees */
};

/* Passes on what the filter held in this direction, then shows it what arrived meanwhile. Does
 * nothing unless paused. */
void filter_resume(struct filter *f, enum direction direction);

/* Answers the request. The reply passes the response filters. Return FILTER_REPLIED afterwards. */
void filter_reply(struct filter *f, enum reply_reason reason);

/* The same with the status (0: the reason's), the text and the details of the caller's choice.
 * Slices: borrowed for the stream's life. details.len 0: the reason's. */
void filter_reply_with(struct filter *f, enum reply_reason reason, unsigned http_status,
		       int grpc_status, struct slice text, struct slice details);

/* Answers the request with a message that is whole: shown to the response filters before this one
 * in the chain only, as an answer that this one lets pass. headers: in the stream's arena; with
 * :status. body: moved; its length is said by content-length, of HTTP. Details: borrowed for the
 * stream's life. Return FILTER_REPLIED afterwards. */
void filter_answer(struct filter *f, struct headers *headers, struct buf *body,
		   struct slice details);

/* The filter's policy, one on demand, is asked where this request goes. */
void filter_ask_policy(struct filter *f);

/* Adds bytes behind what the filter was shown last; it isn't shown them. From a headers callback
 * they follow the headers, also if those were the end; while the filter holds something they go
 * with it; else they go on at once. In a data callback append to the data instead. Moves data. end:
 * the message ends there. */
void filter_inject(struct filter *f, enum direction direction, struct buf *data, bool end);

/* The route in force, or NULL if none matched. Borrowed. */
const struct route *filter_route(const struct filter *f);
/* The route is looked up anew before the next filter_route: after a filter changed what it was
 * chosen by. */
void filter_clear_route(struct filter *f);

/* The name of the cluster that the route in force gives this request; "" : none. Borrowed. */
struct slice filter_cluster_name(const struct filter *f);

/* What there is to decide by (routing/policy.h): of a call also its arguments and attachments, read
 * when first asked for, which must be in request_headers and before anything is held. `route` is
 * filter_route. */
void filter_facts(const struct filter *f, struct policy_facts *facts);

/* The listener's configuration, also where `config` is a route's. */
const void *filter_chain_config(const struct filter *f);
/* What the route in force, its virtual host and its table say of this filter, the least specific
 * first: for filters that merge. Fills at most ROUTE_FILTER_CONFIGS_MAX, returns how many. */
unsigned filter_route_configs(const struct filter *f, const struct filter_config **configs);

/* The head that began the exchange, as it is now. */
struct headers *filter_request(const struct filter *f);
/* What filters may hold of one message of this stream, from now on. */
void filter_set_buffer_limit(struct filter *f, uint32_t limit);

struct arena *filter_arena(const struct filter *f);
struct scope *filter_scope(const struct filter *f);
struct stream_info *filter_info(const struct filter *f);
/* The response is the proxy's own, and none of an upstream. */
bool filter_is_replied(const struct filter *f);
struct worker_context *filter_worker(const struct filter *f);
/* Milliseconds of CLOCK_MONOTONIC, this turn's. */
uint64_t filter_now_ms(const struct filter *f);
/* The same in nanoseconds. */
uint64_t filter_now_ns(const struct filter *f);
/* A fresh random number. */
uint64_t filter_random(struct filter *f);
/* Where this worker counts. */
struct stats_shard *filter_stats(const struct filter *f);

/* A timer that dies with the stream. Embed it in the filter's state. */
struct filter_timer {
	struct timer timer;
	struct scope_item item;
	struct filter *filter;
	void (*fire)(struct filter *f);
};

/* Started anew if it runs. */
void filter_timer_start(struct filter_timer *timer, struct filter *f, uint64_t delay_ms,
			void (*fire)(struct filter *f));
void filter_timer_cancel(struct filter_timer *timer);

#endif
