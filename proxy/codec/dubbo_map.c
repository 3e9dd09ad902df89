#include "codec/dubbo_map.h"

#include "codec/dubbo_attachments.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_jsonb.h"
#include "codec/hessian2.h"
#include "codec/hessian2_string.h"
#include "codec/hessian2_write.h"
#include "message/rpc_head.h"

static enum status add_entry(struct dubbo_map *map, struct dubbo_map_entry entry)
{
	if (map->count == DUBBO_ATTACHMENTS_LIMIT)
		return STATUS_TOO_LARGE;
	if (map->count == map->capacity) {
		uint32_t capacity = map->capacity ? map->capacity * 2 : 16;
		struct dubbo_map_entry *entries =
			arena_alloc(map->arena, capacity * sizeof *entries);
		if (map->count)
			memcpy(entries, map->entries, map->count * sizeof *entries);
		map->entries = entries;
		map->capacity = capacity;
	}
	map->entries[map->count++] = entry;
	return STATUS_OK;
}

/* --- Hessian2 */

static bool takes_place(enum hessian2_kind kind)
{
	return kind == HESSIAN2_LIST || kind == HESSIAN2_MAP || kind == HESSIAN2_OBJECT ||
	       kind == HESSIAN2_CLASS;
}

static enum status read_entry(struct dubbo_map *map, struct hessian2_reader *reader)
{
	struct dubbo_map_entry entry = {.name = {NULL, 0}};
	enum hessian2_kind key = hessian2_kind(reader);
	size_t from = reader->pos;
	enum status status;

	status = key == HESSIAN2_STRING ? hessian2_read_string(reader, &entry.name)
					: hessian2_skip(reader);
	if (status)
		return status;
	enum hessian2_kind value = hessian2_kind(reader);
	if ((status = hessian2_skip(reader)))
		return status;
	entry.bytes = slice_make(reader->data + from, reader->pos - from);
	entry.takes_place = takes_place(key) || takes_place(value);
	if (entry.takes_place || key == HESSIAN2_REF || value == HESSIAN2_REF)
		map->counting = map->count;
	return add_entry(map, entry);
}

static enum status read_hessian2(struct dubbo_map *map, struct slice payload, size_t from,
				 int count)
{
	struct hessian2_reader reader;
	enum status status;

	hessian2_init(&reader, payload, map->arena);
	if (!dubbo_attachments_enter(&reader, from, count, &map->at, &map->to))
		return STATUS_MALFORMED;
	bool is_ref = map->to > map->at;
	size_t start = reader.pos;
	if (!is_ref && start == payload.len)
		return STATUS_OK;
	if (!is_ref && hessian2_kind(&reader) == HESSIAN2_NULL) {
		map->to = start + 1;
		return STATUS_OK;
	}
	if ((status = hessian2_enter_map(&reader)))
		return status;
	if (!is_ref)
		map->head = slice_sub(payload, start, reader.pos);
	while (!hessian2_at_end(&reader)) {
		if ((status = read_entry(map, &reader)))
			return status;
		if (reader.pos - start > DUBBO_ATTACHMENTS_BYTES_LIMIT)
			return STATUS_TOO_LARGE;
	}
	/* What was copied counts in what stays where it was. */
	if (is_ref)
		map->counting = 0;
	else
		map->to = reader.pos;
	return STATUS_OK;
}

/* The bytes around a name and a value that is one text: of a plain map, whose texts' lengths stand
 * in one byte or two. */
static struct slice entry_bytes(const struct rpc_attachment *item)
{
	const char *from = item->name.data - (item->name.len < 0x20 ? 1 : 2);

	return slice_make(from, (size_t)(item->value.data + item->value.len - from));
}

/* Where a plain map that has been read lies in the body whose end it is; NULL: it doesn't. */
static const char *find_plain(const struct buf *body, const struct rpc_head *head)
{
	const struct buf_segment *last = body->last;
	struct slice plain = head->plain_map;

	if (!plain.data || body->len != head->attachments_at + plain.len || last->len < plain.len)
		return NULL;
	const char *from = last->data + last->len - plain.len;
	return memcmp(from, plain.data, plain.len) ? NULL : from;
}

bool dubbo_map_take(struct dubbo_map *map, const struct buf *body, const struct rpc_head *head,
		    struct arena *arena)
{
	const char *from = find_plain(body, head);

	if (!from)
		return false;
	*map = (struct dubbo_map){.at = head->attachments_at,
				  .to = body->len,
				  .head = slice_make(from, 1),
				  .count = head->attachment_count,
				  .capacity = head->attachment_count,
				  .arena = arena};
	map->entries = arena_alloc(arena, map->count * sizeof *map->entries);
	for (uint32_t i = 0; i < map->count; i++) {
		struct slice bytes = entry_bytes(&head->attachments[i]);
		map->entries[i] = (struct dubbo_map_entry){
			.name = head->attachments[i].name,
			.bytes = slice_make(from + (bytes.data - head->plain_map.data), bytes.len),
		};
	}
	return true;
}

/* The name of its type may be one of those that lists in it count in. */
static bool keeps_type(const struct dubbo_map *map)
{
	if (map->head.len <= 1)
		return false;
	for (uint32_t i = 0; i < map->count; i++)
		if (map->entries[i].takes_place && !map->entries[i].is_dropped)
			return true;
	return false;
}

bool dubbo_map_stays(const struct dubbo_map *map, uint8_t serialization)
{
	return serialization == DUBBO_HESSIAN2 && (map->head.len == 1 || keeps_type(map));
}

void dubbo_map_move(const struct dubbo_map *map, struct buf *to, struct buf *body)
{
	size_t kept = map->head.len;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct dubbo_map_entry *entry = &map->entries[i];
		if (LIKELY(!entry->is_dropped)) {
			kept += entry->bytes.len;
			continue;
		}
		buf_move(to, body, kept);
		buf_drain(body, entry->bytes.len);
		kept = 0;
	}
	buf_move(to, body, kept);
	buf_drain(body, 1); /* the end mark */
}

static void write_additions(const struct dubbo_map *map, struct hessian2_writer *writer)
{
	for (uint32_t i = 0; i < map->addition_count; i++) {
		hessian2_write_string(writer, map->additions[i].name);
		hessian2_write_string(writer, map->additions[i].value);
	}
	hessian2_write_map_end(writer);
}

enum { SHORT_TEXT = 0x400 }; /* its length fits two bytes with the tag */

static bool is_short_ascii(struct slice text)
{
	return text.data && text.len < SHORT_TEXT &&
	       hessian2_is_ascii((const uint8_t *)text.data, text.len);
}

/* Of short ASCII. */
static char *put_text(char *to, struct slice text)
{
	if (text.len >= 0x20)
		*to++ = (char)(0x30 | text.len >> 8);
	*to++ = (char)text.len;
	if (text.len)
		memcpy(to, text.data, text.len);
	return to + text.len;
}

struct slice dubbo_map_additions(const struct dubbo_map *map)
{
	struct hessian2_writer writer;
	bool are_short = true;
	size_t most = 1;

	for (uint32_t i = 0; i < map->addition_count && are_short; i++) {
		const struct dubbo_addition *added = &map->additions[i];
		are_short = is_short_ascii(added->name) && is_short_ascii(added->value);
		most += added->name.len + added->value.len + 4;
	}
	if (UNLIKELY(!are_short)) {
		hessian2_writer_init(&writer, map->arena);
		write_additions(map, &writer);
		return hessian2_written(&writer);
	}
	char *bytes = arena_alloc(map->arena, most), *to = bytes;
	for (uint32_t i = 0; i < map->addition_count; i++)
		to = put_text(put_text(to, map->additions[i].name), map->additions[i].value);
	*to++ = (char)hessian2_grammar.end;
	return slice_make(bytes, (size_t)(to - bytes));
}

static struct slice name_of_new(const struct dubbo_edit *edit)
{
	return edit->fallback.data ? edit->fallback : edit->name;
}

bool dubbo_map_append(struct buf *body, const struct dubbo_edits *edits)
{
	size_t size = 1;
	struct buf out;

	if (!edits->only_adds || !find_plain(body, edits->head))
		return false;
	for (uint32_t i = 0; i < edits->count; i++) {
		struct slice name = name_of_new(&edits->items[i]), value = edits->items[i].value;
		if (!is_short_ascii(name) || !is_short_ascii(value))
			return false;
		size += name.len + value.len + 4;
	}
	if (size > BUF_TURN_BLOCK_SIZE)
		return false;
	char *bytes = buf_turn_reserve(body->pool, size), *to = bytes;
	for (uint32_t i = 0; i < edits->count; i++)
		to = put_text(put_text(to, name_of_new(&edits->items[i])), edits->items[i].value);
	*to++ = (char)hessian2_grammar.end;
	buf_turn_commit(body->pool, (size_t)(to - bytes));
	buf_init(&out, body->pool);
	buf_move(&out, body, body->len - 1);
	buf_clear(body);
	buf_append_turn(&out, slice_make(bytes, (size_t)(to - bytes)));
	*body = out;
	return true;
}

static struct slice write_hessian2(const struct dubbo_map *map)
{
	struct hessian2_writer writer;

	hessian2_writer_init(&writer, map->arena);
	if (keeps_type(map))
		hessian2_write_raw(&writer, map->head);
	else
		hessian2_write_map_begin(&writer);
	for (uint32_t i = 0; i < map->count; i++)
		if (!map->entries[i].is_dropped)
			hessian2_write_raw(&writer, map->entries[i].bytes);
	write_additions(map, &writer);
	return hessian2_written(&writer);
}

/* --- fastjson2 */

static enum status read_jsonb_entry(struct dubbo_map *map, struct slice *rest)
{
	struct dubbo_map_entry entry = {.name = {NULL, 0}};
	const char *from = rest->data;
	enum status status;

	if ((status = dubbo_jsonb_take_text(rest, &entry.name, map->arena)) ||
	    (status = dubbo_jsonb_skip(rest)))
		return status;
	entry.bytes = slice_make(from, (size_t)(rest->data - from));
	return add_entry(map, entry);
}

static enum status read_jsonb(struct dubbo_map *map, struct slice payload, size_t from, int count)
{
	struct slice rest = slice_sub(payload, from, payload.len), block, text;
	enum status status;

	while (count--)
		if ((status = dubbo_jsonb_take_block(&rest, &block)))
			return status;
	map->at = map->to = payload.len - rest.len;
	if (!rest.len)
		return STATUS_OK;
	if ((status = dubbo_jsonb_take_block(&rest, &block)))
		return status;
	if (block.len > DUBBO_ATTACHMENTS_BYTES_LIMIT)
		return STATUS_TOO_LARGE;
	map->to = payload.len - rest.len;
	struct slice null = block;
	if (!dubbo_jsonb_take_text(&null, &text, NULL) && !text.data)
		return STATUS_OK;
	if (!dubbo_jsonb_take_object(&block))
		return STATUS_UNSUPPORTED;
	while (!dubbo_jsonb_take_object_end(&block))
		if ((status = read_jsonb_entry(map, &block)))
			return status;
	return STATUS_OK;
}

/* A string without the length of its block. */
static struct slice jsonb_string(struct slice text, struct arena *arena)
{
	struct slice block;

	if (!text.data)
		return SLICE("\xaf"); /* null */
	block = dubbo_jsonb_string_block(text, arena);
	return slice_sub(block, 4, block.len);
}

static struct slice write_jsonb(const struct dubbo_map *map)
{
	struct hessian2_writer writer; /* for its growing memory only */

	hessian2_writer_init(&writer, map->arena);
	hessian2_write_raw(&writer, SLICE("\0\0\0\0\xa6"));
	for (uint32_t i = 0; i < map->count; i++)
		if (!map->entries[i].is_dropped)
			hessian2_write_raw(&writer, map->entries[i].bytes);
	for (uint32_t i = 0; i < map->addition_count; i++) {
		hessian2_write_raw(&writer, jsonb_string(map->additions[i].name, map->arena));
		hessian2_write_raw(&writer, jsonb_string(map->additions[i].value, map->arena));
	}
	hessian2_write_raw(&writer, SLICE("\xa5"));
	struct slice bytes = hessian2_written(&writer);
	for (int i = 0; i < 4; i++)
		writer.data[i] = (char)((bytes.len - 4) >> (24 - 8 * i));
	return bytes;
}

/* --- both */

enum status dubbo_map_read(struct dubbo_map *map, struct slice payload, uint8_t serialization,
			   size_t from, int count, struct arena *arena)
{
	*map = (struct dubbo_map){.arena = arena};
	if (serialization == DUBBO_HESSIAN2)
		return read_hessian2(map, payload, from, count);
	return serialization == DUBBO_FASTJSON2 ? read_jsonb(map, payload, from, count)
						: STATUS_UNSUPPORTED;
}

struct slice dubbo_map_write(const struct dubbo_map *map, uint8_t serialization)
{
	return serialization == DUBBO_HESSIAN2 ? write_hessian2(map) : write_jsonb(map);
}

void dubbo_map_add(struct dubbo_map *map, struct slice name, struct slice value)
{
	map->is_changed = true;
	for (uint32_t i = 0; i < map->addition_count; i++) {
		if (slice_equal(map->additions[i].name, name)) {
			map->additions[i].value = value;
			return;
		}
	}
	if (map->addition_count == map->addition_capacity) {
		uint32_t capacity = map->addition_capacity ? map->addition_capacity * 2 : 8;
		struct dubbo_addition *additions =
			arena_alloc(map->arena, capacity * sizeof *additions);
		if (map->addition_count)
			memcpy(additions, map->additions, map->addition_count * sizeof *additions);
		map->additions = additions;
		map->addition_capacity = capacity;
	}
	map->additions[map->addition_count++] = (struct dubbo_addition){name, value};
}

/* False: it has to stay, for what is counted behind it. */
static bool drop(struct dubbo_map *map, struct dubbo_map_entry *entry)
{
	if (entry->takes_place && (uint32_t)(entry - map->entries) < map->counting)
		return false;
	entry->is_dropped = true;
	map->is_changed = true;
	return true;
}

/* The last of that very name, or (not is_exact) that differs by case. */
static const struct dubbo_map_entry *find(const struct dubbo_map *map, struct slice name,
					  bool is_exact)
{
	for (uint32_t i = map->count; i--;) {
		const struct dubbo_map_entry *entry = &map->entries[i];
		if (entry->name.len != name.len || !entry->name.data)
			continue;
		if (is_exact ? slice_equal(entry->name, name)
			     : slice_equal_nocase(entry->name, name))
			return entry;
	}
	return NULL;
}

static void set(struct dubbo_map *map, const struct dubbo_edit *edit)
{
	const struct dubbo_map_entry *old = find(map, edit->name, true);
	struct slice name = edit->fallback.data ? edit->fallback : edit->name;

	if (!old && edit->kind == DUBBO_EDIT_SET_OLD)
		return;
	if (!old)
		old = find(map, edit->name, false);
	if (old)
		name = old->name;
	for (uint32_t i = 0; (old || edit->fallback.data) && i < map->count; i++)
		if (map->entries[i].name.data && slice_equal(map->entries[i].name, name))
			(void)drop(map, &map->entries[i]);
	dubbo_map_add(map, name, edit->value);
}

static void remove_all(struct dubbo_map *map, const struct dubbo_edit *edit)
{
	for (uint32_t i = 0; i < map->count; i++) {
		struct dubbo_map_entry *entry = &map->entries[i];
		bool is_meant =
			entry->name.data && (edit->kind == DUBBO_EDIT_REMOVE_OLD
						     ? slice_equal(entry->name, edit->name)
						     : slice_equal_nocase(entry->name, edit->name));
		if (is_meant && !drop(map, entry))
			dubbo_map_add(map, entry->name, (struct slice){NULL, 0});
	}
}

void dubbo_map_edit(struct dubbo_map *map, const struct dubbo_edits *edits)
{
	for (uint32_t i = 0; i < edits->count; i++) {
		const struct dubbo_edit *edit = &edits->items[i];
		switch (edit->kind) {
		case DUBBO_EDIT_SET:
		case DUBBO_EDIT_SET_OLD:
			set(map, edit);
			break;
		case DUBBO_EDIT_REMOVE:
		case DUBBO_EDIT_REMOVE_OLD:
			remove_all(map, edit);
			break;
		}
	}
}
