/* Frames that come and leave piece by piece, and those over the limit. */
#include "dubbo_harness.h"

#include "codec/dubbo_parts.h"

enum { BODY = 1 << 20, PIECE = 16384 };

static bool may_come; /* what the owners say of long bodies */
static struct slice hello;

static bool takes_request_parts(struct codec *codec, struct headers *headers)
{
	(void)codec;
	assert_slice(headers->rpc->method, SLICE("sayHello"));
	return may_come;
}

static bool takes_parts(struct exchange *exchange, uint8_t serialization)
{
	(void)exchange;
	(void)serialization;
	return may_come;
}

/* Of a passed call: what came of its answer. */
static struct {
	char head[DUBBO_HEADER_SIZE], body[BODY];
	size_t len;
	unsigned heads;
	uint32_t left;
} passed;

static void on_passed_part(struct exchange *exchange, const struct dubbo_answer_part *part)
{
	assert_int_equal(!exchange->codec, !part->left);
	if (part->head.len) {
		memcpy(passed.head, part->head.data, sizeof passed.head);
		passed.heads++;
		passed.len = 0;
	}
	memcpy(passed.body + passed.len, part->bytes.data, part->bytes.len);
	passed.len += part->bytes.len;
	passed.left = part->left;
}

static struct end *open_end(enum codec_side side)
{
	struct end *end = end_open(side);

	end->options.takes_request_parts = takes_request_parts;
	end->options.takes_parts = takes_parts;
	end->options.passed_part = on_passed_part;
	may_come = true;
	return end;
}

/* A frame with a long body, that begins with these bytes. */
static struct slice long_frame(uint8_t flag, uint64_t id, struct slice begin, size_t body_len)
{
	char *body = malloc(body_len);

	assert_non_null(body);
	memset(body, 0x90, body_len);
	memcpy(body, begin.data, begin.len);
	struct slice frame = frame_make(flag, flag & DUBBO_FLAG_REQUEST ? 0 : 20, id,
					slice_make(body, body_len));
	free(body);
	return frame;
}

static struct slice long_call(uint64_t id)
{
	return long_frame(0xc2, id, slice_sub(hello, DUBBO_HEADER_SIZE, hello.len), BODY);
}

static struct slice long_answer(uint64_t id)
{
	return long_frame(0x02, id, SLICE("\x91"), BODY);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What a connection would show in reads of PIECE bytes, up to `end` of the frame. */
static void feed_until(struct end *end, struct slice frame, size_t *at, size_t until)
{
	while (*at < until) {
		size_t n = min_size(PIECE, until - *at);
		assert_int_equal(end_feed(end, slice_sub(frame, *at, *at + n), false), n);
		*at += n;
	}
}

static void put(struct call *call, struct slice bytes, bool end)
{
	struct buf data;

	buf_init(&data, call->exchange.codec->out->pool);
	buf_append_owned(&data, bytes);
	call->exchange.codec->type->send_data(&call->exchange, &data, end);
	assert_int_equal(data.len, 0);
}

static void a_long_request_comes_and_leaves_in_parts(void **state)
{
	struct end *server = open_end(CODEC_SERVER), *client = open_end(CODEC_CLIENT);
	struct slice frame = long_call(7), sent;
	size_t at = 0, sent_len = 0, seen = 0;
	(void)state;

	feed_until(server, frame, &at, PIECE);
	assert_int_equal(server->call_count, 1);
	struct call *call = server->calls;
	assert_int_equal(call->head.body_len, BODY);
	assert_false(call->exchange.is_received);
	assert_int_equal(call->data_len, PIECE - DUBBO_HEADER_SIZE);

	struct call *up = end_call_new(client);
	client->dubbo.codec.type->send_headers(&up->exchange, call->headers, false);
	sent = end_taken(client);
	assert_int_equal(sent.len, DUBBO_HEADER_SIZE);
	struct dubbo_frame head;
	assert_int_equal(dubbo_frame_read(sent, UINT32_MAX, &head), STATUS_AGAIN);
	assert_int_equal(head.body_len, BODY);
	assert_int_equal(head.flag, 0xc2);
	assert_true(head.id != 7);

	while (seen < BODY) {
		size_t n = call->data_len - seen;
		put(up, slice_make(call->data + seen, n), seen + n == BODY);
		seen += n;
		sent = end_taken(client);
		assert_memory_equal(sent.data, frame.data + DUBBO_HEADER_SIZE + sent_len, sent.len);
		sent_len += sent.len;
		assert_int_equal(sent_len, seen);
		if (seen < BODY)
			feed_until(server, frame, &at, min_size(at + PIECE, frame.len));
	}
	assert_true(call->ended && call->exchange.is_received && up->exchange.is_sent);
	assert_int_equal(server->counts.requests, 1);
	/* the next frame stands where it should, on both sides */
	end_feed(server, hello, false);
	assert_int_equal(server->call_count, 2);
	end_feed_frame(client, 0x02, 20, head.id, SLICE("\x92"));
	assert_int_equal(up->closed_events, 1);
	assert_false(client->dubbo.codec.must_close);
	dubbo_codec.abandon(&call->exchange);
	dubbo_codec.abandon(&server->calls->exchange);
	free((void *)frame.data);
	end_close(server);
	end_close(client);
}

static void whoever_needs_it_whole_gets_it_whole(void **state)
{
	struct end *server = open_end(CODEC_SERVER);
	struct slice frame = long_call(7);
	(void)state;

	may_come = false;
	assert_int_equal(end_feed(server, slice_sub(frame, 0, BODY), false), 0);
	assert_int_equal(server->dubbo.codec.needs, frame.len);
	assert_int_equal(server->call_count, 0);
	assert_int_equal(end_feed(server, frame, false), frame.len);
	assert_int_equal(server->call_count, 1);
	assert_int_equal(server->calls->head.body_len, 0);
	assert_int_equal(server->calls->head.payload.len, BODY);
	dubbo_codec.abandon(&server->calls->exchange);
	free((void *)frame.data);
	end_close(server);
}

/* Nobody could read more of it. */
static void one_in_no_known_serialization_comes_in_parts(void **state)
{
	struct end *server = open_end(CODEC_SERVER);
	struct slice frame = long_frame(0xc0 | 8, 7, SLICE("anything"), BODY);
	size_t at = 0;
	(void)state;

	may_come = false;
	feed_until(server, frame, &at, PIECE);
	assert_int_equal(server->call_count, 1);
	assert_int_equal(server->calls->head.body_len, BODY);
	feed_until(server, frame, &at, frame.len);
	assert_true(server->calls->ended);
	assert_int_equal(server->calls->data_len, BODY);
	dubbo_codec.abandon(&server->calls->exchange);
	free((void *)frame.data);
	end_close(server);
}

static void a_paused_request_stays_with_its_connection(void **state)
{
	struct end *server = open_end(CODEC_SERVER);
	struct slice frame = long_call(7);
	size_t at = 0;
	(void)state;

	feed_until(server, frame, &at, PIECE);
	struct call *call = server->calls;
	call->exchange.read_pauses = 1;
	assert_int_equal(end_feed(server, slice_sub(frame, at, at + PIECE), false), 0);
	assert_true(server->dubbo.codec.is_stopped);
	call->exchange.read_pauses = 0;
	feed_until(server, frame, &at, frame.len);
	assert_false(server->dubbo.codec.is_stopped);
	assert_int_equal(call->data_len, BODY);
	assert_memory_equal(call->data, frame.data + DUBBO_HEADER_SIZE, BODY);
	dubbo_codec.abandon(&call->exchange);
	free((void *)frame.data);
	end_close(server);
}

static void the_rest_of_an_answered_request_is_dropped(void **state)
{
	struct end *server = open_end(CODEC_SERVER);
	struct slice frame = long_call(7);
	size_t at = 0;
	(void)state;

	feed_until(server, frame, &at, PIECE);
	struct call *call = server->calls;
	struct arena arena;
	arena_init(&arena, 1024);
	call_send(call, &dubbo_answer_make(35, &arena)->headers, SLICE("\x01x"));
	assert_int_equal(call->closed_events, 1);
	feed_until(server, frame, &at, frame.len);
	assert_int_equal(call->data_len, PIECE - DUBBO_HEADER_SIZE);
	end_feed(server, hello, false);
	assert_int_equal(server->call_count, 2);
	dubbo_codec.abandon(&server->calls->exchange);
	arena_free(&arena);
	free((void *)frame.data);
	end_close(server);
}

/* The provider gets no half call, and its connection no other one. */
static void a_request_that_breaks_off_ends_its_connection(void **state)
{
	struct end *server = open_end(CODEC_SERVER), *client = open_end(CODEC_CLIENT);
	struct slice frame = long_call(7);
	size_t at = 0;
	(void)state;

	feed_until(server, frame, &at, PIECE);
	struct call *call = server->calls, *up = end_call_new(client);
	client->dubbo.codec.type->send_headers(&up->exchange, call->headers, false);
	put(up, slice_make(call->data, call->data_len), false);
	end_feed_frame(client, 0xe2, 0, 5, SLICE("N")); /* a heartbeat: its answer waits */
	assert_int_equal(end_taken(client).len, DUBBO_HEADER_SIZE + call->data_len);
	dubbo_client_codec.abandon(&up->exchange);
	assert_true(client->dubbo.codec.must_close);
	assert_null(client->dubbo.writer);
	assert_int_equal(end_taken(client).len, 0);
	assert_int_equal(end_feed(server, SLICE(""), true), 0);
	assert_int_equal(call->reset_reason, REPLY_DOWNSTREAM_DISCONNECT);
	free((void *)frame.data);
	end_close(server);
	end_close(client);
}

/* --- answers */

struct pair {
	struct end *server, *client;
	struct call *down, *up;
	struct slice frame;
	size_t at, given; /* of frame, to the client; of its body, to the server */
};

static void pair_open(struct pair *pair)
{
	*pair = (struct pair){.server = open_end(CODEC_SERVER), .client = open_end(CODEC_CLIENT)};
	end_feed(pair->server, hello, false);
	pair->down = pair->server->calls;
	pair->up = forward(pair->down, pair->client);
	struct slice body;
	pair->frame = long_answer(frame_at(end_taken(pair->client), &body).id);
}

static void pair_close(struct pair *pair)
{
	free((void *)pair->frame.data);
	end_close(pair->server);
	end_close(pair->client);
}

/* More of the answer comes, and goes on. */
static void pair_go_on(struct pair *pair, size_t until)
{
	bool is_new = !pair->at;

	feed_until(pair->client, pair->frame, &pair->at, until);
	if (is_new)
		dubbo_codec.send_headers(&pair->down->exchange, pair->up->headers, false);
	size_t n = pair->up->data_len - pair->given;
	put(pair->down, slice_make(pair->up->data + pair->given, n), pair->up->ended);
	pair->given += n;
}

static void a_long_answer_leaves_in_parts_and_others_wait(void **state)
{
	struct pair pair;
	(void)state;

	pair_open(&pair);
	end_feed(pair.server, hello, false);
	struct call *other = pair.server->calls;
	pair_go_on(&pair, 4 * PIECE);
	struct slice sent = end_taken(pair.server);
	assert_int_equal(sent.len, 4 * PIECE);
	struct dubbo_frame head;
	assert_int_equal(dubbo_frame_read(sent, UINT32_MAX, &head), STATUS_AGAIN);
	assert_int_equal(head.body_len, BODY);
	assert_int_equal(head.id, pair.down->exchange.wire_id);
	assert_int_equal(head.status, 20);

	struct arena arena;
	arena_init(&arena, 1024);
	call_send(other, &dubbo_answer_make(20, &arena)->headers, SLICE("\x92"));
	assert_int_equal(other->closed_events, 1);
	assert_int_equal(end_taken(pair.server).len, 0);

	/* the tail is held until it is whole */
	pair_go_on(&pair, pair.frame.len - 1);
	sent = end_taken(pair.server);
	assert_int_equal(sent.len, BODY - DUBBO_PARTS_TAIL + DUBBO_HEADER_SIZE - 4 * PIECE);
	pair_go_on(&pair, pair.frame.len);
	assert_int_equal(pair.down->closed_events, 1);
	sent = end_taken(pair.server);
	assert_int_equal(sent.len, DUBBO_PARTS_TAIL + DUBBO_HEADER_SIZE + 1);
	assert_memory_equal(sent.data, pair.frame.data + pair.frame.len - DUBBO_PARTS_TAIL,
			    DUBBO_PARTS_TAIL);
	struct slice body;
	frame_at(slice_sub(sent, DUBBO_PARTS_TAIL, sent.len), &body);
	assert_slice(body, SLICE("\x92"));
	assert_null(pair.server->dubbo.writer);
	assert_int_equal(pair.up->closed_events, 1);
	assert_false(pair.client->dubbo.codec.must_close);
	arena_free(&arena);
	pair_close(&pair);
}

static void an_answer_that_breaks_off_is_filled_up(void **state)
{
	for (size_t cut = 2 * PIECE; cut < BODY;
	     cut += cut + 4 * PIECE < BODY ? 9 * PIECE : PIECE) {
		struct pair pair;
		(void)state;

		pair_open(&pair);
		end_feed(pair.server, hello, false);
		struct call *other = pair.server->calls;
		pair_go_on(&pair, cut);
		struct arena arena;
		arena_init(&arena, 1024);
		call_send(other, &dubbo_answer_make(20, &arena)->headers, SLICE("\x92"));
		end_feed(pair.client, SLICE(""), true);
		assert_int_equal(pair.up->reset_reason, REPLY_CONNECTION_LOST);
		dubbo_codec.abandon(&pair.down->exchange);
		struct slice sent = end_taken(pair.server);
		assert_int_equal(sent.len, pair.frame.len + DUBBO_HEADER_SIZE + 1);
		/* no value of the frame ends where the frame does */
		for (size_t i = 0; i < DUBBO_PARTS_TAIL; i++)
			assert_int_equal(sent.data[pair.frame.len - 1 - i], 'E');
		struct slice body;
		frame_at(slice_sub(sent, pair.frame.len, sent.len), &body);
		assert_slice(body, SLICE("\x92"));
		assert_false(pair.server->dubbo.codec.must_close);
		arena_free(&arena);
		pair_close(&pair);
	}
}

static void an_answer_nobody_waits_for_any_more_ends_its_connection(void **state)
{
	struct pair pair;
	(void)state;

	pair_open(&pair);
	pair_go_on(&pair, PIECE);
	dubbo_client_codec.abandon(&pair.up->exchange);
	assert_true(pair.client->dubbo.codec.must_close);
	feed_until(pair.client, pair.frame, &pair.at, pair.frame.len);
	assert_int_equal(pair.up->data_events, 1);
	dubbo_codec.abandon(&pair.down->exchange);
	pair_close(&pair);
}

static void a_passed_call_gets_its_answer_in_parts(void **state)
{
	struct end *client = open_end(CODEC_CLIENT), *server = open_end(CODEC_SERVER);
	struct call *up = end_call_new(client);
	char *request = malloc(hello.len);
	size_t at = 0, put_len = 0;
	struct slice body;
	(void)state;

	assert_non_null(request);
	memcpy(request, hello.data, hello.len);
	dubbo_pass_request(&client->dubbo, &up->exchange, slice_make(request, hello.len));
	struct slice frame = long_answer(frame_at(end_taken(client), &body).id);
	while (at < frame.len) {
		feed_until(client, frame, &at, min_size(at + PIECE, frame.len));
		if (!put_len)
			dubbo_begin_answer(&server->dubbo, 99,
					   slice_make(passed.head, sizeof passed.head));
		struct buf data;
		buf_init(&data, &server->pool);
		buf_append_owned(&data, slice_make(passed.body + put_len, passed.len - put_len));
		dubbo_put_part(&server->dubbo, &data);
		put_len = passed.len;
	}
	assert_int_equal(passed.heads, 1);
	assert_int_equal(passed.left, 0);
	assert_null(server->dubbo.writer);
	struct slice sent = end_taken(server);
	assert_int_equal(frame_at(sent, &body).id, 99);
	assert_slice(body, slice_sub(frame, DUBBO_HEADER_SIZE, frame.len));
	free(request);
	free((void *)frame.data);
	end_close(client);
	end_close(server);
}

/* --- over the limit */

static void a_request_over_the_limit_is_a_call_without_a_body(void **state)
{
	struct end *server = open_end(CODEC_SERVER);
	struct slice frame = long_call(7);
	size_t at = 0;
	(void)state;

	server->options.payload_limit = BODY - 1;
	feed_until(server, frame, &at, frame.len);
	assert_int_equal(server->call_count, 1);
	assert_true(server->calls->head.is_over_limit);
	assert_true(server->calls->ended);
	assert_int_equal(server->calls->data_events, 0);
	assert_int_equal(server->counts.oversized, 1);
	dubbo_codec.abandon(&server->calls->exchange);
	/* one that can't be read is refused by its status, once its head should have been there */
	struct slice garbage = long_frame(0xc2, 8, SLICE("\xff\xff"), BODY), body;
	assert_int_equal(end_feed(server, slice_sub(garbage, 0, 40000), false), 0);
	assert_int_equal(end_feed(server, garbage, false), garbage.len);
	assert_int_equal(frame_at(end_taken(server), &body).status, DUBBO_BAD_REQUEST);
	end_feed(server, hello, false);
	assert_int_equal(server->call_count, 2);
	assert_int_equal(server->counts.oversized, 2);
	dubbo_codec.abandon(&server->calls->exchange);
	free((void *)frame.data);
	free((void *)garbage.data);
	end_close(server);
}

static void an_answer_over_the_limit_ends_its_call_only(void **state)
{
	struct pair pair;
	(void)state;

	pair_open(&pair);
	struct call *other = forward(pair.down, pair.client);
	struct slice body;
	uint64_t id = frame_at(end_taken(pair.client), &body).id;
	pair.client->options.payload_limit = BODY - 1;
	feed_until(pair.client, pair.frame, &pair.at, pair.frame.len);
	assert_int_equal(pair.up->reset_reason, REPLY_ANSWER_OVER_LIMIT);
	assert_int_equal(pair.client->counts.oversized, 1);
	end_feed_frame(pair.client, 0x02, 20, id, SLICE("\x92"));
	assert_int_equal(other->closed_events, 1);
	assert_false(pair.client->dubbo.codec.must_close);
	dubbo_codec.abandon(&pair.down->exchange);
	pair_close(&pair);
}

static int load_golden(void **state)
{
	(void)state;
	hello = golden("d33-hello.req.hex");
	return 0;
}

static int free_golden(void **state)
{
	(void)state;
	free((void *)hello.data);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_request_comes_and_leaves_in_parts),
		cmocka_unit_test(whoever_needs_it_whole_gets_it_whole),
		cmocka_unit_test(one_in_no_known_serialization_comes_in_parts),
		cmocka_unit_test(a_paused_request_stays_with_its_connection),
		cmocka_unit_test(the_rest_of_an_answered_request_is_dropped),
		cmocka_unit_test(a_request_that_breaks_off_ends_its_connection),
		cmocka_unit_test(a_long_answer_leaves_in_parts_and_others_wait),
		cmocka_unit_test(an_answer_that_breaks_off_is_filled_up),
		cmocka_unit_test(an_answer_nobody_waits_for_any_more_ends_its_connection),
		cmocka_unit_test(a_passed_call_gets_its_answer_in_parts),
		cmocka_unit_test(a_request_over_the_limit_is_a_call_without_a_body),
		cmocka_unit_test(an_answer_over_the_limit_ends_its_call_only),
	};
	return cmocka_run_group_tests(tests, load_golden, free_golden);
}
