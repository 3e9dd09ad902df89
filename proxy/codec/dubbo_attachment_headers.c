/* Attachments as headers. */
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_edits.h"
#include "codec/hessian2_string.h"
#include "codec/http1_scan.h"

#define PREFIX "attachment:"

/* What an attachment's own name must not become. */
static const struct slice reserved_names[] = {
	SLICE("connection"),
	SLICE("content-length"),
	SLICE("expect"),
	SLICE("host"),
	SLICE("http2-settings"),
	SLICE("keep-alive"),
	SLICE("te"),
	SLICE("trailer"),
	SLICE("upgrade"),
	SLICE("x-request-id"),
	SLICE("transfer-encoding"),
	SLICE("proxy-connection"),
	SLICE("x-client-trace-id"),
};
static const struct slice reserved_prefixes[] = {SLICE(":"), SLICE("tri-"), SLICE("grpc-"),
						 SLICE("x-envoy-"), SLICE("x-forwarded-")};

bool dubbo_attachment_is_reserved(struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(reserved_names); i++)
		if (slice_equal(name, reserved_names[i]))
			return true;
	for (size_t i = 0; i < COUNT_OF(reserved_prefixes); i++)
		if (slice_starts_with(name, reserved_prefixes[i]))
			return true;
	return false;
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

static bool is_own(const struct headers *headers, uint32_t own, struct slice name)
{
	for (uint32_t i = 0; i < own; i++)
		if (headers->items[i].id != HEADER_REMOVED &&
		    slice_equal(header_name(&headers->items[i]), name))
			return true;
	return false;
}

void dubbo_attachments_publish(struct headers *headers)
{
	struct rpc_head *rpc = headers->rpc;
	struct arena *arena = headers->arena;
	uint32_t own = headers->count; /* headers that aren't of an attachment */
	struct groups groups;

	if (rpc->has_attachment_headers)
		return;
	rpc->has_attachment_headers = true;
	bool was_edited = dubbo_may_be_edited(headers);
	groups_init(&groups, rpc->attachment_count, arena);
	for (uint32_t i = 0; i < rpc->attachment_count; i++)
		groups_add(&groups, &rpc->attachments[i], arena);
	for (uint32_t i = 0; i < groups.count; i++) {
		struct slice name = safe_name(groups.items[i].name, arena);
		if (!name.len || name.len > DUBBO_ATTACHMENT_NAME_LIMIT)
			continue;
		if (dubbo_attachment_is_reserved(name) || is_own(headers, own, name))
			name = with_prefix(name, arena);
		struct slice value = safe_value(groups.items[i].value, arena);
		headers_add(headers, name, value.data ? value : SLICE(""));
	}
	dubbo_attachments_note(headers, own, was_edited);
}

void dubbo_attachments_note(struct headers *headers, uint32_t own, bool was_edited)
{
	struct rpc_received *received = ARENA_NEW(headers->arena, struct rpc_received);
	struct header *items = arena_alloc(headers->arena, headers->count * sizeof *items);

	memcpy(items, headers->items, headers->count * sizeof *items);
	*received = (struct rpc_received){headers->count, own, items, was_edited};
	headers->rpc->received = received;
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
	struct slice values[FACTS + 1] = {{NULL, 0}};

	for (uint32_t i = 0; i < rpc->attachment_count; i++)
		values[fact_of(rpc->attachments[i].name)] = rpc->attachments[i].value;
	uint32_t timeout = duration_of(values[TIMEOUT]), left = duration_of(values[COUNTDOWN]);
	bool is_left_shorter = left && (!timeout || left < timeout);
	*facts = (struct dubbo_facts){
		.group = safe_value(values[GROUP], arena),
		.timeout = safe_value(values[is_left_shorter ? COUNTDOWN : TIMEOUT], arena),
		.application = safe_value(
			values[REMOTE].data ? values[REMOTE] : values[APPLICATION], arena),
		.tag = values[TAG],
		.timeout_ms = is_left_shorter ? left : timeout,
		.is_tag_forced = slice_equal_nocase(values[FORCE_TAG], SLICE("true")),
	};
}

static void set_header(struct headers *headers, enum header_id id, struct slice value)
{
	if (value.data)
		headers_set_id(headers, id, value);
}

void dubbo_attachments_name(struct headers *headers)
{
	struct rpc_head *rpc = headers->rpc;
	bool was_edited = dubbo_may_be_edited(headers);
	struct dubbo_facts facts;

	dubbo_attachments_facts(rpc, headers->arena, &facts);
	rpc->timeout_ms = facts.timeout_ms;
	rpc->tag = facts.tag;
	rpc->is_tag_forced = facts.is_tag_forced;
	set_header(headers, HEADER_TRI_SERVICE_GROUP, facts.group);
	set_header(headers, HEADER_TRI_SERVICE_TIMEOUT, facts.timeout);
	set_header(headers, HEADER_TRI_CONSUMER_APPNAME, facts.application);
	dubbo_attachments_note(headers, headers->count, was_edited);
}
