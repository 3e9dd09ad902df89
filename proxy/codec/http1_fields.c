#include "codec/http1_fields.h"

#include "base/attributes.h"
#include "codec/http1_connection.h"
#include "codec/http1_line.h"
#include "codec/http1_options.h"
#include "codec/http1_start_line.h"
#include "message/grpc.h"
#include "message/stream_info.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* --- what fields say */

static enum http1_error note_length(struct http1_head *head, struct slice value)
{
	if (head->has_length || !slice_to_uint64(value, &head->length) || head->length > INT64_MAX)
		return HTTP1_ERROR_SYNTAX;
	head->has_length = true;
	return HTTP1_ERROR_NONE;
}

static __attribute__((noinline)) enum http1_error note_host(struct http1_head *head,
							    struct header *field)
{
	const char *end = head->bytes.data + head->bytes.len; /* not cut yet */

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
}

static __attribute__((noinline)) enum http1_error note_rare(struct http1_head *head,
							    struct header *field)
{
	enum header_id id = (enum header_id)field->id;

	if (id == HEADER_CONNECTION) {
		head->has_connection = true;
	} else if (id == HEADER_UPGRADE) {
		head->has_upgrade = true;
	} else if (id == HEADER_TE) {
		http1_keep_te_trailers(field);
	} else if (id == HEADER_EXPECT) {
		if (head->protocol == STREAM_PROTOCOL_HTTP10) /* RFC 9110 10.1.1 */
			field->id = HEADER_REMOVED;
	} else {
		if (id == HEADER_TRANSFER_ENCODING)
			note_coding(head, field);
		field->id = HEADER_REMOVED;
	}
	return HTTP1_ERROR_NONE;
}

static inline enum http1_error note_special(struct http1_head *head, struct header *field,
					    enum http1_kind kind)
{
	switch (field->id) {
	case HEADER_HOST:
		return kind == HTTP1_REQUEST ? note_host(head, field) : HTTP1_ERROR_NONE;
	case HEADER_CONTENT_TYPE:
		head->is_grpc = grpc_is_content_type(header_value(field));
		return HTTP1_ERROR_NONE;
	case HEADER_CONTENT_LENGTH:
		return note_length(head, header_value(field));
	default:
		head->is_rare = true;
		return note_rare(head, field);
	}
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

/* --- lines */

const char *http1_line_end_bytewise(const char *p, const char *end)
{
	while (p < end && http1_class[(uint8_t)*p] & HTTP1_FIELD)
		p++;
	return end - p >= 2 && http1_is_line_end(p) ? p : NULL;
}

enum http1_line_kind http1_line_next_odd(struct http1_cursor *cursor, struct http1_line *line,
					 const char *end)
{
	const char *at = cursor->at;

	if (!end || !http1_is_line_end(end))
		end = http1_line_end_bytewise(at, cursor->end);
	if (!end)
		return HTTP1_LINE_BAD;
	cursor->at = end + 2;
	if (end == at)
		return HTTP1_LINE_EMPTY;
	line->name_len = (size_t)(end - at);
	line->id = http1_name_find(at, end, &line->name_len);
	line->is_noted = line->id == HEADER_OTHER ? cursor->notes_others : http1_is_noted(line->id);
	line->name = at;
	line->value = at + line->name_len + 1;
	line->end = end;
	return line->id != HEADER_REMOVED ? HTTP1_LINE_FIELD : HTTP1_LINE_BAD;
}

enum http1_line_kind http1_line_next_bytewise(struct http1_cursor *cursor, struct http1_line *line)
{
	return http1_line_next_odd(cursor, line, NULL);
}

static inline __attribute__((always_inline)) void
set_field(struct header *field, const struct http1_line *line, uintptr_t shift)
{
	const char *value = line->value, *end = line->end;

	if (LIKELY(*value == ' ' && (uint8_t)value[1] > ' ' && (uint8_t)end[-1] > ' ')) {
		value++;
	} else {
		while (value < end && (*value == ' ' || *value == '\t'))
			value++;
		while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
	}
	*field = (struct header){
		.name = (const char *)((uintptr_t)line->name + shift),
		.value = (const char *)((uintptr_t)value + shift),
		.value_len = (uint32_t)(end - value),
		.name_len = (uint16_t)line->name_len,
		.id = (uint8_t)line->id,
	};
}

/* What follows from the field. */
static enum http1_error note_field(const struct http1_reading *r, struct header *field)
{
	if (LIKELY(field->id != HEADER_OTHER))
		return LIKELY(r->kind != HTTP1_TRAILERS) ? note_special(r->head, field, r->kind)
							 : note_trailer(field);
	if (memchr(field->name, '_', field->name_len))
		return note_underscore(r->head, field, r->options);
	return HTTP1_ERROR_NONE;
}

/* `next` is a constant after inlining. */
typedef enum http1_line_kind next_line(struct http1_cursor *cursor, struct http1_line *line);

static inline __attribute__((always_inline)) enum http1_error
parse_fields(const struct http1_reading *r, struct http1_cursor *cursor, next_line *next)
{
	struct header *field = r->head->fields, *last = field + r->max_fields;
	enum http1_line_kind kind;
	struct http1_line line;

	while ((kind = next(cursor, &line)) == HTTP1_LINE_FIELD) {
		if (UNLIKELY(field == last))
			return HTTP1_ERROR_SYNTAX;
		set_field(field, &line, cursor->shift);
		if (line.is_noted) {
			enum http1_error error = note_field(r, field);
			if (UNLIKELY(error))
				return error;
			if (field->id == HEADER_REMOVED) {
				last--;
				continue;
			}
		}
		field++;
	}
	r->head->field_count = (uint32_t)(field - r->head->fields);
	r->head->bytes.len =
		(size_t)((uintptr_t)cursor->at + cursor->shift - (uintptr_t)r->head->bytes.data);
	return kind == HTTP1_LINE_EMPTY ? HTTP1_ERROR_NONE : HTTP1_ERROR_SYNTAX;
}

/* The start line, and where the fields begin. */
static inline __attribute__((always_inline)) enum http1_error
parse_start(const struct http1_reading *r, struct http1_cursor *cursor, const char *line_end)
{
	struct slice line = {cursor->at, 0};

	if (UNLIKELY(!line_end || line_end == cursor->at))
		return HTTP1_ERROR_SYNTAX;
	line.len = (size_t)(line_end - cursor->at);
	cursor->at = line_end + 2;
	return http1_parse_start(r->head, line, cursor->end, r->kind, r->options);
}

static enum http1_error parse_bytewise(const struct http1_reading *r)
{
	struct http1_cursor cursor = http1_cursor_of(r->bytes, NULL, r->checks_underscores);

	if (r->kind != HTTP1_TRAILERS) {
		const char *line_end = http1_line_end_bytewise(cursor.at, cursor.end);
		enum http1_error error = parse_start(r, &cursor, line_end);
		if (error)
			return error;
	}
	return parse_fields(r, &cursor, http1_line_next_bytewise);
}

#if defined(__x86_64__)

/* `bytes` hold at least a block. */
static inline __attribute__((always_inline)) enum http1_error
parse_blocks(const struct http1_reading *r, http1_block_mask *mask, next_line *next)
{
	_Alignas(HTTP1_BLOCK) char tail[HTTP1_TAIL_SIZE];
	struct http1_cursor cursor = http1_cursor_of(r->bytes, tail, r->checks_underscores);

	cursor.colons = _mm_set1_epi8(':');
	__asm__("" : "+x"(cursor.colons)); /* else it is made anew for each line */
	if (r->kind != HTTP1_TRAILERS) {
		const char *line_end = http1_line_end(cursor.at, cursor.end, mask);
		enum http1_error error = parse_start(r, &cursor, line_end);
		if (UNLIKELY(error))
			return error;
	}
	return parse_fields(r, &cursor, next);
}

static inline __attribute__((always_inline)) uint32_t mask16(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
	__m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(control, del));
}

static inline uint32_t mask_sse2(const char *p)
{
	return mask16(p) | mask16(p + 16) << 16;
}

static inline enum http1_line_kind next_sse2(struct http1_cursor *cursor, struct http1_line *line)
{
	return http1_line_next(cursor, line, mask_sse2);
}

static enum http1_error parse_sse2(const struct http1_reading *r)
{
	return parse_blocks(r, mask_sse2, next_sse2);
}

#define AVX2 __attribute__((target("avx2,bmi,bmi2")))

AVX2 static inline uint32_t mask_avx2(const char *p)
{
	__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(0x1f)), x);
	__m256i del = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(0x7f));
	return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(control, del));
}

AVX2 static inline enum http1_line_kind next_avx2(struct http1_cursor *cursor,
						  struct http1_line *line)
{
	return http1_line_next(cursor, line, mask_avx2);
}

AVX2 static enum http1_error parse_avx2(const struct http1_reading *r)
{
	return parse_blocks(r, mask_avx2, next_avx2);
}

bool http1_has_variant(enum http1_variant variant)
{
	return variant != HTTP1_AVX2 ||
	       (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		__builtin_cpu_supports("bmi2"));
}

enum http1_error http1_parse_lines_by(enum http1_variant variant, const struct http1_reading *r)
{
	if (variant == HTTP1_BYTEWISE || r->bytes.len < HTTP1_BLOCK)
		return parse_bytewise(r);
	return variant == HTTP1_AVX2 ? parse_avx2(r) : parse_sse2(r);
}

#else

bool http1_has_variant(enum http1_variant variant)
{
	return variant == HTTP1_BYTEWISE;
}

enum http1_error http1_parse_lines_by(enum http1_variant variant, const struct http1_reading *r)
{
	(void)variant;
	return parse_bytewise(r);
}

#endif

enum http1_error http1_parse_lines(const struct http1_reading *r)
{
	return http1_parse_lines_by(LIKELY(http1_has_variant(HTTP1_AVX2)) ? HTTP1_AVX2 : HTTP1_SSE2,
				    r);
}
