/* The settings that stats_configure read: private to the pages.
 *
 * Owner: struct stats, in the settings' own arena. Thread: main. Limits: STATS_TAG_RULES_MAX. */
#ifndef TELEMETRY_STATS_SETTINGS_H
#define TELEMETRY_STATS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "routing/string_matcher.h"

struct regex;

enum { STATS_TAG_RULES_MAX = 64 };

/* A tag of the configuration. */
struct stats_tag_rule {
	struct slice name; /* as a label: "cluster_name" */
	const struct regex
		*regex;     /* group 1 is taken out of the name; group 2, or 1, is the value */
	struct slice fixed; /* the value, when there is no regex */
};

struct stats_bounds {
	const double *values;
	unsigned count;
};

struct stats_bounds_rule {
	struct string_matcher match;
	struct stats_bounds bounds;
};

struct stats_settings {
	struct arena arena;
	bool rejects_all, is_inclusion;
	uint32_t default_tags;           /* those that are found, by bit (stat_default_tag) */
	struct string_matcher *patterns; /* of the names that are in, or out */
	unsigned pattern_count;
	struct stats_tag_rule *tags;
	unsigned tag_count;
	struct stats_bounds_rule *bounds;
	unsigned bounds_count;
};

/* settings NULL: the defaults, in all of these. */
bool stats_settings_has(const struct stats_settings *settings, struct slice name);
struct stats_bounds stats_settings_bounds(const struct stats_settings *settings, struct slice name);
void stats_settings_free(struct stats_settings *settings);

#endif
