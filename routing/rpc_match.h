/* Conditions on an RPC call beyond its interface: service version and group, method, arguments.
 * Attachments are headers and tested by header_matches.
 *
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_RPC_MATCH_H
#define ROUTING_RPC_MATCH_H

#include "routing/matcher.h"
#include "routing/string_matcher.h"

struct Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch;

/* One argument: a text, or a number in [from, to). */
struct argument_match {
	uint32_t index; /* from 0 */
	bool is_range;
	int64_t from, to;
	struct slice text;
};

struct rpc_match {
	struct slice version, group; /* "" : not compared */
	struct string_matcher method;
	const struct argument_match *arguments;
	uint32_t argument_count;
};

/* STATUS_INVALID or STATUS_UNSUPPORTED (arguments without the hook) and a diag with the path from
 * inside `method` on. */
enum status MUST_CHECK rpc_match_load(
	struct rpc_match *match,
	const struct Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch *method,
	const struct route_hooks *hooks, struct arena *arena, struct diag *diag);

/* Fills interface, method, version and group of the input from its headers. */
void rpc_match_prepare(struct route_match_input *input);

bool rpc_match_test(const struct rpc_match *match, const struct route_match_input *input);

#endif
