/* The parts of a stat's name that are values (a cluster's name, a response code) as tags, and what
 * remains as the name of the metric.
 *
 *   cluster.c1.upstream_rq_503  ->  cluster.upstream_rq  envoy.response_code=503
 * envoy.cluster_name=c1
 *
 * Names and order of the tags are Envoy's. Unlike Envoy's regular expressions the rules know where
 * a scope's prefix ends, so a cluster "a.b.c" is one tag. Pure. */
#ifndef TELEMETRY_STATS_TAGS_H
#define TELEMETRY_STATS_TAGS_H

#include "base/arena.h"
#include "base/slice.h"
#include "telemetry/stats.h"

enum { STAT_TAGS_MAX = 5 };

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

/* The metric's name is in the arena, values point at the sample or the arena. */
void stat_tags_extract(const struct stat_sample *sample, struct arena *arena,
		       struct stat_tags *tags);

#endif
