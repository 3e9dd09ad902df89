#include "message/uuid.h"

#include "message/grammar.h"

typedef uint8_t bytes16 __attribute__((vector_size(16)));

/* The digits of 16 bytes, each a half. */
static void put_digits(char *out, bytes16 halves)
{
	bytes16 is_letter = (bytes16)(halves > 9);
	halves += '0' + (is_letter & ('a' - '0' - 10));
	memcpy(out, &halves, sizeof halves);
}

void uuid_make(struct random *random, char *out)
{
	uint64_t number[2] = {random_next(random), random_next(random)};
	bytes16 bytes, high, low;
	char text[32];

	memcpy(&bytes, number, sizeof bytes);
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* variant */
	high = bytes >> 4;
	low = bytes & 15;
	put_digits(text, __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
						 21, 6, 22, 7, 23));
	put_digits(text + 16, __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12,
						      28, 13, 29, 14, 30, 15, 31));
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
