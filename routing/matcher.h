/* Whether one route is meant: its path first, then everything else that is asked of a request.
 *
 *   path kind     literal "/api"   request path           (the query is never part of it)
 *   PREFIX        starts with      /api /api/x /apix
 *   EXACT         equals           /api
 *   SEGMENTS      ends at a '/'    /api /api/x
 *   REGEX         the whole path
 *   CONNECT       any CONNECT request, which has no path
 *   RPC           any: conditions on the call (rpc_match.h) tell
 *
 * Matchers of a table lie side by side, so that a scan touches nothing else. Owner: the table's
 * arena; immutable. Thread: any. */
#ifndef ROUTING_MATCHER_H
#define ROUTING_MATCHER_H

#include <endian.h>

#include "routing/fraction.h"
#include "routing/header_match.h"
#include "routing/metadata_match.h"
#include "routing/query_match.h"
#include "routing/route_hooks.h"

struct Envoy__Config__Route__V3__RouteMatch;
struct argument_value;
struct call_facts;
struct call_needs;
struct path_template;
struct rpc_match;

/* What a routing decision is made from. Borrowed for the call. */
struct route_match_input {
	const struct headers *headers;
	struct slice path;               /* without query */
	uint64_t path_word;              /* path_word_of(path); route_table_match fills it in */
	struct slice query;              /* behind the '?' */
	const struct metadata *metadata; /* of the stream; NULL: none */
	uint64_t random;                 /* one number a stream: shares are stable over retries */
	bool has_peer_certificate, has_valid_peer_certificate;
	/* RPC: filled in by rpc_match_prepare from :path. */
	struct slice interface, method;
	struct call_facts *facts; /* what was read of the call: route_table_match brings its own */
	/* RPC: reads from a call's body what is needed: the values of needs->paths (zeroed before:
	 * absent), its attachments into headers->rpc and as header fields. What can't be read
	 * isn't there. NULL: nobody can. */
	void (*read_call)(void *context, const struct call_needs *needs,
			  struct argument_value *values);
	void *read_context;
};

/* Bits: what a decision depended on. A caller may cache a decision by what it looked at. */
enum route_looked_at {
	ROUTE_LOOKED_AT_PATH = 1, /* host and path; RPC: interface, method and version */
	ROUTE_LOOKED_AT_HEADERS = 2,
	ROUTE_LOOKED_AT_QUERY = 4,
	ROUTE_LOOKED_AT_RANDOM = 8,
	ROUTE_LOOKED_AT_ARGUMENTS = 16,
	ROUTE_LOOKED_AT_CONNECTION = 32,
	ROUTE_LOOKED_AT_METADATA = 64,
};

enum path_kind {
	PATH_PREFIX,
	PATH_EXACT,
	PATH_SEGMENTS,
	PATH_REGEX,
	PATH_CONNECT,
	PATH_RPC,
};

enum tls_test { TLS_TEST_ANY, TLS_TEST_YES, TLS_TEST_NO };

/* What is asked beyond the path. */
struct route_conditions {
	struct header_matches headers;
	struct pair_matches query, cookies;
	struct metadata_matches metadata;
	bool is_grpc;
	bool has_fraction;
	uint8_t certificate_presented, certificate_valid; /* enum tls_test */
	struct fraction fraction;
	const struct rpc_match *rpc;
};

struct route_matcher {
	struct slice path;             /* lower case when ignore_case */
	uint64_t path_word, path_mask; /* its first 8 bytes, and which of them there are */
	uint8_t kind;                  /* enum path_kind */
	bool ignore_case;
	uint8_t looks_at; /* bits of enum route_looked_at */
	const struct regex *regex;
	const struct route_conditions *more; /* NULL: the path is all */
};

/* template: filled when the path is a URI template, for its rewrite. STATUS_INVALID or
 * STATUS_UNSUPPORTED and a diag with the path from inside `match` on. */
enum status MUST_CHECK route_matcher_load(
	struct route_matcher *matcher, const struct Envoy__Config__Route__V3__RouteMatch *message,
	const struct route_hooks *hooks, struct arena *arena, struct path_template *template,
	struct diag *diag);

bool path_test(const struct route_matcher *matcher, struct slice path,
	       const struct headers *headers);
bool route_conditions_test(const struct route_conditions *conditions,
			   const struct route_match_input *input);

/* The first 8 bytes, zeros where there are fewer: most paths differ there already. */
static inline uint64_t path_word_of(struct slice path)
{
	uint64_t word = 0;
	uint32_t low, high;

	if (LIKELY(path.len >= 8)) {
		memcpy(&word, path.data, 8);
		return le64toh(word);
	}
	if (path.len >= 4) { /* the two overlap */
		memcpy(&low, path.data, 4);
		memcpy(&high, path.data + path.len - 4, 4);
		return le32toh(low) | (uint64_t)le32toh(high) << (8 * (path.len - 4));
	}
	for (size_t i = path.len; i--;)
		word = word << 8 | (unsigned char)path.data[i];
	return word;
}

static inline bool path_starts_with(const struct route_matcher *matcher,
				    const struct route_match_input *input)
{
	size_t len = matcher->path.len;

	if ((input->path_word ^ matcher->path_word) & matcher->path_mask || input->path.len < len)
		return false;
	return len <= 8 || !memcmp(input->path.data + 8, matcher->path.data + 8, len - 8);
}

static inline bool route_matcher_test(const struct route_matcher *matcher,
				      const struct route_match_input *input)
{
	if (LIKELY(matcher->kind == PATH_PREFIX && !matcher->ignore_case)) {
		if (!path_starts_with(matcher, input))
			return false;
	} else if (matcher->kind == PATH_EXACT && !matcher->ignore_case) {
		if (input->path.len != matcher->path.len || !path_starts_with(matcher, input))
			return false;
	} else if (!path_test(matcher, input->path, input->headers)) {
		return false;
	}
	return !matcher->more || route_conditions_test(matcher->more, input);
}

#endif
