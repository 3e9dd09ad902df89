#include "codec/dubbo_attachment_bytes.h"

#include "codec/dubbo_attachments.h"
#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_string.h"

struct asked {
	const struct slice *names;
	struct slice *values;
	uint32_t count;
	uint32_t entries; /* met */
};

/* Nothing behind them is read. */
static bool is_ascii(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.data;

	if (bytes.len < HESSIAN2_WIDE)
		return hessian2_is_ascii(p, bytes.len);
	size_t first = bytes.len - HESSIAN2_WIDE;
	return hessian2_is_ascii_wide(p, first) &&
	       hessian2_is_ascii_within(p + first, HESSIAN2_WIDE - 1);
}

/* The value of an entry if its name is asked for. False: it is, but for its case. */
static bool take_value(const struct asked *asked, struct slice name, struct slice value)
{
	for (uint32_t i = 0; i < asked->count; i++)
		if (slice_equal(asked->names[i], name))
			asked->values[i] = value;
		else if (slice_equal_nocase(asked->names[i], name))
			return false;
	return true;
}

/* Whether a name of that length and first byte may be asked for. */
static inline bool may_be_asked(const struct asked *asked, size_t len, uint8_t first)
{
	for (uint32_t i = 0; i < asked->count; i++)
		if (asked->names[i].len == len &&
		    (!len || !(((uint8_t)asked->names[i].data[0] ^ first) & ~0x20)))
			return true;
	return false;
}

/* Entries of a short name and a text, up to another one, where all bytes are ASCII and there are
 * too few for more entries than may be. */
static bool take_usual(struct hessian2_reader *reader, const struct asked *asked)
{
	const uint8_t *p = reader->data + reader->pos, *end = reader->data + reader->len;
	uint32_t lengths = 0; /* a bit for each that a name has */

	for (uint32_t i = 0; i < asked->count; i++)
		lengths |= UINT32_C(1) << (asked->names[i].len & 31);
	while (p < end && *p < 0x20) {
		const uint8_t *value = p + 1 + *p, *next;
		if (value >= end)
			break;
		if (LIKELY(*value < 0x20))
			next = value + 1 + *value;
		else if ((*value & 0xfc) == 0x30 && end - value > 1)
			next = value + 2 + hessian2_long_text(value);
		else
			break;
		if (next > end)
			break;
		if (UNLIKELY(lengths >> *p & 1) && may_be_asked(asked, *p, p[1]) &&
		    !take_value(asked, slice_make(p + 1, *p),
				slice_make(value, (size_t)(next - value))))
			return false;
		p = next;
	}
	reader->pos = (size_t)(p - reader->data);
	return true;
}

/* A text is read: what can't be says nothing. Of other values the bytes are all. */
static bool take_alone(struct hessian2_reader *reader, struct slice *text)
{
	enum hessian2_kind kind = hessian2_kind(reader);

	*text = (struct slice){NULL, 0};
	if (kind == HESSIAN2_STRING)
		return !hessian2_read_string(reader, text);
	return kind == HESSIAN2_BINARY ? !hessian2_skip_binary(reader)
				       : kind < HESSIAN2_STRING && hessian2_take_fixed(reader);
}

static bool take_others(struct hessian2_reader *reader, struct asked *asked)
{
	struct slice name, text;

	while (!hessian2_at_end(reader)) {
		if (!take_alone(reader, &name))
			return false;
		size_t from = reader->pos;
		if (!take_alone(reader, &text))
			return false;
		struct slice value = {(const char *)reader->data + from, reader->pos - from};
		if (name.data &&
		    (++asked->entries > DUBBO_ATTACHMENTS_LIMIT || !take_value(asked, name, value)))
			return false;
	}
	return true;
}

bool dubbo_attachment_bytes(struct slice bytes, const struct slice *names, uint32_t count,
			    struct slice *values)
{
	struct asked asked = {.names = names, .values = values, .count = count};
	struct hessian2_reader reader;

	for (uint32_t i = 0; i < count; i++)
		values[i] = (struct slice){bytes.data, 0};
	if (!bytes.len || bytes.data[0] == 'N')
		return true;
	if (bytes.data[0] != hessian2_grammar.map_tag || bytes.len > DUBBO_ATTACHMENTS_BYTES_LIMIT)
		return false;
	hessian2_init(&reader, bytes, NULL);
	reader.pos = 1;
	if (LIKELY(bytes.len < 2 * DUBBO_ATTACHMENTS_LIMIT && is_ascii(bytes)) &&
	    !take_usual(&reader, &asked))
		return false;
	return take_others(&reader, &asked);
}
