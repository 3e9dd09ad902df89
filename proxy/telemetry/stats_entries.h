/* The stats that a page shows, gathered and sorted: private to the pages.
 *
 * Owner: the caller; all is in its arena. Thread: the page's. */
#ifndef TELEMETRY_STATS_ENTRIES_H
#define TELEMETRY_STATS_ENTRIES_H

#include "base/arena.h"
#include "base/regex.h"
#include "telemetry/stats_page.h"
#include "telemetry/stats_settings.h"

struct stats_entry {
	struct slice name;   /* the full one */
	struct slice metric; /* Prometheus: without tags */
	struct slice body;   /* as it is written behind the name; Prometheus: all its lines */
	enum stat_kind kind;
};

struct stats_entries {
	struct arena arena;
	struct stats_entry *items;
	size_t count, capacity;
	const struct stats_page *page;
	const struct stats_settings *settings; /* or NULL */
	const struct regex *filter;            /* or NULL */
	/* Writes the body of a sample; sets entry->metric if the page has metrics. */
	void (*render)(struct stats_entries *entries, const struct stat_sample *sample,
		       struct stats_entry *entry, struct text *body);
	struct text scratch;
};

void stats_entries_collect(struct stats *stats, struct stats_entries *entries);
void stats_entries_free(struct stats_entries *entries);

void stats_prometheus_write(struct stats *stats, const struct stats_page *page, struct text *out);

#endif
