#include "codec/dubbo_heads.h"

#include <stdlib.h>

#include "codec/dubbo_arguments.h"
#include "codec/dubbo_frame.h"

struct dubbo_head_slot {
	struct rpc_kept kept;
	uint32_t key_len, size; /* size: of the request with its text */
	char key[DUBBO_HEAD_KEY + 1];
	struct dubbo_request request; /* pointers into itself are set in each copy */
};

/* The places of the items in a request made here. */
enum { ITEM_METHOD, ITEM_SCHEME, ITEM_AUTHORITY, ITEM_PATH, ITEM_PROTOCOL, ITEM_VERSION };

/* --- answers */

/* The HTTP status that retry policies and outlier detection see. An exception of the service is a
 * success of the transport. */
static struct slice http_status(uint8_t status)
{
	switch (status) {
	case DUBBO_BAD_REQUEST:
	case DUBBO_SERIALIZATION_ERROR:
		return SLICE("400");
	case DUBBO_SERVICE_NOT_FOUND:
		return SLICE("404");
	case DUBBO_BAD_RESPONSE:
		return SLICE("502");
	case DUBBO_CHANNEL_INACTIVE:
	case DUBBO_SERVER_ERROR:
	case DUBBO_THREADPOOL_EXHAUSTED:
		return SLICE("503");
	case DUBBO_CLIENT_TIMEOUT:
	case DUBBO_SERVER_TIMEOUT:
		return SLICE("504");
	default: /* SERVICE_ERROR, CLIENT_ERROR, and what Dubbo may yet invent */
		return SLICE("500");
	}
}

/* What headers_init and headers_add_id make of one header, without asking. */
static inline void one_header(struct headers *headers, struct header *items, uint32_t capacity,
			      struct arena *arena, const struct header *only)
{
	items[0] = *only;
	headers->items = items;
	headers->count = 1;
	headers->capacity = capacity;
	headers->arena = arena;
	headers->present[0] = headers->present[1] = 0;
	headers->ask_rest = NULL;
	headers->present[only->id >> 6] = UINT64_C(1) << (only->id & 63);
	headers->first[only->id] = 0;
}

static const struct header status_200 = {
	.name = ":status",
	.name_len = sizeof ":status" - 1,
	.value = "200",
	.value_len = 3,
	.id = HEADER_STATUS,
};

struct dubbo_answer *dubbo_answer_make(uint8_t status, struct arena *arena)
{
	struct dubbo_answer *answer = arena_alloc(arena, sizeof *answer);

	one_header(&answer->headers, answer->items, DUBBO_ANSWER_ITEMS, arena, &status_200);
	if (UNLIKELY(status != DUBBO_OK))
		headers_set_id(&answer->headers, HEADER_STATUS, http_status(status));
	answer->head = (struct rpc_head){
		.protocol = RPC_DUBBO, .status = status, .result = RPC_RESULT_UNKNOWN};
	answer->headers.rpc = &answer->head;
	return answer;
}

/* --- requests */

void dubbo_heads_fini(struct dubbo_heads *heads)
{
	for (unsigned i = 0; i < DUBBO_HEAD_SLOTS; i++)
		if (heads->slots[i])
			rpc_kept_release(&heads->slots[i]->kept);
	hessian2_known_fini(&heads->known);
	dubbo_heads_init(heads);
}

static size_t text_len(const struct rpc_head *head)
{
	return head->service.len + head->method.len + 2 + head->protocol_version.len +
	       head->service_version.len + head->param_types.len;
}

/* Lets everything in the request point into its own block. */
static inline void point_inside(struct dubbo_request *request, struct arena *arena)
{
	struct rpc_head *head = &request->head;
	char *to = request->text;

	request->headers.items = request->items;
	request->headers.arena = arena;
	request->headers.rpc = head;
	request->items[ITEM_PATH].value = to;
	head->service.data = ++to;
	request->items[ITEM_AUTHORITY].value = to;
	to += head->service.len + 1;
	head->method.data = to;
	to += head->method.len;
	if (head->protocol_version.data)
		head->protocol_version.data = to;
	to += head->protocol_version.len;
	if (head->service_version.data)
		head->service_version.data = to;
	request->items[ITEM_VERSION].value = to; /* beyond the count if there is none */
	to += head->service_version.len;
	head->param_types.data = to;
}

static char *put(char *to, struct slice s)
{
	if (s.len)
		memcpy(to, s.data, s.len);
	return to + s.len;
}

struct dubbo_request *dubbo_request_make(const struct rpc_head *head, struct arena *arena)
{
	struct dubbo_request *request = arena_alloc(arena, sizeof *request + text_len(head));
	struct headers *headers = &request->headers;
	char *to = request->text;

	*to++ = '/';
	to = put(to, head->service);
	*to++ = '/';
	to = put(to, head->method);
	struct slice path = slice_make(request->text, (size_t)(to - request->text));
	to = put(to, head->protocol_version);
	to = put(to, head->service_version);
	put(to, head->param_types);

	request->head = *head;
	request->gathered.pool = NULL;
	request->edits = NULL;
	headers_init(headers, arena, 0);
	headers->items = request->items;
	headers->capacity = DUBBO_HEAD_ITEMS;
	headers_add_id(headers, HEADER_METHOD, SLICE("POST"));
	headers_add_id(headers, HEADER_SCHEME, SLICE("dubbo"));
	headers_add_id(headers, HEADER_AUTHORITY, head->service);
	headers_add_id(headers, HEADER_PATH, path);
	headers_add_id(headers, HEADER_PROTOCOL, SLICE("dubbo"));
	if (head->service_version.len)
		headers_add_id(headers, HEADER_TRI_SERVICE_VERSION, head->service_version);
	point_inside(request, arena);
	return request;
}

/* --- keys */

static inline uint64_t load8(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* Length of the five strings and, in the high half, their slot. version, method: where these
 * strings begin; the service's name ends there, too. */
static inline uint64_t key_make(struct slice payload, size_t version, size_t method, size_t end)
{
	uint64_t hash = load8(payload.data + version - 16) * 31 + load8(payload.data + version - 8);

	hash = (hash ^ load8(payload.data + method) << 1) * UINT64_C(0x9e3779b97f4a7c15);
	return (hash >> 58) % DUBBO_HEAD_SLOTS << 32 | end;
}

/* The end of the string at `at`, taken for one in ASCII; 0 when it isn't, or is cut. */
static inline size_t string_end(struct slice payload, size_t at)
{
	if (at + 1 >= payload.len)
		return 0;
	uint8_t tag = (uint8_t)payload.data[at];
	if (tag < 0x20)
		return at + 1 + tag;
	return (tag & 0xfc) == 0x30
		       ? at + 2 + ((size_t)(tag & 3) << 8 | (uint8_t)payload.data[at + 1])
		       : 0;
}

static COLD uint64_t key_find_slowly(struct slice payload)
{
	size_t service, version, method, types, end;

	if (!(service = string_end(payload, 0)) || !(version = string_end(payload, service)) ||
	    !(method = string_end(payload, version)) || !(types = string_end(payload, method)) ||
	    !(end = string_end(payload, types)) || end > DUBBO_HEAD_KEY || end > payload.len ||
	    version < 16 || method + 8 > payload.len)
		return 0;
	return key_make(payload, version, method, end);
}

/* 0 when there is no key. Names of methods and versions are shorter than 32 bytes, mostly; those of
 * services and parameter types often aren't. */
static inline uint64_t key_find(struct slice payload)
{
	const uint8_t *p = (const uint8_t *)payload.data;
	size_t len = payload.len, service, version, method, types, end;

	if (UNLIKELY(!len || p[0] >= 0x20 || (service = 1u + p[0]) >= len ||
		     !(version = string_end(payload, service)) || version >= len ||
		     p[version] >= 0x20 || (method = version + 1 + p[version]) + 8 >= len ||
		     p[method] >= 0x20 || (types = method + 1 + p[method]) >= len ||
		     !(end = string_end(payload, types)) || end > len || end > DUBBO_HEAD_KEY ||
		     version < 16))
		return key_find_slowly(payload);
	return key_make(payload, version, method, end);
}

struct rpc_kept *dubbo_heads_find(const struct dubbo_heads *heads, struct slice payload,
				  uint8_t *latest)
{
	struct dubbo_head_slot *slot = heads->slots[*latest];

	/* Five whole strings: a payload that begins with them begins with no others. */
	if (slot && slot->key_len <= payload.len && !memcmp(slot->key, payload.data, slot->key_len))
		return &slot->kept;
	uint64_t key = key_find(payload);
	slot = heads->slots[ *latest = (uint8_t)(key >> 32)];
	if (UNLIKELY(!slot || slot->key_len != (uint32_t)key ||
		     memcmp(slot->key, payload.data, (uint32_t)key)))
		return NULL;
	return &slot->kept;
}

struct dubbo_request *dubbo_request_copy(struct rpc_kept *kept, bool is_oneway, struct arena *arena)
{
	struct dubbo_head_slot *slot = container_of(kept, struct dubbo_head_slot, kept);
	struct dubbo_request *request = arena_alloc(arena, slot->size);

	memcpy(request, &slot->request, slot->size);
	point_inside(request, arena);
	request->head.is_oneway = is_oneway;
	request->head.memo = &kept->memo;
	return request;
}

const struct rpc_head *dubbo_kept_head(const struct rpc_kept *kept)
{
	return &container_of(kept, const struct dubbo_head_slot, kept)->request.head;
}

void dubbo_heads_keep(struct dubbo_heads *heads, struct slice payload,
		      const struct dubbo_request *request)
{
	const struct rpc_head *head = &request->head;
	bool is_plain = head->serialization == DUBBO_HESSIAN2 && head->kind != RPC_CALL_GENERIC;
	uint64_t key = is_plain ? key_find_slowly(payload) : 0;
	uint32_t key_len = (uint32_t)key;

	if (!key_len || key_len != head->arguments_at)
		return;
	size_t size = sizeof *request + text_len(head);
	struct dubbo_head_slot *old = heads->slots[key >> 32];
	struct dubbo_head_slot *slot = malloc(offsetof(struct dubbo_head_slot, request) + size);
	invariant(slot);
	slot->kept = (struct rpc_kept){.holds = 1};
	slot->key_len = key_len;
	slot->size = (uint32_t)size;
	memcpy(slot->key, payload.data, key_len);
	memcpy(&slot->request, request, size);
	dubbo_argument_count(&slot->request.head);
	slot->request.head.known = &heads->known;
	heads->slots[key >> 32] = slot;
	if (old)
		rpc_kept_release(&old->kept);
}
