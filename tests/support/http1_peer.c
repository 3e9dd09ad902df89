#include "support/http1_peer.h"

#include <stdio.h>
#include <stdlib.h>

static struct http1_peer *peer_of(struct codec *codec)
{
	return codec->owner;
}

/* --- the trace */

static void write_bytes(struct http1_peer *peer, const char *bytes, size_t len)
{
	char *text = realloc((char *)peer->trace.data, peer->trace.len + len + 1);

	invariant(text);
	if (len)
		memcpy(text + peer->trace.len, bytes, len);
	peer->trace = slice_make(text, peer->trace.len + len);
	text[peer->trace.len] = 0;
}

static void write_text(struct http1_peer *peer, const char *text)
{
	write_bytes(peer, text, strlen(text));
}

static void end_data(struct http1_peer *peer)
{
	if (peer->is_in_data)
		write_text(peer, ")");
	peer->is_in_data = false;
}

static void write_fields(struct http1_peer *peer, const struct headers *headers)
{
	const char *before = "(";
	unsigned counted[HEADER_ID_COUNT] = {0};

	for (struct header *h = NULL; (h = headers_next(headers, h)); before = "|") {
		write_text(peer, before);
		write_bytes(peer, h->name, h->name_len);
		write_text(peer, ": ");
		write_bytes(peer, h->value, h->value_len);
		invariant(h->id == known_name_find(header_name(h)));
		if (h->id != HEADER_OTHER && !counted[h->id]++)
			invariant(headers_find_id(headers, (enum header_id)h->id) == h);
	}
	write_text(peer, *before == '(' ? "()" : ")");
}

const char *http1_peer_trace(struct http1_peer *peer)
{
	end_data(peer);
	write_bytes(peer, "", 0);
	return peer->trace.data;
}

void http1_peer_forget(struct http1_peer *peer)
{
	peer->trace.len = 0;
	peer->is_in_data = false;
}

/* --- events */

static struct exchange *on_begin(struct codec *codec)
{
	struct http1_peer *peer = peer_of(codec);

	invariant(!peer->exchange.codec);
	if (peer->refuses_exchanges)
		return NULL;
	peer->begun++;
	peer->exchange = (struct exchange){.arena = &peer->arena};
	arena_reset(&peer->arena);
	return &peer->exchange;
}

static void answer(struct http1_peer *peer, bool end)
{
	struct headers headers;

	headers_init(&headers, &peer->arena, 4);
	headers_add_id(&headers, HEADER_STATUS, SLICE("200"));
	http1_codec.send_headers(&peer->exchange, &headers, end);
	if (end && peer->exchange.codec && !peer->exchange.is_received)
		http1_codec.abandon(&peer->exchange);
}

static void request_ended(struct http1_peer *peer)
{
	if (peer->answer == HTTP1_PEER_AT_END && peer->exchange.codec)
		answer(peer, true);
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct http1_peer *peer = peer_of(exchange->codec);

	invariant(exchange == &peer->exchange && exchange->is_received == end);
	peer->headers = headers;
	end_data(peer);
	write_text(peer, "H");
	write_fields(peer, headers);
	if (end)
		write_text(peer, "$");
	if (peer->pauses_at_headers)
		exchange->read_pauses++;
	if (peer->answer == HTTP1_PEER_AT_HEADERS)
		answer(peer, true);
	else if (peer->answer == HTTP1_PEER_ECHO)
		answer(peer, end);
	else if (end)
		request_ended(peer);
}

static void on_informational(struct exchange *exchange, struct headers *headers)
{
	struct http1_peer *peer = peer_of(exchange->codec);

	write_text(peer, "I");
	write_fields(peer, headers);
}

static void on_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct http1_peer *peer = peer_of(exchange->codec);

	invariant(exchange == &peer->exchange && exchange->is_received == end);
	invariant(data->len || end);
	buf_check(data);
	if (!peer->is_in_data)
		write_text(peer, "D(");
	peer->is_in_data = true;
	for (const struct buf_segment *s = data->first; s; s = s->next)
		write_bytes(peer, s->data, s->len);
	if (end) {
		end_data(peer);
		write_text(peer, "$");
	}
	if (peer->answer == HTTP1_PEER_ECHO)
		http1_codec.send_data(exchange, data, end);
	else if (end)
		request_ended(peer);
}

static void on_trailers(struct exchange *exchange, struct headers *trailers)
{
	struct http1_peer *peer = peer_of(exchange->codec);

	invariant(exchange->is_received);
	end_data(peer);
	write_text(peer, "T");
	write_fields(peer, trailers);
	if (peer->answer == HTTP1_PEER_ECHO)
		http1_codec.send_trailers(exchange, trailers);
	else
		request_ended(peer);
}

static void on_reset(struct exchange *exchange, enum reply_reason reason)
{
	struct http1_peer *peer = container_of(exchange, struct http1_peer, exchange);

	invariant(!exchange->codec);
	end_data(peer);
	write_text(peer, "R(");
	write_bytes(peer, reply_reasons[reason].name.data, reply_reasons[reason].name.len);
	write_text(peer, ")");
}

static void on_closed(struct exchange *exchange)
{
	struct http1_peer *peer = container_of(exchange, struct http1_peer, exchange);

	invariant(!exchange->codec && exchange->is_received && exchange->is_sent);
	end_data(peer);
	write_text(peer, "C");
	peer->closed++;
}

static void on_failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	struct http1_peer *peer = peer_of(codec);

	invariant(codec->is_failed && codec->must_close && !peer->exchange.codec);
	end_data(peer);
	write_text(peer, "F(");
	write_bytes(peer, reply_reasons[reason].name.data, reply_reasons[reason].name.len);
	write_text(peer, " ");
	write_bytes(peer, details.data, details.len);
	write_text(peer, ")");
	if (codec->side == CODEC_SERVER)
		http1_codec.send_error(codec, reason, reply_reasons[reason].text);
}

static void on_draining(struct codec *codec)
{
	end_data(peer_of(codec));
	write_text(peer_of(codec), "G");
}

static void on_noticed(struct codec *codec, unsigned what, unsigned n)
{
	struct http1_peer *peer = codec->owner;
	peer->noticed[what] += n;
}

static const struct codec_events events = {
	.begin = on_begin,
	.headers = on_headers,
	.informational = on_informational,
	.data = on_data,
	.trailers = on_trailers,
	.reset = on_reset,
	.closed = on_closed,
	.failed = on_failed,
	.draining = on_draining,
	.noticed = on_noticed,
};

/* --- the connection */

void http1_peer_open(struct http1_peer *peer, enum codec_side side,
		     const struct http1_options *options)
{
	*peer = (struct http1_peer){0};
	buf_pool_init(&peer->pool);
	buf_init(&peer->out, &peer->pool);
	arena_init(&peer->arena, 4096);
	http1_open(&peer->http1, side, options, &events, peer, &peer->out);
}

void http1_peer_close(struct http1_peer *peer)
{
	http1_codec.close(&peer->http1.codec);
	buf_clear(&peer->out);
	buf_pool_rewind(&peer->pool);
	buf_pool_fini(&peer->pool);
	arena_free(&peer->arena);
	free(peer->left);
	free((char *)peer->trace.data);
}

/* A new allocation each time, so that a pointer kept into the old one is seen. */
static void keep(struct http1_peer *peer, struct slice old, struct slice more)
{
	size_t len = old.len + more.len;
	char *left = malloc(len ? len : 1);

	invariant(left);
	if (old.len)
		memcpy(left, old.data, old.len);
	if (more.len)
		memcpy(left + old.len, more.data, more.len);
	free(peer->left);
	peer->left = left;
	peer->left_len = len;
}

void http1_peer_feed(struct http1_peer *peer, struct slice bytes, bool eof)
{
	size_t consumed;

	keep(peer, slice_make(peer->left, peer->left_len), bytes);
	do {
		struct slice left = {peer->left, peer->left_len};
		consumed = codec_read(&peer->http1.codec, left, eof);
		invariant(consumed <= left.len);
		if (peer->out.len) /* what was echoed points into them */
			buf_own(&peer->out);
		keep(peer, slice_sub(left, consumed, left.len), (struct slice){0});
	} while (consumed && peer->left_len);
}

static void add_lines(struct headers *headers, struct arena *arena, const char *lines)
{
	headers_init(headers, arena, 8);
	while (*lines) {
		size_t len = strcspn(lines, "\n"), colon = 1;
		while (lines[colon] != ':')
			colon++;
		struct slice name = arena_slice(arena, slice_make(lines, colon));
		struct slice value = slice_trim(slice_make(lines + colon + 1, len - colon - 1));
		headers_add(headers, name, arena_slice(arena, value));
		lines += len + (lines[len] == '\n');
	}
}

void http1_peer_send(struct http1_peer *peer, const char *lines, bool end)
{
	struct headers headers;

	invariant(!peer->exchange.codec);
	arena_reset(&peer->arena);
	peer->exchange = (struct exchange){.arena = &peer->arena, .codec = &peer->http1.codec};
	add_lines(&headers, &peer->arena, lines);
	http1_codec.send_headers(&peer->exchange, &headers, end);
}

void http1_peer_reply(struct http1_peer *peer, const char *lines, bool end)
{
	struct headers headers;

	add_lines(&headers, &peer->arena, lines);
	if (strstr(lines, ":status: 1") == lines && strncmp(lines, ":status: 101", 12))
		http1_codec.send_informational(&peer->exchange, &headers);
	else
		http1_codec.send_headers(&peer->exchange, &headers, end);
}

void http1_peer_send_data(struct http1_peer *peer, struct slice data, bool end)
{
	struct buf buf;

	buf_init(&buf, &peer->pool);
	buf_append_owned(&buf, data);
	http1_codec.send_data(&peer->exchange, &buf, end);
	invariant(!buf.len);
}

void http1_peer_send_trailers(struct http1_peer *peer, const char *lines)
{
	struct headers headers;

	add_lines(&headers, &peer->arena, lines);
	http1_codec.send_trailers(&peer->exchange, &headers);
}

struct slice http1_peer_take_out(struct http1_peer *peer)
{
	size_t len = peer->out.len;
	char *bytes = arena_alloc(&peer->arena, len + 1);

	buf_check(&peer->out);
	buf_peek(&peer->out, bytes, len);
	bytes[len] = 0;
	buf_clear(&peer->out);
	buf_pool_rewind(&peer->pool);
	return slice_make(bytes, len);
}
