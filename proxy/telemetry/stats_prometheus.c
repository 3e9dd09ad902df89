/* The exposition format of Prometheus, with Envoy's names. */
#include <math.h>
#include <stdio.h>

#include "telemetry/stats_entries.h"
#include "telemetry/stats_tags.h"

/* Every byte that a metric's name can't have becomes '_'. */
static void put_name(struct text *out, struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i], lower = slice_lower_char(c);
		bool fits = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
		text_add(out, fits ? slice_sub(name, i, i + 1) : SLICE("_"));
	}
}

static void put_value(struct text *out, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];
		if (c == '\\' || c == '"')
			text_add(out, SLICE("\\"));
		text_add(out, c == '\n' ? SLICE("\\n") : slice_sub(value, i, i + 1));
	}
}

static void put_labels(struct text *out, const struct stat_tags *tags)
{
	for (unsigned i = 0; i < tags->count; i++) {
		text_add(out, i ? SLICE(",") : SLICE(""));
		text_add(out, tags->tags[i].name);
		text_add(out, SLICE("=\""));
		put_value(out, tags->tags[i].value);
		text_add(out, SLICE("\""));
	}
}

/* "envoy_metric_suffix{labels" */
static void begin_line(struct text *out, const struct stat_tags *tags, const char *suffix)
{
	text_add(out, SLICE("envoy_"));
	put_name(out, tags->metric);
	text_add(out, slice_of(suffix));
	text_add(out, SLICE("{"));
	put_labels(out, tags);
}

static void end_line(struct text *out, uint64_t value)
{
	text_add(out, SLICE("} "));
	text_add_number(out, value);
	text_add(out, SLICE("\n"));
}

/* One more label, and the end of the line up to the value. */
static void put_label(struct text *out, const struct stat_tags *tags, const char *name,
		      struct slice value)
{
	text_printf(out, "%s%s=\"", tags->count ? "," : "", name);
	put_value(out, value);
	text_add(out, SLICE("\""));
}

static void put_count_and_sum(struct text *out, const struct stat_tags *tags,
			      const struct histogram_sum *sum)
{
	begin_line(out, tags, "_sum");
	end_line(out, sum ? sum->sum : 0);
	begin_line(out, tags, "_count");
	end_line(out, sum ? sum->count : 0);
}

static void put_histogram(struct text *out, const struct stat_tags *tags,
			  struct stats_bounds bounds, const struct histogram_sum *sum)
{
	char bound[32];
	for (unsigned i = 0; i < bounds.count; i++) {
		int len = snprintf(bound, sizeof bound, "%.32g", bounds.values[i]);
		begin_line(out, tags, "_bucket");
		put_label(out, tags, "le", slice_make(bound, (size_t)len));
		end_line(out, sum ? histogram_count_upto(sum, bounds.values[i]) : 0);
	}
	begin_line(out, tags, "_bucket");
	put_label(out, tags, "le", SLICE("+Inf"));
	end_line(out, sum ? sum->count : 0);
	put_count_and_sum(out, tags, sum);
}

/* Quantiles of the last interval. */
static void put_summary(struct text *out, const struct stat_tags *tags,
			const struct histogram_sum *sum)
{
	char share[32];
	for (unsigned i = 0; i < HISTOGRAM_QUANTILES; i++) {
		int len = snprintf(share, sizeof share, "%g", histogram_quantiles[i]);
		begin_line(out, tags, "");
		put_label(out, tags, "quantile", slice_make(share, (size_t)len));
		text_add(out, SLICE("} "));
		text_add_double(out, sum ? histogram_quantile(sum, histogram_quantiles[i]) : NAN);
		text_add(out, SLICE("\n"));
	}
	put_count_and_sum(out, tags, sum);
}

static void render(struct stats_entries *entries, const struct stat_sample *sample,
		   struct stats_entry *entry, struct text *body)
{
	struct stat_tags tags;
	stat_tags_extract(sample, entry->name, entries->settings, &entries->arena, &tags);
	entry->metric = tags.metric;
	if (sample->kind != STAT_HISTOGRAM) {
		begin_line(body, &tags, "");
		if (sample->kind == STAT_TEXT)
			put_label(body, &tags, "text_value", sample->text);
		end_line(body, sample->value);
	} else if (entries->page->has_buckets && entries->page->buckets == STATS_SUMMARY) {
		put_summary(body, &tags, sample->interval);
	} else {
		put_histogram(body, &tags, stats_settings_bounds(entries->settings, entry->name),
			      sample->total);
	}
}

static const char *type_of(const struct stats_page *page, enum stat_kind kind)
{
	if (kind == STAT_COUNTER)
		return "counter";
	if (kind != STAT_HISTOGRAM)
		return "gauge";
	return page->has_buckets && page->buckets == STATS_SUMMARY ? "summary" : "histogram";
}

void stats_prometheus_write(struct stats *stats, const struct stats_page *page, struct text *out)
{
	struct stats_entries entries = {.page = page, .render = render};
	stats_entries_collect(stats, &entries);
	for (size_t i = 0; i < entries.count; i++) {
		const struct stats_entry *entry = &entries.items[i];
		if (!i || entry[-1].kind != entry->kind ||
		    !slice_equal(entry[-1].metric, entry->metric)) {
			text_add(out, SLICE("# TYPE envoy_"));
			put_name(out, entry->metric);
			text_printf(out, " %s\n", type_of(page, entry->kind));
		}
		text_add(out, entry->body);
	}
	stats_entries_free(&entries);
}
