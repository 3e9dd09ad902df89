#include "base/published.h"

#include <stdlib.h>

void pin_table_init(struct pin_table *table,
		    void (*give_back)(struct pin_table *table, struct published *object))
{
	*table = (struct pin_table){.give_back = give_back};
}

void pin_release(struct pin *pin)
{
	struct pin_table *table = pin->table;
	struct published *object = pin->object;

	free(pin);
	table->pin_count--;
	table->give_back(table, object);
}

static void pin_retire(struct pin *pin)
{
	pin->is_retired = true;
	if (!pin->count)
		pin_release(pin);
}

void pin_table_fini(struct pin_table *table)
{
	for (int kind = 0; kind < PUBLISHED_KINDS; kind++) {
		for (uint32_t slot = 0; slot < table->size[kind]; slot++)
			if (table->pins[kind][slot])
				pin_retire(table->pins[kind][slot]);
		free(table->pins[kind]);
	}
	invariant(!table->pin_count);
	pin_table_init(table, table->give_back);
}

static void table_grow(struct pin_table *table, enum published_kind kind, uint32_t slot)
{
	uint32_t size = table->size[kind] ? table->size[kind] : 8;

	invariant(slot < UINT32_MAX / 2);
	while (size <= slot)
		size *= 2;
	struct pin **pins = realloc(table->pins[kind], size * sizeof *pins);
	invariant(pins);
	for (uint32_t i = table->size[kind]; i < size; i++)
		pins[i] = NULL;
	table->pins[kind] = pins;
	table->size[kind] = size;
}

void pin_table_set(struct pin_table *table, enum published_kind kind, uint32_t slot,
		   struct published *object)
{
	struct pin *old = pin_find(table, kind, slot);
	struct pin *pin = NULL;

	if (!old && !object)
		return;
	if (slot >= table->size[kind])
		table_grow(table, kind, slot);
	if (object) {
		pin = malloc(sizeof *pin);
		invariant(pin);
		*pin = (struct pin){.object = object, .table = table};
		table->pin_count++;
	}
	table->pins[kind][slot] = pin;
	if (old)
		pin_retire(old);
}
