/* Conditions on an RPC call: method, service version and group, consumer application, arguments,
 * attachments, header fields, a share of the calls. All must hold.
 *
 *   condition: source     value test                  cost
 *              method     {prefix: get}               of the head: nothing is read
 *              argument   0.user.id  {exact: "7"}     the body is read, once for all
 *
 * Conditions are in the order of what they cost, so a call that its head excludes is never read.
 * What the conditions of a list of rules ask of a call's body is one call_needs, read in one pass
 * when the first condition asks for it, and kept in call_facts for the others.
 *
 * Owner: the table's arena; immutable. Thread: any. Limits: the first ones below. */
#ifndef ROUTING_RPC_MATCH_H
#define ROUTING_RPC_MATCH_H

#include "message/argument_path.h"
#include "routing/matcher.h"
#include "routing/value_match.h"

struct Envoy__Config__Route__V3__HeaderMatcher;
struct Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch;
struct Outrigger__Config__Route__V1__RpcMatch;

enum {
	RPC_CONDITIONS_MAX = 64, /* of one match */
	RPC_PATHS_MAX = 64,      /* different arguments that the rules of one method ask for */
};

/* In the order of what they cost. */
enum rpc_source {
	RPC_SOURCE_METHOD,
	RPC_SOURCE_INTERFACE,
	RPC_SOURCE_VERSION,
	RPC_SOURCE_GROUP, /* from here on the body must be read */
	RPC_SOURCE_APPLICATION,
	RPC_SOURCE_ATTACHMENT,
	RPC_SOURCE_ARGUMENT,
};

struct rpc_condition {
	struct value_match value;
	union {
		const char *name;                 /* ATTACHMENT, as written */
		const struct argument_path *path; /* ARGUMENT */
	};
	uint32_t name_len;
	uint8_t source; /* enum rpc_source */
	uint8_t slot;   /* ARGUMENT: its place among needs->paths */
};

/* What conditions ask of a call's body. */
struct call_needs {
	const struct argument_path *const *paths;
	uint32_t path_count;
	bool attachments;
	bool headers; /* attachments must be header fields, too */
};

/* What was read of one call. Zeroed when the decision begins. */
struct call_facts {
	const struct call_needs *read_for;   /* NULL: nothing yet */
	const struct argument_value *values; /* of read_for->paths */
};

struct rpc_match {
	const struct call_needs *needs;       /* NULL: its head is all */
	const struct header_matches *headers; /* NULL: none */
	const struct fraction *fraction;      /* NULL: all calls */
	uint32_t condition_count;
	struct rpc_condition conditions[];
};

/* What the matches of a table have in common while it is built, each kept once. */
struct rpc_pool {
	struct text_pool texts;
	const struct argument_path **paths; /* by the place of their texts; NULL: none yet */
	struct name_map needs_map;          /* by what they ask, to places in needs */
	const struct call_needs **needs;
	uint32_t needs_count, needs_capacity;
	struct arena *scratch;
};

/* For about so many rules; 0: nothing is shared. scratch lives as long as the pool. */
void rpc_pool_init(struct rpc_pool *pool, size_t rules, struct arena *arena, struct arena *scratch);

/* What matches are loaded with. */
struct rpc_match_build {
	const struct route_hooks *hooks; /* may be NULL */
	struct rpc_pool *pool;           /* and with it the arena */
	struct diag *diag;
	struct slice version, group; /* of the service around them; "" : any. Borrowed, as long as
					the arena lives */
};

/* What Envoy's messages say: a method, its arguments, and fields. *out is NULL when any call
 * matches. method_name: set to the only method there is (data NULL: several), which is no condition
 * then. STATUS_INVALID or STATUS_UNSUPPORTED (arguments without the hook) and a diag with the path
 * from inside the route's `match` on. */
enum status MUST_CHECK rpc_match_load_method(
	const struct rpc_match **out, struct slice *method_name,
	const struct Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch *method,
	struct Envoy__Config__Route__V3__HeaderMatcher *const *headers, size_t header_count,
	const struct rpc_match_build *build);

/* The same for our own message, which may be NULL. method_name may be NULL: every method is a
 * condition. */
enum status MUST_CHECK rpc_match_load(const struct rpc_match **out, struct slice *method_name,
				      const struct Outrigger__Config__Route__V1__RpcMatch *message,
				      const struct rpc_match_build *build);

/* To be called for each match, once or more: gives matches that are tried together the
 * same needs; NULL ones are left out. STATUS_INVALID: more than RPC_PATHS_MAX arguments. After it
 * they are immutable. */
enum status MUST_CHECK rpc_match_share_needs(const struct rpc_match **matches, size_t count,
					     struct rpc_pool *pool, struct diag *diag);

/* Bits of enum route_looked_at that a test may set. */
unsigned rpc_match_looks_at(const struct rpc_match *match);

/* Fills interface, method and version of the input from its headers. */
void rpc_match_prepare(struct route_match_input *input);

/* input->facts isn't NULL. looked_at collects what the answer depended on. */
bool rpc_match_test(const struct rpc_match *match, const struct route_match_input *input,
		    unsigned *looked_at);

/* The value that a condition tests. needs: its match's. */
struct argument_value rpc_condition_value(const struct rpc_condition *condition,
					  const struct call_needs *needs,
					  const struct route_match_input *input,
					  unsigned *looked_at);

#endif
