#include "codec/dubbo_reply.h"

#include "codec/dubbo_foreign.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_jsonb.h"
#include "codec/hessian2_write.h"

/* Takes a number and the dot behind it off the front of *s; -1 when there is none. */
static int take_part(struct slice *s)
{
	int sum = 0;
	size_t i = 0;

	for (; i < s->len && s->data[i] >= '0' && s->data[i] <= '9' && sum < 1000; i++)
		sum = sum * 10 + (s->data[i] - '0');
	bool is_cut = i < s->len && s->data[i] != '.';
	if (!i || is_cut)
		return -1;
	*s = slice_sub(*s, i < s->len ? i + 1 : i, s->len);
	return sum;
}

bool dubbo_knows_answer_attachments(struct slice version)
{
	int major = take_part(&version), minor = take_part(&version), patch = take_part(&version);

	return major == 2 && minor == 0 && patch >= 2 && patch <= 99 && !version.len;
}

static void make_exception(struct dubbo_reply *reply, struct slice version, struct slice text,
			   struct arena *arena)
{
	struct hessian2_writer writer;
	bool has_attachments = dubbo_knows_answer_attachments(version);

	reply->result =
		has_attachments ? RPC_RESULT_EXCEPTION_WITH_ATTACHMENTS : RPC_RESULT_EXCEPTION;
	if (reply->serialization == DUBBO_FASTJSON2) {
		reply->body = dubbo_jsonb_exception_body(text, has_attachments, arena);
		return;
	}
	hessian2_writer_init(&writer, arena);
	hessian2_write_int(&writer, reply->result);
	hessian2_write_runtime_exception(&writer, text);
	if (has_attachments) {
		hessian2_write_map_begin(&writer);
		hessian2_write_string(&writer, SLICE("dubbo"));
		hessian2_write_string(&writer, SLICE("2.0.2"));
		hessian2_write_map_end(&writer);
	}
	reply->body = hessian2_written(&writer);
}

void dubbo_reply_make_null(struct dubbo_reply *reply, uint8_t serialization, struct arena *arena)
{
	struct hessian2_writer writer;

	*reply = (struct dubbo_reply){
		.status = DUBBO_OK,
		.serialization =
			serialization == DUBBO_FASTJSON2 ? DUBBO_FASTJSON2 : DUBBO_HESSIAN2,
		.result = RPC_RESULT_NULL,
	};
	if (serialization == DUBBO_FASTJSON2) {
		reply->body = SLICE("\0\0\0\2\xbd\2"); /* a block with a small int */
		return;
	}
	hessian2_writer_init(&writer, arena);
	hessian2_write_int(&writer, RPC_RESULT_NULL);
	reply->body = hessian2_written(&writer);
}

void dubbo_reply_make(struct dubbo_reply *reply, uint8_t status, uint8_t serialization,
		      struct slice version, struct slice text, struct arena *arena)
{
	*reply = (struct dubbo_reply){
		.status = status,
		.serialization =
			serialization == DUBBO_FASTJSON2 ? DUBBO_FASTJSON2 : DUBBO_HESSIAN2,
		.result = RPC_RESULT_UNKNOWN,
	};
	if (dubbo_foreign_is_known(serialization)) {
		reply->serialization = serialization;
		reply->status = status == DUBBO_OK ? DUBBO_SERVICE_ERROR : status;
		reply->body = dubbo_foreign_string(serialization, text, arena);
		return;
	}
	if (text.len > DUBBO_REPLY_TEXT)
		text.len = DUBBO_REPLY_TEXT;
	if (status == DUBBO_OK) {
		make_exception(reply, version, text, arena);
	} else if (serialization == DUBBO_FASTJSON2) {
		reply->body = dubbo_jsonb_string_block(text, arena);
	} else {
		struct hessian2_writer writer;
		hessian2_writer_init(&writer, arena);
		hessian2_write_string(&writer, text.data ? text : SLICE(""));
		reply->body = hessian2_written(&writer);
	}
}
