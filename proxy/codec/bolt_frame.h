/* The fixed header before each Bolt message, of both versions of the protocol, and the checksum
 * behind it.
 *
 *   v1:  1 | type | command (2) | command version | id (4) | codec |          rest
 *   v2:  2 | version | type | command (2) | command version | id (4) | codec | switches | rest
 *   rest of a request:  timeout (4) | class (2) | headers (2) | content (4): their lengths
 *   rest of an answer:  status (2)  | class (2) | headers (2) | content (4)
 *   then:               class name | header map | content | CRC-32 of all before it (some of v2)
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_BOLT_FRAME_H
#define CODEC_BOLT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	BOLT_HEADER_MAX = 24, /* of a v2 request */
	BOLT_CRC_SIZE = 4,
	BOLT_SWITCH_CRC = 1,
	BOLT_NO_TIMEOUT = -1,
	BOLT_SECTION_LIMIT =
		INT16_MAX, /* of class name and header map: Java reads a signed short */
};

enum bolt_type {
	BOLT_ANSWER = 0,
	BOLT_REQUEST = 1,
	BOLT_ONEWAY = 2, /* a request that nobody answers */
};

enum bolt_command {
	BOLT_HEARTBEAT = 0,
	BOLT_RPC_REQUEST = 1,
	BOLT_RPC_ANSWER = 2,
	BOLT_GOAWAY = 100, /* of MOSN; a stock peer closes the connection when it gets one */
};

enum bolt_serialization {
	BOLT_SOFA_HESSIAN = 1,
	BOLT_JAVA = 2,
	BOLT_HESSIAN2 = 4,
	BOLT_PROTOBUF = 11,
	BOLT_JSON = 12,
};

enum bolt_status {
	BOLT_OK = 0,
	BOLT_ERROR = 1,
	BOLT_SERVER_EXCEPTION = 2,
	BOLT_UNKNOWN = 3,
	BOLT_THREADPOOL_BUSY = 4,
	BOLT_COMMUNICATION_ERROR = 5,
	BOLT_NO_PROCESSOR = 6,
	BOLT_TIMEOUT = 7,
	BOLT_CLIENT_SEND_ERROR = 8,
	BOLT_CODEC_EXCEPTION = 9,
	BOLT_CONNECTION_CLOSED = 16,
	BOLT_SERVER_SERIAL_EXCEPTION = 17,
	BOLT_SERVER_DESERIAL_EXCEPTION = 18,
};

struct bolt_frame {
	uint32_t id;
	uint32_t content_len;
	int32_t timeout_ms; /* requests; BOLT_NO_TIMEOUT: none */
	uint16_t status;    /* answers: enum bolt_status */
	uint16_t command;   /* enum bolt_command */
	uint16_t class_len, headers_len;
	uint8_t protocol; /* 1 or 2 */
	uint8_t version;  /* v2: 1 or 2, or what may come */
	uint8_t type;     /* enum bolt_type */
	uint8_t command_version;
	uint8_t serialization; /* enum bolt_serialization */
	uint8_t switches;      /* v2 */
};

static inline uint16_t bolt_get_u16(const char *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof value);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	value = __builtin_bswap16(value);
#endif
	return value;
}

static inline uint32_t bolt_get_u32(const char *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof value);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	return value;
}

static inline void bolt_put_u32(char *to, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	memcpy(to, &value, sizeof value);
}

/* v2.1 has the switch, too, and yet no checksum. */
static inline bool bolt_frame_has_crc(const struct bolt_frame *frame)
{
	return frame->protocol == 2 && frame->version == 2 && frame->switches & BOLT_SWITCH_CRC;
}

static inline size_t bolt_frame_header_size(const struct bolt_frame *frame)
{
	return (frame->protocol == 1 ? 20u : 22u) + (frame->type == BOLT_ANSWER ? 0u : 2u);
}

/* Class name, header map and content: what codec events call the data. */
static inline uint64_t bolt_frame_payload_size(const struct bolt_frame *frame)
{
	return (uint64_t)frame->class_len + frame->headers_len + frame->content_len;
}

/* The whole message of version 1 that bytes begin with, if it is of that type and command (the
 * usual ones), and its payload isn't over the limit; nothing otherwise: bolt_frame_read says what
 * there is. */
static inline struct slice bolt_frame_usual(struct slice bytes, enum bolt_type type,
					    enum bolt_command command, uint32_t payload_limit)
{
	const char begin[4] = {1, (char)type, (char)(command >> 8), (char)command};
	size_t header = type == BOLT_ANSWER ? 20 : 22;
	const char *lengths = bytes.data + header - 8;

	if (UNLIKELY(bytes.len < header || memcmp(bytes.data, begin, sizeof begin)))
		return (struct slice){NULL, 0};
	uint64_t payload = (uint64_t)bolt_get_u16(lengths) + bolt_get_u16(lengths + 2) +
			   bolt_get_u32(lengths + 4);
	if (UNLIKELY(payload > payload_limit || header + payload > bytes.len))
		return (struct slice){NULL, 0};
	return (struct slice){bytes.data, header + (size_t)payload};
}

/* Reads the header at the start of bytes. *needs: bytes of the whole frame, or of as much of it as
 * tells more. STATUS_AGAIN: fewer are here. STATUS_MALFORMED: no Bolt (first byte, type).
 * STATUS_TOO_LARGE: a payload over payload_limit. */
MUST_CHECK enum status bolt_frame_read(struct slice bytes, uint32_t payload_limit,
				       struct bolt_frame *frame, size_t *needs);

/* Writes the header; its size. */
size_t bolt_frame_write(char out[BOLT_HEADER_MAX], const struct bolt_frame *frame);

/* Whether the checksum at the end of the whole frame, if it has one, is right. */
bool bolt_frame_is_intact(struct slice bytes, const struct bolt_frame *frame);

/* Writes the checksum at the end of a whole frame that has one. */
COLD void bolt_frame_sign(struct slice bytes);

/* Gives the whole frame another id where it lies, and a new checksum if it has one: what was read
 * this turn is ours to write to. */
static inline void bolt_frame_readdress(struct slice bytes, uint32_t id)
{
	char *p = (char *)(uintptr_t)bytes.data;

	if (LIKELY(p[0] == 1)) {
		bolt_put_u32(p + 5, id);
		return;
	}
	bolt_put_u32(p + 6, id);
	if (p[1] == 2 && p[11] & BOLT_SWITCH_CRC)
		bolt_frame_sign(bytes);
}

/* Of a whole answer. */
static inline uint16_t bolt_frame_status(struct slice bytes)
{
	return bolt_get_u16(bytes.data + (bytes.data[0] == 1 ? 10 : 12));
}

/* Likewise: its header map. */
static inline struct slice bolt_answer_map(struct slice bytes)
{
	const char *lengths = bytes.data + (bytes.data[0] == 1 ? 12 : 14);
	return (struct slice){lengths + 8 + bolt_get_u16(lengths), bolt_get_u16(lengths + 2)};
}

#endif
