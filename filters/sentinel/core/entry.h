/* Entry: one call of a resource, from the question whether it may go on to its end.
 *
 *           sph_entry                    sph_resume after wait_ns
 *   (new) ────────────> ENTRY_WAIT ─────────────┬────────> ENTRY_PASS ──> sph_exit
 *            │   │          └──> sph_cancel     └────────> ENTRY_BLOCK
 *            │   └─────> ENTRY_PASS ──> sph_exit
 *            └─────────> ENTRY_BLOCK                       block: what blocked it
 *
 * The slots are asked in Sentinel's order: authority, system, hot parameters, flow, breakers. Some
 * make the call wait; the entry keeps where it is, and goes on with the next rule when the time has
 * come. Statistics are counted when all have been asked: a waiting call is in no count.
 *
 * A rule in cluster mode asks the token service, and waits for its answer: at most wait_ns, and
 * less if the caller wants to be woken.
 *
 * No heap, no lock, no clock. Owner: the caller, as are arguments and origin, until the end.
 * Thread: that of its worker. */
#ifndef SENTINEL_CORE_ENTRY_H
#define SENTINEL_CORE_ENTRY_H

#include "filters/sentinel/core/argument.h"
#include "filters/sentinel/core/instant.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/core/token_service.h"

enum entry_verdict {
	ENTRY_PASS,
	ENTRY_BLOCK,
	ENTRY_WAIT,
};

enum block_exception {
	BLOCK_NONE,
	BLOCK_AUTHORITY,
	BLOCK_SYSTEM,
	BLOCK_PARAM_FLOW,
	BLOCK_FLOW,
	BLOCK_DEGRADE,
};

/* Why a call was blocked. */
struct block {
	enum block_exception exception;
	enum system_limit system_limit;
	const struct rule *rule;         /* NULL: a system limit */
	const struct argument *argument; /* of BLOCK_PARAM_FLOW */
};

struct entry;

/* What is asked. resource or context NULL (too many of them): passes unchecked. */
struct entry_request {
	struct resource *resource;
	const struct context *context;
	struct slice origin; /* empty: unknown */
	const struct argument *args;
	uint32_t args_count;
	uint32_t count; /* of passes: 1 as a rule; counts for throttling, 0 is free of it */
	bool inbound;
	bool prioritized; /* may borrow from the next window */
	/* What the call waited for came before wait_ns was over (a token server's answer):
	 * sph_resume may be called now, though not from within. NULL: only time ends a wait. */
	void (*wake)(struct entry *entry);
	void *wake_arg; /* the caller's */
};

struct entry {
	struct sentinel *sentinel;
	struct entry_request request;
	struct default_node *default_node;  /* NULL: not checked, not counted */
	struct node *origin_node;           /* NULL: no origin */
	const struct resource_rules *rules; /* of the slot that is being asked */
	int64_t created_ms;
	int64_t wait_ns;      /* with ENTRY_WAIT: how long */
	uint32_t at, element; /* next rule of the slot, and element of its list argument */
	unsigned worker;
	enum entry_slot slot;
	bool confirms;      /* a limit, once counted: another worker may take the same last pass */
	bool asks;          /* waits for an answer to `token` */
	bool checks_again;  /* waits for a pass borrowed in a fallback */
	bool borrowed;      /* waits for a pass of the next window: nothing more is asked */
	bool error;         /* a business error was traced */
	struct block block; /* with ENTRY_BLOCK */
	struct token_ask token; /* what the token service was asked, if it was */
};

#endif
