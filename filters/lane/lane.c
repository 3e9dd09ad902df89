#include "filters/lane/lane.h"

#include "base/hash.h"
#include "message/grammar.h"
#include "telemetry/stats.h"

static void count(const struct filter *f, enum lane_stat id)
{
	const struct lane_config *config = f->config;
	stat_inc(filter_stats(f), config->stats, id);
}

/* It may become a header, and hosts are looked up by it. */
static bool is_tag(struct slice text)
{
	return text.len && text.len <= LANE_TAG_MAX && grammar_all(text, GRAMMAR_TARGET);
}

/* --- by trace --- */

/* The part of a trace header that is the same in all requests of the trace: of W3C's traceparent
 * the second field, of b3 the first. */
static struct slice trace_of(struct slice name, struct slice value)
{
	size_t from = 0, to;

	if (slice_equal(name, SLICE("traceparent")))
		from = slice_find_char(value, '-', 0) + 1;
	else if (!slice_equal(name, SLICE("b3")))
		return value;
	if (from >= value.len)
		return (struct slice){0};
	to = slice_find_char(value, '-', from);
	return slice_sub(value, from, to);
}

static bool find_trace(const struct lane_config *config, const struct policy_facts *facts,
		       uint64_t *key)
{
	const struct request_value where = {.source = REQUEST_VALUE_HEADER,
					    .name = config->trace_header,
					    .header = config->trace_header};
	struct slice trace;

	if (!config->trace_header.len || !request_value_find(&where, facts, &trace))
		return false;
	trace = trace_of(config->trace_header, trace);
	*key = hash_bytes(trace);
	return trace.len > 0;
}

static bool recall(struct filter *f, const struct policy_facts *facts, struct slice *tag)
{
	const struct lane_config *config = f->config;
	char text[SHARED_NOTE_MAX];
	uint64_t key;

	if (!config->recalls || !find_trace(config, facts, &key))
		return false;
	size_t len = shared_notes_get(config->traces, key, filter_now_ms(f), config->keep_ms, text);
	if (!len)
		return false;
	*tag = arena_slice(facts->arena, slice_make(text, len));
	count(f, LANE_STAT_TAG_RECALLED);
	return true;
}

static void remember(struct filter *f, const struct policy_facts *facts, struct slice tag)
{
	const struct lane_config *config = f->config;
	uint64_t key;

	if (!config->recalls && find_trace(config, facts, &key))
		shared_notes_put(config->traces, key, tag, filter_now_ms(f));
}

/* --- the tag --- */

/* The source that has one, or NULL. What isn't a tag counts as missing. */
static const struct request_value *find_tag(struct filter *f, const struct policy_facts *facts,
					    struct slice *tag)
{
	const struct lane_config *config = f->config;

	for (uint32_t i = 0; i < config->tags.count; i++) {
		const struct request_value *value = &config->tags.items[i];
		if (!request_value_find(value, facts, tag) || !tag->len)
			continue;
		if (is_tag(*tag))
			return value;
		count(f, LANE_STAT_TAG_INVALID);
	}
	return NULL;
}

/* The next hop finds it where this one did; else it is told. */
static void propagate(const struct lane_config *config, const struct request_value *found,
		      struct headers *headers, struct slice tag)
{
	struct slice name = headers->rpc ? config->propagate_rpc : config->propagate_http;

	if (found && found->header.len)
		return;
	if (name.len)
		headers_set(headers, name, tag);
}

enum filter_status lane_request_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct lane_config *config = f->config;
	struct lane_state *state = f->state;
	struct policy_facts facts;
	struct slice tag;

	(void)end;
	filter_facts(f, &facts);
	const struct request_value *found = find_tag(f, &facts, &tag);
	if (found)
		remember(f, &facts, tag);
	else if (!recall(f, &facts, &tag))
		tag = config->default_tag;
	count(f, tag.len ? LANE_STAT_TAGGED : LANE_STAT_UNTAGGED);
	if (!tag.len)
		return FILTER_CONTINUE;
	propagate(config, found, headers, tag);
	state->tag = tag;
	return FILTER_CONTINUE;
}

/* --- where it goes --- */

static void choose(const void *loaded, const struct policy_facts *facts,
		   struct policy_choice *choice)
{
	const struct lane_config *config = loaded;
	struct lane_state *state = facts->state;

	if (!state->tag.len || slice_equal(state->tag, config->baseline)) {
		choice->wishes = &config->baseline_wish;
		choice->wish_count = 1;
		return;
	}
	state->label =
		(struct label){.key = config->label, .kind = LABEL_STRING, .text = state->tag};
	state->wishes[0] = (struct policy_wish){&state->label, 1};
	state->wishes[1] = config->baseline_wish;
	choice->wishes = state->wishes;
	choice->wish_count = config->is_strict ? 1 : 2;
	choice->is_required = config->is_strict;
}

const struct route_policy lane_policy = {"lane", choose};
