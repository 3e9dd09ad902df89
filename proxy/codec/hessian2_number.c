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

int64_t hessian2_integer(const struct hessian2_tag *tag, const uint8_t *p)
{
	int64_t high = p[0] - tag->base;

	switch (tag->size) {
	case 1:
		return high;
	case 2:
		return high * 256 + p[1];
	case 3:
		return high * 65536 + p[1] * 256 + p[2];
	case 5:
		return (int32_t)big_endian(p + 1, 4);
	}
	return (int64_t)big_endian(p + 1, 8);
}

double hessian2_double(const struct hessian2_tag *tag, const uint8_t *p)
{
	uint32_t half_bits;
	uint64_t bits;
	double value;
	float half;

	switch (tag->form) {
	case HESSIAN2_WHOLE:
		return tag->size == 1   ? p[0] - tag->base
		       : tag->size == 2 ? (int8_t)p[1]
					: (int16_t)big_endian(p + 1, 2);
	case HESSIAN2_MILLI:
		return 0.001 * (int32_t)big_endian(p + 1, 4);
	case HESSIAN2_IEEE_32:
		half_bits = (uint32_t)big_endian(p + 1, 4);
		memcpy(&half, &half_bits, sizeof half);
		return (double)half;
	}
	bits = big_endian(p + 1, 8);
	memcpy(&value, &bits, sizeof value);
	return value;
}

int64_t hessian2_date(const struct hessian2_tag *tag, const uint8_t *p)
{
	if (tag->form == HESSIAN2_MINUTES)
		return (int64_t)(int32_t)big_endian(p + 1, 4) * 60000;
	return (int64_t)big_endian(p + 1, 8);
}
