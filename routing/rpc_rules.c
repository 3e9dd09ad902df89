#include "routing/rpc_rules.h"

#include "routing/rpc_layout.h"

/* Of what an interface has: its methods are looked up when its name has been compared, and the
 * whole comes in the time of one line. */
enum { LINES_AHEAD = 8 };

/* What is left of one list. */
struct cursor {
	const struct rpc_rule *rules;
	const uint32_t *orders;
	uint32_t left;
};

struct merge {
	const struct route_match_input *input;
	unsigned *looked_at;
	uint32_t method_hash;
	unsigned count;
	struct cursor cursors[RPC_LISTS_MAX];
};

static void add_rules(struct merge *merge, const struct rpc_list *list)
{
	if (list->count)
		merge->cursors[merge->count++] =
			(struct cursor){list->rules, rpc_list_orders(list), list->count};
}

static void add_switch(struct merge *merge, const struct rpc_switch *sw)
{
	struct argument_value value =
		rpc_condition_value(sw->key, sw->needs, merge->input, merge->looked_at);
	char buffer[VALUE_TEXT_SIZE];
	struct slice text = value_text(&value, buffer, merge->input->headers->arena);

	if (text.data) {
		const struct text_record *record =
			text_slots_find(sw->texts.slots, sw->texts.mask, sw->texts.records, text,
					name_hash(text), 1);
		if (record)
			add_rules(merge, text_record_rest(record));
	}
	add_rules(merge, sw->rest);
}

static inline void add_list(struct merge *merge, const struct rpc_list *list)
{
	if (UNLIKELY(list->by_value != NULL))
		add_switch(merge, list->by_value);
	else
		add_rules(merge, list);
}

static inline void add_interface(struct merge *merge, const struct text_record *record)
{
	const struct rpc_interface *interface = text_record_rest(record);
	const struct text_record *method =
		text_slots_find(interface->methods, interface->mask, record, merge->input->method,
				merge->method_hash, 1);

	if (method)
		add_list(merge, text_record_rest(method));
	if (interface->others)
		add_list(merge, text_place(record, interface->others));
}

/* A wildcard stands for one character at least: a pattern's text that is all of the name isn't
 * met. */
static void add_patterns(struct merge *merge, const struct rpc_rules *rules,
			 const struct literal_trie *trie)
{
	bool is_whole;
	uint32_t at;

	if (!trie->nodes)
		return;
	at = literal_trie_find(trie, merge->input->interface, &is_whole);
	if (at != LITERAL_TRIE_NONE && is_whole)
		at = trie->nodes[at].shorter;
	for (; at != LITERAL_TRIE_NONE; at = trie->nodes[at].shorter)
		add_interface(merge, text_place(rules->exact.records,
						rules->places[trie->nodes[at].value]));
}

/* The next rule in order: there are some. */
static struct rpc_rule next_rule(struct merge *merge)
{
	struct cursor *best = &merge->cursors[0];

	for (unsigned i = 1; i < merge->count; i++)
		if (*merge->cursors[i].orders < *best->orders)
			best = &merge->cursors[i];
	struct rpc_rule rule = *best->rules++;
	best->orders++;
	if (!--best->left)
		*best = merge->cursors[--merge->count];
	return rule;
}

static inline bool takes(const struct rpc_rule *rule, const struct merge *merge)
{
	return !rule->match || rpc_match_test(rule->match, merge->input, merge->looked_at);
}

static const struct route *first_match(struct merge *merge)
{
	while (merge->count > 1) {
		struct rpc_rule rule = next_rule(merge);
		if (takes(&rule, merge))
			return rule.route;
	}
	if (!merge->count)
		return NULL;
	const struct cursor *last = &merge->cursors[0];
	for (uint32_t i = 0; i < last->left; i++)
		if (takes(&last->rules[i], merge))
			return last->rules[i].route;
	return NULL;
}

const struct route *rpc_rules_match(const struct rpc_rules *rules,
				    const struct route_match_input *input, unsigned *looked_at)
{
	const struct text_table *exact = &rules->exact;
	struct merge merge;

	merge.input = input;
	merge.looked_at = looked_at;
	merge.count = 0;
	uint32_t hash = name_hash(input->interface);
	__builtin_prefetch(&exact->slots[hash & exact->mask]);
	merge.method_hash = name_hash(input->method);
	const struct text_record *record = text_slots_find(
		exact->slots, exact->mask, exact->records, input->interface, hash, LINES_AHEAD);
	if (record)
		add_interface(&merge, record);
	add_patterns(&merge, rules, &rules->prefixes);
	add_patterns(&merge, rules, &rules->suffixes);
	if (rules->any)
		add_interface(&merge, text_place(exact->records, rules->any));
	return first_match(&merge);
}
