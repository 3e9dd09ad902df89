#include "base/token_bucket_table.h"

static uint32_t sets_of(uint32_t count)
{
	return count / TOKEN_BUCKET_TABLE_WAYS + !!(count % TOKEN_BUCKET_TABLE_WAYS);
}

size_t token_bucket_table_size(uint32_t count)
{
	return sizeof(struct token_bucket_table) +
	       (size_t)sets_of(count) * TOKEN_BUCKET_TABLE_WAYS * sizeof(struct token_bucket_slot);
}

void token_bucket_table_init(struct token_bucket_table *table, uint32_t count, uint64_t max_tokens,
			     uint64_t tokens_per_fill, uint64_t fill_interval_ns)
{
	table->set_count = sets_of(count);
	for (uint32_t i = 0; i < table->set_count * TOKEN_BUCKET_TABLE_WAYS; i++) {
		atomic_init(&table->slots[i].key, 0);
		atomic_init(&table->slots[i].asked_ns, 0);
		token_bucket_init(&table->slots[i].bucket, max_tokens, tokens_per_fill,
				  fill_interval_ns);
	}
}

struct token_bucket *token_bucket_table_get(struct token_bucket_table *table, uint64_t key,
					    uint64_t now_ns)
{
	if (!key)
		key = 1;
	struct token_bucket_slot *set =
		&table->slots[key % table->set_count * TOKEN_BUCKET_TABLE_WAYS];
	struct token_bucket_slot *oldest = set;
	uint64_t oldest_ns = UINT64_MAX;

	for (unsigned i = 0; i < TOKEN_BUCKET_TABLE_WAYS; i++) {
		struct token_bucket_slot *slot = &set[i];
		if (atomic_load_explicit(&slot->key, memory_order_relaxed) == key) {
			atomic_store_explicit(&slot->asked_ns, now_ns, memory_order_relaxed);
			return &slot->bucket;
		}
		uint64_t asked_ns = atomic_load_explicit(&slot->asked_ns, memory_order_relaxed);
		if (asked_ns < oldest_ns) {
			oldest_ns = asked_ns;
			oldest = slot;
		}
	}
	atomic_store_explicit(&oldest->key, key, memory_order_relaxed);
	atomic_store_explicit(&oldest->asked_ns, now_ns, memory_order_relaxed);
	token_bucket_restore(&oldest->bucket, INT64_MIN);
	return &oldest->bucket;
}
