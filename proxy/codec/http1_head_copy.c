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

static inline void set_value(struct header *item, struct slice value)
{
	item->value = value.data;
	item->value_len = (uint32_t)value.len;
}

static inline void note_pseudo(struct headers *headers, enum header_id id, uint32_t at)
{
	headers->first[id] = (uint16_t)at;
	headers->present[0] |= UINT64_C(1) << id;
}
_Static_assert(HEADER_PSEUDO_END < 64, "present[0] has the pseudo headers");

#define PSEUDO(header_id, text)                                                                    \
	{                                                                                          \
		.name = text, .name_len = sizeof(text) - 1, .id = HEADER_##header_id               \
	}

static inline void add_request_pseudo(struct headers *headers, const struct http1_head *head,
				      const char *copy)
{
	static const struct header pseudo[MOST_PSEUDO] = {
		PSEUDO(METHOD, ":method"),
		PSEUDO(SCHEME, ":scheme"),
		PSEUDO(AUTHORITY, ":authority"),
		PSEUDO(PATH, ":path"),
	};
	struct header *items = headers->items;
	uint32_t count = 2;

	memcpy(items, pseudo, sizeof pseudo);
	set_value(&items[0], slice_make(copy, head->method.len));
	set_value(&items[1], head->scheme.data ? head->scheme : SLICE("http"));
	note_pseudo(headers, HEADER_METHOD, 0);
	note_pseudo(headers, HEADER_SCHEME, 1);
	if (LIKELY(head->authority.data)) {
		set_value(&items[count], moved(head, copy, head->authority));
		note_pseudo(headers, HEADER_AUTHORITY, count++);
	} else {
		items[count] = pseudo[3];
	}
	if (LIKELY(head->path.data)) {
		set_value(&items[count], moved(head, copy, head->path));
		note_pseudo(headers, HEADER_PATH, count++);
	}
	headers->count = count;
}

static inline void add_pseudo(struct headers *headers, const struct http1_head *head,
			      const char *copy, enum http1_kind kind)
{
	if (kind == HTTP1_REQUEST) {
		add_request_pseudo(headers, head, copy);
	} else if (kind == HTTP1_RESPONSE) {
		headers->items[0] = (struct header)PSEUDO(STATUS, ":status");
		set_value(&headers->items[0], slice_make(copy + 9, 3));
		note_pseudo(headers, HEADER_STATUS, 0);
		headers->count = 1;
	}
}
#undef PSEUDO

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
