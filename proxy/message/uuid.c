#include "message/uuid.h"

#include "message/grammar.h"

/* Eight digits of a word at once, the highest first: a nibble a byte, then '0' and, from 10 on, the
 * way to 'a'. */
static void put_word(char *out, uint32_t word)
{
	uint32_t w = __builtin_bswap32(word);
	uint64_t n = (w >> 4 & 0x0f0f0f0f) | (w & 0x0f0f0f0f)
						     << 4; /* the lower half is written first */

	n = (n | n << 16) & UINT64_C(0x0000ffff0000ffff);
	n = (n | n << 8) & UINT64_C(0x00ff00ff00ff00ff);
	n = (n | n << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	uint64_t is_letter =
		((n + UINT64_C(0x0606060606060606)) >> 4) & UINT64_C(0x0101010101010101);
	n += UINT64_C(0x3030303030303030) + is_letter * ('a' - '0' - 10);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	n = __builtin_bswap64(n);
#endif
	memcpy(out, &n, sizeof n);
}

void uuid_make(struct random *random, char *out)
{
	uint64_t high = random_next(random), low = random_next(random);
	char text[32];

	high = (high & ~UINT64_C(0xf000)) | 0x4000;             /* version 4 */
	low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63; /* variant */
	put_word(text, (uint32_t)(high >> 32));
	put_word(text + 8, (uint32_t)high);
	put_word(text + 16, (uint32_t)(low >> 32));
	put_word(text + 24, (uint32_t)low);
	memcpy(out, text, 8);
	memcpy(out + 9, text + 8, 4);
	memcpy(out + 14, text + 12, 4);
	memcpy(out + 19, text + 16, 4);
	memcpy(out + 24, text + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
}

bool uuid_is_valid(struct slice text)
{
	if (text.len != UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_dash ? text.data[i] != '-' : !grammar_is((uint8_t)text.data[i], GRAMMAR_HEX))
			return false;
	}
	return true;
}

bool uuid_number(struct slice text, uint32_t *number)
{
	uint32_t sum = 0;

	if (text.len < 8 || !grammar_all(slice_sub(text, 0, 8), GRAMMAR_HEX))
		return false;
	for (int i = 0; i < 8; i++)
		sum = sum << 4 | grammar_hex(text.data[i]);
	*number = sum;
	return true;
}
