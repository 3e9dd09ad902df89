#include "filters/header_to_metadata/header_to_metadata.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/regex.h"
#include "message/cookie.h"
#include "message/metadata.h"
#include "telemetry/stats.h"

/* One direction's rules under way. */
struct pass {
	struct filter *f;
	struct headers *headers;
	struct arena *arena;
	enum direction direction;
};

static void count(const struct pass *pass, unsigned id)
{
	const struct header_to_metadata_config *config = pass->f->config;
	if (config->stats)
		stat_inc(filter_stats(pass->f), config->stats, id);
}

/* Of a pair of statistics, that of the direction. */
#define COUNT(pass, what)                                                                          \
	count(pass, (pass)->direction == DIRECTION_REQUEST                                         \
			    ? HEADER_TO_METADATA_STAT_REQUEST_##what                               \
			    : HEADER_TO_METADATA_STAT_RESPONSE_##what)

/* All of the text but the blanks around it, as strtod reads it. */
static bool read_number(struct slice text, double *number, struct arena *arena)
{
	char *end, *start = arena_string(arena, slice_trim(text));

	*number = strtod(start, &end);
	return end > start && !*end;
}

static bool read_value(struct label *label, const struct metadata_note *note, struct slice text,
		       struct arena *arena)
{
	switch ((enum metadata_value_type)note->type) {
	case METADATA_STRING:
		label->kind = LABEL_STRING;
		label->text = text;
		return true;
	case METADATA_NUMBER:
		label->kind = LABEL_NUMBER;
		return read_number(text, &label->number, arena);
	case METADATA_PROTOBUF:
		return label_read(label, text, arena);
	}
	return false;
}

static void add(const struct pass *pass, const struct metadata_note *note, struct slice text)
{
	struct label label = {.kind = LABEL_NULL};

	if (text.len >= HEADER_TO_METADATA_VALUE_MAX) {
		count(pass, HEADER_TO_METADATA_STAT_HEADER_VALUE_TOO_LONG);
		return;
	}
	if (note->is_base64 &&
	    (!base64_decode(text, BASE64_STANDARD, pass->arena, &text) || !text.len)) {
		count(pass, HEADER_TO_METADATA_STAT_BASE64_DECODE_FAILED);
		return;
	}
	if (!read_value(&label, note, text, pass->arena))
		return;
	metadata_set(&filter_info(pass->f)->metadata, note->space, note->key, &label, pass->arena);
	COUNT(pass, METADATA_ADDED);
}

/* text: of the header; "" if it is missing or empty. */
static void note_down(const struct pass *pass, const struct metadata_note *note, struct slice text)
{
	if (note->value.len) {
		text = note->value;
	} else if (note->regex && text.len) {
		text = regex_replace_all(note->regex, text, note->substitution, pass->arena);
		if (!text.len)
			count(pass, HEADER_TO_METADATA_STAT_REGEX_SUBSTITUTION_FAILED);
	}
	if (text.len)
		add(pass, note, text);
}

/* .data NULL: it is missing. A cookie without a value counts as missing, a header doesn't. */
static struct slice take_value(const struct pass *pass, const struct metadata_rule *rule)
{
	struct slice value;

	if (rule->is_cookie) {
		value = cookie_find(pass->headers, rule->name);
		return value.len ? value : (struct slice){NULL, 0};
	}
	value = headers_get_joined(pass->headers, rule->name, pass->arena);
	if (value.data && rule->removes)
		headers_remove(pass->headers, rule->name);
	return value;
}

static void apply(const struct pass *pass, const struct metadata_rules *rules)
{
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct metadata_rule *rule = &rules->items[i];
		struct slice value = take_value(pass, rule);
		COUNT(pass, RULES_PROCESSED);
		if (value.data && rule->present) {
			note_down(pass, rule->present, value);
		} else if (!value.data && rule->missing) {
			COUNT(pass, HEADER_NOT_FOUND);
			note_down(pass, rule->missing, value);
		}
	}
}

enum filter_status header_to_metadata_request_headers(struct filter *f, struct headers *headers,
						      bool end)
{
	const struct header_to_metadata_config *config = f->config;
	struct pass pass = {f, headers, filter_arena(f), DIRECTION_REQUEST};

	(void)end;
	apply(&pass, &config->request);
	return FILTER_CONTINUE;
}

enum filter_status header_to_metadata_response_headers(struct filter *f, struct headers *headers,
						       bool end)
{
	const struct header_to_metadata_config *config = f->config;
	struct pass pass = {f, headers, filter_arena(f), DIRECTION_RESPONSE};

	(void)end;
	apply(&pass, &config->response);
	return FILTER_CONTINUE;
}
