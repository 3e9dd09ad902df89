#include <stdlib.h>

#include "base/section_fields.h"
#include "telemetry/stats_transfer_private.h"

/* A type of which there are scopes. */
struct told_type {
	const struct stat_type *type;
	uint16_t *rows;              /* by share */
	uint16_t ends[STATS_SHARES]; /* of each share's rows */
	bool is_told;
	uint32_t number; /* if it is */
};

/* One scope's words. */
struct scope_blocks {
	const uint64_t **all; /* those there are: main's last */
	uint32_t count, before_main;
	const uint64_t *resets, *told; /* NULL: all 0 */
};

struct export
{
	struct stats *stats;
	struct section_writer *out, lists; /* of one scope */
	struct told_type *types;
	uint32_t type_count, type_capacity, told_count;
	struct scope_blocks blocks;
	const struct histogram **histograms; /* of one row, as many as blocks */
	struct bin_count *bins;
};

struct bin_count {
	uint32_t bin;
	uint64_t n;
};

static bool is_named(struct slice name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_ends_with(name, slice_of(names[i])))
			return true;
	return false;
}

enum stats_share stats_share_of(const struct stat_row *row)
{
	/* what a process has in hand, by the ends of names */
	static const char *const in_hand[] = {
		"active",  "_connections", "_faults", "_buffered",
		"_flight", "deferring",    "waiting", "pending_requests",
	};

	switch ((enum stat_kind)row->kind) {
	case STAT_COUNTER:
	case STAT_LAZY_COUNTER:
		return STATS_SHARE_COUNTER;
	case STAT_CODES:
		return STATS_SHARE_CODES;
	case STAT_GAUGE:
	case STAT_LAZY_GAUGE:
		return is_named(slice_make(row->name, row->name_len), in_hand, COUNT_OF(in_hand))
			       ? STATS_SHARE_GAUGE
			       : STATS_SHARE_NONE;
	case STAT_HISTOGRAM:
	case STAT_LAZY_HISTOGRAM:
		return STATS_SHARE_HISTOGRAM;
	case STAT_TEXT:
	case STAT_NONE:
		break;
	}
	return STATS_SHARE_NONE;
}

/* --- types --- */

static struct told_type *type_of(struct export *export, const struct stat_type *type)
{
	for (uint32_t i = 0; i < export->type_count; i++)
		if (export->types[i].type == type)
			return &export->types[i];
	if (export->type_count == export->type_capacity) {
		export->type_capacity = export->type_capacity ? export->type_capacity * 2 : 64;
		export->types =
			realloc(export->types, export->type_capacity * sizeof *export->types);
		invariant(export->types);
	}
	struct told_type *made = &export->types[export->type_count++];
	*made = (struct told_type){.type = type};
	made->rows = calloc(type->count + 1, sizeof *made->rows);
	invariant(made->rows);
	uint16_t count = 0;
	for (int share = 0; share < STATS_SHARES; share++) {
		for (uint32_t i = 0; i < type->count; i++)
			if (stats_share_of(&type->rows[i]) == (enum stats_share)share)
				made->rows[count++] = (uint16_t)i;
		made->ends[share] = count;
	}
	return made;
}

/* Before the first scope of it. */
static void tell_type(struct export *export, struct told_type *told)
{
	if (told->is_told)
		return;
	size_t opened = field_open(export->out, STATS_TYPE);
	told->is_told = true;
	told->number = export->told_count++;
	field_put_text(export->out, STATS_TYPE_NAME, slice_of(told->type->name));
	for (uint32_t i = 0; i < told->type->count; i++) {
		const struct stat_row *row = &told->type->rows[i];
		field_put_text(export->out, STATS_TYPE_ROW, slice_make(row->name, row->name_len));
	}
	field_close(export->out, opened);
}

/* --- the words of a scope --- */

static const uint64_t *block_of(const struct stats_shard *shard, const struct stat_scope *scope)
{
	return shard ? __atomic_load_n(&shard->blocks[scope->slot], __ATOMIC_ACQUIRE) : NULL;
}

static void find_blocks(struct export *export, const struct stat_scope *scope)
{
	const struct stats *stats = export->stats;
	struct scope_blocks *blocks = &export->blocks;

	blocks->count = 0;
	for (const struct stats_shard *s = stats_first_shard(stats); s; s = s->next)
		if (s != stats->main && block_of(s, scope))
			blocks->all[blocks->count++] = block_of(s, scope);
	blocks->before_main = blocks->count;
	if (block_of(stats->main, scope))
		blocks->all[blocks->count++] = block_of(stats->main, scope);
	blocks->resets = block_of(stats->resets, scope);
	blocks->told = block_of(stats->told, scope);
}

static uint64_t load(const uint64_t *block, uint32_t id)
{
	return block ? __atomic_load_n(&block[id], __ATOMIC_ACQUIRE) : 0;
}

static uint64_t sum_of(const uint64_t *const *blocks, uint32_t count, uint32_t id)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += load(blocks[i], id);
	return sum;
}

/* --- what is told of it --- */

/* n is what an old count has become; below the old one only by a reset. */
static bool is_more(uint64_t n)
{
	return n && n < UINT64_C(1) << 63;
}

static void tell_counter(struct export *export, uint32_t id)
{
	const struct scope_blocks *b = &export->blocks;
	uint64_t n = sum_of(b->all, b->count, id) - load(b->resets, id) - load(b->told, id);

	if (!is_more(n))
		return;
	section_put_number(&export->lists, id);
	section_put_number(&export->lists, n);
}

static void tell_gauge(struct export *export, uint32_t id)
{
	const struct scope_blocks *b = &export->blocks;
	uint64_t down = sum_of(b->all, b->before_main, id + 1);
	uint64_t up = sum_of(b->all, b->before_main, id), value = up - down;
	uint64_t told = load(b->told, id);

	if (!up || (told && value == told - load(b->told, id + 1)))
		return;
	section_put_number(&export->lists, id);
	section_put_signed(&export->lists, (int64_t)value);
}

static void add_codes(uint64_t word, uint64_t counts[600], bool is_less)
{
	for (const struct stat_codes *codes = (const struct stat_codes *)(uintptr_t)word; codes;
	     codes = __atomic_load_n(&codes->next, __ATOMIC_ACQUIRE))
		for (unsigned i = 0; i < STAT_CODES_A_BLOCK; i++) {
			unsigned code = __atomic_load_n(&codes->code[i], __ATOMIC_RELAXED);
			uint64_t n = __atomic_load_n(&codes->count[i], __ATOMIC_RELAXED);
			counts[code] += is_less ? 0 - n : n;
		}
}

static void tell_codes(struct export *export, uint32_t id)
{
	const struct scope_blocks *b = &export->blocks;
	uint64_t counts[600] = {0}, used = 0;

	if (!sum_of(b->all, b->count, id))
		return;
	for (uint32_t i = 0; i < b->count; i++)
		add_codes(load(b->all[i], id), counts, false);
	add_codes(load(b->resets, id), counts, true);
	add_codes(load(b->told, id), counts, true);
	for (unsigned code = 100; code < 600; code++)
		used += is_more(counts[code]);
	if (!used)
		return;
	section_put_number(&export->lists, id);
	section_put_number(&export->lists, used);
	for (unsigned code = 100; code < 600; code++)
		if (is_more(counts[code])) {
			section_put_number(&export->lists, code);
			section_put_number(&export->lists, counts[code]);
		}
}

/* The histograms of a row that there are. */
static uint32_t find_histograms(const struct export *export, uint32_t id)
{
	const struct scope_blocks *b = &export->blocks;
	uint32_t count = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		const struct histogram *h =
			(const struct histogram *)(uintptr_t)load(b->all[i], id);
		if (h)
			export->histograms[count++] = h;
	}
	return count;
}

/* What the bins [from, to) hold that isn't told yet, behind the `used` ones there are. */
static uint32_t count_bins(const struct export *export, uint32_t count,
			   const struct histogram *told, unsigned from, unsigned to, uint32_t used)
{
	for (unsigned bin = from; bin < to; bin++) {
		uint64_t n = 0;
		for (uint32_t i = 0; i < count; i++)
			n += histogram_bin_count(export->histograms[i], bin);
		if (n && told)
			n -= histogram_bin_count(told, bin);
		if (is_more(n))
			export->bins[used++] = (struct bin_count){bin, n};
	}
	return used;
}

static bool has_decade(const struct export *export, uint32_t count, unsigned decade)
{
	for (uint32_t i = 0; i < count; i++)
		if (__atomic_load_n(&export->histograms[i]->decades[decade], __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static void tell_histogram(struct export *export, uint32_t id)
{
	const struct histogram *told =
		(const struct histogram *)(uintptr_t)load(export->blocks.told, id);
	uint32_t count = find_histograms(export, id), used;
	uint64_t sum = 0;

	if (!count)
		return;
	for (uint32_t i = 0; i < count; i++)
		sum += __atomic_load_n(&export->histograms[i]->sum, __ATOMIC_RELAXED);
	used = count_bins(export, count, told, 0, HISTOGRAM_SMALL, 0);
	for (unsigned d = 0; d < HISTOGRAM_DECADES; d++)
		if (has_decade(export, count, d)) {
			unsigned from = HISTOGRAM_SMALL + d * HISTOGRAM_DECADE_BINS;
			used = count_bins(export, count, told, from, from + HISTOGRAM_DECADE_BINS,
					  used);
		}
	if (!used)
		return;
	section_put_number(&export->lists, id);
	section_put_number(&export->lists, sum - (told ? told->sum : 0));
	section_put_number(&export->lists, used);
	for (uint32_t i = 0; i < used; i++) {
		section_put_number(&export->lists, export->bins[i].bin);
		section_put_number(&export->lists, export->bins[i].n);
	}
}

/* A list of the rows of one share. */
static void tell_list(struct export *export, const struct told_type *type, uint32_t field,
		      enum stats_share share, void (*tell)(struct export *export, uint32_t id))
{
	struct section_writer *lists = &export->lists;
	size_t before = lists->len, opened = field_open(lists, field);

	for (uint32_t i = type->ends[share - 1]; i < type->ends[share]; i++)
		tell(export, type->rows[i]);
	if (lists->len == opened)
		lists->len = before; /* nothing to tell */
	else
		field_close(lists, opened);
}

static void tell_scope(struct export *export, const struct stat_scope *scope)
{
	find_blocks(export, scope);
	if (!export->blocks.count)
		return;
	struct told_type *type = type_of(export, scope->type);
	export->lists.len = 0;
	tell_list(export, type, STATS_SCOPE_COUNTERS, STATS_SHARE_COUNTER, tell_counter);
	tell_list(export, type, STATS_SCOPE_GAUGES, STATS_SHARE_GAUGE, tell_gauge);
	tell_list(export, type, STATS_SCOPE_CODES, STATS_SHARE_CODES, tell_codes);
	tell_list(export, type, STATS_SCOPE_HISTOGRAMS, STATS_SHARE_HISTOGRAM, tell_histogram);
	if (!export->lists.len)
		return;
	tell_type(export, type);
	size_t opened = field_open(export->out, STATS_SCOPE);
	field_put_number(export->out, STATS_SCOPE_TYPE, type->number);
	field_put_text(export->out, STATS_SCOPE_PREFIX, scope->prefix);
	section_put_bytes(export->out, export->lists.data, export->lists.len);
	field_close(export->out, opened);
}

static void tell_scopes(struct stats *stats, struct section_writer *out)
{
	struct export export = {.stats = stats, .out = out};
	uint32_t shards = 0;

	for (const struct stats_shard *s = stats_first_shard(stats); s; s = s->next)
		shards++;
	export.blocks.all = calloc(shards, sizeof *export.blocks.all);
	export.histograms = calloc(shards, sizeof *export.histograms);
	export.bins = calloc(HISTOGRAM_BINS, sizeof *export.bins);
	invariant(export.blocks.all && export.histograms && export.bins);
	pthread_mutex_lock(&stats->lock);
	for (uint32_t slot = 0; slot < stats->slot_count; slot++)
		if (stats->slots[slot])
			tell_scope(&export, stats->slots[slot]);
	pthread_mutex_unlock(&stats->lock);
	for (uint32_t i = 0; i < export.type_count; i++)
		free(export.types[i].rows);
	free(export.types);
	section_writer_free(&export.lists);
	free(export.blocks.all);
	free(export.histograms);
	free(export.bins);
}

/* Workers stand still meanwhile: what was told is only kept here, and noted by row when more is
 * asked for. */
void stats_export_all(struct stats *stats, struct section_writer *out)
{
	size_t before = out->len;

	stats_forget_told(stats);
	tell_scopes(stats, out);
	if (out->len > before)
		section_put_bytes(&stats->told_bytes, out->data + before, out->len - before);
	stats->is_told = true;
}

void stats_export_more(struct stats *stats, struct section_writer *out)
{
	size_t before = out->len;

	if (!stats->is_told)
		return;
	if (stats->told_bytes.len)
		stats_note_told(stats, slice_make(stats->told_bytes.data, stats->told_bytes.len));
	section_writer_free(&stats->told_bytes);
	tell_scopes(stats, out);
	if (out->len > before)
		stats_note_told(stats, slice_make(out->data + before, out->len - before));
}

static void export_final(void *owner, struct section_writer *out)
{
	stats_export_all(owner, out);
}

static void export_tail(void *owner, struct section_writer *out)
{
	stats_export_more(owner, out);
}

static enum status import_part(void *owner, enum section_part part, uint32_t version,
			       struct slice bytes, struct diag *diag)
{
	(void)part, (void)version;
	return stats_import(owner, bytes, diag);
}

static void predecessor_gone(void *owner)
{
	stats_import_end(owner);
}

const struct section_type stats_section = {
	.name = "stats",
	.version = 1,
	.oldest = 1,
	.export = {[SECTION_FINAL] = export_final, [SECTION_TAIL] = export_tail},
	.import = import_part,
	.predecessor_gone = predecessor_gone,
};
