#include "spool/spool_record.h"

#include <string.h>

#include "base/crc32.h"

enum {
	LENGTH_SIZE = 4,
	CRC_AT = 4,
	TYPE_AT = 8,
	ID_AT = 12,
	CREATED_AT = 20,
	KEY_AT = 28,
};

static void put(char *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (char)(value >> (8 * i));
}

static uint64_t get(const char *from, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)(uint8_t)from[i] << (8 * i);
	return value;
}

/* Of the length, and of what stands behind the crc. */
static uint32_t crc_of(const char *record, struct slice front, struct slice bytes)
{
	uint32_t crc = crc32(0, slice_make(record, LENGTH_SIZE));

	return crc32(crc32(crc, front), bytes);
}

size_t spool_record_write(char out[SPOOL_REQUEST_FRONT], const struct spool_record *record)
{
	size_t front = record->type == SPOOL_OVER ? SPOOL_FRONT : SPOOL_REQUEST_FRONT;
	struct slice bytes = record->type == SPOOL_OVER ? SLICE("") : record->bytes;

	memset(out, 0, front);
	put(out, spool_record_size(record) - LENGTH_SIZE, 4);
	put(out + TYPE_AT, record->type, 1);
	put(out + ID_AT, record->id, 8);
	if (record->type == SPOOL_REQUEST) {
		put(out + CREATED_AT, record->created_ms, 8);
		put(out + KEY_AT, record->key.words[0], 8);
		put(out + KEY_AT + 8, record->key.words[1], 8);
	}
	put(out + CRC_AT, crc_of(out, slice_make(out + TYPE_AT, front - TYPE_AT), bytes), 4);
	return front;
}

ssize_t spool_record_read(struct slice bytes, struct spool_record *record)
{
	if (bytes.len < SPOOL_FRONT)
		return STATUS_AGAIN;
	uint64_t size = get(bytes.data, 4) + LENGTH_SIZE;
	if (size < SPOOL_FRONT || size > SPOOL_RECORD_MAX)
		return STATUS_MALFORMED;
	if (size > bytes.len)
		return STATUS_AGAIN;
	if (get(bytes.data + CRC_AT, 4) !=
	    crc_of(bytes.data, slice_sub(bytes, TYPE_AT, (size_t)size), SLICE("")))
		return STATUS_MALFORMED;
	*record = (struct spool_record){.id = get(bytes.data + ID_AT, 8)};
	switch (get(bytes.data + TYPE_AT, 4)) { /* the zeroes with it */
	case SPOOL_OVER:
		record->type = SPOOL_OVER;
		return size == SPOOL_FRONT ? (ssize_t)size : STATUS_MALFORMED;
	case SPOOL_REQUEST:
		break;
	default:
		return STATUS_MALFORMED;
	}
	if (size < SPOOL_REQUEST_FRONT)
		return STATUS_MALFORMED;
	record->type = SPOOL_REQUEST;
	record->created_ms = get(bytes.data + CREATED_AT, 8);
	record->key.words[0] = get(bytes.data + KEY_AT, 8);
	record->key.words[1] = get(bytes.data + KEY_AT + 8, 8);
	record->bytes = slice_sub(bytes, SPOOL_REQUEST_FRONT, (size_t)size);
	return (ssize_t)size;
}
