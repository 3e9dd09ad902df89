/* What stock Dubbo 3.3.6 and 2.7.23 wrote, against what they themselves decode it to. */
#include "unit/proxy/codec/dubbo_harness.h"

#include <inttypes.h>
#include <jansson.h>

#include "codec/dubbo_arguments.h"
#include "codec/hessian2.h"

static json_t *frames;

static int load(void **state)
{
	(void)state;
	frames = json_load_file("tests/vectors/dubbo/frames.json", 0, NULL);
	assert_non_null(frames);
	assert_true(json_array_size(frames) > 100);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(frames);
	return 0;
}

static struct slice text_of(const json_t *value)
{
	return slice_make(json_string_value(value), json_string_length(value));
}

static const char *string_at(const json_t *frame, const char *key)
{
	return json_string_value(json_object_get(frame, key));
}

static unsigned number_at(const json_t *frame, const char *key)
{
	return (unsigned)json_integer_value(json_object_get(frame, key));
}

static bool is_request(const json_t *frame)
{
	return json_object_get(frame, "request");
}

static void expect_attachments(const struct headers *headers, const json_t *expected)
{
	size_t i;
	json_t *pair;

	assert_int_equal(headers->rpc->attachment_count, json_array_size(expected));
	json_array_foreach(expected, i, pair)
	{
		const struct rpc_attachment *item = &headers->rpc->attachments[i];
		json_t *value = json_array_get(pair, 1);
		struct slice found;
		assert_slice(item->name, text_of(json_array_get(pair, 0)));
		assert_int_equal(!item->value.data, json_is_null(value));
		if (!json_is_null(value))
			assert_slice(item->value, text_of(value));
		assert_true(dubbo_attachment(headers, item->name, &found));
		assert_slice(found, item->value);
	}
}

static struct slice attachment_at(const json_t *frame, const char *name)
{
	size_t i;
	json_t *pair;

	json_array_foreach(json_object_get(frame, "attachments"), i,
			   pair) if (!strcmp(json_string_value(json_array_get(pair, 0)),
					     name)) return text_of(json_array_get(pair, 1));
	return (struct slice){NULL, 0};
}

static void expect_request(struct end *end, const json_t *frame, struct slice bytes)
{
	struct call *call = end->calls;
	const json_t *fields = json_object_get(frame, "request");
	char path[256];

	assert_int_equal(end->call_count, 1);
	assert_int_equal(call->headers_events, 1);
	assert_int_equal(call->data_events, 1);
	assert_true(call->ended);
	assert_slice(slice_make(call->data, call->data_len), slice_sub(bytes, 16, bytes.len));
	assert_int_equal(call->exchange.wire_id, strtoull(string_at(frame, "id"), NULL, 10));
	assert_int_equal(call->exchange.is_oneway, !(number_at(frame, "flag") & 0x40));

	const struct rpc_head *rpc = call->headers->rpc;
	assert_int_equal(rpc->protocol, RPC_DUBBO);
	assert_int_equal(rpc->serialization, number_at(frame, "flag") & 0x1f);
	assert_int_equal(rpc->is_oneway, call->exchange.is_oneway);
	assert_null(rpc->payload.data);
	assert_slice(rpc->protocol_version, text_of(json_array_get(fields, 0)));
	assert_slice(rpc->service, text_of(json_array_get(fields, 1)));
	assert_slice(rpc->service_version, text_of(json_array_get(fields, 2)));
	struct slice method = text_of(json_array_get(fields, 3));
	if (slice_equal(method, SLICE("$invoke"))) { /* a generic call names it first */
		const char *argument = bytes.data + 16 + rpc->arguments_at;
		method = slice_make(argument + 1, (uint8_t)*argument);
	}
	assert_int_equal(rpc->kind, slice_equal(method, text_of(json_array_get(fields, 3)))
					    ? RPC_CALL_PLAIN
					    : RPC_CALL_GENERIC);
	assert_slice(rpc->method, method);
	assert_slice(rpc->param_types, text_of(json_array_get(fields, 4)));
	assert_int_equal(dubbo_count_arguments(rpc->param_types), number_at(frame, "args"));

	snprintf(path, sizeof path, "/%s/%.*s", json_string_value(json_array_get(fields, 1)),
		 SLICE_FMT(method));
	assert_slice(headers_get(call->headers, HEADER_PATH), slice_of(path));
	assert_slice(headers_get(call->headers, HEADER_METHOD), SLICE("POST"));
	assert_slice(headers_get(call->headers, HEADER_PROTOCOL), SLICE("dubbo"));
	assert_slice(headers_get(call->headers, HEADER_SCHEME), SLICE("dubbo"));
	assert_slice(headers_get(call->headers, HEADER_AUTHORITY), rpc->service);
	assert_slice(headers_get(call->headers, HEADER_TRI_SERVICE_VERSION), rpc->service_version);

	assert_true(end->attachments_read);
	expect_attachments(call->headers, json_object_get(frame, "attachments"));
	assert_true(dubbo_attachments_agree(rpc));
	assert_slice(headers_get(call->headers, HEADER_TRI_SERVICE_GROUP),
		     attachment_at(frame, "group"));
	assert_slice(headers_get(call->headers, HEADER_TRI_SERVICE_TIMEOUT),
		     attachment_at(frame, "timeout"));
	assert_slice(headers_get(call->headers, HEADER_TRI_CONSUMER_APPNAME),
		     attachment_at(frame, "remote.application"));
}

/* Every split of the frame in two reads. Long frames: the splits at both ends, and some between. */
static size_t next_split(size_t split, size_t len)
{
	return split < 600 || split + 40 > len ? split + 1 : split + 37;
}

static void requests_decode_to_what_java_decodes_at_every_split(void **state)
{
	size_t i;
	json_t *frame;
	unsigned seen = 0;
	(void)state;

	json_array_foreach(frames, i, frame)
	{
		if (!is_request(frame))
			continue;
		struct slice bytes = golden(string_at(frame, "file"));
		for (size_t split = 0; split <= bytes.len; split = next_split(split, bytes.len)) {
			struct end *end = end_open(CODEC_SERVER);
			end->read_attachments = true;
			size_t n = end_feed(end, slice_sub(bytes, 0, split), false);
			assert_int_equal(n, split == bytes.len ? split : 0);
			if (!n && split) {
				assert_int_equal(end->call_count, 0);
				assert_int_equal(end->dubbo.codec.needs,
						 split < 16 ? 16 : bytes.len);
			}
			if (!n)
				assert_int_equal(end_feed(end, bytes, false), bytes.len);
			expect_request(end, frame, bytes);
			assert_int_equal(end_taken(end).len, 0);
			call_of(&end->calls->exchange)
				->exchange.codec->type->abandon(&end->calls->exchange);
			end_close(end);
		}
		free((void *)bytes.data);
		seen++;
	}
	assert_true(seen > 45);
}

/* Whatever has become of one frame, the next one of the connection is the call that it is. */
static void bent_frames_leave_the_next_alone(void **state)
{
	struct slice next = golden("d33-hello.req.hex");
	size_t i;
	json_t *frame;
	(void)state;

	json_array_foreach(frames, i, frame)
	{
		struct slice bytes = golden(string_at(frame, "file"));
		size_t step = bytes.len > 2000 ? 97 : 3;
		for (size_t at = 0; is_request(frame) && at < bytes.len; at += at < 90 ? 1 : step) {
			struct end *end = end_open(CODEC_SERVER);
			end->read_attachments = true;
			((char *)bytes.data)[at] ^= (char)0xff;
			size_t n = end_feed(end, bytes, false);
			bool is_framed = !end->dubbo.codec.is_failed && n == bytes.len &&
					 !end->dubbo.receiving_left;
			((char *)bytes.data)[at] ^= (char)0xff;
			if (is_framed) {
				unsigned before = end->call_count;
				assert_int_equal(end_feed(end, next, false), next.len);
				assert_int_equal(end->call_count, before + 1);
				assert_slice(end->calls->headers->rpc->method, SLICE("sayHello"));
				assert_true(end->attachments_read);
			}
			for (struct call *call = end->calls; call; call = call->next)
				if (call->exchange.codec)
					dubbo_codec.abandon(&call->exchange);
			end_close(end);
		}
		free((void *)bytes.data);
	}
	free((void *)next.data);
}

/* An answer needs its request: one is sent by a client whose next id is patched into the golden
 * bytes. */
static void expect_answer(const json_t *frame, struct slice golden_bytes, size_t split)
{
	struct end *server = end_open(CODEC_SERVER), *client = end_open(CODEC_CLIENT);
	struct slice request = golden("d33-hello.req.hex"), body;

	end_feed(server, request, false);
	struct call *call = forward(server->calls, client);
	struct dubbo_frame sent = frame_at(end_taken(client), &body);
	char *bytes = malloc(golden_bytes.len);
	memcpy(bytes, golden_bytes.data, golden_bytes.len);
	struct dubbo_frame header = frame_at(golden_bytes, &body);
	header.id = sent.id;
	dubbo_frame_write(bytes, &header);

	struct slice answer = slice_make(bytes, golden_bytes.len);
	if (!end_feed(client, slice_sub(answer, 0, split), false))
		assert_int_equal(end_feed(client, answer, false), answer.len);
	assert_int_equal(call->headers_events, 1);
	assert_int_equal(call->data_events, 1);
	assert_int_equal(call->closed_events, 1);
	assert_true(call->ended);
	assert_int_equal(call->head.status, number_at(frame, "status"));
	assert_int_equal(call->head.serialization, number_at(frame, "flag") & 0x1f);
	json_t *result = json_object_get(frame, "result");
	if (result)
		assert_int_equal(call->head.result, json_integer_value(result));

	/* and on to the consumer: the very bytes the provider sent, under the consumer's id */
	call_send(server->calls, call->headers, slice_make(call->data, call->data_len));
	struct slice out = end_taken(server);
	assert_int_equal(out.len, golden_bytes.len);
	assert_memory_equal(out.data, golden_bytes.data, 4);
	assert_memory_equal(out.data + 4, request.data + 4, 8);
	assert_memory_equal(out.data + 12, golden_bytes.data + 12, golden_bytes.len - 12);
	assert_int_equal(server->calls->closed_events, 1);

	free(bytes);
	free((void *)request.data);
	end_close(server);
	end_close(client);
}

static void answers_pass_unchanged_but_for_the_id(void **state)
{
	size_t i;
	json_t *frame;
	unsigned seen = 0;
	(void)state;

	json_array_foreach(frames, i, frame)
	{
		if (is_request(frame) || (number_at(frame, "flag") & 0xa0) ||
		    !number_at(frame, "status"))
			continue;
		struct slice bytes = golden(string_at(frame, "file"));
		for (size_t split = 0; split <= bytes.len;
		     split = split < 40 ? split + 1 : split + 97)
			expect_answer(frame, bytes, split);
		free((void *)bytes.data);
		seen++;
	}
	assert_true(seen > 40);
}

static void error_texts_and_arguments_are_readable(void **state)
{
	size_t i;
	json_t *frame;
	unsigned errors = 0, arguments = 0;
	struct arena arena;
	(void)state;

	arena_init(&arena, 4096);
	json_array_foreach(frames, i, frame)
	{
		struct slice bytes = golden(string_at(frame, "file")), body, text;
		struct hessian2_reader reader;
		const char *error = string_at(frame, "error");
		frame_at(bytes, &body);
		hessian2_init(&reader, body, &arena);
		if (error) {
			assert_int_equal(hessian2_read_string(&reader, &text), STATUS_OK);
			assert_true(slice_starts_with(text, slice_of(error)));
			assert_int_equal(reader.pos, body.len);
			errors++;
		}
		if (is_request(frame) && json_object_get(frame, "arg_texts")) {
			size_t a;
			json_t *expected;
			for (int field = 0; field < 5; field++)
				assert_int_equal(hessian2_read_string(&reader, &text), STATUS_OK);
			json_array_foreach(json_object_get(frame, "arg_texts"), a, expected)
			{
				assert_int_equal(hessian2_read_text(&reader, &text), STATUS_OK);
				assert_slice(text, text_of(expected));
				arguments++;
			}
			assert_int_equal(hessian2_skip(&reader), STATUS_OK); /* attachments */
			assert_int_equal(reader.pos, body.len);
		}
		free((void *)bytes.data);
	}
	arena_free(&arena);
	assert_true(errors >= 6);
	assert_true(arguments > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_decode_to_what_java_decodes_at_every_split),
		cmocka_unit_test(bent_frames_leave_the_next_alone),
		cmocka_unit_test(answers_pass_unchanged_but_for_the_id),
		cmocka_unit_test(error_texts_and_arguments_are_readable),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
