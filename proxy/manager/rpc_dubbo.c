#include "base/section.h"
#include "codec/dubbo_arguments.h"
#include "codec/dubbo_attachment_bytes.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_head.h"
#include "codec/dubbo_heads.h"
#include "manager/rpc_private.h"
#include "routing/rpc_match.h"

static struct codec *open_codec(struct rpc_session *rs, bool passes)
{
	const struct rpc_manager *manager = rpc_manager_of(&rs->session);
	struct worker_context *worker = rs->session.worker;

	rs->dubbo.options = (struct dubbo_options){.payload_limit = DUBBO_PAYLOAD_LIMIT,
						   .max_in_flight = DUBBO_MAX_IN_FLIGHT,
						   .parts_over = manager->parts_over,
						   .counts = &worker->dubbo_counts,
						   .heads = &worker->dubbo_heads,
						   .noticed = rpc_noticed,
						   .is_passed = rpc_call_is_passed,
						   .takes_request_parts = rpc_takes_parts,
						   .held_up = rpc_held_up,
						   .pass = passes ? rpc_call_pass : NULL};
	dubbo_open(&rs->dubbo.codec, CODEC_SERVER, &session_codec_events, &rs->session,
		   &rs->session.conn.out, &rs->dubbo.options);
	return &rs->dubbo.codec.codec;
}

static enum rpc_answer answer_of(uint16_t status, int result)
{
	if (UNLIKELY(status != DUBBO_OK))
		return RPC_ANSWER_ERROR;
	return result == RPC_RESULT_EXCEPTION || result == RPC_RESULT_EXCEPTION_WITH_ATTACHMENTS
		       ? RPC_ANSWER_EXCEPTION
		       : RPC_ANSWER_OK;
}

static enum rpc_answer pass_answer(struct codec *codec, uint64_t id, struct slice frame)
{
	uint8_t status = dubbo_frame_status(frame);
	int result = RPC_RESULT_UNKNOWN;

	if (LIKELY(status == DUBBO_OK))
		result = dubbo_result_read(slice_sub(frame, DUBBO_HEADER_SIZE, frame.len),
					   (uint8_t)frame.data[2] & DUBBO_SERIALIZATION_MASK);
	dubbo_pass_answer(container_of(codec, struct dubbo, codec), id, frame);
	return answer_of(status, result);
}

static enum rpc_answer begin_answer(struct codec *codec, uint64_t id, struct slice head,
				    struct slice bytes)
{
	uint8_t status = dubbo_frame_status(head);
	int result = RPC_RESULT_UNKNOWN;

	if (status == DUBBO_OK)
		result = dubbo_result_read(bytes, (uint8_t)head.data[2] & DUBBO_SERIALIZATION_MASK);
	dubbo_begin_answer(container_of(codec, struct dubbo, codec), id, head);
	return answer_of(status, result);
}

static void put_part(struct codec *codec, struct slice bytes)
{
	struct buf data;

	buf_init(&data, codec->out->pool);
	buf_append_turn(&data, bytes);
	dubbo_put_part(container_of(codec, struct dubbo, codec), &data);
}

static void break_answer(struct codec *codec)
{
	dubbo_break_answer(container_of(codec, struct dubbo, codec));
}

static void take_back(struct codec *codec, struct rpc_kept *kept, uint64_t id, struct buf *frame)
{
	if (frame->len)
		buf_drain(frame, DUBBO_HEADER_SIZE);
	dubbo_take_back(container_of(codec, struct dubbo, codec), kept, id, frame);
}

static struct headers *request_of(struct rpc_kept *kept, struct slice frame, struct arena *arena)
{
	struct dubbo_request *request = dubbo_request_copy(kept, false, arena);

	request->head.payload = slice_sub(frame, DUBBO_HEADER_SIZE, frame.len);
	request->head.is_unnamed = true;
	return &request->headers;
}

static bool bytes_of(const struct rpc_kept *kept, struct slice frame,
		     const struct call_needs *needs, struct arena *arena,
		     struct rpc_call_bytes *bytes)
{
	uint32_t names = needs->attachment_count;

	bytes->count = needs->path_count;
	if (needs->path_count > RPC_CALL_ARGUMENTS ||
	    !dubbo_read_bytes(dubbo_kept_head(kept), slice_sub(frame, DUBBO_HEADER_SIZE, frame.len),
			      needs->paths, needs->attachments, arena, bytes))
		return false;
	if (!names || needs->path_count + names > RPC_CALL_ARGUMENTS)
		return true;
	struct slice attachments = bytes->attachments;
	bytes->attachments.len = 0;
	bytes->count += names;
	return dubbo_attachment_bytes(attachments, needs->attachment_names, names,
				      bytes->arguments + needs->path_count);
}

static bool bytes_tell_all(const struct rpc_call_bytes *bytes)
{
	return dubbo_attachments_are_alone(bytes->attachments);
}

static enum rpc_answer answer(const struct rpc_head *rpc)
{
	return answer_of(rpc->status, rpc->result);
}

static bool agrees(const struct rpc_head *rpc, struct arena *arena)
{
	(void)arena;
	return rpc->has_attachments && dubbo_attachments_agree(rpc);
}

static void give_names(struct headers *request)
{
	struct rpc_head *rpc = request->rpc;

	if (rpc->is_unnamed && rpc->has_attachments)
		dubbo_attachments_name(request);
	rpc->is_unnamed = false;
}

/* Attachments that can't be read are not there: a route that asks for one doesn't match. */
static void publish(struct headers *request, struct arena *arena)
{
	struct rpc_head *rpc = request->rpc;

	if (!rpc->has_attachments)
		rpc->is_unnamed = true; /* their names come with them */
	if (dubbo_read_attachments(request, arena))
		dubbo_attachments_publish(request);
	rpc->is_unnamed = false;
}

static void read_call(struct headers *request, const struct call_needs *needs,
		      struct argument_value *values, struct arena *arena)
{
	if (needs->names)
		give_names(request);
	dubbo_read_call(request, needs->paths, needs->path_count, values, needs->attachments,
			arena);
	if (needs->headers && request->rpc->has_attachments)
		dubbo_attachments_publish(request);
}

/* --- connections that move */

/* READONLY was said; so many bytes of a frame are dropped. */
static void write_state(const struct codec *codec, struct section_writer *out)
{
	section_put_number(out, codec->is_draining);
	section_put_number(out, container_of(codec, const struct dubbo, codec)->receiving_left);
}

static bool read_state(struct codec *codec, struct section_reader *in)
{
	codec->is_draining = section_get_number_to(in, 1);
	container_of(codec, struct dubbo, codec)->receiving_left =
		(uint32_t)section_get_number_to(in, UINT32_MAX);
	return !in->is_bad;
}

/* kind: the serialization. */
static struct handover_call call_of(const struct exchange *exchange)
{
	const struct stream *s = container_of(exchange, const struct stream, down);

	return (struct handover_call){.id = exchange->wire_id,
				      .kind = s->request->rpc->serialization,
				      .is_one_way = exchange->is_oneway};
}

static struct handover_call call_of_passed(uint64_t id)
{
	return (struct handover_call){.id = id, .kind = DUBBO_HESSIAN2};
}

static size_t answer_size(struct slice bytes, uint64_t *id)
{
	struct dubbo_frame frame;

	if (dubbo_frame_read(bytes, UINT32_MAX, &frame))
		return 0;
	*id = frame.id;
	return DUBBO_HEADER_SIZE + (size_t)frame.body_len;
}

static void put_frames(struct codec *codec, struct slice frames)
{
	dubbo_put_frames(container_of(codec, struct dubbo, codec), frames);
}

static void answer_lost(struct codec *codec, uint64_t id, uint8_t kind)
{
	dubbo_answer_lost(container_of(codec, struct dubbo, codec), id, kind,
			  REPLY_CONNECTION_LOST);
}

const struct rpc_dialect rpc_dubbo = {
	.name = "dubbo",
	.stream_protocol = STREAM_PROTOCOL_DUBBO,
	.open = open_codec,
	.pass_answer = pass_answer,
	.begin_answer = begin_answer,
	.put_part = put_part,
	.break_answer = break_answer,
	.answers_in_parts = dubbo_answers_in_parts,
	.take_back = take_back,
	.request = request_of,
	.bytes = bytes_of,
	.bytes_tell_all = bytes_tell_all,
	.write_state = write_state,
	.read_state = read_state,
	.call_of = call_of,
	.call_of_passed = call_of_passed,
	.answer_size = answer_size,
	.id_mask = UINT64_MAX,
	.put_frames = put_frames,
	.answer_lost = answer_lost,
	.answer = answer,
	.read_attachments = dubbo_read_attachments,
	.agrees = agrees,
	.publish = publish,
	.read = read_call,
};
