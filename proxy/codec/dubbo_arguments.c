#include "codec/dubbo_arguments.h"

#include "codec/dubbo_frame.h"
#include "codec/hessian2.h"
#include "message/rpc_head.h"

int dubbo_count_arguments(struct slice types)
{
	int count = 0;

	for (size_t i = 0; i < types.len; i++, count++) {
		while (i < types.len && types.data[i] == '[')
			i++;
		if (i == types.len)
			return -1;
		if (types.data[i] == 'L')
			i = slice_find_char(types, ';', i);
		else if (!memchr("VZBCDFIJS", types.data[i], 9))
			return -1;
		if (i == types.len)
			return -1;
	}
	return count;
}

bool dubbo_argument(const struct headers *headers, unsigned index, struct slice *text)
{
	const struct rpc_head *rpc = headers->rpc;
	struct hessian2_reader reader;

	if (!rpc || rpc->protocol != RPC_DUBBO || rpc->serialization != DUBBO_HESSIAN2 ||
	    !rpc->payload.data || !rpc->arguments_at)
		return false;
	int count = dubbo_count_arguments(rpc->param_types);
	if (count < 0 || index >= (unsigned)count)
		return false;
	hessian2_init(&reader, rpc->payload, headers->arena);
	reader.pos = rpc->arguments_at;
	for (unsigned i = 0; i < index; i++)
		if (hessian2_skip(&reader))
			return false;
	if (hessian2_read_text(&reader, text) || !text->data)
		return false;
	*text = arena_slice(headers->arena, *text);
	return true;
}
