#include "codec/bolt_heads.h"

#include <assert.h>
#include <stdlib.h>

#include "codec/bolt_shape.h"

struct bolt_head_slot {
	struct rpc_kept kept;
	uint32_t target_len, method_len;
	uint32_t size; /* of the request with its text */
	char key[BOLT_HEAD_KEY];
	struct bolt_shape shape;
	struct bolt_request request; /* pointers into itself are set in each copy */
};

static struct bolt_head_slot *slot_of(struct rpc_kept *kept)
{
	return container_of(kept, struct bolt_head_slot, kept);
}

/* --- answers */

/* The HTTP status that retry policies and outlier detection see. An exception of the service is a
 * success of the transport. */
static struct slice http_status(uint16_t status)
{
	switch (status) {
	case BOLT_OK:
		return SLICE("200");
	case BOLT_CODEC_EXCEPTION:
	case BOLT_SERVER_DESERIAL_EXCEPTION:
		return SLICE("400");
	case BOLT_NO_PROCESSOR:
		return SLICE("404");
	case BOLT_THREADPOOL_BUSY:
	case BOLT_COMMUNICATION_ERROR:
	case BOLT_CLIENT_SEND_ERROR:
	case BOLT_CONNECTION_CLOSED:
		return SLICE("503");
	case BOLT_TIMEOUT:
		return SLICE("504");
	default: /* ERROR, SERVER_EXCEPTION, UNKNOWN, and what Bolt may yet invent */
		return SLICE("500");
	}
}

struct bolt_answer *bolt_answer_make(const struct bolt_frame *frame, struct arena *arena)
{
	struct bolt_answer *answer = arena_alloc(arena, sizeof *answer);

	answer->frame = *frame;
	answer->head = (struct rpc_head){.protocol = RPC_BOLT,
					 .status = frame->status,
					 .serialization = frame->serialization,
					 .result = RPC_RESULT_UNKNOWN,
					 .bolt = &answer->frame};
	headers_init_items(&answer->headers, arena, answer->items, BOLT_ANSWER_ITEMS);
	headers_add_id(&answer->headers, HEADER_STATUS, http_status(frame->status));
	answer->headers.rpc = &answer->head;
	return answer;
}

/* --- requests */

void bolt_heads_fini(struct bolt_heads *heads)
{
	for (unsigned i = 0; i < BOLT_HEAD_SLOTS; i++)
		if (heads->slots[i])
			rpc_kept_release(&heads->slots[i]->kept);
	bolt_heads_init(heads);
}

/* What is of this message and no other. */
static inline void set_frame(struct bolt_request *request, const struct bolt_frame *frame)
{
	request->frame = *frame;
	request->head.bolt = &request->frame;
	request->head.is_oneway = frame->type == BOLT_ONEWAY;
	request->head.serialization = frame->serialization;
	request->head.timeout_ms = frame->timeout_ms > 0 ? (uint32_t)frame->timeout_ms : 0;
	request->gathered.pool = NULL;
}

static char *put(char *to, struct slice s)
{
	if (s.len)
		memcpy(to, s.data, s.len);
	return to + s.len;
}

struct bolt_request *bolt_request_make(const struct bolt_names *names,
				       const struct bolt_frame *frame, struct arena *arena)
{
	struct rpc_head head = {.protocol = RPC_BOLT, .result = RPC_RESULT_UNKNOWN};
	struct slice group;

	if (bolt_names_split(names, &head, &group))
		return NULL;
	size_t path_len = head.service.len + head.method.len + 2;
	size_t text_len = path_len + head.service_version.len + group.len;
	struct bolt_request *request = arena_alloc(arena, sizeof *request + text_len);
	char *text = request->text, *to = put(text + 1, head.service);

	text[0] = *to++ = '/';
	to = put(to, head.method);
	put(put(to, head.service_version), group);
	head.service.data = text + 1;
	head.method.data = to - head.method.len;
	head.service_version.data = to;
	group.data = to + head.service_version.len;

	request->head = head;
	request->text_len = (uint32_t)text_len;
	set_frame(request, frame);
	struct headers *headers = &request->headers;
	headers_init_items(headers, arena, request->items, BOLT_HEAD_ITEMS);
	headers_add_id(headers, HEADER_METHOD, SLICE("POST"));
	headers_add_id(headers, HEADER_SCHEME, SLICE("bolt"));
	headers_add_id(headers, HEADER_AUTHORITY, head.service);
	headers_add_id(headers, HEADER_PATH, slice_make(text, path_len));
	headers_add_id(headers, HEADER_PROTOCOL, SLICE("bolt"));
	if (head.service_version.len)
		headers_add_id(headers, HEADER_TRI_SERVICE_VERSION, head.service_version);
	if (group.len)
		headers_add_id(headers, HEADER_TRI_SERVICE_GROUP, group);
	headers->rpc = &request->head;
	return request;
}

/* --- kept heads */

static inline uint64_t load8(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

enum { KEY_MIN = 16 }; /* of the target */

/* The place of these names, of which the target is KEY_MIN bytes long, at least; the other place of
 * its pair serves as well. */
static inline uint8_t place_of(const struct bolt_names *names)
{
	struct slice target = names->target, method = names->method;
	uint64_t word = 0, hash;

	hash = load8(target.data + target.len - 16) * 31 + load8(target.data + target.len - 8);
	if (LIKELY(method.len >= 8))
		word = load8(method.data);
	else
		for (size_t i = 0; i < method.len; i++)
			word = word << 8 | (uint8_t)method.data[i];
	hash = (hash ^ (word + method.len) << 1) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint8_t)((hash >> 58) % BOLT_HEAD_SLOTS);
}

static inline bool is_of(const struct bolt_head_slot *slot, const struct bolt_names *names)
{
	return slot && slot->target_len == names->target.len &&
	       slot->method_len == names->method.len &&
	       !memcmp(slot->key, names->target.data, slot->target_len) &&
	       (!slot->method_len ||
		!memcmp(slot->key + slot->target_len, names->method.data, slot->method_len));
}

#ifndef NDEBUG
/* The look at a payload that its shape saves. */
static bool would_find(const struct bolt_head_slot *slot, const char *payload, size_t class_len,
		       size_t headers_len)
{
	struct bolt_frame frame = {.class_len = (uint16_t)class_len,
				   .headers_len = (uint16_t)headers_len};
	struct bolt_names names;

	return !bolt_names_read(slice_make(payload, class_len + headers_len), &frame, &names) &&
	       is_of(slot, &names);
}
#endif

static inline bool fits(const struct bolt_head_slot *slot, const char *payload, size_t class_len,
			size_t headers_len)
{
	if (UNLIKELY(!slot || !bolt_shape_fits(&slot->shape, payload, class_len, headers_len)))
		return false;
	assert(would_find(slot, payload, class_len, headers_len));
	return true;
}

struct rpc_kept *bolt_heads_find(const struct bolt_heads *heads, const char *payload,
				 size_t class_len, size_t headers_len, uint8_t *latest)
{
	struct bolt_head_slot *slot = heads->slots[*latest];

	if (LIKELY(fits(slot, payload, class_len, headers_len)))
		return &slot->kept;
	uint8_t place = heads->by_length[headers_len % BOLT_HEAD_SLOTS];
	slot = heads->slots[place];
	if (place == *latest || !fits(slot, payload, class_len, headers_len))
		return NULL;
	*latest = place;
	return &slot->kept;
}

struct rpc_kept *bolt_heads_find_names(struct bolt_heads *heads, const struct bolt_names *names,
				       struct slice payload, const struct bolt_frame *frame,
				       uint8_t *latest)
{
	if (names->target.len < KEY_MIN)
		return NULL;
	uint8_t place = place_of(names);
	if (!is_of(heads->slots[place], names))
		place ^= 1;
	struct bolt_head_slot *slot = heads->slots[place];
	if (!is_of(slot, names))
		return NULL;
	bolt_shape_learn(&slot->shape, payload, frame);
	*latest = heads->by_length[frame->headers_len % BOLT_HEAD_SLOTS] = place;
	return &slot->kept;
}

/* Lets what points into `from` point to the same place in the block that it was copied to. */
static inline void point_inside(struct bolt_request *request, const struct bolt_request *from)
{
	struct rpc_head *head = &request->head;
	ptrdiff_t by = (char *)request - (const char *)from;
	const char *begin = from->text, *end = begin + request->text_len;

	head->service.data += by;
	head->method.data += by;
	head->service_version.data += by;
	for (uint32_t i = 0; i < request->headers.count; i++) {
		struct header *item = &request->items[i];
		if (item->value >= begin && item->value < end)
			item->value += by;
	}
}

struct bolt_request *bolt_request_copy(struct rpc_kept *kept, const struct bolt_frame *frame,
				       struct arena *arena)
{
	struct bolt_head_slot *slot = slot_of(kept);
	struct bolt_request *request = arena_alloc(arena, slot->size);

	memcpy(request, &slot->request, slot->size);
	point_inside(request, &slot->request);
	request->headers.items = request->items;
	request->headers.arena = arena;
	request->headers.rpc = &request->head;
	request->head.memo = &kept->memo;
	set_frame(request, frame);
	return request;
}

void bolt_heads_keep(struct bolt_heads *heads, const struct bolt_names *names,
		     const struct bolt_request *request)
{
	size_t size = sizeof *request + request->text_len;

	if (names->target.len < KEY_MIN || names->target.len + names->method.len > BOLT_HEAD_KEY)
		return;
	uint8_t place = place_of(names);
	if (heads->slots[place] && !heads->slots[place ^ 1])
		place ^= 1;
	struct bolt_head_slot *slot = malloc(offsetof(struct bolt_head_slot, request) + size);
	invariant(slot);
	slot->kept = (struct rpc_kept){.holds = 1};
	memset(&slot->shape, 0, sizeof slot->shape);
	slot->target_len = (uint32_t)names->target.len;
	slot->method_len = (uint32_t)names->method.len;
	slot->size = (uint32_t)size;
	put(put(slot->key, names->target), names->method);
	memcpy(&slot->request, request, size);
	point_inside(&slot->request, request);
	if (heads->slots[place])
		rpc_kept_release(&heads->slots[place]->kept);
	heads->slots[place] = slot;
}
