#include "codec/http1_parser.h"

#include "base/attributes.h"
#include "codec/http1_connection.h"
#include "codec/http1_fields.h"
#include "codec/http1_options.h"
#include "codec/http1_start_line.h"
#include "message/stream_info.h"

const struct http1_options http1_default_options = {
	.max_head_bytes = HTTP1_DEFAULT_HEAD_BYTES,
	.max_headers = HTTP1_DEFAULT_HEADERS,
	.allow_absolute_url = true,
};

static uint32_t max_headers(const struct http1_options *options)
{
	return options->max_headers < HTTP1_MOST_HEADERS ? options->max_headers
							 : HTTP1_MOST_HEADERS;
}

static size_t max_bytes(const struct http1_options *options)
{
	return options->max_head_bytes < HTTP1_MOST_HEAD_BYTES ? options->max_head_bytes
							       : HTTP1_MOST_HEAD_BYTES;
}

size_t http1_scratch_size(const struct http1_options *options)
{
	return max_headers(options) * sizeof(struct header);
}

/* Body and connection, once all fields are known. */
static __attribute__((noinline)) enum http1_error
check_framing(struct http1_head *head, enum http1_kind kind, const struct http1_options *options)
{
	if (head->has_coding && head->has_length) {
		if (!options->allow_chunked_length || head->is_odd_coding)
			return HTTP1_ERROR_LENGTH_AND_CODING;
		http1_remove_fields(head, HEADER_CONTENT_LENGTH);
		head->has_length = false;
	}
	if (head->is_odd_coding || (head->has_coding && head->is_connect))
		return HTTP1_ERROR_CODING;
	if (head->has_coding && head->protocol == STREAM_PROTOCOL_HTTP10)
		return HTTP1_ERROR_CODING_REFUSED; /* RFC 9112 6.1 */
	if (head->has_connection) {
		enum http1_error error = http1_read_connection(head, kind);
		if (error)
			return error;
	}
	if (head->has_upgrade)
		http1_read_upgrade(head, kind);
	if (head->has_connection && !head->is_upgrade)
		http1_remove_fields(head, HEADER_CONNECTION);
	if (head->is_connect && head->has_length) {
		if (head->length)
			return HTTP1_ERROR_BODY_REFUSED;
		http1_remove_fields(head, HEADER_CONTENT_LENGTH);
		head->has_length = false;
	}
	if (head->is_upgrade && head->is_chunked && kind == HTTP1_REQUEST)
		return HTTP1_ERROR_BODY_REFUSED;
	return HTTP1_ERROR_NONE;
}

/* --- the whole */

static inline enum http1_error parse(const struct http1_reading *r)
{
	struct http1_head *head = r->head;

	head->bytes = r->bytes;
	head->scheme = head->authority = head->path = (struct slice){0};
	memset(&head->length, 0, sizeof *head - offsetof(struct http1_head, length));
	enum http1_error error = http1_parse_lines(r);
	if (error || LIKELY(!head->is_rare) || r->kind == HTTP1_TRAILERS)
		return error;
	return check_framing(head, r->kind, r->options);
}

/* A bad start line is told before anything that is wrong behind it, however the bytes came. */
static enum http1_error check_first_line(const struct http1_reading *r)
{
	struct http1_head head = {0};
	struct slice line = slice_sub(r->bytes, 0, slice_find_char(r->bytes, '\r', 0));

	return http1_parse_start(&head, line, r->bytes.data + r->bytes.len, r->kind, r->options);
}

static enum http1_error scan_error(enum http1_scan_result result)
{
	switch (result) {
	case HTTP1_SCAN_FULL:
		return HTTP1_ERROR_TOO_MANY_HEADERS;
	case HTTP1_SCAN_CONTROL:
		return HTTP1_ERROR_CHARACTERS;
	case HTTP1_SCAN_END: /* of no line at all */
	case HTTP1_SCAN_ENDING:
		return HTTP1_ERROR_SYNTAX;
	case HTTP1_SCAN_MORE:
		break;
	}
	return HTTP1_ERROR_NONE;
}

/* Not at once: what is wrong with characters and sizes comes before what is wrong with fields,
 * which `error` says if the head was parsed already (`is_parsed`). */
static __attribute__((noinline)) enum http1_found scan_and_parse(const struct http1_reading *r,
								 struct http1_progress *progress,
								 bool is_parsed,
								 enum http1_error *error)
{
	const struct http1_options *options = r->options;
	struct slice bytes = r->bytes;
	bool has_start = r->kind == HTTP1_TRAILERS || progress->lines;
	enum http1_scan_result result = http1_scan_lines(
		progress, bytes, max_headers(options) + (r->kind != HTTP1_TRAILERS));

	if (result == HTTP1_SCAN_END && (progress->lines || r->kind == HTTP1_TRAILERS)) {
		*progress = (struct http1_progress){0};
		if (!is_parsed)
			*error = parse(r);
		return *error ? HTTP1_FOUND_BAD : HTTP1_FOUND_ALL;
	}
	*error = has_start || !progress->lines ? HTTP1_ERROR_NONE : check_first_line(r);
	if (!*error)
		*error = scan_error(result);
	if (!*error && bytes.len == max_bytes(options))
		*error = HTTP1_ERROR_TOO_LARGE;
	return *error ? HTTP1_FOUND_BAD : HTTP1_FOUND_MORE;
}

enum http1_found http1_head_read(struct http1_reading *r, struct http1_progress *progress,
				 enum http1_error *error)
{
	const struct http1_options *options = r->options;

	if (UNLIKELY(r->bytes.len > max_bytes(options)))
		r->bytes.len = max_bytes(options);
	r->max_fields = max_headers(options);
	r->checks_underscores =
		r->kind == HTTP1_REQUEST && options->underscores != HTTP1_UNDERSCORES_ALLOW;
	if (UNLIKELY(progress->scanned))
		return scan_and_parse(r, progress, false, error);
	*error = parse(r);
	return LIKELY(!*error) ? HTTP1_FOUND_ALL : scan_and_parse(r, progress, true, error);
}
