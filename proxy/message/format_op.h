/* The operators of a compiled format, and where they write: private to message/format*.c.
 *
 *   catalogue (format_names.c): name -> how its argument is read, which function renders it
 *   struct format_op: one occurrence, with its argument
 *
 * Owner: the arena of the format. Thread: constant after compilation; format_out is on the stack of
 * who renders. */
#ifndef MESSAGE_FORMAT_OP_H
#define MESSAGE_FORMAT_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/diag.h"
#include "base/slice.h"
#include "message/known_names.h"

struct stream_info;

/* Where a format is written. What doesn't fit is counted, so that the caller learns how long it
 * would have been; once something was lost, at stays at end. */
struct format_out {
	char *data, *at, *end;
	size_t lost;
	bool is_raw; /* the format's */
};

static inline struct format_out format_out_init(char *data, size_t room)
{
	return (struct format_out){.data = data, .at = data, .end = data ? data + room : data};
}

static inline size_t format_out_len(const struct format_out *out)
{
	return (size_t)(out->at - out->data) + out->lost;
}

/* Back to a length it had before, or on to one whose bytes were written already. */
static inline void format_out_set_len(struct format_out *out, size_t len)
{
	size_t room = (size_t)(out->end - out->data);
	out->lost = len > room ? len - room : 0;
	out->at = out->data + (len - out->lost);
}

struct format_op;
/* Writes the operator's value; false (and nothing written) if there is none. */
typedef bool format_render(const struct format_op *op, const struct stream_info *info,
			   struct format_out *out);

/* What an operator is in a JSON format; in a text all are FORMAT_TEXT. */
enum format_place {
	FORMAT_TEXT,       /* a part of the line, or of a JSON string (then without value: "-") */
	FORMAT_JSON_VALUE, /* all of a value: a number, a quoted string, or null */
	FORMAT_JSON_RAW,   /* a value that is known beforehand */
	FORMAT_JSON_NULL,
	FORMAT_JSON_KEY, /* text: quoted, with its colon */
	FORMAT_JSON_OBJECT,
	FORMAT_JSON_END_OBJECT,
	FORMAT_JSON_LIST,
	FORMAT_JSON_END_LIST,
	FORMAT_JSON_STRING, /* of parts, which follow until the end */
	FORMAT_JSON_END_STRING,
};

struct format_time;
struct metadata_path;

struct format_op {
	format_render *render;         /* NULL: text is written as it is */
	uint8_t place;                 /* enum format_place */
	uint8_t option;                /* what the argument chose */
	uint16_t header, other_header; /* enum header_id of text and other */
	uint16_t offset, other_offset; /* of fields in struct stream_info */
	bool is_number;                /* in JSON: written without quotes */
	uint32_t max_len;
	struct slice before;      /* in a text: the literal that stands before it */
	struct slice text, other; /* literal, header names, … */
	const struct format_time *time;
	const struct metadata_path *metadata;
};

struct format {
	const struct format_op *ops;
	uint32_t count;
	bool omits_empty, is_json, is_raw;
};

/* A format while it is compiled. */
struct format_ops {
	struct arena *arena;
	struct format_op *ops;
	uint32_t count, capacity;
};

/* Appends one, not initialised. NULL, with a diag, over FORMAT_OPS_MAX. */
struct format_op *format_ops_add(struct format_ops *ops, struct diag *diag);

/* Appends the operators of a text; what is literal has no render function. */
enum status MUST_CHECK format_parse(struct slice text, struct format_ops *ops, struct diag *diag);

void format_json_render(const struct format *format, const struct stream_info *info,
			struct format_out *out);

void format_out_slow(struct format_out *out, const char *data, size_t len);

COLD void format_copy_long(char *to, const char *from, size_t len); /* rare, and never inline */

/* Pieces of a line are short: overlapping moves beat a call of memcpy. */
static inline void format_copy(char *to, const char *from, size_t len)
{
	uint64_t head8, tail8;
	uint32_t head4, tail4;
	if (UNLIKELY(len > 64)) {
		format_copy_long(to, from, len);
	} else if (len >= 16) {
		for (size_t i = 0; i < len - 16; i += 16)
			memcpy(to + i, from + i, 16);
		memcpy(to + len - 16, from + len - 16, 16);
	} else if (len >= 8) {
		memcpy(&head8, from, 8);
		memcpy(&tail8, from + len - 8, 8);
		memcpy(to, &head8, 8);
		memcpy(to + len - 8, &tail8, 8);
	} else if (len >= 4) {
		memcpy(&head4, from, 4);
		memcpy(&tail4, from + len - 4, 4);
		memcpy(to, &head4, 4);
		memcpy(to + len - 4, &tail4, 4);
	} else if (len) {
		to[0] = from[0];
		to[len / 2] = from[len / 2];
		to[len - 1] = from[len - 1];
	}
}

static inline void format_out(struct format_out *out, const char *data, size_t len)
{
	if (LIKELY((size_t)(out->end - out->at) >= len)) {
		format_copy(out->at, data, len);
		out->at += len;
	} else {
		format_out_slow(out, data, len);
	}
}

enum { FORMAT_LITERAL_PAD = 16 };

/* A literal, whose bytes are followed by enough others for a move of FORMAT_LITERAL_PAD. */
static inline void format_out_literal(struct format_out *out, struct slice s)
{
	if (LIKELY(s.len <= FORMAT_LITERAL_PAD && out->end - out->at >= FORMAT_LITERAL_PAD)) {
		memcpy(out->at, s.data, FORMAT_LITERAL_PAD);
		out->at += s.len;
	} else {
		format_out(out, s.data, s.len);
	}
}

extern const char format_digit_pairs[200]; /* "000102...99" */

/* The decimal digits of n < 100, two of them. */
static inline void format_two_digits(char *to, unsigned n)
{
	memcpy(to, format_digit_pairs + 2 * n, 2);
}

static inline void format_out_slice(struct format_out *out, struct slice s)
{
	if (s.len)
		format_out(out, s.data, s.len);
}

void format_out_number(struct format_out *out, uint64_t number);

/* --- the catalogue: format_names.c --- */

/* Fills *op for "%name(argument):length%"; max_len is UINT32_MAX if no length was given.
 * STATUS_INVALID and a diag for what is unknown or wrong. */
enum status MUST_CHECK format_op_compile(struct slice name, struct slice argument, uint32_t max_len,
					 struct arena *arena, struct format_op *op,
					 struct diag *diag);

/* "namespace:key:…"; a namespace alone means all that is in it. */
void format_metadata_compile(struct slice argument, struct arena *arena, struct format_op *op);

/* --- what renders: format_values.c, format_metadata.c --- */

format_render format_render_none, format_render_constant, format_render_zero, format_render_u64,
	format_render_u16, format_render_u8, format_render_slice, format_render_plain_slice,
	format_render_duration, format_render_call_time, format_render_protocol,
	format_render_flags, format_render_address, format_render_port, format_render_header,
	format_render_known_header, format_render_header_bytes, format_render_details,
	format_render_grpc_status, format_render_host_name, format_render_query_param,
	format_render_query, format_render_path, format_render_server_name, format_render_log_type,
	format_render_unique_id, format_render_stream_id, format_render_time,
	format_render_metadata;

enum format_host_part { FORMAT_HOST, FORMAT_HOST_WITHOUT_PORT };
enum format_grpc_form { FORMAT_GRPC_CAMEL, FORMAT_GRPC_SNAKE, FORMAT_GRPC_NUMBER };
enum format_server_name { FORMAT_SNI_ONLY, FORMAT_SNI_FIRST, FORMAT_HOST_FIRST };
enum format_path { FORMAT_PATH_WITHOUT_QUERY = 1, FORMAT_PATH_ORIGINAL = 2, FORMAT_PATH_OWN = 4 };
enum format_unit { FORMAT_MS, FORMAT_US, FORMAT_NS };
enum format_clock { FORMAT_TIME_START, FORMAT_TIME_EMIT };

#endif
