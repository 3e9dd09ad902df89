/* The admin page /stats: as text, JSON, or for Prometheus, in Envoy's form and order.
 *
 *   query "filter=^http&usedonly" ── stats_page_parse ──> what to show ── stats_page_write ──> text
 *
 * Texts first, then counters and gauges, then histograms, each sorted by name. Prometheus:
 * counters, gauges, texts (when asked for), histograms, each by metric.
 *
 * Thread: any one; the server parses on main, and writes what is large on the builder. Owner: the
 * caller of both. */
#ifndef TELEMETRY_STATS_PAGE_H
#define TELEMETRY_STATS_PAGE_H

#include <stdbool.h>

#include "base/slice.h"
#include "base/status.h"
#include "telemetry/stats.h"
#include "telemetry/text.h"

enum { STATS_FILTER_MAX = 1024 }; /* bytes of a filter; longer ones are refused */

enum stats_format { STATS_TEXT, STATS_JSON, STATS_PROMETHEUS };
enum stats_buckets { STATS_SUMMARY, STATS_CUMULATIVE, STATS_DISJOINT, STATS_DETAILED };

struct stats_page {
	enum stats_format format;
	enum stats_buckets buckets;
	bool has_buckets;    /* buckets were asked for */
	enum stat_kind only; /* STAT_NONE: all; COUNTER, GAUGE, HISTOGRAM, TEXT */
	bool used_only;
	bool text_readouts;  /* Prometheus: texts too */
	struct slice filter; /* the regular expression for names, percent-decoded; "" for none */
	char filter_text[STATS_FILTER_MAX];
};

/* Reads the query of a request ("usedonly&format=json"; `format` is what the path stands for).
 * STATUS_INVALID, with the text of a 400 answer, for a wrong value. */
enum status MUST_CHECK stats_page_parse(struct slice query, enum stats_format format,
					struct stats_page *page, struct text *error);

/* "text/plain; charset=UTF-8" or "application/json". */
const char *stats_page_content_type(const struct stats_page *page);

void stats_page_write(struct stats *stats, const struct stats_page *page, struct text *out);

#endif
