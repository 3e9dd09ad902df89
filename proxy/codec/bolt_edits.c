#include "codec/bolt_edits.h"

#include "codec/bolt_arguments.h"
#include "codec/bolt_fields.h"
#include "codec/bolt_head.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_edits.h"
#include "codec/hessian2_write.h"
#include "codec/sofa_hessian.h"
#include "codec/sofa_props.h"

enum {
	FRONT_SIZE = 64 * 1024, /* of a content: where it says what the header map does */
};

/* --- what has changed */

static void set_old(struct dubbo_edits *edits, struct slice name, struct slice value)
{
	dubbo_edits_add(edits, (struct dubbo_edit){
				       .name = name, .value = value, .kind = DUBBO_EDIT_SET_OLD});
}

/* "interface:version:unique id", as far as there is any. */
static struct slice target_of(struct slice service, struct slice version, struct slice group,
			      struct arena *arena)
{
	if (group.len && !version.len)
		version = SLICE("1.0"); /* what SOFA takes for none */
	return slice_of(arena_printf(arena, "%.*s%s%.*s%s%.*s", SLICE_FMT(service),
				     version.len ? ":" : "", SLICE_FMT(version),
				     group.len ? ":" : "", SLICE_FMT(group)));
}

/* ":path" is "/service/method", with a query that some filter may have added. */
static void read_path(const struct headers *headers, struct slice *service, struct slice *method)
{
	struct slice path = headers_get(headers, HEADER_PATH);

	path = slice_sub(path, 0, slice_find_char(path, '?', 0));
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
	if (!slash || slash == path.data || path.data[0] != '/')
		return;
	*service = slice_sub(path, 1, (size_t)(slash - path.data));
	*method = slice_sub(path, (size_t)(slash - path.data) + 1, path.len);
}

/* The method to be called instead, or .data NULL. */
static struct slice compare_target(struct dubbo_edits *edits, const struct headers *headers,
				   const struct rpc_attachment *target)
{
	const struct rpc_head *rpc = headers->rpc;
	struct slice service = rpc->service, method = rpc->method;
	struct slice authority = headers_get(headers, HEADER_AUTHORITY);
	bool is_other;

	read_path(headers, &service, &method);
	if (slice_equal(service, rpc->service) && authority.len)
		service = authority;
	is_other = !slice_equal(method, rpc->method);
	if (is_other)
		set_old(edits, SLICE("sofa_head_method_name"), method);
	struct slice wanted =
		target_of(service, headers_get(headers, HEADER_TRI_SERVICE_VERSION),
			  headers_get(headers, HEADER_TRI_SERVICE_GROUP), edits->arena);
	if (target && !slice_equal(wanted, target->value)) {
		set_old(edits, SLICE("sofa_head_target_service"), wanted);
		set_old(edits, SLICE("service"), wanted);
	}
	return is_other ? method : (struct slice){NULL, 0};
}

/* Whether the header was there when the map had been read. */
static bool was_there(const struct rpc_head *rpc, enum header_id id)
{
	const struct rpc_received *received = rpc->received;

	for (uint32_t i = 0; received && i < received->count; i++)
		if (received->items[i].id == id)
			return true;
	return false;
}

static void compare_application(struct dubbo_edits *edits, const struct headers *headers,
				const struct rpc_attachment *app)
{
	struct slice value = headers_get(headers, HEADER_TRI_CONSUMER_APPNAME);

	if (value.data ? app && slice_equal(value, app->value)
		       : !was_there(headers->rpc, HEADER_TRI_CONSUMER_APPNAME))
		return;
	dubbo_edits_add(edits, (struct dubbo_edit){.name = SLICE("app"),
						   .value = value,
						   .kind = value.data ? DUBBO_EDIT_SET
								      : DUBBO_EDIT_REMOVE});
}

static void compare_timeout(struct bolt_frame *frame, const struct headers *headers)
{
	struct slice text = headers_get(headers, HEADER_TRI_SERVICE_TIMEOUT);
	uint64_t ms;

	if (slice_to_uint64(text, &ms) && ms && ms <= INT32_MAX)
		frame->timeout_ms = (int32_t)ms;
	else if (!text.data && was_there(headers->rpc, HEADER_TRI_SERVICE_TIMEOUT))
		frame->timeout_ms = BOLT_NO_TIMEOUT;
}

/* --- the map */

struct map {
	struct rpc_attachment *fields;
	uint32_t count;
	struct slice *removed; /* names */
	uint32_t removed_count;
};

static void drop(struct map *map, uint32_t at)
{
	map->count--;
	memmove(&map->fields[at], &map->fields[at + 1], (map->count - at) * sizeof *map->fields);
}

/* The last of that very name, or else (is_exact: not) the last that differs by case; count: none.
 */
static uint32_t find(const struct map *map, struct slice name, bool is_exact)
{
	for (uint32_t i = map->count; i--;)
		if (slice_equal(map->fields[i].name, name))
			return i;
	for (uint32_t i = map->count; !is_exact && i--;)
		if (slice_equal_nocase(map->fields[i].name, name))
			return i;
	return map->count;
}

static void apply(struct map *map, const struct dubbo_edit *edit)
{
	bool is_exact = edit->kind == DUBBO_EDIT_SET_OLD || edit->kind == DUBBO_EDIT_REMOVE_OLD;
	bool removes = edit->kind == DUBBO_EDIT_REMOVE || edit->kind == DUBBO_EDIT_REMOVE_OLD;
	uint32_t at = find(map, edit->name, is_exact);

	if (at < map->count && !removes) {
		struct slice name = map->fields[at].name;
		map->fields[at].value = edit->value;
		for (uint32_t i = at; i--;) /* of equal ones the last is the value */
			if (slice_equal(map->fields[i].name, name))
				drop(map, i);
	} else if (edit->kind == DUBBO_EDIT_SET) {
		map->fields[map->count++] = (struct rpc_attachment){
			edit->fallback.data ? edit->fallback : edit->name, edit->value};
	}
	for (; removes && at < map->count; at = find(map, edit->name, is_exact)) {
		map->removed[map->removed_count++] = map->fields[at].name;
		drop(map, at);
	}
}

/* The entries as they came, with room for `more`. False: they can't be read. */
static bool read_map(struct map *map, struct slice bytes, const struct rpc_head *rpc, uint32_t more,
		     struct arena *arena)
{
	struct rpc_attachment *fields = rpc->attachments;

	map->count = rpc->attachment_count;
	if ((!rpc->plain_map.data || !slice_equal(bytes, rpc->plain_map)) &&
	    bolt_fields_read(bytes, arena, &fields, &map->count))
		return false;
	map->fields = ARENA_NEW_ARRAY(arena, struct rpc_attachment, map->count + more);
	if (map->count)
		memcpy(map->fields, fields, map->count * sizeof *fields);
	map->removed = ARENA_NEW_ARRAY(arena, struct slice, map->count + more);
	map->removed_count = 0;
	return true;
}

/* --- the content */

/* What stands before the arguments, and maybe some of them, out of the buffer into a copy. */
static char *take_front(struct buf *content, size_t *len, struct arena *arena)
{
	char *front = arena_alloc(arena, FRONT_SIZE);

	*len = buf_peek(content, front, FRONT_SIZE);
	buf_drain(content, *len);
	return front;
}

/* An entry that Java finds there, and not in the header map, is as good as one in the map: it goes,
 * too. What is changed or added isn't: the header map's word counts. Returns the length left. */
static size_t remove_props(char *front, size_t len, const struct hessian2_grammar *grammar,
			   const struct map *map, struct arena *arena)
{
	for (uint32_t i = 0; i < map->removed_count; i++) {
		size_t from, to;
		if (!sofa_props_find(slice_make(front, len), grammar, map->removed[i], arena, &from,
				     &to))
			continue;
		memmove(front + from, front + to, len - to);
		len -= to - from;
	}
	return len;
}

/* With another method, before the buffer again. */
static enum status put_front(struct buf *content, struct slice front, struct slice method,
			     const struct hessian2_grammar *grammar, struct arena *arena)
{
	struct hessian2_writer writer;
	struct slice old;
	size_t from, to;

	if (!sofa_method_find(front, grammar, arena, &old, &from, &to)) {
		buf_prepend_copy(content, front);
		return STATUS_MALFORMED;
	}
	if (grammar == &sofa_hessian_grammar)
		sofa_hessian_writer_init(&writer, arena);
	else
		hessian2_writer_init(&writer, arena);
	hessian2_write_string(&writer, method);
	buf_prepend_copy(content, slice_sub(front, to, front.len));
	buf_prepend_copy(content, hessian2_written(&writer));
	buf_prepend_copy(content, slice_sub(front, 0, from));
	return STATUS_OK;
}

/* Of a request whose content isn't Hessian the header map's word counts in all. method: .data NULL
 * if it is the same. */
static enum status edit_content(struct buf *content, uint8_t serialization, const struct map *map,
				struct slice method, struct arena *arena)
{
	const struct hessian2_grammar *grammar = bolt_grammar(serialization);
	size_t len;

	if (!grammar || (!map->removed_count && !method.data))
		return STATUS_OK;
	char *front = take_front(content, &len, arena);
	len = remove_props(front, len, grammar, map, arena);
	if (method.data)
		return put_front(content, slice_make(front, len), method, grammar, arena);
	buf_prepend_copy(content, slice_make(front, len));
	return STATUS_OK;
}

/* The last of its name, or NULL. */
static const struct rpc_attachment *field_of(const struct map *map, struct slice name)
{
	uint32_t at = find(map, name, true);
	return at < map->count ? &map->fields[at] : NULL;
}

enum status bolt_rewrite(struct buf *payload, struct bolt_frame *frame,
			 const struct headers *headers, struct arena *arena, bool *is_changed)
{
	bool is_answer = frame->type == BOLT_ANSWER;
	int32_t timeout_ms = frame->timeout_ms;
	struct dubbo_edits edits = {.arena = arena};
	struct slice method = {NULL, 0};
	size_t class_len = frame->class_len, old_len = class_len + frame->headers_len;
	char *old = arena_alloc(arena, old_len + 1);
	struct map map;

	*is_changed = false;
	if (buf_peek(payload, old, old_len) < old_len)
		return STATUS_OK; /* what is sent will say so */
	dubbo_edits_of_headers(&edits, headers, is_answer);
	if (!read_map(&map, slice_make(old + class_len, frame->headers_len), headers->rpc,
		      edits.count + 8, arena))
		return STATUS_OK;
	if (!is_answer && !dubbo_is_head_unedited(headers)) {
		const struct rpc_attachment *target =
			field_of(&map, SLICE("sofa_head_target_service"));
		method = compare_target(&edits, headers,
					target ? target : field_of(&map, SLICE("service")));
		compare_application(&edits, headers, field_of(&map, SLICE("app")));
		compare_timeout(frame, headers);
	}
	*is_changed = edits.count || frame->timeout_ms != timeout_ms;
	if (!edits.count)
		return STATUS_OK;
	for (uint32_t i = 0; i < edits.count; i++)
		apply(&map, &edits.items[i]);

	size_t size = bolt_fields_size(map.fields, map.count);
	if (size > BOLT_SECTION_LIMIT)
		return STATUS_TOO_LARGE;
	char *front = arena_alloc(arena, class_len + size + 1), *to = front + class_len;
	if (class_len)
		memcpy(front, old, class_len);
	for (uint32_t i = 0; i < map.count; i++)
		to = bolt_fields_put(to, &map.fields[i]);
	buf_drain(payload, old_len);
	enum status status = STATUS_OK;
	if (slice_equal(slice_make(old, class_len), BOLT_SOFA_REQUEST))
		status = edit_content(payload, frame->serialization, &map, method, arena);
	buf_prepend_copy(payload, slice_make(front, class_len + size));
	frame->headers_len = (uint16_t)size;
	return status;
}
