#include "filters/sentinel/nacos/nacos_text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/ops/java_text.h"

#define WORD_END "\x02"
#define NAME_END "\x01"

enum { FILE_NAME_MAX = 224 }; /* bytes; something may be appended while it is written */

/* --- servers --- */

static bool read_server(struct slice item, struct nacos_server *server)
{
	uint64_t port = NACOS_PORT;

	if (slice_starts_with(item, SLICE("http://")))
		item = slice_sub(item, 7, item.len);
	if (item.len && item.data[item.len - 1] == '/')
		item.len--;
	size_t colon = slice_find_char(item, ':', 0);
	if (!colon || colon >= sizeof server->host || slice_find_char(item, '/', 0) < item.len ||
	    (colon < item.len && !slice_to_uint64(slice_sub(item, colon + 1, item.len), &port)))
		return false;
	snprintf(server->host, sizeof server->host, "%.*s", (int)colon, item.data);
	server->port = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

unsigned nacos_servers(struct slice list, struct nacos_server servers[NACOS_SERVERS_MAX],
		       struct slice *wrong)
{
	unsigned count = 0;

	*wrong = list;
	for (size_t at = 0; at < list.len;) {
		size_t end = slice_find_char(list, ',', at);
		struct slice item = slice_trim(slice_sub(list, at, end));
		at = end + 1;
		if (!item.len)
			continue;
		*wrong = item;
		if (count == NACOS_SERVERS_MAX || !read_server(item, &servers[count]))
			return 0;
		count++;
	}
	return count;
}

/* --- requests --- */

static void parameter(struct text *out, const char *name, struct slice value)
{
	text_printf(out, "%s=", name);
	java_url_encode(out, value);
}

static void begin(struct text *out, const char *method, const struct nacos_place *place,
		  const char *path)
{
	text_printf(out, "%s %.*s%s", method, SLICE_FMT(place->context_path), path);
}

static void add_token(struct text *out, const struct nacos_place *place, char before)
{
	if (!place->token.len)
		return;
	text_printf(out, "%c", before);
	parameter(out, "accessToken", place->token);
}

static void add_fields(struct text *out, const struct nacos_place *place)
{
	text_printf(out,
		    " HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: outrigger\r\nAccept-Charset: UTF-8\r\n"
		    "Connection: close\r\n",
		    place->server->host, place->server->port);
}

static void add_form(struct text *out, struct slice form)
{
	text_printf(out,
		    "Content-Type: application/x-www-form-urlencoded;charset=UTF-8\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    form.len);
	text_add(out, form);
}

void nacos_login_request(struct text *out, const struct nacos_place *place, struct slice username,
			 struct slice password)
{
	struct text form = {0};

	parameter(&form, "username", username);
	parameter(&form, "&password", password);
	begin(out, "POST", place, "/v1/auth/users/login");
	add_fields(out, place);
	add_form(out, text_slice(&form));
	if (form.data)
		explicit_bzero(form.data, form.len);
	text_free(&form);
}

void nacos_get_request(struct text *out, const struct nacos_place *place,
		       const struct nacos_name *name)
{
	begin(out, "GET", place, "/v1/cs/configs");
	parameter(out, "?dataId", name->data_id);
	parameter(out, "&group", name->group);
	if (name->tenant.len)
		parameter(out, "&tenant", name->tenant);
	add_token(out, place, '&');
	add_fields(out, place);
	text_add(out, SLICE("\r\n"));
}

void nacos_listen_name(struct text *list, const struct nacos_name *name, struct slice md5)
{
	text_printf(list, "%.*s" WORD_END "%.*s" WORD_END "%.*s", SLICE_FMT(name->data_id),
		    SLICE_FMT(name->group), SLICE_FMT(md5));
	if (name->tenant.len)
		text_printf(list, WORD_END "%.*s", SLICE_FMT(name->tenant));
	text_add(list, SLICE(NAME_END));
}

void nacos_listen_request(struct text *out, const struct nacos_place *place, struct slice list,
			  uint32_t timeout_ms, bool hangs)
{
	struct text form = {0};

	parameter(&form, "Listening-Configs", list);
	begin(out, "POST", place, "/v1/cs/configs/listener");
	add_token(out, place, '?');
	add_fields(out, place);
	text_printf(out, "Long-Pulling-Timeout: %u\r\n%s", timeout_ms,
		    hangs ? "" : "Long-Pulling-Timeout-No-Hangup: true\r\n");
	add_form(out, text_slice(&form));
	text_free(&form);
}

/* --- answers --- */

/* The list as it was before it was encoded. */
static char *decode(struct slice body, size_t *len)
{
	struct slice trimmed = slice_trim(body);
	char *text;
	ssize_t left;

	while (trimmed.len &&
	       (trimmed.data[trimmed.len - 1] == '\n' || trimmed.data[trimmed.len - 1] == '\r'))
		trimmed.len--;
	text = malloc(trimmed.len + 1);
	invariant(text);
	if (trimmed.len)
		memcpy(text, trimmed.data, trimmed.len);
	left = java_url_decode(text, trimmed.len);
	if (left < 0) {
		free(text);
		return NULL;
	}
	*len = (size_t)left;
	return text;
}

bool nacos_is_change_list(struct slice body)
{
	size_t len;
	char *text = decode(body, &len);
	bool is_one = text && (!len || text[len - 1] == NAME_END[0]);

	for (size_t at = 0; is_one && at < len;) {
		struct slice all = slice_make(text, len);
		size_t end = slice_find_char(all, NAME_END[0], at);
		is_one = slice_find_char(all, WORD_END[0], at) < end;
		at = end + 1;
	}
	free(text);
	return is_one;
}

bool nacos_has_changed(struct slice body, const struct nacos_name *name)
{
	struct text wanted = {0};
	size_t len;
	char *text = decode(body, &len);
	bool is_there = false;

	text_printf(&wanted, "%.*s" WORD_END "%.*s", SLICE_FMT(name->data_id),
		    SLICE_FMT(name->group));
	if (name->tenant.len)
		text_printf(&wanted, WORD_END "%.*s", SLICE_FMT(name->tenant));
	for (size_t at = 0; text && at < len;) {
		struct slice all = slice_make(text, len);
		size_t end = slice_find_char(all, NAME_END[0], at);
		is_there |= slice_equal(slice_sub(all, at, end), text_slice(&wanted));
		at = end + 1;
	}
	text_free(&wanted);
	free(text);
	return is_there;
}

bool nacos_read_login(struct slice body, char **token, uint64_t *ttl_s)
{
	json_t *json = json_loadb(body.data, body.len, 0, NULL);
	json_t *inner = json_object_get(json, "data"); /* of version 3 */
	const json_t *object = json_is_object(inner) ? inner : json;
	const char *text = json_string_value(json_object_get(object, "accessToken"));
	json_int_t ttl = json_integer_value(json_object_get(object, "tokenTtl"));
	bool is_one = text && text[0] && strlen(text) <= NACOS_TOKEN_MAX && ttl >= 0;

	if (is_one) {
		*token = strdup(text);
		invariant(*token);
		*ttl_s = (uint64_t)ttl;
	}
	json_decref(json);
	return is_one;
}

/* --- on disk --- */

/* A name of a file: no '/', and not hidden, nor a way up. A long one, as of many servers, ends in
 * its MD5. */
static void file_name(struct text *out, struct slice name)
{
	struct text encoded = {0};
	char md5[MD5_HEX_SIZE];

	text_add(out, SLICE("/"));
	if (name.len && name.data[0] == '.') {
		text_add(out, SLICE("%2E"));
		name = slice_sub(name, 1, name.len);
	}
	java_url_encode(&encoded, name);
	if (encoded.len > FILE_NAME_MAX) {
		md5_hex(text_slice(&encoded), md5);
		encoded.len = FILE_NAME_MAX - MD5_HEX_SIZE;
		text_printf(&encoded, "~%s", md5);
	}
	text_add(out, text_slice(&encoded));
	text_free(&encoded);
}

char *nacos_snapshot_path(struct slice folder, struct slice servers, const struct nacos_name *name)
{
	struct text path = {0};

	text_add(&path, folder);
	file_name(&path, servers);
	file_name(&path, name->tenant.len ? name->tenant : SLICE("public"));
	file_name(&path, name->group);
	file_name(&path, name->data_id);
	text_add(&path, slice_make("", 1));
	return path.data;
}
