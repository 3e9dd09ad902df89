#include "base/intern.h"

#include <stdlib.h>

enum { ARENA_BLOCK = 4096 };

void intern_init(struct intern *table)
{
	*table = (struct intern){0};
	map_init(&table->ids, NULL);
	arena_init(&table->arena, ARENA_BLOCK);
}

void intern_free(struct intern *table)
{
	map_free(&table->ids);
	arena_free(&table->arena);
	free(table->texts);
	intern_init(table);
}

uint32_t intern_id(struct intern *table, struct slice text)
{
	bool is_new;
	struct map_entry *entry = map_at(&table->ids, text, &is_new);

	if (!is_new)
		return (uint32_t)entry->number;
	if (table->count == table->capacity) {
		invariant(table->capacity <= UINT32_MAX / 2);
		table->capacity = table->capacity ? table->capacity * 2 : 64;
		table->texts =
			realloc(table->texts, (size_t)table->capacity * sizeof *table->texts);
		invariant(table->texts);
	}
	entry->key = arena_slice(&table->arena, text);
	entry->number = table->count;
	table->texts[table->count] = entry->key;
	return table->count++;
}

bool intern_find(const struct intern *table, struct slice text, uint32_t *id)
{
	const struct map_entry *entry = map_find(&table->ids, text);

	if (entry)
		*id = (uint32_t)entry->number;
	return entry;
}

struct slice intern_text(const struct intern *table, uint32_t id)
{
	invariant(id < table->count);
	return table->texts[id];
}
