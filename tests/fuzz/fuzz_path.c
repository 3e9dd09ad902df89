/* Paths, authorities, queries, cookies and escapes as they come off the wire. Byte 0 chooses the
 * options. A normalised path must be a fixed point that no dot segment is left in: what routes and
 * rules see must be what the upstream sees. */
#include <stdlib.h>

#include "base/attributes.h"
#include "message/authority.h"
#include "message/cookie.h"
#include "message/grammar.h"
#include "message/path.h"
#include "message/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_normal(struct slice path, const struct path_options *options, struct arena *arena)
{
	struct slice again, head = slice_sub(path, 0, slice_find_char(path, '?', 0));

	invariant(path_normalize(path, options, arena, &again) == PATH_OK);
	invariant(slice_equal(path, again));
	if (options->merge_slashes)
		for (size_t i = 2; i < head.len; i++)
			invariant(head.data[i] != '/' || head.data[i - 1] != '/');
	if (!options->normalize)
		return;
	for (size_t at = 1; at <= head.len;) {
		size_t end = slice_find_char(head, '/', at);
		struct slice segment = slice_sub(head, at, end);
		segment = slice_sub(segment, 0, slice_find_char(segment, ';', 0));
		invariant(!slice_equal(segment, SLICE(".")) && !slice_equal(segment, SLICE("..")));
		at = end + 1;
	}
	for (size_t i = 0; i < head.len; i++)
		invariant(grammar_is((uint8_t)head.data[i], GRAMMAR_TARGET) &&
			  head.data[i] != '\\');
}

static void look_up_everything(struct slice text, struct arena *arena)
{
	struct slice port, host = authority_split(text, &port);

	invariant(host.len + port.len <= text.len);
	authority_strip_dot(text, arena);
	authority_strip_port(text, 80);
	path_query_find(text, SLICE("a"));
	path_without_query(text);
	cookie_find_in(text, SLICE("a"));
	struct slice encoded = percent_encode(text, GRAMMAR_UNRESERVED, arena);
	invariant(slice_equal(percent_decode(encoded, arena), text));
	percent_decode(text, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;

	if (!size)
		return 0;
	arena_init(&arena, 4096);
	struct slice text = slice_make(data + 1, size - 1), result;
	const struct path_options options = {
		.normalize = data[0] & 1,
		.merge_slashes = data[0] & 2,
		.escaped_slashes = data[0] >> 2 & 3,
	};
	enum path_answer answer = path_normalize(text, &options, &arena, &result);
	if (answer != PATH_REJECTED && text.len && text.data[0] == '/')
		check_normal(result, &options, &arena);
	look_up_everything(text, &arena);
	arena_free(&arena);
	return 0;
}
