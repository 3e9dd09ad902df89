#include "base/md5.h"

#include <string.h>

#include "base/attributes.h"

enum { BLOCK = 64, LENGTH_AT = BLOCK - 8 };

/* The whole part of 2^32 * |sin(i + 1)|. */
static const uint32_t sines[BLOCK] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
	0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
	0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
	0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
	0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
	0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
	0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
	0xeb86d391,
};

/* By round and step in it. */
static const uint8_t turns[4][4] = {
	{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t turn(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static uint32_t read_word(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static void add_block(uint32_t state[static 4], const uint8_t *block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (unsigned i = 0; i < BLOCK; i++) {
		uint32_t mixed;
		unsigned word;
		if (i < 16) {
			mixed = (b & c) | (~b & d);
			word = i;
		} else if (i < 32) {
			mixed = (d & b) | (~d & c);
			word = (5 * i + 1) % 16;
		} else if (i < 48) {
			mixed = b ^ c ^ d;
			word = (3 * i + 5) % 16;
		} else {
			mixed = c ^ (b | ~d);
			word = 7 * i % 16;
		}
		mixed += a + sines[i] + read_word(block + (size_t)4 * word);
		a = d;
		d = c;
		c = b;
		b += turn(mixed, turns[i / 16][i % 4]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

/* What is left of the bytes, a one, zeros, the length in bits: one block or two. */
static void add_end(uint32_t state[static 4], struct slice rest, uint64_t length)
{
	uint8_t blocks[2 * BLOCK] = {0};
	size_t size = rest.len < LENGTH_AT ? BLOCK : sizeof blocks;

	if (rest.len)
		memcpy(blocks, rest.data, rest.len);
	blocks[rest.len] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		blocks[size - 8 + i] = (uint8_t)(length * 8 >> 8 * i);
	for (size_t at = 0; at < size; at += BLOCK)
		add_block(state, blocks + at);
}

void md5_hex(struct slice bytes, char hex[static MD5_HEX_SIZE])
{
	uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
	size_t at = 0;

	for (; bytes.len - at >= BLOCK; at += BLOCK)
		add_block(state, (const uint8_t *)bytes.data + at);
	add_end(state, slice_sub(bytes, at, bytes.len), bytes.len);
	for (unsigned i = 0; i < 16; i++) {
		uint8_t byte = (uint8_t)(state[i / 4] >> 8 * (i % 4));
		hex[2 * i] = "0123456789abcdef"[byte >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[byte & 15];
	}
	hex[32] = 0;
}
