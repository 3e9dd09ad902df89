/* The head of a call as its worker keeps it for later calls that begin alike: the part of it that
 * is the same in every RPC protocol.
 *
 * First member of what a codec's table keeps (dubbo_heads.h), which is one block of malloc's.
 * Owner: who holds it: the table, while it stands there, and each call that goes without a stream.
 * Thread: its worker. */
#ifndef CODEC_RPC_KEPT_H
#define CODEC_RPC_KEPT_H

#include <stdint.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "message/rpc_head.h"

struct rpc_kept {
	uint32_t holds;
	struct rpc_memo memo; /* what the worker remembers of calls with this head */
};

/* It stays as it is until its release, whatever takes its place in the table. */
static inline void rpc_kept_hold(struct rpc_kept *kept)
{
	kept->holds++;
}

static inline void rpc_kept_release(struct rpc_kept *kept)
{
	if (UNLIKELY(!--kept->holds))
		free(kept);
}

#endif
