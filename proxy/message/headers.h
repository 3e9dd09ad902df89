/* The header fields of a message, of any protocol: an ordered list, with the well-known names at
 * hand by index.
 *
 *   items: [:method][:path][host][x-a][x-a] …      first[id]: index of the first item of that id,
 *                                                  if bit id is set in present[]
 *
 * Names are lower case. Pseudo headers (":path") are ordinary items with ids below
 * HEADER_PSEUDO_END. Names and values are borrowed: they live in the arena of the stream (or are
 * constants). Values hold no CR, LF or NUL: codecs see to it. A removed item keeps its place with
 * id HEADER_REMOVED; iterate with headers_next.
 *
 * A codec may leave fields out that nobody has asked for yet (`ask_rest`): they come behind all
 * others when somebody asks for one of them, adds to one, or for all. None of them has a name of
 * reserved_names.h, so who asks for such, or knows its id when he is compiled, pays nothing.
 *
 * Owner: the stream; items in its arena. Thread: its worker. */
#ifndef MESSAGE_HEADERS_H
#define MESSAGE_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "message/reserved_names.h"

struct rpc_head;

struct header {
	const char *name;
	const char *value;
	uint32_t value_len;
	uint16_t name_len;
	uint8_t id;    /* enum header_id */
	uint8_t flags; /* below; 0 unless a codec keeps the case of names */
};

enum {
	HEADER_HAS_ORIGINAL = 1, /* the name as received stands right behind the lower-case one */
	HEADER_WAS_HOST = 2,     /* on :authority: the field's name was "Host" */
};

struct headers {
	struct header *items;
	uint32_t count, capacity; /* count includes removed items */
	struct arena *arena;
	uint64_t present[2];             /* bit id: first[id] is valid */
	uint16_t first[HEADER_ID_COUNT]; /* not initialised unless present */
	struct rpc_head *rpc;            /* an RPC message's frame facts, or NULL */
	/* Brings what was left out, if a field of that name may be among it (.data NULL: in any
	 * case), and sets itself to NULL then. NULL: nothing was left out. */
	void (*ask_rest)(struct headers *headers, struct slice name);
};

/* Empty, with room for `capacity` items before the arena is asked again. */
void headers_init(struct headers *headers, struct arena *arena, uint32_t capacity);

/* The same with room at `items`, which lives as long as the arena's. */
static inline void headers_init_items(struct headers *headers, struct arena *arena,
				      struct header *items, uint32_t capacity)
{
	headers->items = items;
	headers->count = 0;
	headers->capacity = capacity;
	headers->arena = arena;
	headers->present[0] = headers->present[1] = 0;
	headers->rpc = NULL;
	headers->ask_rest = NULL;
}

COLD void headers_ask_slow(const struct headers *headers, struct slice name);
COLD void headers_ask_id(const struct headers *headers, enum header_id id);

/* The fields of that name are there from now on (.data NULL: all are). */
static inline void headers_ask(const struct headers *headers, struct slice name)
{
	if (UNLIKELY(headers->ask_rest != NULL))
		headers_ask_slow(headers, name);
}

/* Appends. The name must be lower case already. Borrows both slices. At most 65,535 items and bytes
 * of a name (aborts): codecs cap far below. Pointers to items die. */
void headers_add(struct headers *headers, struct slice name, struct slice value);
/* The same for who has looked up what known_name_find says of the name, and asks for nothing that
 * was left out. */
void headers_add_found(struct headers *headers, enum header_id id, struct slice name,
		       struct slice value);
/* Room for so many more before the arena is asked again. */
void headers_reserve(struct headers *headers, uint32_t more);
void headers_add_id_slow(struct headers *headers, enum header_id id, struct slice value);

/* Among what is there so far. */
static inline bool headers_lists(const struct headers *headers, enum header_id id)
{
	return headers->present[id >> 6] >> (id & 63) & 1;
}

/* Whether fields of that name may have been left out. */
static inline __attribute__((always_inline)) bool headers_may_lack(const struct headers *headers,
								   enum header_id id)
{
	return !(__builtin_constant_p(id) && reserved_name_has_id(id)) &&
	       UNLIKELY(headers->ask_rest != NULL);
}

static inline __attribute__((always_inline)) bool headers_has(const struct headers *headers,
							      enum header_id id)
{
	if (headers_may_lack(headers, id))
		headers_ask_id(headers, id);
	return headers_lists(headers, id);
}

/* In line for a first item of its name, when there is room. */
static inline void headers_add_id(struct headers *headers, enum header_id id, struct slice value)
{
	uint32_t at = headers->count;

	if (UNLIKELY(at == headers->capacity || headers_lists(headers, id) ||
		     headers_may_lack(headers, id))) {
		headers_add_id_slow(headers, id, value);
		return;
	}
	struct slice name = known_name_text(id);
	headers->items[at] = (struct header){
		.name = name.data,
		.value = value.data,
		.value_len = (uint32_t)value.len,
		.name_len = (uint16_t)name.len,
		.id = (uint8_t)id,
	};
	headers->count = at + 1;
	headers->present[id >> 6] |= UINT64_C(1) << (id & 63);
	headers->first[id] = (uint16_t)at;
}

/* Well-known names as a set: bit id of words[], as in headers->present. */
struct header_ids {
	uint64_t words[2];
};

#define HEADER_ID_BIT(id, word)                                                                    \
	((unsigned)(id) >> 6 == (word) ? UINT64_C(1) << ((unsigned)(id)&63) : 0)

/* Whether there is an item of any name of the set. */
static inline bool headers_has_any(const struct headers *headers, const struct header_ids *ids)
{
	headers_ask(headers, (struct slice){NULL, 0});
	return (headers->present[0] & ids->words[0]) | (headers->present[1] & ids->words[1]);
}

/* Replaces the first item's value and removes the others of that name; appends if there is none. */
void headers_set(struct headers *headers, struct slice name, struct slice value);
void headers_replace_id(struct headers *headers, enum header_id id, struct slice value);
static inline void headers_set_id(struct headers *headers, enum header_id id, struct slice value)
{
	if (headers_has(headers, id))
		headers_replace_id(headers, id, value);
	else
		headers_add_id(headers, id, value);
}

/* Removes all items of the name; returns how many there were. */
unsigned headers_remove(struct headers *headers, struct slice name);
unsigned headers_remove_present(struct headers *headers, enum header_id id);
static inline unsigned headers_remove_id(struct headers *headers, enum header_id id)
{
	return headers_has(headers, id) ? headers_remove_present(headers, id) : 0;
}

/* The first item of that id, or NULL. */
static inline __attribute__((always_inline)) struct header *
headers_find_id(const struct headers *headers, enum header_id id)
{
	return headers_has(headers, id) ? &headers->items[headers->first[id]] : NULL;
}

/* The first value; .data is NULL if there is none. */
static inline __attribute__((always_inline)) struct slice headers_get(const struct headers *headers,
								      enum header_id id)
{
	if (!headers_has(headers, id))
		return (struct slice){NULL, 0};
	const struct header *h = &headers->items[headers->first[id]];
	return (struct slice){h->value, h->value_len};
}

/* The number of :status; 0 if that isn't three digits. */
static inline unsigned headers_status(const struct headers *headers)
{
	struct slice text = headers_get(headers, HEADER_STATUS);

	if (UNLIKELY(text.len != 3))
		return 0;
	unsigned hundreds = (unsigned)(text.data[0] - '0'), tens = (unsigned)(text.data[1] - '0'),
		 ones = (unsigned)(text.data[2] - '0');
	return hundreds > 9 || tens > 9 || ones > 9 ? 0 : hundreds * 100 + tens * 10 + ones;
}

/* The first item of a lower-case name, or NULL. */
struct header *headers_find(const struct headers *headers, struct slice name);
/* The next item of the same name after `after`, or NULL. */
struct header *headers_find_next(const struct headers *headers, const struct header *after);

/* Iterates over what isn't removed: for (struct header *h = NULL; (h = headers_next(headers, h));)
 */
static inline struct header *headers_next(const struct headers *headers, struct header *h)
{
	if (!h)
		headers_ask(headers, (struct slice){NULL, 0});
	struct header *end = headers->items + headers->count;
	for (h = h ? h + 1 : headers->items; h < end; h++)
		if (h->id != HEADER_REMOVED)
			return h;
	return NULL;
}

/* All values of a name joined with ","; one value is borrowed, several are joined in the arena.
 * .data NULL if none. */
struct slice headers_get_joined(const struct headers *headers, struct slice name,
				struct arena *arena);

/* Sum of name and value lengths of what isn't removed: Envoy's byteSize(). */
size_t headers_byte_size(const struct headers *headers);

/* A copy whose strings live in `arena`. */
void headers_copy(struct headers *to, const struct headers *from, struct arena *arena);

static inline struct slice header_name(const struct header *h)
{
	return (struct slice){h->name, h->name_len};
}

static inline struct slice header_value(const struct header *h)
{
	return (struct slice){h->value, h->value_len};
}

#endif
