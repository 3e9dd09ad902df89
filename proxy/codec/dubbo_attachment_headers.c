/* Attachments as headers. */
#include "codec/dubbo_attachments.h"
#include "codec/hessian2_string.h"

/* What an attachment's own name must not become. */
static const char *const reserved_names[] = {
	"connection",
	"content-length",
	"expect",
	"host",
	"http2-settings",
	"keep-alive",
	"te",
	"trailer",
	"upgrade",
	"transfer-encoding",
	"proxy-connection",
	"x-request-id",
	"x-client-trace-id",
};
static const char *const reserved_prefixes[] = {":", "tri-", "grpc-", "x-envoy-", "x-forwarded-"};

static bool is_reserved(struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(reserved_names); i++)
		if (slice_equal(name, slice_of(reserved_names[i])))
			return true;
	for (size_t i = 0; i < COUNT_OF(reserved_prefixes); i++)
		if (slice_starts_with(name, slice_of(reserved_prefixes[i])))
			return true;
	return false;
}

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$&'*+-.^_`|~", c));
}

static char *put_encoded(char *to, char c)
{
	static const char hex[] = "0123456789ABCDEF";

	*to++ = '%';
	*to++ = hex[(unsigned char)c >> 4];
	*to++ = hex[c & 15];
	return to;
}

/* A value holds no control characters. */
static struct slice safe_value(struct slice text, struct arena *arena)
{
	if (!text.len || hessian2_is_printable_ascii((const uint8_t *)text.data, text.len))
		return text.data ? text : SLICE("");
	char *safe = arena_alloc(arena, 3 * text.len), *to = safe;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x20 || c == 0x7f)
			to = put_encoded(to, text.data[i]);
		else
			*to++ = text.data[i];
	}
	return slice_make(safe, (size_t)(to - safe));
}

static struct slice lower_case(struct slice text, struct arena *arena)
{
	char *lower = arena_alloc(arena, text.len);

	for (size_t i = 0; i < text.len; i++)
		lower[i] = slice_lower_char(text.data[i]);
	return slice_make(lower, text.len);
}

/* A name is a token; a ':' may begin it. text is in lower case. */
static struct slice safe_name(struct slice text, struct arena *arena)
{
	char *safe = arena_alloc(arena, 3 * text.len), *to = safe;

	for (size_t i = 0; i < text.len; i++) {
		if (is_token(text.data[i]) || (text.data[i] == ':' && !i))
			*to++ = text.data[i];
		else
			to = put_encoded(to, text.data[i]);
	}
	return slice_make(safe, (size_t)(to - safe));
}

static struct slice with_prefix(struct slice name, struct arena *arena)
{
	static const char prefix[] = "attachment:";
	char *text = arena_alloc(arena, sizeof prefix - 1 + name.len);

	memcpy(text, prefix, sizeof prefix - 1);
	memcpy(text + sizeof prefix - 1, name.data, name.len);
	return slice_make(text, sizeof prefix - 1 + name.len);
}

void dubbo_attachments_publish(struct headers *headers)
{
	struct rpc_head *rpc = headers->rpc;
	uint32_t own = headers->count; /* headers that aren't of an attachment */

	if (rpc->has_attachment_headers)
		return;
	rpc->has_attachment_headers = true;
	for (uint32_t i = 0; i < rpc->attachment_count; i++) {
		struct slice lower = lower_case(rpc->attachments[i].name, headers->arena);
		struct slice value = rpc_attachment_find(rpc, lower)->value;
		struct slice name = safe_name(lower, headers->arena);
		if (!name.len)
			continue;
		const struct header *old = headers_find(headers, name);
		if (is_reserved(name) || (old && old - headers->items < own))
			name = with_prefix(name, headers->arena);
		headers_set(headers, name, safe_value(value, headers->arena));
	}
}

/* --- their Triple names */

static void set_header(struct headers *headers, enum header_id id, struct slice value)
{
	if (value.data)
		headers_set_id(headers, id, safe_value(value, headers->arena));
}

/* Java asks for these names in this very case, and the last of a name is what it gets. */
void dubbo_attachments_name(struct headers *headers)
{
	const struct rpc_head *rpc = headers->rpc;
	struct slice group = {NULL, 0}, timeout = group, application = group, remote = group;

	for (uint32_t i = 0; i < rpc->attachment_count; i++) {
		const struct rpc_attachment *item = &rpc->attachments[i];
		if (slice_equal(item->name, SLICE("group")))
			group = item->value;
		else if (slice_equal(item->name, SLICE("timeout")))
			timeout = item->value;
		else if (slice_equal(item->name, SLICE("remote.application")))
			remote = item->value;
		else if (slice_equal(item->name, SLICE("application")))
			application = item->value;
	}
	set_header(headers, HEADER_TRI_SERVICE_GROUP, group);
	set_header(headers, HEADER_TRI_SERVICE_TIMEOUT, timeout);
	set_header(headers, HEADER_TRI_CONSUMER_APPNAME, remote.data ? remote : application);
}
