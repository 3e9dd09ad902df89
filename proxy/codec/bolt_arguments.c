#include "codec/bolt_arguments.h"

#include "codec/bolt_head.h"
#include "codec/hessian2_grammar.h"
#include "codec/sofa_hessian.h"
#include "codec/sofa_request.h"
#include "message/argument_path.h"

const struct hessian2_grammar *bolt_grammar(uint8_t serialization)
{
	switch (serialization) {
	case BOLT_SOFA_HESSIAN:
		return &sofa_hessian_grammar;
	case BOLT_HESSIAN2:
		return &hessian2_grammar;
	default:
		return NULL;
	}
}

enum status bolt_argument_value(const struct headers *headers, const struct argument_path *path,
				struct argument_value *value)
{
	const struct rpc_head *rpc = headers->rpc;
	const struct hessian2_grammar *grammar = NULL;

	if (rpc && rpc->protocol == RPC_BOLT && rpc->payload.data)
		grammar = bolt_grammar(rpc->serialization);
	if (!grammar || !slice_equal(bolt_class_name(rpc->payload, rpc->bolt), BOLT_SOFA_REQUEST))
		return STATUS_UNSUPPORTED;
	size_t at = (size_t)rpc->bolt->class_len + rpc->bolt->headers_len;
	return sofa_request_argument(slice_sub(rpc->payload, at, rpc->payload.len), grammar, path,
				     headers->arena, value);
}
