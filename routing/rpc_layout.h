/* How the rules of an RPC table lie in memory: what one call looks at is few lines of the cache,
 * side by side.
 *
 *   interface   | len, name | rpc_interface: slots of methods | methods … | list of any other |
 *   method      | len, name | rpc_list |                    places count from the interface
 *   by value    | len, text | rpc_list |                    a table of its own
 *   rpc_list    | count | rules | their orders |
 *
 * Private to rpc_rules.c and rpc_rules_build.c. Owner: the table's arena; immutable. Thread: any.
 */
#ifndef ROUTING_RPC_LAYOUT_H
#define ROUTING_RPC_LAYOUT_H

#include "routing/rpc_match.h"
#include "routing/text_table.h"

struct route;

struct rpc_rule {
	const struct route *route;
	const struct rpc_match *match; /* NULL: whatever the call says */
};

struct rpc_switch;

/* Rules that are tried together, in order. Behind them: uint32_t orders[count], in the table. */
struct rpc_list {
	const struct rpc_switch *by_value; /* not NULL: they stand there, and count is 0 */
	uint32_t count;
	struct rpc_rule rules[];
};

static inline const uint32_t *rpc_list_orders(const struct rpc_list *list)
{
	return (const void *)(list->rules + list->count);
}

/* Leads from the text of one value to the rules that ask for it. */
struct rpc_switch {
	const struct rpc_condition *key; /* of one of them: all ask the same */
	const struct call_needs *needs;
	/* Texts, with their lists: a rule that asks for nothing else has no match there. */
	struct text_table texts;
	const struct rpc_list *rest; /* rules that ask something else */
};

/* What is behind an interface's name. */
struct rpc_interface {
	uint32_t mask;   /* slots of methods - 1 */
	uint32_t others; /* place of the rules for more than one method; 0: none */
	struct text_slot methods[];
};

#endif
