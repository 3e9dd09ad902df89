/* The 16 bytes before each Dubbo message.
 *
 *   0 magic dabb | 2 flag | 3 status (answers) | 4 id, 8 bytes | 12 length of the body | 16 body …
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_DUBBO_FRAME_H
#define CODEC_DUBBO_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	DUBBO_HEADER_SIZE = 16,
	DUBBO_FLAG_REQUEST = 0x80,
	DUBBO_FLAG_TWOWAY = 0x40, /* of a request: an answer is waited for */
	DUBBO_FLAG_EVENT = 0x20,
	DUBBO_SERIALIZATION_MASK = 0x1f,
};

enum dubbo_serialization {
	DUBBO_HESSIAN2 = 2,
	DUBBO_JAVA = 3,
	DUBBO_FASTJSON = 6,
	DUBBO_NATIVE_JAVA = 7,
	DUBBO_GSON = 16,
	DUBBO_PROTOBUF_JSON = 21,
	DUBBO_PROTOBUF = 22,
	DUBBO_FASTJSON2 = 23,
};

enum dubbo_status {
	DUBBO_OK = 20,
	DUBBO_SERIALIZATION_ERROR = 25,
	DUBBO_CLIENT_TIMEOUT = 30,
	DUBBO_SERVER_TIMEOUT = 31,
	DUBBO_CHANNEL_INACTIVE = 35,
	DUBBO_BAD_REQUEST = 40,
	DUBBO_BAD_RESPONSE = 50,
	DUBBO_SERVICE_NOT_FOUND = 60,
	DUBBO_SERVICE_ERROR = 70,
	DUBBO_SERVER_ERROR = 80,
	DUBBO_CLIENT_ERROR = 90,
	DUBBO_THREADPOOL_EXHAUSTED = 100,
};

struct dubbo_frame {
	uint64_t id;
	uint32_t body_len;
	uint8_t flag, status;
};

/* Reads the header at the start of bytes. STATUS_AGAIN: the frame isn't whole yet; body_len is 0 as
 * long as the header isn't. STATUS_MALFORMED: no magic; body_len is 0, too. STATUS_TOO_LARGE: a
 * body over body_limit. */
MUST_CHECK static inline enum status dubbo_frame_read(struct slice bytes, uint32_t body_limit,
						      struct dubbo_frame *frame)
{
	uint64_t id;
	uint32_t len;

	if (UNLIKELY(bytes.len < DUBBO_HEADER_SIZE || memcmp(bytes.data, "\xda\xbb", 2))) {
		frame->body_len = 0;
		return memcmp(bytes.data, "\xda\xbb", bytes.len < 2 ? bytes.len : 2)
			       ? STATUS_MALFORMED
			       : STATUS_AGAIN;
	}
	memcpy(&id, bytes.data + 4, sizeof id);
	memcpy(&len, bytes.data + 12, sizeof len);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	id = __builtin_bswap64(id);
	len = __builtin_bswap32(len);
#endif
	*frame = (struct dubbo_frame){id, len, (uint8_t)bytes.data[2], (uint8_t)bytes.data[3]};
	if (UNLIKELY(len > body_limit))
		return STATUS_TOO_LARGE;
	return len > bytes.len - DUBBO_HEADER_SIZE ? STATUS_AGAIN : STATUS_OK;
}

static inline uint8_t dubbo_frame_status(struct slice frame)
{
	return (uint8_t)frame.data[3];
}

/* Gives the frame another flag, status and id where it lies: what was read this turn is ours to
 * write to. */
static inline void dubbo_frame_readdress(struct slice frame, uint8_t flag, uint8_t status,
					 uint64_t id)
{
	char *header = (char *)(uintptr_t)frame.data;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	id = __builtin_bswap64(id);
#endif
	header[2] = (char)flag;
	header[3] = (char)status;
	memcpy(header + 4, &id, sizeof id);
}

static inline void dubbo_frame_write(char out[DUBBO_HEADER_SIZE], const struct dubbo_frame *frame)
{
	uint64_t id = frame->id;
	uint32_t len = frame->body_len;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	id = __builtin_bswap64(id);
	len = __builtin_bswap32(len);
#endif
	out[0] = (char)0xda;
	out[1] = (char)0xbb;
	out[2] = (char)frame->flag;
	out[3] = (char)frame->status;
	memcpy(out + 4, &id, sizeof id);
	memcpy(out + 12, &len, sizeof len);
}

#endif
