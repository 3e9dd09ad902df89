#include "message/headers.h"

_Static_assert(HEADER_ID_COUNT <= 128, "struct headers has 128 presence bits");

enum { HEADERS_MAX = UINT16_MAX };

void headers_init(struct headers *headers, struct arena *arena, uint32_t capacity)
{
	invariant(capacity <= HEADERS_MAX);
	headers_init_items(headers, arena,
			   capacity ? arena_alloc(arena, capacity * sizeof(struct header)) : NULL,
			   capacity);
}

/* At least `needed`, as far as there may be so many. */
static COLD void grow(struct headers *headers, uint32_t needed)
{
	uint32_t capacity = headers->capacity < 8 ? 16 : headers->capacity * 2;

	invariant(headers->capacity < HEADERS_MAX);
	if (capacity < needed)
		capacity = needed;
	if (capacity > HEADERS_MAX)
		capacity = HEADERS_MAX;
	struct header *items = arena_alloc(headers->arena, capacity * sizeof *items);

	if (headers->count)
		memcpy(items, headers->items, headers->count * sizeof *items);
	headers->items = items;
	headers->capacity = capacity;
}

static void append(struct headers *headers, enum header_id id, struct slice name,
		   struct slice value)
{
	if (UNLIKELY(headers->count == headers->capacity))
		grow(headers, 0);
	invariant(headers->count < HEADERS_MAX && name.len <= UINT16_MAX);
	uint32_t at = headers->count++;
	headers->items[at] = (struct header){
		.name = name.data,
		.value = value.data,
		.value_len = (uint32_t)value.len,
		.name_len = (uint16_t)name.len,
		.id = (uint8_t)id,
	};
	if (id != HEADER_OTHER && !headers_lists(headers, id)) {
		headers->present[id >> 6] |= UINT64_C(1) << (id & 63);
		headers->first[id] = (uint16_t)at;
	}
}

void headers_ask_slow(const struct headers *headers, struct slice name)
{
	/* To who reads it is the same before and after. */
	struct headers *same = (struct headers *)(uintptr_t)headers;

	same->ask_rest(same, name);
}

void headers_ask_id(const struct headers *headers, enum header_id id)
{
	if (!reserved_name_has_id(id))
		headers_ask_slow(headers, known_name_text(id));
}

void headers_add(struct headers *headers, struct slice name, struct slice value)
{
	headers_ask(headers, name);
	append(headers, known_name_find(name), name, value);
}

void headers_add_found(struct headers *headers, enum header_id id, struct slice name,
		       struct slice value)
{
	append(headers, id, name, value);
}

void headers_reserve(struct headers *headers, uint32_t more)
{
	if (headers->capacity - headers->count < more)
		grow(headers, headers->count + more);
}

void headers_add_id_slow(struct headers *headers, enum header_id id, struct slice value)
{
	assert(id > HEADER_OTHER && id < HEADER_ID_COUNT);
	if (UNLIKELY(headers->ask_rest != NULL))
		headers_ask_id(headers, id);
	append(headers, id, known_name_text(id), value);
}

static bool is_named(const struct header *h, enum header_id id, struct slice name)
{
	return h->id == id && (id != HEADER_OTHER || slice_equal(header_name(h), name));
}

/* The first item from index `at` on, or NULL. */
static struct header *find_from(const struct headers *headers, uint32_t at, enum header_id id,
				struct slice name)
{
	for (; at < headers->count; at++)
		if (is_named(&headers->items[at], id, name))
			return &headers->items[at];
	return NULL;
}

static struct header *find_first(const struct headers *headers, enum header_id id,
				 struct slice name)
{
	if (id == HEADER_OTHER)
		return find_from(headers, 0, id, name);
	return headers_lists(headers, id) ? &headers->items[headers->first[id]] : NULL;
}

struct header *headers_find(const struct headers *headers, struct slice name)
{
	headers_ask(headers, name);
	return find_first(headers, known_name_find(name), name);
}

struct header *headers_find_next(const struct headers *headers, const struct header *after)
{
	return find_from(headers, (uint32_t)(after - headers->items) + 1, (enum header_id)after->id,
			 header_name(after));
}

/* Takes out every item of the name from index `at` on. */
static unsigned remove_from(struct headers *headers, uint32_t at, enum header_id id,
			    struct slice name)
{
	unsigned count = 0;
	struct header *h;

	for (; (h = find_from(headers, at, id, name)); count++) {
		h->id = HEADER_REMOVED;
		at = (uint32_t)(h - headers->items) + 1;
	}
	return count;
}

static void set(struct headers *headers, enum header_id id, struct slice name, struct slice value)
{
	struct header *h = find_first(headers, id, name);

	if (!h) {
		append(headers, id, name, value);
		return;
	}
	h->value = value.data;
	h->value_len = (uint32_t)value.len;
	remove_from(headers, (uint32_t)(h - headers->items) + 1, id, name);
}

void headers_set(struct headers *headers, struct slice name, struct slice value)
{
	headers_ask(headers, name);
	set(headers, known_name_find(name), name, value);
}

void headers_replace_id(struct headers *headers, enum header_id id, struct slice value)
{
	struct header *end = headers->items + headers->count, *h = headers_find_id(headers, id);

	assert(id > HEADER_OTHER && id < HEADER_ID_COUNT && h);
	h->value = value.data;
	h->value_len = (uint32_t)value.len;
	while (++h < end)
		if (UNLIKELY(h->id == id))
			h->id = HEADER_REMOVED;
}

static unsigned remove_all(struct headers *headers, enum header_id id, struct slice name)
{
	struct header *h = find_first(headers, id, name);

	if (!h)
		return 0;
	unsigned count = remove_from(headers, (uint32_t)(h - headers->items), id, name);
	if (id != HEADER_OTHER)
		headers->present[id >> 6] &= ~(UINT64_C(1) << (id & 63));
	return count;
}

unsigned headers_remove(struct headers *headers, struct slice name)
{
	headers_ask(headers, name);
	return remove_all(headers, known_name_find(name), name);
}

unsigned headers_remove_present(struct headers *headers, enum header_id id)
{
	assert(id > HEADER_OTHER && id < HEADER_ID_COUNT);
	return remove_all(headers, id, known_name_text(id));
}

struct slice headers_get_joined(const struct headers *headers, struct slice name,
				struct arena *arena)
{
	const struct header *first = headers_find(headers, name);
	size_t len = 0;

	if (!first)
		return (struct slice){NULL, 0};
	if (!headers_find_next(headers, first))
		return header_value(first);
	for (const struct header *h = first; h; h = headers_find_next(headers, h))
		len += h->value_len + 1;

	char *joined = arena_alloc(arena, len), *p = joined;
	for (const struct header *h = first; h; h = headers_find_next(headers, h)) {
		if (h->value_len)
			memcpy(p, h->value, h->value_len);
		p += h->value_len;
		*p++ = ',';
	}
	return slice_make(joined, len - 1);
}

size_t headers_byte_size(const struct headers *headers)
{
	size_t sum = 0;

	for (const struct header *h = NULL; (h = headers_next(headers, (struct header *)h));)
		sum += h->name_len + h->value_len;
	return sum;
}

void headers_copy(struct headers *to, const struct headers *from, struct arena *arena)
{
	size_t bytes = headers_byte_size(from); /* asks for all */
	char *p = arena_alloc(arena, bytes ? bytes : 1);
	struct header *h = NULL;

	headers_init(to, arena, from->count);
	to->rpc = from->rpc;
	while ((h = headers_next(from, h))) {
		struct slice name = {p, h->name_len}, value = {p + h->name_len, h->value_len};
		memcpy(p, h->name, h->name_len);
		if (h->value_len)
			memcpy(p + h->name_len, h->value, h->value_len);
		p += h->name_len + h->value_len;
		append(to, (enum header_id)h->id, name, value);
	}
}
