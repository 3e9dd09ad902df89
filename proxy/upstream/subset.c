#include "upstream/subset.h"

#include <stdlib.h>

#include "base/hash.h"
#include "message/metadata.h"
#include "routing/policy.h"
#include "upstream/labels.h"

#define SUBSET_SPACE SLICE("envoy.lb")

enum {
	SUBSET_KEYS_MAX = 16,         /* of a selector; more are never found */
	SUBSET_COMBINATIONS_MAX = 64, /* of a host's list values; further ones are left out */
};

struct subset {
	struct subset *next; /* in its hash chain */
	const struct subset_selector *selector;
	const struct label **values; /* one a key of the selector */
	uint64_t hash;
	uint32_t *hosts;
	uint32_t count, capacity;
	bool is_lacking; /* its hosts have no label of some key */
	struct balance *balance;
};

struct subset_index {
	struct subset **slots;                   /* a power of 2 */
	uint32_t size, count, lacking_count;     /* lacking: of count */
	const struct subset_selector *selectors; /* copies */
	uint32_t selector_count;
	enum subset_fallback fallback;
	bool panic_any;
	struct balance *fallback_subset; /* DEFAULT_SUBSET; NULL: no host has its labels */
};

/* The hash that labels_new gives to labels of these keys and values alone. */
static uint64_t hash_values(const struct slice *keys, const struct label *const *values,
			    uint32_t count)
{
	uint64_t hash = count;
	for (uint32_t i = 0; i < count; i++) {
		hash = hash_combine(hash, hash_bytes(SUBSET_SPACE));
		hash = hash_combine(hash, hash_bytes(keys[i]));
		hash = hash_combine(hash, label_hash(values[i]));
	}
	return hash;
}

/* --- building --- */

struct builder {
	struct host_set *set;
	struct subset_index *index;
	struct arena *arena; /* the set's */
	struct arena scratch;
	const struct subset_config *config;
};

static bool has_values(const struct subset *subset, const struct subset_selector *selector,
		       const struct label *const *values)
{
	if (subset->selector != selector)
		return false;
	for (uint32_t i = 0; i < selector->key_count; i++)
		if (!label_equal(subset->values[i], values[i]))
			return false;
	return true;
}

static void grow_table(struct builder *b)
{
	struct subset_index *index = b->index;
	struct subset **old = index->slots;
	uint32_t old_size = index->size;

	index->size = old_size ? old_size * 2 : 16;
	index->slots = ARENA_NEW_ARRAY(b->arena, struct subset *, index->size);
	for (uint32_t i = 0; i < old_size; i++)
		for (struct subset *s = old[i], *next; s; s = next) {
			next = s->next;
			s->next = index->slots[s->hash & (index->size - 1)];
			index->slots[s->hash & (index->size - 1)] = s;
		}
}

static struct subset *get_subset(struct builder *b, const struct subset_selector *selector,
				 const struct label *const *values)
{
	struct subset_index *index = b->index;
	uint64_t hash = hash_values(selector->keys, values, selector->key_count);

	if (index->count >= index->size)
		grow_table(b);
	struct subset *s = index->slots[hash & (index->size - 1)];
	while (s && !(s->hash == hash && has_values(s, selector, values)))
		s = s->next;
	if (s)
		return s;
	s = ARENA_NEW(b->arena, struct subset);
	s->selector = selector;
	s->hash = hash;
	s->values = ARENA_NEW_ARRAY(b->arena, const struct label *, selector->key_count);
	memcpy(s->values, values, selector->key_count * sizeof *values);
	s->next = index->slots[hash & (index->size - 1)];
	index->slots[hash & (index->size - 1)] = s;
	index->count++;
	return s;
}

static void add_host(struct builder *b, struct subset *s, uint32_t host)
{
	if (s->count && (s->hosts[s->count - 1] == host || s->selector->is_single_host))
		return;
	if (s->count == s->capacity) {
		uint32_t capacity = s->capacity ? s->capacity * 2 : 4;
		uint32_t *hosts = ARENA_NEW_ARRAY(b->arena, uint32_t, capacity);
		if (s->count)
			memcpy(hosts, s->hosts, s->count * sizeof *hosts);
		s->hosts = hosts;
		s->capacity = capacity;
	}
	s->hosts[s->count++] = host;
}

static const struct label no_label = {.kind = LABEL_NULL};

/* Bits: the keys that some host has a label of. */
static uint32_t known_keys(const struct host_set *set, const struct subset_selector *selector)
{
	uint32_t known = 0;

	for (uint32_t k = 0; k < selector->key_count; k++)
		for (uint32_t i = 0; i < set->label_count && !(known >> k & 1); i++)
			if (labels_find(set->label_list[i], SUBSET_SPACE, selector->keys[k]))
				known |= UINT32_C(1) << k;
	return known;
}

/* The host goes into one subset for each combination of its values, of which lists give several. */
static void place_host(struct builder *b, const struct subset_selector *selector, uint32_t known,
		       uint32_t host)
{
	const struct label *found[SUBSET_KEYS_MAX], *values[SUBSET_KEYS_MAX];
	uint32_t combinations = 1;
	bool is_lacking = false;

	for (uint32_t k = 0; k < selector->key_count; k++) {
		found[k] =
			labels_find(host_set_labels(b->set, host), SUBSET_SPACE, selector->keys[k]);
		if (!found[k]) {
			if (!(known >> k & 1) || selector->is_single_host)
				return;
			found[k] = &no_label;
			is_lacking = true;
		}
		if (b->config->list_as_any && found[k]->kind == LABEL_LIST)
			combinations = combinations <= SUBSET_COMBINATIONS_MAX
					       ? combinations * found[k]->count
					       : combinations;
	}
	for (uint32_t c = 0; c < combinations && c < SUBSET_COMBINATIONS_MAX; c++) {
		uint32_t rest = c;
		for (uint32_t k = 0; k < selector->key_count; k++) {
			values[k] = found[k];
			if (b->config->list_as_any && found[k]->kind == LABEL_LIST) {
				values[k] = &found[k]->items[rest % found[k]->count];
				rest /= found[k]->count;
			}
		}
		struct subset *subset = get_subset(b, selector, values);
		if (is_lacking && !subset->count) {
			subset->is_lacking = true;
			b->index->lacking_count++;
		}
		add_host(b, subset, host);
	}
}

static bool holds_value(const struct label *label, const struct label *wanted, bool list_as_any)
{
	if (label && list_as_any && label->kind == LABEL_LIST)
		for (uint32_t i = 0; i < label->count; i++)
			if (label_equal(&label->items[i], wanted))
				return true;
	return label && label_equal(label, wanted);
}

static bool holds_all(const struct labels *labels, const struct labels *wanted, bool list_as_any)
{
	for (uint32_t i = 0; i < wanted->count; i++)
		if (!holds_value(labels_find(labels, wanted->items[i].space, wanted->items[i].key),
				 &wanted->items[i], list_as_any))
			return false;
	return true;
}

static struct balance *balance_some(struct builder *b, const struct cluster *cluster,
				    const uint32_t *hosts, uint32_t count)
{
	struct lb_config lb = cluster->lb;
	lb.is_locality_weighted &= b->config->is_locality_weight_aware;
	return balance_build(b->set, &lb, hosts, count, &b->set->cursor_count, b->arena);
}

static void build_default(struct builder *b, const struct cluster *cluster)
{
	uint32_t *hosts = ARENA_NEW_ARRAY(b->arena, uint32_t, b->set->count), count = 0;

	for (uint32_t i = 0; i < b->set->count; i++)
		if (holds_all(host_set_labels(b->set, i), b->config->default_subset,
			      b->config->list_as_any))
			hosts[count++] = i;
	if (count)
		b->index->fallback_subset = balance_some(b, cluster, hosts, count);
}

static void copy_keys(struct arena *arena, struct slice **keys, uint32_t count)
{
	const struct slice *from = *keys;
	*keys = ARENA_NEW_ARRAY(arena, struct slice, count);
	for (uint32_t i = 0; i < count; i++)
		(*keys)[i] = arena_slice(arena, from[i]);
}

/* The set may outlive the version of the cluster that it was built for. */
static struct subset_selector *copy_selectors(struct arena *arena,
					      const struct subset_config *config)
{
	struct subset_selector *selectors =
		ARENA_NEW_ARRAY(arena, struct subset_selector, config->selector_count);
	for (uint32_t i = 0; i < config->selector_count; i++) {
		selectors[i] = config->selectors[i];
		copy_keys(arena, &selectors[i].keys, selectors[i].key_count);
		copy_keys(arena, &selectors[i].fallback_keys, selectors[i].fallback_key_count);
	}
	return selectors;
}

struct subset_index *subset_index_build(struct host_set *set, const struct cluster *cluster)
{
	const struct subset_config *config = &cluster->subsets;
	struct builder b = {.set = set, .arena = &set->published.arena, .config = config};

	if (!config->is_enabled)
		return NULL;
	b.index = ARENA_NEW(b.arena, struct subset_index);
	*b.index = (struct subset_index){
		.selectors = copy_selectors(b.arena, config),
		.selector_count = config->selector_count,
		.fallback = config->fallback,
		.panic_any = config->panic_any,
	};
	for (uint32_t s = 0; s < config->selector_count; s++) {
		const struct subset_selector *selector = &b.index->selectors[s];
		if (selector->key_count > SUBSET_KEYS_MAX)
			continue;
		uint32_t known = known_keys(set, selector);
		for (uint32_t i = 0; i < set->count; i++)
			place_host(&b, selector, known, i);
	}
	for (uint32_t i = 0; i < b.index->size; i++)
		for (struct subset *s = b.index->slots[i]; s; s = s->next)
			s->balance = balance_some(&b, cluster, s->hosts, s->count);
	build_default(&b, cluster);
	return b.index;
}

uint32_t subset_index_count(const struct subset_index *index)
{
	return index ? index->count - index->lacking_count : 0;
}

/* --- choosing --- */

/* What a pick asks for: keys and values, sorted by key. */
struct wish {
	const struct slice *keys;
	struct slice key_room[SUBSET_KEYS_MAX];
	const struct label *values[SUBSET_KEYS_MAX];
	uint32_t count;
};

/* Adds a label in the order of keys; of two with the same key the later one holds. False: too many.
 */
static bool add_wish(struct wish *wish, const struct label *label)
{
	uint32_t at = wish->count;

	while (at && slice_compare(wish->key_room[at - 1], label->key) > 0)
		at--;
	if (at && slice_equal(wish->key_room[at - 1], label->key)) {
		wish->values[at - 1] = label;
		return true;
	}
	if (wish->count == SUBSET_KEYS_MAX)
		return false;
	for (uint32_t i = wish->count++; i > at; i--) {
		wish->key_room[i] = wish->key_room[i - 1];
		wish->values[i] = wish->values[i - 1];
	}
	wish->key_room[at] = label->key;
	wish->values[at] = label;
	return true;
}

/* policy: of the pick's narrowing, or NULL. False: nothing is asked for, or too much. */
static bool read_wish(struct wish *wish, const struct pick *pick, const struct policy_wish *policy)
{
	const struct labels *match = pick->match;
	const struct metadata *metadata = pick->metadata;

	wish->count = 0;
	wish->keys = wish->key_room;
	for (uint32_t i = 0; match && i < match->count; i++)
		if (slice_equal(match->items[i].space, SUBSET_SPACE) &&
		    !add_wish(wish, &match->items[i]))
			return false;
	for (uint32_t i = 0; metadata && i < metadata->count; i++)
		if (slice_equal(metadata->items[i].space, SUBSET_SPACE) &&
		    !add_wish(wish, &metadata->items[i]))
			return false;
	for (uint32_t i = 0; policy && i < policy->count; i++)
		if (!add_wish(wish, &policy->labels[i]))
			return false;
	return wish->count > 0;
}

static bool has_keys(const struct subset_selector *selector, const struct wish *wish)
{
	if (selector->key_count != wish->count)
		return false;
	for (uint32_t i = 0; i < wish->count; i++)
		if (!slice_equal(selector->keys[i], wish->keys[i]))
			return false;
	return true;
}

static const struct subset *find_subset(const struct subset_index *index, const struct wish *wish)
{
	uint64_t hash = hash_values(wish->keys, wish->values, wish->count);

	if (!index->size)
		return NULL;
	for (const struct subset *s = index->slots[hash & (index->size - 1)]; s; s = s->next)
		if (s->hash == hash && has_keys(s->selector, wish) &&
		    has_values(s, s->selector, wish->values))
			return s;
	return NULL;
}

static const struct subset_selector *find_selector(const struct subset_index *index,
						   const struct wish *wish)
{
	for (uint32_t i = 0; i < index->selector_count; i++)
		if (has_keys(&index->selectors[i], wish))
			return &index->selectors[i];
	return NULL;
}

/* Leaves only the values of the selector's fallback keys, which are fewer: so this ends. */
static void narrow(struct wish *wish, const struct subset_selector *selector)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < wish->count; i++)
		for (uint32_t k = 0; k < selector->fallback_key_count; k++)
			if (slice_equal(wish->key_room[i], selector->fallback_keys[k])) {
				wish->key_room[kept] = wish->key_room[i];
				wish->values[kept++] = wish->values[i];
				break;
			}
	wish->count = kept;
}

static uint32_t pick_default(const struct host_set *set, struct balance_state *state,
			     struct pick *pick)
{
	if (!set->subsets->fallback_subset)
		return BALANCE_NONE;
	return balance_pick(set, set->subsets->fallback_subset, state, pick);
}

static uint32_t fall_back(const struct host_set *set, struct balance_state *state,
			  struct pick *pick)
{
	const struct subset_index *index = set->subsets;
	uint32_t host = BALANCE_NONE;

	if (index->fallback == SUBSET_FALLBACK_ANY)
		host = balance_pick(set, set->balance, state, pick);
	else if (index->fallback == SUBSET_FALLBACK_DEFAULT)
		host = pick_default(set, state, pick);
	else
		return BALANCE_NONE;
	pick->subset = PICK_FALLBACK;
	if (host == BALANCE_NONE && index->panic_any) {
		host = balance_pick(set, set->balance, state, pick);
		pick->subset = PICK_FALLBACK_PANIC;
	}
	if (host == BALANCE_NONE)
		pick->subset = PICK_WHOLE;
	return host;
}

/* --- choosing for policies --- */

/* In panic the balance gives any host. A healthy one of this subset comes before the next wish. */
static uint32_t find_healthy(const struct host_set *set, const struct subset *subset,
			     struct balance_state *state)
{
	uint32_t at = balance_random_below(state, subset->count);

	for (uint32_t i = 0; i < subset->count && i < BALANCE_SKIP_MAX; i++) {
		uint32_t host = subset->hosts[(at + i) % subset->count];
		if (!host_is_unhealthy(set->hosts[host]))
			return host;
	}
	return BALANCE_NONE;
}

/* *fallback: a host that isn't well, kept for when nothing better is found. */
static uint32_t pick_wish(const struct host_set *set, struct balance_state *state,
			  struct pick *pick, const struct policy_wish *policy, uint32_t *fallback)
{
	const struct balance *balance = set->balance;
	const struct subset *subset = NULL;
	struct wish wish;

	if (read_wish(&wish, pick, policy)) {
		subset = find_subset(set->subsets, &wish);
		if (!subset)
			return BALANCE_NONE;
		balance = subset->balance;
	} else if (wish.count) {
		return BALANCE_NONE;
	}
	uint32_t host = balance_pick(set, balance, state, pick);
	if (LIKELY(!pick->was_panic) || host == BALANCE_NONE ||
	    !host_is_unhealthy(set->hosts[host]))
		return host;
	if (*fallback == BALANCE_NONE)
		*fallback = host;
	return subset ? find_healthy(set, subset, state) : BALANCE_NONE;
}

static uint32_t pick_narrowed(const struct host_set *set, struct balance_state *state,
			      struct pick *pick)
{
	const struct narrowing *narrowing = pick->narrowing;
	uint32_t fallback = BALANCE_NONE;

	for (uint32_t i = 0; i < narrowing->count; i++) {
		uint32_t host = pick_wish(set, state, pick, &narrowing->wishes[i], &fallback);
		if (host == BALANCE_NONE)
			continue;
		pick->subset = i ? PICK_FALLBACK : PICK_SUBSET;
		return host;
	}
	pick->was_panic = fallback != BALANCE_NONE;
	return fallback;
}

uint32_t subset_pick(const struct host_set *set, struct balance_state *state, struct pick *pick)
{
	struct wish wish;

	pick->subset = PICK_WHOLE;
	if (UNLIKELY(pick->narrowing != NULL))
		return pick_narrowed(set, state, pick);
	if (!read_wish(&wish, pick, NULL))
		return fall_back(set, state, pick);
	for (;;) {
		const struct subset *subset = find_subset(set->subsets, &wish);
		if (subset) {
			pick->subset = PICK_SUBSET;
			return balance_pick(set, subset->balance, state, pick);
		}
		const struct subset_selector *selector = find_selector(set->subsets, &wish);
		switch (selector ? selector->fallback : SUBSET_FALLBACK_NOT_DEFINED) {
		case SUBSET_FALLBACK_NOT_DEFINED:
			return fall_back(set, state, pick);
		case SUBSET_FALLBACK_NONE:
			return BALANCE_NONE;
		case SUBSET_FALLBACK_ANY:
			return balance_pick(set, set->balance, state, pick);
		case SUBSET_FALLBACK_DEFAULT:
			return pick_default(set, state, pick);
		case SUBSET_FALLBACK_KEYS:
			narrow(&wish, selector);
			break;
		}
	}
}
