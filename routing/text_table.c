#include "routing/text_table.h"

uint32_t text_slots_count(size_t texts)
{
	uint32_t count = 1;

	invariant(texts < UINT32_MAX / 4);
	while (count - count / 5 <= texts) /* one is empty at least: a search ends there */
		count *= 2;
	return count;
}

void text_slots_add(struct text_slot *slots, uint32_t mask, uint32_t hash, uint32_t at)
{
	uint32_t i = hash & mask;

	while (slots[i].at)
		i = (i + 1) & mask;
	slots[i] = (struct text_slot){hash, at};
}

void text_records_init(struct text_records *records, struct arena *scratch)
{
	*records = (struct text_records){.scratch = scratch};
	text_records_add(records, CACHE_LINE); /* place 0 is nobody's */
}

size_t text_records_add(struct text_records *records, size_t size)
{
	size_t offset = records->len;

	if (records->capacity - offset < size) {
		size_t capacity = 2 * (offset + size);
		char *bytes = arena_alloc(records->scratch, capacity);
		if (offset)
			memcpy(bytes, records->bytes, offset);
		records->bytes = bytes;
		records->capacity = capacity;
	}
	memset(records->bytes + offset, 0, size);
	records->len += size;
	invariant(records->len < TEXT_RECORDS_MAX);
	return offset;
}

size_t text_records_begin(struct text_records *records, struct slice text)
{
	size_t offset = text_records_add(records, text_record_size(text.len));
	uint32_t len = (uint32_t)text.len;

	memcpy(records->bytes + offset, &len, sizeof len);
	if (len)
		memcpy(records->bytes + offset + offsetof(struct text_record, text), text.data,
		       len);
	return offset;
}

void text_records_align(struct text_records *records)
{
	text_records_add(records, -records->len & (CACHE_LINE - 1));
}

void text_records_fit(struct text_records *records, size_t size)
{
	size_t used = records->len % CACHE_LINE;

	if (used + size % CACHE_LINE > CACHE_LINE)
		text_records_align(records);
}

void text_table_finish(struct text_table *table, const struct text_slot *slots, uint32_t mask,
		       const struct text_records *records, struct arena *arena)
{
	size_t size = ((size_t)mask + 1) * sizeof *slots;
	size_t first = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	char *bytes = arena_alloc_table(arena, first + records->len);

	memcpy(bytes, slots, size);
	memcpy(bytes + first, records->bytes, records->len);
	*table = (struct text_table){(const void *)bytes, bytes + first, mask};
}
