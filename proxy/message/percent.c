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

static bool is_escape(struct slice s, size_t i)
{
	return s.len - i >= 3 && s.data[i] == '%' &&
	       grammar_is((uint8_t)s.data[i + 1], GRAMMAR_HEX) &&
	       grammar_is((uint8_t)s.data[i + 2], GRAMMAR_HEX);
}

struct slice percent_decode(struct slice s, struct arena *arena)
{
	if (slice_find_char(s, '%', 0) == s.len)
		return s;
	char *out = arena_alloc(arena, s.len);
	size_t len = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_escape(s, i)) {
			out[len++] = s.data[i];
			continue;
		}
		out[len++] = (char)(grammar_hex(s.data[i + 1]) << 4 | grammar_hex(s.data[i + 2]));
		i += 2;
	}
	return slice_make(out, len);
}
