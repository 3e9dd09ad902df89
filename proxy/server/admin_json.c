#include "server/admin_json.h"

#include <stdio.h>
#include <time.h>

#include "xds/message_json.h"

static void new_line(struct json *json)
{
	text_add(json->out, SLICE("\n"));
	for (unsigned i = 0; i < json->depth; i++)
		text_add(json->out, SLICE(" "));
}

/* What stands before a value. */
static void begin(struct json *json, const char *key)
{
	if (json->depth) {
		if (json->has_items[json->depth])
			text_add(json->out, SLICE(","));
		json->has_items[json->depth] = true;
		new_line(json);
	}
	if (key) {
		text_add_json(json->out, slice_of(key));
		text_add(json->out, SLICE(": "));
	}
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	text_add(json->out, slice_make(&bracket, 1));
	invariant(json->depth + 1 < JSON_DEPTH_MAX);
	json->depth++;
	json->closers[json->depth] = bracket == '{' ? '}' : ']';
	json->has_items[json->depth] = false;
}

void json_close(struct json *json)
{
	bool has_items = json->has_items[json->depth];
	char closer = json->closers[json->depth--];

	if (has_items)
		new_line(json);
	text_add(json->out, slice_make(&closer, 1));
}

void json_text(struct json *json, const char *key, struct slice value)
{
	begin(json, key);
	text_add_json(json->out, value);
}

void json_raw(struct json *json, const char *key, struct slice value)
{
	begin(json, key);
	text_add(json->out, value);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	text_add_number(json->out, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	json_raw(json, key, value ? SLICE("true") : SLICE("false"));
}

void json_message(struct json *json, const char *key, const ProtobufCMessage *message,
		  bool with_type)
{
	const struct message_json_options options = {
		.indent = 1, .depth = json->depth, .with_type = with_type};
	struct arena arena;

	if (!message)
		return;
	arena_init(&arena, 16384);
	json_raw(json, key, message_json(message, &options, &arena));
	arena_free(&arena);
}

void json_time(struct json *json, const char *key, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	char day[32], text[48];
	struct tm parts;

	gmtime_r(&seconds, &parts);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text, sizeof text, "%s.%03uZ", day, (unsigned)(wall_ns / 1000000 % 1000));
	json_text(json, key, slice_of(text));
}

void json_address(struct json *json, const char *key, const struct addr *addr)
{
	struct addr ip = *addr;
	char text[ADDR_TEXT_MAX];

	json_open(json, key, '{');
	if (addr->family == ADDR_UNIX) {
		json_open(json, "pipe", '{');
		json_text(json, "path", slice_of(addr->path));
	} else {
		json_open(json, "socket_address", '{');
		size_t len = addr_format_ip(&ip, text);
		json_text(json, "address", slice_make(text, len));
		json_number(json, "port_value", addr->port);
	}
	json_close(json);
	json_close(json);
}
