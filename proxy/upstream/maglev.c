/* Maglev: a table of prime size in which every host has its share of the entries, at places that
 * move little when hosts come and go. A key's entry is its hash modulo the size.
 *
 * The filling is that of Envoy's table (hosts by key, permutations from XXH64 with seeds 0 and 1),
 * so both send a key to the same host. */
#include <stdlib.h>

#include "base/hash.h"
#include "upstream/balancer.h"
#include "upstream/hash_key.h"

struct entry {
	struct slice key;
	uint64_t offset, skip, next;
	double share, target;
	uint32_t host;
	uint64_t taken;
};

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = slice_compare(a->key, b->key);
	return order ? order : (a->host > b->host) - (a->host < b->host);
}

static struct entry *make_entries(const struct host_group *group, const struct balance_input *in,
				  double *greatest, struct arena *scratch)
{
	uint64_t size = in->lb->table_size;
	double smallest;
	struct entry *entries = ARENA_NEW_ARRAY(scratch, struct entry, group->count);
	const double *shares = hash_shares(group, in, scratch, &smallest, greatest);

	for (uint32_t i = 0; i < group->count; i++) {
		struct slice key = hash_key(in->set, group_host(group, i), in->lb, scratch);
		entries[i] = (struct entry){
			.key = key,
			.offset = hash_bytes(key) % size,
			.skip = hash_seeded(key, 1) % (size - 1) + 1,
			.share = shares[i],
			.host = i,
		};
	}
	qsort(entries, group->count, sizeof *entries, compare_entries);
	return entries;
}

/* The next free slot of the entry's permutation, taken. */
static void take_slot(uint32_t *table, uint64_t size, struct entry *entry)
{
	uint64_t slot = (entry->offset + entry->skip * entry->next) % size;
	while (table[slot] != BALANCE_NONE)
		slot = (entry->offset + entry->skip * ++entry->next) % size;
	table[slot] = entry->host;
	entry->next++;
	entry->taken++;
}

static void maglev_build(struct host_group *group, const struct balance_input *in)
{
	struct arena scratch;
	double greatest;
	uint64_t size = in->lb->table_size, filled = 0;

	arena_init(&scratch, 4096);
	struct entry *entries = make_entries(group, in, &greatest, &scratch);
	uint32_t *table = ARENA_NEW_ARRAY(in->arena, uint32_t, size);
	for (uint64_t i = 0; i < size; i++)
		table[i] = BALANCE_NONE;
	/* The heaviest host takes a slot in every round, one of a third of its weight in every
	 * third. */
	for (uint32_t round = 1; filled < size; round++) {
		for (uint32_t i = 0; i < group->count && filled < size; i++) {
			if (round * entries[i].share < entries[i].target)
				continue;
			entries[i].target += greatest;
			take_slot(table, size, &entries[i]);
			filled++;
		}
	}
	group->min_entries = size;
	for (uint32_t i = 0; i < group->count; i++) {
		group->min_entries = entries[i].taken < group->min_entries ? entries[i].taken
									   : group->min_entries;
		group->max_entries = entries[i].taken > group->max_entries ? entries[i].taken
									   : group->max_entries;
	}
	group->slots = table;
	group->size = (uint32_t)size;
	arena_free(&scratch);
}

static uint32_t maglev_pick(const struct host_group *group, const struct host_set *set,
			    struct balance_state *state, uint64_t hash, unsigned attempt)
{
	(void)state;
	if (attempt) /* another permutation of the key for each further try */
		hash ^= UINT64_MAX - attempt + 1;
	uint32_t at = (uint32_t)(hash % group->size);
	for (uint32_t tries = 0; tries < group->size; tries++) {
		if (group_may_use(group, set, group->slots[at]))
			return group->slots[at];
		at = at + 1 < group->size ? at + 1 : 0;
	}
	return BALANCE_NONE;
}

const struct balancer maglev_balancer = {
	.name = "maglev",
	.build = maglev_build,
	.pick = maglev_pick,
};
