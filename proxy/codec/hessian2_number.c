#include "codec/hessian2_number.h"

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
