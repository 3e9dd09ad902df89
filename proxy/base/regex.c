#include "base/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	COMPILE_OPTIONS = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
			  PCRE2_NEVER_BACKSLASH_C,
	/* A match block for REGEX_GROUPS_MAX groups and its context, with room to spare. */
	SCRATCH_SIZE = 2048,
};

struct regex {
	pcre2_code *whole, *part; /* by use; NULL: not compiled for it */
	pcre2_match_context *limits;
	uint32_t group_count;
};

static void regex_fini(void *ptr)
{
	struct regex *regex = ptr;

	pcre2_code_free(regex->whole);
	pcre2_code_free(regex->part);
	pcre2_match_context_free(regex->limits);
}

/* --- what RE2 doesn't know ---------------------------------------------------------------- */

/* A group that begins with "(?": flags, names and plain groups are known. */
static bool is_known_group(struct slice rest)
{
	size_t i = 0;

	if (slice_starts_with(rest, SLICE("P<")))
		return true;
	if (slice_starts_with(rest, SLICE("<")))
		return rest.len > 1 && rest.data[1] != '=' && rest.data[1] != '!';
	while (i < rest.len && strchr("imsU-", rest.data[i]))
		i++;
	return i < rest.len && (rest.data[i] == ':' || rest.data[i] == ')');
}

/* Past the class that begins at i (after '['). */
static size_t skip_class(struct slice p, size_t i)
{
	if (i < p.len && p.data[i] == '^')
		i++;
	if (i < p.len && p.data[i] == ']')
		i++;
	for (; i < p.len && p.data[i] != ']'; i++) {
		if (p.data[i] == '\\')
			i++;
		else if (p.data[i] == '[' && i + 1 < p.len && p.data[i + 1] == ':')
			while (i + 1 < p.len && !(p.data[i] == ':' && p.data[i + 1] == ']'))
				i++;
	}
	return i;
}

static bool is_repeat_end(char c)
{
	return c == '*' || c == '+' || c == '?' || c == '}';
}

/* What is wrong with the pattern, or NULL. PCRE2 itself finds the rest. */
static const char *find_unknown(struct slice p)
{
	for (size_t i = 0; i < p.len; i++) {
		char next = i + 1 < p.len ? p.data[i + 1] : 0;
		switch (p.data[i]) {
		case '\\':
			if (next >= '1' && next <= '9')
				return "back references are not supported";
			if (next && strchr("gkKGRXNhHVZ", next))
				return "unknown escape sequence";
			if (next == 'Q') {
				const char *end = memmem(p.data + i, p.len - i, "\\E", 2);
				i = end ? (size_t)(end - p.data) : p.len;
			}
			i++;
			break;
		case '[':
			i = skip_class(p, i + 1);
			break;
		case '(':
			if (next == '*')
				return "verbs are not supported";
			if (next == '?' && !is_known_group(slice_sub(p, i + 2, p.len)))
				return "look-around and other Perl groups are not supported";
			break;
		case '+':
			if (i && is_repeat_end(p.data[i - 1]) && !(i > 1 && p.data[i - 2] == '\\'))
				return "bad repetition operator";
			break;
		}
	}
	return NULL;
}

/* --- compiling ---------------------------------------------------------------------------- */

static enum status compile(struct slice pattern, uint32_t options, pcre2_code **code,
			   struct diag *diag)
{
	PCRE2_SIZE at;
	int error;

	*code = pcre2_compile((PCRE2_SPTR)(pattern.len ? pattern.data : ""), pattern.len,
			      COMPILE_OPTIONS | options, &error, &at, NULL);
	if (!*code) {
		char text[128];
		pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
		return diag_set(diag, "invalid regex \"%.*s\": %s at offset %zu",
				SLICE_FMT(pattern), text, (size_t)at);
	}
	/* Without a JIT (no support, no executable memory) the interpreter does it. */
	(void)pcre2_jit_compile(*code, PCRE2_JIT_COMPLETE);
	return STATUS_OK;
}

enum status regex_compile(struct slice pattern, unsigned uses, struct arena *arena,
			  const struct regex **out, struct diag *diag)
{
	const char *unknown = find_unknown(pattern);
	enum status status = STATUS_OK;

	if (pattern.len > REGEX_PATTERN_MAX) {
		diag_set(diag, "regex is longer than %d bytes", REGEX_PATTERN_MAX);
		return STATUS_TOO_LARGE;
	}
	if (unknown)
		return diag_set(diag, "invalid regex \"%.*s\": %s", SLICE_FMT(pattern), unknown);

	struct regex *regex = ARENA_NEW(arena, struct regex);
	arena_defer(arena, regex_fini, regex);
	regex->limits = pcre2_match_context_create(NULL);
	invariant(regex->limits);
	pcre2_set_match_limit(regex->limits, REGEX_STEPS_MAX);
	if (uses & REGEX_MATCH)
		status = compile(pattern, PCRE2_ANCHORED | PCRE2_ENDANCHORED, &regex->whole, diag);
	if (!status && (uses & REGEX_REPLACE))
		status = compile(pattern, 0, &regex->part, diag);
	if (status)
		return status;
	pcre2_pattern_info(regex->part ? regex->part : regex->whole, PCRE2_INFO_CAPTURECOUNT,
			   &regex->group_count);
	*out = regex;
	return STATUS_OK;
}

/* --- matching ----------------------------------------------------------------------------- */

/* Memory for one match, on the stack; PCRE2 asks for more only where it interprets. */
struct scratch {
	_Alignas(16) char room[SCRATCH_SIZE];
	size_t used;
};

static void *scratch_alloc(size_t size, void *context)
{
	struct scratch *scratch = context;
	size_t rounded = (size + 15) & ~(size_t)15;

	if (rounded > SCRATCH_SIZE - scratch->used)
		return malloc(size);
	scratch->used += rounded;
	return scratch->room + scratch->used - rounded;
}

static void scratch_free(void *ptr, void *context)
{
	struct scratch *scratch = context;

	if ((char *)ptr < scratch->room || (char *)ptr >= scratch->room + SCRATCH_SIZE)
		free(ptr);
}

/* A match block with room for `groups`, and its context, in the scratch. */
static pcre2_match_data *match_open(struct scratch *scratch, uint32_t groups,
				    pcre2_general_context **memory)
{
	scratch->used = 0;
	*memory = pcre2_general_context_create(scratch_alloc, scratch_free, scratch);
	invariant(*memory);
	pcre2_match_data *match = pcre2_match_data_create(groups, *memory);
	invariant(match);
	return match;
}

static void match_close(pcre2_match_data *match, pcre2_general_context *memory)
{
	pcre2_match_data_free(match);
	pcre2_general_context_free(memory);
}

static int match_at(const pcre2_code *code, const struct regex *regex, struct slice text,
		    size_t from, pcre2_match_data *match)
{
	PCRE2_SPTR subject = (PCRE2_SPTR)(text.data ? text.data : "");
	int found = pcre2_match(code, subject, text.len, from, 0, match, regex->limits);

	if (found == PCRE2_ERROR_JIT_STACKLIMIT)
		found = pcre2_match(code, subject, text.len, from, PCRE2_NO_JIT, match,
				    regex->limits);
	return found;
}

bool regex_match(const struct regex *regex, struct slice text)
{
	pcre2_general_context *memory;
	struct scratch scratch;
	pcre2_match_data *match = match_open(&scratch, 1, &memory);
	int found = match_at(regex->whole, regex, text, 0, match);

	match_close(match, memory);
	return found >= 0;
}

/* Text under construction: grows in the arena. */
struct output {
	struct arena *arena;
	char *data;
	size_t len, capacity;
};

static void append(struct output *out, const char *data, size_t len)
{
	if (len > out->capacity - out->len) {
		size_t capacity = 2 * (out->len + len) + 64;
		char *bigger = arena_alloc(out->arena, capacity);
		if (out->len)
			memcpy(bigger, out->data, out->len);
		out->data = bigger;
		out->capacity = capacity;
	}
	if (len)
		memcpy(out->data + out->len, data, len);
	out->len += len;
}

/* The next character's place: continuation bytes of UTF-8 are part of the one before. */
static size_t next_character(struct slice text, size_t at)
{
	at++;
	while (at < text.len && ((unsigned char)text.data[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static uint32_t highest_group(struct slice substitution)
{
	uint32_t highest = 0;

	for (size_t i = 0; i + 1 < substitution.len; i++) {
		if (substitution.data[i] != '\\')
			continue;
		char c = substitution.data[++i];
		if (c >= '0' && c <= '9' && (uint32_t)(c - '0') > highest)
			highest = (uint32_t)(c - '0');
	}
	return highest;
}

static void append_substitution(struct output *out, struct slice substitution, struct slice text,
				const PCRE2_SIZE *spans, int span_count)
{
	for (size_t i = 0; i < substitution.len; i++) {
		char c = substitution.data[i];
		if (c == '\\' && i + 1 < substitution.len) {
			c = substitution.data[++i];
			int group = c - '0';
			if (c >= '0' && c <= '9') {
				if (group < span_count && spans[2 * group] != PCRE2_UNSET)
					append(out, text.data + spans[2 * group],
					       spans[2 * group + 1] - spans[2 * group]);
				continue;
			}
		}
		append(out, &c, 1);
	}
}

struct slice regex_replace_all(const struct regex *regex, struct slice text,
			       struct slice substitution, struct arena *arena)
{
	struct output out = {.arena = arena};
	size_t at = 0, copied = 0;
	bool has_match = false;
	pcre2_general_context *memory;
	struct scratch scratch;

	if (highest_group(substitution) > regex->group_count || !text.data)
		return text;
	pcre2_match_data *match = match_open(&scratch, REGEX_GROUPS_MAX, &memory);
	const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(match);
	while (at <= text.len) {
		int found = match_at(regex->part, regex, text, at, match);
		if (found < 0)
			break;
		size_t begin = spans[0], end = spans[1];
		if (begin == end && has_match && begin == copied) {
			at = next_character(text,
					    end); /* no empty match where the last one ended */
			continue;
		}
		append(&out, text.data + copied, begin - copied);
		append_substitution(&out, substitution, text, spans,
				    found ? found : REGEX_GROUPS_MAX);
		has_match = true;
		copied = end;
		at = begin == end ? next_character(text, end) : end;
	}
	match_close(match, memory);
	if (!has_match)
		return text;
	append(&out, text.data + copied, text.len - copied);
	return slice_make(out.data, out.len);
}
