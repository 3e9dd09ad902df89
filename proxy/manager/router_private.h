/* The router's state, shared by its files only.
 *
 *   router.c          the filter's callbacks, choice of cluster and host
 *   router_attempt.c  one upstream request, its answer
 *   router_retry.c    whether and when to try again
 *   router_policy.c   what policies make of the choice
 *   router_mirror.c   copies for other clusters
 *   router_reserve.c  connections that a client shares with nobody
 *   router_count.c    what clusters count
 *
 * Owner: the stream's arena. Thread: its worker. */
#ifndef MANAGER_ROUTER_PRIVATE_H
#define MANAGER_ROUTER_PRIVATE_H

#include "manager/router.h"
#include "routing/route.h"
#include "routing/timeouts.h"
#include "stream/session.h"
#include "stream/stream.h"
#include "upstream/upstream_worker.h"

enum { ROUTER_RESENDS = 2, ROUTER_TRIED_HOSTS = 8 };

struct router {
	struct filter *filter;
	struct stream *stream;
	const struct route *route;
	struct cluster_pick pick;
	struct narrowing *narrowing;    /* NULL: no policy asks for anything */
	struct cluster_worker *cluster; /* looked up anew for each attempt; held */
	struct upstream_request request;
	struct retry_plan plan;
	struct retry_slot retry_slot; /* while the attempt is a further one */
	struct request_timeouts timeouts;
	struct hash_result hash;
	struct buf waiting;     /* not sent yet: no connection */
	struct buf retained;    /* a copy of what was sent, for a further attempt */
	struct buf mirror_body; /* a copy for mirrors, while `mirrored` says so */
	uint64_t mirrored;      /* bits: which mirrors of the route get a copy */
	struct headers *trailers;
	struct timer backoff_timer;
	const struct host *tried[ROUTER_TRIED_HOSTS]; /* compared, never looked into */
	uint64_t tried_priorities,
		excluded_priorities; /* bits: of attempts so far; not for the next */
	uint64_t try_start_ns;
	uint32_t attempts;
	uint8_t resends;
	bool is_request_ended; /* headers, data or trailers with the end were seen */
	bool can_retry;        /* retained is complete */
	bool is_waiting;       /* an attempt has no connection yet */
	bool is_sending;       /* the current attempt has got its headers */
	bool has_body;
	bool is_request_paused; /* the stream's request direction is paused by us, once */
	bool is_answering;      /* an answer's head has gone down the response chain */
	bool is_over;
	bool is_closed; /* the stream has ended; a request may still have to say that it is complete
			 */
	bool is_timed_out;      /* the total timer has rung */
	bool was_try_timed_out; /* the latest attempt ended by time */
};

/* router.c: the filter's callbacks (the type stands in router_config.c) */
void router_open(struct filter *f);
void router_close(struct filter *f);
enum filter_status router_request_headers(struct filter *f, struct headers *headers, bool end);
enum filter_status router_request_data(struct filter *f, struct buf *data, bool end);
enum filter_status router_request_trailers(struct filter *f, struct headers *trailers);
void router_start_attempt(struct router *r);
void router_end(struct router *r);
/* The cluster, when neither the stream nor a request needs it any more. */
void router_let_go(struct router *r);

/* router_attempt.c */
extern const struct upstream_request_events router_request_events;
extern const struct response_source router_source;
void router_send(struct router *r);
void router_pause_request(struct router *r);
void router_resume_request(struct router *r);
void router_start_total_timer(struct router *r);
void router_stop_timers(struct router *r);

/* router_retry.c: true when another attempt is on its way (or waits for its back-off). */
bool router_retry_response(struct router *r, const struct headers *headers);
bool router_retry_reset(struct router *r, enum reply_reason reason, bool was_request_sent);
void router_on_backoff(struct timer *timer);
bool router_has_other_host(const struct router *r);
bool router_was_tried(void *owner, const struct host_set *set, uint32_t index);

/* router_policy.c: asks the policies; r->pick is made, the cluster not looked up yet. False: one
 * has refused, and it is answered. */
bool router_ask_policies(struct router *r);
static inline bool router_narrow(struct router *r)
{
	const struct stream *s = r->stream;

	return LIKELY(!s->session->config->chain.has_policies && !s->asks_policies &&
		      !r->route->policy) ||
	       router_ask_policies(r);
}

/* router_reserve.c: whose connections the request takes; NULL: those of all */
struct reserve *router_make_reserve(struct router *r);
static inline struct reserve *router_reserve(struct router *r)
{
	return UNLIKELY(r->stream->session->config->is_unshared ||
			cluster_worker_config(r->cluster)->has_pool_per_downstream)
		       ? router_make_reserve(r)
		       : NULL;
}

/* router_mirror.c: copies of the request for other clusters */
void router_mirror_begin(struct router *r);
void router_mirror_data(struct router *r, const struct buf *data);
void router_mirror_send_copies(struct router *r);
static inline void router_mirror_send(struct router *r) /* the request is complete */
{
	if (UNLIKELY(r->mirrored))
		router_mirror_send_copies(r);
}
void router_mirror_drop(struct router *r);

/* router_count.c */
void router_count_code(struct router *r, unsigned code);
void router_count_time(struct router *r);
void router_count_retried(struct router *r, unsigned code);
/* id: of ROUTER_STAT. */
void router_count(struct router *r, unsigned id);

static inline bool router_is_rpc(const struct router *r)
{
	return r->stream->request->rpc != NULL;
}

/* What is spoken to the host: a call's own protocol. */
static inline enum stream_protocol router_protocol(const struct router *r)
{
	return router_is_rpc(r) ? (enum stream_protocol)r->stream->down.protocol
				: STREAM_PROTOCOL_HTTP11;
}

static inline enum cluster_priority router_priority(const struct router *r)
{
	return r->route->forward->is_high_priority ? CLUSTER_PRIORITY_HIGH
						   : CLUSTER_PRIORITY_DEFAULT;
}

static inline void router_cluster_count(struct router *r, unsigned id)
{
	stat_inc(r->stream->worker->stats, r->cluster->stats, id);
}

#endif
