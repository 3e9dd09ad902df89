#include "message/uuid.h"

#include <string.h>

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
