#include "message/percent.h"

#include "message/grammar.h"

struct slice percent_encode(struct slice s, uint8_t classes, struct arena *arena)
{
	size_t escapes = 0, len = 0;

	for (size_t i = 0; i < s.len; i++)
		escapes += !grammar_is((uint8_t)s.data[i], classes);
	if (!escapes)
		return s;
	char *out = arena_alloc(arena, s.len + 2 * escapes);
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.data[i];
		if (grammar_is(c, classes)) {
			out[len++] = (char)c;
			continue;
		}
		out[len++] = '%';
		out[len++] = "0123456789ABCDEF"[c >> 4];
		out[len++] = "0123456789ABCDEF"[c & 15];
	}
	return slice_make(out, len);
}

struct slice percent_decode(struct slice s, struct arena *arena)
{
	if (slice_find_char(s, '%', 0) == s.len)
		return s;
	char *out = arena_alloc(arena, s.len);
	size_t len = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (!percent_is_escape(s, i)) {
			out[len++] = s.data[i];
			continue;
		}
		out[len++] = (char)percent_escaped_byte(s, i);
		i += 2;
	}
	return slice_make(out, len);
}
