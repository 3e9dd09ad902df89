#include "routing/rpc_rules.h"

#include <stdlib.h>

#include "routing/rpc_match_load.h"

enum {
	METHODS_HASHED_FROM = 12, /* fewer are compared in turn, by their hashes */
	SWITCH_FROM = 8,          /* rules that ask for texts of one value */
};

/* Leads from the text of one value to the rules that ask for it. */
struct rpc_switch {
	const struct rpc_condition *key; /* of one of them: all ask the same */
	const struct call_needs *needs;
	struct name_map map;     /* text -> bucket */
	const uint32_t *starts;  /* bucket b: members[starts[b]] to members[starts[b + 1]] */
	const uint32_t *members; /* places in the list, ascending in a bucket */
	const uint32_t *rest;    /* places of rules that ask something else */
	uint32_t rest_count;
};

/* --- building: rules that ask for a value's texts */

static bool is_same_key(const struct rpc_condition *a, const struct rpc_condition *b)
{
	if (a->source != b->source)
		return false;
	if (a->source == RPC_SOURCE_ARGUMENT)
		return a->slot == b->slot;
	return a->source != RPC_SOURCE_ATTACHMENT ||
	       (a->name_len == b->name_len && !memcmp(a->name, b->name, a->name_len));
}

static const struct rpc_condition *find_key(const struct rpc_match *match,
					    const struct rpc_condition *key)
{
	const struct slice *texts;
	uint32_t count;

	for (uint32_t i = 0; match && i < match->condition_count; i++)
		if ((!key || is_same_key(&match->conditions[i], key)) &&
		    value_match_texts(&match->conditions[i].value, &texts, &count))
			return &match->conditions[i];
	return NULL;
}

/* The key that most rules ask for: the first of each rule is a candidate, and the last few ones
 * are counted. */
static const struct rpc_condition *choose_key(const struct rpc_list *list)
{
	enum { KEYS = 8 };
	const struct rpc_condition *keys[KEYS];
	uint32_t counts[KEYS], used = 0, best = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct rpc_match *match = list->rules[i].match;
		for (uint32_t c = 0; match && c < match->condition_count; c++) {
			const struct rpc_condition *condition = &match->conditions[c];
			const struct slice *texts;
			uint32_t count, k = 0;
			if (!value_match_texts(&condition->value, &texts, &count))
				continue;
			while (k < used && !is_same_key(keys[k], condition))
				k++;
			if (k == used && used < KEYS) {
				keys[used] = condition;
				counts[used++] = 0;
			}
			if (k < used)
				counts[k]++;
		}
	}
	for (uint32_t k = 1; k < used; k++)
		if (counts[k] > counts[best])
			best = k;
	return used && counts[best] >= SWITCH_FROM ? keys[best] : NULL;
}

/* (bucket, place) in the order of the rules, once for each text. */
struct pair {
	uint32_t bucket, place;
};

/* Members of one bucket side by side, and where each begins. */
static void sort_pairs(struct rpc_switch *sw, const struct pair *pairs, size_t count,
		       uint32_t buckets, struct arena *arena, struct arena *scratch)
{
	uint32_t *starts = ARENA_NEW_ARRAY(arena, uint32_t, (size_t)buckets + 1);
	uint32_t *members = ARENA_NEW_ARRAY(arena, uint32_t, count);
	uint32_t *next = ARENA_NEW_ARRAY(scratch, uint32_t, (size_t)buckets + 1);

	for (size_t i = 0; i < count; i++)
		starts[pairs[i].bucket + 1]++;
	for (uint32_t b = 0; b < buckets; b++)
		next[b + 1] = starts[b + 1] += starts[b];
	for (size_t i = 0; i < count; i++)
		members[next[pairs[i].bucket]++] = pairs[i].place;
	sw->starts = starts;
	sw->members = members;
}

static void build_switch(struct rpc_list *list, struct arena *arena, struct arena *scratch)
{
	const struct rpc_condition *key = choose_key(list), *condition;
	struct rpc_switch *sw;
	const struct slice *texts;
	uint32_t count, buckets = 0;
	size_t total = 0, used = 0;

	if (!key)
		return;
	sw = ARENA_NEW(arena, struct rpc_switch);
	uint32_t *rest = ARENA_NEW_ARRAY(arena, uint32_t, list->count);
	for (uint32_t i = 0; i < list->count; i++) {
		condition = find_key(list->rules[i].match, key);
		if (!condition)
			continue;
		value_match_texts(&condition->value, &texts, &count);
		total += count;
		sw->needs = list->rules[i].match->needs;
	}
	struct pair *pairs = ARENA_NEW_ARRAY(scratch, struct pair, total);
	name_map_init(&sw->map, total, arena);
	for (uint32_t i = 0; i < list->count; i++) {
		condition = find_key(list->rules[i].match, key);
		if (!condition) {
			rest[sw->rest_count++] = i;
			continue;
		}
		value_match_texts(&condition->value, &texts, &count);
		for (uint32_t t = 0; t < count; t++) {
			uint32_t bucket = name_map_add(&sw->map, texts[t], buckets);
			buckets += bucket == buckets;
			pairs[used++] = (struct pair){bucket, i};
		}
	}
	sort_pairs(sw, pairs, used, buckets, arena, scratch);
	sw->key = key;
	sw->rest = rest;
	list->by_value = sw;
}

/* --- building: lists, methods, interfaces */

struct builder {
	const struct rpc_rule_entry *entries;
	struct rpc_rules *rules;
	struct arena *arena;
	struct arena scratch;
	struct rpc_pool *pool;
	struct diag *diag;
	uint32_t *interface_of; /* of each entry */
	uint32_t *sorted;       /* entries by interface, each in order */
};

/* The list of these entries, up to the first that takes every call. */
static enum status build_list(struct builder *b, struct rpc_list *list, const uint32_t *entries,
			      uint32_t count)
{
	uint32_t used = 0;

	while (used < count && b->entries[entries[used++]].match)
		;
	struct rpc_rule *rules = ARENA_NEW_ARRAY(b->arena, struct rpc_rule, used);
	const struct rpc_match **matches =
		ARENA_NEW_ARRAY(&b->scratch, const struct rpc_match *, used);
	for (uint32_t i = 0; i < used; i++) {
		const struct rpc_rule_entry *entry = &b->entries[entries[i]];
		rules[i] = (struct rpc_rule){entry->route, entry->match, entries[i]};
		matches[i] = entry->match;
	}
	enum status status = rpc_match_share_needs(matches, used, b->pool, b->diag);
	for (uint32_t i = 0; i < used && !status; i++) {
		unsigned bits = matches[i] ? rpc_match_looks_at(matches[i]) : 0;
		b->rules->needs_arguments |= (bits & ROUTE_LOOKED_AT_ARGUMENTS) != 0;
		b->rules->needs_attachments |=
			(bits & (ROUTE_LOOKED_AT_HEADERS | ROUTE_LOOKED_AT_ARGUMENTS)) != 0;
	}
	*list = (struct rpc_list){rules, NULL, used};
	if (!status && used >= SWITCH_FROM)
		build_switch(list, b->arena, &b->scratch);
	return status;
}

/* Sorts an interface's entries by method: methods[m] gets those at sorted[starts[m]] and on, the
 * last place those of more than one method. */
static enum status build_interface(struct builder *b, struct rpc_interface *interface,
				   const uint32_t *entries, uint32_t count)
{
	struct arena *scratch = &b->scratch;
	struct slice *names = ARENA_NEW_ARRAY(scratch, struct slice, count);
	uint32_t *method_of = ARENA_NEW_ARRAY(scratch, uint32_t, count);
	uint32_t *sorted = ARENA_NEW_ARRAY(scratch, uint32_t, count);
	struct name_map map;
	uint32_t methods = 0;
	enum status status;

	name_map_init(&map, count, scratch);
	for (uint32_t i = 0; i < count; i++) {
		struct slice method = b->entries[entries[i]].method;
		method_of[i] = method.data ? name_map_add(&map, method, methods) : UINT32_MAX;
		if (method_of[i] == methods)
			names[methods++] = method;
	}
	uint32_t *starts = ARENA_NEW_ARRAY(scratch, uint32_t, (size_t)methods + 3);
	for (uint32_t i = 0; i < count; i++)
		starts[(method_of[i] == UINT32_MAX ? methods : method_of[i]) + 2]++;
	for (uint32_t m = 0; m <= methods; m++)
		starts[m + 2] += starts[m + 1];
	for (uint32_t i = 0; i < count; i++)
		sorted[starts[(method_of[i] == UINT32_MAX ? methods : method_of[i]) + 1]++] =
			entries[i];

	struct rpc_method *items = ARENA_NEW_ARRAY(b->arena, struct rpc_method, methods);
	interface->methods = items;
	interface->method_count = methods;
	for (uint32_t m = 0; m < methods; m++) {
		items[m].name = names[m].data;
		items[m].name_len = (uint32_t)names[m].len;
		items[m].hash = name_hash(names[m]);
		status = build_list(b, &items[m].list, sorted + starts[m],
				    starts[m + 1] - starts[m]);
		if (status)
			return status;
	}
	if (methods >= METHODS_HASHED_FROM) {
		name_map_init(&interface->by_method, methods, b->arena);
		for (uint32_t m = 0; m < methods; m++)
			name_map_add(&interface->by_method, names[m], m);
	}
	return build_list(b, &interface->others, sorted + starts[methods],
			  starts[methods + 1] - starts[methods]);
}

/* Names of one kind of pattern while they are gathered. */
struct keys {
	struct name_map map;
	struct literal_trie_key *items;
	uint32_t count;
};

static void keys_init(struct keys *keys, size_t count, struct arena *scratch)
{
	name_map_init(&keys->map, count, scratch);
	keys->items = ARENA_NEW_ARRAY(scratch, struct literal_trie_key, count);
	keys->count = 0;
}

/* The interface of that name, which is `fresh` if it is a new one. */
static uint32_t keys_add(struct keys *keys, struct slice text, uint32_t fresh)
{
	uint32_t at = name_map_add(&keys->map, text, fresh);

	if (at == fresh)
		keys->items[keys->count++] = (struct literal_trie_key){text, at};
	return at;
}

/* Gives each entry its interface, and makes the maps that lead there. How many there are. */
static uint32_t build_keys(struct builder *b, size_t count)
{
	size_t by_kind[INTERFACE_ANY + 1] = {0};
	struct keys keys[INTERFACE_ANY];
	uint32_t interfaces = 0, any = UINT32_MAX;

	for (size_t i = 0; i < count; i++)
		by_kind[b->entries[i].interface.kind]++;
	for (unsigned kind = 0; kind < INTERFACE_ANY; kind++)
		keys_init(&keys[kind], by_kind[kind], &b->scratch);
	for (size_t i = 0; i < count; i++) {
		struct interface_pattern pattern = b->entries[i].interface;
		uint32_t at = any;
		if (pattern.kind != INTERFACE_ANY)
			at = keys_add(&keys[pattern.kind], pattern.text, interfaces);
		else if (any == UINT32_MAX)
			at = any = interfaces;
		interfaces += at == interfaces;
		b->interface_of[i] = at;
	}
	struct rpc_rules *rules = b->rules;
	struct keys *exact = &keys[INTERFACE_EXACT];
	name_map_init(&rules->exact, exact->count, b->arena);
	for (uint32_t i = 0; i < exact->count; i++)
		name_map_add(&rules->exact, exact->items[i].text, exact->items[i].value);
	literal_trie_build(&rules->prefixes, keys[INTERFACE_PREFIX].items,
			   keys[INTERFACE_PREFIX].count, false, b->arena);
	literal_trie_build(&rules->suffixes, keys[INTERFACE_SUFFIX].items,
			   keys[INTERFACE_SUFFIX].count, true, b->arena);
	return interfaces;
}

/* Entries by their interface: starts[i] is where those of the i-th begin. */
static const uint32_t *sort_entries(struct builder *b, size_t count, uint32_t interfaces)
{
	uint32_t *starts = ARENA_NEW_ARRAY(&b->scratch, uint32_t, (size_t)interfaces + 2);

	b->sorted = ARENA_NEW_ARRAY(&b->scratch, uint32_t, count);
	for (size_t i = 0; i < count; i++)
		starts[b->interface_of[i] + 2]++;
	for (uint32_t i = 0; i + 1 < interfaces; i++)
		starts[i + 2] += starts[i + 1];
	for (uint32_t i = 0; i < count; i++)
		b->sorted[starts[b->interface_of[i] + 1]++] = i;
	return starts;
}

enum status rpc_rules_build(struct rpc_rules *rules, const struct rpc_rule_entry *entries,
			    size_t count, struct rpc_pool *pool, struct diag *diag)
{
	struct arena *arena = pool->texts.arena;
	struct builder b = {
		.entries = entries, .rules = rules, .arena = arena, .pool = pool, .diag = diag};
	enum status status = STATUS_OK;

	arena_init(&b.scratch, 65536);
	b.interface_of = ARENA_NEW_ARRAY(&b.scratch, uint32_t, count);
	uint32_t interfaces = build_keys(&b, count);
	const uint32_t *starts = sort_entries(&b, count, interfaces);
	struct rpc_interface *items = ARENA_NEW_ARRAY(arena, struct rpc_interface, interfaces);
	rules->interfaces = items;
	for (uint32_t i = 0; i < interfaces && !status; i++) {
		const uint32_t *own = b.sorted + starts[i];
		status = build_interface(&b, &items[i], own, starts[i + 1] - starts[i]);
		if (entries[own[0]].interface.kind == INTERFACE_ANY)
			rules->any = &items[i];
	}
	arena_free(&b.scratch);
	if (!status && 4 * (rules->prefixes.depth + rules->suffixes.depth + 2) > RPC_LISTS_MAX)
		status = diag_set(diag, "interfaces with '*' are nested too deep");
	return status;
}

struct interface_pattern interface_pattern_of(struct slice text)
{
	if (slice_equal(text, SLICE("*")))
		return (struct interface_pattern){INTERFACE_ANY, text};
	if (text.data[0] == '*')
		return (struct interface_pattern){INTERFACE_SUFFIX, slice_sub(text, 1, text.len)};
	if (text.data[text.len - 1] == '*')
		return (struct interface_pattern){INTERFACE_PREFIX,
						  slice_sub(text, 0, text.len - 1)};
	return (struct interface_pattern){INTERFACE_EXACT, text};
}

/* --- matching */

/* What is left of one list. */
struct cursor {
	const struct rpc_rule *rules; /* places == NULL: the next one; else the list's first */
	const uint32_t *places;
	uint32_t left;
};

struct merge {
	const struct route_match_input *input;
	unsigned *looked_at;
	uint32_t method_hash;
	unsigned count;
	struct cursor cursors[RPC_LISTS_MAX];
};

static void add_places(struct merge *merge, const struct rpc_rule *rules, const uint32_t *places,
		       uint32_t count)
{
	if (count)
		merge->cursors[merge->count++] = (struct cursor){rules, places, count};
}

static void add_switch(struct merge *merge, const struct rpc_list *list)
{
	const struct rpc_switch *sw = list->by_value;
	struct argument_value value =
		rpc_condition_value(sw->key, sw->needs, merge->input, merge->looked_at);
	char buffer[VALUE_TEXT_SIZE];
	struct slice text = value_text(&value, buffer, merge->input->headers->arena);
	uint32_t bucket = text.data ? name_map_find(&sw->map, text) : NAME_MAP_NONE;

	if (bucket != NAME_MAP_NONE)
		add_places(merge, list->rules, sw->members + sw->starts[bucket],
			   sw->starts[bucket + 1] - sw->starts[bucket]);
	add_places(merge, list->rules, sw->rest, sw->rest_count);
}

static inline void add_list(struct merge *merge, const struct rpc_list *list)
{
	if (UNLIKELY(list->by_value != NULL))
		add_switch(merge, list);
	else
		add_places(merge, list->rules, NULL, list->count);
}

static const struct rpc_method *find_method(const struct rpc_interface *interface,
					    struct slice name, uint32_t hash)
{
	if (UNLIKELY(interface->by_method.count)) {
		uint32_t at = name_map_find_hashed(&interface->by_method, name, hash);
		return at == NAME_MAP_NONE ? NULL : &interface->methods[at];
	}
	for (uint32_t i = 0; i < interface->method_count; i++) {
		const struct rpc_method *method = &interface->methods[i];
		if (method->hash == hash &&
		    slice_equal(slice_make(method->name, method->name_len), name))
			return method;
	}
	return NULL;
}

static void add_interface(struct merge *merge, const struct rpc_interface *interface)
{
	const struct rpc_method *method =
		find_method(interface, merge->input->method, merge->method_hash);

	if (method)
		add_list(merge, &method->list);
	add_list(merge, &interface->others);
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
		add_interface(merge, &rules->interfaces[trie->nodes[at].value]);
}

/* The next rule in order, or NULL. */
static const struct rpc_rule *next_rule(struct merge *merge)
{
	const struct rpc_rule *best = NULL;
	unsigned from = 0;

	for (unsigned i = 0; i < merge->count; i++) {
		const struct cursor *cursor = &merge->cursors[i];
		const struct rpc_rule *rule =
			cursor->places ? &cursor->rules[*cursor->places] : cursor->rules;
		if (!best || rule->order < best->order) {
			best = rule;
			from = i;
		}
	}
	if (!best)
		return NULL;
	struct cursor *cursor = &merge->cursors[from];
	if (cursor->places)
		cursor->places++;
	else
		cursor->rules++;
	if (!--cursor->left)
		*cursor = merge->cursors[--merge->count];
	return best;
}

const struct route *rpc_rules_match(const struct rpc_rules *rules,
				    const struct route_match_input *input, unsigned *looked_at)
{
	const struct rpc_rule *rule;
	struct merge merge;

	merge.input = input;
	merge.looked_at = looked_at;
	merge.method_hash = name_hash(input->method);
	merge.count = 0;
	uint32_t exact = name_map_find(&rules->exact, input->interface);
	if (exact != NAME_MAP_NONE)
		add_interface(&merge, &rules->interfaces[exact]);
	add_patterns(&merge, rules, &rules->prefixes);
	add_patterns(&merge, rules, &rules->suffixes);
	if (rules->any)
		add_interface(&merge, rules->any);
	while ((rule = next_rule(&merge)))
		if (!rule->match || rpc_match_test(rule->match, input, looked_at))
			return rule->route;
	return NULL;
}
