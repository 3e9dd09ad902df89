/* Fast pseudo-random numbers (xoshiro256**), one generator a worker. Not for secrets: who sees the
 * numbers can predict the next ones.
 *
 * Owner: whoever embeds it. Thread: one. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* Any seed will do; equal seeds give equal numbers. Workers take theirs from the system's entropy.
 */
void random_init(struct random *random, uint64_t seed);

static inline uint64_t random_rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline uint64_t random_next(struct random *random)
{
	uint64_t *s = random->state, result = random_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = random_rotate(s[3], 45);
	return result;
}

uint32_t random_below_slow(struct random *random, uint32_t n, uint64_t product);

/* Uniform in [0, n). n > 0. */
static inline uint32_t random_below(struct random *random, uint32_t n)
{
	uint64_t product = (random_next(random) >> 32) * n;
	/* The low half says whether this draw belongs to the part that would be over-represented.
	 */
	return (uint32_t)product >= n ? (uint32_t)(product >> 32)
				      : random_below_slow(random, n, product);
}

#endif
