#include "routing/rpc_match.h"

#include "message/rpc_head.h"
#include "routing/header_match.h"

unsigned rpc_match_looks_at(const struct rpc_match *match)
{
	unsigned bits = ROUTE_LOOKED_AT_PATH;

	if (match->headers || (match->needs && match->needs->attachments))
		bits |= ROUTE_LOOKED_AT_HEADERS;
	if (match->needs && match->needs->path_count)
		bits |= ROUTE_LOOKED_AT_ARGUMENTS;
	if (match->fraction)
		bits |= ROUTE_LOOKED_AT_RANDOM;
	return bits;
}

void rpc_match_prepare(struct route_match_input *input)
{
	struct slice path = input->path;
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
	size_t end = slash ? (size_t)(slash - path.data) : 0;
	bool has_slash = path.len && path.data[0] == '/';

	/* "/interface/method": a method holds no '/', an interface might. */
	if (end) {
		input->interface = slice_sub(path, has_slash, end);
		input->method = slice_sub(path, end + 1, path.len);
	} else {
		input->interface = slice_sub(path, has_slash, path.len);
		input->method = SLICE("");
	}
}

static struct argument_value of_text(struct slice text)
{
	return (struct argument_value){.kind = text.data ? ARGUMENT_STRING : ARGUMENT_ABSENT,
				       .text = text};
}

/* By its exact name, where messages have attachments; else the header field that carries it. */
static struct argument_value attachment_value(const struct headers *headers, struct slice name)
{
	const struct rpc_head *rpc = headers->rpc;

	if (rpc && rpc->has_attachments) {
		const struct rpc_attachment *item = rpc_attachment_find(rpc, name);
		if (!item)
			return of_text((struct slice){NULL, 0});
		/* Without a text it is there, and no more is said of it. */
		return (struct argument_value){.kind = item->value.data ? ARGUMENT_STRING
									: ARGUMENT_OBJECT,
					       .text = item->value};
	}
	if (rpc && rpc->protocol == RPC_DUBBO) /* they can't be read */
		return of_text((struct slice){NULL, 0});
	char *lower = arena_string(headers->arena, name);
	slice_copy_lower(lower, name);
	return of_text(
		headers_get_joined(headers, (struct slice){lower, name.len}, headers->arena));
}

struct argument_value rpc_condition_value(const struct rpc_condition *condition,
					  const struct call_needs *needs,
					  const struct route_match_input *input,
					  unsigned *looked_at)
{
	const struct headers *headers = input->headers;

	switch ((enum rpc_source)condition->source) {
	case RPC_SOURCE_METHOD:
		return of_text(input->method);
	case RPC_SOURCE_INTERFACE:
		return of_text(input->interface);
	case RPC_SOURCE_VERSION:
		return of_text(headers_get(headers, HEADER_TRI_SERVICE_VERSION));
	case RPC_SOURCE_ARGUMENT:
		*looked_at |= ROUTE_LOOKED_AT_ARGUMENTS;
		return call_facts_read(input, needs)->values[condition->slot];
	case RPC_SOURCE_GROUP:
	case RPC_SOURCE_APPLICATION:
	case RPC_SOURCE_ATTACHMENT:
		break;
	}
	*looked_at |= ROUTE_LOOKED_AT_HEADERS;
	call_facts_read(input, needs);
	if (condition->source == RPC_SOURCE_GROUP)
		return of_text(headers_get(headers, HEADER_TRI_SERVICE_GROUP));
	if (condition->source == RPC_SOURCE_APPLICATION)
		return of_text(headers_get(headers, HEADER_TRI_CONSUMER_APPNAME));
	return attachment_value(headers, slice_make(condition->name, condition->name_len));
}

bool rpc_match_test(const struct rpc_match *match, const struct route_match_input *input,
		    unsigned *looked_at)
{
	if (match->fraction) {
		*looked_at |= ROUTE_LOOKED_AT_RANDOM;
		if (!fraction_takes(*match->fraction, input->random))
			return false;
	}
	for (uint32_t i = 0; i < match->condition_count; i++) {
		const struct rpc_condition *condition = &match->conditions[i];
		struct argument_value value =
			rpc_condition_value(condition, match->needs, input, looked_at);
		if (!value_match_test(&condition->value, &value, input->headers->arena))
			return false;
	}
	if (!match->headers)
		return true;
	*looked_at |= ROUTE_LOOKED_AT_HEADERS;
	if (match->needs)
		call_facts_read(input, match->needs);
	return header_matches_test(match->headers, input->headers);
}
