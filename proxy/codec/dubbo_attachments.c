#include "codec/dubbo_attachments.h"

#include "codec/dubbo_arguments.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_head.h"
#include "codec/dubbo_jsonb.h"
#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_string.h"
#include "codec/rpc_text.h"

_Static_assert((int)HESSIAN2_WIDE >= (int)RPC_TEXT_WIDE, "a kept map has room behind it for both");

/* The entries while they are read. */
struct entries {
	struct rpc_attachment *items;
	uint32_t count, capacity;
	struct arena *arena;
	struct slice plain_map; /* .data NULL: it is none */
};

static COLD bool grow(struct entries *entries)
{
	if (entries->count == DUBBO_ATTACHMENTS_LIMIT)
		return false;
	uint32_t capacity = entries->capacity ? entries->capacity * 2 : 16;
	struct rpc_attachment *items = arena_alloc(entries->arena, capacity * sizeof *items);

	if (entries->count)
		memcpy(items, entries->items, entries->count * sizeof *items);
	entries->items = items;
	entries->capacity = capacity;
	return true;
}

/* False: there are too many. */
static inline bool add(struct entries *entries, struct rpc_attachment item)
{
	_Static_assert(DUBBO_ATTACHMENTS_LIMIT % 16 == 0 &&
			       !(DUBBO_ATTACHMENTS_LIMIT & (DUBBO_ATTACHMENTS_LIMIT - 1)),
		       "room ends where the limit is");
	if (UNLIKELY(entries->count == entries->capacity) && !grow(entries))
		return false;
	entries->items[entries->count++] = item;
	return true;
}

/* --- Hessian2 */

/* A string whose length stands in the tag, or in ten bits if it doesn't fit. */
static inline bool take_text(const uint8_t **at, const uint8_t *end,
			     bool (*is_usual)(const uint8_t *p, size_t len), struct slice *text)
{
	const uint8_t *p = *at;
	size_t left = (size_t)(end - p), len = *p, head = 1;

	if (UNLIKELY(len >= 0x20)) {
		if ((len & 0xfc) != 0x30)
			return false;
		len = hessian2_long_text(p);
		head = 2;
		if (UNLIKELY(len < 0x20)) /* as nobody writes it */
			return false;
	}
	if (UNLIKELY(left < head + len || !is_usual(p + head, len)))
		return false;
	*text = slice_make(p + head, len);
	*at = p + head + len;
	return true;
}

/* Steps over short texts, up to another value or the end of `count` values. Behind the last ones
 * there may be no room for a look at many bytes at a time. Returns how many are left. */
static inline int skip_texts(const uint8_t **at, const uint8_t *end, int count)
{
	struct slice text;

	for (; count && end - *at > 1; count--) {
		bool is_text = LIKELY(end - *at > HESSIAN2_WIDE) &&
			       take_text(at, end - HESSIAN2_WIDE, hessian2_is_ascii_wide, &text);
		if (!is_text && !take_text(at, end, hessian2_is_ascii, &text))
			break;
	}
	return count;
}

static bool skip_arguments(struct hessian2_reader *reader, int count)
{
	const uint8_t *p = reader->data + reader->pos;

	count = skip_texts(&p, reader->data + reader->len, count);
	reader->pos = (size_t)(p - reader->data);
	return !count || !hessian2_skip_values(reader, (uint32_t)count);
}

/* The attachments are a ref: goes through what stands before them once more for where its map
 * began. */
static bool find_ref(struct hessian2_reader *reader, size_t from, int count)
{
	uint32_t index;

	if (hessian2_read_ref(reader, &index))
		return false;
	reader->pos = from;
	reader->ref_count = 0;
	reader->ref_wanted = index;
	reader->class_count = 0;
	reader->type_count = 0;
	if (!skip_arguments(reader, count) || reader->ref_at == SIZE_MAX)
		return false;
	reader->pos = reader->ref_at;
	return true;
}

bool dubbo_attachments_enter(struct hessian2_reader *reader, size_t from, int count, size_t *at,
			     size_t *to)
{
	reader->pos = from;
	if (!skip_arguments(reader, count))
		return false;
	*at = *to = reader->pos;
	if (hessian2_kind(reader) != HESSIAN2_REF)
		return true;
	struct hessian2_reader behind = *reader;
	uint32_t index;
	if (hessian2_read_ref(&behind, &index))
		return false;
	*to = behind.pos;
	return find_ref(reader, from, count);
}

/* A copy of what is left of a payload, so that what is found in it lasts. Behind it there are
 * HESSIAN2_WIDE bytes that can be read. */
static struct slice keep(struct slice rest, struct arena *arena)
{
	if (rest.len > DUBBO_ATTACHMENTS_BYTES_LIMIT)
		rest.len = DUBBO_ATTACHMENTS_BYTES_LIMIT;
	char *copy = arena_alloc(arena, rest.len + HESSIAN2_WIDE);
	memcpy(copy, rest.data, rest.len);
	memset(copy + rest.len, 0, HESSIAN2_WIDE);
	return slice_make(copy, rest.len);
}

/* One of a plain map's texts, behind which bytes can be read. False: it isn't one, or the last
 * byte.
 */
static inline bool take_plain(const uint8_t **at, const uint8_t *end, struct slice *text)
{
	const uint8_t *p = *at;
	size_t len = *p++;

	if (UNLIKELY(len >= 0x20)) {
		if ((len & 0xfc) != 0x30)
			return false;
		len = (len & 3) << 8 | *p++;
		if (len < 0x20) /* as nobody writes it */
			return false;
	}
	*text = slice_make(p, len);
	*at = p + len;
	return LIKELY(*at < end) && rpc_text_is_printable(text->data, len);
}

/* A plain map (rpc_head.plain_map) at the beginning of what is kept. False: it isn't one. */
static bool read_plain_map(struct slice kept, struct entries *entries)
{
	const uint8_t *from = (const uint8_t *)kept.data, *end = from + kept.len, *p = from + 1;
	struct rpc_attachment item;

	if (UNLIKELY(*from != hessian2_grammar.map_tag))
		return false;
	while (*p != hessian2_grammar.end)
		if (!take_plain(&p, end, &item.name) || !take_plain(&p, end, &item.value) ||
		    !add(entries, item))
			return false;
	entries->plain_map = slice_make(from, (size_t)(p + 1 - from));
	return true;
}

/* As nearly all calls have it: a plain map behind texts, if behind anything. */
static bool read_plain(struct rpc_head *rpc, struct entries *entries, size_t from, int count)
{
	const uint8_t *data = (const uint8_t *)rpc->payload.data, *p = data + from;
	const uint8_t *end = data + rpc->payload.len;

	if (skip_texts(&p, end, count) || p == end || *p != hessian2_grammar.map_tag ||
	    !read_plain_map(keep(slice_make(p, (size_t)(end - p)), entries->arena), entries)) {
		entries->count = 0;
		return false;
	}
	rpc->attachments_at = (uint32_t)(p - data);
	return true;
}

static bool read_any_map(struct hessian2_reader *reader, struct entries *entries)
{
	if (hessian2_enter_map(reader))
		return false;
	while (!hessian2_at_end(reader)) {
		struct rpc_attachment item = {{NULL, 0}, {NULL, 0}};
		bool is_named = hessian2_kind(reader) == HESSIAN2_STRING;
		if (is_named ? hessian2_read_string(reader, &item.name) : hessian2_skip(reader))
			return false;
		if (hessian2_read_text(reader, &item.value) || (is_named && !add(entries, item)))
			return false;
	}
	return true;
}

/* The reader stands where the map begins, whose place in the payload is `at`. */
static bool read_hessian2_at(struct rpc_head *rpc, struct hessian2_reader *reader, size_t at,
			     struct entries *entries)
{
	rpc->attachments_at = (uint32_t)at;
	if (reader->pos == reader->len || hessian2_kind(reader) == HESSIAN2_NULL)
		return true;
	struct slice kept = keep(slice_make(reader->data + reader->pos, reader->len - reader->pos),
				 reader->arena);
	if (read_plain_map(kept, entries))
		return true;
	entries->count = 0;
	reader->data = (const uint8_t *)kept.data;
	reader->len = kept.len;
	reader->pos = 0;
	return read_any_map(reader, entries);
}

static bool read_hessian2(struct rpc_head *rpc, struct entries *entries, size_t from, int count)
{
	struct hessian2_reader reader;
	size_t at, to;

	if (LIKELY(read_plain(rpc, entries, from, count)))
		return true;
	hessian2_init(&reader, rpc->payload, entries->arena);
	reader.known = rpc->known;
	return dubbo_attachments_enter(&reader, from, count, &at, &to) &&
	       read_hessian2_at(rpc, &reader, at, entries);
}

/* --- fastjson2 */

static bool read_jsonb_map(struct slice map, struct entries *entries)
{
	if (!dubbo_jsonb_take_object(&map))
		return false;
	while (!dubbo_jsonb_take_object_end(&map)) {
		struct rpc_attachment item;
		if (dubbo_jsonb_take_text(&map, &item.name, entries->arena) || !item.name.data)
			return false;
		struct slice value = map;
		enum status status = dubbo_jsonb_take_text(&map, &item.value, entries->arena);
		if (status == STATUS_UNSUPPORTED) { /* a list, an object … */
			map = value;
			item.value.data = NULL;
			status = dubbo_jsonb_skip(&map);
		}
		if (status || !add(entries, item))
			return false;
	}
	return true;
}

static bool read_fastjson2(struct rpc_head *rpc, struct entries *entries, size_t from, int count)
{
	struct slice rest = slice_sub(rpc->payload, from, rpc->payload.len);
	struct slice block, text;

	while (count--)
		if (dubbo_jsonb_take_block(&rest, &block))
			return false;
	rpc->attachments_at = (uint32_t)(rpc->payload.len - rest.len);
	if (!rest.len)
		return true;
	if (dubbo_jsonb_take_block(&rest, &block) || block.len > DUBBO_ATTACHMENTS_BYTES_LIMIT)
		return false;
	block = arena_slice(entries->arena, block);
	struct slice map = block;
	if (!dubbo_jsonb_take_text(&map, &text, NULL) && !text.data)
		return true; /* null */
	return read_jsonb_map(block, entries);
}

static void keep_entries(struct rpc_head *rpc, const struct entries *entries)
{
	rpc->attachments = entries->items;
	rpc->attachment_count = entries->count;
	rpc->plain_map = entries->plain_map;
	rpc->has_attachments = true;
}

bool dubbo_read_attachments_here(struct headers *headers, struct hessian2_reader *reader)
{
	struct rpc_head *rpc = headers->rpc;
	struct entries entries = {.arena = reader->arena};

	if (rpc->has_attachments)
		return true;
	if (hessian2_kind(reader) == HESSIAN2_REF) /* what it names is found from the beginning */
		return dubbo_read_attachments(headers, reader->arena);
	if (!read_hessian2_at(rpc, reader, reader->pos, &entries))
		return false;
	keep_entries(rpc, &entries);
	if (LIKELY(!rpc->is_unnamed))
		dubbo_attachments_name(headers);
	return true;
}

/* What stands behind `count` values from there on. */
static bool read_behind(struct rpc_head *rpc, size_t from, int count, struct arena *arena)
{
	struct entries entries = {.arena = arena};
	bool is_read = false;

	if (rpc->serialization == DUBBO_HESSIAN2)
		is_read = read_hessian2(rpc, &entries, from, count);
	else if (rpc->serialization == DUBBO_FASTJSON2)
		is_read = read_fastjson2(rpc, &entries, from, count);
	if (!is_read)
		return false;
	keep_entries(rpc, &entries);
	return true;
}

bool dubbo_read_attachments(struct headers *headers, struct arena *arena)
{
	struct rpc_head *rpc = headers->rpc;

	if (!rpc || rpc->protocol != RPC_DUBBO)
		return false;
	if (rpc->has_attachments)
		return true;
	int count = dubbo_argument_count(rpc);
	if (!rpc->payload.data || !rpc->arguments_at || count < 0 ||
	    !read_behind(rpc, rpc->arguments_at, count, arena))
		return false;
	if (LIKELY(!rpc->is_unnamed))
		dubbo_attachments_name(headers);
	return true;
}

bool dubbo_read_answer_attachments(struct headers *headers, struct arena *arena)
{
	struct rpc_head *rpc = headers->rpc;
	struct dubbo_answer_parts parts;

	if (!rpc || rpc->protocol != RPC_DUBBO || rpc->status != DUBBO_OK || !rpc->payload.data ||
	    !dubbo_answer_parts(rpc->payload, rpc->serialization, &parts))
		return false;
	if (rpc->has_attachments)
		return true;
	if (!parts.has_attachments) {
		rpc->has_attachments = true;
		return true;
	}
	return read_behind(rpc, parts.value_at, parts.values, arena);
}

bool dubbo_attachments_are_alone(struct slice bytes)
{
	struct hessian2_reader reader;

	hessian2_init(&reader, bytes, NULL);
	if (!bytes.len || hessian2_kind(&reader) == HESSIAN2_NULL)
		return true;
	if (bytes.data[0] != hessian2_grammar.map_tag || hessian2_enter_map(&reader))
		return false;
	while (!hessian2_at_end(&reader)) {
		enum hessian2_kind kind = hessian2_kind(&reader);
		if (kind == HESSIAN2_INVALID || kind > HESSIAN2_BINARY || hessian2_skip(&reader))
			return false;
	}
	return true;
}

bool dubbo_attachment(const struct headers *headers, struct slice name, struct slice *value)
{
	const struct rpc_attachment *item =
		headers->rpc ? rpc_attachment_find(headers->rpc, name) : NULL;

	if (!item)
		return false;
	*value = item->value;
	return true;
}

/* Java takes "no version" for "0.0.0". */
static struct slice version_or_none(struct slice version)
{
	return slice_equal(version, SLICE("0.0.0")) ? SLICE("") : version;
}

/* Java asks for the very name. */
static const struct rpc_attachment *find_exact(const struct rpc_head *rpc, struct slice name)
{
	const struct rpc_attachment *item = rpc_attachment_find(rpc, name);

	return item && slice_equal(item->name, name) ? item : NULL;
}

bool dubbo_attachments_agree(const struct rpc_head *rpc)
{
	const struct rpc_attachment *path = find_exact(rpc, SLICE("path"));
	const struct rpc_attachment *version = find_exact(rpc, SLICE("version"));

	if (path && !slice_equal(path->value, rpc->service))
		return false;
	return !version ||
	       slice_equal(version_or_none(version->value), version_or_none(rpc->service_version));
}
