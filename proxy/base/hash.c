#include "base/hash.h"

#include <xxhash.h>

uint64_t hash_bytes(struct slice bytes)
{
	return XXH64(bytes.data, bytes.len, 0);
}

uint64_t hash_seeded(struct slice bytes, uint64_t seed)
{
	return XXH64(bytes.data, bytes.len, seed);
}
