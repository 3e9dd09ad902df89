/* The arguments of a SOFA call on Bolt, read only when somebody asks.
 *
 * Thread: the stream's. */
#ifndef CODEC_BOLT_ARGUMENTS_H
#define CODEC_BOLT_ARGUMENTS_H

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

#endif
