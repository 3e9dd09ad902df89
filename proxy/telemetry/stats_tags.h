/* The parts of a stat's name that are values (a cluster's name, a response code) as tags, and what
 * remains as the name of the metric.
 *
 *   cluster.c1.upstream_rq_503
 *     -> cluster.upstream_rq  envoy.response_code=503  envoy.cluster_name=c1
 *
 * Names and order of the tags are Envoy's; those of the configuration follow. Unlike Envoy's
 * regular expressions the rules know where a scope's prefix ends, so a cluster "a.b.c" is one tag.
 * Pure. */
#ifndef TELEMETRY_STATS_TAGS_H
#define TELEMETRY_STATS_TAGS_H

#include "base/arena.h"
#include "base/slice.h"
#include "telemetry/stats.h"
#include "telemetry/stats_settings.h"

enum { STAT_TAGS_MAX = 5 + STATS_TAG_RULES_MAX };

struct stat_tag {
	struct slice name; /* "envoy_cluster_name" */
	struct slice value;
	unsigned order;
};

struct stat_tags {
	struct slice metric; /* "cluster.upstream_rq" */
	unsigned count;
	struct stat_tag tags[STAT_TAGS_MAX];
};

/* The stat's full name, in the arena. */
struct slice stat_full_name(const struct stat_sample *sample, struct arena *arena);

/* The bit of the default tag that has this label ("envoy_cluster_name"), 0 if none has. */
uint32_t stat_default_tag(struct slice label);

/* name: its full name. The metric is in the arena; values point at the name, the settings or the
 * arena. settings NULL: Envoy's default tags. */
void stat_tags_extract(const struct stat_sample *sample, struct slice name,
		       const struct stats_settings *settings, struct arena *arena,
		       struct stat_tags *tags);

#endif
