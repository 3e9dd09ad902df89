#include "base/crc32.h"

/* Eight bytes a step ("slicing by eight"): tables[n][b] is what the byte b has become when n more
 * bytes have gone by. That is linear in b, so each table follows from what its eight bits become.
 */
/* clang-format off */
#define BITS_0 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320
#define BITS_1 0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b
#define BITS_2 0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80
#define BITS_3 0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b
#define BITS_4 0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1, 0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092
#define BITS_5 0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d, 0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8
#define BITS_6 0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67, 0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2
#define BITS_7 0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5, 0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da
/* clang-format on */

#define BIT(b, n, value) ((b) >> (n)&1 ? (value) : 0u)
#define BYTE_OF(b, v0, v1, v2, v3, v4, v5, v6, v7)                                                 \
	(BIT(b, 0, v0) ^ BIT(b, 1, v1) ^ BIT(b, 2, v2) ^ BIT(b, 3, v3) ^ BIT(b, 4, v4) ^           \
	 BIT(b, 5, v5) ^ BIT(b, 6, v6) ^ BIT(b, 7, v7))
#define BYTE(b, ...) BYTE_OF(b, __VA_ARGS__)
#define BYTES_4(b, ...)                                                                            \
	BYTE(b, __VA_ARGS__), BYTE((b) + 1, __VA_ARGS__), BYTE((b) + 2, __VA_ARGS__),              \
		BYTE((b) + 3, __VA_ARGS__)
#define BYTES_16(b, ...)                                                                           \
	BYTES_4(b, __VA_ARGS__), BYTES_4((b) + 4, __VA_ARGS__), BYTES_4((b) + 8, __VA_ARGS__),     \
		BYTES_4((b) + 12, __VA_ARGS__)
#define BYTES_64(b, ...)                                                                           \
	BYTES_16(b, __VA_ARGS__), BYTES_16((b) + 16, __VA_ARGS__),                                 \
		BYTES_16((b) + 32, __VA_ARGS__), BYTES_16((b) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                 \
	{                                                                                          \
		BYTES_64(0u, __VA_ARGS__), BYTES_64(64u, __VA_ARGS__),                             \
			BYTES_64(128u, __VA_ARGS__), BYTES_64(192u, __VA_ARGS__)                   \
	}

static const uint32_t tables[8][256] = {
	TABLE(BITS_0), TABLE(BITS_1), TABLE(BITS_2), TABLE(BITS_3),
	TABLE(BITS_4), TABLE(BITS_5), TABLE(BITS_6), TABLE(BITS_7),
};

static uint32_t load_le(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32(uint32_t crc, struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.data, *end = p + bytes.len;

	crc = ~crc;
	for (; end - p >= 8; p += 8) {
		uint32_t low = crc ^ load_le(p), high = load_le(p + 4);
		crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^
		      tables[5][low >> 16 & 255] ^ tables[4][low >> 24] ^ tables[3][high & 255] ^
		      tables[2][high >> 8 & 255] ^ tables[1][high >> 16 & 255] ^
		      tables[0][high >> 24];
	}
	for (; p < end; p++)
		crc = tables[0][(crc ^ *p) & 255] ^ crc >> 8;
	return ~crc;
}
