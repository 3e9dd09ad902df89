#include "codec/bolt_arguments.h"

#include "codec/bolt_head.h"
#include "codec/hessian2_grammar.h"
#include "codec/sofa_hessian.h"
#include "codec/sofa_props.h"
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

static struct slice content_of(const struct rpc_head *rpc)
{
	size_t at = (size_t)rpc->bolt->class_len + rpc->bolt->headers_len;
	return slice_sub(rpc->payload, at, rpc->payload.len);
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
	return sofa_request_argument(content_of(rpc), grammar, path, headers->arena, value);
}

/* The last of that very name, as in Java; .data NULL: there is none. */
static struct slice field_of(const struct rpc_head *rpc, struct slice name)
{
	for (uint32_t i = rpc->attachment_count; i--;)
		if (slice_equal(rpc->attachments[i].name, name))
			return rpc->attachments[i].value;
	return (struct slice){NULL, 0};
}

bool bolt_request_agrees(const struct rpc_head *rpc, struct arena *arena)
{
	const struct hessian2_grammar *grammar = bolt_grammar(rpc->serialization);
	struct slice service, target, method;
	size_t from, to;

	if (!rpc->has_attachments)
		return false;
	if (!slice_equal(bolt_class_name(rpc->payload, rpc->bolt), BOLT_SOFA_REQUEST))
		return true; /* its class says all */
	service = field_of(rpc, SLICE("service"));
	target = field_of(rpc, SLICE("sofa_head_target_service"));
	if (service.data && target.data && !slice_equal(service, target))
		return false;
	return !grammar || /* the header map says all */
	       (sofa_method_find(content_of(rpc), grammar, arena, &method, &from, &to) &&
		slice_equal(method, rpc->method));
}
