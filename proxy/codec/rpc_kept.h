/* The head of a call as its worker keeps it for later calls that begin alike: the part of it that
 * is the same in every RPC protocol.
 *
 * First member of what a codec's table keeps (dubbo_heads.h), which is a block of malloc's.
 * Owner: who holds it: the table, while it stands there, and each call that goes without a stream.
 * Thread: its worker. */
#ifndef CODEC_RPC_KEPT_H
#define CODEC_RPC_KEPT_H

#include <stdint.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "message/rpc_head.h"

struct rpc_decisions;

struct rpc_kept {
	uint32_t holds;
	struct rpc_memo memo; /* what the worker remembers of calls with this head */
	/* Likewise, of what else they say (manager/rpc_decisions.h): one block of malloc's; NULL:
	 * nothing. */
	struct rpc_decisions *decisions;
};

enum { RPC_CALL_ARGUMENTS = 4 };

/* The bytes that some of a call's values are made of: equal bytes, equal values. */
struct rpc_call_bytes {
	/* Of arguments, then of attachments that count by their names. .len 0: there is none */
	struct slice arguments[RPC_CALL_ARGUMENTS];
	uint32_t count;
	struct slice attachments; /* all of them; .len 0: they don't matter, or there are none */
};

/* It stays as it is until its release, whatever takes its place in the table. */
static inline void rpc_kept_hold(struct rpc_kept *kept)
{
	kept->holds++;
}

static inline void rpc_kept_release(struct rpc_kept *kept)
{
	if (LIKELY(--kept->holds))
		return;
	free(kept->decisions);
	free(kept);
}

#endif
