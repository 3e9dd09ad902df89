/* Formats from anywhere on messages from anywhere.
 *
 *   input: one byte of flags, the format, 0, a header's value, 0, a path
 *
 * Whatever compiles renders the same twice; a short buffer gets a prefix and is never overrun; as a
 * JSON template it gives JSON that a parser takes. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/format.h"
#include "message/format_json.h"
#include "message/headers.h"
#include "message/stream_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice next_field(struct slice *rest)
{
	size_t end = slice_find_char(*rest, '\0', 0);
	struct slice field = slice_sub(*rest, 0, end);
	*rest = slice_sub(*rest, end + (end < rest->len), rest->len);
	return field;
}

static void fill_info(struct stream_info *info, unsigned flags, struct headers *headers,
		      const struct addr *addr)
{
	*info = (struct stream_info){
		.times = {.start_ns = 1, .end_ns = flags & 4 ? 5000000 : 0, .last_tx_ns = 3},
		.start_wall_ns = flags & 8 ? UINT64_MAX : UINT64_C(1795264367207258000),
		.response_code = 503,
		.protocol = (uint8_t)(flags % 7),
		.flags = flags & 16 ? UINT64_MAX >> (64 - RESPONSE_FLAG_COUNT) : 0,
		.response_code_details = SLICE("a b  c"),
		.downstream_remote = addr,
		.downstream_local = addr,
		.downstream_direct_remote = addr,
	};
	if (flags & 32)
		info->request = info->response = info->response_trailers = headers;
}

static void check_room(const struct format *format, const struct stream_info *info, size_t room,
		       const char *whole, size_t len, bool is_text)
{
	char *exact = malloc(room + !room); /* the sanitizer watches its end */
	size_t got = format_write(format, info, exact, room);
	if (room >= len && (got != len || (len && memcmp(exact, whole, len))))
		abort();
	if (room < len && got <= room)
		abort();
	if (is_text && room < len && room && memcmp(exact, whole, room))
		abort();
	free(exact);
}

static char *render(const struct format *format, const struct stream_info *info, size_t *len,
		    bool is_text)
{
	*len = format_write(format, info, NULL, 0);
	size_t room = *len + (is_text ? 0 : *len * 5 + 16); /* escapes are counted when they fit */
	char *whole = malloc(room + !room);
	*len = format_write(format, info, whole, room);
	if (*len > room)
		abort();
	check_room(format, info, *len, whole, *len, is_text);
	check_room(format, info, *len / 2, whole, *len, is_text);
	check_room(format, info, *len ? *len - 1 : 0, whole, *len, is_text);
	return whole;
}

static void as_json(struct slice text, unsigned flags, const struct stream_info *info,
		    struct arena *arena)
{
	struct diag diag = {.text = ""};
	struct format_json json;
	const struct format *format;
	format_json_begin(&json, flags & 1 ? FORMAT_OMIT_EMPTY : 0, arena, &diag);
	format_json_object(&json);
	format_json_key(&json, SLICE("k"));
	format_json_template(&json, text);
	format_json_key(&json, SLICE("l"));
	format_json_list(&json);
	format_json_template(&json, text);
	format_json_end_list(&json);
	format_json_end_object(&json);
	if (format_json_finish(&json, &format))
		return;
	size_t len;
	char *line = render(format, info, &len, false);
	json_error_t error;
	json_t *tree = json_loadb(line, len, JSON_ALLOW_NUL, &error);
	if (!tree)
		abort();
	json_decref(tree);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 4096)
		return 0;
	struct slice rest = slice_make(data + 1, size - 1);
	unsigned flags = data[0];
	struct slice text = next_field(&rest), value = next_field(&rest), path = next_field(&rest);
	struct arena arena;
	struct headers headers;
	struct stream_info info;
	struct addr addr = {.family = ADDR_IPV6, .port = 443};
	struct diag diag = {.text = ""};
	const struct format *format;

	arena_init(&arena, 4096);
	headers_init(&headers, &arena, 8);
	headers_add(&headers, SLICE(":path"), path);
	headers_add(&headers, SLICE("x"), value);
	headers_add(&headers, SLICE("content-type"), SLICE("application/grpc"));
	headers_add(&headers, SLICE("grpc-status"), value);
	fill_info(&info, flags, &headers, flags & 2 ? &addr : NULL);
	if (!format_compile_with(text, flags & 1 ? FORMAT_OMIT_EMPTY : 0, &arena, &format, &diag)) {
		size_t len;
		free(render(format, &info, &len, true));
	} else if (!diag_is_set(&diag)) {
		abort();
	}
	as_json(text, flags, &info, &arena);
	arena_free(&arena);
	return 0;
}
