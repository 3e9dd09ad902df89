#include "base/base64.h"

static const char last_digits[2][3] = {"+/", "-_"}; /* of the alphabets */

/* 0 to 63, or -1. */
static int digit_value(char c, enum base64_form form)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == last_digits[form][0])
		return 62;
	return c == last_digits[form][1] ? 63 : -1;
}

bool base64_decode(struct slice text, enum base64_form form, struct arena *arena,
		   struct slice *bytes)
{
	if (form == BASE64_STANDARD && text.len % 4 == 0)
		for (int i = 0; i < 2 && text.len && text.data[text.len - 1] == '='; i++)
			text.len--;
	if (text.len % 4 == 1)
		return false;

	char *out = arena_alloc(arena, text.len / 4 * 3 + 3);
	size_t len = 0;
	uint32_t word = 0;
	for (size_t i = 0; i < text.len; i++) {
		int value = digit_value(text.data[i], form);
		if (value < 0)
			return false;
		word = word << 6 | (uint32_t)value;
		if (i % 4)
			out[len++] = (char)(word >> (6 - 2 * (i % 4)));
	}
	/* Bits that no byte takes must be 0: one text for each value. */
	unsigned left = text.len % 4 == 2 ? 4 : text.len % 4 == 3 ? 2 : 0;
	if (word & ((1u << left) - 1))
		return false;
	*bytes = slice_make(out, len);
	return true;
}
