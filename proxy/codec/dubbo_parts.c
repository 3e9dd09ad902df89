#include "codec/dubbo_parts.h"

#include <stdlib.h>

struct dubbo_writing {
	struct codec_writer writer;
	struct buf held;    /* the tail of it */
	struct buf waiting; /* whole frames that were sent since it has begun; owned */
	uint32_t left;      /* bytes of its body that weren't put yet */
};

/* No tag of Hessian2: where a value should begin it is refused by every reader. */
#define FILL_16 "EEEEEEEEEEEEEEEE"
#define FILL_256                                                                                   \
	FILL_16 FILL_16 FILL_16 FILL_16 FILL_16 FILL_16 FILL_16 FILL_16 FILL_16 FILL_16 FILL_16    \
		FILL_16 FILL_16 FILL_16 FILL_16 FILL_16

static struct dubbo_writing *writing_of(const struct dubbo *dubbo)
{
	return container_of(dubbo->writer, struct dubbo_writing, writer);
}

/* --- in */

size_t dubbo_take_parts(struct dubbo *dubbo, struct slice bytes)
{
	struct exchange *exchange = dubbo->receiving;
	bool is_server = dubbo->codec.side == CODEC_SERVER;

	dubbo->codec.is_stopped = exchange && is_server && exchange->read_pauses;
	if (dubbo->codec.is_stopped)
		return 0;
	size_t n = bytes.len < dubbo->receiving_left ? bytes.len : dubbo->receiving_left;
	uint32_t left = dubbo->receiving_left -= (uint32_t)n;
	bytes.len = n;
	if (!left)
		dubbo->receiving = NULL;
	if (!exchange || !n)
		return n;
	if (is_server)
		dubbo_server_take_part(dubbo, exchange, bytes, left);
	else
		dubbo_client_take_part(dubbo, exchange, bytes, left);
	return n;
}

static void note_over_limit(struct dubbo *dubbo)
{
	dubbo->options->counts->oversized++;
	dubbo_notice(dubbo, RPC_NOTICE_OVER_LIMIT);
}

/* What is neither a request to us nor an answer for us matters only as a whole. */
static bool begin(struct dubbo *dubbo, const struct dubbo_frame *frame, struct slice payload,
		  bool is_over_limit)
{
	bool is_server = dubbo->codec.side == CODEC_SERVER;
	bool is_request = frame->flag & DUBBO_FLAG_REQUEST;

	dubbo_drop_parts(dubbo, frame->body_len);
	if (!(frame->flag & DUBBO_FLAG_EVENT) && is_request == is_server)
		return is_server ? dubbo_server_begin_parts(dubbo, frame, payload, is_over_limit)
				 : dubbo_client_begin_parts(dubbo, frame, payload, is_over_limit);
	if (is_over_limit && is_request && !(frame->flag & DUBBO_FLAG_EVENT))
		dubbo_refuse(dubbo, *frame, SLICE("this connection takes no requests"));
	return is_over_limit;
}

size_t dubbo_begin_parts(struct dubbo *dubbo, const struct dubbo_frame *frame, struct slice bytes,
			 bool is_over_limit)
{
	struct slice payload = slice_sub(bytes, DUBBO_HEADER_SIZE, bytes.len);

	if (payload.len > frame->body_len)
		payload.len = frame->body_len;
	if (!begin(dubbo, frame, payload, is_over_limit)) {
		dubbo_drop_parts(dubbo, 0);
		return 0;
	}
	if (is_over_limit)
		note_over_limit(dubbo);
	dubbo->codec.needs = 0;
	if (dubbo->codec.is_failed)
		return bytes.len;
	return DUBBO_HEADER_SIZE + dubbo_take_parts(dubbo, payload);
}

/* --- out */

void dubbo_writer_begin(struct dubbo *dubbo, const struct dubbo_frame *frame,
			struct exchange *exchange)
{
	struct buf_pool *pool = dubbo->codec.out->pool;
	struct dubbo_writing *writing = calloc(1, sizeof *writing);
	char header[DUBBO_HEADER_SIZE];

	invariant(writing && !dubbo->writer);
	dubbo_frame_write(header, frame);
	buf_append_copy(dubbo->codec.out, slice_make(header, sizeof header));
	buf_init(&writing->held, pool);
	buf_init(&writing->waiting, pool);
	writing->left = frame->body_len;
	writing->writer.exchange = exchange;
	dubbo->writer = &writing->writer;
}

/* What has waited goes out. */
static void end(struct dubbo *dubbo)
{
	struct dubbo_writing *writing = writing_of(dubbo);

	buf_move_all(dubbo->codec.out, &writing->waiting);
	dubbo->writer = NULL;
	free(writing);
}

/* How much of the data may go now. */
static size_t free_len(const struct dubbo *dubbo, const struct dubbo_writing *writing, size_t len)
{
	size_t left = writing->left;

	if (dubbo->codec.side == CODEC_CLIENT || left == len)
		return len;
	if (left <= DUBBO_PARTS_TAIL)
		return 0;
	return len < left - DUBBO_PARTS_TAIL ? len : left - DUBBO_PARTS_TAIL;
}

bool dubbo_writer_put(struct dubbo *dubbo, struct buf *data)
{
	struct dubbo_writing *writing = writing_of(dubbo);

	invariant(data->len <= writing->left);
	size_t n = free_len(dubbo, writing, data->len);
	writing->left -= (uint32_t)data->len;
	if (!writing->left) {
		buf_move_all(dubbo->codec.out, &writing->held);
		buf_move_all(dubbo->codec.out, data);
		end(dubbo);
		return true;
	}
	buf_move(dubbo->codec.out, data, n);
	if (data->len) {
		buf_move_all(&writing->held, data);
		buf_own(&writing->held);
	}
	return false;
}

void dubbo_writer_break(struct dubbo *dubbo)
{
	static const char fill[] = FILL_256 FILL_256 FILL_256 FILL_256;
	struct dubbo_writing *writing = writing_of(dubbo);
	size_t left = writing->left + writing->held.len;

	buf_clear(&writing->held);
	if (dubbo->codec.is_failed || dubbo->codec.side == CODEC_CLIENT) {
		buf_clear(&writing->waiting);
		dubbo->codec.must_close = true;
	} else {
		while (left) {
			size_t n = left < sizeof fill - 1 ? left : sizeof fill - 1;
			buf_append_turn(dubbo->codec.out, slice_make(fill, n));
			left -= n;
		}
	}
	end(dubbo);
}

void dubbo_put_later(struct dubbo *dubbo, struct buf *frame)
{
	const struct dubbo_options *options = dubbo->options;
	struct buf *waiting = &writing_of(dubbo)->waiting;

	buf_move_all(waiting, frame);
	buf_own(waiting);
	if (waiting->len > DUBBO_PARTS_WAITING && options->held_up)
		options->held_up(&dubbo->codec);
}

/* --- answers of calls that pass */

void dubbo_begin_answer(struct dubbo *dubbo, uint64_t id, struct slice head)
{
	struct dubbo_frame frame = {0};
	enum status status = dubbo_frame_read(head, UINT32_MAX, &frame);

	invariant(status == STATUS_AGAIN);
	frame.flag &= DUBBO_SERIALIZATION_MASK;
	frame.id = id;
	dubbo_writer_begin(dubbo, &frame, NULL);
}

void dubbo_put_part(struct dubbo *dubbo, struct buf *data)
{
	dubbo_writer_put(dubbo, data);
}

void dubbo_break_answer(struct dubbo *dubbo)
{
	dubbo_writer_break(dubbo);
}
