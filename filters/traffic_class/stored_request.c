#include "filters/traffic_class/stored_request.h"

#include <string.h>

#include "message/grammar.h"

enum {
	VERSION = 1,
	FRONT = 4,
	LENGTH = 4,
	COUNT = 2,
	HEADERS_MAX = 4096, /* codecs take far fewer */
	NAME_MAX_LEN = 65535,
};

/* --- writing --- */

static const struct rpc_head no_rpc;

static const struct rpc_head *rpc_of(const struct headers *headers)
{
	return headers->rpc ? headers->rpc : &no_rpc;
}

size_t stored_request_size(struct slice cluster, const struct headers *headers)
{
	const struct rpc_head *rpc = rpc_of(headers);
	size_t size = FRONT + 4 * LENGTH + cluster.len + rpc->service.len +
		      rpc->service_version.len + rpc->method.len + COUNT;

	for (struct header *h = NULL; (h = headers_next(headers, h));)
		size += 2 * LENGTH + h->name_len + h->value_len;
	return size;
}

static char *put_number(char *to, size_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (char)(value >> (8 * i));
	return to + bytes;
}

static char *put_text(char *to, struct slice text)
{
	to = put_number(to, text.len, LENGTH);
	if (text.len)
		memcpy(to, text.data, text.len);
	return to + text.len;
}

void stored_request_write(char *out, struct slice cluster, const struct headers *headers)
{
	const struct rpc_head *rpc = rpc_of(headers);
	unsigned count = 0;

	out = put_number(out, VERSION, 1);
	out = put_number(out, rpc->protocol, 1);
	out = put_number(out, rpc->serialization, 2);
	out = put_text(out, cluster);
	out = put_text(out, rpc->service);
	out = put_text(out, rpc->service_version);
	out = put_text(out, rpc->method);
	for (struct header *h = NULL; (h = headers_next(headers, h));)
		count++;
	out = put_number(out, count, COUNT);
	for (struct header *h = NULL; (h = headers_next(headers, h));)
		out = put_text(put_text(out, header_name(h)), header_value(h));
}

/* --- reading --- */

static bool take_number(struct slice *rest, unsigned bytes, size_t *value)
{
	*value = 0;
	if (rest->len < bytes)
		return false;
	for (unsigned i = 0; i < bytes; i++)
		*value |= (size_t)(uint8_t)rest->data[i] << (8 * i);
	*rest = slice_sub(*rest, bytes, rest->len);
	return true;
}

static bool take_text(struct slice *rest, struct slice *text)
{
	size_t len;

	if (!take_number(rest, LENGTH, &len) || len > rest->len)
		return false;
	*text = slice_sub(*rest, 0, len);
	*rest = slice_sub(*rest, len, rest->len);
	return true;
}

/* "attachment:x" is a name, too. */
static bool is_name(struct slice name)
{
	if (!name.len || name.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] != ':' && !grammar_is((uint8_t)name.data[i], GRAMMAR_LOWER_TOKEN))
			return false;
	return true;
}

static bool take_headers(struct slice *rest, struct headers *headers, struct arena *arena)
{
	size_t count;

	if (!take_number(rest, COUNT, &count) || count > HEADERS_MAX)
		return false;
	headers_init(headers, arena, (uint32_t)count + 4);
	for (; count; count--) {
		struct slice name, value;
		if (!take_text(rest, &name) || !take_text(rest, &value) || !is_name(name) ||
		    !grammar_is_value(value))
			return false;
		headers_add(headers, name, value);
	}
	return true;
}

enum status stored_request_read(struct stored_request *request, struct slice bytes,
				struct arena *arena)
{
	struct rpc_head *rpc = &request->rpc;
	size_t version, protocol, serialization;

	*rpc = (struct rpc_head){.result = RPC_RESULT_UNKNOWN};
	if (!take_number(&bytes, 1, &version) || !take_number(&bytes, 1, &protocol) ||
	    !take_number(&bytes, 2, &serialization))
		return STATUS_MALFORMED;
	if (version != VERSION || protocol > RPC_DUBBO || serialization > UINT8_MAX)
		return STATUS_UNSUPPORTED;
	rpc->protocol = (uint8_t)protocol;
	rpc->serialization = (uint8_t)serialization;
	if (!take_text(&bytes, &request->cluster) || !take_text(&bytes, &rpc->service) ||
	    !take_text(&bytes, &rpc->service_version) || !take_text(&bytes, &rpc->method) ||
	    !take_headers(&bytes, &request->headers, arena))
		return STATUS_MALFORMED;
	bool is_call = protocol != RPC_NONE;
	if (!is_call &&
	    (serialization || rpc->service.len || rpc->service_version.len || rpc->method.len))
		return STATUS_MALFORMED;
	request->headers.rpc = is_call ? rpc : NULL;
	request->body = bytes;
	return STATUS_OK;
}
