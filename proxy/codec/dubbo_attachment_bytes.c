#include "codec/dubbo_attachment_bytes.h"

#include "codec/dubbo_attachments.h"
#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_string.h"

struct asked {
	const struct slice *names;
	struct slice *values;
	uint32_t count;
	uint32_t lengths; /* a bit for each that a name has */
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

static uint32_t length_bit(size_t len)
{
	return UINT32_C(1) << (len & 31);
}

/* An entry whose name may be asked for. False: it is, but for its case. */
static bool take_value(const struct asked *asked, struct slice name, struct slice value)
{
	for (uint32_t i = 0; i < asked->count; i++) {
		struct slice wanted = asked->names[i];
		if (wanted.len != name.len || (name.len && (wanted.data[0] ^ name.data[0]) & ~0x20))
			continue;
		if (slice_equal(wanted, name))
			asked->values[i] = value;
		else if (slice_equal_nocase(wanted, name))
			return false;
	}
	return true;
}

static inline bool take_entry(struct asked *asked, struct slice name, struct slice value)
{
	if (++asked->entries > DUBBO_ATTACHMENTS_LIMIT)
		return false;
	return !(asked->lengths & length_bit(name.len)) || take_value(asked, name, value);
}

/* Where the text at p, which is short and ASCII, ends; maybe beyond the end. NULL: another value.
 */
static inline const uint8_t *text_end(const uint8_t *p, const uint8_t *end)
{
	if (LIKELY(*p < 0x20))
		return p + 1 + *p;
	return (*p & 0xfc) == 0x30 && end - p > 1 ? p + 2 + hessian2_long_text(p) : NULL;
}

/* Entries of two such texts, up to another one, where all bytes are ASCII. */
static bool take_usual(struct hessian2_reader *reader, struct asked *asked)
{
	const uint8_t *p = reader->data + reader->pos, *end = reader->data + reader->len;
	const uint8_t *value, *next;

	while (p < end && (value = text_end(p, end)) && value < end &&
	       (next = text_end(value, end)) && next <= end) {
		const uint8_t *name = p + (*p < 0x20 ? 1 : 2);
		if (!take_entry(asked, slice_make(name, (size_t)(value - name)),
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
		if (name.data && !take_entry(asked, name, value))
			return false;
	}
	return true;
}

bool dubbo_attachment_bytes(struct slice bytes, const struct slice *names, uint32_t count,
			    struct slice *values)
{
	struct asked asked = {.names = names, .values = values, .count = count};
	struct hessian2_reader reader;

	for (uint32_t i = 0; i < count; i++) {
		values[i] = (struct slice){bytes.data, 0};
		asked.lengths |= length_bit(names[i].len);
	}
	if (!bytes.len || bytes.data[0] == 'N')
		return true;
	if (bytes.data[0] != hessian2_grammar.map_tag || bytes.len > DUBBO_ATTACHMENTS_BYTES_LIMIT)
		return false;
	hessian2_init(&reader, bytes, NULL);
	reader.pos = 1;
	if (LIKELY(is_ascii(bytes)) && !take_usual(&reader, &asked))
		return false;
	return take_others(&reader, &asked);
}
