/* The calls that wait for an answer on one upstream connection, found by the id that the proxy gave
 * them.
 *
 *   id on the wire: [0][generation, 31 bits][index, 32 bits] ─> calls[index], free ones in a chain
 *
 * A slot's generation moves on when its call ends: a late, repeated or forged answer names an old
 * one and finds nothing, so a slot is free again at once. Owner: the client codec. Thread: its
 * worker. Size: up to the most calls ever in flight, 24 bytes each. */
#ifndef CODEC_DUBBO_CALLS_H
#define CODEC_DUBBO_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "codec/codec.h"

enum { DUBBO_NO_CALL = UINT32_MAX };

struct dubbo_call {
	struct exchange *exchange; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
	uint8_t flag;    /* of its request frame */
	bool is_on_wire; /* the request has been written */
	bool is_passed;  /* its answer is passed on as it comes */
};

struct dubbo_calls {
	struct dubbo_call *calls;
	uint32_t capacity, open; /* open: calls in use */
	uint32_t first_free;
};

static inline void dubbo_calls_init(struct dubbo_calls *calls)
{
	*calls = (struct dubbo_calls){.first_free = DUBBO_NO_CALL};
}

void dubbo_calls_fini(struct dubbo_calls *calls);

/* Makes room; all slots are in use. */
COLD void dubbo_calls_grow(struct dubbo_calls *calls);

/* Takes a slot for the exchange; its index. */
static inline uint32_t dubbo_calls_add(struct dubbo_calls *calls, struct exchange *exchange,
				       uint8_t flag)
{
	if (UNLIKELY(calls->first_free == DUBBO_NO_CALL))
		dubbo_calls_grow(calls);
	uint32_t index = calls->first_free;
	struct dubbo_call *call = &calls->calls[index];
	calls->first_free = call->next_free;
	calls->open++;
	call->exchange = exchange;
	call->flag = flag;
	call->is_on_wire = call->is_passed = false;
	return index;
}

static inline void dubbo_calls_remove(struct dubbo_calls *calls, uint32_t index)
{
	struct dubbo_call *call = &calls->calls[index];

	call->exchange = NULL;
	call->generation = (call->generation + 1) & INT32_MAX;
	call->next_free = calls->first_free;
	calls->first_free = index;
	calls->open--;
}

static inline uint64_t dubbo_calls_id(const struct dubbo_calls *calls, uint32_t index)
{
	return (uint64_t)calls->calls[index].generation << 32 | index;
}

/* The call that waits for an answer with this id, or NULL. */
static inline const struct dubbo_call *dubbo_calls_find(const struct dubbo_calls *calls,
							uint64_t id)
{
	uint32_t index = (uint32_t)id;

	if (UNLIKELY(index >= calls->capacity))
		return NULL;
	const struct dubbo_call *call = &calls->calls[index];
	return call->generation == id >> 32 && call->exchange && call->is_on_wire ? call : NULL;
}

#endif
