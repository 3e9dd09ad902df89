#include "stream/rpc_answer.h"

#include "base/arena.h"
#include "codec/bolt_frame.h"
#include "message/rpc_head.h"

_Static_assert(sizeof(struct bolt_frame) <= RPC_ANSWER_FRAME, "room for its fields");

void rpc_answer_keep(struct rpc_answer *answer, const struct rpc_head *head)
{
	*answer = (struct rpc_answer){.protocol = RPC_NONE};
	if (!head)
		return;
	answer->protocol = head->protocol;
	answer->serialization = head->serialization;
	answer->result = head->result;
	answer->status = head->status;
	if (head->bolt)
		memcpy(answer->frame, head->bolt, sizeof *head->bolt);
}

struct rpc_head *rpc_answer_head(const struct rpc_answer *answer, struct arena *arena)
{
	struct rpc_head *head;

	if (answer->protocol == RPC_NONE)
		return NULL;
	head = ARENA_NEW(arena, struct rpc_head);
	*head = (struct rpc_head){
		.protocol = answer->protocol,
		.serialization = answer->serialization,
		.result = answer->result,
		.status = answer->status,
		.is_local = true,
	};
	if (answer->protocol == RPC_BOLT) {
		struct bolt_frame *frame = ARENA_NEW(arena, struct bolt_frame);
		memcpy(frame, answer->frame, sizeof *frame);
		head->bolt = frame;
	}
	return head;
}
