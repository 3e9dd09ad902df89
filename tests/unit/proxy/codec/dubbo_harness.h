/* One Dubbo codec with an owner that writes down what it is told, and the golden frames. */
#ifndef TEST_DUBBO_HARNESS_H
#define TEST_DUBBO_HARNESS_H

#include "codec/dubbo.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_heads.h"

#define END_CODEC                                                                                  \
	struct dubbo dubbo;                                                                        \
	struct dubbo_counts counts;                                                                \
	struct dubbo_heads heads;                                                                  \
	struct dubbo_options options;                                                              \
	bool read_attachments, attachments_read;                                                   \
	struct slice early; /* the name of a header that is set before they are read */

#include "unit/proxy/codec/rpc_harness.h"

static inline struct codec *end_open_codec(struct end *end, enum codec_side side)
{
	end->options = (struct dubbo_options){.payload_limit = DUBBO_PAYLOAD_LIMIT,
					      .max_in_flight = DUBBO_MAX_IN_FLIGHT,
					      .parts_over = DUBBO_PARTS_OVER,
					      .counts = &end->counts,
					      .heads = &end->heads,
					      .pass = on_pass,
					      .passed = on_passed};
	dubbo_heads_init(&end->heads);
	dubbo_open(&end->dubbo, side, &end_events, end, &end->out, &end->options);
	return &end->dubbo.codec;
}

static inline void end_close_codec(struct end *end)
{
	dubbo_heads_fini(&end->heads);
}

static inline void end_sees(struct end *end, struct exchange *exchange, struct headers *headers)
{
	if (end->early.len)
		headers_set(headers, end->early, SLICE("early"));
	if (end->read_attachments)
		end->attachments_read = dubbo_read_attachments(headers, exchange->arena);
}

static inline struct dubbo_frame frame_at(struct slice bytes, struct slice *body)
{
	struct dubbo_frame frame;

	assert_int_equal(dubbo_frame_read(bytes, UINT32_MAX, &frame), STATUS_OK);
	*body = slice_sub(bytes, DUBBO_HEADER_SIZE, DUBBO_HEADER_SIZE + frame.body_len);
	return frame;
}

/* A golden frame of tests/vectors/dubbo. The caller frees .data. */
static inline struct slice golden(const char *file)
{
	return golden_of("dubbo", file);
}

/* A frame of our own making. The caller frees .data. */
static inline struct slice frame_make(uint8_t flag, uint8_t status, uint64_t id, struct slice body)
{
	char *bytes = malloc(DUBBO_HEADER_SIZE + body.len);

	assert_non_null(bytes);
	dubbo_frame_write(bytes, &(struct dubbo_frame){id, (uint32_t)body.len, flag, status});
	if (body.len)
		memcpy(bytes + DUBBO_HEADER_SIZE, body.data, body.len);
	return slice_make(bytes, DUBBO_HEADER_SIZE + body.len);
}

static inline size_t end_feed_frame(struct end *end, uint8_t flag, uint8_t status, uint64_t id,
				    struct slice body)
{
	struct slice frame = frame_make(flag, status, id, body);
	size_t n = end_feed(end, frame, false);

	assert_int_equal(n, frame.len);
	free((void *)frame.data);
	return n;
}

#endif
