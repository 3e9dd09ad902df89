#include "routing/header_mutation.h"

#include "envoy/config/core/v3/base.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "message/format.h"
#include "routing/string_matcher.h"

enum { VALUES_ON_STACK = 16, RENDER_ROOM = 1024 };

bool header_name_is_valid(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.data[i];
		if (c <= ' ' || c >= 0x7f || (c == ':' && i) || strchr("\"(),/;<=>?@[\\]{}", c))
			return false;
	}
	return name.len > 0;
}

/* Lower case, checked to be changeable. */
static enum status load_name(struct slice *name, const char *text, struct arena *arena,
			     struct diag *diag)
{
	struct slice given = slice_of(text);

	if (!header_name_is_valid(given))
		return diag_set(diag, "not a header name");
	if (given.data[0] == ':' || slice_equal_lower(given, SLICE("host")))
		return diag_set(diag, "pseudo headers and host may not be changed");
	char *copy = arena_string(arena, given);
	slice_copy_lower(copy, given);
	*name = (struct slice){copy, given.len};
	return STATUS_OK;
}

static uint8_t append_of(const Envoy__Config__Core__V3__HeaderValueOption *message)
{
	if (message->append) /* the older field wins when it is there */
		return message->append->value ? HEADER_APPEND : HEADER_OVERWRITE_OR_ADD;
	return (uint8_t)message->append_action; /* the same order */
}

enum status header_add_load(struct header_add *add,
			    const Envoy__Config__Core__V3__HeaderValueOption *message,
			    struct arena *arena, struct diag *diag)
{
	if (!message->header)
		return diag_at(diag, "header", "is required");
	enum status status = load_name(&add->name, message->header->key, arena, diag);
	if (status) {
		diag_prefix(diag, "header.key");
		return status;
	}
	if ((unsigned)message->append_action > HEADER_OVERWRITE_IF_THERE)
		return diag_at(diag, "append_action", "unknown value %d",
			       (int)message->append_action);
	struct slice value = slice_of(message->header->value);
	if (!value.len && message->header->raw_value.len)
		value = slice_make(message->header->raw_value.data, message->header->raw_value.len);
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] == '\r' || value.data[i] == '\n' || !value.data[i])
			return diag_at(diag, "header.value", "must not hold CR, LF or NUL");
	add->id = (uint8_t)known_name_find(add->name);
	add->append = append_of(message);
	add->keep_empty = message->keep_empty_value;
	add->value = arena_slice(arena, value);
	if (slice_find_char(value, '%', 0) == value.len)
		return STATUS_OK;
	status = format_compile_with(value, FORMAT_OMIT_EMPTY | FORMAT_RAW, arena, &add->format,
				     diag);
	if (status)
		diag_prefix(diag, "header.value");
	return status;
}

enum status header_mutations_load(const struct header_mutations **mutations, const char *prefix,
				  Envoy__Config__Core__V3__HeaderValueOption *const *adds,
				  size_t add_count, char *const *removes, size_t remove_count,
				  struct arena *arena, struct diag *diag)
{
	enum status status = STATUS_OK;

	*mutations = NULL;
	if (!add_count && !remove_count)
		return STATUS_OK;
	struct header_mutations *m = ARENA_NEW(arena, struct header_mutations);
	struct header_add *add = ARENA_NEW_ARRAY(arena, struct header_add, add_count);
	struct slice *names = ARENA_NEW_ARRAY(arena, struct slice, remove_count);
	for (size_t i = 0; i < add_count && !status; i++) {
		status = header_add_load(&add[i], adds[i], arena, diag);
		if (status)
			diag_prefix(diag, "%s_headers_to_add[%zu]", prefix, i);
	}
	for (size_t i = 0; i < remove_count && !status; i++) {
		status = load_name(&names[i], removes[i], arena, diag);
		if (status)
			diag_prefix(diag, "%s_headers_to_remove[%zu]", prefix, i);
	}
	*m = (struct header_mutations){names, add, (uint32_t)remove_count, (uint32_t)add_count};
	*mutations = m;
	return status;
}

static struct slice render(const struct format *format, const struct stream_info *info,
			   struct arena *arena)
{
	char room[RENDER_ROOM];
	size_t len = format_write(format, info, room, sizeof room);

	if (len <= sizeof room)
		return arena_slice(arena, slice_make(room, len));
	char *big = arena_alloc(arena, len);
	format_write(format, info, big, len);
	return slice_make(big, len);
}

/* A further value of a field that holds one list joins it, as Envoy's own fields do. */
static bool joins_its_values(enum header_id id)
{
	return id != HEADER_OTHER && id >= HEADER_FIRST_REGULAR && id != HEADER_ACCEPT &&
	       id != HEADER_ACCEPT_ENCODING && id != HEADER_COOKIE && id != HEADER_SET_COOKIE &&
	       id != HEADER_CONTENT_ENCODING && id != HEADER_REFERER && id != HEADER_TRAILER &&
	       !(id >= HEADER_TRI_CONSUMER_APPNAME && id <= HEADER_TRI_SERVICE_VERSION);
}

static void append(struct headers *headers, const struct header_add *add, struct slice value)
{
	struct header *old = joins_its_values((enum header_id)add->id)
				     ? headers_find_id(headers, (enum header_id)add->id)
				     : NULL;
	if (!old) {
		headers_add(headers, add->name, value);
		return;
	}
	char *joined = arena_alloc(headers->arena, old->value_len + 1 + value.len);
	memcpy(joined, old->value, old->value_len);
	joined[old->value_len] = ',';
	if (value.len)
		memcpy(joined + old->value_len + 1, value.data, value.len);
	old->value_len += 1 + (uint32_t)value.len;
	old->value = joined;
}

void header_mutations_apply(const struct header_mutations *m, struct headers *headers,
			    const struct stream_info *info)
{
	struct slice on_stack[VALUES_ON_STACK], *values = on_stack;

	if (!m)
		return;
	for (uint32_t i = 0; i < m->remove_count; i++)
		headers_remove(headers, m->removes[i]);
	if (m->add_count > VALUES_ON_STACK)
		values = arena_alloc(headers->arena, m->add_count * sizeof *values);

	/* First what will be written, .data NULL: nothing. */
	for (uint32_t i = 0; i < m->add_count; i++) {
		const struct header_add *add = &m->adds[i];
		bool is_wanted = true;
		if (add->append == HEADER_ADD_IF_ABSENT)
			is_wanted = !headers_find(headers, add->name);
		else if (add->append == HEADER_OVERWRITE_IF_THERE)
			is_wanted = headers_find(headers, add->name);
		values[i] = (struct slice){NULL, 0};
		if (!is_wanted)
			continue;
		values[i] = add->format ? render(add->format, info, headers->arena) : add->value;
		if (!values[i].len && !add->keep_empty)
			values[i].data = NULL;
	}
	for (uint32_t i = 0; i < m->add_count; i++)
		if (values[i].data && m->adds[i].append >= HEADER_OVERWRITE_OR_ADD)
			headers_set(headers, m->adds[i].name, values[i]);
	for (uint32_t i = 0; i < m->add_count; i++)
		if (values[i].data && m->adds[i].append < HEADER_OVERWRITE_OR_ADD)
			append(headers, &m->adds[i], values[i]);
}
