#include "routing/rpc_layout.h"
#include "routing/rpc_match_load.h"
#include "routing/rpc_rules.h"

enum { SWITCH_FROM = 8 }; /* rules that ask for texts of one value */

struct built_rule {
	struct rpc_rule rule;
	uint32_t order; /* in the table */
};

/* Rules that stand for the same interface and method, in order. */
struct built_list {
	struct built_rule *rules;
	const struct rpc_switch *by_value;
	uint32_t count;
};

/* --- records: lists */

static size_t list_size(uint32_t count)
{
	return sizeof(struct rpc_list) + count * sizeof(struct rpc_rule) +
	       ((count * sizeof(uint32_t) + 7) & ~(size_t)7);
}

static void fill_list(struct rpc_list *list, const struct built_list *built)
{
	list->by_value = built->by_value;
	if (built->by_value)
		return;
	list->count = built->count;
	uint32_t *orders = (uint32_t *)(uintptr_t)rpc_list_orders(list);
	for (uint32_t i = 0; i < built->count; i++) {
		list->rules[i] = built->rules[i].rule;
		orders[i] = built->rules[i].order;
	}
}

/* Writes it behind what is there, and returns its offset. */
static size_t write_list(struct text_records *records, const struct built_list *built)
{
	size_t at = text_records_add(records, list_size(built->by_value ? 0 : built->count));

	fill_list((void *)(records->bytes + at), built);
	return at;
}

/* A record of this text, with the list. */
static size_t write_record(struct text_records *records, struct slice text,
			   const struct built_list *built)
{
	size_t at = text_records_begin(records, text);

	write_list(records, built);
	return at;
}

/* --- rules that ask for a value's texts */

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
static const struct rpc_condition *choose_key(const struct built_list *list)
{
	enum { KEYS = 8 };
	const struct rpc_condition *keys[KEYS];
	uint32_t counts[KEYS], used = 0, best = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct rpc_match *match = list->rules[i].rule.match;
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

/* What is found while a list is sorted by texts. */
struct sorting {
	const struct built_list *list;
	struct slice *texts; /* of each bucket */
	struct pair *pairs;
	uint32_t buckets, pair_count;
};

/* Members of one bucket side by side: those of bucket b are from starts[b] on. */
static struct built_rule *sort_pairs(const struct sorting *s, const uint32_t **starts_out,
				     struct arena *scratch)
{
	uint32_t *starts = ARENA_NEW_ARRAY(scratch, uint32_t, (size_t)s->buckets + 1);
	uint32_t *next = ARENA_NEW_ARRAY(scratch, uint32_t, (size_t)s->buckets + 1);
	struct built_rule *members = ARENA_NEW_ARRAY(scratch, struct built_rule, s->pair_count);

	for (uint32_t i = 0; i < s->pair_count; i++)
		starts[s->pairs[i].bucket + 1]++;
	for (uint32_t b = 0; b < s->buckets; b++)
		next[b + 1] = starts[b + 1] += starts[b];
	for (uint32_t i = 0; i < s->pair_count; i++) {
		struct built_rule *member = &members[next[s->pairs[i].bucket]++];
		*member = s->list->rules[s->pairs[i].place];
		/* Who is found by the text has its one condition met. */
		const struct rpc_match *match = member->rule.match;
		if (match->condition_count == 1 && !match->headers && !match->fraction)
			member->rule.match = NULL;
	}
	*starts_out = starts;
	return members;
}

/* Sorts the list's rules by the texts they ask for; rest: those that ask something else. */
static void gather(struct sorting *s, struct built_list *rest, const struct rpc_condition *key,
		   struct arena *scratch)
{
	const struct built_list *list = s->list;
	const struct rpc_condition *condition;
	const struct slice *texts;
	struct name_map map;
	uint32_t count;
	size_t total = 0;

	for (uint32_t i = 0; i < list->count; i++)
		if ((condition = find_key(list->rules[i].rule.match, key))) {
			value_match_texts(&condition->value, &texts, &count);
			total += count;
		}
	s->texts = ARENA_NEW_ARRAY(scratch, struct slice, total);
	s->pairs = ARENA_NEW_ARRAY(scratch, struct pair, total);
	rest->rules = ARENA_NEW_ARRAY(scratch, struct built_rule, list->count);
	name_map_init(&map, total, scratch);
	for (uint32_t i = 0; i < list->count; i++) {
		condition = find_key(list->rules[i].rule.match, key);
		if (!condition) {
			rest->rules[rest->count++] = list->rules[i];
			continue;
		}
		value_match_texts(&condition->value, &texts, &count);
		for (uint32_t t = 0; t < count; t++) {
			uint32_t bucket = name_map_add(&map, texts[t], s->buckets);
			if (bucket == s->buckets)
				s->texts[s->buckets++] = texts[t];
			s->pairs[s->pair_count++] = (struct pair){bucket, i};
		}
	}
}

static void build_switch(struct built_list *list, struct arena *arena, struct arena *scratch)
{
	const struct rpc_condition *key = choose_key(list);
	struct sorting s = {.list = list};
	struct built_list rest = {.count = 0};
	struct text_records records;
	const uint32_t *starts;
	struct rpc_switch *sw;

	if (!key)
		return;
	gather(&s, &rest, key, scratch);
	struct built_rule *members = sort_pairs(&s, &starts, scratch);
	uint32_t mask = text_slots_count(s.buckets) - 1;
	struct text_slot *slots = ARENA_NEW_ARRAY(scratch, struct text_slot, (size_t)mask + 1);
	text_records_init(&records, scratch);
	for (uint32_t b = 0; b < s.buckets; b++) {
		struct built_list bucket = {members + starts[b], NULL, starts[b + 1] - starts[b]};
		text_records_fit(&records,
				 text_record_size(s.texts[b].len) + list_size(bucket.count));
		size_t at = write_record(&records, s.texts[b], &bucket);
		text_slots_add(slots, mask, name_hash(s.texts[b]), text_records_at(at));
	}
	sw = ARENA_NEW(arena, struct rpc_switch);
	sw->key = key;
	sw->needs = list->rules[s.pairs[0].place].rule.match->needs;
	text_table_finish(&sw->texts, slots, mask, &records, arena);
	struct rpc_list *others = arena_zalloc(arena, list_size(rest.count));
	fill_list(others, &rest);
	sw->rest = others;
	list->by_value = sw;
}

/* --- lists, methods, interfaces */

struct builder {
	const struct rpc_rule_entry *entries;
	struct rpc_rules *rules;
	struct arena *arena;
	struct arena scratch;
	struct rpc_pool *pool;
	struct diag *diag;
	struct text_records records; /* of interfaces */
	uint32_t *interface_of;      /* of each entry */
	uint32_t *sorted;            /* entries by interface, each in order */
};

/* The list of these entries, up to the first that takes every call. */
static enum status build_list(struct builder *b, struct built_list *list, const uint32_t *entries,
			      uint32_t count)
{
	uint32_t used = 0;

	while (used < count && b->entries[entries[used++]].match)
		;
	const struct rpc_match **matches =
		ARENA_NEW_ARRAY(&b->scratch, const struct rpc_match *, used);
	for (uint32_t i = 0; i < used; i++)
		matches[i] = b->entries[entries[i]].match;
	enum status status = rpc_match_share_needs(matches, used, b->pool, b->diag);
	*list = (struct built_list){ARENA_NEW_ARRAY(&b->scratch, struct built_rule, used), NULL,
				    used};
	for (uint32_t i = 0; i < used && !status; i++) {
		const struct rpc_match *match =
			matches[i] ? rpc_match_keep(matches[i], b->pool) : NULL;
		unsigned bits = match ? rpc_match_looks_at(match) : 0;
		b->rules->needs_arguments |= (bits & ROUTE_LOOKED_AT_ARGUMENTS) != 0;
		b->rules->needs_attachments |=
			(bits & (ROUTE_LOOKED_AT_HEADERS | ROUTE_LOOKED_AT_ARGUMENTS)) != 0;
		list->rules[i] =
			(struct built_rule){{b->entries[entries[i]].route, match}, entries[i]};
	}
	if (!status && used >= SWITCH_FROM)
		build_switch(list, b->arena, &b->scratch);
	return status;
}

/* An interface's entries by method: those of names[m] are at sorted[starts[m]] and on, in the last
 * place those of more than one method. */
struct by_method {
	struct slice *names;
	uint32_t *sorted, *starts;
	uint32_t count;
};

static void sort_by_method(struct by_method *by, struct builder *b, const uint32_t *entries,
			   uint32_t count)
{
	struct arena *scratch = &b->scratch;
	uint32_t *method_of = ARENA_NEW_ARRAY(scratch, uint32_t, count);
	struct name_map map;

	by->names = ARENA_NEW_ARRAY(scratch, struct slice, count);
	by->sorted = ARENA_NEW_ARRAY(scratch, uint32_t, count);
	by->count = 0;
	name_map_init(&map, count, scratch);
	for (uint32_t i = 0; i < count; i++) {
		struct slice method = b->entries[entries[i]].method;
		method_of[i] = method.data ? name_map_add(&map, method, by->count) : UINT32_MAX;
		if (method_of[i] == by->count)
			by->names[by->count++] = method;
	}
	uint32_t *starts = ARENA_NEW_ARRAY(scratch, uint32_t, (size_t)by->count + 3);
	for (uint32_t i = 0; i < count; i++)
		starts[(method_of[i] == UINT32_MAX ? by->count : method_of[i]) + 2]++;
	for (uint32_t m = 0; m <= by->count; m++)
		starts[m + 2] += starts[m + 1];
	for (uint32_t i = 0; i < count; i++)
		by->sorted[starts[(method_of[i] == UINT32_MAX ? by->count : method_of[i]) + 1]++] =
			entries[i];
	by->starts = starts;
}

static struct rpc_interface *interface_at(struct builder *b, size_t at)
{
	return (void *)(uintptr_t)text_record_rest((void *)(b->records.bytes + at));
}

/* Writes the record of one interface, and returns its place. */
static enum status build_interface(struct builder *b, uint32_t *place, struct slice name,
				   const uint32_t *entries, uint32_t count)
{
	struct built_list list;
	struct by_method by;
	enum status status;

	sort_by_method(&by, b, entries, count);
	uint32_t mask = text_slots_count(by.count) - 1;
	text_records_align(&b->records);
	size_t at = text_records_begin(&b->records, name);
	*place = text_records_at(at);
	text_records_add(&b->records, sizeof(struct rpc_interface) +
					      ((size_t)mask + 1) * sizeof(struct text_slot));
	interface_at(b, at)->mask = mask;
	for (uint32_t m = 0; m < by.count; m++) {
		status = build_list(b, &list, by.sorted + by.starts[m],
				    by.starts[m + 1] - by.starts[m]);
		if (status)
			return status;
		size_t method = write_record(&b->records, by.names[m], &list);
		text_slots_add(interface_at(b, at)->methods, mask, name_hash(by.names[m]),
			       text_records_at(method - at));
	}
	status = build_list(b, &list, by.sorted + by.starts[by.count],
			    by.starts[by.count + 1] - by.starts[by.count]);
	if (!status && list.count) {
		size_t others = write_list(&b->records, &list);
		interface_at(b, at)->others = text_records_at(others - at);
	}
	return status;
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

/* Gives each entry its interface, and makes the tries that lead there. How many there are, and of
 * them exact ones. */
static uint32_t build_keys(struct builder *b, size_t count, uint32_t *exact)
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
	*exact = keys[INTERFACE_EXACT].count;
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
	uint32_t exact;

	arena_init(&b.scratch, 65536);
	b.interface_of = ARENA_NEW_ARRAY(&b.scratch, uint32_t, count);
	uint32_t interfaces = build_keys(&b, count, &exact);
	const uint32_t *starts = sort_entries(&b, count, interfaces);
	uint32_t mask = text_slots_count(exact) - 1;
	struct text_slot *slots = ARENA_NEW_ARRAY(&b.scratch, struct text_slot, (size_t)mask + 1);
	uint32_t *places = ARENA_NEW_ARRAY(arena, uint32_t, interfaces);
	text_records_init(&b.records, &b.scratch);
	for (uint32_t i = 0; i < interfaces && !status; i++) {
		const uint32_t *own = b.sorted + starts[i];
		struct interface_pattern pattern = entries[own[0]].interface;
		status = build_interface(&b, &places[i], pattern.text, own,
					 starts[i + 1] - starts[i]);
		if (pattern.kind == INTERFACE_EXACT)
			text_slots_add(slots, mask, name_hash(pattern.text), places[i]);
		if (pattern.kind == INTERFACE_ANY)
			rules->any = places[i];
	}
	rules->places = places;
	text_table_finish(&rules->exact, slots, mask, &b.records, arena);
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
