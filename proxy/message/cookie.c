#include "message/cookie.h"

static struct slice without_quotes(struct slice value)
{
	bool is_quoted = value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"';

	return is_quoted ? slice_sub(value, 1, value.len - 1) : value;
}

struct slice cookie_find_in(struct slice field, struct slice name)
{
	for (size_t at = 0; at < field.len;) {
		size_t end = slice_find_char(field, ';', at);
		struct slice pair = slice_trim(slice_sub(field, at, end));
		size_t equals = slice_find_char(pair, '=', 0);
		if (equals < pair.len && slice_equal(slice_sub(pair, 0, equals), name))
			return without_quotes(slice_sub(pair, equals + 1, pair.len));
		at = end + 1;
	}
	return (struct slice){NULL, 0};
}

struct slice cookie_find(const struct headers *headers, struct slice name)
{
	const struct header *h = headers_find_id(headers, HEADER_COOKIE);

	for (; h; h = headers_find_next(headers, h)) {
		struct slice value = cookie_find_in(header_value(h), name);
		if (value.data)
			return value;
	}
	return (struct slice){NULL, 0};
}
