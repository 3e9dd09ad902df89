/* One call of a scenario: an entry, or two: of an interface and, in it, of a method.
 *
 * Owner: the program. */
#ifndef TESTS_SENTINEL_CALL_H
#define TESTS_SENTINEL_CALL_H

#include "scenario.h"

enum call_state {
	CALL_NEW,
	CALL_WAITS,
	CALL_RUNS,
	CALL_OVER,
};

struct call {
	struct entry entries[2];
	unsigned entry_count, at; /* which of them is asked */
	enum call_state state;
	json_t *result;
	int64_t waited_ns;
	const json_t *event;
	/* of rules in cluster mode: what the event says, what was asked, when the answer comes */
	json_t *asked;
	struct token_answer answer;
	int64_t answer_after_ms;
};

/* Asks the first, or only, entry. */
enum entry_verdict call_begin(struct call *call, struct scenario *scenario, const json_t *event,
			      size_t number);
/* The wait is over. */
enum entry_verdict call_resume(struct call *call, struct scenario *scenario);
/* It passed, and is over. */
void call_finish(struct call *call, struct scenario *scenario);
/* It waits, and never goes on. */
void call_cancel(struct call *call, struct scenario *scenario);

/* Whether scenario_hand_over may come now: not while it waits at rules that hold no more. */
bool call_can_move(const struct call *call, const struct scenario *scenario);
/* It goes on in the scenario's core, which wasn't there when it began. */
void call_move(struct call *call, struct scenario *scenario);

/* How long until call_resume: its wait, or the answer of the token service. Waits of calls count,
 * those for answers don't. */
int64_t call_wait_ns(struct call *call);

/* The scripted token service: it answers what the event's "tokens" say. */
extern const struct token_service call_tokens;

#endif
