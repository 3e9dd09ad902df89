#include "base/section.h"
#include "codec/bolt_arguments.h"
#include "codec/bolt_frame.h"
#include "codec/bolt_head.h"
#include "codec/bolt_heads.h"
#include "manager/rpc_private.h"
#include "routing/rpc_match.h"

static struct codec *open_codec(struct rpc_session *rs, bool passes)
{
	struct worker_context *worker = rs->session.worker;

	rs->bolt.options = (struct bolt_options){.payload_limit = BOLT_PAYLOAD_LIMIT,
						 .counts = &worker->bolt_counts,
						 .heads = &worker->bolt_heads,
						 .noticed = rpc_noticed,
						 .is_passed = rpc_call_is_passed,
						 .pass = passes ? rpc_call_pass : NULL};
	bolt_open(&rs->bolt.codec, CODEC_SERVER, &session_codec_events, &rs->session,
		  &rs->session.conn.out, &rs->bolt.options);
	return &rs->bolt.codec.codec;
}

static enum rpc_answer answer_of(uint16_t status, int result)
{
	if (UNLIKELY(status != BOLT_OK))
		return RPC_ANSWER_ERROR;
	return result == RPC_RESULT_EXCEPTION ? RPC_ANSWER_EXCEPTION : RPC_ANSWER_OK;
}

static enum rpc_answer pass_answer(struct codec *codec, uint64_t id, struct slice frame)
{
	uint16_t status = bolt_frame_status(frame);
	int result = bolt_frame_result(frame);

	bolt_pass_answer(container_of(codec, struct bolt, codec), id, frame);
	return answer_of(status, result);
}

static void take_back(struct codec *codec, struct rpc_kept *kept, uint64_t id, struct buf *frame)
{
	bolt_take_back(container_of(codec, struct bolt, codec), kept, id, frame);
}

static struct headers *request_of(struct rpc_kept *kept, struct slice frame, struct arena *arena)
{
	struct bolt_frame head;
	size_t needs;

	invariant(!bolt_frame_read(frame, UINT32_MAX, &head, &needs));
	struct bolt_request *request = bolt_request_copy(kept, &head, arena);
	size_t at = bolt_frame_header_size(&head);
	request->head.payload = slice_sub(frame, at, at + (size_t)bolt_frame_payload_size(&head));
	return &request->headers;
}

static enum rpc_answer answer(const struct rpc_head *rpc)
{
	return answer_of(rpc->status, rpc->result);
}

/* A header map that can't be read has no entries: a route that asks for one doesn't match. */
static void publish(struct headers *request, struct arena *arena)
{
	bolt_publish(request, arena);
}

static void read_call(struct headers *request, const struct call_needs *needs,
		      struct argument_value *values, struct arena *arena)
{
	if (needs->headers)
		bolt_publish(request, arena);
	else if (needs->attachments)
		bolt_read_fields(request, arena);
	for (uint32_t i = 0; i < needs->path_count; i++)
		if (bolt_argument_value(request, needs->paths[i], &values[i]))
			values[i].kind = ARGUMENT_ABSENT;
}

/* --- connections that move */

/* So many bytes of a frame are dropped. */
static void write_state(const struct codec *codec, struct section_writer *out)
{
	section_put_number(out, container_of(codec, const struct bolt, codec)->skip_left);
}

static bool read_state(struct codec *codec, struct section_reader *in)
{
	container_of(codec, struct bolt, codec)->skip_left = section_get_number(in);
	return !in->is_bad;
}

/* The id says all that an answer's form needs. */
static struct handover_call call_of(const struct exchange *exchange)
{
	return (struct handover_call){.id = bolt_exchange_id(exchange),
				      .is_one_way = exchange->is_oneway};
}

static struct handover_call call_of_passed(uint64_t id)
{
	return (struct handover_call){.id = id};
}

static size_t answer_size(struct slice bytes, uint64_t *id)
{
	struct bolt_frame frame;
	size_t needs;

	if (bolt_frame_read(bytes, UINT32_MAX, &frame, &needs))
		return 0;
	*id = frame.id;
	return needs;
}

static void put_frames(struct codec *codec, struct slice frames)
{
	buf_append_owned(codec->out, frames);
}

static void answer_lost(struct codec *codec, uint64_t id, uint8_t kind)
{
	(void)kind;
	bolt_answer_lost(container_of(codec, struct bolt, codec), id, REPLY_CONNECTION_LOST);
}

const struct rpc_dialect rpc_bolt = {
	.name = "bolt",
	.stream_protocol = STREAM_PROTOCOL_BOLT,
	.open = open_codec,
	.pass_answer = pass_answer,
	.take_back = take_back,
	.request = request_of,
	.write_state = write_state,
	.read_state = read_state,
	.call_of = call_of,
	.call_of_passed = call_of_passed,
	.answer_size = answer_size,
	.id_mask = UINT32_MAX,
	.put_frames = put_frames,
	.answer_lost = answer_lost,
	.answer = answer,
	.read_attachments = bolt_read_fields,
	.agrees = bolt_request_agrees,
	.publish = publish,
	.read = read_call,
};
