/* The token service: whom rules in cluster mode ask, instead of counting themselves (TokenService).
 *
 *   slot ── ask ──> service            at once: OK, BLOCKED, FAIL (the rule falls back) …
 *     ^ └─ ENTRY_WAIT, timeout_ns ──>  TOKEN_PENDING: the call waits, the answer wakes it
 *     └── token_ask_answer ─────────┘  none in time: forgotten, as if it had said FAIL
 *
 * Nothing blocks: a question that is under way is a wait like any other, and what its rule says
 * about failures is done when the time is over.
 *
 * Owner: who made the sentinel, longer than that lives. Thread: ask, forget and the answer on the
 * call's worker. */
#ifndef SENTINEL_CORE_TOKEN_SERVICE_H
#define SENTINEL_CORE_TOKEN_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct argument;

/* TokenResultStatus, as it is on the wire. Others block, as those above NO_RULE_EXISTS do. */
enum token_status {
	TOKEN_BAD_REQUEST = -4,
	TOKEN_TOO_MANY_REQUEST = -2,
	TOKEN_FAIL = -1,
	TOKEN_OK = 0,
	TOKEN_BLOCKED = 1,
	TOKEN_SHOULD_WAIT = 2,
	TOKEN_NO_RULE_EXISTS = 3,
	TOKEN_NO_REF_RULE_EXISTS = 4,
	TOKEN_NOT_AVAILABLE = 5,
	TOKEN_PENDING = 1000, /* no answer yet: never on the wire */
};

struct token_answer {
	int32_t status;  /* enum token_status */
	int32_t wait_ms; /* of TOKEN_SHOULD_WAIT */
};

/* One question, from ask to its answer. */
struct token_ask {
	int64_t flow_id;
	uint32_t count;
	bool prioritized;
	bool is_param;                 /* of a hot-parameter rule; else of a flow rule */
	const struct argument *params; /* the values, perhaps none */
	uint32_t params_count;
	struct token_answer answer;
	void (*answered)(struct token_ask *ask); /* the answer came later; NULL: nobody waits */
	void *state;                             /* the service's, while the answer is pending */
};

struct token_service {
	/* Fills ask->answer; TOKEN_PENDING: token_ask_answer() follows, unless it is forgotten. */
	void (*ask)(void *arg, unsigned worker, struct token_ask *ask);
	/* Of a pending one: no answer is wanted any more. */
	void (*forget)(void *arg, unsigned worker, struct token_ask *ask);
	void *arg;
	_Atomic int64_t timeout_ns; /* how long a call waits for an answer. Any thread */
};

/* The answer of a pending question, by its service: not within ask or forget. The call may be over,
 * and the question gone, when it returns. */
static inline void token_ask_answer(struct token_ask *ask, struct token_answer answer)
{
	ask->answer = answer;
	ask->state = (void *)0;
	if (ask->answered)
		ask->answered(ask);
}

#endif
