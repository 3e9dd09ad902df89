/* Ring hash: every host stands at many places of a circle of hashes, a key goes to the next place
 * at or after its own hash.
 *
 * The places are those of Envoy's ring (hash of "key_0", "key_1", …), so both send a key to the
 * same host. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "upstream/balancer.h"
#include "upstream/hash_key.h"

struct place {
	uint64_t hash;
	uint32_t host;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->host > b->host) - (a->host < b->host);
}

/* The hashes of the host's places number 0 to n - 1. */
static void put_places(struct place *places, uint64_t n, struct slice key, uint32_t host,
		       bool is_murmur, struct arena *arena)
{
	char *text = arena_alloc(arena, key.len + 24);

	memcpy(text, key.data, key.len);
	for (uint64_t i = 0; i < n; i++) {
		int digits = snprintf(text + key.len, 24, "_%llu", (unsigned long long)i);
		struct slice whole = slice_make(text, key.len + (size_t)digits);
		places[i] =
			(struct place){is_murmur ? hash_murmur2(whole) : hash_bytes(whole), host};
	}
}

static void keep(struct host_group *group, const struct place *places, uint64_t n,
		 struct arena *arena)
{
	uint64_t *ring = ARENA_NEW_ARRAY(arena, uint64_t, n);
	uint32_t *slots = ARENA_NEW_ARRAY(arena, uint32_t, n);

	for (uint64_t i = 0; i < n; i++) {
		ring[i] = places[i].hash;
		slots[i] = places[i].host;
	}
	group->ring = ring;
	group->slots = slots;
	group->size = (uint32_t)n;
}

static void ring_hash_build(struct host_group *group, const struct balance_input *in)
{
	struct arena scratch;
	double smallest, greatest;

	arena_init(&scratch, 4096);
	const double *shares = hash_shares(group, in, &scratch, &smallest, &greatest);
	/* So many places that the host with the smallest share has a whole number of them, if the
	 * ring's limit allows. */
	double scale = fmin(ceil(smallest * (double)in->lb->min_ring_size) / smallest,
			    (double)in->lb->max_ring_size);
	uint64_t room = (uint64_t)ceil(scale) + group->count + 1, n = 0;
	struct place *places = malloc(room * sizeof *places);
	double wanted = 0;
	invariant(places);
	group->min_entries = (uint64_t)ceil(scale);
	for (uint32_t i = 0; i < group->count; i++) {
		uint64_t before = n;
		wanted += scale * shares[i];
		while ((double)n < wanted && n < room)
			n++;
		put_places(places + before, n - before,
			   hash_key(in->set, group_host(group, i), in->lb, &scratch), i,
			   in->lb->is_murmur, &scratch);
		group->min_entries =
			n - before < group->min_entries ? n - before : group->min_entries;
		group->max_entries =
			n - before > group->max_entries ? n - before : group->max_entries;
	}
	qsort(places, n, sizeof *places, compare_places);
	keep(group, places, n, in->arena);
	free(places);
	arena_free(&scratch);
}

/* The first place at or after the hash, or 0. */
static uint32_t find_place(const struct host_group *group, uint64_t hash)
{
	uint32_t low = 0, high = group->size;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (group->ring[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < group->size ? low : 0;
}

static uint32_t ring_hash_pick(const struct host_group *group, const struct host_set *set,
			       struct balance_state *state, uint64_t hash, unsigned attempt)
{
	uint32_t at = (uint32_t)((find_place(group, hash) + (uint64_t)attempt) % group->size);

	(void)state;
	for (uint32_t tries = 0; tries < group->size; tries++) {
		if (group_may_use(group, set, group->slots[at]))
			return group->slots[at];
		at = at + 1 < group->size ? at + 1 : 0;
	}
	return BALANCE_NONE;
}

const struct balancer ring_hash_balancer = {
	.name = "ring_hash",
	.build = ring_hash_build,
	.pick = ring_hash_pick,
};
