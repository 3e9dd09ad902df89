/* The head of an HTTP/1 message: from bytes to checked, not yet copied fields.
 *
 *   bytes (contiguous) ─ http1_head_read ─> start line, fields, framing   (slices of the bytes)
 *                      ─ http1_head_copy ─> struct headers in an arena    (one copy, lower case)
 *
 * A head that has come in full is gone over once (http1_fields.h). One that hasn't, or has a fault,
 * is scanned as it comes (http1_scan.h), and parsed when its end is seen.
 *
 * Strict: RFC 9112 without its leniencies. Refused are bare CR or LF, line folding, white space
 * around a field name, control characters, Content-Length twice or with Transfer-Encoding, any
 * coding but `chunked`, two Hosts, odd methods and targets.
 *
 * Owner: the codec. What outlives a call is offsets (struct http1_progress). Limits: bytes of a
 * head and its number of fields (struct http1_options). */
#ifndef CODEC_HTTP1_PARSER_H
#define CODEC_HTTP1_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "codec/http1_error.h"
#include "codec/http1_scan.h"
#include "message/headers.h"

enum http1_underscores {
	HTTP1_UNDERSCORES_ALLOW,
	HTTP1_UNDERSCORES_REJECT, /* the request */
	HTTP1_UNDERSCORES_DROP,   /* the field */
};

struct http1_options;

enum http1_found {
	HTTP1_FOUND_MORE, /* incomplete, good so far */
	HTTP1_FOUND_ALL,
	HTTP1_FOUND_BAD,
};

enum http1_kind {
	HTTP1_REQUEST,
	HTTP1_RESPONSE,
	HTTP1_TRAILERS, /* fields without a start line */
};

/* Room that http1_head_read needs. */
size_t http1_scratch_size(const struct http1_options *options);

/* What a Connection field said. */
enum {
	HTTP1_CLOSE = 1,
	HTTP1_KEEP_ALIVE = 2,
	HTTP1_UPGRADE = 4,
};

struct http1_head {
	struct slice bytes;    /* of the whole head */
	struct header *fields; /* as received (names in any case); values trimmed. Dropped ones
				  are HEADER_REMOVED */
	struct slice method;   /* request */
	struct slice scheme, authority, path; /* request; .data NULL: has none */
	uint64_t length;                      /* < 2^63; from here on zeroed at once */
	uint32_t field_count;
	uint16_t status; /* response */
	uint16_t dropped_underscores;
	uint8_t protocol;   /* enum stream_protocol */
	uint8_t connection; /* bits above */
	bool is_head, is_connect;
	bool is_upgrade; /* an `upgrade` that its Connection names, of another kind than h2c */
	bool is_chunked, has_length;
	bool is_grpc;
	bool is_rare; /* any of what http1_parser.c has to look at again; CONNECT, too */
	bool has_coding, is_odd_coding, has_host, has_connection, has_upgrade; /* seen on the way */
	bool is_host_capital;                                                  /* "Host" */
};

/* What is read, and where to. The last two are http1_head_read's own. */
struct http1_reading {
	struct http1_head *head; /* .fields: http1_scratch_size bytes, aligned to 8 */
	struct slice bytes;      /* all of the head so far, and what follows */
	const struct http1_options *options;
	enum http1_kind kind;
	uint32_t max_fields;
	bool checks_underscores;
};

/* Looks for a head; parses and checks it. On BAD, *error says why; else it is NONE. head->fields
 * must stay until after the copy. Hop-by-hop fields come out as HEADER_REMOVED, or not at all:
 * connection (kept with its upgrade), keep-alive, proxy-connection, transfer-encoding, te (kept as
 * `trailers`), upgrade (unless it is one), http2-settings, host (it becomes the authority), and
 * what Connection names. */
enum http1_found http1_head_read(struct http1_reading *r, struct http1_progress *progress,
				 enum http1_error *error);

/* Copies the head once into the arena and makes headers of it, pseudo headers first, with room for
 * `spare` more. */
struct headers *http1_head_copy(const struct http1_head *head, enum http1_kind kind,
				struct arena *arena, uint32_t spare);

/* Right after http1_head_copy: keeps the names as they were received, too. */
void http1_head_keep_case(const struct http1_head *head, struct headers *headers);

#endif
