#include "telemetry/stats_entries.h"

#include <stdlib.h>

#include "telemetry/stats_private.h"
#include "telemetry/stats_tags.h"

static bool is_shown(const struct stats_page *page, const struct stat_sample *sample)
{
	if (page->used_only && !sample->is_used)
		return false;
	if (page->only != STAT_NONE)
		return sample->kind == page->only;
	return sample->kind != STAT_TEXT || page->format != STATS_PROMETHEUS || page->text_readouts;
}

static void collect(void *context, const struct stat_sample *sample)
{
	struct stats_entries *entries = context;
	const struct stats_page *page = entries->page;
	if (!is_shown(page, sample))
		return;
	struct slice match, name = stat_full_name(sample, &entries->arena);
	if (!stats_settings_has(entries->settings, name) ||
	    (entries->filter && regex_find(entries->filter, name, &match, 1)))
		return;
	if (entries->count == entries->capacity) {
		entries->capacity = entries->capacity ? entries->capacity * 2 : 1024;
		entries->items =
			realloc(entries->items, entries->capacity * sizeof *entries->items);
		invariant(entries->items);
	}
	struct stats_entry *entry = &entries->items[entries->count++];
	*entry = (struct stats_entry){.name = name, .kind = sample->kind};
	entries->scratch.len = 0;
	entries->render(entries, sample, entry, &entries->scratch);
	entry->body = arena_slice(&entries->arena, text_slice(&entries->scratch));
}

/* The place of a kind on the page. */
static unsigned section(const struct stats_page *page, enum stat_kind kind)
{
	bool is_prometheus = page->format == STATS_PROMETHEUS;
	switch (kind) {
	case STAT_TEXT:
		return is_prometheus ? 3 : 0;
	case STAT_COUNTER:
	case STAT_LAZY_COUNTER:
	case STAT_CODES:
		return 1;
	case STAT_GAUGE:
	case STAT_LAZY_GAUGE:
		return is_prometheus ? 2 : 1;
	case STAT_HISTOGRAM:
	case STAT_LAZY_HISTOGRAM:
	case STAT_NONE:
		return 4;
	}
	return 4;
}

static int by_place(const void *a, const void *b, void *page)
{
	const struct stats_entry *x = a, *y = b;
	unsigned p = section(page, x->kind), q = section(page, y->kind);
	if (p != q)
		return p < q ? -1 : 1;
	int order = slice_compare(x->metric, y->metric);
	return order ? order : slice_compare(x->name, y->name);
}

void stats_entries_collect(struct stats *stats, struct stats_entries *entries)
{
	struct stats_page page = *entries->page;
	struct diag diag;
	arena_init(&entries->arena, 65536);
	entries->settings = stats->settings;
	/* The page was parsed: the expression compiles. */
	if (page.filter.len &&
	    regex_compile(page.filter, REGEX_REPLACE, &entries->arena, &entries->filter, &diag))
		return;
	stats_each(stats, collect, entries);
	if (entries->count)
		qsort_r(entries->items, entries->count, sizeof *entries->items, by_place, &page);
}

void stats_entries_free(struct stats_entries *entries)
{
	arena_free(&entries->arena);
	free(entries->items);
	text_free(&entries->scratch);
}
