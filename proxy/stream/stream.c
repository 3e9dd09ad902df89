#include "stream/stream.h"

#include <stdlib.h>

#include "stream/chain.h"
#include "stream/reply.h"
#include "stream/session.h"

enum { STREAM_ARENA_BLOCK = 4096 };

static void on_alarm(struct timer *timer);

static struct stream *stream_take(struct worker_context *worker)
{
	struct stream *s = worker->free_streams;
	if (s) {
		worker->free_streams = s->next_free;
		worker->free_stream_count--;
	} else {
		s = malloc(sizeof *s);
		invariant(s);
		arena_init(&s->arena, STREAM_ARENA_BLOCK);
		s->worker = worker;
		timer_init(&s->alarm, on_alarm);
	}
	memset(&s->down, 0, sizeof *s - offsetof(struct stream, down));
	return s;
}

static void stream_free(struct stream *s)
{
	timer_cancel(&s->worker->loop->wheel, &s->alarm);
	arena_free(&s->arena);
	free(s);
}

static void stream_give(struct grave *grave)
{
	struct stream *s = container_of(grave, struct stream, grave);
	struct worker_context *worker = s->worker;

	arena_reset(&s->arena);
	if (worker->free_stream_count >= WORKER_FREE_STREAMS) {
		stream_free(s);
		return;
	}
	s->next_free = worker->free_streams;
	worker->free_streams = s;
	worker->free_stream_count++;
}

void stream_free_spares(struct worker_context *worker)
{
	while (worker->free_streams) {
		struct stream *s = worker->free_streams;
		worker->free_streams = s->next_free;
		stream_free(s);
	}
	worker->free_stream_count = 0;
}

/* --- limits of time --- */

void stream_set_alarm(struct stream *s, uint64_t at_ms)
{
	struct timer_wheel *wheel = &s->worker->loop->wheel;
	timer_start(wheel, &s->alarm, at_ms - wheel->now_ms);
}

static void idle_ran_out(struct stream *s)
{
	uint64_t idle_ms = loop_now_ms(s->worker->loop) - s->last_activity_ms;

	if (idle_ms < s->idle_timeout_ms) {
		stream_limit_start(s, STREAM_LIMIT_IDLE, s->idle_timeout_ms - idle_ms);
		return;
	}
	struct local_reply reply = {.reason = REPLY_STREAM_IDLE_TIMEOUT,
				    .http_status = s->is_request_end_seen ? 504 : 408,
				    .grpc_status = -1,
				    .text = reply_reasons[REPLY_STREAM_IDLE_TIMEOUT].text};
	reply_send(s, &reply);
}

void stream_set_idle_timeout(struct stream *s, uint64_t timeout_ms)
{
	s->idle_timeout_ms = timeout_ms;
	stream_touch(s);
	if (timeout_ms)
		stream_limit_start(s, STREAM_LIMIT_IDLE, timeout_ms);
	else
		stream_limit_stop(s, STREAM_LIMIT_IDLE);
}

static void ran_out(struct stream *s, enum stream_limit limit)
{
	switch (limit) {
	case STREAM_LIMIT_IDLE:
		idle_ran_out(s);
		break;
	case STREAM_LIMIT_REQUEST:
		reply_send_reason(s, REPLY_REQUEST_TIMEOUT, (struct slice){0});
		break;
	case STREAM_LIMIT_DURATION:
		reply_send_reason(s, REPLY_DOWNSTREAM_MAX_DURATION, (struct slice){0});
		break;
	case STREAM_LIMIT_TOTAL:
	case STREAM_LIMIT_TRY:
	case STREAM_LIMIT_TRY_IDLE:
		s->source_type->timed_out(s->source, limit);
		break;
	case STREAM_LIMITS:
		break;
	}
}

/* STREAM_LIMITS: none runs. */
static enum stream_limit earliest_limit(const struct stream *s)
{
	enum stream_limit first = STREAM_LIMITS;

	for (unsigned i = 0; i < STREAM_LIMITS; i++)
		if (s->deadlines_ms[i] &&
		    (first == STREAM_LIMITS || s->deadlines_ms[i] < s->deadlines_ms[first]))
			first = (enum stream_limit)i;
	return first;
}

/* A stream that has ended, or memory on the free list, wants no further ring. */
static void on_alarm(struct timer *timer)
{
	struct stream *s = container_of(timer, struct stream, alarm);
	enum stream_limit limit;

	while (stream_is_open(s) && (limit = earliest_limit(s)) != STREAM_LIMITS) {
		uint64_t at_ms = s->deadlines_ms[limit];
		if (at_ms > loop_now_ms(s->worker->loop)) {
			stream_set_alarm(s, at_ms);
			return;
		}
		stream_limit_stop(s, limit);
		ran_out(s, limit);
	}
}

/* --- life --- */

static void stream_init(struct stream *s, struct session *session)
{
	struct worker_context *worker = session->worker;
	struct stream_info *info = &s->info;

	s->session = session;
	s->down.arena = &s->arena;
	s->buffer_limit = session->buffer_limit;
	s->random = random_next(&worker->random);
	scope_init(&s->scope);

	info->times.start_ns = worker->loop->now_ns;
	info->start_wall_ns = worker->loop->wall_ns;
	info->connection_id = session->id;
	info->stream_id = ++worker->next_id;
	info->protocol = (uint8_t)session->config->type->protocol;
	addr_unpack(session->remote, &s->remote);
	addr_unpack(session->local, &s->local);
	info->downstream_remote = info->downstream_direct_remote = &s->remote;
	info->downstream_local = &s->local;
	info->filter_chain_name = session->chain->name;
}

struct stream *stream_open(struct session *session)
{
	struct stream *s = stream_take(session->worker);

	stream_init(s, session);
	list_push_back(&session->streams, &s->link);
	session->stream_count++;
	session->request_count++;
	if (session->config->stream_idle_timeout_ms)
		stream_set_idle_timeout(s, session->config->stream_idle_timeout_ms);
	if (session->is_output_full && !session->codec->type->is_multiplexed)
		stream_response_pause(s);
	return s;
}

void stream_cancel_source(struct stream *s)
{
	void *source = s->source;
	s->source = NULL;
	if (source)
		s->source_type->cancel(source);
}

void stream_finish(struct stream *s)
{
	struct session *session = s->session;

	if (s->state == STREAM_CLOSED)
		return;
	stream_cancel_source(s);
	s->state = STREAM_CLOSED;
	scope_cancel(&s->scope);
	s->info.times.end_ns = s->worker->loop->now_ns;
	s->info.request = s->request;
	s->info.response = s->response;
	chain_close(s);
	session->config->type->stream_ended(s);
	if (s->routes_pin)
		pin_drop(s->routes_pin);
	list_remove(&s->link);
	session->stream_count--;
	loop_bury(s->worker->loop, &s->grave, stream_give);
	session_stream_closed(session, s);
}

void stream_abort(struct stream *s, enum response_flag flag, struct slice details)
{
	if (s->state == STREAM_CLOSED)
		return;
	if (flag < RESPONSE_FLAG_COUNT)
		stream_info_flag(&s->info, flag);
	if (details.len)
		s->info.response_code_details = details;
	if (s->down.codec) {
		s->down.codec->type->abandon(&s->down);
		conn_flush_later(&s->session->conn); /* the end of a broken frame */
	}
	stream_finish(s);
}

void stream_set_source(struct stream *s, const struct response_source *type, void *source)
{
	s->source_type = type;
	s->source = source;
	if (s->response_pauses)
		type->pause(source);
}

void stream_response_informational(struct stream *s, struct headers *headers)
{
	const struct codec_type *codec = s->session->codec->type;
	if (stream_is_open(s) && !s->has_sent_headers && codec->send_informational) {
		codec->send_informational(&s->down, headers);
		conn_flush_later(&s->session->conn);
	}
}

void stream_set_response(struct stream *s, struct headers *headers)
{
	s->response = headers;
	s->info.response = headers;
	if (headers_has(headers, HEADER_STATUS))
		s->info.response_code = (uint16_t)headers_status(headers);
}

void stream_response_headers(struct stream *s, struct headers *headers, bool end)
{
	if (!stream_is_open(s) || s->is_replied)
		return;
	stream_touch(s);
	stream_set_response(s, headers);
	s->is_response_over = end;
	chain_headers(s, DIRECTION_RESPONSE, headers, end);
}

void stream_response_data(struct stream *s, struct buf *data, bool end)
{
	if (!stream_is_open(s) || s->is_replied)
		return;
	stream_touch(s);
	s->is_response_over = end;
	chain_data(s, DIRECTION_RESPONSE, data, end);
}

void stream_response_trailers(struct stream *s, struct headers *trailers)
{
	if (!stream_is_open(s) || s->is_replied)
		return;
	s->is_response_over = true;
	s->info.response_trailers = trailers;
	chain_trailers(s, DIRECTION_RESPONSE, trailers);
}

void stream_request_pause(struct stream *s)
{
	s->down.read_pauses++;
}

void stream_request_resume(struct stream *s)
{
	invariant(s->down.read_pauses);
	if (--s->down.read_pauses || !s->down.codec || !stream_is_open(s))
		return;
	if (s->down.codec->type->resume)
		s->down.codec->type->resume(&s->down);
	session_read_on(s->session);
}

void stream_response_pause(struct stream *s)
{
	if (!s->response_pauses++ && s->source)
		s->source_type->pause(s->source);
}

void stream_response_resume(struct stream *s)
{
	invariant(s->response_pauses);
	if (!--s->response_pauses && s->source)
		s->source_type->resume(s->source);
}
