/* JSON as the admin pages show it: one space a level, members in the order of the calls.
 *
 *   json_open(&j, NULL, '{'); json_text(&j, "name", name); json_close(&j); ...
 *
 * Owner: who embeds it. Thread: main. */
#ifndef SERVER_ADMIN_JSON_H
#define SERVER_ADMIN_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/addr.h"
#include "base/slice.h"
#include "telemetry/text.h"

enum { JSON_DEPTH_MAX = 32 };

struct json {
	struct text *out;
	unsigned depth;
	char closers[JSON_DEPTH_MAX]; /* of what is open */
	bool has_items[JSON_DEPTH_MAX];
};

/* bracket: '{' or '['. key NULL: an item of a list, or the whole text. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json);

void json_text(struct json *json, const char *key, struct slice value);
/* A number, true, false, or a text that is JSON already, made for this depth. */
void json_raw(struct json *json, const char *key, struct slice value);
void json_number(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);
/* The message, as an Any shows it if with_type. NULL: nothing. */
void json_message(struct json *json, const char *key, const ProtobufCMessage *message,
		  bool with_type);
/* "2026-11-21T13:44:50.601Z" */
void json_time(struct json *json, const char *key, uint64_t wall_ns);
/* A core.Address. */
void json_address(struct json *json, const char *key, const struct addr *addr);

#endif
