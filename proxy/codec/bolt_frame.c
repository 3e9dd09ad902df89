#include "codec/bolt_frame.h"

#include "base/crc32.h"

static void put_u16(char *to, uint16_t value)
{
	to[0] = (char)(value >> 8);
	to[1] = (char)value;
}

void bolt_put_u32(char *to, uint32_t value)
{
	put_u16(to, (uint16_t)(value >> 16));
	put_u16(to + 2, (uint16_t)value);
}

/* Where the type stands. */
static inline size_t type_at(uint8_t protocol)
{
	return protocol == 1 ? 1 : 2;
}

/* Fields that stand at the same place behind the type in all forms. */
static inline void read_common(const char *p, struct bolt_frame *frame)
{
	frame->command = bolt_get_u16(p);
	frame->command_version = (uint8_t)p[2];
	frame->id = bolt_get_u32(p + 3);
	frame->serialization = (uint8_t)p[7];
}

enum status bolt_frame_read(struct slice bytes, uint32_t payload_limit, struct bolt_frame *frame,
			    size_t *needs)
{
	const char *p = bytes.data;

	*needs = 3; /* the type */
	if (UNLIKELY(!bytes.len))
		return STATUS_AGAIN;
	*frame = (struct bolt_frame){.protocol = (uint8_t)p[0], .version = 1};
	if (UNLIKELY(frame->protocol != 1 && frame->protocol != 2))
		return STATUS_MALFORMED;
	if (UNLIKELY(bytes.len <= type_at(frame->protocol)))
		return STATUS_AGAIN;
	p += type_at(frame->protocol);
	frame->type = (uint8_t)*p++;
	if (UNLIKELY(frame->type > BOLT_ONEWAY))
		return STATUS_MALFORMED;
	*needs = bolt_frame_header_size(frame);
	if (UNLIKELY(bytes.len < *needs))
		return STATUS_AGAIN;

	read_common(p, frame);
	p += 8;
	if (frame->protocol == 2) {
		frame->version = (uint8_t)bytes.data[1];
		frame->switches = (uint8_t)*p++;
	}
	if (frame->type == BOLT_ANSWER) {
		frame->status = bolt_get_u16(p);
		p += 2;
	} else {
		frame->timeout_ms = (int32_t)bolt_get_u32(p);
		p += 4;
	}
	frame->class_len = bolt_get_u16(p);
	frame->headers_len = bolt_get_u16(p + 2);
	frame->content_len = bolt_get_u32(p + 4);
	if (UNLIKELY(bolt_frame_payload_size(frame) > payload_limit))
		return STATUS_TOO_LARGE;
	*needs = (size_t)bolt_frame_size(frame);
	return *needs > bytes.len ? STATUS_AGAIN : STATUS_OK;
}

size_t bolt_frame_write(char out[BOLT_HEADER_MAX], const struct bolt_frame *frame)
{
	char *p = out;

	*p++ = (char)frame->protocol;
	if (frame->protocol == 2)
		*p++ = (char)frame->version;
	*p++ = (char)frame->type;
	put_u16(p, frame->command);
	p[2] = (char)frame->command_version;
	bolt_put_u32(p + 3, frame->id);
	p[7] = (char)frame->serialization;
	p += 8;
	if (frame->protocol == 2)
		*p++ = (char)frame->switches;
	if (frame->type == BOLT_ANSWER) {
		put_u16(p, frame->status);
		p += 2;
	} else {
		bolt_put_u32(p, (uint32_t)frame->timeout_ms);
		p += 4;
	}
	put_u16(p, frame->class_len);
	put_u16(p + 2, frame->headers_len);
	bolt_put_u32(p + 4, frame->content_len);
	return (size_t)(p + 8 - out);
}

bool bolt_frame_is_intact(struct slice bytes, const struct bolt_frame *frame)
{
	size_t end = bytes.len - BOLT_CRC_SIZE;

	return !bolt_frame_has_crc(frame) ||
	       crc32(0, slice_sub(bytes, 0, end)) == bolt_get_u32(bytes.data + end);
}

void bolt_frame_readdress(struct slice bytes, uint32_t id)
{
	char *p = (char *)(uintptr_t)bytes.data;
	size_t end = bytes.len - BOLT_CRC_SIZE;

	bolt_put_u32(p + type_at((uint8_t)p[0]) + 4, id);
	if (UNLIKELY(p[0] == 2 && p[1] == 2 && p[11] & BOLT_SWITCH_CRC))
		bolt_put_u32(p + end, crc32(0, slice_sub(bytes, 0, end)));
}
