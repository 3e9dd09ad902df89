#include "wire_check.h"

#include <stdbool.h>
#include <stdint.h>

#include "message/grammar.h"

static const char malformed[] = "malformed bytes";

static bool read_varint(struct slice *bytes, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 70 && bytes->len; shift += 7) {
		unsigned char byte = (unsigned char)bytes->data[0];
		*bytes = slice_sub(*bytes, 1, bytes->len);
		if (shift == 63 && byte > 1)
			return false;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static const char *check_string(struct slice content)
{
	if (!content.len)
		return NULL;
	if (memchr(content.data, 0, content.len))
		return "a string with a NUL";
	return grammar_is_utf8(content) ? NULL : "a string that isn't UTF-8";
}

static const char *check_content(struct slice content, const ProtobufCFieldDescriptor *field,
				 size_t depth)
{
	if (!field)
		return NULL;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return check_string(content);
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	return depth > 1 ? wire_check(content, field->descriptor, depth - 1) : "nested too deep";
}

const char *wire_check(struct slice bytes, const ProtobufCMessageDescriptor *type, size_t depth)
{
	while (bytes.len) {
		uint64_t tag, len = 0;
		const char *wrong = NULL;

		if (!read_varint(&bytes, &tag) || !(tag >> 3) || tag > UINT32_MAX)
			return malformed;
		switch (tag & 7) {
		case 0:
			if (!read_varint(&bytes, &len))
				return malformed;
			len = 0;
			break;
		case 1:
			len = 8;
			break;
		case 2:
			if (!read_varint(&bytes, &len) || len > bytes.len)
				return malformed;
			wrong = check_content(
				slice_sub(bytes, 0, (size_t)len),
				protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3)),
				depth);
			break;
		case 5:
			len = 4;
			break;
		default: /* groups are of another age */
			return malformed;
		}
		if (wrong)
			return wrong;
		if (len > bytes.len)
			return malformed;
		bytes = slice_sub(bytes, (size_t)len, bytes.len);
	}
	return NULL;
}
