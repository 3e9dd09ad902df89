/* What stock sofa-rpc 5.13.2 and sofa-bolt 1.6.12 wrote, against what they themselves decode it to.
 */
#include "unit/proxy/codec/bolt_harness.h"

#include <jansson.h>

static json_t *frames; /* of all vectors */

static int load(void **state)
{
	json_t *index = json_load_file("tests/vectors/bolt/index.json", 0, NULL), *vector, *frame;
	size_t i, j;
	(void)state;

	assert_non_null(index);
	frames = json_array();
	json_array_foreach(json_object_get(index, "vectors"), i, vector)
		json_array_foreach(json_object_get(vector, "frames"), j, frame)
			json_array_append(frames, frame);
	assert_int_equal(json_array_size(frames), 62);
	json_decref(index);
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

static struct slice golden_frame(const json_t *frame)
{
	return golden(json_string_value(json_object_get(frame, "file")));
}

static const json_t *body_of(const json_t *frame)
{
	return json_object_get(frame, "body");
}

static json_int_t number_at(const json_t *frame, const char *key)
{
	const json_t *value = json_object_get(json_object_get(frame, "header"), key);
	assert_non_null(value);
	return json_integer_value(value);
}

static bool is_answer(const json_t *frame)
{
	return number_at(frame, "type") == 0;
}

static bool is_call(const json_t *frame)
{
	return !is_answer(frame) && number_at(frame, "cmd_code") == 1;
}

static void headers_are_read_and_written_as_java_does(void **state)
{
	size_t i;
	json_t *frame;
	unsigned checksums = 0;
	(void)state;

	json_array_foreach(frames, i, frame)
	{
		struct slice bytes = golden_frame(frame), payload;
		struct bolt_frame f = frame_of(bytes, &payload);
		char header[BOLT_HEADER_MAX];
		assert_int_equal(f.protocol, number_at(frame, "protocol_code"));
		assert_int_equal(f.type, number_at(frame, "type"));
		assert_int_equal(f.command, number_at(frame, "cmd_code"));
		assert_int_equal(f.command_version, number_at(frame, "ver2"));
		assert_int_equal(f.id, number_at(frame, "request_id"));
		assert_int_equal(f.serialization, number_at(frame, "codec"));
		assert_int_equal(f.class_len, number_at(frame, "class_len"));
		assert_int_equal(f.headers_len, number_at(frame, "header_len"));
		assert_int_equal(f.content_len, number_at(frame, "content_len"));
		if (is_answer(frame))
			assert_int_equal(f.status, number_at(frame, "status"));
		else
			assert_int_equal(f.timeout_ms, number_at(frame, "timeout"));
		if (f.protocol == 2) {
			assert_int_equal(f.version, number_at(frame, "protocol_version"));
			assert_int_equal(f.switches, number_at(frame, "switch"));
		}
		assert_int_equal(bolt_frame_has_crc(&f),
				 json_object_get(json_object_get(frame, "header"), "crc32") !=
					 NULL);
		checksums += bolt_frame_has_crc(&f);
		size_t size = bolt_frame_write(header, &f);
		assert_int_equal(size, number_at(frame, "fixed_header_len"));
		assert_memory_equal(header, bytes.data, size);
		free((void *)bytes.data);
	}
	assert_int_equal(checksums, 2);
}

static void expect_fields(const struct headers *headers, const json_t *expected)
{
	const char *name;
	json_t *value;

	assert_int_equal(headers->rpc->attachment_count, json_object_size(expected));
	json_object_foreach((json_t *)expected, name, value)
	{
		const struct rpc_attachment *item =
			rpc_attachment_find(headers->rpc, slice_of(name));
		assert_non_null(item);
		assert_slice(item->value, text_of(value));
	}
}

static void expect_path(const struct call *call, const json_t *body)
{
	const char *target = json_string_value(json_object_get(body, "target_service"));
	const char *method = json_string_value(json_object_get(body, "method"));
	char path[256];
	int len;

	if (target) {
		len = (int)strcspn(target, ":");
		snprintf(path, sizeof path, "/%.*s/%s", len, target, method);
		assert_slice(headers_get(call->headers, HEADER_TRI_SERVICE_VERSION), SLICE("1.0"));
		const char *unique = strchr(target + len + 1, ':');
		assert_slice(headers_get(call->headers, HEADER_TRI_SERVICE_GROUP),
			     slice_of(unique ? unique + 1 : NULL));
	} else {
		snprintf(path, sizeof path, "/%s/",
			 json_string_value(json_object_get(body, "class")));
	}
	assert_slice(headers_get(call->headers, HEADER_PATH), slice_of(path));
	assert_slice(headers_get(call->headers, HEADER_AUTHORITY), call->head.service);
	assert_slice(headers_get(call->headers, HEADER_METHOD), SLICE("POST"));
	assert_slice(headers_get(call->headers, HEADER_PROTOCOL), SLICE("bolt"));
}

/* Fed in two pieces: nothing may depend on where reads end. */
static void expect_request(const json_t *frame, struct slice bytes, size_t split)
{
	struct end *end = end_open(CODEC_SERVER);

	end->publish = true;
	size_t n = end_feed(end, slice_sub(bytes, 0, split), false);
	assert_int_equal(n, split == bytes.len ? split : 0);
	if (split < bytes.len) {
		assert_in_range(end->bolt.codec.needs, split ? split + 1 : 0, bytes.len);
		assert_int_equal(end_feed(end, bytes, false), bytes.len);
	}
	assert_int_equal(end->call_count, 1);
	const struct call *call = end->calls;
	const json_t *headers = json_object_get(body_of(frame), "headers");
	assert_int_equal(call->exchange.is_oneway, number_at(frame, "type") == 2);
	assert_int_equal(call->exchange.wire_id, number_at(frame, "request_id"));
	assert_int_equal(call->data_len, bytes.len - (size_t)number_at(frame, "fixed_header_len") -
						 (bolt_frame_has_crc(call->head.bolt) ? 4 : 0));
	expect_path(call, body_of(frame));
	if (headers) {
		expect_fields(call->headers, headers);
		assert_slice(headers_get(call->headers, HEADER_TRI_CONSUMER_APPNAME),
			     text_of(json_object_get(headers, "app")));
	}
	end_close(end);
}

static void requests_decode_to_what_java_decodes_at_every_split(void **state)
{
	size_t i;
	json_t *frame;
	unsigned seen = 0;
	(void)state;

	json_array_foreach(frames, i, frame)
	{
		if (!is_call(frame))
			continue;
		struct slice bytes = golden_frame(frame);
		for (size_t split = 0; split <= bytes.len;
		     split = split < 1500 ? split + 1 : split + 997)
			expect_request(frame, bytes, split);
		expect_request(frame, bytes, bytes.len);
		free((void *)bytes.data);
		seen++;
	}
	assert_int_equal(seen, 25);
}

static const json_t *request_with_id(json_int_t id)
{
	size_t i;
	json_t *frame;

	json_array_foreach(frames, i, frame) if (is_call(frame) &&
						 number_at(frame, "request_id") == id) return frame;
	return NULL;
}

/* The whole way there and back: both frames leave as they came, but for the id in between. */
static void expect_exchange(const json_t *request, const json_t *answered)
{
	struct end *server = end_open(CODEC_SERVER), *client = end_open(CODEC_CLIENT);
	struct slice bytes = golden_frame(request), answer_bytes = golden_frame(answered), payload;

	server->options.pass = NULL;
	end_feed(server, bytes, false);
	struct call *down = server->calls, *up = forward(down, client);
	struct slice sent = end_taken(client);
	uint32_t id = frame_of(sent, &payload).id;
	assert_int_equal(id, up->exchange.wire_id);
	struct slice expected = with_id(bytes, id);
	assert_slice(sent, expected);
	free((void *)expected.data);

	expected = with_id(answer_bytes, id);
	end_feed(client, expected, false);
	assert_int_equal(up->closed_events, 1);
	assert_int_equal(up->head.status, number_at(answered, "status"));
	answer(down, up);
	assert_slice(end_taken(server), answer_bytes);
	assert_int_equal(down->closed_events, 1);
	free((void *)expected.data);
	free((void *)bytes.data);
	free((void *)answer_bytes.data);
	end_close(server);
	end_close(client);
}

static void messages_pass_unchanged_but_for_the_id(void **state)
{
	size_t i;
	json_t *frame;
	unsigned seen = 0;
	(void)state;

	json_array_foreach(frames, i, frame)
	{
		if (!is_answer(frame) || number_at(frame, "cmd_code") == 0)
			continue;
		const json_t *request = request_with_id(number_at(frame, "request_id"));
		assert_non_null(request);
		expect_exchange(request, frame);
		seen++;
	}
	assert_int_equal(seen, 23);
}

/* No crash, no hang; a broken frame of one call reaches no other: whatever comes of it, a later
 * whole frame on a connection that lives is understood. */
static void a_flipped_byte_hurts_at_most_its_own_connection(void **state)
{
	struct slice next = golden("sofa-hello.req.hex");
	unsigned followed = 0;
	size_t i;
	json_t *frame;
	(void)state;

	json_array_foreach(frames, i, frame)
	{
		struct slice bytes = golden_frame(frame);
		char *flipped = (char *)bytes.data;
		size_t most = bytes.len < 600 ? bytes.len : 600;
		for (size_t at = 0; at < 2 * most; at++) {
			struct end *end = end_open(is_answer(frame) ? CODEC_CLIENT : CODEC_SERVER);
			char old = flipped[at % most];
			flipped[at % most] = (char)(old ^ (at < most ? 0xff : 0x01));
			end->publish = true;
			size_t n = end_feed(end, bytes, false);
			assert_true(n <= bytes.len);
			assert_true(end->call_count <= 1);
			assert_true(n == bytes.len || end->bolt.codec.needs > bytes.len - n);
			bool goes_on = n == bytes.len && !end->bolt.codec.is_failed &&
				       !end->bolt.skip_left;
			if (goes_on && !is_answer(frame)) {
				unsigned before = end->call_count;
				assert_int_equal(end_feed(end, next, false), next.len);
				assert_int_equal(end->call_count, before + 1);
				assert_slice(end->calls->head.method, SLICE("sayHello"));
				followed++;
			}
			end_feed(end, slice_sub(bytes, n, bytes.len), true);
			assert_true(end->bolt.codec.must_close);
			flipped[at % most] = old;
			end_close(end);
		}
		free(flipped);
	}
	assert_true(followed > 1000);
	free((void *)next.data);
}

/* Of a frame with a checksum none is taken for a good one. */
static void a_flipped_byte_under_a_checksum_loses_the_connection(void **state)
{
	struct slice bytes = golden("bolt-v2-2-crc.req.hex");
	char *flipped = (char *)bytes.data;
	(void)state;

	for (size_t at = 0; at < bytes.len; at++) {
		struct end *end = end_open(CODEC_SERVER);
		bool is_form = at == 0 || at == 1 || at == 11; /* without a checksum, then */
		flipped[at] = (char)(flipped[at] ^ 0x01);
		end_feed(end, bytes, false);
		if (!is_form)
			assert_int_equal(end->call_count, 0);
		if (!is_form && !end->bolt.codec.needs && !end->bolt.skip_left)
			assert_int_equal(end->failed_events, 1);
		flipped[at] = (char)(flipped[at] ^ 0x01);
		end_close(end);
	}
	free(flipped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read_and_written_as_java_does),
		cmocka_unit_test(requests_decode_to_what_java_decodes_at_every_split),
		cmocka_unit_test(messages_pass_unchanged_but_for_the_id),
		cmocka_unit_test(a_flipped_byte_hurts_at_most_its_own_connection),
		cmocka_unit_test(a_flipped_byte_under_a_checksum_loses_the_connection),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
