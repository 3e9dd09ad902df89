#include "message/path.h"

#include "message/grammar.h"
#include "message/percent.h"

struct slice path_query(struct slice path)
{
	size_t end = slice_find_char(path, '#', 0);
	size_t mark = slice_find_char(slice_sub(path, 0, end), '?', 0);

	return mark < end ? slice_sub(path, mark + 1, end) : (struct slice){NULL, 0};
}

struct slice path_query_find(struct slice path, struct slice name)
{
	struct slice query = path_query(path);

	for (size_t at = 0; at < query.len;) {
		size_t end = slice_find_char(query, '&', at);
		struct slice item = slice_sub(query, at, end);
		size_t equals = slice_find_char(item, '=', 0);
		if (slice_equal(slice_sub(item, 0, equals), name))
			return slice_sub(item, equals + (equals < item.len), item.len);
		at = end + 1;
	}
	return (struct slice){NULL, 0};
}

/* --- escaped slashes */

static bool is_escaped_slash(struct slice s, size_t i)
{
	return percent_is_escape(s, i) &&
	       (percent_escaped_byte(s, i) == '/' || percent_escaped_byte(s, i) == '\\');
}

static bool has_escaped_slash(struct slice path)
{
	for (size_t i = slice_find_char(path, '%', 0); i < path.len;
	     i = slice_find_char(path, '%', i + 1))
		if (is_escaped_slash(path, i))
			return true;
	return false;
}

static struct slice unescape_slashes(struct slice path, struct arena *arena)
{
	char *out = arena_alloc(arena, path.len);
	size_t len = 0;

	for (size_t i = 0; i < path.len; i++) {
		bool is_slash = is_escaped_slash(path, i);
		out[len++] = is_slash ? (char)percent_escaped_byte(path, i) : path.data[i];
		i += is_slash ? 2 : 0;
	}
	return slice_make(out, len);
}

/* --- dot segments and characters */

static bool is_slash(char c)
{
	return c == '/' || c == '\\';
}

/* Bytes that a dot at i takes: 1, 3 ("%2e"), or 0 when there is none. */
static size_t dot_len(struct slice path, size_t i)
{
	if (i < path.len && path.data[i] == '.')
		return 1;
	return i < path.len && percent_is_escape(path, i) && percent_escaped_byte(path, i) == '.'
		       ? 3
		       : 0;
}

/* The number of dots, 1 or 2, when a dot segment begins at i; *end is then where it ends, its
 * parameters included. 0 for any other segment. */
static unsigned dot_segment(struct slice path, size_t i, size_t *end)
{
	unsigned dots = 0;

	for (size_t n; dots < 3 && (n = dot_len(path, i)); dots++)
		i += n;
	if (dots == 3)
		return 0;
	if (dots && i < path.len && path.data[i] == ';')
		i = slice_find_char(path, '/', i);
	*end = i;
	return i == path.len || is_slash(path.data[i]) ? dots : 0;
}

static bool needs_escape(char c)
{
	switch (c) {
	case '"':
	case '<':
	case '>':
	case '^':
	case '`':
	case '{':
	case '|':
	case '}':
		return true;
	}
	return false;
}

/* Copies one segment, from i up to its end. Returns the end, or 0 when a byte may not be in a path:
 * control characters, bytes above ASCII, an escaped NUL. What follows a '%' that begins no escape
 * isn't decoded, or "%2%65" would become one. */
static size_t copy_segment(struct slice path, size_t i, char *out, size_t *len)
{
	size_t stray = SIZE_MAX / 2; /* where the last such '%' stands in out */

	for (; i < path.len && !is_slash(path.data[i]); i++) {
		char c = path.data[i];
		if (!grammar_is((uint8_t)c, GRAMMAR_TARGET))
			return 0;
		if (needs_escape(c)) {
			out[(*len)++] = '%';
			out[(*len)++] = "0123456789ABCDEF"[(uint8_t)c >> 4];
			c = "0123456789ABCDEF"[c & 15];
		} else if (c == '%' && percent_is_escape(path, i)) {
			uint8_t byte = percent_escaped_byte(path, i);
			if (!byte)
				return 0;
			bool is_apart = *len - stray > 2;
			if (grammar_is(byte, GRAMMAR_UNRESERVED) && is_apart) {
				c = (char)byte;
				i += 2;
			}
		} else if (c == '%') {
			stray = *len;
		}
		out[(*len)++] = c;
	}
	return i;
}

/* False when the path can't be normalised. */
static bool remove_dots(struct slice path, struct arena *arena, struct slice *result)
{
	char *out = arena_alloc(arena, path.len * 3);
	size_t len = 0, i = 0, end;
	unsigned dots;

	while (i < path.len) { /* at a slash */
		out[len++] = '/';
		i++;
		while ((dots = dot_segment(path, i, &end))) {
			if (dots == 2 && len > 1)
				for (len--; out[len - 1] != '/';)
					len--;
			i = end;
			if (i == path.len)
				break;
			i++;
		}
		if (i < path.len && !(i = copy_segment(path, i, out, &len)))
			return false;
	}
	*result = slice_make(out, len);
	return true;
}

/* Most paths are normal: one look at each byte says so. */
static bool is_normal(struct slice path)
{
	for (size_t i = 0; i < path.len; i++) {
		char c = path.data[i];
		if (!grammar_is((uint8_t)c, GRAMMAR_TARGET) || c == '%' || c == '\\' ||
		    needs_escape(c) || (c == '.' && path.data[i - 1] == '/'))
			return false;
	}
	return true;
}

/* --- slashes that repeat */

static bool has_double_slash(struct slice path)
{
	for (size_t i = slice_find_char(path, '/', 0); i + 1 < path.len;
	     i = slice_find_char(path, '/', i + 1))
		if (path.data[i + 1] == '/')
			return true;
	return false;
}

static struct slice merge_slashes(struct slice path, struct arena *arena)
{
	char *out = arena_alloc(arena, path.len);
	size_t len = 0;

	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] != '/' || !len || out[len - 1] != '/')
			out[len++] = path.data[i];
	if (len == 1) /* Envoy makes "//" of nothing but slashes, and so do we */
		out[len++] = '/';
	return slice_make(out, len);
}

enum path_answer path_normalize(struct slice path, const struct path_options *options,
				struct arena *arena, struct slice *result)
{
	struct slice head = slice_sub(path, 0, slice_find_char(path, '?', 0));
	struct slice query = slice_sub(path, head.len, path.len);
	const char *before = head.data;
	enum path_answer answer = PATH_OK;

	*result = path;
	if (!path.len || path.data[0] != '/')
		return PATH_OK;
	if (options->escaped_slashes != PATH_SLASHES_KEEP && has_escaped_slash(head)) {
		if (options->escaped_slashes == PATH_SLASHES_REJECT)
			return PATH_REJECTED;
		if (options->escaped_slashes == PATH_SLASHES_REDIRECT)
			answer = PATH_REDIRECT;
		head = unescape_slashes(head, arena);
	}
	if (options->normalize && !is_normal(head) && !remove_dots(head, arena, &head))
		return PATH_REJECTED;
	if (options->merge_slashes && has_double_slash(head))
		head = merge_slashes(head, arena);
	if (head.data == before)
		return answer;

	char *whole = arena_alloc(arena, head.len + query.len);
	memcpy(whole, head.data, head.len);
	memcpy(whole + head.len, query.data, query.len);
	*result = slice_make(whole, head.len + query.len);
	return answer;
}
