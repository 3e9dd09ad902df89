/* What a Bolt request's header map says of where it goes: SOFA's service and method.
 *
 *   sofa_head_target_service (or service): interface:version[:unique id]     sofa_head_method_name
 *
 * A message of plain Bolt has no such names: its class name stands for the service, and it has no
 * method. Pure functions. Thread: any. */
#ifndef CODEC_BOLT_HEAD_H
#define CODEC_BOLT_HEAD_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "codec/bolt_frame.h"
#include "message/rpc_head.h"

#define BOLT_SOFA_REQUEST SLICE("com.alipay.sofa.rpc.core.request.SofaRequest")
#define BOLT_SOFA_RESPONSE SLICE("com.alipay.sofa.rpc.core.response.SofaResponse")

/* As they stand on the wire; they borrow the payload. */
struct bolt_names {
	struct slice target; /* never empty */
	struct slice method; /* "" if there is none */
};

static inline struct slice bolt_class_name(struct slice payload, const struct bolt_frame *frame)
{
	return slice_sub(payload, 0, frame->class_len);
}

static inline struct slice bolt_header_map(struct slice payload, const struct bolt_frame *frame)
{
	return slice_sub(payload, frame->class_len, (size_t)frame->class_len + frame->headers_len);
}

/* Whether bolt_names_read asks for the value of that name. */
bool bolt_name_leads(struct slice name);

/* payload: the whole one. STATUS_MALFORMED: the map of a SofaRequest is broken, or nothing says
 * where the request goes. STATUS_TOO_LARGE: class name or map over BOLT_SECTION_LIMIT. */
MUST_CHECK enum status bolt_names_read(struct slice payload, const struct bolt_frame *frame,
				       struct bolt_names *names);

/* Sets service, service_version and method, and *group to the unique id; they borrow the names.
 * STATUS_MALFORMED: no service, control characters, or a '/' in the method. */
MUST_CHECK enum status bolt_names_split(const struct bolt_names *names, struct rpc_head *head,
					struct slice *group);

/* What an answer of status 0 with this header map holds: SOFA's header says whether the service (or
 * SOFA) has failed. */
enum rpc_result bolt_result_read(struct slice map);

/* The same of a whole answer of any status. */
static inline enum rpc_result bolt_frame_result(struct slice bytes)
{
	struct slice map = bolt_answer_map(bytes);

	if (UNLIKELY(bolt_frame_status(bytes) != BOLT_OK))
		return RPC_RESULT_UNKNOWN;
	return LIKELY(!map.len) ? RPC_RESULT_VALUE : bolt_result_read(map);
}

#endif
