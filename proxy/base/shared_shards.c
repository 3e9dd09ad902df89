#include "base/shared_shards.h"

#include "base/hash.h"

size_t shared_shards_size(uint32_t count)
{
	return sizeof(struct shared_shards) + 2 * (size_t)count * sizeof(uint64_t);
}

uint64_t shared_shard_owner(struct slice name)
{
	uint64_t owner = hash_bytes(name) & ~(uint64_t)SHARED_SHARD_FENCED;
	return owner ? owner : 2;
}

static bool is_equal(const struct shared_shards *shards, uint64_t now, const uint64_t *words)
{
	for (uint32_t i = 0; i < shards->count; i++)
		if (shared_shards_word(shards, now, i) != words[i])
			return false;
	return true;
}

/* A slot for the version, if the next one is free; else writes go on counting where they do, which
 * tells later that they are done, never earlier. */
static void begin_slot(struct shared_shards *shards, uint64_t version)
{
	uint32_t next = (atomic_load(&shards->current) + 1) % SHARED_SHARDS_SLOTS;
	struct shared_shards_slot *slot = &shards->slots[next];

	if (atomic_load(&slot->under_way))
		return;
	atomic_store(&slot->since, version);
	atomic_store(&shards->current, next);
}

enum shared_shards_adopted shared_shards_adopt(struct shared_shards *shards, uint64_t version,
					       const uint64_t *words)
{
	uint64_t now = shared_shards_now(shards), before = shared_shards_version(now);
	uint64_t half = !(now & 1);

	if (version < before)
		return SHARED_SHARDS_OLDER;
	if (version == before)
		return is_equal(shards, now, words) ? SHARED_SHARDS_SAME : SHARED_SHARDS_DIFFERENT;
	for (uint32_t i = 0; i < shards->count; i++)
		atomic_store(&shards->words[half * shards->count + i], words[i]);
	atomic_store(&shards->now, version << 1 | half);
	begin_slot(shards, version);
	return SHARED_SHARDS_NEWER;
}

bool shared_shards_enter(struct shared_shards *shards, uint64_t now, unsigned *slot)
{
	*slot = atomic_load(&shards->current);
	atomic_fetch_add(&shards->slots[*slot].under_way, 1);
	if (shared_shards_now(shards) == now)
		return true;
	shared_shards_leave(shards, *slot);
	return false;
}

void shared_shards_leave(struct shared_shards *shards, unsigned slot)
{
	atomic_fetch_sub(&shards->slots[slot].under_way, 1);
}

uint64_t shared_shards_drained(const struct shared_shards *shards)
{
	uint32_t current = atomic_load(&shards->current);
	uint64_t drained = atomic_load(&shards->slots[current].since);

	for (uint32_t i = 0; i < SHARED_SHARDS_SLOTS; i++) {
		uint64_t since = atomic_load(&shards->slots[i].since);
		if (atomic_load(&shards->slots[i].under_way) && since < drained)
			drained = since;
	}
	return drained;
}

uint64_t shared_shards_news(struct shared_shards *shards)
{
	uint64_t drained = shared_shards_drained(shards), told = atomic_load(&shards->told);

	while (told < drained)
		if (atomic_compare_exchange_weak(&shards->told, &told, drained))
			return drained - told;
	return 0;
}

/* --- for base/shared.h --- */

static void init(void *state, const void *config)
{
	struct shared_shards *shards = state;
	shards->count = *(const uint32_t *)config;
}

static size_t save(const void *state, uint64_t *words, size_t max)
{
	const struct shared_shards *shards = state;
	uint64_t now = shared_shards_now(shards);

	if (max < (size_t)shards->count + 1)
		return 0;
	words[0] = shared_shards_version(now);
	for (uint32_t i = 0; i < shards->count; i++)
		words[i + 1] = shared_shards_word(shards, now, i);
	return (size_t)shards->count + 1;
}

static void restore(void *state, const uint64_t *words, size_t count)
{
	struct shared_shards *shards = state;

	if (count == (size_t)shards->count + 1 && words[0])
		(void)shared_shards_adopt(shards, words[0], words + 1);
}

const struct shared_type shared_shards_type = {
	.name = "shards",
	.init = init,
	.save = save,
	.restore = restore,
};
