#include "codec/dubbo_jsonb.h"

#include <string.h>

/* Tags, by the names that fastjson2 gives them. */
enum {
	STR_ASCII_MIN = 0x49, /* + length, up to 47 */
	STR_ASCII_MAX = 0x78,
	STR_ASCII = 0x79, /* length follows, as a number */
	STR_UTF8 = 0x7a,
	OBJECT_END = 0xa5,
	OBJECT = 0xa6,
	NULL_VALUE = 0xaf,
	FALSE_VALUE = 0xb0,
	TRUE_VALUE = 0xb1,
	INT8 = 0xbd,
	INT16 = 0xbc,
	INT64 = 0xbe,
	INT64_OF_INT = 0xbf,
	INT64_NUM_MIN = 0xd8, /* -8 .. 15 */
	INT64_NUM_MAX = 0xef,
	INT32_NUM_MIN = 0xf0, /* as a signed byte: -16 .. 47 */
	INT32_BYTE_MIN = 0x30,
	INT32_BYTE_ZERO = 0x38,
	INT32_SHORT_MIN = 0x40,
	INT32_SHORT_ZERO = 0x44,
	INT32 = 0x48,
	INT64_BYTE_MIN = 0xc8,
	INT64_BYTE_ZERO = 0xd0,
	INT64_SHORT_MIN = 0xc0,
	INT64_SHORT_ZERO = 0xc4,
};

static uint64_t big_endian(const char *p, unsigned size)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < size; i++)
		sum = sum << 8 | (uint8_t)p[i];
	return sum;
}

static void drop(struct slice *rest, size_t n)
{
	*rest = slice_sub(*rest, n, rest->len);
}

enum status dubbo_jsonb_take_block(struct slice *rest, struct slice *block)
{
	if (rest->len < 4)
		return STATUS_MALFORMED;
	size_t len = big_endian(rest->data, 4);
	if (len > rest->len - 4)
		return STATUS_MALFORMED;
	*block = slice_sub(*rest, 4, 4 + len);
	drop(rest, 4 + len);
	return STATUS_OK;
}

/* Bytes behind the tag of a number, or -1 when t is no number that we know. */
static int number_size(uint8_t t)
{
	if (t >= INT64_NUM_MIN || t <= 0x2f) /* INT32_NUM goes on from 0xf0 through 0x2f */
		return 0;
	if ((t >= INT32_BYTE_MIN && t < INT32_SHORT_MIN) || t == INT8 ||
	    (t >= INT64_BYTE_MIN && t < INT64_NUM_MIN))
		return 1;
	if ((t >= INT32_SHORT_MIN && t < INT32) || (t >= INT64_SHORT_MIN && t < INT64_BYTE_MIN) ||
	    t == INT16)
		return 2;
	if (t == INT32 || t == INT64_OF_INT)
		return 4;
	return t == INT64 ? 8 : -1;
}

/* The number at p; all its bytes are there. */
static int64_t number_value(const char *p)
{
	uint8_t t = (uint8_t)*p++;

	if (t == INT32 || t == INT64_OF_INT)
		return (int32_t)big_endian(p, 4);
	if (t == INT64)
		return (int64_t)big_endian(p, 8);
	if (t == INT8)
		return (int8_t)*p;
	if (t == INT16)
		return (int16_t)big_endian(p, 2);
	if (t >= INT32_NUM_MIN || t < INT32_BYTE_MIN)
		return (int8_t)t;
	if (t >= INT64_NUM_MIN)
		return t - INT64_NUM_MIN - 8;
	if (t >= INT64_BYTE_MIN)
		return (t - INT64_BYTE_ZERO) * 256 + (int64_t)big_endian(p, 1);
	if (t >= INT64_SHORT_MIN)
		return (t - INT64_SHORT_ZERO) * 65536 + (int64_t)big_endian(p, 2);
	if (t >= INT32_SHORT_MIN)
		return (t - INT32_SHORT_ZERO) * 65536 + (int64_t)big_endian(p, 2);
	return (t - INT32_BYTE_ZERO) * 256 + (int64_t)big_endian(p, 1);
}

enum status dubbo_jsonb_take_number(struct slice *rest, int64_t *value)
{
	int size = rest->len ? number_size((uint8_t)rest->data[0]) : -1;

	if (size < 0)
		return rest->len ? STATUS_UNSUPPORTED : STATUS_MALFORMED;
	if (rest->len < 1 + (size_t)size)
		return STATUS_MALFORMED;
	*value = number_value(rest->data);
	drop(rest, 1 + (size_t)size);
	return STATUS_OK;
}

static enum status take_string(struct slice *rest, struct slice *out)
{
	uint8_t t = (uint8_t)rest->data[0];
	int64_t len = t - STR_ASCII_MIN;

	drop(rest, 1);
	if (t > STR_ASCII_MAX) {
		enum status status = dubbo_jsonb_take_number(rest, &len);
		if (status)
			return status;
	}
	if (len < 0 || (uint64_t)len > rest->len)
		return STATUS_MALFORMED;
	*out = slice_sub(*rest, 0, (size_t)len);
	drop(rest, (size_t)len);
	return STATUS_OK;
}

enum status dubbo_jsonb_take_text(struct slice *rest, struct slice *out, struct arena *arena)
{
	int64_t number;
	enum status status;

	if (!rest->len)
		return STATUS_MALFORMED;
	uint8_t t = (uint8_t)rest->data[0];
	if (t >= STR_ASCII_MIN && t <= STR_UTF8)
		return take_string(rest, out);
	if (t == NULL_VALUE || t == FALSE_VALUE || t == TRUE_VALUE) {
		*out = t == NULL_VALUE   ? (struct slice){NULL, 0}
		       : t == TRUE_VALUE ? SLICE("true")
					 : SLICE("false");
		drop(rest, 1);
		return STATUS_OK;
	}
	if (!arena)
		return STATUS_UNSUPPORTED;
	if ((status = dubbo_jsonb_take_number(rest, &number)))
		return status;
	*out = slice_of(arena_printf(arena, "%lld", (long long)number));
	return STATUS_OK;
}

static bool take_mark(struct slice *rest, uint8_t mark)
{
	if (!rest->len || (uint8_t)rest->data[0] != mark)
		return false;
	drop(rest, 1);
	return true;
}

bool dubbo_jsonb_take_object(struct slice *rest)
{
	return take_mark(rest, OBJECT);
}

bool dubbo_jsonb_take_object_end(struct slice *rest)
{
	return take_mark(rest, OBJECT_END);
}

static char *put_big_endian(char *to, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*to++ = (char)(value >> shift);
	return to;
}

struct slice dubbo_jsonb_string_block(struct slice text, struct arena *arena)
{
	enum { MOST_BEFORE_TEXT = 4 + 1 + 5 };
	char *block = arena_alloc(arena, MOST_BEFORE_TEXT + text.len), *to = block + 4;
	bool is_ascii = true;

	for (size_t i = 0; i < text.len; i++)
		is_ascii &= (uint8_t)text.data[i] < 0x80;
	if (is_ascii && text.len <= STR_ASCII_MAX - STR_ASCII_MIN) {
		*to++ = (char)(STR_ASCII_MIN + text.len);
	} else {
		*to++ = (char)(is_ascii ? STR_ASCII : STR_UTF8);
		*to++ = (char)INT32;
		to = put_big_endian(to, (uint32_t)text.len);
	}
	if (text.len)
		memcpy(to, text.data, text.len);
	to += text.len;
	put_big_endian(block, (uint32_t)(to - block) - 4);
	return slice_make(block, (size_t)(to - block));
}
