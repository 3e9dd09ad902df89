#include "codec/bolt_reply.h"

#include "codec/bolt_fields.h"
#include "codec/bolt_frame.h"
#include "codec/bolt_head.h"
#include "codec/hessian2_string.h"
#include "codec/hessian2_write.h"

#define ERROR_NAME "sofa_head_response_error"

/* sofa-hessian: the class, its one object, isError true … and behind errorMsg the two other fields,
 * of which responseProps says what the header map says. */
static const char sofa_before[] = "O\xbe"
				  "com.alipay.sofa.rpc.core.response.SofaResponse"
				  "\x94\x07isError\x08"
				  "errorMsg\x0b"
				  "appResponse\x0dresponsePropso\x90T";
static const char sofa_behind[] = "NM\x18" ERROR_NAME "\x04truez";

/* The same in Hessian2. */
static const char hessian2_before[] = "C0\x2e"
				      "com.alipay.sofa.rpc.core.response.SofaResponse"
				      "\x94\x07isError\x08"
				      "errorMsg\x0b"
				      "appResponse\x0dresponsePropso\x90T";

static char *put(char *to, struct slice bytes)
{
	memcpy(to, bytes.data, bytes.len);
	return to + bytes.len;
}

static struct slice sofa_hessian_content(struct slice text, struct arena *arena)
{
	struct slice before = slice_make(sofa_before, sizeof sofa_before - 1);
	struct slice behind = slice_make(sofa_behind, sizeof sofa_behind - 1);
	size_t units;

	text = hessian2_from_utf8(text, &units, arena);
	char *content = arena_alloc(arena, before.len + 3 + text.len + behind.len);
	char *to = put(content, before);
	*to++ = 'S'; /* the last chunk, with a length of 16 bits */
	*to++ = (char)(units >> 8);
	*to++ = (char)units;
	to = put(put(to, text), behind);
	return slice_make(content, (size_t)(to - content));
}

static struct slice hessian2_content(struct slice text, struct arena *arena)
{
	struct slice before = slice_make(hessian2_before, sizeof hessian2_before - 1);
	struct hessian2_writer writer;

	hessian2_writer_init(&writer, arena);
	hessian2_write_string(&writer, text);
	hessian2_write_null(&writer);
	hessian2_write_map_begin(&writer);
	hessian2_write_string(&writer, SLICE(ERROR_NAME));
	hessian2_write_string(&writer, SLICE("true"));
	hessian2_write_map_end(&writer);
	struct slice behind = hessian2_written(&writer);
	char *content = arena_alloc(arena, before.len + behind.len);
	put(put(content, before), behind);
	return slice_make(content, before.len + behind.len);
}

/* .data NULL: unknown. An error in protobuf is its text and nothing else. */
static struct slice make_content(uint8_t serialization, struct slice text, struct arena *arena)
{
	switch (serialization) {
	case BOLT_SOFA_HESSIAN:
		return sofa_hessian_content(text, arena);
	case BOLT_HESSIAN2:
		return hessian2_content(text, arena);
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
