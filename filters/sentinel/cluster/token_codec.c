#include "filters/sentinel/cluster/token_codec.h"

#include <endian.h>
#include <string.h>

enum value_type {
	VALUE_INTEGER = 0,
	VALUE_LONG = 1,
	VALUE_BYTE = 2,
	VALUE_DOUBLE = 3,
	VALUE_FLOAT = 4,
	VALUE_SHORT = 5,
	VALUE_BOOLEAN = 6,
	VALUE_STRING = 7,
};

enum {
	XID_AT = 2, /* in a frame */
	PING_NAME_MAX = TOKEN_FRAME_MAX - 2 - 5 - 4,
};

struct writer {
	char *at, *end;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	memcpy(w->at, bytes, n);
	w->at += n;
}

static void put8(struct writer *w, uint8_t value)
{
	put(w, &value, 1);
}

static void put16(struct writer *w, uint16_t value)
{
	value = htobe16(value);
	put(w, &value, 2);
}

static void put32(struct writer *w, uint32_t value)
{
	value = htobe32(value);
	put(w, &value, 4);
}

static void put64(struct writer *w, uint64_t value)
{
	value = htobe64(value);
	put(w, &value, 8);
}

static struct writer begin(char *out, int32_t xid, uint8_t type)
{
	struct writer w = {out + 2, out + TOKEN_FRAME_MAX};

	put32(&w, (uint32_t)xid);
	put8(&w, type);
	return w;
}

static size_t end(char *out, const struct writer *w)
{
	size_t size = (size_t)(w->at - out);
	struct writer length = {out, out + 2};

	put16(&length, (uint16_t)(size - 2));
	return size;
}

size_t token_write_ping(char *out, struct slice name_space)
{
	struct writer w = begin(out, 0, TOKEN_PING);

	if (name_space.len > PING_NAME_MAX)
		name_space.len = PING_NAME_MAX;
	put32(&w, (uint32_t)name_space.len);
	put(&w, name_space.data, name_space.len);
	return end(out, &w);
}

/* Bytes of a value with its type; 0: it has none. */
static size_t value_size(const struct argument *value)
{
	switch (value->type) {
	case ARGUMENT_BOOLEAN:
	case ARGUMENT_BYTE:
		return 2;
	case ARGUMENT_SHORT:
		return 3;
	case ARGUMENT_INTEGER:
	case ARGUMENT_FLOAT:
		return 5;
	case ARGUMENT_LONG:
	case ARGUMENT_DOUBLE:
		return 9;
	case ARGUMENT_STRING:
		return 5 + value->string.len;
	case ARGUMENT_NULL:
	case ARGUMENT_CHARACTER:
	case ARGUMENT_LIST:
		break;
	}
	return 0;
}

static void put_float(struct writer *w, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put8(w, VALUE_FLOAT);
	put32(w, bits);
}

static void put_double(struct writer *w, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put8(w, VALUE_DOUBLE);
	put64(w, bits);
}

static void put_value(struct writer *w, const struct argument *value)
{
	switch (value->type) {
	case ARGUMENT_BOOLEAN:
		put8(w, VALUE_BOOLEAN);
		put8(w, value->integer != 0);
		break;
	case ARGUMENT_BYTE:
		put8(w, VALUE_BYTE);
		put8(w, (uint8_t)value->integer);
		break;
	case ARGUMENT_SHORT:
		put8(w, VALUE_SHORT);
		put16(w, (uint16_t)value->integer);
		break;
	case ARGUMENT_INTEGER:
		put8(w, VALUE_INTEGER);
		put32(w, (uint32_t)value->integer);
		break;
	case ARGUMENT_LONG:
		put8(w, VALUE_LONG);
		put64(w, (uint64_t)value->integer);
		break;
	case ARGUMENT_FLOAT:
		put_float(w, (float)value->real);
		break;
	case ARGUMENT_DOUBLE:
		put_double(w, value->real);
		break;
	case ARGUMENT_STRING:
		put8(w, VALUE_STRING);
		put32(w, (uint32_t)value->string.len);
		put(w, value->string.data, value->string.len);
		break;
	case ARGUMENT_NULL:
	case ARGUMENT_CHARACTER:
	case ARGUMENT_LIST:
		break;
	}
}

/* How many were written. */
static uint32_t put_values(struct writer *w, const struct argument *values, uint32_t count)
{
	uint32_t written = 0;

	for (uint32_t i = 0; i < count; i++) {
		size_t size = value_size(&values[i]);
		if (size > (size_t)(w->end - w->at))
			break;
		if (!size)
			continue;
		put_value(w, &values[i]);
		written++;
	}
	return written;
}

size_t token_write_question(char *out, int32_t xid, const struct token_ask *ask)
{
	struct writer w = begin(out, xid, ask->is_param ? TOKEN_PARAM_FLOW : TOKEN_FLOW);

	if (ask->flow_id <= 0 || !ask->count || ask->count > INT32_MAX)
		return 0;
	put64(&w, (uint64_t)ask->flow_id);
	put32(&w, ask->count);
	if (!ask->is_param) {
		put8(&w, ask->prioritized);
		return end(out, &w);
	}
	struct writer count = w;
	put32(&w, 0);
	uint32_t written = put_values(&w, ask->params, ask->params_count);
	put32(&count, written);
	return written ? end(out, &w) : 0;
}

void token_set_xid(char *frame, int32_t xid)
{
	struct writer w = {frame + XID_AT, frame + XID_AT + 4};

	put32(&w, (uint32_t)xid);
}

size_t token_write_response(char *out, const struct token_response *response)
{
	struct writer w = begin(out, response->xid, response->type);

	put8(&w, (uint8_t)response->status);
	if (response->type == TOKEN_PING && response->status && !response->remaining)
		return end(out, &w);
	put32(&w, (uint32_t)response->remaining);
	if (response->type != TOKEN_PING)
		put32(&w, (uint32_t)response->wait_ms);
	return end(out, &w);
}

static uint64_t get(struct slice *in, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | (uint8_t)in->data[i];
	*in = slice_sub(*in, n, in->len);
	return value;
}

ssize_t token_read_frame(struct slice bytes, struct slice *payload)
{
	struct slice rest = bytes;

	if (bytes.len < 2)
		return 0;
	size_t size = 2 + (size_t)get(&rest, 2);
	if (size > TOKEN_FRAME_MAX)
		return STATUS_TOO_LARGE;
	if (bytes.len < size)
		return 0;
	*payload = slice_sub(bytes, 2, size);
	return (ssize_t)size;
}

enum status token_read_response(struct slice payload, struct token_response *response)
{
	*response = (struct token_response){0};
	if (payload.len < 6)
		return STATUS_MALFORMED;
	response->xid = (int32_t)get(&payload, 4);
	response->type = (uint8_t)get(&payload, 1);
	response->status = (int8_t)get(&payload, 1);
	if (response->type == TOKEN_PING) {
		if (payload.len == 1 || payload.len >= 4)
			response->remaining = (int32_t)get(&payload, payload.len == 1 ? 1 : 4);
	} else if (payload.len == 8) {
		response->remaining = (int32_t)get(&payload, 4);
		response->wait_ms = (int32_t)get(&payload, 4);
	}
	return STATUS_OK;
}

static enum status read_number(struct slice *in, size_t size, struct argument *value)
{
	float real;
	uint32_t bits32;

	if (in->len < size)
		return STATUS_MALFORMED;
	uint64_t bits = get(in, size);
	if (value->type == ARGUMENT_DOUBLE) {
		memcpy(&value->real, &bits, sizeof(bits));
	} else if (value->type == ARGUMENT_FLOAT) {
		bits32 = (uint32_t)bits;
		memcpy(&real, &bits32, sizeof(real));
		value->real = (double)real;
	} else {
		value->integer = size == 1   ? (int8_t)bits
				 : size == 2 ? (int16_t)bits
				 : size == 4 ? (int32_t)bits
					     : (int64_t)bits;
	}
	return STATUS_OK;
}

static enum status read_string(struct slice *in, struct argument *value)
{
	if (in->len < 4)
		return STATUS_MALFORMED;
	uint32_t size = (uint32_t)get(in, 4);
	if (size > in->len)
		return STATUS_MALFORMED;
	value->string = slice_sub(*in, 0, size);
	*in = slice_sub(*in, size, in->len);
	return STATUS_OK;
}

static enum status read_value(struct slice *in, struct argument *value)
{
	static const struct {
		enum argument_type type;
		size_t size;
	} numbers[] = {
		[VALUE_INTEGER] = {ARGUMENT_INTEGER, 4}, [VALUE_LONG] = {ARGUMENT_LONG, 8},
		[VALUE_BYTE] = {ARGUMENT_BYTE, 1},       [VALUE_DOUBLE] = {ARGUMENT_DOUBLE, 8},
		[VALUE_FLOAT] = {ARGUMENT_FLOAT, 4},     [VALUE_SHORT] = {ARGUMENT_SHORT, 2},
		[VALUE_BOOLEAN] = {ARGUMENT_BOOLEAN, 1},
	};

	if (!in->len)
		return STATUS_MALFORMED;
	uint64_t type = get(in, 1);
	if (type == VALUE_STRING) {
		value->type = ARGUMENT_STRING;
		return read_string(in, value);
	}
	if (type > VALUE_STRING)
		return STATUS_MALFORMED;
	value->type = numbers[type].type;
	enum status status = read_number(in, numbers[type].size, value);
	if (value->type == ARGUMENT_BOOLEAN)
		value->integer = value->integer != 0;
	return status;
}

static enum status read_values(struct slice *in, struct token_request *request)
{
	if (in->len < 4)
		return STATUS_MALFORMED;
	uint32_t count = (uint32_t)get(in, 4);
	if (count > TOKEN_VALUES_MAX)
		return STATUS_MALFORMED;
	for (uint32_t i = 0; i < count; i++) {
		enum status status = read_value(in, &request->values[i]);
		if (status)
			return status;
		request->values_count++;
	}
	return STATUS_OK;
}

static enum status read_flow(struct slice *in, struct token_request *request)
{
	if (in->len < 12)
		return STATUS_MALFORMED;
	request->flow_id = (int64_t)get(in, 8);
	request->count = (int32_t)get(in, 4);
	if (request->type == TOKEN_PARAM_FLOW)
		return read_values(in, request);
	request->prioritized = in->len && get(in, 1) != 0;
	return STATUS_OK;
}

/* None, or an empty one, is a PING all the same: a server refuses it. */
static enum status read_ping(struct slice *in, struct token_request *request)
{
	struct argument name;

	if (!in->len)
		return STATUS_OK;
	if (read_string(in, &name))
		return STATUS_MALFORMED;
	request->name_space = name.string;
	return STATUS_OK;
}

enum status token_read_request(struct slice payload, struct token_request *request)
{
	if (payload.len < 5)
		return STATUS_MALFORMED;
	request->xid = (int32_t)get(&payload, 4);
	request->type = (uint8_t)get(&payload, 1);
	request->name_space = SLICE("");
	request->values_count = 0;
	request->prioritized = false;
	switch (request->type) {
	case TOKEN_PING:
		return read_ping(&payload, request);
	case TOKEN_FLOW:
	case TOKEN_PARAM_FLOW:
		return read_flow(&payload, request);
	default:
		return STATUS_UNSUPPORTED;
	}
}
