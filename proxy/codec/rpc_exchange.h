/* What the codecs of RPC protocols do alike with an exchange, on either side.
 *
 * Owner of all that is given: the codec. Thread: its worker. */
#ifndef CODEC_RPC_EXCHANGE_H
#define CODEC_RPC_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/codec.h"
#include "codec/open_calls.h"

/* A whole message's events, `headers` with its payload at hand (nothing, if it isn't contiguous):
 * it can be read then, and only then. *current: where detaching the exchange leaves NULL. False: it
 * was detached meanwhile. */
static inline bool rpc_exchange_deliver(struct exchange *exchange, struct exchange **current,
					struct headers *headers, struct rpc_head *head,
					struct slice payload, struct buf *data)
{
	const struct codec_events *events = exchange->codec->events;
	bool is_end = !data;

	head->payload = payload;
	*current = exchange;
	events->headers(exchange, headers, is_end);
	if (UNLIKELY(*current != exchange))
		return false;
	head->payload = (struct slice){NULL, 0};
	if (UNLIKELY(is_end))
		return true;
	events->data(exchange, data, true);
	return *current == exchange;
}

enum { RPC_IDS_LOOKED_AT = 256 };

/* Server: whether an open exchange has that id. Among many open ones it isn't looked for
 * everywhere. */
static inline bool rpc_exchange_has_id(const struct list_node *open, uint64_t id)
{
	const struct list_node *node = open->next;

	for (unsigned i = 0; i < RPC_IDS_LOOKED_AT && node != open; i++, node = node->next)
		if (container_of(node, struct exchange, link)->wire_id == id)
			return true;
	return false;
}

/* Client: why a request can't be sent; REPLY_NONE: it can. most: calls open at a time. */
static inline enum reply_reason rpc_exchange_refusal(const struct codec *codec,
						     const struct open_calls *calls, uint32_t most,
						     const struct rpc_head *rpc, uint8_t protocol)
{
	if (UNLIKELY(codec->is_failed))
		return REPLY_CONNECTION_LOST;
	if (UNLIKELY(calls->open >= most))
		return REPLY_OVERFLOW;
	return LIKELY(rpc && rpc->protocol == protocol) ? REPLY_NONE : REPLY_INTERNAL_ERROR;
}

/* Client: attaches the exchange of a whole frame that is passed on, whose answer is, too; its slot
 * is in exchange->slot. */
static inline void rpc_exchange_attach_passed(struct exchange *exchange, struct codec *codec,
					      struct open_calls *calls, uint8_t flag)
{
	uint32_t index = open_calls_add(calls, exchange, flag);
	struct open_call *call = &calls->calls[index];

	call->is_on_wire = call->is_passed = true;
	exchange->codec = codec;
	exchange->state = NULL;
	exchange->slot = index;
	exchange->read_pauses = 0;
	exchange->is_oneway = exchange->is_received = false;
	exchange->is_sent = true;
}

#endif
