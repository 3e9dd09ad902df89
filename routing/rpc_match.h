/* Conditions on an RPC call: method, service version and group, consumer application, arguments,
 * attachments, header fields, a share of the calls. All must hold.
 *
 *   condition: source     value test                  cost
 *              method     {prefix: get}               of the head: nothing is read
 *              argument   0.user.id  {exact: "7"}     the body is read, once for all
 *
 * Conditions are in the order of what they cost, so a call that its head excludes is never read.
 * What the conditions of a list of rules ask of a call's body is one call_needs. Loaded by
 * rpc_match_load.h. Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_RPC_MATCH_H
#define ROUTING_RPC_MATCH_H

#include "routing/call_needs.h"
#include "routing/matcher.h"
#include "routing/value_match.h"

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

struct rpc_match {
	const struct call_needs *needs;       /* NULL: its head is all */
	const struct header_matches *headers; /* NULL: none */
	const struct fraction *fraction;      /* NULL: all calls */
	uint32_t condition_count;
	struct rpc_condition conditions[];
};

/* Bits of enum route_looked_at that a test may set. */
unsigned rpc_match_looks_at(const struct rpc_match *match);

/* Fills interface and method of the input from its path. */
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
