#include "manager/local_replies.h"

#include "message/format.h"
#include "stream/session.h"
#include "telemetry/access_log_filter.h"

enum { FORMATTED_ROOM = 1024 };

static const struct reply_mapper *find_mapper(const struct local_replies *replies,
					      const struct stream *s)
{
	for (unsigned i = 0; i < replies->mapper_count; i++)
		if (access_log_filter_test(replies->mappers[i].filter, &s->info, s->random))
			return &replies->mappers[i];
	return NULL;
}

static struct slice format_body(const struct format *format, struct stream *s)
{
	char *text = arena_alloc(&s->arena, FORMATTED_ROOM);
	size_t len = format_write(format, &s->info, text, FORMATTED_ROOM);

	if (len > FORMATTED_ROOM) {
		text = arena_alloc(&s->arena, len);
		format_write(format, &s->info, text, len);
	}
	return slice_make(text, len);
}

/* What a mapper has set replaces what the rendered reply says of itself. */
static void add_headers(struct headers *headers, const struct headers *more)
{
	for (struct header *h = NULL; (h = headers_next(more, h));) {
		if (h->id == HEADER_CONTENT_TYPE)
			headers_set_id(headers, HEADER_CONTENT_TYPE, header_value(h));
		else
			headers_add(headers, header_name(h), header_value(h));
	}
}

void local_replies_apply(const struct local_replies *replies, struct stream *s,
			 const struct local_reply *reply, struct headers *headers, struct buf *body)
{
	struct local_reply amended = *reply;
	struct headers more;

	if (!replies)
		return;
	headers_init(&more, &s->arena, 4);
	s->info.response_code = reply->http_status;
	const struct reply_mapper *mapper = find_mapper(replies, s);
	const struct body_format *format = &replies->format;
	if (mapper) {
		header_mutations_apply(&mapper->headers, &more, &s->info);
		if (mapper->has_body)
			amended.text = mapper->body;
		if (mapper->status)
			amended.http_status = mapper->status;
		if (mapper->format.format)
			format = &mapper->format;
	}
	if (!mapper && !format->format)
		return;
	s->info.response_code = amended.http_status;
	s->info.local_reply_body = amended.text;
	if (format->format) {
		amended.text = format_body(format->format, s);
		amended.content_type = format->content_type;
	}
	buf_clear(body);
	headers_init(headers, &s->arena, 8);
	s->session->codec->type->render_reply(&s->down, &amended, headers, body);
	add_headers(headers, &more);
}
