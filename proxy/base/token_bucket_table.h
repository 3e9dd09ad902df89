/* Token buckets by key, a bounded number of them: a key that is new takes the place of the one that
 * was asked for the longest ago.
 *
 *   key ─> set (key mod count) ─> [slot][slot] … 16 of them: the key's own, else the oldest
 *
 * Two threads that meet a new key at once may both get a fresh bucket, or share one with a key that
 * is being displaced, for that one moment: a limit is never missed by more than a bucket.
 *
 * Owner: whoever embeds it, last in its struct (its slots follow). Thread: any. */
#ifndef BASE_TOKEN_BUCKET_TABLE_H
#define BASE_TOKEN_BUCKET_TABLE_H

#include <stddef.h>

#include "base/token_bucket.h"

enum { TOKEN_BUCKET_TABLE_WAYS = 16 };

struct token_bucket_slot {
	_Atomic uint64_t key; /* 0: free */
	_Atomic uint64_t asked_ns;
	struct token_bucket bucket;
};

struct token_bucket_table {
	uint32_t set_count;
	struct token_bucket_slot slots[];
};

/* Bytes of a table for at least `count` keys. */
size_t token_bucket_table_size(uint32_t count);

/* Empty. The limits as in token_bucket_init. */
void token_bucket_table_init(struct token_bucket_table *table, uint32_t count, uint64_t max_tokens,
			     uint64_t tokens_per_fill, uint64_t fill_interval_ns);

/* The key's bucket, full if the key is new. Never NULL. */
struct token_bucket *token_bucket_table_get(struct token_bucket_table *table, uint64_t key,
					    uint64_t now_ns);

#endif
