#include "base/shared.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

enum { CACHE_LINE = 64 };

/* One state, or words that wait for it (state NULL). */
struct record {
	const struct shared_type *type; /* NULL: only restored words so far */
	struct slice type_name, name, key;
	uint64_t config_hash;
	uint32_t references;
	size_t size;
	void *state; /* behind a header that points back here */
	uint64_t *restored;
	size_t restored_count;
	struct record *next; /* while shared_restore_end collects */
};

/* In front of each state, on a cache line of its own. */
struct header {
	struct record *record;
};

static struct {
	pthread_mutex_t lock;
	struct map records; /* by type, name and hash; values are owned */
	size_t states;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct slice copy_text(struct slice s)
{
	char *copy = malloc(s.len + 1);

	invariant(copy);
	if (s.len)
		memcpy(copy, s.data, s.len);
	return slice_make(copy, s.len);
}

/* type, 0, hash of the configuration, name: no two triples give the same bytes. */
static struct slice make_key(struct slice type, struct slice name, uint64_t config_hash)
{
	size_t len = type.len + 1 + sizeof config_hash + name.len;
	char *key = malloc(len);

	invariant(key);
	memcpy(key, type.data, type.len);
	key[type.len] = 0;
	memcpy(key + type.len + 1, &config_hash, sizeof config_hash);
	if (name.len)
		memcpy(key + type.len + 1 + sizeof config_hash, name.data, name.len);
	return slice_make(key, len);
}

static struct record *record_at(struct slice type, struct slice name, uint64_t config_hash)
{
	struct slice key = make_key(type, name, config_hash);
	bool is_new;
	struct map_entry *entry = map_at(&registry.records, key, &is_new);

	if (!is_new) {
		free((char *)(uintptr_t)key.data);
		return entry->value;
	}
	struct record *record = malloc(sizeof *record);
	invariant(record);
	*record = (struct record){
		.type_name = copy_text(type),
		.name = copy_text(name),
		.key = key,
		.config_hash = config_hash,
	};
	entry->value = record;
	return record;
}

static void record_free(struct record *record)
{
	map_remove(&registry.records, record->key);
	if (!registry.records.count)
		map_free(&registry.records);
	free((char *)(uintptr_t)record->type_name.data);
	free((char *)(uintptr_t)record->name.data);
	free((char *)(uintptr_t)record->key.data);
	free(record->restored);
	free(record);
}

static void give_restored(struct record *record)
{
	if (record->restored && record->type->restore)
		record->type->restore(record->state, record->restored, record->restored_count);
	free(record->restored);
	record->restored = NULL;
}

static void state_make(struct record *record, const struct shared_type *type, size_t size,
		       const void *config)
{
	size_t rounded = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	char *bytes = aligned_alloc(CACHE_LINE, CACHE_LINE + rounded);

	invariant(bytes && rounded >= size);
	memset(bytes, 0, CACHE_LINE + rounded);
	((struct header *)(void *)bytes)->record = record;
	record->type = type;
	record->size = size;
	record->state = bytes + CACHE_LINE;
	type->init(record->state, config);
	give_restored(record);
	registry.states++;
}

void *shared_take(const struct shared_type *type, struct slice name, uint64_t config_hash,
		  size_t size, const void *config)
{
	pthread_mutex_lock(&registry.lock);
	struct record *record = record_at(slice_of(type->name), name, config_hash);
	if (!record->state)
		state_make(record, type, size, config);
	invariant(record->size == size);
	record->references++;
	void *state = record->state;
	pthread_mutex_unlock(&registry.lock);
	return state;
}

void *shared_take_for(struct arena *arena, const struct shared_type *type, struct slice name,
		      uint64_t config_hash, size_t size, const void *config)
{
	void *state = shared_take(type, name, config_hash, size, config);

	arena_defer(arena, shared_drop, state);
	return state;
}

void shared_drop(void *state)
{
	if (!state)
		return;
	char *bytes = (char *)state - CACHE_LINE;
	struct record *record = ((struct header *)(void *)bytes)->record;

	pthread_mutex_lock(&registry.lock);
	invariant(record->references);
	if (!--record->references) {
		registry.states--;
		record_free(record);
		free(bytes);
	}
	pthread_mutex_unlock(&registry.lock);
}

void shared_save_all(bool (*fn)(void *arg, struct slice type, struct slice name,
				uint64_t config_hash, const uint64_t *words, size_t count),
		     void *arg)
{
	uint64_t *words = malloc(SHARED_WORDS_MAX * sizeof *words);
	bool goes_on = true;

	invariant(words);
	pthread_mutex_lock(&registry.lock);
	for (struct map_entry *e = NULL; goes_on && (e = map_next(&registry.records, e));) {
		const struct record *record = e->value;
		if (!record->state || !record->type->save)
			continue;
		size_t count = record->type->save(record->state, words, SHARED_WORDS_MAX);
		goes_on =
			fn(arg, record->type_name, record->name, record->config_hash, words, count);
	}
	pthread_mutex_unlock(&registry.lock);
	free(words);
}

void shared_restore(struct slice type, struct slice name, uint64_t config_hash,
		    const uint64_t *words, size_t count)
{
	if (!count || count > SHARED_WORDS_MAX)
		return;
	pthread_mutex_lock(&registry.lock);
	struct record *record = record_at(type, name, config_hash);
	free(record->restored);
	record->restored = malloc(count * sizeof *words);
	invariant(record->restored);
	memcpy(record->restored, words, count * sizeof *words);
	record->restored_count = count;
	if (record->state)
		give_restored(record);
	pthread_mutex_unlock(&registry.lock);
}

void shared_restore_end(void)
{
	struct record *unasked = NULL;

	pthread_mutex_lock(&registry.lock);
	for (struct map_entry *e = NULL; (e = map_next(&registry.records, e));) {
		struct record *record = e->value;
		if (!record->state) {
			record->next = unasked;
			unasked = record;
		}
	}
	while (unasked) {
		struct record *next = unasked->next;
		record_free(unasked);
		unasked = next;
	}
	pthread_mutex_unlock(&registry.lock);
}

size_t shared_count(void)
{
	pthread_mutex_lock(&registry.lock);
	size_t count = registry.states;
	pthread_mutex_unlock(&registry.lock);
	return count;
}
