/* Conditions on calls from what messages say of them: Envoy's of its dubbo_proxy, and our own.
 *
 *   message ─ rpc_match_load ─> match ─ rpc_match_share_needs ─> the same needs for all that are
 *                                                                tried together
 *
 * A table keeps them by rpc_match_keep: few say something that no other says, and what is kept once
 * stays in the caches. Owner: the call that builds; matches are the scratch arena's, those kept the
 * arena's. Thread: the builder's. Limits:
 * RPC_CONDITIONS_MAX, RPC_PATHS_MAX (call_needs.h). */
#ifndef ROUTING_RPC_MATCH_LOAD_H
#define ROUTING_RPC_MATCH_LOAD_H

#include "routing/rpc_match.h"
#include "routing/text_pool.h"

struct Envoy__Config__Route__V3__HeaderMatcher;
struct Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch;
struct Outrigger__Config__Route__V1__RpcMatch;

enum { RPC_CONDITIONS_MAX = 64 }; /* of one match */

/* What the matches of a table have in common while it is built, each kept once. */
struct rpc_pool {
	struct text_pool texts;
	struct text_pool kept;              /* matches, as bytes */
	struct arena *scratch;              /* where matches are made */
	const struct argument_path **paths; /* by the place of their texts; NULL: none yet */
	struct call_needs_pool needs;
};

/* For about so many rules; 0: nothing is shared. scratch lives as long as the pool; matches live in
 * it, all else of theirs in the arena. */
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

/* After that: the same match in the pool's arena, where equal ones are one. */
const struct rpc_match *rpc_match_keep(const struct rpc_match *match, struct rpc_pool *pool);

#endif
