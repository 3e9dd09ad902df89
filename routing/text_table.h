/* A hash index from texts to records in which the text stands beside what it leads to: one line of
 * the cache for the slot, the next one for the rest, however large the table is.
 *
 *   slots:   | hash, place | empty | hash, place | …     open addressing, at most 4/5 full
 *   records: | len, text | what its owner has put there | len, text | …
 *
 * Places are in units of 8 bytes from where records begin, never 0. A record may have slots of its
 * own inside, whose places count from the record. Owner: the arena it was built in; immutable.
 * Thread: any, after the build. Limit: TEXT_RECORDS_MAX bytes of records. */
#ifndef ROUTING_TEXT_TABLE_H
#define ROUTING_TEXT_TABLE_H

#include "routing/name_map.h"

enum { CACHE_LINE = 64 };
#define TEXT_RECORDS_MAX (UINT64_C(8) * UINT32_MAX)

struct text_slot {
	uint32_t hash, at; /* at 0: empty */
};

struct text_record {
	uint32_t len;
	char text[]; /* up to the next multiple of 8; what is behind it is the owner's */
};

struct text_table {
	const struct text_slot *slots; /* NULL: empty */
	const char *records;
	uint32_t mask; /* slots - 1 */
};

/* Bytes of a record before the owner's. */
static inline size_t text_record_size(size_t len)
{
	return (sizeof(struct text_record) + len + 7) & ~(size_t)7;
}

static inline const void *text_record_rest(const struct text_record *record)
{
	return (const char *)record + text_record_size(record->len);
}

/* What stands at a place. */
static inline const void *text_place(const void *records, uint32_t at)
{
	return (const char *)records + (size_t)8 * at;
}

/* hash: name_hash(text). lines: of the record, which are fetched at once before the text is
 * compared. NULL: there is none. */
static inline const struct text_record *text_slots_find(const struct text_slot *slots,
							uint32_t mask, const void *records,
							struct slice text, uint32_t hash,
							unsigned lines)
{
	for (uint32_t at = hash & mask; slots[at].at; at = (at + 1) & mask) {
		if (slots[at].hash != hash)
			continue;
		const struct text_record *record = text_place(records, slots[at].at);
		for (unsigned i = 1; i < lines; i++)
			__builtin_prefetch((const char *)record + (size_t)i * CACHE_LINE);
		if (record->len == text.len && name_equal(record->text, text.data, text.len))
			return record;
	}
	return NULL;
}

/* How many slots (a power of 2) so many texts take. */
uint32_t text_slots_count(size_t texts);

/* The text isn't there yet. */
void text_slots_add(struct text_slot *slots, uint32_t mask, uint32_t hash, uint32_t at);

/* Records while they are written one behind the other. */
struct text_records {
	struct arena *scratch;
	char *bytes;
	size_t len, capacity;
};

void text_records_init(struct text_records *records, struct arena *scratch);

/* Adds zeroed bytes, a multiple of 8, and returns their offset. Pointers into bytes die. */
size_t text_records_add(struct text_records *records, size_t size);

/* Begins a record with this text; returns its offset. */
size_t text_records_begin(struct text_records *records, struct slice text);

/* The next one begins a line of the cache. */
void text_records_align(struct text_records *records);

/* A record of so many bytes, if it is the next one, lies in as few lines as it can. */
void text_records_fit(struct text_records *records, size_t size);

/* Offset -> place. */
static inline uint32_t text_records_at(size_t offset)
{
	return (uint32_t)(offset / 8);
}

/* Copies slots and records to the arena, side by side. */
void text_table_finish(struct text_table *table, const struct text_slot *slots, uint32_t mask,
		       const struct text_records *records, struct arena *arena);

#endif
