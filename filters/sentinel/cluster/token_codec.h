/* Sentinel's default format between token clients and token servers: frames over TCP, big-endian.
 *
 *   frame     u16 length of what follows | payload
 *   question  i32 xid | u8 type | data      PING: i32 length, namespace
 *                                           FLOW: i64 flow id, i32 count, u8 prioritized (or none)
 *                                           PARAM_FLOW: i64 flow id, i32 count, i32 n, n values
 *   answer    i32 xid | u8 type | i8 status | data, of 8 bytes: i32 remaining, i32 wait in ms
 *   value     u8 type | i32, i64, u8, f64, f32, i16, u8, or i32 length and UTF-8
 *
 * Nothing longer than TOKEN_FRAME_MAX is written or taken: the other side closes at such a frame.
 * Pure functions. */
#ifndef SENTINEL_CLUSTER_TOKEN_CODEC_H
#define SENTINEL_CLUSTER_TOKEN_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "base/status.h"
#include "filters/sentinel/core/argument.h"
#include "filters/sentinel/core/token_service.h"

enum {
	TOKEN_FRAME_MAX = 1024, /* bytes, the length among them */
	TOKEN_VALUES_MAX = 512, /* a value has 2 bytes at least */
};

enum token_type {
	TOKEN_PING = 0,
	TOKEN_FLOW = 1,
	TOKEN_PARAM_FLOW = 2,
};

struct token_response {
	int32_t xid;
	uint8_t type; /* enum token_type, or another */
	int8_t status;
	int32_t remaining, wait_ms; /* of a PING: remaining is the number of clients */
};

/* What a server is asked. Values point into the frame. */
struct token_request {
	int32_t xid;
	uint8_t type;
	struct slice name_space; /* of a PING */
	int64_t flow_id;
	int32_t count;
	bool prioritized;
	uint32_t values_count;
	struct argument values[TOKEN_VALUES_MAX];
};

/* Writes a whole frame to out[TOKEN_FRAME_MAX]. Returns its length. A name too long is cut. */
size_t token_write_ping(char *out, struct slice name_space);
/* The same of a question. Values that have no type on the wire are left out, and all from the first
 * one on that finds no room, as Java does. 0: a hot-parameter question of which no value is left,
 * or one with no flow id or count: a server would refuse it. */
size_t token_write_question(char *out, int32_t xid, const struct token_ask *ask);
/* Puts another xid into a frame. */
void token_set_xid(char *frame, int32_t xid);
/* A PING that failed has no number of clients. */
size_t token_write_response(char *out, const struct token_response *response);

/* The first frame's payload. Returns how long frame is, 0 if it isn't there as a whole yet, or
 * STATUS_TOO_LARGE. */
ssize_t token_read_frame(struct slice bytes, struct slice *payload);
/* STATUS_MALFORMED: no answer. Data of another length counts for none. */
enum status MUST_CHECK token_read_response(struct slice payload, struct token_response *response);
/* STATUS_MALFORMED: no question. STATUS_UNSUPPORTED: of another type; xid and type are read. */
enum status MUST_CHECK token_read_request(struct slice payload, struct token_request *request);

#endif
