#include "message/uuid.h"

#include "message/grammar.h"

static const char digits[] = "0123456789abcdef";

/* Where the digits of each of the 16 bytes go. */
static const uint8_t places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

void uuid_make(struct random *random, char *out)
{
	uint64_t words[2] = {random_next(random), random_next(random)};
	uint8_t bytes[16];

	memcpy(bytes, words, sizeof bytes);
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* variant */
	out[8] = out[13] = out[18] = out[23] = '-';
	for (int i = 0; i < 16; i++) {
		out[places[i]] = digits[bytes[i] >> 4];
		out[places[i] + 1] = digits[bytes[i] & 15];
	}
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
