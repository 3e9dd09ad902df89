/* The content of a SOFA call on Bolt, its arguments above all, read only when somebody asks.
 *
 * Thread: the stream's. */
#ifndef CODEC_BOLT_ARGUMENTS_H
#define CODEC_BOLT_ARGUMENTS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"
#include "message/argument_value.h"
#include "message/headers.h"

struct hessian2_grammar;

/* The grammar that SOFA's objects are written in; NULL: another serialization. */
const struct hessian2_grammar *bolt_grammar(uint8_t serialization);

/* What stands at the path (argument_read). Of SOFA requests in sofa-hessian and Hessian2;
 * STATUS_UNSUPPORTED: of none other. */
MUST_CHECK enum status bolt_argument_value(const struct headers *headers,
					   const struct argument_path *path,
					   struct argument_value *value);

/* Whether a stock provider would run what the call is routed by: it obeys the method in a
 * SofaRequest, and `service` before sofa_head_target_service. False also for what can't be read.
 * Only after bolt_read_fields, with the payload. */
bool bolt_request_agrees(const struct rpc_head *rpc, struct arena *arena);

#endif
