#include "codec/http1_connection.h"

#include "base/attributes.h"
#include "message/stream_info.h"

struct slice http1_next_option(struct slice *list)
{
	while (list->len) {
		size_t comma = slice_find_char(*list, ',', 0);
		struct slice option = slice_trim(slice_sub(*list, 0, comma));
		*list = slice_sub(*list, comma < list->len ? comma + 1 : comma, list->len);
		if (option.len)
			return option;
	}
	return (struct slice){0};
}

bool http1_has_option(struct slice list, struct slice option)
{
	for (struct slice part; (part = http1_next_option(&list)).len;)
		if (slice_equal_nocase(part, option))
			return true;
	return false;
}

void http1_remove_fields(struct http1_head *head, enum header_id id)
{
	for (uint32_t i = 0; i < head->field_count; i++)
		if (head->fields[i].id == id)
			head->fields[i].id = HEADER_REMOVED;
}

void http1_keep_te_trailers(struct header *field)
{
	struct slice list = header_value(field);

	for (struct slice part; (part = http1_next_option(&list)).len;) {
		part.len = slice_find_char(part, ';', 0);
		part = slice_trim(part);
		if (slice_equal_nocase(part, SLICE("trailers"))) {
			field->value = part.data;
			field->value_len = (uint32_t)part.len;
			return;
		}
	}
	field->id = HEADER_REMOVED;
}

static const struct {
	struct slice name;
	uint8_t bit; /* of head->connection; 0: known, but nothing follows from it */
} options[] = {
	{SLICE("keep-alive"), HTTP1_KEEP_ALIVE},
	{SLICE("close"), HTTP1_CLOSE},
	{SLICE("upgrade"), HTTP1_UPGRADE},
	{SLICE("te"), 0},
	{SLICE("http2-settings"), 0},
	{SLICE("connection"), 0},
};

static bool note_option(struct http1_head *head, struct slice name)
{
	for (unsigned i = 0; i < COUNT_OF(options); i++) {
		if (slice_equal_nocase(name, options[i].name)) {
			head->connection |= options[i].bit;
			return true;
		}
	}
	return false;
}

/* Names that a request may not have taken out on its way. */
static bool is_guarded(struct slice name)
{
	return name.data[0] == ':' || slice_equal_nocase(name, SLICE("x-forwarded-for")) ||
	       slice_equal_nocase(name, SLICE("x-forwarded-host")) ||
	       slice_equal_nocase(name, SLICE("x-forwarded-proto"));
}

static void remove_named(struct http1_head *head, struct slice name)
{
	for (uint32_t i = 0; i < head->field_count; i++) {
		struct header *field = &head->fields[i];
		if (field->id != HEADER_CONNECTION && slice_equal_nocase(header_name(field), name))
			field->id = HEADER_REMOVED;
	}
}

enum http1_error http1_read_connection(struct http1_head *head, enum http1_kind kind)
{
	unsigned limit = kind == HTTP1_REQUEST ? HTTP1_REQUEST_OPTIONS : HTTP1_RESPONSE_OPTIONS;
	unsigned count = 0;

	for (uint32_t i = 0; i < head->field_count; i++) {
		if (head->fields[i].id != HEADER_CONNECTION)
			continue;
		struct slice list = header_value(&head->fields[i]);
		for (struct slice name; (name = http1_next_option(&list)).len;) {
			if (++count >= limit)
				return HTTP1_ERROR_CONNECTION;
			if (note_option(head, name))
				continue;
			if (kind == HTTP1_REQUEST && is_guarded(name))
				return HTTP1_ERROR_CONNECTION;
			if (kind == HTTP1_REQUEST && slice_equal_nocase(name, SLICE("host")))
				return HTTP1_ERROR_HOST_NOMINATED;
			remove_named(head, name);
		}
	}
	return HTTP1_ERROR_NONE;
}

void http1_read_upgrade(struct http1_head *head, enum http1_kind kind)
{
	bool is_wanted = head->connection & HTTP1_UPGRADE &&
			 head->protocol == STREAM_PROTOCOL_HTTP11 &&
			 (kind == HTTP1_REQUEST || head->status == 101);

	for (uint32_t i = 0; i < head->field_count; i++) {
		struct slice value = header_value(&head->fields[i]);
		if (head->fields[i].id != HEADER_UPGRADE || !value.len)
			continue;
		if (http1_has_option(value, SLICE("h2c"))) { /* served as HTTP/1.1 */
			head->is_upgrade = false;
			break;
		}
		head->is_upgrade = is_wanted;
	}
	if (!head->is_upgrade)
		http1_remove_fields(head, HEADER_UPGRADE);
}
