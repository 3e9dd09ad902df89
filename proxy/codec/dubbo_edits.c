#include "codec/dubbo_edits.h"

#include "codec/dubbo_attachments.h"

void dubbo_edits_add(struct dubbo_edits *edits, struct dubbo_edit edit)
{
	for (uint32_t i = 0; i < edits->count; i++) {
		if (slice_equal(edits->items[i].name, edit.name)) {
			edits->items[i] = edit;
			return;
		}
	}
	if (edits->count == edits->capacity) {
		uint32_t capacity = edits->capacity ? edits->capacity * 2 : 8;
		struct dubbo_edit *items = arena_alloc(edits->arena, capacity * sizeof *items);
		if (edits->count)
			memcpy(items, edits->items, edits->count * sizeof *items);
		edits->items = items;
		edits->capacity = capacity;
	}
	edits->items[edits->count++] = edit;
}

/* --- attachments */

/* Names that weren't touched lie in the same place. */
static inline bool has_same_name(const struct header *a, const struct header *b)
{
	return a->name_len == b->name_len &&
	       (a->name == b->name || !memcmp(a->name, b->name, a->name_len));
}

/* The header in the place of one received, or NULL if it is there no more. */
static const struct header *now_of(const struct headers *headers, const struct header *old,
				   uint32_t place)
{
	if (place < headers->count) {
		const struct header *h = &headers->items[place];
		if (h->id != HEADER_REMOVED && has_same_name(h, old))
			return h;
	}
	return headers_find(headers, header_name(old));
}

static bool is_same_value(const struct header *a, const struct header *b)
{
	return a->value_len == b->value_len &&
	       (a->value == b->value || !memcmp(a->value, b->value, a->value_len));
}

static void set_or_remove(struct dubbo_edits *edits, const struct headers *headers,
			  struct slice name, bool is_answer)
{
	struct slice attachment = dubbo_attachment_of_header(name, edits->arena);
	const struct header *h = headers_find(headers, name);
	struct dubbo_edit edit = {.name = attachment, .kind = DUBBO_EDIT_REMOVE};

	if (!attachment.len || (is_answer && slice_equal(attachment, SLICE("dubbo"))))
		return;
	if (h) {
		edit.kind = DUBBO_EDIT_SET;
		edit.value = headers_find_next(headers, h)
				     ? headers_get_joined(headers, name, edits->arena)
				     : header_value(h);
		if (h->flags & HEADER_HAS_ORIGINAL)
			edit.fallback = slice_make(h->name + h->name_len, h->name_len);
	}
	dubbo_edits_add(edits, edit);
}

/* Headers that stood for an attachment and have another value, or are there no more. */
static void compare_received(struct dubbo_edits *edits, const struct headers *headers,
			     bool is_answer)
{
	const struct rpc_received *received = headers->rpc->received;

	for (uint32_t i = received->own; i < received->count; i++) {
		const struct header *old = &received->items[i], *now = now_of(headers, old, i);
		if (!now || !is_same_value(old, now))
			set_or_remove(edits, headers, header_name(old), is_answer);
	}
}

/* Whether each header stands where it was received: not in a copy that others were removed from. */
static bool are_in_place(const struct headers *headers)
{
	const struct rpc_received *received = headers->rpc->received;

	if (headers->count < received->count)
		return false;
	for (uint32_t i = 0; i < received->count; i++)
		if (!has_same_name(&headers->items[i], &received->items[i]))
			return false;
	return true;
}

static bool was_received(const struct rpc_received *received, struct slice name)
{
	for (uint32_t i = received->own; i < received->count; i++)
		if (slice_equal(header_name(&received->items[i]), name))
			return true;
	return false;
}

/* Headers that stood for none, and further values of those that did. */
static void find_added(struct dubbo_edits *edits, const struct headers *headers, bool is_answer)
{
	const struct rpc_received *received = headers->rpc->received;
	bool in_place = received && are_in_place(headers);

	for (uint32_t i = 0; i < headers->count; i++) {
		const struct header *h = &headers->items[i];
		struct slice name = header_name(h);
		if (in_place && i >= received->own && i < received->count)
			continue;
		bool is_seen = received && !in_place && headers_find(headers, name) == h &&
			       was_received(received, name);
		if (h->id != HEADER_REMOVED && !is_seen && !dubbo_header_is_reserved(h))
			set_or_remove(edits, headers, name, is_answer);
	}
}

/* The only header behind those received, whose name no attachment has: it is one more. */
static void take_new(struct dubbo_edits *edits, const struct header *h)
{
	struct dubbo_edit edit = {.name = header_name(h), .value = header_value(h)};

	if (h->flags & HEADER_HAS_ORIGINAL)
		edit.fallback = slice_make(h->name + h->name_len, h->name_len);
	dubbo_edits_add(edits, edit);
	edits->only_adds = true;
}

/* All that was received is as it was: what is new stands behind it. */
static void take_added(struct dubbo_edits *edits, const struct headers *headers, bool is_answer)
{
	uint32_t from = headers->rpc->received->count;

	for (uint32_t i = from; i < headers->count; i++) {
		const struct header *h = &headers->items[i];
		if (h->id == HEADER_REMOVED || dubbo_header_is_reserved(h))
			continue;
		if (headers->ask_rest && headers->count == from + 1 && !is_answer)
			take_new(edits, h);
		else
			set_or_remove(edits, headers, header_name(h), is_answer);
	}
}

void dubbo_edits_of_headers(struct dubbo_edits *edits, const struct headers *headers,
			    bool is_answer)
{
	const struct rpc_received *received = headers->rpc->received;

	if (received && dubbo_headers_begin_alike(headers, received, received->count)) {
		take_added(edits, headers, is_answer);
		return;
	}
	if (received)
		compare_received(edits, headers, is_answer);
	find_added(edits, headers, is_answer);
}

/* --- fields */

static inline struct slice last_value(const struct dubbo_edits *edits, struct slice name)
{
	for (uint32_t i = edits->count; i--;)
		if (edits->items[i].kind == DUBBO_EDIT_SET &&
		    slice_equal(edits->items[i].name, name))
			return edits->items[i].value;
	return (struct slice){NULL, 0};
}

/* ":path" is "/service/method", with a query that some filter may have added. */
static void compare_path(struct dubbo_edits *edits, const struct headers *headers)
{
	const struct rpc_head *rpc = headers->rpc;
	struct slice path = headers_get(headers, HEADER_PATH);

	path = slice_sub(path, 0, slice_find_char(path, '?', 0));
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
	if (!slash || slash == path.data || path.data[0] != '/')
		return;
	size_t at = (size_t)(slash - path.data);
	struct slice service = slice_sub(path, 1, at), method = slice_sub(path, at + 1, path.len);
	if (service.len && !slice_equal(service, rpc->service))
		edits->service = service;
	if (method.len && !slice_equal(method, rpc->method))
		edits->method = method;
}

static void compare_authority(struct dubbo_edits *edits, const struct headers *headers)
{
	struct slice authority = headers_get(headers, HEADER_AUTHORITY);

	if (!edits->service.data && authority.len && !slice_equal(authority, headers->rpc->service))
		edits->service = authority;
}

static void compare_version(struct dubbo_edits *edits, const struct headers *headers)
{
	const struct rpc_head *rpc = headers->rpc;
	struct slice version = headers_get(headers, HEADER_TRI_SERVICE_VERSION);
	bool was_header = rpc->service_version.len > 0;

	if (version.data ? !slice_equal(version, rpc->service_version) : was_header)
		edits->service_version = version.len ? version : SLICE("0.0.0");
}

/* Whether an attachment may be edited that stands for a field: their names have lengths of their
 * own among those of most. */
static inline bool may_name_field(const struct dubbo_edits *edits)
{
	for (uint32_t i = 0; i < edits->count; i++) {
		size_t len = edits->items[i].name.len;
		if (len == sizeof "path" - 1 || len == sizeof "version" - 1 ||
		    len == sizeof "interface" - 1)
			return true;
	}
	return false;
}

/* What an attachment's own edit says of the service, and what the service's says of attachments. */
static inline void settle_service(struct dubbo_edits *edits)
{
	if (!edits->service.data)
		edits->service = last_value(edits, SLICE("path"));
	if (!edits->service.data)
		edits->service = last_value(edits, SLICE("interface"));
	if (!edits->service.data)
		return;
	edits->only_adds = false;
	dubbo_edits_add(edits, (struct dubbo_edit){.name = SLICE("path"),
						   .value = edits->service,
						   .kind = DUBBO_EDIT_SET_OLD});
	dubbo_edits_add(edits, (struct dubbo_edit){.name = SLICE("interface"),
						   .value = edits->service,
						   .kind = DUBBO_EDIT_SET_OLD});
}

static void settle_version(struct dubbo_edits *edits)
{
	if (!edits->service_version.data)
		edits->service_version = last_value(edits, SLICE("version"));
	if (!edits->service_version.data)
		return;
	edits->only_adds = false;
	dubbo_edits_add(edits, (struct dubbo_edit){.name = SLICE("version"),
						   .value = edits->service_version,
						   .kind = DUBBO_EDIT_SET_OLD});
}

/* A header that stands for attachments of other names; old: what they say, .data NULL if they were
 * not read. */
static void compare_name(struct dubbo_edits *edits, const struct headers *headers,
			 enum header_id id, struct slice old, struct slice name, struct slice other)
{
	struct slice value = headers_get(headers, id);
	bool is_gone = !value.len;

	if (is_gone ? !old.len : old.data && slice_equal(old, value))
		return;
	dubbo_edits_add(edits,
			(struct dubbo_edit){.name = name,
					    .value = value,
					    .kind = is_gone ? DUBBO_EDIT_REMOVE : DUBBO_EDIT_SET});
	if (other.len)
		dubbo_edits_add(edits, (struct dubbo_edit){.name = other,
							   .value = value,
							   .kind = is_gone ? DUBBO_EDIT_REMOVE_OLD
									   : DUBBO_EDIT_SET_OLD});
}

static void compare_names(struct dubbo_edits *edits, const struct headers *headers)
{
	struct dubbo_facts facts;

	dubbo_attachments_facts(headers->rpc, edits->arena, &facts);
	compare_name(edits, headers, HEADER_TRI_SERVICE_GROUP, facts.group, SLICE("group"),
		     SLICE(""));
	compare_name(edits, headers, HEADER_TRI_SERVICE_TIMEOUT, facts.timeout, SLICE("timeout"),
		     SLICE("_TO"));
	compare_name(edits, headers, HEADER_TRI_CONSUMER_APPNAME, facts.application,
		     SLICE("remote.application"), SLICE("application"));
}

/* Headers that stand for fields and for attachments of other names. */
#define MEANT_BITS(word)                                                                           \
	(HEADER_ID_BIT(HEADER_PATH, word) | HEADER_ID_BIT(HEADER_AUTHORITY, word) |                \
	 HEADER_ID_BIT(HEADER_TRI_SERVICE_VERSION, word) |                                         \
	 HEADER_ID_BIT(HEADER_TRI_SERVICE_GROUP, word) |                                           \
	 HEADER_ID_BIT(HEADER_TRI_SERVICE_TIMEOUT, word) |                                         \
	 HEADER_ID_BIT(HEADER_TRI_CONSUMER_APPNAME, word))

bool dubbo_is_head_unedited(const struct headers *headers)
{
	const struct rpc_received *received = headers->rpc->received;

	return received && dubbo_headers_begin_alike(headers, received, received->own) &&
	       !((headers->present[0] ^ received->present[0]) & MEANT_BITS(0)) &&
	       !((headers->present[1] ^ received->present[1]) & MEANT_BITS(1));
}

bool dubbo_edits_find(struct dubbo_edits *edits, const struct headers *headers, bool is_answer,
		      struct arena *arena)
{
	*edits = (struct dubbo_edits){.head = headers->rpc, .arena = arena};
	dubbo_edits_of_headers(edits, headers, is_answer);
	if (!is_answer) {
		bool differs = !dubbo_is_head_unedited(headers);
		if (differs) {
			compare_path(edits, headers);
			compare_authority(edits, headers);
			compare_version(edits, headers);
		}
		if (differs || may_name_field(edits)) {
			settle_service(edits);
			settle_version(edits);
		}
		if (differs) {
			edits->only_adds = false;
			compare_names(edits, headers);
		}
	}
	return edits->count || edits->service.data || edits->service_version.data ||
	       edits->method.data;
}
