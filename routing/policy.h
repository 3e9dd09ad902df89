/* A route policy: what has a say in where a request goes, once its route is known. Lanes and units
 * are two (filters/lane, filters/unit).
 *
 *   route ─> cluster ─ each policy: choose(facts) ─> narrowing ─> host
 *                          ├─ rule        host by host (host_rule.h); the wishes hold among
 *                          │              what it leaves
 *                          ├─ wishes      [lane=gray] [lane=base]    hosts with these labels, the
 *                          │              first wish that has any
 *                          ├─ cluster     another one than the route's
 *                          └─ refusal     answered here, with a reason and a text
 *
 * The router asks at one place (manager/router_policy.c): first the policies of the chain's filters
 * (filter_type.policy) in their order, then the route's own (route.policy). Message, loading,
 * per-route configuration and registration of a policy are those of its filter. Each narrows what
 * those before it left: their wishes are combined, the first policy's preference weighs most. A
 * stream without policies pays one test.
 *
 * Labels are those of the namespace "envoy.lb"; a cluster tells its hosts apart by them when a
 * subset selector of it has just the keys of the wish (with those of the route's metadata_match).
 * A value LABEL_NULL means the hosts without that label.
 *
 * Owner: configurations their published object's arena, choices the stream's. Thread: the stream's
 * worker. Limits: POLICY_WISHES_MAX, POLICY_LABELS_MAX. */
#ifndef ROUTING_POLICY_H
#define ROUTING_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "message/headers.h"
#include "message/label.h"
#include "message/reply_reason.h"

struct argument_path;
struct argument_value;
struct host_rule;
struct metadata;
struct route;

enum {
	POLICY_WISHES_MAX = 16, /* of all policies together; further ones are left out */
	POLICY_LABELS_MAX = 8,  /* of one wish; one with more is left out */
};

/* What hosts must carry. No labels: any host will do. */
struct policy_wish {
	const struct label *labels; /* key and value; the space doesn't count */
	uint32_t count;
};

/* What a policy decides from. Borrowed for the call; cookies are in message/cookie.h. */
struct policy_facts {
	const struct headers *headers; /* of the request; ->rpc for a call */
	const struct route *route;
	const struct metadata *metadata; /* what filters noted down; NULL: nothing */
	struct arena *arena;             /* the stream's: for what a choice points at */
	uint64_t random;                 /* one number a stream */
	void *state;                     /* of the policy's filter; NULL: a route's policy */
	/* A value in the call's arguments, which lives as long as the stream; false if there is
	 * none. NULL, as the next: these requests have none. */
	bool (*argument)(void *context, const struct argument_path *path,
			 struct argument_value *value);
	/* An attachment of the call by its name on the wire; false if there is none, or no text. */
	bool (*attachment)(void *context, struct slice name, struct slice *text);
	void *context;
};

/* Zeroed: nothing to say. */
struct policy_choice {
	const struct policy_wish *wishes; /* in order of preference */
	uint32_t wish_count;              /* 0: all hosts are equal */
	/* A cluster without subset selectors, which can't tell its hosts apart, has no host for the
	 * wishes. Otherwise such a cluster is used as it is. */
	bool is_required;
	/* Says host by host which ones are left; the first policy's that has one. NULL: none. */
	const struct host_rule *rule;
	void *rule_request;   /* for its choose; lives as long as the stream */
	struct slice cluster; /* "" : the route's */
	uint32_t cluster_slot;
	bool is_refused;
	enum reply_reason reason;
	unsigned http_status; /* 0: the reason's */
	struct slice text, details;
};

struct route_policy {
	const char *name; /* "lane": for messages */
	void (*choose)(const void *config, const struct policy_facts *facts,
		       struct policy_choice *choice);
};

/* A policy of a route. */
struct policy_use {
	const struct route_policy *policy;
	const void *config;
};

/* What all policies of a request came to. */
struct narrowing {
	struct policy_wish wishes[POLICY_WISHES_MAX];
	uint32_t count; /* 0: there is a rule only */
	bool is_required;
	const struct host_rule *rule; /* NULL: none */
	void *rule_request;
};

/* Whether hosts that can't be told apart may serve this: nothing is required of them, or one of the
 * wishes is for any host. NULL: nothing is asked. */
bool narrowing_allows_any(const struct narrowing *narrowing);

/* Narrows by a choice with wishes; *narrowing is made if it is NULL. Each wish there was is
 * combined with each of the choice's, in this order; of two labels with the same key the one that
 * was there holds. What a wish points at is borrowed. */
void narrowing_add(struct narrowing **narrowing, const struct policy_choice *choice,
		   struct arena *arena);

#endif
