#include "codec/hessian2.h"

#include <string.h>

#include "codec/hessian2_internal.h"
#include "codec/hessian2_number.h"
#include "codec/hessian2_string.h"
#include "message/argument_value.h"

void hessian2_init(struct hessian2_reader *reader, struct slice bytes, struct arena *arena)
{
	*reader = (struct hessian2_reader){
		.data = (const uint8_t *)bytes.data,
		.len = bytes.len,
		.arena = arena,
		.grammar = &hessian2_grammar,
		.items_left = HESSIAN2_ITEMS,
		.ref_wanted = UINT32_MAX,
		.ref_at = SIZE_MAX,
		.rescan_left = bytes.len + HESSIAN2_RESCAN,
	};
}

const struct hessian2_tag *hessian2_tag(const struct hessian2_reader *reader)
{
	static const struct hessian2_tag none;

	return LIKELY(reader->pos < reader->len) ? &reader->grammar->tags[reader->data[reader->pos]]
						 : &none;
}

const uint8_t *hessian2_take_tag(struct hessian2_reader *reader, const struct hessian2_tag *tag)
{
	const uint8_t *p = reader->data + reader->pos;

	if (hessian2_bytes_left(reader) < tag->size)
		return NULL;
	reader->pos += tag->size;
	return p;
}

const uint8_t *hessian2_take_fixed(struct hessian2_reader *reader)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);
	bool is_fixed = (tag->kind >= HESSIAN2_NULL && tag->kind <= HESSIAN2_DATE) ||
			(tag->kind == HESSIAN2_REF && tag->form == HESSIAN2_NUMBER_IN_TAG);

	return is_fixed ? hessian2_take_tag(reader, tag) : NULL;
}

enum status hessian2_read_int(struct hessian2_reader *reader, int32_t *out)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);
	const uint8_t *p = tag->kind == HESSIAN2_INT ? hessian2_take_tag(reader, tag) : NULL;

	if (!p)
		return STATUS_MALFORMED;
	*out = (int32_t)hessian2_integer(tag, p);
	return STATUS_OK;
}

/* --- strings and binaries: chunks */

struct chunk {
	size_t size; /* UTF-16 units, or bytes of a binary */
	bool is_last;
};

/* Steps over the head of a string's or binary's chunk. */
static bool take_chunk(struct hessian2_reader *reader, enum hessian2_kind kind, struct chunk *chunk)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);
	const uint8_t *p = tag->kind == kind ? hessian2_take_tag(reader, tag) : NULL;

	if (!p)
		return false;
	chunk->size = (size_t)hessian2_integer(tag, p);
	chunk->is_last = tag->form == HESSIAN2_LAST_CHUNK;
	return true;
}

bool hessian2_take_units(struct hessian2_reader *reader, size_t units, unsigned *seen)
{
	struct slice rest = {(const char *)reader->data + reader->pos, hessian2_bytes_left(reader)};
	size_t size = hessian2_units_size(rest, units, seen);

	if (size == SIZE_MAX)
		return false;
	reader->pos += size;
	return true;
}

/* The usual string, whose length is in its tag and maybe a byte, and which is ASCII: steps over it.
 * Else false. */
static inline bool take_short(struct hessian2_reader *reader, struct slice *out)
{
	const uint8_t *p = reader->data + reader->pos;
	size_t left = hessian2_bytes_left(reader), len, head = 1;
	bool is_ascii;

	if (left < 2 * HESSIAN2_WIDE) {
		if (!left || *p >= 0x20 || left <= *p)
			return false;
		len = *p;
		is_ascii = hessian2_is_ascii(p + 1, len);
	} else if (LIKELY(*p < 0x20)) {
		len = *p;
		is_ascii = hessian2_is_ascii_within(p, *p);
	} else {
		len = hessian2_long_text(p);
		head = 2;
		is_ascii = reader->grammar->steps[*p] == HESSIAN2_STEP_LONG_TEXT &&
			   left >= 2 + len + HESSIAN2_WIDE && hessian2_is_ascii_wide(p + 2, len);
	}
	if (UNLIKELY(!is_ascii))
		return false;
	*out = slice_make(p + head, len);
	reader->pos += head + len;
	return true;
}

static COLD enum status skip_any_string(struct hessian2_reader *reader)
{
	struct chunk chunk;
	unsigned seen = 0;

	do {
		if (!take_chunk(reader, HESSIAN2_STRING, &chunk) ||
		    !hessian2_take_units(reader, chunk.size, &seen))
			return STATUS_MALFORMED;
	} while (!chunk.is_last);
	return STATUS_OK;
}

enum status hessian2_skip_string(struct hessian2_reader *reader)
{
	struct slice text;

	return LIKELY(take_short(reader, &text)) ? STATUS_OK : skip_any_string(reader);
}

enum status hessian2_skip_binary(struct hessian2_reader *reader)
{
	struct chunk chunk;

	do {
		if (!take_chunk(reader, HESSIAN2_BINARY, &chunk) ||
		    hessian2_bytes_left(reader) < chunk.size)
			return STATUS_MALFORMED;
		reader->pos += chunk.size;
	} while (!chunk.is_last);
	return STATUS_OK;
}

/* The bytes of a string that came in chunks, as one run in the arena. `from` is its first tag; it
 * has been skipped, so nothing here fails. */
static struct slice join_chunks(struct hessian2_reader *reader, size_t from)
{
	size_t end = reader->pos;
	char *joined = arena_alloc(reader->arena, end - from), *p = joined;
	struct chunk chunk = {0, false};
	unsigned seen = 0;

	reader->pos = from;
	while (!chunk.is_last && take_chunk(reader, HESSIAN2_STRING, &chunk)) {
		size_t start = reader->pos;
		if (!hessian2_take_units(reader, chunk.size, &seen))
			break;
		memcpy(p, reader->data + start, reader->pos - start);
		p += reader->pos - start;
	}
	reader->pos = end;
	return slice_make(joined, (size_t)(p - joined));
}

static COLD enum status read_any_string(struct hessian2_reader *reader, struct slice *out)
{
	size_t from = reader->pos;
	struct chunk chunk;
	unsigned seen = 0;

	if (hessian2_kind(reader) == HESSIAN2_NULL) {
		reader->pos++;
		*out = (struct slice){NULL, 0};
		return STATUS_OK;
	}
	if (!take_chunk(reader, HESSIAN2_STRING, &chunk))
		return STATUS_MALFORMED;
	size_t start = reader->pos;
	if (!hessian2_take_units(reader, chunk.size, &seen))
		return STATUS_MALFORMED;
	*out = slice_make(reader->data + start, reader->pos - start);
	if (!chunk.is_last) {
		enum status status = hessian2_skip_string(reader);
		if (status)
			return status;
		if (!reader->arena)
			return STATUS_UNSUPPORTED;
		*out = join_chunks(reader, from);
		seen = 0x80;
	}
	return seen < 0x80 ? STATUS_OK : hessian2_to_utf8(*out, out, reader->arena);
}

enum status hessian2_read_string(struct hessian2_reader *reader, struct slice *out)
{
	return LIKELY(take_short(reader, out)) ? STATUS_OK : read_any_string(reader, out);
}

/* --- values as text */

enum status hessian2_read_text(struct hessian2_reader *reader, struct slice *out)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);
	const uint8_t *p;

	*out = (struct slice){NULL, 0};
	if (tag->kind == HESSIAN2_STRING)
		return hessian2_read_string(reader, out);
	if (tag->kind != HESSIAN2_BOOL && tag->kind != HESSIAN2_INT && tag->kind != HESSIAN2_LONG &&
	    tag->kind != HESSIAN2_DOUBLE)
		return hessian2_skip(reader);
	if (!(p = hessian2_take_tag(reader, tag)))
		return STATUS_MALFORMED;
	if (tag->kind == HESSIAN2_BOOL)
		*out = *p == 'T' ? SLICE("true") : SLICE("false");
	else if (tag->kind == HESSIAN2_DOUBLE)
		*out = argument_double_text(hessian2_double(tag, p), reader->arena);
	else
		*out = slice_of(
			arena_printf(reader->arena, "%lld", (long long)hessian2_integer(tag, p)));
	return STATUS_OK;
}
