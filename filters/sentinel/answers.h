/* Good answers of one worker, kept for requests that are blocked later.
 *
 *   key ─> answer          newest last; over the limit of bytes the oldest go
 *   (resource, what was asked for)
 *
 * Whoever asks for one looks whether it fits the request: how old it is, which header fields it
 * depends on. Owner: an application, one for each of its workers. Thread: that worker's. Limits:
 * bytes of all answers and of one, given with each that is put; ANSWER_KEY_MAX. */
#ifndef FILTERS_SENTINEL_ANSWERS_H
#define FILTERS_SENTINEL_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"
#include "message/headers.h"
#include "stream/rpc_answer.h"

enum {
	ANSWER_KEY_MAX = 4096,
	ANSWER_REFRESH_MS = 1000, /* one is copied no more often */
};

struct answer_field {
	struct slice name, value;
};

/* One block of memory with all its texts. */
struct kept_answer {
	struct list_node link;         /* in the order of their putting */
	struct kept_answer *same_head; /* the next one there */
	uint64_t hash, put_ms;
	size_t size; /* what counts against the limit */
	struct slice key, body;
	struct slice varies;   /* values of the request's fields that it depends on; "" : of none */
	struct rpc_answer rpc; /* protocol RPC_NONE: of HTTP */
	uint32_t field_count;
	struct answer_field fields[];
};

/* What is put: copied. */
struct answer_parts {
	struct slice key, body, varies;
	const struct headers *headers;
	uint64_t now_ms;
};

struct answers;

/* One a worker. Returns owned. */
struct answers *answers_new(unsigned workers);
void answers_free(struct answers *all, unsigned workers);
struct answers *answers_of(struct answers *all, unsigned worker);

/* NULL: there is none. Good until the next is put. */
const struct kept_answer *answers_find(const struct answers *answers, struct slice key);

/* Takes the place of the one with that key. What is larger than bytes_max isn't kept: false. */
bool answers_put(struct answers *answers, const struct answer_parts *parts, size_t bytes_max);

uint32_t answers_count(const struct answers *answers);
size_t answers_bytes(const struct answers *answers);

#endif
