#include "codec/dubbo_foreign.h"

#include <string.h>

#include "codec/dubbo_frame.h"

enum form { FORM_UNKNOWN, FORM_JSON_LINES, FORM_PROTOBUF, FORM_JAVA, FORM_NATIVE_JAVA };

static enum form form_of(uint8_t serialization)
{
	switch (serialization) {
	case DUBBO_FASTJSON:
	case DUBBO_GSON:
	case DUBBO_PROTOBUF_JSON:
		return FORM_JSON_LINES;
	case DUBBO_PROTOBUF:
		return FORM_PROTOBUF;
	case DUBBO_JAVA:
		return FORM_JAVA;
	case DUBBO_NATIVE_JAVA:
		return FORM_NATIVE_JAVA;
	default:
		return FORM_UNKNOWN;
	}
}

bool dubbo_foreign_is_known(uint8_t serialization)
{
	return form_of(serialization) != FORM_UNKNOWN;
}

static void drop(struct slice *rest, size_t n)
{
	*rest = slice_sub(*rest, n, rest->len);
}

static bool take(struct slice *rest, size_t n, struct slice *out)
{
	if (n > rest->len)
		return false;
	*out = slice_sub(*rest, 0, n);
	drop(rest, n);
	return true;
}

static bool take_number(struct slice *rest, unsigned size, uint32_t *value)
{
	struct slice bytes;

	if (!take(rest, size, &bytes))
		return false;
	*value = 0;
	for (unsigned i = 0; i < size; i++)
		*value = *value << 8 | (uint8_t)bytes.data[i];
	return true;
}

/* --- Java's stream of objects: "aced0005", then blocks of data, 77 [u8] or 7a [u32] */

static const char stream_head[] = "\xac\xed\0\5";

enum { BLOCK = 0x77, LONG_BLOCK = 0x7a };

enum status dubbo_foreign_begin(struct slice *rest, uint8_t serialization)
{
	enum form form = form_of(serialization);
	struct slice block;
	uint32_t tag, len;

	if (form != FORM_JAVA && form != FORM_NATIVE_JAVA)
		return STATUS_OK;
	if (!slice_starts_with(*rest, slice_make(stream_head, sizeof stream_head - 1)))
		return STATUS_MALFORMED;
	drop(rest, sizeof stream_head - 1);
	if (!take_number(rest, 1, &tag) || (tag != BLOCK && tag != LONG_BLOCK) ||
	    !take_number(rest, tag == BLOCK ? 1 : 4, &len) || !take(rest, len, &block))
		return STATUS_MALFORMED;
	*rest = block;
	return STATUS_OK;
}

static bool take_java(struct slice *rest, bool is_native, struct slice *out)
{
	uint32_t units, len;

	if (!is_native && !take_number(rest, 4, &units))
		return false;
	if (!is_native && units == UINT32_MAX) {
		*out = (struct slice){NULL, 0};
		return true;
	}
	return take_number(rest, 2, &len) && take(rest, len, out);
}

/* --- protobuf */

static bool take_varint(struct slice *rest, uint32_t *value)
{
	uint32_t byte;

	*value = 0;
	for (unsigned shift = 0; shift < 28; shift += 7) {
		if (!take_number(rest, 1, &byte))
			return false;
		*value |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool take_protobuf(struct slice *rest, struct slice *out)
{
	struct slice message;
	uint32_t len, tag;

	*out = SLICE("");
	if (!take_varint(rest, &len) || !take(rest, len, &message))
		return false;
	return !message.len ||
	       (take_number(&message, 1, &tag) && tag == 0x0a && take_varint(&message, &len) &&
		len == message.len && take(&message, len, out));
}

/* --- JSON, a line for each value */

static bool take_line(struct slice *rest, struct slice *out)
{
	size_t end = slice_find_char(*rest, '\n', 0);
	struct slice line = slice_sub(*rest, 0, end);

	if (end == rest->len)
		return false;
	line.len -= line.len && line.data[line.len - 1] == '\r'; /* a line's end where Java runs */
	drop(rest, end + 1);
	if (slice_equal(line, SLICE("null"))) {
		*out = (struct slice){NULL, 0};
		return true;
	}
	if (line.len < 2 || line.data[0] != '"' || line.data[line.len - 1] != '"')
		return false;
	*out = slice_sub(line, 1, line.len - 1);
	return !memchr(out->data, '\\', out->len) && !memchr(out->data, '"', out->len);
}

enum status dubbo_foreign_take(struct slice *rest, uint8_t serialization, struct slice *out)
{
	bool is_taken = false;

	switch (form_of(serialization)) {
	case FORM_UNKNOWN:
		break;
	case FORM_JSON_LINES:
		is_taken = take_line(rest, out);
		break;
	case FORM_PROTOBUF:
		is_taken = take_protobuf(rest, out);
		break;
	case FORM_JAVA:
		is_taken = take_java(rest, false, out);
		break;
	case FORM_NATIVE_JAVA:
		is_taken = take_java(rest, true, out);
		break;
	}
	return is_taken ? STATUS_OK : STATUS_MALFORMED;
}

/* --- writing */

static char *put_number(char *to, unsigned size, size_t value)
{
	while (size--)
		*to++ = (char)(value >> (8 * size));
	return to;
}

static char *put_varint(char *to, size_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (char)(value | 0x80);
	*to++ = (char)value;
	return to;
}

static char *put(char *to, struct slice bytes)
{
	if (bytes.len)
		memcpy(to, bytes.data, bytes.len);
	return to + bytes.len;
}

static char *put_line(char *to, struct slice text)
{
	*to++ = '"';
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = (unsigned char)c < 0x20 ? ' ' : c;
	}
	*to++ = '"';
	*to++ = '\n';
	return to;
}

static char *put_protobuf(char *to, struct slice text)
{
	size_t size = text.len < 0x80 ? 1 : text.len < 0x4000 ? 2 : 3;

	to = put_varint(to, 1 + size + text.len);
	*to++ = 0x0a;
	return put(put_varint(to, text.len), text);
}

static char *put_java(char *to, struct slice text, bool is_native)
{
	to = put(to, slice_make(stream_head, sizeof stream_head - 1));
	*to++ = LONG_BLOCK;
	to = put_number(to, 4, text.len + (is_native ? 2 : 6));
	if (!is_native)
		to = put_number(to, 4, text.len);
	return put(put_number(to, 2, text.len), text);
}

struct slice dubbo_foreign_string(uint8_t serialization, struct slice text, struct arena *arena)
{
	if (text.len > DUBBO_FOREIGN_TEXT)
		text.len = DUBBO_FOREIGN_TEXT;
	char *body = arena_alloc(arena, 2 * text.len + 32), *end = body;

	switch (form_of(serialization)) {
	case FORM_UNKNOWN:
		break;
	case FORM_JSON_LINES:
		end = put_line(body, text);
		break;
	case FORM_PROTOBUF:
		end = put_protobuf(body, text);
		break;
	case FORM_JAVA:
		end = put_java(body, text, false);
		break;
	case FORM_NATIVE_JAVA:
		end = put_java(body, text, true);
		break;
	}
	return slice_make(body, (size_t)(end - body));
}
