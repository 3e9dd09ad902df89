#include "base/regex_syntax.h"

struct translation {
	struct slice in;
	size_t at;
	char *out;
	size_t len;
	struct diag *diag;
	bool is_repeated; /* the last thing was a repetition: another may not follow */
	bool has_atom;    /* there is something that a repetition can repeat */
};

/* The longest expansion of two bytes: "\S" to "[^\t\n\f\r ]". */
enum { GROWTH = 8 };

static bool at_end(const struct translation *t)
{
	return t->at >= t->in.len;
}

/* The byte n places on, 0 behind the end. */
static char peek(const struct translation *t, size_t n)
{
	return t->at + n < t->in.len ? t->in.data[t->at + n] : 0;
}

static void copy(struct translation *t, size_t n)
{
	memcpy(t->out + t->len, t->in.data + t->at, n);
	t->len += n;
	t->at += n;
}

static void put(struct translation *t, const char *text)
{
	size_t n = strlen(text);

	memcpy(t->out + t->len, text, n);
	t->len += n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_word(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static bool is_in(char c, const char *set)
{
	return c && strchr(set, c);
}

/* --- escapes */

static enum status bad_escape(struct translation *t)
{
	return diag_set(t->diag, "invalid escape sequence: \\%c", peek(t, 1) ? peek(t, 1) : ' ');
}

/* Up to three octal digits; one that isn't 0 would be a backreference. */
static enum status octal_escape(struct translation *t)
{
	unsigned value = 0, digits = 0;
	char text[8] = "\\x{";

	if (peek(t, 1) != '0' && !is_octal(peek(t, 2)))
		return bad_escape(t);
	for (; digits < 3 && is_octal(peek(t, 1 + digits)); digits++)
		value = value * 8 + (unsigned)(peek(t, 1 + digits) - '0');
	text[3] = "0123456789abcdef"[value >> 8 & 15];
	text[4] = "0123456789abcdef"[value >> 4 & 15];
	text[5] = "0123456789abcdef"[value & 15];
	text[6] = '}';
	put(t, text);
	t->at += 1 + digits;
	return STATUS_OK;
}

static enum status hex_escape(struct translation *t)
{
	size_t n = 2;

	if (peek(t, 2) != '{') {
		if (!is_hex(peek(t, 2)) || !is_hex(peek(t, 3)))
			return bad_escape(t);
		copy(t, 4);
		return STATUS_OK;
	}
	while (is_hex(peek(t, n + 1)))
		n++;
	if (n == 2 || n > 10 || peek(t, n + 1) != '}')
		return bad_escape(t);
	copy(t, n + 2);
	return STATUS_OK;
}

/* \pN \p{Greek} \p{^Greek} */
static enum status property_escape(struct translation *t)
{
	size_t close;

	if (peek(t, 2) != '{') {
		if (!is_word(peek(t, 2)))
			return bad_escape(t);
		copy(t, 3);
		return STATUS_OK;
	}
	close = slice_find_char(t->in, '}', t->at);
	if (close == t->in.len)
		return bad_escape(t);
	copy(t, close + 1 - t->at);
	return STATUS_OK;
}

/* At a backslash. */
static enum status escape(struct translation *t, bool in_class)
{
	char c = peek(t, 1);

	if (is_octal(c))
		return octal_escape(t);
	if (c == 'x')
		return hex_escape(t);
	if (c == 'p' || c == 'P')
		return property_escape(t);
	if (c == 'v' || c == 's' || (c == 'S' && !in_class)) {
		put(t, c == 'v'   ? "\\x0b"
		       : in_class ? "\\t\\n\\f\\r "
		       : c == 's' ? "[\\t\\n\\f\\r ]"
				  : "[^\\t\\n\\f\\r ]");
		t->at += 2;
		return STATUS_OK;
	}
	bool is_known = is_in(c, "afnrtdDwWS") || (!in_class && is_in(c, "AbBz"));
	bool is_literal = c == '_' || (c && !is_word(c) && (unsigned char)c < 0x80);
	if (!is_known && !is_literal)
		return bad_escape(t);
	copy(t, 2);
	return STATUS_OK;
}

/* At "\Q": everything up to "\E" stands for itself. */
static void quoted(struct translation *t)
{
	t->at += 2;
	while (!at_end(t) && !(peek(t, 0) == '\\' && peek(t, 1) == 'E')) {
		if (!is_word(peek(t, 0)) && (unsigned char)peek(t, 0) < 0x80 && peek(t, 0))
			put(t, "\\");
		copy(t, 1);
		t->has_atom = true;
		t->is_repeated = false;
	}
	if (!at_end(t))
		t->at += 2;
}

/* --- classes */

/* At "[:": "[:alpha:]" or "[:^alpha:]". */
static enum status posix_class(struct translation *t)
{
	static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
					    "digit", "graph", "lower", "print", "punct",
					    "space", "upper", "word",  "xdigit"};
	size_t from = t->at + 2 + (peek(t, 2) == '^');
	size_t to = slice_find_char(t->in, ':', from);

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (slice_equal(slice_sub(t->in, from, to), slice_of(names[i])) &&
		    to + 1 < t->in.len && t->in.data[to + 1] == ']') {
			copy(t, to + 2 - t->at);
			return STATUS_OK;
		}
	}
	return diag_set(t->diag, "invalid character class");
}

/* At '['. */
static enum status bracket(struct translation *t)
{
	copy(t, 1);
	if (peek(t, 0) == '^')
		copy(t, 1);
	for (bool is_first = true; !at_end(t); is_first = false) {
		enum status status = STATUS_OK;
		bool is_set = false;
		char c = peek(t, 0);
		if (c == ']' && !is_first) {
			copy(t, 1);
			return STATUS_OK;
		}
		if (c == '[' && peek(t, 1) == ':') {
			is_set = true;
			status = posix_class(t);
		} else if (c == '\\') {
			is_set = is_in(peek(t, 1), "dDwWsSpP");
			status = escape(t, true);
		} else {
			if (c == '[')
				put(t, "\\");
			copy(t, 1);
		}
		if (status != STATUS_OK)
			return status;
		if (is_set && peek(t, 0) == '-') /* no range begins with a set of characters */
			put(t, "\\");
	}
	return diag_set(t->diag, "missing closing ]");
}

/* --- groups and repetitions */

/* Length of "(?flags" up to the ':' or ')' that ends it, which is included; 0 if it isn't one. */
static size_t flags_len(const struct translation *t)
{
	size_t n = 2;

	while (is_in(peek(t, n), "imsU-"))
		n++;
	return is_in(peek(t, n), ":)") && peek(t, n - 1) != '-' ? n + 1 : 0;
}

/* At '('. */
static enum status open_group(struct translation *t)
{
	size_t n = 1;

	if (peek(t, 1) == '*')
		return diag_set(t->diag, "no argument for repetition operator: *");
	if (peek(t, 1) == '?') {
		bool is_named = (peek(t, 2) == 'P' && peek(t, 3) == '<') ||
				(peek(t, 2) == '<' && is_word(peek(t, 3)));
		n = is_named ? 3 : flags_len(t);
		if (!n)
			return diag_set(t->diag, "invalid perl operator: (?%c",
					peek(t, 2) ? peek(t, 2) : ' ');
	}
	t->has_atom = n > 1 && t->in.data[t->at + n - 1] == ')' ? t->has_atom : false;
	t->is_repeated = false;
	copy(t, n);
	return STATUS_OK;
}

/* Length of "{n}", "{n,}" or "{n,m}"; 0 if the brace stands for itself. *largest is n or m. */
static size_t counts_len(const struct translation *t, unsigned *largest)
{
	unsigned counts[2] = {0, 0};
	size_t n = 1;

	for (int i = 0; i < 2; i++) {
		size_t first = n;
		for (; is_digit(peek(t, n)); n++)
			if (counts[i] <= REGEX_REPEAT_MAX)
				counts[i] = counts[i] * 10 + (unsigned)(peek(t, n) - '0');
		if (n == first && !i)
			return 0;
		if (peek(t, n) != ',' || i)
			break;
		n++;
	}
	*largest = counts[0] > counts[1] ? counts[0] : counts[1];
	return peek(t, n) == '}' ? n + 1 : 0;
}

/* At a repetition of n bytes. */
static enum status repetition(struct translation *t, size_t n)
{
	if (t->is_repeated)
		return diag_set(t->diag, "bad repetition operator at %zu", t->at);
	if (!t->has_atom)
		return diag_set(t->diag, "no argument for repetition operator: %c", peek(t, 0));
	if (peek(t, n) == '?')
		n++;
	copy(t, n);
	t->is_repeated = true;
	return STATUS_OK;
}

static enum status one_item(struct translation *t)
{
	enum status status = STATUS_OK;
	unsigned largest = 0;
	char c = peek(t, 0);
	size_t n = c == '{' ? counts_len(t, &largest) : is_in(c, "*+?");

	if (largest > REGEX_REPEAT_MAX)
		return diag_set(t->diag, "repetition count over %d", REGEX_REPEAT_MAX);
	if (n)
		return repetition(t, n);
	if (c == '(')
		return open_group(t);
	if (c == '\\' && peek(t, 1) == 'Q') {
		quoted(t);
		return STATUS_OK;
	}
	if (c == '\\')
		status = escape(t, false);
	else if (c == '[')
		status = bracket(t);
	else if (c == '{' || c == '}' || c == ']')
		put(t, "\\"), copy(t, 1);
	else
		copy(t, 1);
	t->has_atom = c != '|';
	t->is_repeated = false;
	return status;
}

enum status regex_translate(struct slice pattern, struct arena *arena, struct diag *diag,
			    struct slice *result)
{
	struct translation t = {
		.in = pattern, .out = arena_alloc(arena, pattern.len * GROWTH + 1), .diag = diag};

	while (!at_end(&t)) {
		enum status status = one_item(&t);
		if (status != STATUS_OK)
			return status;
	}
	*result = slice_make(t.out, t.len);
	return STATUS_OK;
}
