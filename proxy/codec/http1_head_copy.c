/* From a parsed head to the headers of a message: the one copy, in the exchange's arena. */
#include "base/attributes.h"
#include "codec/http1_names.h"
#include "codec/http1_parser.h"

/* Where a slice of the head stands in its copy; a constant stays. */
static struct slice moved(const struct http1_head *head, const char *copy, struct slice s)
{
	size_t at = (size_t)(s.data - head->bytes.data);
	return at < head->bytes.len ? slice_make(copy + at, s.len) : s;
}

/* Marks a well-known item's place. */
static inline void note_first(struct headers *headers, uint32_t at, unsigned id)
{
	uint64_t bit = UINT64_C(1) << (id & 63);

	if (!(headers->present[id >> 6] & bit)) {
		headers->present[id >> 6] |= bit;
		headers->first[id] = (uint16_t)at;
	}
}

/* Appends where there is room: http1_head_copy has made it. */
static inline void add_pseudo_item(struct headers *headers, enum header_id id, struct slice name,
				   struct slice value)
{
	struct header *item = &headers->items[headers->count];

	item->name = name.data;
	item->value = value.data;
	item->value_len = (uint32_t)value.len;
	item->name_len = (uint16_t)name.len;
	item->id = (uint8_t)id;
	item->flags = 0;
	note_first(headers, headers->count++, id);
}

static void add_pseudo(struct headers *headers, const struct http1_head *head, const char *copy,
		       enum http1_kind kind)
{
	if (kind == HTTP1_RESPONSE)
		add_pseudo_item(headers, HEADER_STATUS, SLICE(":status"), slice_make(copy + 9, 3));
	if (kind != HTTP1_REQUEST)
		return;
	add_pseudo_item(headers, HEADER_METHOD, SLICE(":method"),
			slice_make(copy, head->method.len));
	add_pseudo_item(headers, HEADER_SCHEME, SLICE(":scheme"),
			head->scheme.data ? head->scheme : SLICE("http"));
	if (head->authority.data)
		add_pseudo_item(headers, HEADER_AUTHORITY, SLICE(":authority"),
				moved(head, copy, head->authority));
	if (head->path.data)
		add_pseudo_item(headers, HEADER_PATH, SLICE(":path"),
				moved(head, copy, head->path));
}

/* The field's item: its strings stand in the copy, `shift` bytes from where they were; a well-known
 * name is the constant. */
static inline void copy_field(struct headers *headers, uint32_t at, const struct header *field,
			      uintptr_t shift)
{
	struct header *item = &headers->items[at];
	unsigned id = field->id;

	memcpy(item, field, sizeof *item);
	item->value = (const char *)((uintptr_t)field->value + shift);
	if (LIKELY(id != HEADER_OTHER)) {
		item->name = known_name_text((enum header_id)id).data;
		note_first(headers, at, id);
	} else {
		char *name = (char *)((uintptr_t)field->name + shift);
		http1_name_lower(name, field->name_len);
		item->name = name;
	}
}

void http1_head_copy(const struct http1_head *head, enum http1_kind kind, struct headers *headers,
		     struct arena *arena, uint32_t spare)
{
	char *copy = arena_alloc(arena, head->bytes.len + HTTP1_NAME_SLACK);
	uintptr_t shift = (uintptr_t)copy - (uintptr_t)head->bytes.data;
	const struct header *field = head->fields, *end = field + head->field_count;

	memcpy(copy, head->bytes.data, head->bytes.len);
	headers_init(headers, arena, head->field_count + 4 + spare);
	add_pseudo(headers, head, copy, kind);

	uint32_t count = headers->count;
	for (; field < end; field++)
		if (field->id != HEADER_REMOVED)
			copy_field(headers, count++, field, shift);
	headers->count = count;
}

void http1_head_keep_case(const struct http1_head *head, struct headers *headers)
{
	const struct header *field = head->fields, *end = field + head->field_count;
	struct header *item = headers_find_id(headers, HEADER_AUTHORITY);

	if (item && head->is_host_capital)
		item->flags |= HEADER_WAS_HOST;
	item = headers->items;
	for (; field < end; field++) {
		if (field->id == HEADER_REMOVED)
			continue;
		while (item->id < HEADER_FIRST_REGULAR && item->id != HEADER_OTHER)
			item++; /* pseudo headers */
		char *both = arena_alloc(headers->arena, 2u * field->name_len);
		memcpy(both, item->name, field->name_len);
		memcpy(both + field->name_len, field->name, field->name_len);
		item->name = both;
		item->flags |= HEADER_HAS_ORIGINAL;
		item++;
	}
}
