/* Who may do what: policies of permissions (what is done) and principals (who does it), both trees
 * of tests on one request or connection.
 *
 *   policy matches:  any of its permissions  and  any of its principals
 *   ALLOW: denied unless a policy matches    DENY: denied if one does    LOG: never denied
 *
 * A regex that gives up (base/regex.h) denies: that policy doesn't match of ALLOW, and does of
 * DENY. Pure. Owner: the arena it was loaded into; immutable. Thread: any. */
#ifndef FILTERS_RBAC_POLICY_H
#define FILTERS_RBAC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "routing/header_match.h"
#include "routing/metadata_match.h"
#include "routing/string_matcher.h"

struct Envoy__Config__Rbac__V3__RBAC;

enum { RBAC_DEPTH_MAX = 64 }; /* of trees */

enum rbac_test_kind {
	RBAC_ALL_OF,
	RBAC_ANY_OF,
	RBAC_NOT,
	RBAC_ALWAYS,
	RBAC_HEADER,
	RBAC_PATH,             /* without the query */
	RBAC_DESTINATION_IP,   /* of the connection at this proxy */
	RBAC_DESTINATION_PORT, /* in [from, to) */
	RBAC_DIRECT_IP,        /* of the connection's other end */
	RBAC_REMOTE_IP,        /* of the client, by x-forwarded-for if that is trusted */
	RBAC_SERVER_NAME,
	RBAC_METADATA,      /* of the stream; a connection has none */
	RBAC_AUTHENTICATED, /* by a certificate with a matching name, if one is asked for */
};

struct rbac_test {
	uint8_t kind; /* enum rbac_test_kind */
	bool has_text;
	uint32_t child_count;
	const struct rbac_test *children;
	uint32_t from, to;
	struct addr_range range;
	struct header_matches header;
	struct string_matcher text;
	const struct metadata_match *metadata;
};

struct rbac_policy {
	struct slice name;
	struct rbac_test permission, principal; /* ANY_OF what is listed */
};

enum rbac_action {
	RBAC_ALLOW,
	RBAC_DENY,
	RBAC_LOG,
};

struct rbac_rules {
	uint8_t action; /* enum rbac_action */
	uint32_t policy_count;
	const struct rbac_policy *policies; /* sorted by name */
};

struct rbac_input {
	const struct headers *headers;   /* NULL: a connection, nothing is known of a request */
	const struct metadata *metadata; /* NULL: nothing was noted down */
	const struct addr *direct_remote, *remote, *local;
	struct slice server_name;       /* by TLS; "" : none */
	const struct slice *peer_names; /* of the peer's checked certificate */
	uint32_t peer_name_count;
	bool is_authenticated;
};

/* *rules is NULL for a NULL message: everything is allowed then. STATUS_INVALID or _UNSUPPORTED
 * and a diag whose path begins inside the message. */
enum status MUST_CHECK rbac_rules_load(const struct rbac_rules **rules,
				       const struct Envoy__Config__Rbac__V3__RBAC *message,
				       struct arena *arena, struct diag *diag);

/* Whether it is allowed. *policy is the first that matched, or NULL. */
bool rbac_allows(const struct rbac_rules *rules, const struct rbac_input *input,
		 const struct rbac_policy **policy);

#endif
