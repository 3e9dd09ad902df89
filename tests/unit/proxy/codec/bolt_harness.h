/* One Bolt codec with an owner that writes down what it is told, and the golden frames. */
#ifndef TEST_BOLT_HARNESS_H
#define TEST_BOLT_HARNESS_H

#include "codec/bolt.h"
#include "codec/bolt_frame.h"
#include "codec/bolt_heads.h"

#define END_CODEC                                                                                  \
	struct bolt bolt;                                                                          \
	struct bolt_counts counts;                                                                 \
	struct bolt_heads heads;                                                                   \
	struct bolt_options options;                                                               \
	unsigned notices[RPC_NOTICES];                                                             \
	bool publish; /* the headers event makes headers of the header map */                      \
	bool published;

#include "unit/proxy/codec/rpc_harness.h"

static inline void on_noticed(struct codec *codec, enum rpc_notice notice)
{
	end_of(codec)->notices[notice]++;
}

static inline struct codec *end_open_codec(struct end *end, enum codec_side side)
{
	end->options = (struct bolt_options){.payload_limit = BOLT_PAYLOAD_LIMIT,
					     .max_in_flight = BOLT_MAX_IN_FLIGHT,
					     .counts = &end->counts,
					     .heads = &end->heads,
					     .noticed = on_noticed,
					     .pass = on_pass,
					     .passed = on_passed};
	bolt_heads_init(&end->heads);
	bolt_open(&end->bolt, side, &end_events, end, &end->out, &end->options);
	return &end->bolt.codec;
}

static inline void end_close_codec(struct end *end)
{
	bolt_heads_fini(&end->heads);
}

static inline void end_sees(struct end *end, struct exchange *exchange, struct headers *headers)
{
	if (end->publish)
		end->published = bolt_publish(headers, exchange->arena);
}

/* A golden frame of tests/vectors/bolt. The caller frees .data. */
static inline struct slice golden(const char *file)
{
	return golden_of("bolt", file);
}

/* The one whole frame that the bytes are. */
static inline struct bolt_frame frame_of(struct slice bytes, struct slice *payload)
{
	struct bolt_frame frame;
	size_t needs;

	assert_int_equal(bolt_frame_read(bytes, UINT32_MAX, &frame, &needs), STATUS_OK);
	assert_int_equal(needs, bytes.len);
	assert_true(bolt_frame_is_intact(bytes, &frame));
	size_t at = bolt_frame_header_size(&frame);
	*payload = slice_sub(bytes, at, at + bolt_frame_payload_size(&frame));
	return frame;
}

/* A copy of the frame with another id, and a right checksum. The caller frees .data. */
static inline struct slice with_id(struct slice bytes, uint32_t id)
{
	char *copy = malloc(bytes.len);
	struct bolt_frame frame;
	size_t needs;

	assert_non_null(copy);
	memcpy(copy, bytes.data, bytes.len);
	bytes = slice_make(copy, bytes.len);
	assert_int_equal(bolt_frame_read(bytes, UINT32_MAX, &frame, &needs), STATUS_OK);
	bolt_frame_readdress(bytes, id);
	return bytes;
}

/* The answer of a client's call goes back by the request's server. */
static inline void answer(struct call *request, const struct call *from)
{
	call_send(request, from->headers, slice_make(from->data, from->data_len));
}

#endif
