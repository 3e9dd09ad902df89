/* One Dubbo call through both codecs, without sockets, filters or routes: consumer's bytes ->
 * server codec -> client codec -> provider's bytes, and the answer back.
 *
 *   micro_dubbo_codec CALLS [attachments]
 *
 * Instructions of one call: run it under callgrind with two numbers of CALLS; the difference of the
 * totals by the difference of the numbers. Prints nanoseconds a call. Run from the project's root.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/dubbo.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_heads.h"

/* A stream as far as codecs know it. */
struct stream {
	struct exchange down, up;
	struct arena arena;
	struct headers *request;
};

struct end {
	struct dubbo dubbo;
	struct buf out;
};

static struct stream stream;
static struct end server, client;
static struct buf_pool pool;
static bool wants_attachments;
static unsigned long closed_count;

static struct exchange *begin(struct codec *codec)
{
	(void)codec;
	stream.down.arena = &stream.arena;
	return &stream.down;
}

static void request_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	(void)end;
	if (wants_attachments)
		invariant(dubbo_read_attachments(headers, exchange->arena));
	stream.up.arena = &stream.arena;
	stream.up.codec = &client.dubbo.codec;
	client.dubbo.codec.type->send_headers(&stream.up, headers, false);
}

static void request_data(struct exchange *exchange, struct buf *data, bool end)
{
	(void)exchange;
	client.dubbo.codec.type->send_data(&stream.up, data, end);
}

static void answer_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	(void)exchange;
	server.dubbo.codec.type->send_headers(&stream.down, headers, end);
}

static void answer_data(struct exchange *exchange, struct buf *data, bool end)
{
	(void)exchange;
	server.dubbo.codec.type->send_data(&stream.down, data, end);
}

static void closed(struct exchange *exchange)
{
	(void)exchange;
	closed_count++;
}

static void reset(struct exchange *exchange, enum reply_reason reason)
{
	(void)exchange;
	(void)reason;
	invariant(!"reset");
}

static void failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	(void)codec;
	(void)reason;
	(void)details;
	invariant(!"failed");
}

static const struct codec_events server_events = {.begin = begin,
						  .headers = request_headers,
						  .data = request_data,
						  .reset = reset,
						  .closed = closed,
						  .failed = failed};
static const struct codec_events client_events = {.headers = answer_headers,
						  .data = answer_data,
						  .reset = reset,
						  .closed = closed,
						  .failed = failed};

static struct slice load(const char *path)
{
	FILE *f = fopen(path, "r");
	static char bytes[2][4096];
	static int next;
	char *to = bytes[next++];
	size_t len = 0;
	unsigned byte;

	invariant(f);
	while (len < sizeof bytes[0] && fscanf(f, "%2x", &byte) == 1)
		to[len++] = (char)byte;
	fclose(f);
	return slice_make(to, len);
}

static void end_open(struct end *end, enum codec_side side, const struct codec_events *events,
		     const struct dubbo_options *options)
{
	buf_init(&end->out, &pool);
	dubbo_open(&end->dubbo, side, events, end, &end->out, options);
}

static void call(struct slice request, struct slice answer, char *patched)
{
	invariant(codec_read(&server.dubbo.codec, request, false) == request.len);
	buf_peek(&client.out, patched, 12); /* the answer repeats the id of what was sent */
	memcpy(patched + 2, answer.data + 2, 2);
	buf_clear(&client.out);
	invariant(codec_read(&client.dubbo.codec, slice_make(patched, answer.len), false) ==
		  answer.len);
	buf_clear(&server.out);
	buf_pool_rewind(&pool);
	arena_reset(&stream.arena);
}

int main(int argc, char **argv)
{
	static struct dubbo_counts counts;
	static struct dubbo_heads heads;
	static const struct dubbo_options options = {.payload_limit = DUBBO_PAYLOAD_LIMIT,
						     .max_in_flight = DUBBO_MAX_IN_FLIGHT,
						     .parts_over = DUBBO_PARTS_OVER,
						     .counts = &counts,
						     .heads = &heads};
	unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	struct slice request = load("tests/vectors/dubbo/d33-hello.req.hex");
	struct slice answer = load("tests/vectors/dubbo/d33-hello.resp.hex");
	struct timespec from, to;
	char patched[4096];

	wants_attachments = argc > 2;
	memcpy(patched, answer.data, answer.len);
	buf_pool_init(&pool);
	dubbo_heads_init(&heads);
	arena_init(&stream.arena, 4096);
	end_open(&server, CODEC_SERVER, &server_events, &options);
	end_open(&client, CODEC_CLIENT, &client_events, &options);

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned long i = 0; i < calls; i++)
		call(request, answer, patched);
	clock_gettime(CLOCK_MONOTONIC, &to);
	invariant(closed_count == 2 * calls && counts.answers == calls);
	printf("%lu calls, %.1f ns each\n", calls,
	       ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
		       (double)calls);
	dubbo_codec.close(&server.dubbo.codec);
	dubbo_client_codec.close(&client.dubbo.codec);
	arena_free(&stream.arena);
	dubbo_heads_fini(&heads);
	buf_pool_fini(&pool);
	return 0;
}
