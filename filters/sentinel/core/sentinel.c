#include "filters/sentinel/core/sentinel.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/hash.h"
#include "filters/sentinel/core/core_running.h"

struct sentinel *sentinel_new(const struct sentinel_options *options, int64_t now_ms)
{
	struct sentinel *sentinel = calloc(1, sizeof(*sentinel));

	invariant(sentinel);
	sentinel->options = *options;
	if (!options->workers)
		sentinel->options.workers = 1;
	if (!options->resources_max)
		sentinel->options.resources_max = SENTINEL_RESOURCES_MAX;
	if (!options->contexts_max)
		sentinel->options.contexts_max = SENTINEL_CONTEXTS_MAX;
	if (options->cold_factor <= 1)
		sentinel->options.cold_factor = SENTINEL_COLD_FACTOR;
	name_table_init(&sentinel->resources, sentinel->options.resources_max);
	name_table_init(&sentinel->contexts, sentinel->options.contexts_max);
	sentinel->entrance = node_new(sentinel->options.workers, leap_window(now_ms));
	return sentinel;
}

static void free_resource(struct name_entry *entry)
{
	resource_free((struct resource *)(void *)entry);
}

static void free_context(struct name_entry *entry)
{
	free(entry);
}

void sentinel_free(struct sentinel *sentinel)
{
	if (!sentinel)
		return;
	name_table_fini(&sentinel->resources, free_resource);
	name_table_fini(&sentinel->contexts, free_context);
	node_free(sentinel->entrance);
	inheritance_free(sentinel->inherited);
	free(sentinel);
}

struct numbers {
	_Atomic uint32_t *next;
	uint32_t limit;
};

/* A number of its own for a new name; false when there is none left, or the name is too long.
 * Numbers that a race wastes are taken from the limit, too. */
static bool number(struct sentinel *sentinel, struct slice name, struct numbers numbers,
		   uint32_t *id)
{
	_Atomic uint32_t *next = numbers.next;

	*id = atomic_load_explicit(next, memory_order_relaxed);
	do {
		if (*id >= numbers.limit || name.len > SENTINEL_NAME_MAX) {
			atomic_fetch_add_explicit(&sentinel->overflows, 1, memory_order_relaxed);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(next, id, *id + 1, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static COLD struct resource *add_resource(struct sentinel *sentinel, struct slice name,
					  uint64_t hash, enum resource_type type, int64_t now_ms)
{
	uint32_t id;

	const struct numbers numbers = {&sentinel->next_resource, sentinel->options.resources_max};

	if (!number(sentinel, name, numbers, &id))
		return NULL;
	struct resource *made =
		resource_new(name, hash, id, type, sentinel->options.workers, leap_window(now_ms));
	struct name_entry *entry = name_table_add(&sentinel->resources, &made->entry);
	if (entry != &made->entry)
		resource_free(made);
	return (struct resource *)(void *)entry;
}

struct resource *sentinel_resource(struct sentinel *sentinel, struct slice name,
				   enum resource_type type, int64_t now_ms)
{
	uint64_t hash = hash_bytes(name);
	struct name_entry *entry = name_table_find(&sentinel->resources, name, hash);

	return LIKELY(entry != NULL) ? (struct resource *)(void *)entry
				     : add_resource(sentinel, name, hash, type, now_ms);
}

struct resource *sentinel_find_resource(const struct sentinel *sentinel, struct slice name)
{
	return (struct resource *)(void *)name_table_find(&sentinel->resources, name,
							  hash_bytes(name));
}

static COLD const struct context *add_context(struct sentinel *sentinel, struct slice name,
					      uint64_t hash)
{
	uint32_t id;

	const struct numbers numbers = {&sentinel->next_context, sentinel->options.contexts_max};

	if (!number(sentinel, name, numbers, &id))
		return NULL;
	struct context *made = calloc(1, sizeof(*made) + name.len);
	invariant(made);
	if (name.len)
		memcpy(made + 1, name.data, name.len);
	made->entry.name = slice_make(made + 1, name.len);
	made->entry.hash = hash;
	made->id = id;
	struct name_entry *entry = name_table_add(&sentinel->contexts, &made->entry);
	if (entry != &made->entry)
		free(made);
	return (const struct context *)(const void *)entry;
}

const struct context *sentinel_context(struct sentinel *sentinel, struct slice name)
{
	uint64_t hash = hash_bytes(name);
	struct name_entry *entry = name_table_find(&sentinel->contexts, name, hash);

	return LIKELY(entry != NULL) ? (const struct context *)(const void *)entry
				     : add_context(sentinel, name, hash);
}

static void store_real(_Atomic uint64_t *word, double real)
{
	uint64_t bits;

	memcpy(&bits, &real, sizeof(bits));
	atomic_store_explicit(word, bits, memory_order_relaxed);
}

static double load_real(const _Atomic uint64_t *word)
{
	uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);
	double real;

	memcpy(&real, &bits, sizeof(real));
	return real;
}

void sentinel_set_status(struct sentinel *sentinel, struct system_status status)
{
	store_real(&sentinel->load, status.load);
	store_real(&sentinel->cpu, status.cpu);
}

struct system_status sentinel_status(const struct sentinel *sentinel)
{
	return (struct system_status){load_real(&sentinel->load), load_real(&sentinel->cpu)};
}
