#include "telemetry/stats_config.h"

#include <stdlib.h>

#include "base/regex.h"
#include "envoy/config/metrics/v3/stats.pb-c.h"
#include "telemetry/stats_private.h"
#include "telemetry/stats_settings.h"
#include "telemetry/stats_tags.h"

typedef Envoy__Config__Metrics__V3__StatsConfig config_message;
typedef Envoy__Config__Metrics__V3__TagSpecifier tag_message;
typedef Envoy__Config__Metrics__V3__HistogramBucketSettings bounds_message;
typedef Envoy__Type__Matcher__V3__ListStringMatcher list_message;

/* --- which names --- */

static enum status load_patterns(const list_message *list, bool is_inclusion,
				 struct stats_settings *settings, struct diag *diag)
{
	settings->is_inclusion = is_inclusion;
	settings->patterns =
		ARENA_NEW_ARRAY(&settings->arena, struct string_matcher, list->n_patterns);
	for (size_t i = 0; i < list->n_patterns; i++) {
		enum status status = string_matcher_load(&settings->patterns[i], list->patterns[i],
							 &settings->arena, diag);
		if (status) {
			diag_prefix(diag, "stats_matcher.%s.patterns[%zu]",
				    is_inclusion ? "inclusion_list" : "exclusion_list", i);
			return status;
		}
		settings->pattern_count++;
	}
	return STATUS_OK;
}

static enum status load_matcher(const Envoy__Config__Metrics__V3__StatsMatcher *message,
				struct stats_settings *settings, struct diag *diag)
{
	switch (message->stats_matcher_case) {
	case ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER_REJECT_ALL:
		settings->rejects_all = message->reject_all;
		return STATUS_OK;
	case ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER_EXCLUSION_LIST:
		return load_patterns(message->exclusion_list, false, settings, diag);
	case ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER_INCLUSION_LIST:
		return load_patterns(message->inclusion_list, true, settings, diag);
	case ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER__NOT_SET:
	case _ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_at(diag, "stats_matcher", "a stats_matcher is required");
}

/* --- tags --- */

/* "envoy.cluster_name" as a label. */
static struct slice label_of(const char *name, struct arena *arena)
{
	char *label = arena_string(arena, slice_of(name));
	for (char *c = label; *c; c++) {
		char lower = slice_lower_char(*c);
		if ((lower < 'a' || lower > 'z') && (*c < '0' || *c > '9'))
			*c = '_';
	}
	return slice_of(label);
}

static enum status load_tag(const tag_message *message, struct stats_settings *settings,
			    struct diag *diag)
{
	struct stats_tag_rule *rule = &settings->tags[settings->tag_count];
	struct arena *arena = &settings->arena;
	rule->name = label_of(message->tag_name, arena);
	if (message->tag_value_case ==
	    ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__TAG_VALUE_FIXED_VALUE) {
		rule->fixed = arena_slice(arena, slice_of(message->fixed_value));
	} else if (message->tag_value_case ==
			   ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__TAG_VALUE_REGEX &&
		   message->regex[0]) {
		enum status status = regex_compile(slice_of(message->regex), REGEX_REPLACE, arena,
						   &rule->regex, diag);
		if (status)
			return status;
		if (!regex_group_count(rule->regex))
			return diag_at(diag, "regex", "needs a capture group");
	} else { /* one of the default tags, by its name alone */
		uint32_t known = stat_default_tag(rule->name);
		settings->default_tags |= known;
		return known ? STATUS_OK
			     : diag_at(diag, "tag_name",
				       "no default tag has this name: give a regex or a "
				       "fixed_value");
	}
	settings->tag_count++;
	return STATUS_OK;
}

static enum status load_tags(const config_message *message, struct stats_settings *settings,
			     struct diag *diag)
{
	bool has_all = !message->use_all_default_tags || message->use_all_default_tags->value;
	settings->default_tags = has_all ? UINT32_MAX : 0;
	if (message->n_stats_tags > STATS_TAG_RULES_MAX)
		return diag_at(diag, "stats_tags", "at most %d tags", STATS_TAG_RULES_MAX);
	settings->tags =
		ARENA_NEW_ARRAY(&settings->arena, struct stats_tag_rule, message->n_stats_tags);
	for (size_t i = 0; i < message->n_stats_tags; i++) {
		enum status status = load_tag(message->stats_tags[i], settings, diag);
		if (status) {
			diag_prefix(diag, "stats_tags[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

/* --- buckets --- */

static int compare_bounds(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static enum status load_one_bounds(const bounds_message *message, struct stats_settings *settings,
				   struct stats_bounds_rule *rule, struct diag *diag)
{
	size_t count = message->n_buckets;
	double *values = ARENA_NEW_ARRAY(&settings->arena, double, count);
	if (!message->match)
		return diag_at(diag, "match", "value is required");
	if (!count)
		return diag_at(diag, "buckets", "value must contain at least 1 item(s)");
	memcpy(values, message->buckets, count * sizeof *values);
	qsort(values, count, sizeof *values, compare_bounds);
	for (size_t i = 0; i < count; i++)
		if (!(values[i] > (i ? values[i - 1] : 0)))
			return diag_at(diag, "buckets", "must be above 0, each once");
	rule->bounds = (struct stats_bounds){values, (unsigned)count};
	enum status status =
		string_matcher_load(&rule->match, message->match, &settings->arena, diag);
	if (status)
		diag_prefix(diag, "match");
	return status;
}

static enum status load_bounds(const config_message *message, struct stats_settings *settings,
			       struct diag *diag)
{
	settings->bounds = ARENA_NEW_ARRAY(&settings->arena, struct stats_bounds_rule,
					   message->n_histogram_bucket_settings);
	for (size_t i = 0; i < message->n_histogram_bucket_settings; i++) {
		enum status status = load_one_bounds(message->histogram_bucket_settings[i],
						     settings, &settings->bounds[i], diag);
		if (status) {
			diag_prefix(diag, "histogram_bucket_settings[%zu]", i);
			return status;
		}
		settings->bounds_count++;
	}
	return STATUS_OK;
}

enum status stats_configure(struct stats *stats, const config_message *message, struct diag *diag)
{
	invariant(!stats->settings);
	if (!message)
		return STATUS_OK;
	struct stats_settings *settings = calloc(1, sizeof *settings);
	invariant(settings);
	arena_init(&settings->arena, 4096);
	stats->settings = settings;
	enum status status = message->stats_matcher
				     ? load_matcher(message->stats_matcher, settings, diag)
				     : STATUS_OK;
	if (!status)
		status = load_tags(message, settings, diag);
	if (!status)
		status = load_bounds(message, settings, diag);
	return status;
}
