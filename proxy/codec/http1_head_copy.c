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

enum { MOST_PSEUDO = 4 };

/* Appends where there is room, an id that isn't there yet. */
static inline void add_pseudo_item(struct headers *headers, enum header_id id, struct slice name,
				   struct slice value)
{
	headers->first[id] = (uint16_t)headers->count;
	headers->present[0] |= UINT64_C(1) << id;
	headers->items[headers->count++] = (struct header){
		.name = name.data,
		.value = value.data,
		.value_len = (uint32_t)value.len,
		.name_len = (uint16_t)name.len,
		.id = (uint8_t)id,
	};
}
_Static_assert(HEADER_PSEUDO_END < 64, "present[0] has the pseudo headers");

static inline void add_pseudo(struct headers *headers, const struct http1_head *head,
			      const char *copy, enum http1_kind kind)
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

#define NOT_NOTED (UINT64_C(1) << HEADER_REMOVED | UINT64_C(1) << HEADER_OTHER)

/* Their strings stand in the copy, `shift` bytes from where they were; a well-known name is the
 * constant. From the last to the first, so that the first of an id is what stays noted. */
static inline void add_fields(struct headers *headers, const struct http1_head *head,
			      uintptr_t shift)
{
	const struct header *first = head->fields, *field = first + head->field_count;
	struct header *item = headers->items + headers->count + head->field_count;
	uint32_t at = headers->count + head->field_count;
	uint64_t present[2] = {0, 0};

	headers->count = at;
	while (field-- > first) {
		unsigned id = field->id;
		*--item = *field;
		item->value = (const char *)((uintptr_t)field->value + shift);
		if (LIKELY(id != HEADER_OTHER)) {
			item->name = known_name_text((enum header_id)id).data;
		} else {
			char *name = (char *)((uintptr_t)field->name + shift);
			http1_name_lower(name, field->name_len);
			item->name = name;
		}
		headers->first[id] = (uint16_t)--at;
		present[id >> 6] |= UINT64_C(1) << (id & 63);
	}
	headers->present[0] |= present[0] & ~NOT_NOTED;
	headers->present[1] |= present[1];
}

struct headers *http1_head_copy(const struct http1_head *head, enum http1_kind kind,
				struct arena *arena, uint32_t spare)
{
	uint32_t capacity = head->field_count + MOST_PSEUDO + spare;
	size_t items_size = capacity * sizeof(struct header);
	struct headers *headers = arena_alloc(arena, sizeof *headers + items_size +
							     head->bytes.len + HTTP1_NAME_SLACK);
	struct header *items = (struct header *)(void *)(headers + 1);
	char *copy = (char *)(items + capacity);

	memcpy(copy, head->bytes.data, head->bytes.len);
	headers_init_items(headers, arena, items, capacity);
	add_pseudo(headers, head, copy, kind);
	add_fields(headers, head, (uintptr_t)copy - (uintptr_t)head->bytes.data);
	return headers;
}

void http1_head_keep_case(const struct http1_head *head, struct headers *headers)
{
	struct header *item = headers_find_id(headers, HEADER_AUTHORITY);

	if (item && head->is_host_capital)
		item->flags |= HEADER_WAS_HOST;
	item = headers->items + headers->count - head->field_count;
	for (uint32_t i = 0; i < head->field_count; i++, item++) {
		const struct header *field = &head->fields[i];
		if (field->id == HEADER_REMOVED)
			continue;
		char *both = arena_alloc(headers->arena, 2u * field->name_len);
		memcpy(both, item->name, field->name_len);
		memcpy(both + field->name_len, field->name, field->name_len);
		item->name = both;
		item->flags |= HEADER_HAS_ORIGINAL;
	}
}
