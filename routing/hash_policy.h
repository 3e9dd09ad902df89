/* The number that picks a host in ring hash and Maglev, from what a route says of a request.
 *
 *   hash = 0
 *   each policy that finds something: hash = rotl(hash, 1) ^ XXH64(it)
 *   a terminal one that found something ends it
 *
 * XXH64 with seed 0 as in Envoy, so that both proxies send a user to the same host. Owner: the
 * table's arena; immutable. Thread: any. Not supported: filter_state. */
#ifndef ROUTING_HASH_POLICY_H
#define ROUTING_HASH_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "message/headers.h"

struct addr;
struct regex;
struct Envoy__Config__Route__V3__RouteAction__HashPolicy;

enum hash_source {
	HASH_HEADER,
	HASH_COOKIE,
	HASH_SOURCE_IP,
	HASH_QUERY_PARAMETER,
};

struct hash_policy {
	uint8_t source; /* enum hash_source */
	bool is_terminal;
	struct slice name;         /* of the header, cookie or parameter */
	const struct regex *regex; /* header: rewrites its values first */
	struct slice substitution;
	bool makes_cookie;        /* an absent cookie is made and sent to the client */
	struct slice cookie_tail; /* "; Max-Age=60; Path=/p; HttpOnly" */
};

struct hash_policies {
	const struct hash_policy *items;
	uint32_t count;
};

struct hash_input {
	const struct headers *headers;
	struct slice query;
	const struct addr *client, *local; /* of the downstream connection */
	struct arena *arena;               /* for rewritten values and made cookies */
};

/* One to send to the client, in a set-cookie field. */
struct made_cookie {
	struct slice set_cookie;
	struct made_cookie *next;
};

struct hash_result {
	bool is_found; /* no policy found anything: the balancer uses a random number */
	uint64_t hash;
	struct made_cookie *cookies; /* in the input's arena; NULL: none */
};

/* STATUS_INVALID or STATUS_UNSUPPORTED and a diag with the path from "hash_policy[i]" on. */
enum status MUST_CHECK
hash_policies_load(struct hash_policies *policies,
		   struct Envoy__Config__Route__V3__RouteAction__HashPolicy *const *messages,
		   size_t count, struct arena *arena, struct diag *diag);

struct hash_result hash_policies_hash(const struct hash_policies *policies,
				      const struct hash_input *input);

#endif
