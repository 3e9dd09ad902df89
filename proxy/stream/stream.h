/* A stream: one request with its answer, from its head to its log line.
 *
 *   codec ─ request events ─> chain: filter 0 … router ─> upstream
 *   codec <─ response ─────── chain: filter 0 … router <─ upstream (stream_response_*)
 *
 *   OPEN ─ both messages complete ─> CLOSED        (stream_finish: logged, counted, buried)
 *     └── reset by either side ────> CLOSED        (stream_abort)
 *
 * Owner: its session; memory from the worker's free list, freed at the end of the turn. Thread: its
 * worker. Timers: one alarm for all of enum stream_limit; it stays with the memory when that is
 * used again, and rings early rather than being moved, so that a request seldom touches the wheel.
 * Limits: buffer_limit on what filters hold. */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/scope.h"
#include "codec/codec.h"
#include "message/stream_info.h"
#include "net/loop.h"
#include "stream/filter.h"
#include "stream/worker_context.h"

struct session;
struct route;
struct route_table;
struct virtual_host;
struct router;

enum stream_state {
	STREAM_OPEN,
	STREAM_CLOSED,
};

/* What a stream has time for. */
enum stream_limit {
	STREAM_LIMIT_IDLE,     /* between two events */
	STREAM_LIMIT_REQUEST,  /* the request's last byte */
	STREAM_LIMIT_DURATION, /* all of it */
	STREAM_LIMIT_TOTAL,    /* the source's: the answer, … */
	STREAM_LIMIT_TRY,      /* … one attempt at it, … */
	STREAM_LIMIT_TRY_IDLE, /* … and between two events of an attempt */
	STREAM_LIMITS,
};

/* Who makes the answer: told when it must wait, or is no longer wanted. */
struct response_source {
	void (*pause)(void *source);  /* send me no more data … */
	void (*resume)(void *source); /* … until here. Alternating */
	void (*cancel)(void *source); /* the stream ends, or answers itself: the last call */
	/* A limit that it has started is over: TOTAL, TRY or TRY_IDLE. */
	void (*timed_out)(void *source, enum stream_limit limit);
};

struct stream {
	/* Not zeroed when the memory is used again. */
	struct stream *next_free;
	struct arena arena;
	struct worker_context *worker;
	struct timer alarm; /* at the earliest deadline or before */

	struct addr remote, local; /* the session's */

	/* From here on zeroed by stream_open. */
	struct exchange down;
	struct session *session;
	struct list_node link; /* in session->streams */
	struct scope scope;
	struct headers *request, *response;
	struct filter *filters;
	uint8_t filter_count;
	uint8_t state;         /* enum stream_state */
	bool is_replied;       /* a local reply was made: later request events are dropped */
	bool has_sent_headers; /* response headers were given to the codec */
	bool has_sent_end;
	bool is_route_stale;
	bool asks_policies; /* those on demand, too */
	bool has_holds;     /* a filter has held something */
	bool is_request_end_seen;
	bool is_response_over; /* the source's message has ended */
	uint8_t replying_from; /* filters at and above this index are not shown the local reply */
	uint16_t response_pauses; /* counted */
	uint16_t epoch[2];        /* changes when a direction's events in progress are void */
	uint32_t buffer_limit;    /* of what filters hold in one direction */
	const struct route *route;
	const struct virtual_host *virtual_host;
	const struct route_table *routes;
	struct pin *routes_pin;         /* NULL: the listener's own table */
	struct slice redirect_location; /* of a redirect being answered; "" : none */
	const struct response_source *source_type;
	void *source;                         /* NULL: none (yet, or any more) */
	uint64_t deadlines_ms[STREAM_LIMITS]; /* 0: no such limit now */
	uint64_t idle_timeout_ms, last_activity_ms;
	uint64_t random; /* one number for all choices of this stream */
	struct grave grave;
	struct stream_info info;
};

/* A new stream of the session, with its arena; linked and counted. Never NULL. */
struct stream *stream_open(struct session *session);

/* Frees the worker's free list: at its end. */
void stream_free_spares(struct worker_context *worker);

/* Both messages are complete and the codec has let go: runs log and close of the filters, hands the
 * stream to session_type->stream_ended, buries it. */
void stream_finish(struct stream *s);

/* Gives the stream up wherever it stands: the upstream request is cancelled, the exchange abandoned
 * if still attached, then as stream_finish. `flag` goes into the log. */
void stream_abort(struct stream *s, enum response_flag flag, struct slice details);

/* --- the answer, from the router (or a local reply) --- */

void stream_set_source(struct stream *s, const struct response_source *type, void *source);
/* The source has no more to say, or gave up: it won't be called. */
static inline void stream_clear_source(struct stream *s)
{
	s->source = NULL;
}

/* Its answer isn't wanted any more. Does nothing without a source. */
void stream_cancel_source(struct stream *s);

void stream_response_informational(struct stream *s, struct headers *headers);
void stream_response_headers(struct stream *s, struct headers *headers, bool end);
void stream_response_data(struct stream *s, struct buf *data, bool end);
void stream_response_trailers(struct stream *s, struct headers *trailers);
/* The answer has this head: for filters, formats and the log. */
void stream_set_response(struct stream *s, struct headers *headers);

/* --- back-pressure, counted --- */

void stream_request_pause(struct stream *s);
void stream_request_resume(struct stream *s);
void stream_response_pause(struct stream *s);
void stream_response_resume(struct stream *s);

static inline bool stream_is_open(const struct stream *s)
{
	return s->state == STREAM_OPEN;
}

static inline void stream_touch(struct stream *s)
{
	s->last_activity_ms = loop_now_ms(s->worker->loop);
}

void stream_set_idle_timeout(struct stream *s, uint64_t timeout_ms); /* 0: none */

void stream_set_alarm(struct stream *s, uint64_t at_ms);

/* From now on; a limit that runs is started anew. 0 counts as 1 ms. */
static inline void stream_limit_start(struct stream *s, enum stream_limit limit, uint64_t ms)
{
	uint64_t at_ms = loop_now_ms(s->worker->loop) + (ms ? ms : 1);

	s->deadlines_ms[limit] = at_ms;
	if (UNLIKELY(!timer_is_running(&s->alarm) || s->alarm.deadline_ms > at_ms))
		stream_set_alarm(s, at_ms);
}

static inline void stream_limit_stop(struct stream *s, enum stream_limit limit)
{
	s->deadlines_ms[limit] = 0;
}

#endif
