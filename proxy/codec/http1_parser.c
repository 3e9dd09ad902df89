#include "codec/http1_parser.h"

#include "base/attributes.h"
#include "codec/http1_connection.h"
#include "codec/http1_names.h"
#include "codec/http1_options.h"
#include "codec/http1_scan.h"
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

/* Line ends first (a start line and one too many fields), then fields. */
static size_t ends_size(uint32_t limit)
{
	return ((size_t)limit + 3) / 2 * 8;
}

size_t http1_scratch_size(const struct http1_options *options)
{
	uint32_t limit = max_headers(options);
	return ends_size(limit) + limit * sizeof(struct header);
}

/* --- finding the end */

/* A bad start line is told before anything that is wrong behind it, however the bytes came. */
static enum http1_error check_first_line(const struct http1_progress *progress, struct slice bytes,
					 const struct http1_lines *lines, enum http1_kind kind,
					 const struct http1_options *options)
{
	struct http1_head head = {0};

	if (kind == HTTP1_TRAILERS || progress->lines || !lines->count)
		return HTTP1_ERROR_NONE;
	return http1_parse_start(&head, slice_sub(bytes, 0, lines->ends[0]), bytes.data + bytes.len,
				 kind, options);
}

static enum http1_error check_partial(struct http1_progress *progress, struct slice bytes,
				      const struct http1_lines *lines,
				      const struct http1_options *options)
{
	progress->scanned = lines->scanned;
	progress->line_start = lines->line_start;
	progress->lines = (uint16_t)(progress->lines + lines->count);
	return bytes.len >= max_bytes(options) ? HTTP1_ERROR_TOO_LARGE : HTTP1_ERROR_NONE;
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

enum http1_found http1_head_find(struct http1_progress *progress, struct slice bytes,
				 enum http1_kind kind, const struct http1_options *options,
				 void *scratch, struct http1_lines_found *found,
				 enum http1_error *error)
{
	uint32_t max_lines = max_headers(options) + (kind != HTTP1_TRAILERS);
	struct http1_lines lines = {
		.ends = scratch,
		.max = max_lines - progress->lines,
		.line_start = progress->line_start,
		.scanned = progress->scanned,
	};
	struct slice head = bytes;
	enum http1_scan_result result;

	if (head.len > max_bytes(options))
		head.len = max_bytes(options);
	result = http1_scan_lines(&lines, head);
	if (UNLIKELY(result == HTTP1_SCAN_END && progress->scanned)) {
		/* The first lines' ends are not known any more. */
		lines.count = lines.line_start = lines.scanned = 0;
		lines.max = max_lines;
		result = http1_scan_lines(&lines, head);
	}
	if (LIKELY(result == HTTP1_SCAN_END && (lines.count || kind == HTTP1_TRAILERS))) {
		found->ends = lines.ends;
		found->count = lines.count;
		found->len = lines.line_start + 2;
		*progress = (struct http1_progress){0};
		return HTTP1_FOUND_ALL;
	}
	*error = check_first_line(progress, bytes, &lines, kind, options);
	if (!*error)
		*error = result == HTTP1_SCAN_MORE ? check_partial(progress, bytes, &lines, options)
						   : scan_error(result);
	return *error ? HTTP1_FOUND_BAD : HTTP1_FOUND_MORE;
}

/* --- fields */

#define BIT(id) (UINT64_C(1) << HEADER_##id)

/* Fields that say something about the message or the connection itself. */
#define SPECIAL_FIELDS                                                                             \
	(BIT(CONTENT_LENGTH) | BIT(TRANSFER_ENCODING) | BIT(HOST) | BIT(CONNECTION) |              \
	 BIT(UPGRADE) | BIT(TE) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) | BIT(HTTP2_SETTINGS) |  \
	 BIT(EXPECT) | BIT(CONTENT_TYPE))
_Static_assert(HEADER_UPGRADE<64 && HEADER_UPGRADE> HEADER_TRANSFER_ENCODING, "BIT must reach");

static enum http1_error note_length(struct http1_head *head, struct slice value)
{
	if (head->has_length || !slice_to_uint64(value, &head->length) || head->length > INT64_MAX)
		return HTTP1_ERROR_SYNTAX;
	head->has_length = true;
	return HTTP1_ERROR_NONE;
}

static enum http1_error note_host(struct http1_head *head, struct header *field)
{
	const char *end = head->bytes.data + head->bytes.len;

	field->id = HEADER_REMOVED;
	if (head->has_host)
		return HTTP1_ERROR_SYNTAX;
	head->has_host = true;
	head->is_host_capital = field->name[0] == 'H';
	if (!http1_is_host(header_value(field), end))
		return HTTP1_ERROR_AUTHORITY;
	if (!head->authority.data) /* the target's own wins: RFC 9112 3.2.2 */
		head->authority = header_value(field);
	return HTTP1_ERROR_NONE;
}

static void note_coding(struct http1_head *head, struct header *field)
{
	if (head->has_coding || !slice_equal_nocase(header_value(field), SLICE("chunked")))
		head->is_odd_coding = true;
	head->has_coding = true;
	head->is_chunked = !head->is_odd_coding;
	field->id = HEADER_REMOVED;
}

/* "application/grpc", alone or with a subtype ("application/grpc+proto"; grpc-web is none). */
static bool is_grpc(struct slice type)
{
	return slice_starts_with(type, SLICE("application/grpc")) &&
	       (type.len == 16 || type.data[16] == '+');
}

static enum http1_error note_special(struct http1_head *head, struct header *field,
				     enum http1_kind kind)
{
	enum header_id id = (enum header_id)field->id;

	if (id == HEADER_CONTENT_LENGTH)
		return note_length(head, header_value(field));
	if (id == HEADER_HOST)
		return kind == HTTP1_REQUEST ? note_host(head, field) : HTTP1_ERROR_NONE;
	if (id == HEADER_CONTENT_TYPE)
		head->is_grpc = is_grpc(header_value(field));
	else if (id == HEADER_TRANSFER_ENCODING)
		note_coding(head, field);
	else if (id == HEADER_CONNECTION)
		head->has_connection = true;
	else if (id == HEADER_UPGRADE)
		head->has_upgrade = true;
	else if (id == HEADER_TE)
		http1_keep_te_trailers(field);
	else if (id == HEADER_EXPECT) {
		if (head->protocol == STREAM_PROTOCOL_HTTP10) /* RFC 9110 10.1.1 */
			field->id = HEADER_REMOVED;
	} else
		field->id = HEADER_REMOVED;
	return HTTP1_ERROR_NONE;
}

/* RFC 9110 6.5.1: what frames a message or concerns the connection has no meaning here. */
static enum http1_error note_trailer(struct header *field)
{
	if (field->id != HEADER_CONTENT_TYPE)
		field->id = HEADER_REMOVED;
	return HTTP1_ERROR_NONE;
}

static COLD enum http1_error note_underscore(struct http1_head *head, struct header *field,
					     const struct http1_options *options)
{
	if (options->underscores == HTTP1_UNDERSCORES_REJECT)
		return HTTP1_ERROR_UNDERSCORE;
	head->dropped_underscores++;
	field->id = HEADER_REMOVED;
	return HTTP1_ERROR_NONE;
}

/* A line "name: value" of `bytes`, from `start` to its CR at `line_end`. */
static inline enum http1_error parse_field(struct header *field, struct slice bytes, size_t start,
					   size_t line_end)
{
	const char *name = bytes.data + start, *value, *end = bytes.data + line_end;
	size_t name_len = line_end - start;
	enum header_id id = http1_name_find(name, bytes.data + bytes.len, &name_len);

	if (UNLIKELY(id == HEADER_REMOVED || name_len > UINT16_MAX))
		return HTTP1_ERROR_SYNTAX;
	value = name + name_len + 1;
	value += *value == ' ';
	if (UNLIKELY((uint8_t)*value <= ' ' || (uint8_t)end[-1] <= ' ')) {
		while (value < end && (*value == ' ' || *value == '\t'))
			value++;
		while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
	}
	*field = (struct header){
		.name = name,
		.value = value,
		.value_len = (uint32_t)(end - value),
		.name_len = (uint16_t)name_len,
		.id = (uint8_t)id,
	};
	return HTTP1_ERROR_NONE;
}

/* Body and connection, once all fields are known. */
static enum http1_error check_framing(struct http1_head *head, enum http1_kind kind,
				      const struct http1_options *options)
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

/* Everything that isn't always set. */
static inline void head_init(struct http1_head *head, struct slice bytes)
{
	head->bytes = bytes;
	head->scheme = head->authority = head->path = (struct slice){0};
	memset(&head->length, 0, sizeof *head - offsetof(struct http1_head, length));
}

enum http1_error http1_head_parse(struct http1_head *head, struct slice bytes,
				  const struct http1_lines_found *found, enum http1_kind kind,
				  const struct http1_options *options, void *scratch)
{
	size_t start = 0;
	uint32_t line = 0;
	enum http1_error error;
	bool checks_underscores =
		kind == HTTP1_REQUEST && options->underscores != HTTP1_UNDERSCORES_ALLOW;

	head_init(head, slice_sub(bytes, 0, found->len));
	head->fields = (struct header *)(void *)((char *)scratch + ends_size(max_headers(options)));
	if (kind != HTTP1_TRAILERS) {
		error = http1_parse_start(head, slice_sub(bytes, 0, found->ends[0]),
					  bytes.data + bytes.len, kind, options);
		if (error)
			return error;
		start = found->ends[line++] + 2;
	}
	struct header *field = head->fields;
	for (; line < found->count; line++, field++) {
		error = parse_field(field, bytes, start, found->ends[line]);
		if (UNLIKELY(error))
			return error;
		if (field->id < 64 && SPECIAL_FIELDS >> field->id & 1) {
			error = kind == HTTP1_TRAILERS ? note_trailer(field)
						       : note_special(head, field, kind);
			if (UNLIKELY(error))
				return error;
		} else if (UNLIKELY(checks_underscores) &&
			   memchr(field->name, '_', field->name_len)) {
			error = note_underscore(head, field, options);
			if (error)
				return error;
		}
		start = found->ends[line] + 2;
	}
	head->field_count = (uint32_t)(field - head->fields);
	return kind == HTTP1_TRAILERS ? HTTP1_ERROR_NONE : check_framing(head, kind, options);
}
