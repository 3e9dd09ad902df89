#include "codec/dubbo_jsonb.h"

#include <string.h>

/* Tags, by the names that fastjson2 gives them. */
enum {
	BINARY = 0x91,    /* length, bytes */
	TYPED = 0x92,     /* a name and its number, or the number only; then the object */
	REFERENCE = 0x93, /* a string: its path */
	ARRAY_MIN = 0x94, /* + count, up to 15 */
	ARRAY_MAX = 0xa3,
	ARRAY = 0xa4,         /* count follows, as a number */
	STR_ASCII_MIN = 0x49, /* + length, up to 47 */
	STR_ASCII_MAX = 0x78,
	STR_ASCII = 0x79, /* length follows, as a number */
	STR_UTF8 = 0x7a,
	STR_UTF16LE = 0x7c,
	STR_UTF16BE = 0x7d,
	OBJECT_END = 0xa5,
	OBJECT = 0xa6,
	NULL_VALUE = 0xaf,
	FALSE_VALUE = 0xb0,
	TRUE_VALUE = 0xb1,
	DOUBLE_0 = 0xb2,
	DOUBLE_1 = 0xb3,
	DOUBLE = 0xb5,
	FLOAT = 0xb7,
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

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* What fastjson2 calls ASCII is Latin-1. */
static enum status from_latin1(struct slice *text, struct arena *arena)
{
	size_t high = 0;

	for (size_t i = 0; i < text->len; i++)
		high += (uint8_t)text->data[i] >> 7;
	if (!high)
		return STATUS_OK;
	if (!arena)
		return STATUS_UNSUPPORTED;
	char *utf8 = arena_alloc(arena, text->len + high), *to = utf8;
	for (size_t i = 0; i < text->len; i++)
		to = put_utf8(to, (uint8_t)text->data[i]);
	*text = slice_make(utf8, (size_t)(to - utf8));
	return STATUS_OK;
}

static enum status from_utf16(struct slice *text, bool is_big_endian, struct arena *arena)
{
	const uint8_t *p = (const uint8_t *)text->data;
	size_t units = text->len / 2;
	char *utf8 = arena_alloc(arena, units * 3 + 1), *to = utf8;
	uint32_t high = 0;

	if (text->len % 2)
		return STATUS_MALFORMED;
	for (size_t i = 0; i < units; i++, p += 2) {
		uint32_t unit =
			is_big_endian ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
		bool is_low = unit >= 0xdc00 && unit < 0xe000;
		if (is_low != (high != 0))
			return STATUS_MALFORMED;
		if (unit >= 0xd800 && unit < 0xdc00) {
			high = unit;
			continue;
		}
		to = put_utf8(to,
			      is_low ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
		high = 0;
	}
	*text = slice_make(utf8, (size_t)(to - utf8));
	return high ? STATUS_MALFORMED : STATUS_OK;
}

/* Steps over a value that has no text here but a size that we know. */
static enum status take_opaque(struct slice *rest)
{
	uint8_t t = (uint8_t)rest->data[0];
	size_t size = t == DOUBLE ? 9 : t == FLOAT ? 5 : 1;

	if (rest->len < size)
		return STATUS_MALFORMED;
	drop(rest, size);
	return STATUS_OK;
}

enum status dubbo_jsonb_take_text(struct slice *rest, struct slice *out, struct arena *arena)
{
	int64_t number;
	enum status status;

	*out = (struct slice){NULL, 0};
	if (!rest->len)
		return STATUS_MALFORMED;
	uint8_t t = (uint8_t)rest->data[0];
	if (t >= STR_ASCII_MIN && t <= STR_UTF8) {
		status = take_string(rest, out);
		return status || t == STR_UTF8 ? status : from_latin1(out, arena);
	}
	if (t == NULL_VALUE)
		return take_opaque(rest);
	if (!arena)
		return STATUS_UNSUPPORTED;
	if (t == STR_UTF16LE || t == STR_UTF16BE) {
		status = take_string(rest, out);
		return status ? status : from_utf16(out, t == STR_UTF16BE, arena);
	}
	if (t == FALSE_VALUE || t == TRUE_VALUE) {
		*out = t == TRUE_VALUE ? SLICE("true") : SLICE("false");
		drop(rest, 1);
		return STATUS_OK;
	}
	if (t == DOUBLE || t == DOUBLE_0 || t == DOUBLE_1 || t == FLOAT)
		return take_opaque(rest);
	if ((status = dubbo_jsonb_take_number(rest, &number)))
		return status;
	*out = slice_of(arena_printf(arena, "%lld", (long long)number));
	return STATUS_OK;
}

/* --- any value */

/* An array: how many values are left of it. An object: its keys and values, until its end. */
struct level {
	uint32_t left;
	bool is_object;
};

static enum status skip_sized(struct slice *rest)
{
	int64_t len;
	enum status status;

	drop(rest, 1);
	if ((status = dubbo_jsonb_take_number(rest, &len)))
		return status;
	if (len < 0 || (uint64_t)len > rest->len)
		return STATUS_MALFORMED;
	drop(rest, (size_t)len);
	return STATUS_OK;
}

/* The name of a type, which gets a number, or a number that one has. */
static enum status skip_type(struct slice *rest)
{
	struct slice name;
	int64_t number;

	drop(rest, 1);
	if (!rest->len)
		return STATUS_MALFORMED;
	uint8_t t = (uint8_t)rest->data[0];
	if (t >= STR_ASCII_MIN && t <= STR_UTF8) {
		enum status status = take_string(rest, &name);
		if (status)
			return status;
	}
	return dubbo_jsonb_take_number(rest, &number);
}

static enum status skip_scalar(struct slice *rest)
{
	uint8_t t = (uint8_t)rest->data[0];
	struct slice text;
	int64_t number;

	if ((t >= STR_ASCII_MIN && t <= STR_UTF8) || t == STR_UTF16LE || t == STR_UTF16BE)
		return take_string(rest, &text);
	if (t == BINARY)
		return skip_sized(rest);
	if (t == NULL_VALUE || t == FALSE_VALUE || t == TRUE_VALUE || t == DOUBLE ||
	    t == DOUBLE_0 || t == DOUBLE_1 || t == FLOAT)
		return take_opaque(rest);
	return dubbo_jsonb_take_number(rest, &number);
}

/* One value; of a list or an object only what begins it. *level: what it opens, if *opens. */
static enum status step(struct slice *rest, struct level *level, bool *opens)
{
	int64_t count;
	enum status status;

	*opens = false;
	while (rest->len && (uint8_t)rest->data[0] == TYPED)
		if ((status = skip_type(rest)))
			return status;
	if (!rest->len)
		return STATUS_MALFORMED;
	uint8_t t = (uint8_t)rest->data[0];
	if (t == REFERENCE) {
		drop(rest, 1);
		return rest->len ? skip_scalar(rest) : STATUS_MALFORMED;
	}
	if (t == OBJECT) {
		drop(rest, 1);
		*opens = true;
		*level = (struct level){.is_object = true};
		return STATUS_OK;
	}
	if (t < ARRAY_MIN || t > ARRAY)
		return skip_scalar(rest);
	drop(rest, 1);
	count = t - ARRAY_MIN;
	if (t == ARRAY && (status = dubbo_jsonb_take_number(rest, &count)))
		return status;
	if (count < 0 || (uint64_t)count > rest->len)
		return STATUS_MALFORMED;
	*opens = count > 0;
	*level = (struct level){.left = (uint32_t)count};
	return STATUS_OK;
}

enum status dubbo_jsonb_skip(struct slice *rest)
{
	struct level levels[DUBBO_JSONB_DEPTH], level = {0, false};
	unsigned depth = 0;
	bool opens;

	for (;;) {
		enum status status = step(rest, &level, &opens);
		if (status)
			return status;
		if (opens && depth == DUBBO_JSONB_DEPTH)
			return STATUS_TOO_LARGE;
		if (opens)
			levels[depth++] = level;
		while (depth) {
			struct level *top = &levels[depth - 1];
			if (top->is_object ? !dubbo_jsonb_take_object_end(rest) : top->left > 0)
				break;
			depth--;
		}
		if (!depth)
			return STATUS_OK;
		levels[depth - 1].left--; /* of an object it means nothing */
	}
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

static char *put_bytes(char *to, struct slice bytes)
{
	if (bytes.len)
		memcpy(to, bytes.data, bytes.len);
	return to + bytes.len;
}

enum { MOST_BEFORE_TEXT = 1 + 5 }; /* tag and length of a string */

static char *put_string(char *to, struct slice text)
{
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
	return put_bytes(to, text);
}

struct slice dubbo_jsonb_string_block(struct slice text, struct arena *arena)
{
	char *block = arena_alloc(arena, 4 + MOST_BEFORE_TEXT + text.len);
	char *end = put_string(block + 4, text);

	put_big_endian(block, (uint32_t)(end - block) - 4);
	return slice_make(block, (size_t)(end - block));
}

struct slice dubbo_jsonb_exception_body(struct slice message, bool has_attachments,
					struct arena *arena)
{
	/* a typed value: the class's name, its number among the symbols (0), an object */
	static const char head[] = "\x92\x63java.lang.RuntimeException\0\xa6\x56"
				   "detailMessage";
	static const char tail[] = "\x53stackTrace\x94\xa5"; /* an array of none */
	static const char attachments[] = "\0\0\0\x0e\xa6\x4e"
					  "dubbo\x4e"
					  "2.0.2\xa5";
	char *body = arena_alloc(arena, 6 + 4 + sizeof head + MOST_BEFORE_TEXT + message.len +
						sizeof tail + sizeof attachments);
	char *to = put_bytes(body,
			     has_attachments ? SLICE("\0\0\0\2\xbd\3") : SLICE("\0\0\0\2\xbd\0"));
	char *block = to;

	to = put_bytes(to + 4, slice_make(head, sizeof head - 1));
	to = put_string(to, message);
	to = put_bytes(to, slice_make(tail, sizeof tail - 1));
	put_big_endian(block, (uint32_t)(to - block) - 4);
	if (has_attachments)
		to = put_bytes(to, slice_make(attachments, sizeof attachments - 1));
	return slice_make(body, (size_t)(to - body));
}
