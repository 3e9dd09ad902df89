#include "codec/hessian2_number.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An unsigned big-endian number of `size` bytes. */
static uint64_t big_endian(const uint8_t *p, unsigned size)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < size; i++)
		sum = sum << 8 | p[i];
	return sum;
}

int32_t hessian2_int_value(const uint8_t *p)
{
	uint8_t t = p[0];

	if (t == 'I')
		return (int32_t)big_endian(p + 1, 4);
	if (t < 0xc0)
		return t - 0x90;
	if (t < 0xd0)
		return (t - 0xc8) * 256 + p[1];
	return (t - 0xd4) * 65536 + p[1] * 256 + p[2];
}

int64_t hessian2_long_value(const uint8_t *p)
{
	uint8_t t = p[0];

	if (t == 'L')
		return (int64_t)big_endian(p + 1, 8);
	if (t == 0x59)
		return (int32_t)big_endian(p + 1, 4);
	if (t < 0x40)
		return (t - 0x3c) * 65536 + p[1] * 256 + p[2];
	if (t < 0xf0)
		return t - 0xe0;
	return (t - 0xf8) * 256 + p[1];
}

double hessian2_double_value(const uint8_t *p)
{
	uint64_t bits;
	double value;

	switch (p[0]) {
	case 0x5b:
		return 0;
	case 0x5c:
		return 1;
	case 0x5d:
		return (int8_t)p[1];
	case 0x5e:
		return (int16_t)big_endian(p + 1, 2);
	case 0x5f:
		return 0.001 * (int32_t)big_endian(p + 1, 4);
	}
	bits = big_endian(p + 1, 8);
	memcpy(&value, &bits, sizeof value);
	return value;
}

struct slice hessian2_double_text(double value, struct arena *arena)
{
	char digits[32], *exponent_at;
	int precision = __builtin_fabs(value) < DBL_MIN ? 2 : 15; /* 15 digits always come back */

	if (value != value)
		return SLICE("NaN");
	if (value - value != 0)
		return value > 0 ? SLICE("Infinity") : SLICE("-Infinity");
	if (value == 0)
		return __builtin_signbit(value) ? SLICE("-0.0") : SLICE("0.0");
	do
		snprintf(digits, sizeof digits, "%.*e", precision - 1, value);
	while (strtod(digits, NULL) != value && ++precision <= 17);

	const char *sign = digits[0] == '-' ? "-" : "";
	char *first = digits + (digits[0] == '-');
	exponent_at = strchr(first, 'e');
	int exponent = atoi(exponent_at + 1);
	first[1] = first[0]; /* d.ddd: the point goes, the digits become one run */
	first++;
	int count = (int)(exponent_at - first);
	while (count > 1 && first[count - 1] == '0')
		count--;

	char *text;
	if (exponent < -3 || exponent >= 7)
		text = arena_printf(arena, "%s%c.%.*sE%d", sign, first[0],
				    count > 1 ? count - 1 : 1, count > 1 ? first + 1 : "0",
				    exponent);
	else if (exponent < 0)
		text = arena_printf(arena, "%s0.%.*s%.*s", sign, -exponent - 1, "00", count, first);
	else if (count <= exponent + 1)
		text = arena_printf(arena, "%s%.*s%.*s.0", sign, count, first, exponent + 1 - count,
				    "000000");
	else
		text = arena_printf(arena, "%s%.*s.%.*s", sign, exponent + 1, first,
				    count - exponent - 1, first + exponent + 1);
	return slice_of(text);
}
