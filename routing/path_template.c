#include "routing/path_template.h"

#define PATH_CHARS "a-zA-Z0-9\\-._~%!$&'()*+,;:@="
#define ONE_SEGMENT "[" PATH_CHARS "]+"
#define ANY_REST "[" PATH_CHARS "/]*"

/* Text under construction, of a size known to be enough. */
struct text {
	char *data;
	size_t len;
};

static void add(struct text *out, struct slice s)
{
	memcpy(out->data + out->len, s.data, s.len);
	out->len += s.len;
}

static bool is_path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~%!$&'()+,;:@=/", c));
}

static bool is_name(struct slice s)
{
	if (!s.len || s.len > PATH_TEMPLATE_NAME_MAX || (s.data[0] >= '0' && s.data[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];
		if (!(slice_lower_char(c) >= 'a' && slice_lower_char(c) <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}

/* Literals and stars. seen_rest: a "**" was there, after which only literals may come. */
static enum status add_pattern(struct slice s, struct text *out, bool *seen_rest, struct diag *diag)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '*') {
			bool is_rest = i + 1 < s.len && s.data[i + 1] == '*';
			if (*seen_rest)
				return diag_set(diag, "nothing but literals may follow \"**\"");
			i += is_rest;
			*seen_rest = is_rest;
			add(out, is_rest ? SLICE(ANY_REST) : SLICE(ONE_SEGMENT));
		} else if (!is_path_char(s.data[i])) {
			return diag_set(diag, "unexpected '%c' in the path template", s.data[i]);
		} else {
			if (strchr(".$()+", s.data[i]))
				add(out, SLICE("\\"));
			add(out, slice_sub(s, i, i + 1));
		}
	}
	return STATUS_OK;
}

/* "{name}" or "{name=pattern}", without the braces. */
static enum status add_variable(struct slice s, struct path_template *t, struct text *out,
				bool *seen_rest, struct diag *diag)
{
	size_t equals = slice_find_char(s, '=', 0);
	struct slice name = slice_sub(s, 0, equals);
	struct slice pattern = equals < s.len ? slice_sub(s, equals + 1, s.len) : SLICE("*");

	if (!is_name(name))
		return diag_set(diag, "\"%.*s\" is no name of a variable", SLICE_FMT(name));
	if (t->name_count == PATH_TEMPLATE_VARIABLES_MAX)
		return diag_set(diag, "more than %d variables", PATH_TEMPLATE_VARIABLES_MAX);
	for (unsigned i = 0; i < t->name_count; i++)
		if (slice_equal(t->names[i], name))
			return diag_set(diag, "variable \"%.*s\" occurs twice", SLICE_FMT(name));
	/* Within a variable a star is a whole segment. */
	for (size_t i = 0; i < pattern.len; i++) {
		size_t end = i;
		if (pattern.data[i] != '*')
			continue;
		while (end < pattern.len && pattern.data[end] == '*')
			end++;
		if ((i && pattern.data[i - 1] != '/') ||
		    (end < pattern.len && pattern.data[end] != '/') || end - i > 2)
			return diag_set(diag, "invalid pattern of variable \"%.*s\"",
					SLICE_FMT(name));
		i = end - 1;
	}
	if (!pattern.len)
		return diag_set(diag, "empty pattern of variable \"%.*s\"", SLICE_FMT(name));
	t->names[t->name_count++] = name;
	add(out, SLICE("("));
	enum status status = add_pattern(pattern, out, seen_rest, diag);
	add(out, SLICE(")"));
	return status;
}

enum status path_template_parse(struct slice text, struct arena *arena,
				struct path_template *result, struct diag *diag)
{
	bool seen_rest = false;
	enum status status = STATUS_OK;

	*result = (struct path_template){.name_count = 0};
	if (!text.len || text.data[0] != '/' || text.len > PATH_TEMPLATE_LEN_MAX)
		return diag_set(diag, "must begin with '/' and have at most %d characters",
				PATH_TEMPLATE_LEN_MAX);
	text = arena_slice(arena, text);
	struct text out = {arena_alloc(arena, (text.len + 1) * sizeof ANY_REST), 0};
	for (size_t i = 0; i < text.len && !status;) {
		size_t brace = slice_find_char(text, '{', i);
		status = add_pattern(slice_sub(text, i, brace), &out, &seen_rest, diag);
		i = brace;
		if (status || i == text.len)
			break;
		size_t end = slice_find_char(text, '}', i);
		if (end == text.len)
			return diag_set(diag, "'{' without '}'");
		status = add_variable(slice_sub(text, i + 1, end), result, &out, &seen_rest, diag);
		i = end + 1;
	}
	result->regex = (struct slice){out.data, out.len};
	return status;
}

enum status path_template_rewrite(struct slice text, const struct path_template *match,
				  struct arena *arena, struct slice *substitution,
				  struct diag *diag)
{
	if (!text.len || text.data[0] != '/')
		return diag_set(diag, "must begin with '/'");
	struct text out = {arena_alloc(arena, 2 * text.len), 0};
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '{') {
			if (!is_path_char(text.data[i]))
				return diag_set(diag, "unexpected '%c'", text.data[i]);
			add(&out, slice_sub(text, i, i + 1));
			continue;
		}
		size_t end = slice_find_char(text, '}', i);
		if (end == text.len)
			return diag_set(diag, "'{' without '}'");
		struct slice name = slice_sub(text, i + 1, end);
		unsigned n = 0;
		while (n < match->name_count && !slice_equal(match->names[n], name))
			n++;
		if (n == match->name_count)
			return diag_set(diag, "no variable \"%.*s\" in path_template",
					SLICE_FMT(name));
		char group[2] = {'\\', (char)('1' + n)};
		add(&out, slice_make(group, 2));
		i = end;
	}
	*substitution = (struct slice){out.data, out.len};
	return STATUS_OK;
}
