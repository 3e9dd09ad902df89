/* The rules of an RPC table, found without trying all: by interface, by method, and where many ask
 * for texts of the same value (an argument, an attachment …), by that value.
 *
 *   interface ─ map, or trie of "a.b.*" and "*.Svc" ─> methods ─┬─ "find"    ─> rules in order
 *                                                               ├─ "create"  ─> by value ─> rules
 *                                                               └─ any other ─> rules in order
 *
 * A rule that names no single method stands in the interface's list of any other method, which is
 * tried along with the method's own; likewise the lists of all interface patterns that a call
 * fits. Lists are merged by the rules' order, so the first one that matches wins.
 *
 * All of an interface lies side by side (rpc_layout.h): a call waits for memory about twice,
 * however many rules there are. Owner: the table's arena; immutable. Thread: any. Limit:
 * RPC_LISTS_MAX lists for one call. */
#ifndef ROUTING_RPC_RULES_H
#define ROUTING_RPC_RULES_H

#include "routing/literal_trie.h"
#include "routing/rpc_match.h"
#include "routing/text_table.h"

struct route;
struct rpc_pool;

enum { RPC_LISTS_MAX = 128 };

struct rpc_rules {
	struct text_table exact; /* interfaces by their names, with all that is in them */
	const uint32_t *places;  /* of all of them: what the tries lead to are numbers here */
	struct literal_trie prefixes, suffixes;
	uint32_t any; /* place of "*"; 0: none */
	bool needs_attachments, needs_arguments;
};

/* The interface that a rule asks for. A wildcard stands for one character or more. */
struct interface_pattern {
	enum { INTERFACE_EXACT, INTERFACE_PREFIX, INTERFACE_SUFFIX, INTERFACE_ANY } kind;
	struct slice text; /* without the '*' */
};

/* From "a.Svc", "a.*", "*.Svc" or "*", not empty; borrows the text. */
struct interface_pattern interface_pattern_of(struct slice text);

/* One rule to be built in. method .data NULL: for more than one. */
struct rpc_rule_entry {
	struct interface_pattern interface;
	struct slice method;
	const struct route *route;
	const struct rpc_match *match;
};

/* Builds in the pool's arena, and borrows all texts for its life. STATUS_INVALID: patterns nested
 * too deep, or too many arguments asked for by the rules of one method. */
enum status MUST_CHECK rpc_rules_build(struct rpc_rules *rules,
				       const struct rpc_rule_entry *entries, size_t count,
				       struct rpc_pool *pool, struct diag *diag);

/* The first rule's route, or NULL. input was prepared, and has facts. */
const struct route *rpc_rules_match(const struct rpc_rules *rules,
				    const struct route_match_input *input, unsigned *looked_at);

#endif
