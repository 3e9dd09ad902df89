/* The calls that wait for an answer on one upstream connection, found by the id that the proxy gave
 * them: what the codecs of multiplexed RPC protocols share.
 *
 *   id on the wire: [generation][index] ─> calls[index], free ones in a queue
 *
 * A slot's generation moves on when its call ends: a late, repeated or forged answer names an old
 * one and finds nothing, so a slot is free again at once. Free slots are taken in the order in
 * which they became free, so that an id whose generation is short comes back late. How many bits of
 * an id are which is the codec's word. Owner: the client codec. Thread: its worker. Size: the
 * next power of 2 (from 16 on) above the most calls ever in flight, 24 bytes each. */
#ifndef CODEC_OPEN_CALLS_H
#define CODEC_OPEN_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "codec/codec.h"

enum { OPEN_CALLS_NONE = UINT32_MAX };

struct open_call {
	struct exchange *exchange; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
	uint8_t flag;           /* the codec's */
	bool is_on_wire;        /* the request has been written */
	bool is_passed;         /* its answer is passed on as it comes */
	bool wants_attachments; /* unless passed: its answer's are to be headers */
};

struct open_calls {
	struct open_call *calls;
	uint32_t capacity, open; /* open: calls in use */
	uint32_t first_free, last_free;
};

static inline void open_calls_init(struct open_calls *calls)
{
	*calls = (struct open_calls){.first_free = OPEN_CALLS_NONE};
}

/* Frees the table. Whoever is still in it isn't told. */
void open_calls_fini(struct open_calls *calls);

/* Makes room; all slots are in use. */
COLD void open_calls_grow(struct open_calls *calls);

/* Takes a slot for the exchange; its index. */
static inline uint32_t open_calls_add(struct open_calls *calls, struct exchange *exchange,
				      uint8_t flag)
{
	if (UNLIKELY(calls->first_free == OPEN_CALLS_NONE))
		open_calls_grow(calls);
	uint32_t index = calls->first_free;
	struct open_call *call = &calls->calls[index];
	calls->first_free = call->next_free;
	calls->open++;
	call->exchange = exchange;
	call->flag = flag;
	call->is_on_wire = call->is_passed = false;
	return index;
}

/* Ends the call: its slot is the last to be taken again. */
static inline void open_calls_remove(struct open_calls *calls, uint32_t index)
{
	struct open_call *call = &calls->calls[index];

	call->exchange = NULL;
	call->generation = (call->generation + 1) & INT32_MAX;
	call->next_free = OPEN_CALLS_NONE;
	if (UNLIKELY(calls->first_free == OPEN_CALLS_NONE))
		calls->first_free = index;
	else
		calls->calls[calls->last_free].next_free = index;
	calls->last_free = index;
	calls->open--;
}

/* The exchange is in the slot that it names. */
static inline bool open_calls_has(const struct open_calls *calls, const struct exchange *exchange)
{
	return exchange->slot < calls->capacity &&
	       calls->calls[exchange->slot].exchange == exchange;
}

/* The call that waits for an answer under this index and generation, or NULL. mask: the bits of the
 * generation that its id holds. */
static inline const struct open_call *
open_calls_find(const struct open_calls *calls, uint32_t index, uint64_t generation, uint32_t mask)
{
	if (UNLIKELY(index >= calls->capacity))
		return NULL;
	const struct open_call *call = &calls->calls[index];
	return (call->generation & mask) == generation && call->exchange && call->is_on_wire ? call
											     : NULL;
}

#endif
