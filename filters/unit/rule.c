#include "filters/unit/rule.h"

#include "base/hash.h"
#include "message/grammar.h"

/* The number's remainder, never negative, however long it is; false when it is no number. */
static bool remainder_of(struct slice text, uint32_t divisor, uint32_t *remainder)
{
	bool is_negative = text.len && text.data[0] == '-';
	uint64_t rest = 0;

	if (is_negative)
		text = slice_sub(text, 1, text.len);
	if (!text.len || !grammar_all(text, GRAMMAR_DIGIT))
		return false;
	for (size_t i = 0; i < text.len; i++)
		rest = (rest * 10 + (uint64_t)(text.data[i] - '0')) % divisor;
	*remainder = (uint32_t)(is_negative && rest ? divisor - rest : rest);
	return true;
}

static bool part_of(const struct unit_extractor *extractor, struct slice key, struct slice *part)
{
	size_t back = (size_t) - (int64_t)extractor->from;
	size_t from = (size_t)extractor->from;

	if (extractor->from < 0) {
		if (back > key.len)
			return false;
		from = key.len - back;
	}
	if (from >= key.len || extractor->length > key.len - from)
		return false;
	*part = slice_sub(key, from, extractor->length ? from + extractor->length : key.len);
	return true;
}

bool unit_shard(const struct unit_extractor *extractor, uint32_t shard_count, struct slice key,
		uint32_t *shard)
{
	if (!key.len || (extractor->has_substring && !part_of(extractor, key, &key)))
		return false;
	if (!extractor->is_hash)
		return remainder_of(key, shard_count, shard);
	*shard = (uint32_t)(hash_bytes(key) % shard_count);
	return true;
}

const struct unit *unit_find(const struct unit_rule *rule, uint64_t owner)
{
	for (uint32_t i = 0; i < rule->unit_count; i++)
		if (rule->units[i].owner == owner)
			return &rule->units[i];
	return NULL;
}
