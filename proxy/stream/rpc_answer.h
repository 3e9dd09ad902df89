/* What a codec must know of an RPC answer to give it once more, apart from the stream that had it.
 *
 * Owner: whoever keeps the answer; no pointers. Thread: any. */
#ifndef STREAM_RPC_ANSWER_H
#define STREAM_RPC_ANSWER_H

#include <stdint.h>

struct arena;
struct rpc_head;

enum { RPC_ANSWER_FRAME = 40 };

struct rpc_answer {
	uint8_t protocol; /* enum rpc_protocol */
	uint8_t serialization;
	int8_t result; /* enum rpc_result */
	uint16_t status;
	_Alignas(8) char frame[RPC_ANSWER_FRAME]; /* of Bolt: its fixed header's fields */
};

/* head NULL: of an answer that is none. */
void rpc_answer_keep(struct rpc_answer *answer, const struct rpc_head *head);

/* A head for the answer, as of one that the proxy makes itself, in the arena. NULL: it is none. */
struct rpc_head *rpc_answer_head(const struct rpc_answer *answer, struct arena *arena);

#endif
