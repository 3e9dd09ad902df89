/* XXH64 with seed 0: what Envoy hashes with, so that rings, Maglev tables and hash policies agree
 * with it. Also the hash of our own maps. Pure. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/slice.h"

/* The same number on every machine and in every release. */
uint64_t hash_bytes(struct slice bytes);

/* XXH64 with a seed of the caller's: for tables whose keys come from the wire. */
uint64_t hash_seeded(struct slice bytes, uint64_t seed);

/* Mixes one hash into another; the order matters. */
static inline uint64_t hash_combine(uint64_t hash, uint64_t more)
{
	hash ^= more + UINT64_C(0x9e3779b97f4a7c15) + (hash << 6) + (hash >> 2);
	return hash;
}

/* A number to a well-spread one (the finaliser of splitmix64). */
static inline uint64_t hash_uint64(uint64_t n)
{
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

#endif
