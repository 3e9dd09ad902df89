/* What stands at the front of a Dubbo body: of a request five strings, of an answer the kind of its
 * result.
 *
 *   request: protocol version | service | service version | method | parameter types | arguments …
 *   answer:  result kind | value or exception | attachments
 *
 * Hessian2, fastjson2's JSONB, and the five strings in those of dubbo_foreign.h; the rest of the
 * body isn't looked at. Pure functions. Thread: any. */
#ifndef CODEC_DUBBO_HEAD_H
#define CODEC_DUBBO_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "codec/dubbo_frame.h"
#include "message/rpc_head.h"

enum { DUBBO_HEAD_LIMIT = 65535 }; /* bytes of the five strings together */

/* Sets the five slices, which borrow payload, and arguments_at (0: the rest can't be read). The
 * service version may be null. Of a generic call (head->kind) the method is the one that its first
 * argument names. STATUS_MALFORMED: broken, or a string holds control characters, service or method
 * are empty, the method has a '/', a generic call names none; STATUS_TOO_LARGE: over
 * DUBBO_HEAD_LIMIT; STATUS_UNSUPPORTED: a serialization that isn't known here. */
MUST_CHECK enum status dubbo_head_read(struct slice payload, uint8_t serialization,
				       struct rpc_head *head);

/* What follows the kind of an answer's result. */
struct dubbo_answer_parts {
	enum rpc_result result;
	size_t value_at;      /* in the payload */
	int values;           /* 1: a value or an exception stands there; 0: none */
	bool has_attachments; /* and behind it, attachments */
};

/* False: the kind isn't one of the six. */
bool dubbo_answer_parts(struct slice payload, uint8_t serialization,
			struct dubbo_answer_parts *parts);

enum rpc_result dubbo_result_read_slow(struct slice payload, uint8_t serialization);

/* What an answer of status 20 holds. */
static inline enum rpc_result dubbo_result_read(struct slice payload, uint8_t serialization)
{
	if (UNLIKELY(serialization != DUBBO_HESSIAN2 || !payload.len))
		return dubbo_result_read_slow(payload, serialization);
	unsigned result = (uint8_t)payload.data[0] - 0x90u;
	return result > RPC_RESULT_NULL_WITH_ATTACHMENTS ? RPC_RESULT_UNKNOWN
							 : (enum rpc_result)result;
}

#endif
