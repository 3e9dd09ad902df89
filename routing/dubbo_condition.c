#include "routing/dubbo_condition.h"

#include <stdlib.h>

/* --- reading --- */

/* Separators before a word, and the word: the tokens of the grammar. */
struct token {
	struct slice separator, word;
	size_t at; /* of the word, or of the separator when there is none */
};

struct pattern_list {
	struct dubbo_pattern *items;
	uint32_t count, capacity;
};

struct part_draft {
	struct dubbo_part part;
	struct slice text; /* of the key */
	struct pattern_list matches, mismatches;
};

struct side_reader {
	struct slice text;
	size_t at;
	bool is_provider;
	struct arena *arena;
	struct diag *diag;
	struct part_draft drafts[DUBBO_CONDITION_PARTS];
	uint32_t count, values;
	struct dubbo_side *side;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_separator(char c)
{
	return c == '&' || c == '!' || c == '=' || c == ',';
}

static struct slice trim(struct slice s)
{
	while (s.len && is_blank(s.data[0]))
		s.data++, s.len--;
	while (s.len && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

static void skip_blanks(struct side_reader *r)
{
	while (r->at < r->text.len && is_blank(r->text.data[r->at]))
		r->at++;
}

/* False at the end. A separator may be left without a word: the word is empty then. */
static bool next_token(struct side_reader *r, struct token *token)
{
	size_t from;

	skip_blanks(r);
	if (r->at == r->text.len)
		return false;
	for (from = r->at; r->at < r->text.len && is_separator(r->text.data[r->at]);)
		r->at++;
	token->at = from;
	token->separator = slice_sub(r->text, from, r->at);
	skip_blanks(r);
	for (from = r->at; r->at < r->text.len && !is_separator(r->text.data[r->at]) &&
			   !is_blank(r->text.data[r->at]);)
		r->at++;
	token->word = slice_sub(r->text, from, r->at);
	if (token->word.len)
		token->at = from;
	return true;
}

/* "name[inside]", and nothing or ".more" behind it, which Dubbo doesn't look at. */
static bool read_brackets(struct slice text, struct slice *inside)
{
	size_t open = slice_find_char(text, '[', 0), close = text.len;

	while (close > open && text.data[close - 1] != ']')
		close--;
	if (close <= open + 2)
		return false;
	*inside = slice_sub(text, open + 1, close - 1);
	return close == text.len || text.data[close] == '.';
}

static enum status read_key(struct side_reader *r, struct dubbo_part *part, struct token *token)
{
	bool is_argument = slice_starts_with(token->word, SLICE("arguments")),
	     is_attachment = slice_starts_with(token->word, SLICE("attachments"));
	struct slice inside;
	uint64_t number;

	part->kind = DUBBO_KEY_PARAMETER;
	part->key = arena_slice(r->arena, token->word);
	if (!is_argument && !is_attachment) {
		if (!r->is_provider && (slice_equal(part->key, SLICE("method")) ||
					slice_equal(part->key, SLICE("methods"))))
			part->kind = DUBBO_KEY_METHOD;
		return STATUS_OK;
	}
	if (r->is_provider)
		return diag_set(r->diag, "byte %zu: '%.*s' is of the call, which stands before =>",
				token->at + 1, SLICE_FMT(token->word));
	if (!read_brackets(token->word, &inside))
		return diag_set(r->diag, "byte %zu: '%.*s' names no %s", token->at + 1,
				SLICE_FMT(token->word),
				is_argument ? "argument: arguments[0] does"
					    : "attachment: attachments[name] does");
	if (is_attachment) {
		part->kind = DUBBO_KEY_ATTACHMENT;
		part->key = arena_slice(r->arena, inside);
		return STATUS_OK;
	}
	if (!slice_to_uint64(inside, &number) || number > 255)
		return diag_set(r->diag, "byte %zu: '%.*s' is no argument's number", token->at + 1,
				SLICE_FMT(inside));
	part->kind = DUBBO_KEY_ARGUMENT;
	part->argument = (uint32_t)number;
	return STATUS_OK;
}

static enum status add_value(struct side_reader *r, struct pattern_list *list, struct token *token)
{
	if (++r->values > DUBBO_CONDITION_VALUES) {
		(void)diag_set(r->diag, "more than %d values", DUBBO_CONDITION_VALUES);
		return STATUS_TOO_LARGE;
	}
	if (list->count == list->capacity) {
		uint32_t capacity = list->capacity ? list->capacity * 2 : 2;
		struct dubbo_pattern *items =
			ARENA_NEW_ARRAY(r->arena, struct dubbo_pattern, capacity);
		if (list->count)
			memcpy(items, list->items, list->count * sizeof *items);
		list->items = items;
		list->capacity = capacity;
	}
	struct dubbo_pattern *pattern = &list->items[list->count++];
	enum status status =
		dubbo_pattern_parse(pattern, token->word, r->is_provider, r->arena, r->diag);
	r->side->names_parameters |= !status && pattern->kind == DUBBO_PATTERN_PARAM;
	return status;
}

static struct part_draft *find_draft(struct side_reader *r, struct slice key)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (slice_equal(r->drafts[i].text, key))
			return &r->drafts[i];
	return NULL;
}

/* A key that was there before goes on with what it had. */
static enum status open_part(struct side_reader *r, struct part_draft **draft, struct token *token)
{
	*draft = find_draft(r, token->word);
	if (*draft)
		return STATUS_OK;
	if (r->count == DUBBO_CONDITION_PARTS) {
		(void)diag_set(r->diag, "more than %d keys", DUBBO_CONDITION_PARTS);
		return STATUS_TOO_LARGE;
	}
	*draft = &r->drafts[r->count++];
	**draft = (struct part_draft){.text = token->word};
	return read_key(r, &(*draft)->part, token);
}

static enum status read_token(struct side_reader *r, struct part_draft **draft,
			      struct pattern_list **list, struct token *token)
{
	bool is_match = slice_equal(token->separator, SLICE("=")),
	     is_mismatch = slice_equal(token->separator, SLICE("!="));

	if (!token->word.len)
		return diag_set(r->diag, "byte %zu: nothing follows '%.*s'", token->at + 1,
				SLICE_FMT(token->separator));
	if (!token->separator.len && *draft)
		return diag_set(r->diag, "byte %zu: '&' is missing before '%.*s'", token->at + 1,
				SLICE_FMT(token->word));
	if (!token->separator.len || slice_equal(token->separator, SLICE("&"))) {
		*list = NULL;
		return open_part(r, draft, token);
	}
	if (*draft && (is_match || is_mismatch))
		*list = is_match ? &(*draft)->matches : &(*draft)->mismatches;
	else if (!*list || !slice_equal(token->separator, SLICE(",")))
		return diag_set(r->diag, "byte %zu: '%.*s' can't stand before '%.*s'",
				token->at + 1, SLICE_FMT(token->separator), SLICE_FMT(token->word));
	return add_value(r, *list, token);
}

static enum status finish(struct side_reader *r)
{
	struct dubbo_part *parts = ARENA_NEW_ARRAY(r->arena, struct dubbo_part, r->count);

	for (uint32_t i = 0; i < r->count; i++) {
		struct part_draft *draft = &r->drafts[i];
		if (!draft->matches.count && !draft->mismatches.count)
			return diag_set(r->diag, "'%.*s' is compared with nothing",
					SLICE_FMT(draft->text));
		parts[i] = draft->part;
		parts[i].matches = draft->matches.items;
		parts[i].match_count = draft->matches.count;
		parts[i].mismatches = draft->mismatches.items;
		parts[i].mismatch_count = draft->mismatches.count;
	}
	r->side->parts = parts;
	r->side->count = r->count;
	return STATUS_OK;
}

enum status dubbo_side_parse(struct dubbo_side *side, struct slice text, bool is_provider,
			     struct arena *arena, struct diag *diag)
{
	struct part_draft *draft = NULL;
	struct pattern_list *list = NULL;
	struct token token;
	enum status status = STATUS_OK;

	*side = (struct dubbo_side){0};
	if (text.len > DUBBO_CONDITION_LENGTH) {
		(void)diag_set(diag, "longer than %d bytes", DUBBO_CONDITION_LENGTH);
		return STATUS_TOO_LARGE;
	}
	struct side_reader *r = calloc(1, sizeof *r);
	invariant(r);
	r->text = text;
	r->is_provider = is_provider;
	r->arena = arena;
	r->diag = diag;
	r->side = side;
	while (!status && next_token(r, &token))
		status = read_token(r, &draft, &list, &token);
	if (!status)
		status = finish(r);
	free(r);
	return status;
}

/* Without "consumer." and "provider.", which older rules write before keys. */
static struct slice drop_words(struct slice text, struct slice word, struct arena *arena)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len;) {
		if (slice_starts_with(slice_sub(text, i, text.len), word))
			i += word.len;
		else
			out[len++] = text.data[i++];
	}
	return slice_make(out, len);
}

static size_t find_arrow(struct slice text)
{
	size_t at = slice_find_char(text, '=', 0);

	while (at + 1 < text.len && text.data[at + 1] != '>')
		at = slice_find_char(text, '=', at + 1);
	return at + 1 < text.len ? at : text.len;
}

/* Which side it is isn't a part of the path. */
static enum status say_where(struct diag *diag, const char *side, enum status status)
{
	struct diag said = *diag;

	(void)diag_set(diag, "%s: %.480s", side, said.text);
	return status;
}

enum status dubbo_condition_parse(struct dubbo_condition *condition, struct slice text,
				  struct arena *arena, struct diag *diag)
{
	*condition = (struct dubbo_condition){0};
	if (!trim(text).len)
		return diag_set(diag, "is empty");
	if (text.len > DUBBO_CONDITION_LENGTH) {
		(void)diag_set(diag, "longer than %d bytes", DUBBO_CONDITION_LENGTH);
		return STATUS_TOO_LARGE;
	}
	text = drop_words(text, SLICE("consumer."), arena);
	text = drop_words(text, SLICE("provider."), arena);
	size_t arrow = find_arrow(text);
	bool has_arrow = arrow < text.len;
	struct slice when = has_arrow ? trim(slice_sub(text, 0, arrow)) : (struct slice){0};
	struct slice then = has_arrow ? trim(slice_sub(text, arrow + 2, text.len)) : trim(text);
	enum status status = STATUS_OK;

	if (when.len && !slice_equal(when, SLICE("true")))
		status = dubbo_side_parse(&condition->when, when, false, arena, diag);
	if (status)
		return say_where(diag, "before =>", status);
	condition->denies = !then.len || slice_equal(then, SLICE("false"));
	if (!condition->denies)
		status = dubbo_side_parse(&condition->then, then, true, arena, diag);
	return status ? say_where(diag, "behind =>", status) : STATUS_OK;
}

/* --- testing --- */

static bool matches_any(const struct dubbo_pattern *patterns, uint32_t count, struct slice value,
			const struct dubbo_call *call)
{
	for (uint32_t i = 0; i < count; i++) {
		struct slice parameter = {0};
		if (patterns[i].kind == DUBBO_PATTERN_PARAM)
			parameter =
				dubbo_consumer_parameter(call->consumer, call, patterns[i].prefix);
		if (dubbo_pattern_test(&patterns[i], value, parameter))
			return true;
	}
	return false;
}

static bool test_value(const struct dubbo_part *part, struct slice value,
		       const struct dubbo_call *call)
{
	if (!value.data || matches_any(part->mismatches, part->mismatch_count, value, call))
		return false;
	return !part->match_count || matches_any(part->matches, part->match_count, value, call);
}

/* An argument that isn't there is compared as this text: such is Java's answer. */
static struct slice argument_text(const struct dubbo_call *call, uint32_t n)
{
	struct slice text = {0};

	switch (call->argument ? call->argument(call->context, n, &text) : DUBBO_ARGUMENT_ABSENT) {
	case DUBBO_ARGUMENT_NULL:
		return SLICE("null");
	case DUBBO_ARGUMENT_STRING:
	case DUBBO_ARGUMENT_NUMBER:
	case DUBBO_ARGUMENT_BOOL:
	case DUBBO_ARGUMENT_TEXT:
		return text.data ? text : SLICE("");
	case DUBBO_ARGUMENT_ABSENT:
	case DUBBO_ARGUMENT_OTHER:
		break;
	}
	return SLICE("dubbo_internal_not_found_argument_condition_value");
}

static struct slice value_of_call(const struct dubbo_part *part, const struct dubbo_call *call)
{
	switch ((enum dubbo_key_kind)part->kind) {
	case DUBBO_KEY_METHOD:
		return call->method;
	case DUBBO_KEY_ARGUMENT:
		return argument_text(call, part->argument);
	case DUBBO_KEY_ATTACHMENT:
		return call->attachment ? call->attachment(call->context, part->key)
					: (struct slice){0};
	case DUBBO_KEY_PARAMETER:
		break;
	}
	return dubbo_consumer_parameter(call->consumer, call, part->key);
}

bool dubbo_side_test_call(const struct dubbo_side *side, const struct dubbo_call *call)
{
	for (uint32_t i = 0; i < side->count; i++)
		if (!test_value(&side->parts[i], value_of_call(&side->parts[i], call), call))
			return false;
	return true;
}

bool dubbo_side_test_provider(const struct dubbo_side *side, const struct dubbo_call *call,
			      const struct host_facts *providers, uint32_t i)
{
	char room[DUBBO_PARAMETER_ROOM];

	for (uint32_t k = 0; k < side->count; k++)
		if (!test_value(&side->parts[k],
				dubbo_provider_parameter(providers, i, side->parts[k].key, room),
				call))
			return false;
	return true;
}
