#include "stream/stream.h"

#include <stdlib.h>

#include "stream/chain.h"
#include "stream/reply.h"
#include "stream/session.h"

enum { STREAM_ARENA_BLOCK = 4096 };

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
	}
	memset(&s->down, 0, sizeof *s - offsetof(struct stream, down));
	return s;
}

static void stream_give(struct grave *grave)
{
	struct stream *s = container_of(grave, struct stream, grave);
	struct worker_context *worker = s->worker;

	arena_reset(&s->arena);
	if (worker->free_stream_count >= WORKER_FREE_STREAMS) {
		arena_free(&s->arena);
		free(s);
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
		arena_free(&s->arena);
		free(s);
	}
	worker->free_stream_count = 0;
}

static void on_idle(struct timer *timer)
{
	struct stream *s = container_of(timer, struct stream, idle_timer);
	uint64_t idle_ms = loop_now_ms(s->worker->loop) - s->last_activity_ms;

	if (idle_ms < s->idle_timeout_ms) {
		timer_start(&s->worker->loop->wheel, timer, s->idle_timeout_ms - idle_ms);
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
		timer_start(&s->worker->loop->wheel, &s->idle_timer, timeout_ms);
	else
		timer_cancel(&s->worker->loop->wheel, &s->idle_timer);
}

static void on_request_timeout(struct timer *timer)
{
	struct stream *s = container_of(timer, struct stream, request_timer);
	reply_send(s,
		   &(struct local_reply){.reason = REPLY_REQUEST_TIMEOUT,
					 .http_status = reply_reasons[REPLY_REQUEST_TIMEOUT].http,
					 .grpc_status = -1,
					 .text = reply_reasons[REPLY_REQUEST_TIMEOUT].text});
}

static void on_duration(struct timer *timer)
{
	struct stream *s = container_of(timer, struct stream, duration_timer);
	stream_response_reset(s, REPLY_DOWNSTREAM_MAX_DURATION, (struct slice){0});
}

static void stream_init(struct stream *s, struct session *session)
{
	struct worker_context *worker = session->worker;
	struct stream_info *info = &s->info;

	s->session = session;
	s->worker = worker;
	s->down.arena = &s->arena;
	s->buffer_limit = session->buffer_limit;
	s->random = random_next(&worker->random);
	scope_init(&s->scope);
	timer_init(&s->idle_timer, on_idle);
	timer_init(&s->request_timer, on_request_timeout);
	timer_init(&s->duration_timer, on_duration);

	info->times.start_ns = worker->loop->now_ns;
	info->start_wall_ns = worker->loop->wall_ns;
	info->connection_id = session->id;
	info->stream_id = ++worker->next_id;
	info->protocol = (uint8_t)session->type->protocol;
	info->downstream_remote = &session->remote;
	info->downstream_direct_remote = &session->remote;
	info->downstream_local = &session->local;
	info->filter_chain_name = session->filter_chain_name;
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

static void stop_timers(struct stream *s)
{
	struct timer_wheel *wheel = &s->worker->loop->wheel;
	timer_cancel(wheel, &s->idle_timer);
	timer_cancel(wheel, &s->request_timer);
	timer_cancel(wheel, &s->duration_timer);
}

static void cancel_source(struct stream *s)
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
	cancel_source(s);
	s->state = STREAM_CLOSED;
	stop_timers(s);
	scope_cancel(&s->scope);
	s->info.times.end_ns = s->worker->loop->now_ns;
	s->info.request = s->request;
	s->info.response = s->response;
	chain_close(s);
	session->type->stream_ended(s);
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
	if (s->down.codec)
		s->down.codec->type->abandon(&s->down);
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
	uint64_t code;

	s->response = headers;
	s->info.response = headers;
	if (slice_to_uint64(headers_get(headers, HEADER_STATUS), &code) && code < 1000)
		s->info.response_code = (uint16_t)code;
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

void stream_response_reset(struct stream *s, enum reply_reason reason, struct slice details)
{
	struct local_reply reply = {.reason = reason,
				    .http_status = reply_reasons[reason].http,
				    .grpc_status = -1,
				    .text = reply_reasons[reason].text};
	reply_send_details(s, &reply, details);
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
