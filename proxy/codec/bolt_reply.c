#include "codec/bolt_reply.h"

#include "codec/bolt_fields.h"
#include "codec/bolt_frame.h"
#include "codec/bolt_head.h"
#include "codec/hessian2_write.h"
#include "codec/sofa_hessian.h"

#define ERROR_NAME "sofa_head_response_error"

static char *put(char *to, struct slice bytes)
{
	memcpy(to, bytes.data, bytes.len);
	return to + bytes.len;
}

static struct slice hessian_content(struct hessian2_writer *writer, struct slice text)
{
	static const char *const fields[] = {"isError", "errorMsg", "appResponse", "responseProps"};

	hessian2_write_object(
		writer, hessian2_write_class(writer, BOLT_SOFA_RESPONSE, fields, COUNT_OF(fields)));
	hessian2_write_bool(writer, true);
	hessian2_write_string(writer, text);
	hessian2_write_null(writer);
	hessian2_write_map_begin(writer);
	hessian2_write_string(writer, SLICE(ERROR_NAME));
	hessian2_write_string(writer, SLICE("true"));
	hessian2_write_map_end(writer);
	return hessian2_written(writer);
}

/* .data NULL: unknown. An error in protobuf is its text and nothing else. */
static struct slice make_content(uint8_t serialization, struct slice text, struct arena *arena)
{
	struct hessian2_writer writer;

	switch (serialization) {
	case BOLT_SOFA_HESSIAN:
		sofa_hessian_writer_init(&writer, arena);
		return hessian_content(&writer, text);
	case BOLT_HESSIAN2:
		hessian2_writer_init(&writer, arena);
		return hessian_content(&writer, text);
	case BOLT_PROTOBUF:
		return text;
	default:
		return (struct slice){NULL, 0};
	}
}

void bolt_reply_make(struct bolt_reply *reply, uint8_t status, uint8_t serialization, bool is_sofa,
		     struct slice text, struct arena *arena)
{
	const struct rpc_attachment field = {SLICE(ERROR_NAME), SLICE("true")};
	struct slice class = BOLT_SOFA_RESPONSE, content = {NULL, 0};

	*reply = (struct bolt_reply){.payload = SLICE(""), .status = status};
	if (status)
		return;
	if (!text.data)
		text = SLICE("");
	if (text.len > BOLT_REPLY_TEXT)
		text.len = BOLT_REPLY_TEXT;
	if (is_sofa)
		content = make_content(serialization, text, arena);
	if (!content.data) {
		reply->status = BOLT_SERVER_EXCEPTION;
		return;
	}
	reply->class_len = (uint16_t) class.len;
	reply->headers_len = (uint16_t)bolt_fields_size(&field, 1);
	char *payload = arena_alloc(arena, class.len + reply->headers_len + content.len);
	char *to = bolt_fields_put(put(payload, class), &field);
	to = put(to, content);
	reply->payload = slice_make(payload, (size_t)(to - payload));
}
