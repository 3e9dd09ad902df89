#include "codec/dubbo_head.h"

#include <stdbool.h>

#include "codec/dubbo_arguments.h"
#include "codec/dubbo_foreign.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_jsonb.h"
#include "codec/hessian2.h"
#include "codec/hessian2_string.h"

static bool has_control_chars(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((uint8_t)s.data[i] < 0x20 || s.data[i] == 0x7f)
			return true;
	return false;
}

static COLD enum status take_any_string(struct slice payload, size_t *pos, struct slice *out)
{
	struct hessian2_reader reader;

	hessian2_init(&reader, slice_sub(payload, *pos, payload.len), NULL);
	if (hessian2_read_string(&reader, out) || has_control_chars(*out))
		return STATUS_MALFORMED;
	*pos += reader.pos;
	return STATUS_OK;
}

/* One string at *pos; the usual short ASCII one without asking the reader. */
static inline enum status take_string(struct slice payload, size_t *pos, struct slice *out)
{
	const uint8_t *p = (const uint8_t *)payload.data + *pos;
	size_t left = payload.len - *pos, len, head;

	if (UNLIKELY(left < 2))
		return take_any_string(payload, pos, out);
	if (LIKELY(p[0] < 0x20)) {
		len = p[0];
		head = 1;
	} else if ((p[0] & 0xfc) == 0x30) {
		len = (size_t)(p[0] & 3) << 8 | p[1];
		head = 2;
	} else {
		return take_any_string(payload, pos, out);
	}
	if (UNLIKELY(left - head < len || !hessian2_is_printable_ascii(p + head, len)))
		return take_any_string(payload, pos, out);
	*out = slice_make(p + head, len);
	*pos += head + len;
	return STATUS_OK;
}

static enum status read_hessian2(struct slice payload, struct rpc_head *head)
{
	size_t pos = 0;

	if (take_string(payload, &pos, &head->protocol_version) ||
	    take_string(payload, &pos, &head->service) ||
	    take_string(payload, &pos, &head->service_version) ||
	    take_string(payload, &pos, &head->method) ||
	    take_string(payload, &pos, &head->param_types))
		return STATUS_MALFORMED;
	if (pos > DUBBO_HEAD_LIMIT)
		return STATUS_TOO_LARGE;
	head->arguments_at = (uint32_t)pos;
	return STATUS_OK;
}

static enum status take_jsonb(struct slice *rest, struct slice *out)
{
	struct slice block;

	if (dubbo_jsonb_take_block(rest, &block) || dubbo_jsonb_take_text(&block, out, NULL) ||
	    has_control_chars(*out))
		return STATUS_MALFORMED;
	return STATUS_OK;
}

static enum status read_fastjson2(struct slice payload, struct rpc_head *head)
{
	struct slice rest = payload;

	if (take_jsonb(&rest, &head->protocol_version) || take_jsonb(&rest, &head->service) ||
	    take_jsonb(&rest, &head->service_version) || take_jsonb(&rest, &head->method) ||
	    take_jsonb(&rest, &head->param_types))
		return STATUS_MALFORMED;
	if (payload.len - rest.len > DUBBO_HEAD_LIMIT)
		return STATUS_TOO_LARGE;
	head->arguments_at = (uint32_t)(payload.len - rest.len);
	return STATUS_OK;
}

static enum status take_foreign(struct slice *rest, uint8_t serialization, struct slice *out)
{
	return dubbo_foreign_take(rest, serialization, out) || has_control_chars(*out)
		       ? STATUS_MALFORMED
		       : STATUS_OK;
}

/* What stands behind the strings isn't read: arguments_at stays 0. */
static COLD enum status read_foreign(struct slice payload, uint8_t serialization,
				     struct rpc_head *head)
{
	struct slice rest = payload;

	if (dubbo_foreign_begin(&rest, serialization) ||
	    take_foreign(&rest, serialization, &head->protocol_version) ||
	    take_foreign(&rest, serialization, &head->service) ||
	    take_foreign(&rest, serialization, &head->service_version) ||
	    take_foreign(&rest, serialization, &head->method) ||
	    take_foreign(&rest, serialization, &head->param_types))
		return STATUS_MALFORMED;
	if (payload.len - rest.len > DUBBO_HEAD_LIMIT)
		return STATUS_TOO_LARGE;
	return STATUS_OK;
}

/* A '/' would make ":path" ambiguous; no method of the JVM has one. */
static bool has_slash(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] == '/')
			return true;
	return false;
}

/* The first argument, a string. */
static enum status take_name(struct slice payload, uint8_t serialization, size_t pos,
			     struct slice *name)
{
	struct slice rest = slice_sub(payload, pos, payload.len);

	return serialization == DUBBO_HESSIAN2 ? take_string(payload, &pos, name)
					       : take_jsonb(&rest, name);
}

/* The framework's own methods. The provider takes any call of $invoke with three arguments for a
 * generic one. */
static COLD enum status read_framework_method(struct slice payload, uint8_t serialization,
					      struct rpc_head *head)
{
	if (slice_equal(head->method, SLICE("$echo"))) {
		head->kind = RPC_CALL_ECHO;
		return STATUS_OK;
	}
	if ((!slice_equal(head->method, SLICE("$invoke")) &&
	     !slice_equal(head->method, SLICE("$invokeAsync"))) ||
	    dubbo_count_arguments(head->param_types) != 3 || !head->arguments_at)
		return STATUS_OK;
	head->kind = RPC_CALL_GENERIC;
	return take_name(payload, serialization, head->arguments_at, &head->method);
}

enum status dubbo_head_read(struct slice payload, uint8_t serialization, struct rpc_head *head)
{
	enum status status = STATUS_UNSUPPORTED;

	if (LIKELY(serialization == DUBBO_HESSIAN2))
		status = read_hessian2(payload, head);
	else if (serialization == DUBBO_FASTJSON2)
		status = read_fastjson2(payload, head);
	else if (dubbo_foreign_is_known(serialization))
		status = read_foreign(payload, serialization, head);
	if (UNLIKELY(status))
		return status;
	if (UNLIKELY(head->method.len && head->method.data[0] == '$') &&
	    read_framework_method(payload, serialization, head))
		return STATUS_MALFORMED;
	if (!head->service.len || !head->method.len || has_slash(head->method))
		return STATUS_MALFORMED;
	return STATUS_OK;
}

enum rpc_result dubbo_result_read_slow(struct slice payload, uint8_t serialization)
{
	int64_t result = RPC_RESULT_UNKNOWN;
	struct slice rest = payload, block;

	if (serialization != DUBBO_FASTJSON2 || dubbo_jsonb_take_block(&rest, &block) ||
	    dubbo_jsonb_take_number(&block, &result))
		return RPC_RESULT_UNKNOWN;
	return result < RPC_RESULT_EXCEPTION || result > RPC_RESULT_NULL_WITH_ATTACHMENTS
		       ? RPC_RESULT_UNKNOWN
		       : (enum rpc_result)result;
}

bool dubbo_answer_parts(struct slice payload, uint8_t serialization,
			struct dubbo_answer_parts *parts)
{
	enum rpc_result result = dubbo_result_read(payload, serialization);
	struct slice rest = payload, block;

	if (result == RPC_RESULT_UNKNOWN)
		return false;
	parts->result = result;
	parts->value_at = 1;
	if (serialization == DUBBO_FASTJSON2)
		parts->value_at =
			dubbo_jsonb_take_block(&rest, &block) ? 0 : payload.len - rest.len;
	parts->values = result != RPC_RESULT_NULL && result != RPC_RESULT_NULL_WITH_ATTACHMENTS;
	parts->has_attachments = result >= RPC_RESULT_EXCEPTION_WITH_ATTACHMENTS;
	return true;
}
