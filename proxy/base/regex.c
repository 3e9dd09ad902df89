#include "base/regex.h"

#include <stdint.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/regex_syntax.h"

struct regex {
	pcre2_code *whole, *part; /* by use; NULL: not compiled for it */
	pcre2_match_context *limits;
	unsigned group_count;
};

/* What a match needs of PCRE2's memory fits here, so that none comes from the heap, as long as the
 * JIT does with the 32 KiB of the thread's stack that it takes at first. */
struct scratch {
	_Alignas(16) char bytes[1024];
	size_t used;
};

static void *scratch_alloc(size_t size, void *arg)
{
	struct scratch *scratch = arg;
	size_t rounded = (size + 15) & ~(size_t)15;

	if (rounded > sizeof scratch->bytes - scratch->used)
		return malloc(size);
	void *p = scratch->bytes + scratch->used;
	scratch->used += rounded;
	return p;
}

static void scratch_free(void *p, void *arg)
{
	struct scratch *scratch = arg;
	uintptr_t at = (uintptr_t)p, from = (uintptr_t)scratch->bytes;

	if (at < from || at >= from + sizeof scratch->bytes)
		free(p);
}

/* --- compiling */

static void regex_free(void *ptr)
{
	struct regex *regex = ptr;

	pcre2_code_free(regex->whole);
	pcre2_code_free(regex->part);
	pcre2_match_context_free(regex->limits);
}

static enum status compile(struct slice pattern, uint32_t anchors, pcre2_code **code,
			   struct diag *diag)
{
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
			   PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	size_t offset;
	int error;

	invariant(context);
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	*code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len, options | anchors, &error,
			      &offset, context);
	pcre2_compile_context_free(context);
	if (!*code) {
		char text[128];
		pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
		return diag_set(diag, "invalid regular expression: %s", text);
	}
	pcre2_jit_compile(*code, PCRE2_JIT_COMPLETE); /* without it the interpreter does the work */
	return STATUS_OK;
}

enum status regex_compile(struct slice pattern, unsigned uses, struct arena *arena,
			  const struct regex **out, struct diag *diag)
{
	struct slice translated;

	if (pattern.len > REGEX_PATTERN_MAX) {
		diag_set(diag, "regular expression over %d bytes", REGEX_PATTERN_MAX);
		return STATUS_TOO_LARGE;
	}
	enum status status = regex_translate(pattern, arena, diag, &translated);
	if (status != STATUS_OK)
		return status;

	struct regex *regex = ARENA_NEW(arena, struct regex);
	arena_defer(arena, regex_free, regex);
	regex->limits = pcre2_match_context_create(NULL);
	invariant(regex->limits);
	pcre2_set_match_limit(regex->limits, REGEX_STEPS_MAX);
	pcre2_set_depth_limit(regex->limits, REGEX_STEPS_MAX);
	pcre2_set_heap_limit(regex->limits, REGEX_STACK_LIMIT / 1024);
	if (uses & REGEX_MATCH)
		status = compile(translated, PCRE2_ANCHORED | PCRE2_ENDANCHORED, &regex->whole,
				 diag);
	if (status == STATUS_OK && uses & REGEX_REPLACE)
		status = compile(translated, 0, &regex->part, diag);
	if (status != STATUS_OK)
		return status;
	pcre2_pattern_info(regex->part ? regex->part : regex->whole, PCRE2_INFO_CAPTURECOUNT,
			   &regex->group_count);
	*out = regex;
	return STATUS_OK;
}

unsigned regex_group_count(const struct regex *regex)
{
	return regex->group_count;
}

/* --- matching */

/* The same with a stack from the heap: long texts under nested repetitions need one. */
static COLD int match_with_stack(const struct regex *regex, const pcre2_code *code,
				 struct slice text, size_t start, pcre2_match_data *data)
{
	pcre2_match_context *context = pcre2_match_context_copy(regex->limits);
	pcre2_jit_stack *stack = pcre2_jit_stack_create(65536, REGEX_STACK_LIMIT, NULL);

	invariant(context && stack);
	pcre2_jit_stack_assign(context, NULL, stack);
	int found = pcre2_match(code, (PCRE2_SPTR)text.data, text.len, start, 0, data, context);
	pcre2_jit_stack_free(stack);
	pcre2_match_context_free(context);
	return found;
}

/* Looks from `start` on; fills the first `count` groups (at least 1). */
static enum status match_from(const struct regex *regex, const pcre2_code *code, struct slice text,
			      size_t start, struct slice *groups, unsigned count)
{
	struct scratch scratch; /* not cleared: it is a kilobyte */
	scratch.used = 0;
	pcre2_general_context *memory =
		pcre2_general_context_create(scratch_alloc, scratch_free, &scratch);
	pcre2_match_data *data = pcre2_match_data_create(count, memory);
	PCRE2_SPTR subject = (PCRE2_SPTR)(text.data ? text.data : "");

	invariant(data);
	int found = pcre2_match(code, subject, text.len, start, 0, data, regex->limits);
	if (found == PCRE2_ERROR_JIT_STACKLIMIT)
		found = match_with_stack(regex, code, text, start, data);
	const size_t *ends = pcre2_get_ovector_pointer(data);
	for (unsigned i = 0; found >= 0 && i < count; i++) {
		bool took_part = (found == 0 || i < (unsigned)found) && ends[2 * i] != PCRE2_UNSET;
		groups[i] =
			took_part ? slice_make(subject + ends[2 * i], ends[2 * i + 1] - ends[2 * i])
				  : (struct slice){NULL, 0};
	}
	pcre2_match_data_free(data);
	pcre2_general_context_free(memory);
	if (found >= 0)
		return STATUS_OK;
	return found == PCRE2_ERROR_NOMATCH ? STATUS_NOT_FOUND : STATUS_TOO_LARGE;
}

enum status regex_try_match(const struct regex *regex, struct slice text)
{
	struct slice whole;

	return match_from(regex, regex->whole, text, 0, &whole, 1);
}

bool regex_match(const struct regex *regex, struct slice text)
{
	return regex_try_match(regex, text) == STATUS_OK;
}

enum status regex_find(const struct regex *regex, struct slice text, struct slice *groups,
		       unsigned count)
{
	invariant(count && count <= REGEX_GROUPS_MAX);
	return match_from(regex, regex->part, text, 0, groups, count);
}

/* --- replacing */

/* Each backslash has a digit of a group that there is behind it, or a backslash. */
static bool fits(const struct regex *regex, struct slice rewrite)
{
	for (size_t i = 0; i < rewrite.len; i++) {
		if (rewrite.data[i] != '\\')
			continue;
		char c = ++i < rewrite.len ? rewrite.data[i] : 0;
		if (c != '\\' && (c < '0' || c > '9' || (unsigned)(c - '0') > regex->group_count))
			return false;
	}
	return true;
}

struct output {
	struct arena *arena;
	char *bytes;
	size_t len, room;
};

static bool put(struct output *out, const char *data, size_t len)
{
	if (len > REGEX_RESULT_MAX - out->len)
		return false;
	if (len > out->room - out->len) {
		size_t room = out->room ? out->room * 2 : 256;
		while (room - out->len < len)
			room *= 2;
		char *bytes = arena_alloc(out->arena, room);
		if (out->len)
			memcpy(bytes, out->bytes, out->len);
		out->bytes = bytes;
		out->room = room;
	}
	if (len)
		memcpy(out->bytes + out->len, data, len);
	out->len += len;
	return true;
}

static bool put_rewrite(struct output *out, struct slice rewrite, const struct slice *groups)
{
	for (size_t i = 0; i < rewrite.len; i++) {
		struct slice piece = slice_sub(rewrite, i, i + 1);
		if (rewrite.data[i] == '\\' && ++i < rewrite.len) {
			char c = rewrite.data[i];
			piece = c == '\\' ? slice_sub(rewrite, i, i + 1) : groups[c - '0'];
		}
		if (!put(out, piece.data, piece.len))
			return false;
	}
	return true;
}

/* Bytes of the UTF-8 character at `at`: 1 for what is none. */
static size_t character_len(struct slice text, size_t at)
{
	uint8_t lead = (uint8_t)text.data[at];
	size_t len = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (len > text.len - at)
		return 1;
	for (size_t i = 1; i < len; i++)
		if (((uint8_t)text.data[at + i] & 0xc0) != 0x80)
			return 1;
	return len;
}

/* Writes the text with its matches replaced. False when nothing matched, a match gave up, or the
 * result is too long. */
static bool replace_all(const struct regex *regex, struct slice text, struct slice rewrite,
			struct output *out)
{
	struct slice groups[REGEX_GROUPS_MAX];
	size_t at = 0, last_end = SIZE_MAX;
	bool fits = true;

	while (at <= text.len && fits) {
		enum status status =
			match_from(regex, regex->part, text, at, groups, REGEX_GROUPS_MAX);
		if (status == STATUS_NOT_FOUND)
			break;
		if (status != STATUS_OK)
			return false;
		size_t from = (size_t)(groups[0].data - text.data);
		fits = put(out, text.data + at, from - at);
		if (from == last_end && !groups[0].len) {
			/* An empty match right behind the last one: one character on. */
			size_t n = from < text.len ? character_len(text, from) : 1;
			fits = fits && (from == text.len || put(out, text.data + from, n));
			at = from + n;
			continue;
		}
		fits = fits && put_rewrite(out, rewrite, groups);
		at = last_end = from + groups[0].len;
	}
	if (at < text.len)
		fits = fits && put(out, text.data + at, text.len - at);
	return fits && last_end != SIZE_MAX;
}

struct slice regex_replace_all(const struct regex *regex, struct slice text,
			       struct slice substitution, struct arena *arena)
{
	struct output out = {.arena = arena};

	if (!fits(regex, substitution))
		return text;
	if (!text.data)
		text.data = "";
	return replace_all(regex, text, substitution, &out)
		       ? slice_make(out.bytes ? out.bytes : "", out.len)
		       : text;
}
