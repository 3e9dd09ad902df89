#include "base/random.h"

#include "base/hash.h"

void random_init(struct random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		random->state[i] = hash_uint64(seed += UINT64_C(0x9e3779b97f4a7c15));
}

uint32_t random_below_slow(struct random *random, uint32_t n, uint64_t product)
{
	uint32_t threshold = -n % n; /* 2^32 mod n */

	while ((uint32_t)product < threshold)
		product = (random_next(random) >> 32) * n;
	return (uint32_t)(product >> 32);
}
