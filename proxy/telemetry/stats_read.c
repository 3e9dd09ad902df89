/* Sums over the shards: what main sees of what the threads count. */
#include <stdlib.h>

#include "telemetry/stats.h"
#include "telemetry/stats_private.h"

static struct stats_shard *stats_resets(const struct stats *stats)
{
	return __atomic_load_n(&stats->resets, __ATOMIC_ACQUIRE);
}

/* A shard's word, as far as it has any. */
static uint64_t word_of(const struct stats_shard *shard, const struct stat_scope *scope,
			unsigned id)
{
	uint64_t *words = __atomic_load_n(&shard->blocks[scope->slot], __ATOMIC_ACQUIRE);
	return words ? __atomic_load_n(&words[id], __ATOMIC_ACQUIRE) : 0;
}

/* The sum of a word; *is_used when any shard's is not 0. */
static uint64_t sum_words(const struct stats *stats, const struct stat_scope *scope, unsigned id,
			  bool *is_used)
{
	uint64_t sum = 0;
	for (const struct stats_shard *s = stats_first_shard(stats); s; s = s->next) {
		uint64_t word = word_of(s, scope, id);
		sum += word;
		*is_used |= word != 0;
	}
	const struct stats_shard *resets = stats_resets(stats);
	return resets ? sum - word_of(resets, scope, id) : sum;
}

static bool is_gauge(const struct stat_row *row)
{
	return row->kind == STAT_GAUGE || row->kind == STAT_LAZY_GAUGE;
}

static uint64_t value_of(const struct stats *stats, const struct stat_scope *scope, unsigned id,
			 bool *is_used)
{
	/* Down is read first: what goes up and down between the reads may show as one more, and
	 * never as a negative number. */
	uint64_t down = 0;
	if (is_gauge(&scope->type->rows[id]))
		down = sum_words(stats, scope, id + 1, is_used);
	return sum_words(stats, scope, id, is_used) - down;
}

uint32_t stats_scope_count(const struct stats *stats)
{
	return stats->scope_count;
}

uint64_t stat_value(const struct stats *stats, const struct stat_scope *scope, unsigned id)
{
	bool is_used = false;
	return value_of(stats, scope, id, &is_used);
}

/* --- histograms --- */

/* Sums a histogram's shards. False if there are none. */
static bool sum_histogram(const struct stats *stats, const struct stat_scope *scope, unsigned id,
			  struct histogram_sum *sum)
{
	bool any = false;
	for (const struct stats_shard *s = stats_first_shard(stats); s; s = s->next) {
		const struct histogram *h =
			(const struct histogram *)(uintptr_t)word_of(s, scope, id);
		if (!h)
			continue;
		if (!any)
			memset(sum, 0, sizeof *sum);
		any = true;
		histogram_add_to(h, sum);
	}
	return any && sum->count;
}

static bool is_histogram(const struct stat_row *row)
{
	return row->kind == STAT_HISTOGRAM || row->kind == STAT_LAZY_HISTOGRAM;
}

/* Makes `now` the view's state, and what is new since the last one its interval. */
static void take_view(struct histogram_view *view, const struct histogram_sum *now)
{
	uint32_t used = 0, old = 0;
	for (unsigned bin = 0; bin < HISTOGRAM_BINS; bin++)
		used += now->bins[bin] != 0;
	struct view_bin *bins = calloc(used, sizeof *bins);
	invariant(bins);
	/* Both are in the order of bins, and no bin ever becomes empty. */
	for (unsigned bin = 0, i = 0; i < used; bin++) {
		uint64_t count = now->bins[bin], before = 0;
		if (!count)
			continue;
		if (old < view->bin_count && view->bins[old].bin == bin)
			before = view->bins[old++].count;
		bins[i++] = (struct view_bin){count, count - before, bin};
	}
	free(view->bins);
	*view = (struct histogram_view){.bins = bins,
					.bin_count = used,
					.recent_sum = now->sum - view->sum,
					.sum = now->sum};
}

/* Fills *interval from the view. False if it is empty. */
static bool interval_of(const struct histogram_view *view, struct histogram_sum *interval)
{
	memset(interval, 0, sizeof *interval);
	interval->sum = view->recent_sum;
	for (uint32_t i = 0; i < view->bin_count; i++) {
		interval->bins[view->bins[i].bin] = view->bins[i].recent;
		interval->count += view->bins[i].recent;
	}
	return interval->count;
}

static void flush_scope(struct stats *stats, struct stat_scope *scope, struct histogram_sum *sum)
{
	for (unsigned id = 0; id < scope->type->count; id++) {
		if (!is_histogram(&scope->type->rows[id]) || !sum_histogram(stats, scope, id, sum))
			continue;
		if (!scope->views) {
			scope->views = calloc(scope->type->count, sizeof *scope->views);
			invariant(scope->views);
		}
		take_view(&scope->views[id], sum);
	}
}

void stats_flush(struct stats *stats)
{
	struct histogram_sum *sum = malloc(sizeof *sum);
	invariant(sum);
	pthread_mutex_lock(&stats->lock);
	for (uint32_t slot = 0; slot < stats->slot_count; slot++)
		if (stats->slots[slot])
			flush_scope(stats, stats->slots[slot], sum);
	pthread_mutex_unlock(&stats->lock);
	free(sum);
}

void stats_forget_views(struct stat_scope *scope)
{
	for (unsigned id = 0; scope->views && id < scope->type->count; id++)
		free(scope->views[id].bins);
	free(scope->views);
	scope->views = NULL;
}

/* --- response codes --- */

static void add_codes(const struct stats_shard *shard, const struct stat_scope *scope, unsigned id,
		      uint64_t counts[600])
{
	const struct stat_codes *codes =
		(const struct stat_codes *)(uintptr_t)word_of(shard, scope, id);
	while (codes) {
		for (unsigned i = 0; i < STAT_CODES_A_BLOCK; i++) {
			unsigned code = __atomic_load_n(&codes->code[i], __ATOMIC_RELAXED);
			counts[code] += __atomic_load_n(&codes->count[i], __ATOMIC_RELAXED);
		}
		codes = __atomic_load_n(&codes->next, __ATOMIC_ACQUIRE);
	}
}

/* --- all of them --- */

struct walk {
	struct stats *stats;
	void (*fn)(void *context, const struct stat_sample *sample);
	void *context;
	struct histogram_sum *total, *interval;
};

/* What main changes as a whole is read under the lock. */
static bool read_interval(struct walk *walk, const struct stat_scope *scope, unsigned id)
{
	pthread_mutex_lock(&walk->stats->lock);
	bool any = scope->views && interval_of(&scope->views[id], walk->interval);
	pthread_mutex_unlock(&walk->stats->lock);
	return any;
}

static void show_text(struct walk *walk, const struct stat_scope *scope, unsigned id,
		      struct stat_sample *sample)
{
	pthread_mutex_lock(&walk->stats->lock);
	const char *text = (const char *)(uintptr_t)word_of(walk->stats->main, scope, id);
	char *copy = text ? strdup(text) : NULL;
	pthread_mutex_unlock(&walk->stats->lock);
	invariant(copy || !text);
	sample->kind = STAT_TEXT;
	sample->text = slice_of(copy);
	sample->is_used = copy != NULL;
	walk->fn(walk->context, sample);
	free(copy);
}

static void show_codes(struct walk *walk, const struct stat_scope *scope, unsigned id,
		       struct stat_sample *sample)
{
	uint64_t counts[600] = {0}, resets[600] = {0};
	for (const struct stats_shard *s = stats_first_shard(walk->stats); s; s = s->next)
		add_codes(s, scope, id, counts);
	if (stats_resets(walk->stats))
		add_codes(stats_resets(walk->stats), scope, id, resets);
	sample->kind = STAT_COUNTER;
	sample->is_used = true;
	for (unsigned code = 100; code < 600; code++) {
		if (!counts[code])
			continue;
		sample->code = code;
		sample->value = counts[code] - resets[code];
		walk->fn(walk->context, sample);
	}
}

static void show_histogram(struct walk *walk, const struct stat_scope *scope, unsigned id,
			   struct stat_sample *sample)
{
	sample->kind = STAT_HISTOGRAM;
	sample->is_used = sum_histogram(walk->stats, scope, id, walk->total);
	if (!sample->is_used && scope->type->rows[id].kind == STAT_LAZY_HISTOGRAM)
		return;
	if (sample->is_used)
		sample->total = walk->total;
	if (read_interval(walk, scope, id))
		sample->interval = walk->interval;
	walk->fn(walk->context, sample);
}

static void show_number(struct walk *walk, const struct stat_scope *scope, unsigned id,
			struct stat_sample *sample)
{
	enum stat_kind kind = (enum stat_kind)scope->type->rows[id].kind;
	sample->kind = is_gauge(&scope->type->rows[id]) ? STAT_GAUGE : STAT_COUNTER;
	sample->value = value_of(walk->stats, scope, id, &sample->is_used);
	if (sample->is_used || kind == STAT_GAUGE || kind == STAT_COUNTER)
		walk->fn(walk->context, sample);
}

static void show(struct walk *walk, const struct stat_scope *scope, unsigned id)
{
	const struct stat_row *row = &scope->type->rows[id];
	struct stat_sample sample = {.scope = scope,
				     .prefix = scope->prefix,
				     .name = {row->name, row->name_len},
				     .unit = (enum stat_unit)row->unit};
	switch ((enum stat_kind)row->kind) {
	case STAT_NONE:
		return;
	case STAT_COUNTER:
	case STAT_LAZY_COUNTER:
	case STAT_GAUGE:
	case STAT_LAZY_GAUGE:
		show_number(walk, scope, id, &sample);
		return;
	case STAT_CODES:
		show_codes(walk, scope, id, &sample);
		return;
	case STAT_HISTOGRAM:
	case STAT_LAZY_HISTOGRAM:
		show_histogram(walk, scope, id, &sample);
		return;
	case STAT_TEXT:
		show_text(walk, scope, id, &sample);
		return;
	}
}

/* The scope of the next slot that has one, held; NULL: there is none. */
static struct stat_scope *next_scope(struct stats *stats, uint32_t *slot)
{
	struct stat_scope *scope = NULL;

	pthread_mutex_lock(&stats->lock);
	while (!scope && *slot < stats->slot_count)
		scope = stats->slots[(*slot)++];
	if (scope)
		stat_scope_hold(scope);
	pthread_mutex_unlock(&stats->lock);
	return scope;
}

void stats_each(struct stats *stats, void (*fn)(void *context, const struct stat_sample *sample),
		void *context)
{
	struct walk walk = {.stats = stats, .fn = fn, .context = context};
	walk.total = calloc(2, sizeof *walk.total);
	struct stat_scope *scope;
	uint32_t slot = 0;
	invariant(walk.total);
	walk.interval = walk.total + 1;
	while ((scope = next_scope(stats, &slot))) {
		for (unsigned id = 0; id < scope->type->count; id++)
			show(&walk, scope, id);
		stat_scope_drop(stats, scope);
	}
	free(walk.total);
}

/* --- resets and imports --- */

static void reset_codes(struct stats *stats, const struct stat_scope *scope, unsigned id)
{
	uint64_t counts[600] = {0}, known[600] = {0};
	for (const struct stats_shard *s = stats_first_shard(stats); s; s = s->next)
		add_codes(s, scope, id, counts);
	add_codes(stats->resets, scope, id, known);
	for (unsigned code = 100; code < 600; code++)
		if (counts[code] != known[code])
			stat_code_add(stats->resets, scope, id, code, counts[code] - known[code]);
}

static void reset_scope(struct stats *stats, const struct stat_scope *scope)
{
	for (unsigned id = 0; id < scope->type->count; id++) {
		switch ((enum stat_kind)scope->type->rows[id].kind) {
		case STAT_COUNTER:
		case STAT_LAZY_COUNTER: {
			uint64_t value = stat_value(stats, scope, id);
			if (value)
				stat_add(stats->resets, scope, id, value);
			break;
		}
		case STAT_CODES:
			reset_codes(stats, scope, id);
			break;
		case STAT_NONE:
		case STAT_GAUGE:
		case STAT_LAZY_GAUGE:
		case STAT_HISTOGRAM:
		case STAT_LAZY_HISTOGRAM:
		case STAT_TEXT:
			break;
		}
	}
}

void stats_reset_counters(struct stats *stats)
{
	if (!stats->resets)
		__atomic_store_n(&stats->resets, stats_new_shard(stats), __ATOMIC_RELEASE);
	pthread_mutex_lock(&stats->lock);
	for (uint32_t slot = 0; slot < stats->slot_count; slot++)
		if (stats->slots[slot])
			reset_scope(stats, stats->slots[slot]);
	pthread_mutex_unlock(&stats->lock);
}

bool stats_import_counter(struct stats *stats, const struct stat_scope *scope, struct slice name,
			  uint64_t n)
{
	for (unsigned id = 0; id < scope->type->count; id++) {
		const struct stat_row *row = &scope->type->rows[id];
		struct slice own = {row->name, row->name_len};
		uint64_t code;
		if (row->kind == STAT_CODES && name.len == own.len + 3 &&
		    slice_starts_with(name, own) &&
		    slice_to_uint64(slice_sub(name, own.len, name.len), &code)) {
			stat_code_add(stats->main, scope, id, (unsigned)code, n);
			return true;
		}
		if ((row->kind == STAT_COUNTER || row->kind == STAT_LAZY_COUNTER) &&
		    slice_equal(name, own)) {
			stat_add(stats->main, scope, id, n);
			return true;
		}
	}
	return false;
}
