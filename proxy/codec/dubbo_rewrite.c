#include "codec/dubbo_rewrite.h"

#include "codec/dubbo_arguments.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_head.h"
#include "codec/dubbo_jsonb.h"
#include "codec/dubbo_map.h"
#include "codec/hessian2.h"
#include "codec/hessian2_write.h"

enum { FIELD_VERSION, FIELD_SERVICE, FIELD_SERVICE_VERSION, FIELD_METHOD, FIELD_TYPES, FIELDS };

/* Where things stand in a request's body. */
struct parts {
	struct slice payload;
	size_t ends[FIELDS]; /* of the five strings */
	struct slice texts[FIELDS];
	size_t first_argument_end; /* of a generic call: its method's name; else: the fields' end */
	int arguments;
};

static bool is_known(uint8_t serialization)
{
	return serialization == DUBBO_HESSIAN2 || serialization == DUBBO_FASTJSON2;
}

/* The body as one run of bytes. */
static struct slice flatten(const struct buf *body, struct arena *arena)
{
	if (!body->len)
		return SLICE("");
	if (body->first == body->last)
		return slice_make(body->first->data, body->len);
	char *copy = arena_alloc(arena, body->len);
	buf_peek(body, copy, body->len);
	return slice_make(copy, body->len);
}

/* Where a string's encoded bytes end, and its text. */
static enum status read_string(struct slice payload, uint8_t serialization, size_t *pos,
			       struct slice *text, struct arena *arena)
{
	struct slice rest = slice_sub(payload, *pos, payload.len), block;
	struct hessian2_reader reader;
	enum status status;

	if (serialization == DUBBO_HESSIAN2) {
		hessian2_init(&reader, rest, arena);
		status = hessian2_read_string(&reader, text);
		*pos += reader.pos;
		return status;
	}
	status = dubbo_jsonb_take_block(&rest, &block);
	*pos = payload.len - rest.len;
	return status ? status : dubbo_jsonb_take_text(&block, text, arena);
}

static bool is_generic(const struct parts *parts)
{
	return parts->arguments == 3 &&
	       (slice_equal(parts->texts[FIELD_METHOD], SLICE("$invoke")) ||
		slice_equal(parts->texts[FIELD_METHOD], SLICE("$invokeAsync")));
}

static enum status read_parts(struct parts *parts, struct slice payload, uint8_t serialization,
			      struct arena *arena)
{
	size_t pos = 0;
	enum status status;
	struct slice name;

	parts->payload = payload;
	for (int i = 0; i < FIELDS; i++) {
		status = read_string(payload, serialization, &pos, &parts->texts[i], arena);
		if (status)
			return status;
		parts->ends[i] = pos;
	}
	parts->arguments = dubbo_count_arguments(parts->texts[FIELD_TYPES]);
	if (parts->arguments < 0)
		return STATUS_MALFORMED;
	if (is_generic(parts) && (status = read_string(payload, serialization, &pos, &name, arena)))
		return status;
	parts->first_argument_end = pos;
	return STATUS_OK;
}

static void write_string(struct hessian2_writer *out, uint8_t serialization, struct slice text)
{
	if (serialization == DUBBO_HESSIAN2)
		hessian2_write_string(out, text);
	else
		hessian2_write_raw(out, dubbo_jsonb_string_block(text, out->arena));
}

/* The field as it is, or the new text. */
static void write_field(struct hessian2_writer *out, const struct parts *parts, int field,
			uint8_t serialization, struct slice text)
{
	size_t from = field ? parts->ends[field - 1] : 0;

	if (text.data)
		write_string(out, serialization, text);
	else
		hessian2_write_raw(out, slice_sub(parts->payload, from, parts->ends[field]));
}

/* The five strings, and the first argument of a generic call. */
static struct slice write_front(const struct parts *parts, uint8_t serialization,
				const struct dubbo_edits *edits)
{
	const struct slice none = {NULL, 0};
	size_t fields_end = parts->ends[FIELD_TYPES];
	bool has_name = is_generic(parts);
	struct hessian2_writer out;

	hessian2_writer_init(&out, edits->arena);
	write_field(&out, parts, FIELD_VERSION, serialization, none);
	write_field(&out, parts, FIELD_SERVICE, serialization, edits->service);
	write_field(&out, parts, FIELD_SERVICE_VERSION, serialization, edits->service_version);
	write_field(&out, parts, FIELD_METHOD, serialization, has_name ? none : edits->method);
	write_field(&out, parts, FIELD_TYPES, serialization, none);
	if (has_name && edits->method.data)
		write_string(&out, serialization, edits->method);
	else
		hessian2_write_raw(
			&out, slice_sub(parts->payload, fields_end, parts->first_argument_end));
	return hessian2_written(&out);
}

/* What is written of a body. */
struct news {
	struct slice
		front; /* in the place of the body's first `from` bytes; .data NULL: they stay */
	size_t from;
	struct slice attachments; /* in the place of the map, or of its end if that stays */
	bool stays;
};

/* STATUS_TOO_LARGE: it is. */
static enum status write_map(struct news *news, const struct dubbo_map *map, uint8_t serialization)
{
	news->attachments = (struct slice){NULL, 0};
	news->stays = map->is_changed && dubbo_map_stays(map, serialization);
	if (news->stays)
		news->attachments = dubbo_map_additions(map);
	else if (map->is_changed)
		news->attachments = dubbo_map_write(map, serialization);
	return news->front.len > BUF_TURN_BLOCK_SIZE || news->attachments.len > BUF_TURN_BLOCK_SIZE
		       ? STATUS_TOO_LARGE
		       : STATUS_OK;
}

static void compose(struct buf *body, const struct news *news, const struct dubbo_map *map)
{
	size_t before = map->at;
	struct buf out;

	buf_init(&out, body->pool);
	if (news->front.data) {
		buf_append_copy(&out, news->front);
		buf_drain(body, news->from);
		before -= news->from;
	}
	buf_move(&out, body, before);
	if (news->stays)
		dubbo_map_move(map, &out, body);
	else if (map->is_changed)
		buf_drain(body, map->to - map->at);
	buf_append_copy(&out, news->attachments);
	buf_move_all(&out, body);
	buf_move_all(body, &out);
}

/* --- debug builds read what they have written --- */

#ifndef NDEBUG
/* The body as it was, which may be gone meanwhile, and a copy of it. */
struct before {
	struct slice payload, copy;
};

static struct before remember(struct slice payload, struct arena *arena)
{
	return (struct before){payload, arena_slice(arena, payload)};
}

/* The same bytes in the copy, if they were some of the body's. */
static struct slice remembered(const struct before *before, struct slice bytes)
{
	uintptr_t at = (uintptr_t)bytes.data - (uintptr_t)before->payload.data;

	return bytes.data && at < before->payload.len
		       ? slice_make(before->copy.data + at, bytes.len)
		       : bytes;
}

static void check_map(const struct before *before, const struct dubbo_map *was,
		      const struct dubbo_map *is)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < was->count; i++) {
		if (was->entries[i].is_dropped)
			continue;
		invariant(n < is->count);
		invariant(slice_equal(remembered(before, was->entries[i].bytes),
				      is->entries[n].bytes));
		n++;
	}
	invariant(!was->is_changed || is->count == n + was->addition_count);
	for (uint32_t i = 0; i < was->addition_count; i++)
		invariant(slice_equal(remembered(before, was->additions[i].name),
				      is->entries[n + i].name));
}

/* Texts that aren't UTF-8 are written as something else. */
static void check_text(struct slice text, struct slice field)
{
	bool is_plain = true;

	for (size_t i = 0; i < text.len; i++)
		is_plain &= (uint8_t)text.data[i] < 0x80;
	invariant(!text.data || !is_plain || slice_equal(text, field));
}

static void check_request(const struct before *before, const struct buf *body,
			  uint8_t serialization, const struct dubbo_edits *edits,
			  const struct dubbo_map *was)
{
	struct slice payload = flatten(body, edits->arena);
	struct parts parts;
	struct dubbo_map is;

	invariant(!read_parts(&parts, payload, serialization, edits->arena));
	check_text(edits->service, parts.texts[FIELD_SERVICE]);
	check_text(edits->service_version, parts.texts[FIELD_SERVICE_VERSION]);
	if (!is_generic(&parts))
		check_text(edits->method, parts.texts[FIELD_METHOD]);
	enum status status = dubbo_map_read(&is, payload, serialization, parts.ends[FIELD_TYPES],
					    parts.arguments, edits->arena);
	invariant(!status || status == STATUS_TOO_LARGE);
	if (!status)
		check_map(before, was, &is);
}

static void check_answer(const struct before *before, const struct buf *body, uint8_t serialization,
			 struct arena *arena, const struct dubbo_map *was)
{
	struct slice payload = flatten(body, arena);
	struct dubbo_answer_parts parts;
	struct dubbo_map is;

	invariant(dubbo_answer_parts(payload, serialization, &parts) && parts.has_attachments);
	enum status status =
		dubbo_map_read(&is, payload, serialization, parts.value_at, parts.values, arena);
	invariant(!status || status == STATUS_TOO_LARGE);
	if (!status)
		check_map(before, was, &is);
}
#endif

/* --- both sides --- */

static bool is_moved(const struct dubbo_edits *edits)
{
	return edits->service.data || edits->service_version.data || edits->method.data;
}

/* A request's map, and its fields if they are to change. */
static enum status read_request(struct news *news, struct dubbo_map *map, const struct buf *body,
				uint8_t serialization, const struct dubbo_edits *edits)
{
	struct parts parts;
	enum status status;

	if (!is_moved(edits) && dubbo_map_take(map, body, edits->head, edits->arena))
		return STATUS_OK;
	struct slice payload = flatten(body, edits->arena);
	if ((status = read_parts(&parts, payload, serialization, edits->arena)) ||
	    (status = dubbo_map_read(map, payload, serialization, parts.ends[FIELD_TYPES],
				     parts.arguments, edits->arena)))
		return status;
	if (is_moved(edits))
		news->front = write_front(&parts, serialization, edits);
	news->from = parts.first_argument_end;
	return STATUS_OK;
}

/* Whatever the edits and the body are. */
static enum status rewrite_any(struct buf *body, uint8_t serialization,
			       const struct dubbo_edits *edits)
{
	struct news news = {.front = {NULL, 0}};
	struct dubbo_map map;
	enum status status;

	if ((status = read_request(&news, &map, body, serialization, edits)))
		return status;
	dubbo_map_edit(&map, edits);
	if ((status = write_map(&news, &map, serialization)))
		return status;
#ifndef NDEBUG
	struct before before = remember(flatten(body, edits->arena), edits->arena);
#endif
	compose(body, &news, &map);
#ifndef NDEBUG
	check_request(&before, body, serialization, edits, &map);
#endif
	return STATUS_OK;
}

/* The usual edit, and checked against the others. */
static bool append(struct buf *body, const struct dubbo_edits *edits)
{
#ifndef NDEBUG
	struct slice before = arena_slice(edits->arena, flatten(body, edits->arena));
	struct buf same;
#endif
	if (!dubbo_map_append(body, edits))
		return false;
#ifndef NDEBUG
	buf_init(&same, body->pool);
	buf_append_turn(&same, before);
	invariant(!rewrite_any(&same, DUBBO_HESSIAN2, edits));
	invariant(slice_equal(flatten(body, edits->arena), flatten(&same, edits->arena)));
	buf_clear(&same);
#endif
	return true;
}

enum status dubbo_rewrite_request(struct buf *body, uint8_t serialization,
				  const struct dubbo_edits *edits)
{
	if (!is_known(serialization))
		return STATUS_UNSUPPORTED;
	return LIKELY(append(body, edits)) ? STATUS_OK : rewrite_any(body, serialization, edits);
}

/* The kind of an answer with attachments. */
static struct slice write_kind(int result, uint8_t serialization, struct arena *arena)
{
	char *kind = arena_alloc(arena, 6);

	if (serialization == DUBBO_HESSIAN2) {
		kind[0] = (char)(0x90 + result);
		return slice_make(kind, 1);
	}
	memcpy(kind, "\0\0\0\2\xbd", 5);
	kind[5] = (char)result;
	return slice_make(kind, 6);
}

/* An answer's map: with attachments for one that has none, if it may have any. */
static enum status edit_answer(struct news *news, struct dubbo_map *map, const struct buf *body,
			       uint8_t serialization, bool may_add, const struct dubbo_edits *edits)
{
	struct slice payload = flatten(body, edits->arena);
	struct dubbo_answer_parts parts;
	enum status status;

	if (!dubbo_answer_parts(payload, serialization, &parts))
		return STATUS_MALFORMED;
	status = dubbo_map_read(map, payload, serialization, parts.value_at, parts.values,
				edits->arena);
	if (status)
		return status;
	if (!parts.has_attachments) /* what stands there is none of ours */
		*map = (struct dubbo_map){.at = map->at, .to = map->at, .arena = edits->arena};
	dubbo_map_edit(map, edits);
	if (parts.has_attachments || !map->is_changed)
		return STATUS_OK;
	if (!may_add)
		return STATUS_UNSUPPORTED;
	dubbo_map_add(map, SLICE("dubbo"), SLICE("2.0.2"));
	news->front = write_kind((int)parts.result + 3, serialization, edits->arena);
	news->from = parts.value_at;
	return STATUS_OK;
}

enum status dubbo_rewrite_answer(struct buf *body, uint8_t serialization, bool may_add,
				 const struct dubbo_edits *edits)
{
	struct news news = {.front = {NULL, 0}};
	struct dubbo_map map;
	enum status status = STATUS_OK;

	if (!is_known(serialization))
		return STATUS_UNSUPPORTED;
	if (dubbo_map_take(&map, body, edits->head, edits->arena))
		dubbo_map_edit(&map, edits);
	else
		status = edit_answer(&news, &map, body, serialization, may_add, edits);
	if (status || !map.is_changed)
		return status;
	if ((status = write_map(&news, &map, serialization)))
		return status;
#ifndef NDEBUG
	struct before before = remember(flatten(body, edits->arena), edits->arena);
#endif
	compose(body, &news, &map);
#ifndef NDEBUG
	check_answer(&before, body, serialization, edits->arena, &map);
#endif
	return STATUS_OK;
}
