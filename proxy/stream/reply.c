#include "stream/reply.h"

#include "routing/route.h"
#include "stream/chain.h"
#include "stream/session.h"
#include "stream/stream.h"

/* The bit of the flag that the reason's row names. */
static void set_flag(struct stream_info *info, struct slice flag)
{
	static const struct slice names[] = {
#define FLAG_NAME(name, short_form, long_form) {short_form, sizeof short_form - 1},
		RESPONSE_FLAG_TABLE(FLAG_NAME)
#undef FLAG_NAME
	};
	for (unsigned i = 0; flag.len && i < COUNT_OF(names); i++)
		if (slice_equal(names[i], flag))
			stream_info_flag(info, (enum response_flag)i);
}

/* Nobody else answers from here on. False: there is no answer any more, or none can be sent. */
static bool begin(struct stream *s, struct slice details)
{
	stream_cancel_source(s);
	s->info.response_code_details = details;
	if (s->has_sent_headers || s->down.is_oneway) {
		stream_abort(s, RESPONSE_FLAG_COUNT, details);
		return false;
	}
	return true;
}

/* Through the filters before that one, down to the client. What is left of the body is the
 * caller's. */
static void send_from(struct stream *s, unsigned from, struct headers *headers, struct buf *body)
{
	bool has_body = body->len;

	s->is_replied = true;
	chain_cancel(s, DIRECTION_REQUEST);
	chain_cancel(s, DIRECTION_RESPONSE);
	stream_set_response(s, headers);
	s->is_response_over = true;
	uint16_t epoch = s->epoch[DIRECTION_RESPONSE];
	chain_headers_from(s, DIRECTION_RESPONSE, from, headers, !has_body);
	if (has_body && stream_is_open(s) && s->epoch[DIRECTION_RESPONSE] == epoch)
		chain_data_from(s, DIRECTION_RESPONSE, from, body, true);
}

void reply_send_details(struct stream *s, const struct local_reply *given, struct slice details)
{
	const struct reply_reason_row *row = &reply_reasons[given->reason];
	struct local_reply filled = *given;
	const struct local_reply *reply = &filled;

	if (!filled.http_status)
		filled.http_status = row->http;
	if (!stream_is_open(s))
		return;
	set_flag(&s->info, row->flag);
	if (!begin(s, details.len ? details : row->details))
		return;
	unsigned from = s->is_replied ? 0 : s->filter_count;
	struct headers *headers = ARENA_NEW(&s->arena, struct headers);
	struct buf body;
	headers_init(headers, &s->arena, 8);
	buf_init(&body, &s->worker->loop->pool);
	s->session->codec->type->render_reply(&s->down, reply, headers, &body);
	s->info.local_reply_body = reply->text;
	if (s->session->config->type->amend_reply)
		s->session->config->type->amend_reply(s, reply, headers, &body);
	if (s->redirect_location.len)
		headers_add_id(headers, HEADER_LOCATION, s->redirect_location);
	if ((reply->reason == REPLY_OVERFLOW || reply->reason == REPLY_MAINTENANCE) &&
	    !s->request->rpc)
		headers_add_id(headers, HEADER_X_ENVOY_OVERLOADED, SLICE("true"));
	if (reply->reason == REPLY_DIRECT_RESPONSE && s->route)
		route_mutate_response(s->route, NULL, headers, &s->info);
	send_from(s, from, headers, &body); /* the route's headers see no code yet, as in Envoy */
	buf_clear(&body);
}

void reply_send(struct stream *s, const struct local_reply *reply)
{
	reply_send_details(s, reply, (struct slice){0});
}

void reply_send_reason(struct stream *s, enum reply_reason reason, struct slice details)
{
	struct local_reply reply = {.reason = reason,
				    .http_status = reply_reasons[reason].http,
				    .grpc_status = -1,
				    .text = reply_reasons[reason].text};
	reply_send_details(s, &reply, details);
}

void filter_reply(struct filter *f, enum reply_reason reason)
{
	reply_send_reason(f->stream, reason, (struct slice){0});
}

void filter_reply_with(struct filter *f, enum reply_reason reason, unsigned http_status,
		       int grpc_status, struct slice text, struct slice details)
{
	struct local_reply reply = {
		.reason = reason,
		.http_status = (uint16_t)(http_status ? http_status : reply_reasons[reason].http),
		.grpc_status = grpc_status,
		.text = text,
	};
	reply_send_details(f->stream, &reply, details);
}

void filter_answer(struct filter *f, struct headers *headers, struct buf *body,
		   struct slice details)
{
	struct stream *s = f->stream;

	if (!stream_is_open(s) || !begin(s, details)) {
		buf_clear(body);
		return;
	}
	if (!headers->rpc && headers_status(headers) != 204) /* which has none */
		headers_set_id(headers, HEADER_CONTENT_LENGTH, arena_number(&s->arena, body->len));
	send_from(s, (unsigned)(f - s->filters), headers, body);
	buf_clear(body);
}
