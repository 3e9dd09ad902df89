#include "server/admin_answer.h"

#include <stdlib.h>

#include "stream/session.h"

struct admin_answer {
	struct stream *stream; /* NULL: it has ended */
	struct builder *builder;
	struct text body;
	size_t sent;
	struct timer timer;
	bool is_paused;
	struct grave grave; /* output may point at the body until the turn ends */
};

static void answer_free(struct grave *grave)
{
	struct admin_answer *a = container_of(grave, struct admin_answer, grave);

	builder_bury(a->builder, free, a->body.data);
	free(a);
}

static void end(struct admin_answer *a)
{
	struct loop *loop = a->stream->worker->loop;

	a->stream = NULL;
	timer_cancel(&loop->wheel, &a->timer);
	loop_bury(loop, &a->grave, answer_free);
}

static void send_piece(struct admin_answer *a)
{
	struct stream *s = a->stream;
	struct slice rest = slice_sub(text_slice(&a->body), a->sent, a->body.len);
	bool is_last = rest.len <= ADMIN_PIECE;
	struct buf data;

	if (is_last) {
		stream_clear_source(s);
		end(a);
	} else {
		rest.len = ADMIN_PIECE;
		a->sent += ADMIN_PIECE;
		timer_start(&s->worker->loop->wheel, &a->timer, 1);
	}
	buf_init(&data, &s->worker->loop->pool);
	buf_append_turn(&data, rest);
	stream_response_data(s, &data, is_last);
	buf_clear(&data);
}

static void on_timer(struct timer *timer)
{
	struct admin_answer *a = container_of(timer, struct admin_answer, timer);

	if (!a->is_paused)
		send_piece(a);
}

static void pause_answer(void *source)
{
	((struct admin_answer *)source)->is_paused = true;
}

static void resume_answer(void *source)
{
	struct admin_answer *a = source;

	a->is_paused = false;
	if (!timer_is_running(&a->timer))
		timer_start(&a->stream->worker->loop->wheel, &a->timer, 1);
}

static void cancel_answer(void *source)
{
	end(source);
}

static const struct response_source answer_source = {
	.pause = pause_answer,
	.resume = resume_answer,
	.cancel = cancel_answer,
};

void admin_answer_send(struct stream *s, struct builder *builder, unsigned status,
		       const char *content_type, struct text *body)
{
	struct admin_answer *a = calloc(1, sizeof *a);
	struct headers *headers = ARENA_NEW(&s->arena, struct headers);

	invariant(a);
	a->stream = s;
	a->builder = builder;
	a->body = *body;
	*body = (struct text){0};
	timer_init(&a->timer, on_timer);
	headers_init(headers, &s->arena, 8);
	headers_add_id(headers, HEADER_STATUS, arena_number(&s->arena, status));
	headers_add_id(headers, HEADER_CONTENT_TYPE, slice_of(content_type));
	stream_set_source(s, &answer_source, a);
	stream_response_headers(s, headers, false);
	if (a->stream && !a->is_paused)
		send_piece(a);
}
