#include "codec/bolt_frame.h"

#include "base/crc32.h"

static void put_u16(char *to, uint16_t value)
{
	to[0] = (char)(value >> 8);
	to[1] = (char)value;
}

/* Where the type stands. */
static inline size_t type_at(uint8_t protocol)
{
	return protocol == 1 ? 1 : 2;
}

/* Of a header that isn't whole, or may not be. */
static COLD enum status check_start(struct slice bytes, size_t *needs)
{
	struct bolt_frame start = {.protocol = bytes.len ? (uint8_t)bytes.data[0] : 1};

	*needs = 3; /* the type */
	if (start.protocol != 1 && start.protocol != 2)
		return STATUS_MALFORMED;
	if (bytes.len <= type_at(start.protocol))
		return STATUS_AGAIN;
	start.type = (uint8_t)bytes.data[type_at(start.protocol)];
	if (start.type > BOLT_ONEWAY)
		return STATUS_MALFORMED;
	*needs = bolt_frame_header_size(&start);
	return bytes.len < *needs ? STATUS_AGAIN : STATUS_OK;
}

enum status bolt_frame_read(struct slice bytes, uint32_t payload_limit, struct bolt_frame *frame,
			    size_t *needs)
{
	const char *p = bytes.data;
	enum status status;

	if (UNLIKELY(bytes.len < BOLT_HEADER_MAX) && (status = check_start(bytes, needs)))
		return status;
	bool is_v2 = p[0] == 2;
	frame->protocol = (uint8_t)p[0];
	frame->version = is_v2 ? (uint8_t)p[1] : 1;
	frame->switches = is_v2 ? (uint8_t)p[11] : 0;
	p += is_v2;
	frame->type = (uint8_t)p[1];
	if (UNLIKELY(bytes.data[0] != 1 && !is_v2) || UNLIKELY(frame->type > BOLT_ONEWAY))
		return STATUS_MALFORMED;
	frame->command = bolt_get_u16(p + 2);
	frame->command_version = (uint8_t)p[4];
	frame->id = bolt_get_u32(p + 5);
	frame->serialization = (uint8_t)p[9];
	p += 10 + is_v2;
	if (frame->type == BOLT_ANSWER) {
		frame->status = bolt_get_u16(p);
		frame->timeout_ms = 0;
		p += 2;
	} else {
		frame->status = 0;
		frame->timeout_ms = (int32_t)bolt_get_u32(p);
		p += 4;
	}
	frame->class_len = bolt_get_u16(p);
	frame->headers_len = bolt_get_u16(p + 2);
	frame->content_len = bolt_get_u32(p + 4);
	uint64_t payload = bolt_frame_payload_size(frame);
	if (UNLIKELY(payload > payload_limit))
		return STATUS_TOO_LARGE;
	*needs = (size_t)(p + 8 - bytes.data) + (size_t)payload;
	if (UNLIKELY(bolt_frame_has_crc(frame)))
		*needs += BOLT_CRC_SIZE;
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

void bolt_frame_sign(struct slice bytes)
{
	size_t end = bytes.len - BOLT_CRC_SIZE;

	bolt_put_u32((char *)(uintptr_t)bytes.data + end, crc32(0, slice_sub(bytes, 0, end)));
}
