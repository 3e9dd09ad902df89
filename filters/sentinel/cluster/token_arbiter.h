/* What decides for a token server: may a client have so many tokens of a flow (DefaultTokenService,
 * ClusterFlowChecker, ClusterParamFlowChecker)?
 *
 *   question ─ flow id ─> flow ─ its name space's guard ─> limit ─┬─ OK, remaining
 *              │ none        └ too many questions a second ┐      ├─ SHOULD_WAIT (prioritized)
 *              └─ NO_RULE_EXISTS                           │      └─ BLOCKED
 *                                    TOO_MANY_REQUEST <────┘
 *
 * A name space is a group of clients (connected), a guard, and, while it is served, rules;
 * "default" always is. A limit is the rule's count, or that for each client that is connected.
 *
 * Owner: a token server. Thread: one at a time. Pure: the time is an argument, and should not go
 * back. Limits: TOKEN_NAME_*, of names that are served; others are there as long as a client is. */
#ifndef SENTINEL_CLUSTER_TOKEN_ARBITER_H
#define SENTINEL_CLUSTER_TOKEN_ARBITER_H

#include "base/list.h"
#include "base/map.h"
#include "filters/sentinel/cluster/token_flows.h"

struct token_request;
struct token_response;

enum {
	TOKEN_NAME_SPACES_MAX = 1000,
	TOKEN_NAME_MAX = 255, /* bytes of a name */
	TOKEN_GUARD_WINDOWS = 10,
	TOKEN_GUARD_WINDOW_MS = 100,
};

/* ServerFlowConfig, for all name spaces. */
struct token_arbiter_config {
	double exceed_count;     /* limits of flow rules are multiplied by it */
	double max_occupy_ratio; /* of a limit: how much may be borrowed */
	double max_allowed_qps;  /* questions a second that a name space's guard lets through */
	int32_t interval_ms, sample_count; /* when they change: of all windows there are */
};

#define TOKEN_ARBITER_DEFAULTS ((struct token_arbiter_config){1.0, 1.0, 30000.0, 1000, 10})

struct token_name_space {
	struct list_node link; /* in arbiter->name_spaces */
	struct slice name;     /* heap */
	bool is_served;
	uint32_t connected;                     /* clients */
	struct token_rules *rules[TOKEN_KINDS]; /* owned; NULL: none */
	struct {
		int64_t number, count;
	} guard[TOKEN_GUARD_WINDOWS];
};

/* Questions by their answers. */
struct token_answers {
	uint64_t ok, should_wait, blocked, no_rule, too_many, bad;
};

/* What became of a question that a flow's limit was asked. */
struct token_decision {
	enum token_kind kind;
	int32_t status; /* enum token_status */
	const struct token_request *request;
	const struct argument
		*refused; /* of a hot-parameter rule: the value without room, or NULL */
};

/* Hears of decisions, on the thread that asked. fn NULL: nobody. */
struct token_observer {
	void (*fn)(void *arg, const struct token_decision *decision, int64_t now_ms);
	void *arg;
};

struct token_arbiter {
	struct list_node name_spaces;
	struct map by_name;
	uint64_t seed; /* of values' fingerprints */
	struct token_arbiter_config config;
	struct token_flows flows;
	struct token_answers answers;
	struct token_observer observer;
};

/* "default" is served, without rules. */
void token_arbiter_init(struct token_arbiter *arbiter, uint64_t seed);
void token_arbiter_fini(struct token_arbiter *arbiter);

/* From now on. One that isn't valid (a negative, windows that can't be) changes nothing. */
void token_arbiter_configure(struct token_arbiter *arbiter,
			     const struct token_arbiter_config *config);

/* These, and "default", are served from now on; the rules of others are forgotten. Names that are
 * blank, too long or too many are left out. */
void token_arbiter_serve(struct token_arbiter *arbiter, const struct slice *names, size_t count);

/* The name space's rules of that kind from now on. Takes them. False: it isn't served, and nothing
 * changes, as in Java. */
bool token_arbiter_set_rules(struct token_arbiter *arbiter, struct slice name,
			     struct token_rules *rules);

/* A client more, or less, of that name. join: NULL if the name is blank or too long. */
struct token_name_space *token_arbiter_join(struct token_arbiter *arbiter, struct slice name);
void token_arbiter_leave(struct token_arbiter *arbiter, struct token_name_space *name_space);

/* NULL: none. */
struct token_name_space *token_arbiter_find(const struct token_arbiter *arbiter, struct slice name);

/* Answers a FLOW or PARAM_FLOW: fills *response, xid and type with those of the question. */
void token_arbiter_ask(struct token_arbiter *arbiter, const struct token_request *request,
		       int64_t now_ms, struct token_response *response);

/* Questions a second that came to the name space's flows. */
double token_name_space_qps(struct token_name_space *name_space, int64_t now_ms);

#endif
