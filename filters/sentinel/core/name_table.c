#include "filters/sentinel/core/name_table.h"

#include <stdlib.h>

#include "base/attributes.h"

void name_table_init(struct name_table *table, uint32_t limit)
{
	uint32_t heads = 16;

	while (heads < limit && heads < UINT32_C(1) << 20)
		heads *= 2;
	table->heads = calloc(heads, sizeof(*table->heads));
	invariant(table->heads);
	table->mask = heads - 1;
	table->limit = limit;
	atomic_init(&table->count, 0);
}

void name_table_fini(struct name_table *table, void (*fn)(struct name_entry *entry))
{
	for (uint32_t i = 0; table->heads && i <= table->mask; i++) {
		struct name_entry *entry =
			atomic_load_explicit(&table->heads[i], memory_order_acquire);
		while (entry) {
			struct name_entry *next = entry->next;
			fn(entry);
			entry = next;
		}
	}
	free(table->heads);
	table->heads = NULL;
}

static struct name_entry *find_in(struct name_entry *entry, struct slice name, uint64_t hash)
{
	for (; entry; entry = entry->next)
		if (entry->hash == hash && slice_equal(entry->name, name))
			return entry;
	return NULL;
}

struct name_entry *name_table_find(const struct name_table *table, struct slice name, uint64_t hash)
{
	return find_in(
		atomic_load_explicit(&table->heads[hash & table->mask], memory_order_acquire), name,
		hash);
}

struct name_entry *name_table_add(struct name_table *table, struct name_entry *entry)
{
	_Atomic(struct name_entry *) *head = &table->heads[entry->hash & table->mask];
	struct name_entry *seen = atomic_load_explicit(head, memory_order_acquire);

	do {
		struct name_entry *other = find_in(seen, entry->name, entry->hash);
		if (other)
			return other;
		entry->next = seen;
	} while (!atomic_compare_exchange_weak_explicit(head, &seen, entry, memory_order_acq_rel,
							memory_order_acquire));
	atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
	return entry;
}

struct name_entry *name_table_next(const struct name_table *table, const struct name_entry *after)
{
	uint32_t i = 0;

	if (after) {
		if (after->next)
			return after->next;
		i = (uint32_t)(after->hash & table->mask) + 1;
	}
	for (; i <= table->mask; i++) {
		struct name_entry *entry =
			atomic_load_explicit(&table->heads[i], memory_order_acquire);
		if (entry)
			return entry;
	}
	return NULL;
}
