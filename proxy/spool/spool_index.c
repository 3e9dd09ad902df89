#include "spool/spool_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

enum { FIRST_SIZE = 64 };

static bool has_key(struct spool_key key)
{
	return key.words[0] | key.words[1];
}

/* --- the heap --- */

static bool is_before(const struct spool_entry *a, const struct spool_entry *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->id < b->id;
}

static void set(struct spool_index *index, uint32_t at, struct spool_entry *entry)
{
	index->heap[at] = entry;
	entry->heap_at = at;
}

static void rise(struct spool_index *index, uint32_t at)
{
	struct spool_entry *entry = index->heap[at];

	while (at && is_before(entry, index->heap[(at - 1) / 2])) {
		set(index, at, index->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	set(index, at, entry);
}

static void sink(struct spool_index *index, uint32_t at)
{
	struct spool_entry *entry = index->heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= index->waiting)
			break;
		if (child + 1 < index->waiting &&
		    is_before(index->heap[child + 1], index->heap[child]))
			child++;
		if (!is_before(index->heap[child], entry))
			break;
		set(index, at, index->heap[child]);
		at = child;
	}
	set(index, at, entry);
}

static void wait_for_turn(struct spool_index *index, struct spool_entry *entry)
{
	if (index->waiting == index->heap_size) {
		index->heap_size = index->heap_size ? index->heap_size * 2 : FIRST_SIZE;
		index->heap = realloc(index->heap, index->heap_size * sizeof(struct spool_entry *));
		invariant(index->heap);
	}
	set(index, index->waiting++, entry);
	rise(index, entry->heap_at);
}

void spool_index_take(struct spool_index *index, struct spool_entry *entry)
{
	uint32_t at = entry->heap_at;
	struct spool_entry *last = index->heap[--index->waiting];

	entry->heap_at = SPOOL_OUT;
	if (last == entry)
		return;
	set(index, at, last);
	sink(index, at);
	rise(index, last->heap_at);
}

/* --- the chains --- */

static struct spool_entry **chain_at(const struct spool_index *index, uint64_t word)
{
	return &index->chains[word & (index->chain_count - 1)];
}

/* Those without a key are nowhere looked for: they are spread by their ids. */
static struct spool_entry **chain_of(const struct spool_index *index,
				     const struct spool_entry *entry)
{
	return chain_at(index, has_key(entry->key) ? entry->key.words[0] : entry->id);
}

static void grow_chains(struct spool_index *index)
{
	struct spool_index old = *index;

	index->chain_count = old.chain_count ? old.chain_count * 2 : FIRST_SIZE;
	index->chains = calloc(index->chain_count, sizeof(struct spool_entry *));
	invariant(index->chains);
	for (uint32_t i = 0; i < old.chain_count; i++) {
		while (old.chains[i]) {
			struct spool_entry *entry = old.chains[i], **chain;
			old.chains[i] = entry->next;
			chain = chain_of(index, entry);
			entry->next = *chain;
			*chain = entry;
		}
	}
	free(old.chains);
}

struct spool_entry *spool_index_find(const struct spool_index *index, struct spool_key key)
{
	struct spool_entry *entry =
		index->chain_count && has_key(key) ? *chain_at(index, key.words[0]) : NULL;

	while (entry && memcmp(&entry->key, &key, sizeof key) != 0)
		entry = entry->next;
	return entry;
}

/* --- entries --- */

void spool_index_init(struct spool_index *index)
{
	*index = (struct spool_index){.count = 0};
}

void spool_index_fini(struct spool_index *index)
{
	for (uint32_t i = 0; i < index->chain_count; i++) {
		while (index->chains[i]) {
			struct spool_entry *entry = index->chains[i];
			index->chains[i] = entry->next;
			free(entry);
		}
	}
	free(index->chains);
	free(index->heap);
	spool_index_init(index);
}

struct spool_entry *spool_index_add(struct spool_index *index, const struct spool_record *record,
				    struct spool_place place)
{
	struct spool_entry *entry = calloc(1, sizeof *entry), **chain;

	invariant(entry);
	entry->id = record->id;
	entry->key = record->key;
	entry->created_ms = entry->due_ms = record->created_ms;
	entry->place = place;
	if (index->count >= index->chain_count)
		grow_chains(index);
	index->count++;
	chain = chain_of(index, entry);
	entry->next = *chain;
	*chain = entry;
	wait_for_turn(index, entry);
	return entry;
}

struct spool_entry *spool_index_first(const struct spool_index *index)
{
	return index->waiting ? index->heap[0] : NULL;
}

void spool_index_retry(struct spool_index *index, struct spool_entry *entry, uint64_t due_ms)
{
	entry->due_ms = due_ms;
	wait_for_turn(index, entry);
}

void spool_index_remove(struct spool_index *index, struct spool_entry *entry)
{
	struct spool_entry **at = chain_of(index, entry);

	if (entry->heap_at != SPOOL_OUT)
		spool_index_take(index, entry);
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	index->count--;
	free(entry);
}
