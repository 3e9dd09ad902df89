/* One more than each limit of the Dubbo codec allows. */
#include "dubbo_harness.h"

#include "codec/dubbo_foreign.h"
#include "codec/dubbo_head.h"
#include "codec/dubbo_jsonb.h"
#include "codec/dubbo_parts.h"
#include "codec/dubbo_reply.h"

static struct slice filled(char c, size_t len)
{
	char *bytes = malloc(len);

	assert_non_null(bytes);
	memset(bytes, c, len);
	return slice_make(bytes, len);
}

/* What announces more than may be skipped is no frame. */
static void a_length_beyond_what_is_skipped_is_lost_framing(void **state)
{
	(void)state;

	for (uint32_t over = 0; over < 2; over++) {
		struct end *end = end_open(CODEC_SERVER);
		struct dubbo_frame frame = {.flag = 0x02, .body_len = DUBBO_SKIP_LIMIT + over};
		char header[DUBBO_HEADER_SIZE];
		dubbo_frame_write(header, &frame);
		end_feed(end, slice_make(header, sizeof header), false);
		assert_int_equal(end->failed_events, over);
		end_close(end);
	}
}

/* A method so long that the five strings have `len` bytes. */
static enum status read_head_of(size_t len)
{
	static const char front[] = "\0052.0.2\1s\0051.0.0"
				    "S";
	size_t method = len - (sizeof front - 1) - 2 - 1;
	struct slice body = filled('m', len);
	char *bytes = (char *)(uintptr_t)body.data;
	struct rpc_head head = {.protocol = RPC_DUBBO};

	memcpy(bytes, front, sizeof front - 1);
	bytes[sizeof front - 1] = (char)(method >> 8);
	bytes[sizeof front] = (char)method;
	bytes[len - 1] = 0; /* no parameters */
	enum status status = dubbo_head_read(body, DUBBO_HESSIAN2, &head);
	assert_true(status || head.method.len == method);
	free(bytes);
	return status;
}

static void heads_have_a_size(void **state)
{
	(void)state;

	assert_int_equal(read_head_of(DUBBO_HEAD_LIMIT), STATUS_OK);
	assert_int_equal(read_head_of(DUBBO_HEAD_LIMIT + 1), STATUS_TOO_LARGE);
}

/* Lists of one list. */
static enum status skip_lists(size_t depth)
{
	struct slice bytes = filled((char)0x95, depth + 1), rest = bytes;

	((char *)(uintptr_t)bytes.data)[depth] = 0;
	enum status status = dubbo_jsonb_skip(&rest);
	assert_true(status || !rest.len);
	free((void *)bytes.data);
	return status;
}

static void jsonb_has_a_depth(void **state)
{
	(void)state;

	assert_int_equal(skip_lists(DUBBO_JSONB_DEPTH), STATUS_OK);
	assert_int_equal(skip_lists(DUBBO_JSONB_DEPTH + 1), STATUS_TOO_LARGE);
}

static void texts_of_replies_are_cut(void **state)
{
	static const struct {
		uint8_t serialization;
		size_t most;
	} rows[] = {
		{DUBBO_HESSIAN2, DUBBO_REPLY_TEXT},      {DUBBO_FASTJSON2, DUBBO_REPLY_TEXT},
		{DUBBO_FASTJSON, DUBBO_FOREIGN_TEXT},    {DUBBO_PROTOBUF, DUBBO_FOREIGN_TEXT},
		{DUBBO_NATIVE_JAVA, DUBBO_FOREIGN_TEXT}, {DUBBO_JAVA, DUBBO_FOREIGN_TEXT},
	};
	struct slice text = filled('t', DUBBO_REPLY_TEXT + 1000);
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct dubbo_reply reply;
		struct arena arena;
		size_t len = 0;
		arena_init(&arena, 1024);
		dubbo_reply_make(&reply, DUBBO_SERVER_ERROR, rows[i].serialization, SLICE("2.0.2"),
				 text, &arena);
		for (size_t at = 0; at < reply.body.len; at++)
			len += reply.body.data[at] == 't';
		assert_int_equal(len, rows[i].most);
		arena_free(&arena);
	}
	free((void *)text.data);
}

/* Whether an attachment with a name so long becomes a header. */
static bool is_published(size_t name_len)
{
	static const char front[] = "\0052.0.2\1s\0051.0.0\1m\0HS";
	struct end *end = end_open(CODEC_SERVER);
	size_t at = sizeof front - 1;
	struct slice body = filled('n', at + 2 + name_len + 3);
	char *bytes = (char *)(uintptr_t)body.data;

	memcpy(bytes, front, at);
	bytes[at] = (char)(name_len >> 8);
	bytes[at + 1] = (char)name_len;
	memcpy(bytes + at + 2 + name_len, "\1vZ", 3);
	end->read_attachments = true;
	end_feed_frame(end, 0xc2, 0, 1, body);
	assert_true(end->attachments_read);
	struct headers *headers = end->calls->headers;
	uint32_t before = headers->count;
	dubbo_attachments_publish(headers);
	headers_ask(headers, (struct slice){NULL, 0});
	bool is = headers->count > before;
	dubbo_codec.abandon(&end->calls->exchange);
	free(bytes);
	end_close(end);
	return is;
}

static void names_that_become_headers_have_a_length(void **state)
{
	(void)state;

	assert_true(is_published(DUBBO_ATTACHMENT_NAME_LIMIT));
	assert_false(is_published(DUBBO_ATTACHMENT_NAME_LIMIT + 1));
}

static unsigned held_up_count;

static void on_held_up(struct codec *codec)
{
	(void)codec;
	held_up_count++;
}

static void what_waits_behind_a_message_in_parts_is_told(void **state)
{
	enum { PIECE = 1 << 20 };
	struct end *end = end_open(CODEC_SERVER);
	struct dubbo_frame frame = {.flag = 0x02, .status = 20, .body_len = 1 << 20};
	struct slice piece = filled('\x92', PIECE);
	char header[DUBBO_HEADER_SIZE];
	(void)state;

	held_up_count = 0;
	end->options.held_up = on_held_up;
	dubbo_frame_write(header, &frame);
	dubbo_begin_answer(&end->dubbo, 7, slice_make(header, sizeof header));
	for (unsigned i = 0; i < DUBBO_PARTS_WAITING / PIECE; i++) {
		struct slice other = frame_make(0x02, 20, i, piece);
		assert_int_equal(held_up_count, 0);
		dubbo_pass_answer(&end->dubbo, i, other);
		free((void *)other.data);
	}
	assert_int_equal(held_up_count, 1); /* their headers are what is too much */
	dubbo_break_answer(&end->dubbo);
	assert_int_equal(end_taken(end).len, 17 * (DUBBO_HEADER_SIZE + PIECE));
	free((void *)piece.data);
	end_close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_length_beyond_what_is_skipped_is_lost_framing),
		cmocka_unit_test(heads_have_a_size),
		cmocka_unit_test(jsonb_has_a_depth),
		cmocka_unit_test(texts_of_replies_are_cut),
		cmocka_unit_test(names_that_become_headers_have_a_length),
		cmocka_unit_test(what_waits_behind_a_message_in_parts_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
