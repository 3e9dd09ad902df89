/* A worker's side of a token client: which of its calls wait for which answer.
 *
 * A call may be gone when its answer comes: each place has a number that changes with every use,
 * and an answer to an older one is dropped.
 *
 * Owner: the token client. Thread: its worker's. */
#ifndef SENTINEL_CLUSTER_TOKEN_DESK_H
#define SENTINEL_CLUSTER_TOKEN_DESK_H

#include "filters/sentinel/cluster/doorbell.h"
#include "filters/sentinel/cluster/token_counts.h"
#include "filters/sentinel/core/token_service.h"

/* One question on its way to the client and, with an answer, back. */
struct question {
	struct note note;
	struct token_desk *desk;
	uint32_t place, use; /* whose it is, on the desk */
	uint64_t sent_ms;    /* the client's */
	struct token_answer answer;
	uint32_t size;
	char frame[];
};

struct token_place {
	struct token_ask *ask; /* NULL: free */
	uint32_t use;
	uint32_t next_free; /* number + 1 */
};

struct token_desk {
	struct doorbell bell;        /* answers */
	struct token_counts *counts; /* the client's */
	struct token_place *places;
	uint32_t count, room, first_free; /* number + 1, 0: none */
	bool is_open;
};

enum status MUST_CHECK token_desk_open(struct token_desk *desk, struct loop *loop,
				       struct token_counts *counts);
void token_desk_close(struct token_desk *desk);
/* Frees what is left, when nobody puts answers any more. */
void token_desk_fini(struct token_desk *desk);

/* Puts the call on the desk, and its place into the question. */
void token_desk_add(struct token_desk *desk, struct token_ask *ask, struct question *question);
/* Takes it off. */
void token_desk_forget(struct token_desk *desk, struct token_ask *ask);

/* Counts an answer and sends it back, which takes the question. Any thread. */
void token_desk_answer(struct question *question, struct token_answer answer);

#endif
