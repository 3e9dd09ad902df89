/* What stands in a spool's files: records, one behind the other.
 *
 *   file:    "ORSPOOL1" record record record …            the last one may be cut short
 *   record:  [length u32][crc u32] [type u8][0 u8 x 3][id u64] …       length: of what follows it
 *              REQUEST   … [created ms u64][key u64 u64] bytes         crc: of all but itself
 *              OVER      … nothing: the request of that id is done with
 *
 * Little endian. Pure. */
#ifndef SPOOL_SPOOL_RECORD_H
#define SPOOL_SPOOL_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "base/status.h"

#define SPOOL_MAGIC "ORSPOOL1"

enum {
	SPOOL_MAGIC_LEN = 8,
	SPOOL_FRONT = 20,                   /* up to the id, which all records have */
	SPOOL_REQUEST_FRONT = 44,           /* of a request, up to its bytes */
	SPOOL_RECORD_MAX = (64 << 20) + 64, /* a longer one is no record */
};

enum spool_record_type {
	SPOOL_REQUEST = 1,
	SPOOL_OVER = 2,
};

/* Who sends the same twice says so by a key; all zero: none. 128 bits of a hash. */
struct spool_key {
	uint64_t words[2];
};

struct spool_record {
	enum spool_record_type type;
	uint64_t id;
	uint64_t created_ms; /* wall clock; of a request, as the following */
	struct spool_key key;
	struct slice bytes; /* borrowed */
};

static inline size_t spool_record_size(const struct spool_record *record)
{
	return record->type == SPOOL_OVER ? SPOOL_FRONT : SPOOL_REQUEST_FRONT + record->bytes.len;
}

/* Writes all of the record but `bytes`, which follow; returns how many (SPOOL_REQUEST_FRONT at
 * most). */
size_t spool_record_write(char out[SPOOL_REQUEST_FRONT], const struct spool_record *record);

/* Reads the record that bytes begin with; its bytes are borrowed. How many it takes. STATUS_AGAIN:
 * it is cut short. STATUS_MALFORMED: it isn't what was written. */
ssize_t spool_record_read(struct slice bytes, struct spool_record *record);

#endif
