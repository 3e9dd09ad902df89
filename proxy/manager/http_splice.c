#include "manager/http_splice.h"

#include "codec/http1.h"
#include "net/splice.h"
#include "stream/session.h"
#include "upstream/upstream_conn.h"
#include "upstream/request.h"

enum { WORTH_IT = 256 * 1024 }; /* bytes left: below, a pipe costs more than it saves */

struct body_splice {
	struct splice splice;
	struct scope_item item; /* of the stream: its connections outlive it */
	struct stream *stream;
	struct http1 *from, *to;
	enum direction direction;
};

static uint64_t room(struct splice *splice)
{
	struct body_splice *b = container_of(splice, struct body_splice, splice);

	if (!b->from->exchange || b->from->exchange->read_pauses)
		return 0;
	uint64_t left = http1_body_left(b->from);
	return left < http1_send_left(b->to) ? left : http1_send_left(b->to);
}

static void unsplice(struct body_splice *b)
{
	scope_remove(&b->item);
	splice_part(&b->splice);
}

static void on_stream_over(struct scope_item *item)
{
	unsplice(container_of(item, struct body_splice, item));
}

/* The last bytes end the message by its way through the chain, as an event without data. */
static void moved(struct splice *splice, uint64_t n)
{
	struct body_splice *b = container_of(splice, struct body_splice, splice);
	struct stream_info *info = &b->stream->info;

	stream_touch(b->stream);
	if (b->direction == DIRECTION_REQUEST)
		info->request_body_bytes += n;
	else
		info->response_body_bytes += n;
	if (n == http1_body_left(b->from))
		unsplice(b);
	http1_skip_send(b->to, n);
	http1_skip_body(b->from, n);
}

static const struct splice_type type = {.room = room, .moved = moved};

static struct http1 *http1_of_codec(struct codec *codec)
{
	return codec->type == &http1_codec ? container_of(codec, struct http1, codec) : NULL;
}

static bool is_worth_it(const struct http1 *from, const struct http1 *to)
{
	uint64_t left = from && to ? http1_body_left(from) : 0;
	return left >= WORTH_IT && left == http1_send_left(to);
}

static struct conn *sender(struct stream *s, struct upstream_request *request,
			   enum direction direction)
{
	return direction == DIRECTION_REQUEST ? &s->session->conn : &request->conn->conn;
}

void http_splice_end(struct stream *s, struct upstream_request *request, enum direction direction)
{
	struct splice *splice = sender(s, request, direction)->splice_out;

	if (UNLIKELY(splice != NULL))
		unsplice(container_of(splice, struct body_splice, splice));
}

void http_splice(struct stream *s, struct upstream_request *request, enum direction direction)
{
	struct session *session = s->session;
	struct upstream_conn *uc = request->conn;
	bool is_up = direction == DIRECTION_REQUEST;
	struct conn *from = sender(s, request, direction);
	struct conn *to = is_up ? &uc->conn : &session->conn;

	if (!from->is_bulk || from->splice_out || to->splice_in || !from->transport->has_fd_bytes ||
	    !to->transport->has_fd_bytes || !chain_passes_data(s, direction))
		return;
	struct http1 *from_codec = http1_of_codec(is_up ? session->codec : uc->codec);
	struct http1 *to_codec = http1_of_codec(is_up ? uc->codec : session->codec);
	if (!is_worth_it(from_codec, to_codec))
		return;

	struct body_splice *b = arena_alloc(&s->arena, sizeof *b);
	b->stream = s;
	b->from = from_codec;
	b->to = to_codec;
	b->direction = direction;
	b->item = (struct scope_item){0};
	scope_add(&s->scope, &b->item, on_stream_over);
	splice_join(&b->splice, &type, from, to);
}
