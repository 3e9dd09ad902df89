/* Attachments as headers. */
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_edits.h"
#include "codec/hessian2_string.h"
#include "codec/http1_scan.h"
#include "codec/rpc_text.h"

#define PREFIX "attachment:"

bool dubbo_attachment_is_reserved(struct slice name)
{
	return reserved_name_is(name, known_name_find(name));
}

bool dubbo_header_is_reserved(const struct header *h)
{
	return reserved_name_is(header_name(h), (enum header_id)h->id);
}

/* Of a name in lower case; '%' begins what is encoded. */
static bool is_token(char c)
{
	return (http1_class[(uint8_t)c] & HTTP1_TOKEN) && c != '%';
}

static char *put_encoded(char *to, char c, const char *hex)
{

	*to++ = '%';
	*to++ = hex[(unsigned char)c >> 4];
	*to++ = hex[c & 15];
	return to;
}

/* A value holds no control characters. */
static struct slice safe_value(struct slice text, struct arena *arena)
{
	if (!text.len || hessian2_is_printable_ascii((const uint8_t *)text.data, text.len))
		return text;
	char *safe = arena_alloc(arena, 3 * text.len), *to = safe;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x20 || c == 0x7f)
			to = put_encoded(to, text.data[i], "0123456789ABCDEF");
		else
			*to++ = text.data[i];
	}
	return slice_make(safe, (size_t)(to - safe));
}

static struct slice lower_case(struct slice text, struct arena *arena)
{
	size_t same = 0;

	while (same < text.len && text.data[same] == slice_lower_char(text.data[same]))
		same++;
	if (LIKELY(same == text.len))
		return text;
	char *lower = arena_alloc(arena, text.len);

	for (size_t i = 0; i < text.len; i++)
		lower[i] = slice_lower_char(text.data[i]);
	return slice_make(lower, text.len);
}

/* A name is a token; a ':' may begin it. text is in lower case. */
static struct slice safe_name(struct slice text, struct arena *arena)
{
	size_t same = text.len && *text.data == ':';

	while (same < text.len && is_token(text.data[same]))
		same++;
	if (LIKELY(same == text.len))
		return text;
	char *safe = arena_alloc(arena, 3 * text.len), *to = safe;

	for (size_t i = 0; i < text.len; i++) {
		if (is_token(text.data[i]) || (text.data[i] == ':' && !i))
			*to++ = text.data[i];
		else
			to = put_encoded(to, text.data[i], "0123456789abcdef");
	}
	return slice_make(safe, (size_t)(to - safe));
}

static struct slice with_prefix(struct slice name, struct arena *arena)
{
	char *text = arena_alloc(arena, sizeof PREFIX - 1 + name.len);

	memcpy(text, PREFIX, sizeof PREFIX - 1);
	memcpy(text + sizeof PREFIX - 1, name.data, name.len);
	return slice_make(text, sizeof PREFIX - 1 + name.len);
}

/* --- their Triple names, and what else a proxy acts on */

/* A number of milliseconds; 0: none. */
static uint32_t duration_of(struct slice text)
{
	uint64_t ms;

	if (!text.data || !slice_to_uint64(text, &ms))
		return 0;
	return ms > INT32_MAX ? INT32_MAX : (uint32_t)ms;
}

enum fact { GROUP, TIMEOUT, COUNTDOWN, APPLICATION, REMOTE, TAG, FORCE_TAG, FACTS };

/* The fact of that name; FACTS: none. No two names are of one length. */
static enum fact fact_of(struct slice name)
{
	static const struct slice names[FACTS] = {
		[GROUP] = SLICE("group"),
		[TIMEOUT] = SLICE("timeout"),
		[COUNTDOWN] = SLICE("_TO"), /* what is left of the caller's own time */
		[APPLICATION] = SLICE("application"),
		[REMOTE] = SLICE("remote.application"),
		[TAG] = SLICE("dubbo.tag"),
		[FORCE_TAG] = SLICE("dubbo.force.tag"),
	};
	static const uint8_t by_len[] = {
		[3] = COUNTDOWN + 1,    [5] = GROUP + 1,      [7] = TIMEOUT + 1, [9] = TAG + 1,
		[11] = APPLICATION + 1, [15] = FORCE_TAG + 1, [18] = REMOTE + 1,
	};
	unsigned at = name.len < sizeof by_len ? by_len[name.len] : 0;

	return at && *name.data == *names[at - 1].data &&
			       !memcmp(name.data, names[at - 1].data, name.len)
		       ? (enum fact)(at - 1)
		       : FACTS;
}

/* Java asks for these names in this very case, and the last of a name is what it gets. */
void dubbo_attachments_facts(const struct rpc_head *rpc, struct arena *arena,
			     struct dubbo_facts *facts)
{
	struct slice values[FACTS] = {{NULL, 0}};

	for (uint32_t i = 0; i < rpc->attachment_count; i++) {
		enum fact fact = fact_of(rpc->attachments[i].name);
		if (UNLIKELY(fact != FACTS))
			values[fact] = rpc->attachments[i].value;
	}
	uint32_t timeout = duration_of(values[TIMEOUT]), left = duration_of(values[COUNTDOWN]);
	bool is_left_shorter = left && (!timeout || left < timeout);
	*facts = (struct dubbo_facts){
		.group = values[GROUP],
		.timeout = values[is_left_shorter ? COUNTDOWN : TIMEOUT],
		.application = values[REMOTE].data ? values[REMOTE] : values[APPLICATION],
		.tag = values[TAG],
		.timeout_ms = is_left_shorter ? left : timeout,
		.is_tag_forced = slice_equal_nocase(values[FORCE_TAG], SLICE("true")),
	};
	if (LIKELY(rpc->plain_map.data != NULL))
		return;
	facts->group = safe_value(facts->group, arena);
	facts->timeout = safe_value(facts->timeout, arena);
	facts->application = safe_value(facts->application, arena);
}

static void set_header(struct headers *headers, enum header_id id, struct slice value)
{
	if (value.data)
		headers_set_id(headers, id, value);
}

static void set_names(struct headers *headers)
{
	struct rpc_head *rpc = headers->rpc;
	struct dubbo_facts facts;

	dubbo_attachments_facts(rpc, headers->arena, &facts);
	rpc->timeout_ms = facts.timeout_ms;
	rpc->tag = facts.tag;
	rpc->is_tag_forced = facts.is_tag_forced;
	set_header(headers, HEADER_TRI_SERVICE_GROUP, facts.group);
	set_header(headers, HEADER_TRI_SERVICE_TIMEOUT, facts.timeout);
	set_header(headers, HEADER_TRI_CONSUMER_APPNAME, facts.application);
}

void dubbo_attachments_name(struct headers *headers)
{
	bool was_edited = dubbo_may_be_edited(headers);

	set_names(headers);
	dubbo_attachments_note(headers, headers->count, was_edited);
}

/* --- groups: attachments whose names differ by case only share a header */

struct group {
	struct slice name; /* lower case */
	struct slice value;
	bool is_exact; /* the value's own name is in lower case */
};

struct groups {
	struct group *items;
	uint32_t count, mask;
	uint32_t *places; /* by hash: index + 1 */
};

static uint32_t hash(struct slice name)
{
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		sum = (sum ^ (uint8_t)name.data[i]) * 16777619u;
	return sum ^ sum >> 15;
}

static void groups_init(struct groups *groups, uint32_t most, struct arena *arena)
{
	uint32_t size = 16;

	while (size < most * 2)
		size *= 2;
	*groups = (struct groups){.mask = size - 1};
	groups->items = arena_alloc(arena, most * sizeof *groups->items);
	groups->places = arena_zalloc(arena, size * sizeof *groups->places);
}

/* What rpc_attachment_find would find is what stays: the last of the very name, else the last. */
static void groups_add(struct groups *groups, const struct rpc_attachment *item,
		       struct arena *arena)
{
	struct slice lower = lower_case(item->name, arena);
	bool is_exact = slice_equal(lower, item->name);
	uint32_t at = hash(lower) & groups->mask;

	while (groups->places[at]) {
		struct group *group = &groups->items[groups->places[at] - 1];
		if (slice_equal(group->name, lower)) {
			if (is_exact || !group->is_exact)
				group->value = item->value;
			group->is_exact |= is_exact;
			return;
		}
		at = (at + 1) & groups->mask;
	}
	groups->items[groups->count++] = (struct group){lower, item->value, is_exact};
	groups->places[at] = groups->count;
}

/* Whether a header that is no attachment's had that name when attachments became headers. */
static bool has_own(const struct rpc_received *received, struct slice name, enum header_id id)
{
	if (id != HEADER_OTHER && !(received->present[id >> 6] >> (id & 63) & 1))
		return false;
	for (uint32_t i = 0; i < received->own; i++)
		if (received->items[i].id == id &&
		    (id != HEADER_OTHER || slice_equal(header_name(&received->items[i]), name)))
			return true;
	return false;
}

static void add_header(struct headers *headers, struct slice name, struct slice value)
{
	enum header_id id = known_name_find(name);

	if (UNLIKELY(reserved_name_is(name, id) || has_own(headers->rpc->received, name, id)))
		headers_add(headers, with_prefix(name, headers->arena), value);
	else
		headers_add_found(headers, id, name, value);
}

/* Any attachments. */
static COLD void add_all(struct headers *headers)
{
	const struct rpc_head *rpc = headers->rpc;
	struct arena *arena = headers->arena;
	struct groups groups;

	groups_init(&groups, rpc->attachment_count, arena);
	for (uint32_t i = 0; i < rpc->attachment_count; i++)
		groups_add(&groups, &rpc->attachments[i], arena);
	for (uint32_t i = 0; i < groups.count; i++) {
		struct slice name = safe_name(groups.items[i].name, arena);
		if (!name.len || name.len > DUBBO_ATTACHMENT_NAME_LIMIT)
			continue;
		struct slice value = safe_value(groups.items[i].value, arena);
		add_header(headers, name, value.data ? value : SLICE(""));
	}
}

static inline uint64_t mark_of(struct slice name)
{
	unsigned first = (uint8_t)name.data[0], last = (uint8_t)name.data[name.len - 1];

	return UINT64_C(1) << ((name.len * 5 + first * 3 + last) & 63);
}

/* Whether it is one of the first `count`, in whatever case. */
static bool is_among(const struct rpc_head *rpc, uint32_t count, struct slice name)
{
	for (uint32_t i = 0; i < count; i++)
		if (UNLIKELY(rpc->attachments[i].name.len == name.len) &&
		    slice_equal_nocase(rpc->attachments[i].name, name))
			return true;
	return false;
}

enum { FEW = 128 }; /* each is compared with those before it */

/* Attachments of a plain map: each with a usual name, which is there once. False: one is another;
 * those before it may have been added. */
static bool add_plain(struct headers *headers)
{
	const struct rpc_head *rpc = headers->rpc;
	uint64_t marks = 0;

	for (uint32_t i = 0; i < rpc->attachment_count; i++) {
		const struct rpc_attachment *item = &rpc->attachments[i];
		struct slice name = item->name;
		if (UNLIKELY(!rpc_text_is_lower_name(name.data, name.len))) {
			if (!rpc_text_is_name(name.data, name.len))
				return false;
			name = lower_case(name, headers->arena);
		}
		if (UNLIKELY(!name.len || name.len > DUBBO_ATTACHMENT_NAME_LIMIT))
			return false;
		uint64_t mark = mark_of(name);
		if (UNLIKELY(marks & mark) && is_among(rpc, i, name))
			return false;
		marks |= mark;
		add_header(headers, name, item->value);
	}
	return true;
}

static void add_headers(struct headers *headers)
{
	uint64_t present[] = {headers->present[0], headers->present[1]};
	uint32_t count = headers->count;

	headers_reserve(headers, headers->rpc->attachment_count);
	if (headers->rpc->plain_map.data && headers->rpc->attachment_count <= FEW &&
	    LIKELY(add_plain(headers)))
		return;
	headers->count = count;
	memcpy(headers->present, present, sizeof present);
	add_all(headers);
}

/* --- what was received */

static struct rpc_received *received_new(struct arena *arena, uint32_t count)
{
	struct rpc_received *received =
		arena_alloc(arena, sizeof *received + count * sizeof *received->items);

	received->count = count;
	received->items = (const struct header *)(received + 1);
	return received;
}

static void put_items(struct rpc_received *received, uint32_t at, const struct header *items,
		      uint32_t count)
{
	memcpy((struct header *)(received + 1) + at, items, count * sizeof *items);
}

void dubbo_attachments_note(struct headers *headers, uint32_t own, bool was_edited)
{
	struct rpc_received *received = received_new(headers->arena, headers->count);

	put_items(received, 0, headers->items, headers->count);
	received->own = own;
	received->present[0] = headers->present[0];
	received->present[1] = headers->present[1];
	received->was_edited = was_edited;
	headers->rpc->received = received;
}

/* The headers from `from` on are attachments'. What was added before them is an edit. */
static void note_attachments(struct headers *headers, uint32_t from)
{
	const struct rpc_received *old = headers->rpc->received;
	struct rpc_received *received = received_new(headers->arena, headers->count);

	put_items(received, 0, old->items, old->own);
	put_items(received, old->own, headers->items + old->own, headers->count - old->own);
	received->own = from;
	received->present[0] = old->present[0];
	received->present[1] = old->present[1];
	received->was_edited = old->was_edited || from > old->own;
	headers->rpc->received = received;
}

/* --- when somebody asks */

/* Whether a header of that name may be an attachment's. */
static bool may_be_one(const struct rpc_head *rpc, struct slice name)
{
	return !rpc->plain_map.data || slice_starts_with(name, SLICE(PREFIX)) ||
	       slice_find_char(name, '%', 0) < name.len ||
	       is_among(rpc, rpc->attachment_count, name);
}

static void ask_rest(struct headers *headers, struct slice name)
{
	uint32_t from = headers->count;

	if (name.data && !may_be_one(headers->rpc, name))
		return;
	headers->ask_rest = NULL;
	add_headers(headers);
	note_attachments(headers, from);
}

void dubbo_attachments_publish(struct headers *headers)
{
	struct rpc_head *rpc = headers->rpc;

	if (rpc->has_attachment_headers)
		return;
	bool was_edited = dubbo_may_be_edited(headers);
	rpc->has_attachment_headers = true;
	if (rpc->is_unnamed)
		set_names(headers);
	rpc->is_unnamed = false;
	dubbo_attachments_note(headers, headers->count, was_edited);
	if (rpc->attachment_count)
		headers->ask_rest = ask_rest;
}

/* --- and back */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct slice dubbo_attachment_of_header(struct slice name, struct arena *arena)
{
	if (slice_starts_with(name, SLICE(PREFIX)))
		name = slice_sub(name, sizeof PREFIX - 1, name.len);
	else if (dubbo_attachment_is_reserved(name))
		return (struct slice){NULL, 0};
	if (!memchr(name.data, '%', name.len))
		return name;
	char *text = arena_alloc(arena, name.len), *to = text;
	for (size_t i = 0; i < name.len; i++) {
		int high =
			name.data[i] == '%' && i + 2 < name.len ? hex_digit(name.data[i + 1]) : -1;
		int low = high < 0 ? -1 : hex_digit(name.data[i + 2]);
		if (low < 0) {
			*to++ = name.data[i];
			continue;
		}
		*to++ = (char)(high << 4 | low);
		i += 2;
	}
	return slice_make(text, (size_t)(to - text));
}
