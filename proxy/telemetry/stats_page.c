#include "telemetry/stats_page.h"

#include <math.h>

#include "telemetry/stats_entries.h"

/* --- the query --- */

static int hex(char c)
{
	c = slice_lower_char(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes into page->filter_text. False if it is too long. */
static bool decode_filter(struct slice value, struct stats_page *page)
{
	size_t len = 0;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];
		if (c == '%' && i + 2 < value.len && hex(value.data[i + 1]) >= 0 &&
		    hex(value.data[i + 2]) >= 0) {
			c = (char)(hex(value.data[i + 1]) * 16 + hex(value.data[i + 2]));
			i += 2;
		}
		if (len == sizeof page->filter_text)
			return false;
		page->filter_text[len++] = c;
	}
	page->filter = slice_make(page->filter_text, len);
	return true;
}

struct choice {
	const char *name;
	unsigned value;
};

static bool choose(const struct choice *choices, unsigned count, struct slice name, unsigned *value)
{
	for (unsigned i = 0; i < count; i++) {
		if (slice_equal_nocase(name, slice_of(choices[i].name))) {
			*value = choices[i].value;
			return true;
		}
	}
	return false;
}

static enum status refuse(struct text *error, const char *usage)
{
	text_add(error, slice_of(usage));
	return STATUS_INVALID;
}

static enum status parse_format(struct slice value, struct stats_page *page, struct text *error)
{
	static const struct choice formats[] = {
		{"text", STATS_TEXT}, {"json", STATS_JSON}, {"prometheus", STATS_PROMETHEUS}};
	unsigned format;
	if (!choose(formats, COUNT_OF(formats), value, &format))
		return refuse(error, "usage: /stats?format=(json|prometheus|text)\n\n");
	page->format = (enum stats_format)format;
	return STATUS_OK;
}

static enum status parse_type(struct slice value, struct stats_page *page, struct text *error)
{
	static const struct choice types[] = {{"Counters", STAT_COUNTER},
					      {"Gauges", STAT_GAUGE},
					      {"Histograms", STAT_HISTOGRAM},
					      {"TextReadouts", STAT_TEXT},
					      {"All", STAT_NONE}};
	unsigned type;
	if (!choose(types, COUNT_OF(types), value, &type))
		return refuse(error, "invalid &type= param");
	page->only = (enum stat_kind)type;
	return STATUS_OK;
}

static enum status parse_buckets(struct slice value, struct stats_page *page, struct text *error)
{
	static const struct choice modes[] = {{"summary", STATS_SUMMARY},
					      {"cumulative", STATS_CUMULATIVE},
					      {"disjoint", STATS_DISJOINT},
					      {"detailed", STATS_DETAILED}};
	unsigned mode;
	if (!choose(modes, COUNT_OF(modes), value, &mode))
		return refuse(error, "usage: /stats?histogram_buckets=(cumulative|disjoint|"
				     "detailed|summary)\n");
	page->buckets = (enum stats_buckets)mode;
	page->has_buckets = true;
	return STATUS_OK;
}

/* The two faults that people make, in RE2's words; others in our own. */
static void put_fault(struct text *error, const struct diag *diag, const char *pattern)
{
	const char *repeat = strpbrk(pattern, "*+?");
	if (strstr(diag->text, "missing closing parenthesis"))
		text_printf(error, "Invalid re2 regex: missing ): %s", pattern);
	else if (repeat && strstr(diag->text, "does not follow a repeatable item"))
		text_printf(error, "Invalid re2 regex: no argument for repetition operator: %c",
			    *repeat);
	else
		text_printf(error, "Invalid re2 regex: %s", diag->text);
}

static enum status parse_filter(struct slice value, struct stats_page *page, struct text *error)
{
	struct diag diag = {.text = ""};
	const struct regex *regex;
	struct arena arena;
	if (!decode_filter(value, page))
		return refuse(error, "the filter is too long");
	if (!page->filter.len)
		return STATUS_OK;
	arena_init(&arena, 1024);
	enum status status = regex_compile(page->filter, REGEX_REPLACE, &arena, &regex, &diag);
	if (status)
		put_fault(error, &diag, arena_string(&arena, page->filter));
	arena_free(&arena);
	return status ? STATUS_INVALID : STATUS_OK;
}

static enum status parse_parameter(struct slice key, struct slice value, struct stats_page *page,
				   struct text *error)
{
	static const struct choice hidden[] = {{"include", 0}, {"only", 0}, {"exclude", 0}};
	unsigned ignored;
	if (slice_equal(key, SLICE("usedonly")))
		page->used_only = true;
	else if (slice_equal(key, SLICE("text_readouts")))
		page->text_readouts = true;
	else if (slice_equal(key, SLICE("filter")))
		return parse_filter(value, page, error);
	else if (slice_equal(key, SLICE("format")) && page->format != STATS_PROMETHEUS)
		return parse_format(value, page, error);
	else if (slice_equal(key, SLICE("type")))
		return parse_type(value, page, error);
	else if (slice_equal(key, SLICE("histogram_buckets")))
		return parse_buckets(value, page, error);
	else if (slice_equal(key, SLICE("hidden")) &&
		 !choose(hidden, COUNT_OF(hidden), value, &ignored))
		return refuse(error, "usage: /stats?hidden=(include|only|exclude)\n\n");
	return STATUS_OK;
}

enum status stats_page_parse(struct slice query, enum stats_format format, struct stats_page *page,
			     struct text *error)
{
	enum status status = STATUS_OK;
	*page = (struct stats_page){.format = format};
	for (size_t from = 0; from < query.len && !status;) {
		size_t end = slice_find_char(query, '&', from);
		struct slice pair = slice_sub(query, from, end);
		size_t equals = slice_find_char(pair, '=', 0);
		status = parse_parameter(slice_sub(pair, 0, equals),
					 slice_sub(pair, equals + (equals < pair.len), pair.len),
					 page, error);
		from = end + 1;
	}
	return status;
}

const char *stats_page_content_type(const struct stats_page *page)
{
	return page->format == STATS_JSON ? "application/json" : "text/plain; charset=UTF-8";
}

/* --- text --- */

static double quantile(const struct histogram_sum *sum, unsigned i)
{
	return sum ? histogram_quantile(sum, histogram_quantiles[i]) : NAN;
}

static void text_summary(const struct stat_sample *sample, struct text *body)
{
	for (unsigned i = 0; i < HISTOGRAM_QUANTILES; i++) {
		text_add(body, i ? SLICE(" P") : SLICE("P"));
		text_add_double(body, histogram_quantiles[i] * 100);
		text_add(body, SLICE("("));
		text_add_double(body, quantile(sample->interval, i));
		text_add(body, SLICE(","));
		text_add_double(body, quantile(sample->total, i));
		text_add(body, SLICE(")"));
	}
}

/* How many records are in bucket i, with or without those of the buckets below. */
static uint64_t bucket(const struct histogram_sum *sum, const double *bounds, unsigned i,
		       bool is_disjoint)
{
	if (!sum)
		return 0;
	uint64_t count = histogram_count_upto(sum, bounds[i]);
	if (is_disjoint && i)
		count -= histogram_count_upto(sum, bounds[i - 1]);
	return count;
}

static void text_buckets(const struct stats_entries *entries, struct slice name,
			 const struct stat_sample *sample, struct text *body)
{
	bool is_disjoint = entries->page->buckets == STATS_DISJOINT;
	struct stats_bounds bounds = stats_settings_bounds(entries->settings, name);
	for (unsigned i = 0; i < bounds.count; i++)
		text_printf(
			body, "%sB%g(%llu,%llu)", i ? " " : "", bounds.values[i],
			(unsigned long long)bucket(sample->interval, bounds.values, i, is_disjoint),
			(unsigned long long)bucket(sample->total, bounds.values, i, is_disjoint));
}

static void text_bins(const struct histogram_sum *sum, struct text *body)
{
	bool is_first = true;
	for (unsigned bin = 0; sum && bin < HISTOGRAM_BINS; bin++) {
		if (!sum->bins[bin])
			continue;
		text_printf(body, "%s%g,%g:%llu", is_first ? "" : ", ", histogram_bin_low(bin),
			    histogram_bin_width(bin), (unsigned long long)sum->bins[bin]);
		is_first = false;
	}
}

static void text_histogram(const struct stats_entries *entries, struct slice name,
			   const struct stat_sample *sample, struct text *body)
{
	if (!sample->total) {
		text_add(body, SLICE(" No recorded values"));
	} else if (entries->page->buckets == STATS_DETAILED) {
		text_add(body, SLICE("\n  totals="));
		text_bins(sample->total, body);
		text_add(body, SLICE("\n  intervals="));
		text_bins(sample->interval, body);
		text_add(body, SLICE("\n  summary="));
		text_summary(sample, body);
	} else {
		text_add(body, SLICE(" "));
		if (entries->page->buckets == STATS_SUMMARY)
			text_summary(sample, body);
		else
			text_buckets(entries, name, sample, body);
	}
}

static void render_text(struct stats_entries *entries, const struct stat_sample *sample,
			struct stats_entry *entry, struct text *body)
{
	text_add(body, SLICE(":"));
	if (sample->kind == STAT_HISTOGRAM) {
		text_histogram(entries, entry->name, sample, body);
	} else if (sample->kind == STAT_TEXT) {
		text_printf(body, " \"%.*s\"", SLICE_FMT(sample->text));
	} else {
		text_add(body, SLICE(" "));
		text_add_number(body, sample->value);
	}
	text_add(body, SLICE("\n"));
}

static void write_text(const struct stats_entries *entries, struct text *out)
{
	for (size_t i = 0; i < entries->count; i++) {
		text_add(out, entries->items[i].name);
		text_add(out, entries->items[i].body);
	}
}

/* --- JSON --- */

static void json_double(double number, struct text *body)
{
	if (isnan(number))
		text_add(body, SLICE("null"));
	else
		text_add_double(body, number);
}

/* "[{"cumulative":1.05,"interval":null},...]" */
static void json_quantiles(const struct stat_sample *sample, struct text *body)
{
	for (unsigned i = 0; i < HISTOGRAM_QUANTILES; i++) {
		text_add(body, i ? SLICE(",{\"cumulative\":") : SLICE("[{\"cumulative\":"));
		json_double(quantile(sample->total, i), body);
		text_add(body, SLICE(",\"interval\":"));
		json_double(quantile(sample->interval, i), body);
		text_add(body, SLICE("}"));
	}
	text_add(body, SLICE("]"));
}

static void json_buckets(const struct stats_entries *entries, struct slice name,
			 const struct stat_sample *sample, struct text *body)
{
	bool is_disjoint = entries->page->buckets == STATS_DISJOINT;
	struct stats_bounds bounds = stats_settings_bounds(entries->settings, name);
	for (unsigned i = 0; i < bounds.count; i++)
		text_printf(
			body, "%s{\"upper_bound\":%.17g,\"interval\":%llu,\"cumulative\":%llu}",
			i ? "," : "[", bounds.values[i],
			(unsigned long long)bucket(sample->interval, bounds.values, i, is_disjoint),
			(unsigned long long)bucket(sample->total, bounds.values, i, is_disjoint));
	text_add(body, SLICE("]"));
}

static void json_bins(const struct histogram_sum *sum, struct text *body)
{
	bool is_first = true;
	text_add(body, SLICE("["));
	for (unsigned bin = 0; sum && bin < HISTOGRAM_BINS; bin++) {
		if (!sum->bins[bin])
			continue;
		text_printf(body, "%s{\"lower_bound\":%g,\"width\":%g,\"count\":%llu}",
			    is_first ? "" : ",", histogram_bin_low(bin), histogram_bin_width(bin),
			    (unsigned long long)sum->bins[bin]);
		is_first = false;
	}
	text_add(body, SLICE("]"));
}

static void json_histogram(const struct stats_entries *entries, struct slice name,
			   const struct stat_sample *sample, struct text *body)
{
	if (entries->page->buckets == STATS_SUMMARY) {
		text_add(body, SLICE(",\"values\":"));
		json_quantiles(sample, body);
	} else if (entries->page->buckets == STATS_DETAILED) {
		text_add(body, SLICE(",\"totals\":"));
		json_bins(sample->total, body);
		text_add(body, SLICE(",\"intervals\":"));
		json_bins(sample->interval, body);
		text_add(body, SLICE(",\"percentiles\":"));
		json_quantiles(sample, body);
	} else {
		text_add(body, SLICE(",\"buckets\":"));
		json_buckets(entries, name, sample, body);
	}
}

static void render_json(struct stats_entries *entries, const struct stat_sample *sample,
			struct stats_entry *entry, struct text *body)
{
	text_add(body, SLICE("{\"name\":"));
	text_add_json(body, entry->name);
	if (sample->kind == STAT_HISTOGRAM) {
		json_histogram(entries, entry->name, sample, body);
	} else {
		text_add(body, SLICE(",\"value\":"));
		if (sample->kind == STAT_TEXT)
			text_add_json(body, sample->text);
		else
			text_add_number(body, sample->value);
	}
	text_add(body, SLICE("}"));
}

#define QUANTILES "[0,25,50,75,90,95,99,99.5,99.9,100]"

/* All histograms are one member of the list, behind the others. */
static void write_json(const struct stats_entries *entries, struct text *out)
{
	static const struct {
		const char *head, *tail;
	} frames[] = {
		[STATS_SUMMARY] = {"{\"histograms\":{\"supported_quantiles\":" QUANTILES
				   ",\"computed_quantiles\":[",
				   "]}}"},
		[STATS_CUMULATIVE] = {"{\"histograms\":[", "]}"},
		[STATS_DISJOINT] = {"{\"histograms\":[", "]}"},
		[STATS_DETAILED] = {"{\"histograms\":{\"supported_percentiles\":" QUANTILES
				    ",\"details\":[",
				    "]}}"},
	};
	bool in_histograms = false;
	text_add(out, SLICE("{\"stats\":["));
	for (size_t i = 0; i < entries->count; i++) {
		text_add(out, i ? SLICE(",") : SLICE(""));
		if (entries->items[i].kind == STAT_HISTOGRAM && !in_histograms) {
			text_add(out, slice_of(frames[entries->page->buckets].head));
			in_histograms = true;
		}
		text_add(out, entries->items[i].body);
	}
	if (in_histograms)
		text_add(out, slice_of(frames[entries->page->buckets].tail));
	text_add(out, SLICE("]}"));
}

void stats_page_write(struct stats *stats, const struct stats_page *page, struct text *out)
{
	if (page->format == STATS_PROMETHEUS) {
		stats_prometheus_write(stats, page, out);
		return;
	}
	bool is_json = page->format == STATS_JSON;
	struct stats_entries entries = {.page = page,
					.render = is_json ? render_json : render_text};
	stats_entries_collect(stats, &entries);
	if (is_json)
		write_json(&entries, out);
	else
		write_text(&entries, out);
	stats_entries_free(&entries);
}
