#include "message/rpc_head.h"

#include "message/headers.h"

bool rpc_received_has(const struct rpc_received *received, uint32_t from,
		      const struct header *header)
{
	for (uint32_t i = from; i < received->count; i++) {
		const struct header *old = &received->items[i];
		if (slice_equal(header_name(old), header_name(header)) &&
		    slice_equal(header_value(old), header_value(header)))
			return true;
	}
	return false;
}
