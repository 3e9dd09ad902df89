#include "filters/sentinel/core/value_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

enum {
	PLACES = 8,         /* of a set */
	SETS = 4,           /* of a block */
	PLACE_TAKEN = 1,    /* instead of a fingerprint, while a place changes hands */
	SETS_MAX = 1 << 20, /* for 4 million values */
};

struct value_set {
	_Alignas(64) _Atomic uint64_t fingerprints[PLACES];
	_Atomic uint64_t words[PLACES];
	_Atomic uint32_t used[PLACES]; /* ms, low 32 bits */
};

struct value_block {
	struct value_set sets[SETS];
};

struct place {
	struct value_set *set;
	unsigned index;
};

void value_table_init(struct value_table *table, uint32_t capacity)
{
	uint32_t sets = SETS;

	while (sets < SETS_MAX && (uint64_t)sets * PLACES < (uint64_t)capacity * 2)
		sets *= 2;
	table->blocks = calloc(sets / SETS, sizeof(*table->blocks));
	invariant(table->blocks);
	table->set_mask = sets - 1;
	table->capacity = capacity;
	atomic_init(&table->count, 0);
}

void value_table_fini(struct value_table *table)
{
	for (uint32_t i = 0; table->blocks && i <= table->set_mask / SETS; i++)
		free(atomic_load_explicit(&table->blocks[i], memory_order_acquire));
	free(table->blocks);
	table->blocks = NULL;
}

void value_table_zero(struct value_table *table)
{
	for (uint32_t i = 0; i <= table->set_mask; i++) {
		struct value_block *block =
			atomic_load_explicit(&table->blocks[i / SETS], memory_order_acquire);
		for (unsigned k = 0; block && k < PLACES; k++)
			atomic_store_explicit(&block->sets[i % SETS].words[k], 0,
					      memory_order_relaxed);
	}
}

static uint32_t set_number(const struct value_table *table, uint64_t fingerprint, int which)
{
	uint32_t first = (uint32_t)fingerprint & table->set_mask;

	if (!which)
		return first;
	uint32_t second = (uint32_t)(fingerprint >> 32) & table->set_mask;
	return second == first ? first ^ 1 : second;
}

static struct value_set *find_set(const struct value_table *table, uint32_t number)
{
	struct value_block *block =
		atomic_load_explicit(&table->blocks[number / SETS], memory_order_acquire);
	return block ? &block->sets[number % SETS] : NULL;
}

static bool find(const struct value_table *table, uint64_t fingerprint, struct place *place)
{
	for (int which = 0; which < 2; which++) {
		place->set = find_set(table, set_number(table, fingerprint, which));
		for (unsigned i = 0; place->set && i < PLACES; i++)
			if (atomic_load_explicit(&place->set->fingerprints[i],
						 memory_order_acquire) == fingerprint) {
				place->index = i;
				return true;
			}
	}
	return false;
}

_Atomic uint64_t *value_table_find(const struct value_table *table, uint64_t fingerprint)
{
	struct place place;
	return find(table, fingerprint, &place) ? &place.set->words[place.index] : NULL;
}

static struct value_set *make_set(struct value_table *table, uint32_t number)
{
	struct value_set *set = find_set(table, number);
	struct value_block *none = NULL, *block;

	if (LIKELY(set != NULL))
		return set;
	block = aligned_alloc(64, sizeof(*block));
	invariant(block);
	memset(block, 0, sizeof(*block));
	if (atomic_compare_exchange_strong_explicit(&table->blocks[number / SETS], &none, block,
						    memory_order_acq_rel, memory_order_acquire))
		return &block->sets[number % SETS];
	free(block);
	return &none->sets[number % SETS];
}

/* What a set offers to a new value. */
struct offer {
	struct place empty, oldest; /* set NULL: none */
	unsigned empty_count;
	uint32_t age; /* of the oldest */
};

static void look_at(struct value_set *set, uint32_t now, struct offer *offer)
{
	*offer = (struct offer){0};
	for (unsigned i = 0; i < PLACES; i++) {
		uint32_t age = now - atomic_load_explicit(&set->used[i], memory_order_relaxed);
		uint64_t other = atomic_load_explicit(&set->fingerprints[i], memory_order_relaxed);
		if (!other) {
			offer->empty = (struct place){set, i};
			offer->empty_count++;
		} else if (other != PLACE_TAKEN && (!offer->oldest.set || age > offer->age)) {
			offer->oldest = (struct place){set, i};
			offer->age = age;
		}
	}
}

/* The place for a new value: in the emptier set while there may be more values (and if there is no
 * other), or that of the value used longest ago. set NULL: all are changing hands just now. */
static struct place choose(struct value_table *table, uint64_t fingerprint, uint32_t now)
{
	bool may_grow = atomic_load_explicit(&table->count, memory_order_relaxed) < table->capacity;
	struct offer a, b;

	look_at(make_set(table, set_number(table, fingerprint, 0)), now, &a);
	look_at(make_set(table, set_number(table, fingerprint, 1)), now, &b);
	struct place empty = a.empty_count >= b.empty_count ? a.empty : b.empty;
	struct place oldest =
		b.oldest.set && (!a.oldest.set || b.age > a.age) ? b.oldest : a.oldest;
	return empty.set && (may_grow || !oldest.set) ? empty : oldest;
}

/* Whether the place is ours now, empty and not yet seen by others. */
static bool take(struct value_table *table, struct place place)
{
	_Atomic uint64_t *fingerprint = &place.set->fingerprints[place.index];
	uint64_t old = atomic_load_explicit(fingerprint, memory_order_relaxed);

	if (old == PLACE_TAKEN ||
	    !atomic_compare_exchange_strong_explicit(fingerprint, &old, PLACE_TAKEN,
						     memory_order_acq_rel, memory_order_relaxed))
		return false;
	if (!old)
		atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
	atomic_store_explicit(&place.set->words[place.index], 0, memory_order_relaxed);
	return true;
}

static COLD struct place add(struct value_table *table, uint64_t fingerprint, uint32_t now)
{
	struct place mine, first;

	do {
		if (find(table, fingerprint, &first))
			return first;
		mine = choose(table, fingerprint, now);
	} while (!mine.set || !take(table, mine));
	atomic_store_explicit(&mine.set->used[mine.index], now, memory_order_relaxed);
	atomic_store_explicit(&mine.set->fingerprints[mine.index], fingerprint,
			      memory_order_release);
	/* another thread may have added it at the same moment: the first place counts */
	if (find(table, fingerprint, &first) &&
	    (first.set != mine.set || first.index != mine.index)) {
		atomic_store_explicit(&mine.set->fingerprints[mine.index], 0, memory_order_release);
		atomic_fetch_sub_explicit(&table->count, 1, memory_order_relaxed);
		return first;
	}
	return mine;
}

_Atomic uint64_t *value_table_at(struct value_table *table, uint64_t fingerprint, int64_t now_ms)
{
	uint32_t now = (uint32_t)now_ms;
	struct place place;

	if (UNLIKELY(!find(table, fingerprint, &place)))
		place = add(table, fingerprint, now);
	else if (atomic_load_explicit(&place.set->used[place.index], memory_order_relaxed) != now)
		atomic_store_explicit(&place.set->used[place.index], now, memory_order_relaxed);
	return &place.set->words[place.index];
}

void value_table_each(const struct value_table *table,
		      void (*fn)(void *arg, const struct value_at *value), void *arg)
{
	for (uint32_t i = 0; i <= table->set_mask; i++) {
		const struct value_set *set = find_set(table, i);
		for (uint32_t k = 0; set && k < PLACES; k++) {
			struct value_at value = {
				.place = i * PLACES + k,
				.used_ms =
					atomic_load_explicit(&set->used[k], memory_order_relaxed),
				.fingerprint = atomic_load_explicit(&set->fingerprints[k],
								    memory_order_acquire),
				.word = atomic_load_explicit(&set->words[k], memory_order_relaxed),
			};
			if (value.fingerprint > PLACE_TAKEN)
				fn(arg, &value);
		}
	}
}

bool value_table_put(struct value_table *table, const struct value_at *value)
{
	uint32_t number = value->place / PLACES, k = value->place % PLACES;

	if (value->fingerprint <= PLACE_TAKEN || number > table->set_mask ||
	    (number != set_number(table, value->fingerprint, 0) &&
	     number != set_number(table, value->fingerprint, 1)))
		return false;
	struct value_set *set = make_set(table, number);
	if (atomic_load_explicit(&set->fingerprints[k], memory_order_relaxed))
		return false;
	atomic_store_explicit(&set->words[k], value->word, memory_order_relaxed);
	atomic_store_explicit(&set->used[k], value->used_ms, memory_order_relaxed);
	atomic_store_explicit(&set->fingerprints[k], value->fingerprint, memory_order_release);
	atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
	return true;
}
