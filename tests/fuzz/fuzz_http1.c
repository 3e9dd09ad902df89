/* HTTP/1, both sides: the events for an input are the same however it is cut, and what the codec
 * writes from it is well formed.
 *
 * Input: one byte that chooses side and options, one for the answer's kind and the end of the peer,
 * then the bytes of the wire. Run whole, byte by byte, and in pieces. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/http1_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERVER = 1, HTTP10 = 2, TRAILERS = 4, UNDERSCORES = 8, SMALL = 16, LAX = 32, CASE = 64 };

static struct http1_options options_of(uint8_t bits)
{
	return (struct http1_options){
		.max_head_bytes = bits & SMALL ? 100 : HTTP1_DEFAULT_HEAD_BYTES,
		.max_headers = bits & SMALL ? 4 : 100,
		.accept_http_10 = bits & HTTP10,
		.enable_trailers = bits & TRAILERS,
		.underscores =
			bits & UNDERSCORES ? HTTP1_UNDERSCORES_DROP : HTTP1_UNDERSCORES_ALLOW,
		.allow_absolute_url = true,
		.allow_custom_methods = bits & LAX,
		.allow_chunked_length = bits & LAX,
		.header_case = bits & CASE ? HTTP1_CASE_PRESERVE : HTTP1_CASE_LOWER,
		.default_host = SLICE("default"),
	};
}

static const char *const requests[] = {
	":method: GET\n:path: /\n:authority: h",
	":method: HEAD\n:path: /\n:authority: h",
	":method: CONNECT\n:authority: h:80",
	":method: GET\n:path: /\n:authority: h\nconnection: upgrade\nupgrade: websocket",
};

struct outcome {
	char *trace, *out;
	size_t out_len;
	bool must_close;
};

/* piece: bytes given at a time. */
static struct outcome run(const uint8_t *data, size_t size, size_t piece)
{
	struct http1_options options = options_of(data[0]);
	bool is_server = data[0] & SERVER, eof = data[1] & 4;
	struct slice bytes = {(const char *)data + 2, size - 2};
	struct outcome outcome;
	struct http1_peer peer;

	http1_peer_open(&peer, is_server ? CODEC_SERVER : CODEC_CLIENT, &options);
	if (is_server)
		peer.answer = (enum http1_peer_answer)(data[1] & 3);
	else
		http1_peer_send(&peer, requests[data[1] & 3], !(data[1] & 2));
	for (size_t at = 0; at < bytes.len; at += piece) {
		size_t n = piece < bytes.len - at ? piece : bytes.len - at;
		http1_peer_feed(&peer, slice_sub(bytes, at, at + n), false);
	}
	http1_peer_feed(&peer, SLICE(""), eof);
	outcome.trace = strdup(http1_peer_trace(&peer));
	outcome.must_close = peer.http1.codec.must_close;
	struct slice out = http1_peer_take_out(&peer);
	outcome.out = malloc(out.len + 1);
	memcpy(outcome.out, out.data, out.len + 1);
	outcome.out_len = out.len;
	http1_peer_close(&peer);
	return outcome;
}

static void drop(struct outcome *outcome)
{
	free(outcome->trace);
	free(outcome->out);
}

static void check_same(const struct outcome *a, const struct outcome *b, bool compares_out)
{
	if (strcmp(a->trace, b->trace) || a->must_close != b->must_close ||
	    (compares_out && (a->out_len != b->out_len || memcmp(a->out, b->out, a->out_len)))) {
		fprintf(stderr, "whole:  %s %d %s\npieces: %s %d %s\n", a->trace, a->must_close,
			a->out, b->trace, b->must_close, b->out);
		abort();
	}
}

/* What a server codec has answered, a client codec reads without fault. */
static void check_readable(const struct outcome *outcome)
{
	struct http1_peer peer;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, requests[strncmp(outcome->trace, "H(:method: HEAD", 15) == 0], true);
	http1_peer_feed(&peer, slice_make(outcome->out, outcome->out_len), true);
	if (peer.http1.codec.is_failed) {
		fprintf(stderr, "not readable: %s\n", outcome->out);
		abort();
	}
	http1_peer_close(&peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 4096)
		return 0;
	bool is_echo = (data[1] & 3) == HTTP1_PEER_ECHO;
	struct outcome whole = run(data, size, size), single = run(data, size, 1),
		       pieces = run(data, size, 1 + size % 17);

	check_same(&whole, &single, !is_echo); /* chunks of an echo are cut as they came */
	check_same(&whole, &pieces, !is_echo);
	if (data[0] & SERVER)
		check_readable(&whole);
	drop(&whole);
	drop(&single);
	drop(&pieces);
	return 0;
}
