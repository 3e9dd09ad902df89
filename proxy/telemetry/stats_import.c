#include <stdlib.h>

#include "base/diag.h"
#include "base/section_fields.h"
#include "telemetry/stats_transfer_private.h"

enum {
	NO_ROW = UINT16_MAX,
	TYPES_MAX = 1024,
	ROWS_MAX = 4096,      /* of a type */
	PREFIX_MAX = 1 << 16, /* bytes */
	SCOPES_MAX = STATS_SCOPES_MAX / 2,
};

/* A type as the other process has it. */
struct other_type {
	const struct stat_type *own; /* NULL: not known here */
	uint16_t *rows;              /* our number of each of its rows, or NO_ROW */
	uint32_t row_count;
};

struct import {
	struct stats *stats;
	struct stats_shard *shard; /* where it is added; NULL: it is only looked over */
	bool is_own;               /* what we told ourselves: no scope is made */
	struct other_type *types;
	uint32_t type_count;
	const struct stat_type **known; /* of our scopes */
	uint32_t known_count;
};

/* A scope while it is read. */
struct other_scope {
	const struct other_type *type;
	struct slice prefix;
	struct slice lists[STATS_SCOPE_FIELDS];
	struct stat_scope *own; /* a reference; NULL: nothing is added */
};

/* --- types --- */

static void find_known(struct import *import)
{
	const struct stats *stats = import->stats;
	const struct stat_type *last = NULL;

	import->known = calloc(TYPES_MAX, sizeof *import->known);
	invariant(import->known);
	for (uint32_t slot = 0; slot < stats->slot_count; slot++) {
		const struct stat_type *type = stats->slots[slot] ? stats->slots[slot]->type : last;
		uint32_t i = 0;
		if (type == last)
			continue;
		last = type;
		while (i < import->known_count && import->known[i] != type)
			i++;
		if (i == import->known_count && i < TYPES_MAX)
			import->known[import->known_count++] = type;
	}
}

static const struct stat_type *known_type(const struct import *import, struct slice name)
{
	for (uint32_t i = 0; i < import->known_count; i++)
		if (slice_equal(slice_of(import->known[i]->name), name))
			return import->known[i];
	return NULL;
}

/* The number of the row in our type, if it is shared. `from`: where rows of the same release are.
 */
static uint16_t own_row(const struct stat_type *own, struct slice name, uint32_t from)
{
	for (uint32_t i = 0; name.len && own && i < own->count; i++) {
		uint32_t id = (from + i) % own->count;
		const struct stat_row *row = &own->rows[id];
		if (stats_share_of(row) != STATS_SHARE_NONE &&
		    slice_equal(slice_make(row->name, row->name_len), name))
			return (uint16_t)id;
	}
	return NO_ROW;
}

static const char *read_type(struct import *import, const struct field *given)
{
	struct other_type *type = &import->types[import->type_count];
	struct section_reader in = field_reader(given), rows = in;
	struct slice name = {0};
	struct field field;
	uint32_t row = 0;

	if (import->type_count == TYPES_MAX)
		return "too many types";
	while (field_next(&in, &field)) {
		if (field.number == STATS_TYPE_NAME)
			name = field.bytes;
		type->row_count += field.number == STATS_TYPE_ROW;
	}
	if (in.is_bad || !name.len || type->row_count > ROWS_MAX)
		return "no type";
	type->own = known_type(import, name);
	type->rows = calloc(type->row_count + 1, sizeof *type->rows);
	invariant(type->rows);
	import->type_count++;
	while (field_next(&rows, &field))
		if (field.number == STATS_TYPE_ROW) {
			type->rows[row] = own_row(type->own, field.bytes, row);
			row++;
		}
	return NULL;
}

/* --- what is in a scope --- */

/* Our number of the next row of a list, or NO_ROW. */
static uint16_t next_row(struct section_reader *in, const struct other_scope *scope,
			 enum stats_share share)
{
	uint64_t row = section_get_number(in);

	if (row >= scope->type->row_count) {
		in->is_bad = true;
		return NO_ROW;
	}
	uint16_t own = scope->type->rows[row];
	if (!scope->own || own == NO_ROW || stats_share_of(&scope->type->own->rows[own]) != share)
		return NO_ROW;
	return own;
}

static void take_counters(struct import *import, struct section_reader *in,
			  const struct other_scope *scope)
{
	while (section_has_more(in)) {
		uint16_t row = next_row(in, scope, STATS_SHARE_COUNTER);
		uint64_t n = section_get_number(in);
		if (row != NO_ROW && !in->is_bad)
			stat_add(import->shard, scope->own, row, n);
	}
}

static void take_gauges(struct import *import, struct section_reader *in,
			const struct other_scope *scope)
{
	while (section_has_more(in)) {
		uint16_t row = next_row(in, scope, STATS_SHARE_GAUGE);
		int64_t value = section_get_signed(in);
		if (row != NO_ROW && !in->is_bad)
			stat_gauge_set(import->shard, scope->own, row, (uint64_t)value);
	}
}

static void take_codes(struct import *import, struct section_reader *in,
		       const struct other_scope *scope)
{
	while (section_has_more(in)) {
		uint16_t row = next_row(in, scope, STATS_SHARE_CODES);
		for (size_t left = section_get_count(in, 2); left && !in->is_bad; left--) {
			uint64_t code = section_get_number_to(in, 599);
			uint64_t n = section_get_number(in);
			if (row != NO_ROW && !in->is_bad)
				stat_code_add(import->shard, scope->own, row, (unsigned)code, n);
		}
	}
}

/* So that what was inherited isn't taken for what was recorded lately. */
static void show_as_past(struct import *import, struct stat_scope *scope, uint16_t row,
			 struct section_reader bins, size_t count, uint64_t sum)
{
	struct stats *stats = import->stats;

	pthread_mutex_lock(&stats->lock);
	if (!scope->views) {
		scope->views = calloc(scope->type->count, sizeof *scope->views);
		invariant(scope->views);
	}
	struct histogram_view *view = &scope->views[row];
	if (!view->bins && count) {
		view->bins = calloc(count, sizeof *view->bins);
		invariant(view->bins);
		view->sum = sum;
		for (; view->bin_count < count; view->bin_count++) {
			struct view_bin *bin = &view->bins[view->bin_count];
			bin->bin = (uint32_t)section_get_number(&bins);
			bin->count = section_get_number(&bins);
		}
	}
	pthread_mutex_unlock(&stats->lock);
}

static void take_bins(struct import *import, struct section_reader *in,
		      const struct other_scope *scope, uint16_t row)
{
	uint64_t sum = section_get_number(in), next = 0;
	size_t count = section_get_count(in, 2);
	struct section_reader bins = *in;
	struct histogram *h = NULL;

	if (row != NO_ROW && !in->is_bad) {
		uint64_t *word = stats_words(import->shard, scope->own) + row;
		h = (struct histogram *)(uintptr_t)*word;
		h = h ? h : stat_histogram_slow(word);
		histogram_add_values(h, sum);
		if (!import->is_own)
			show_as_past(import, scope->own, row, bins, count, sum);
	}
	for (; count && !in->is_bad; count--) {
		uint64_t bin = section_get_number_to(in, HISTOGRAM_BINS - 1);
		uint64_t n = section_get_number(in);
		in->is_bad |= bin < next || !n; /* in order, and of something */
		next = bin + 1;
		if (h && !in->is_bad)
			histogram_add_bin(h, (unsigned)bin, n);
	}
}

static void take_histograms(struct import *import, struct section_reader *in,
			    const struct other_scope *scope)
{
	while (section_has_more(in))
		take_bins(import, in, scope, next_row(in, scope, STATS_SHARE_HISTOGRAM));
}

/* --- scopes --- */

static void hold(struct stats *stats, struct stat_scope *scope)
{
	if (stats->held_count == stats->held_capacity) {
		stats->held_capacity = stats->held_capacity ? stats->held_capacity * 2 : 64;
		stats->held_scopes = realloc(stats->held_scopes,
					     stats->held_capacity * sizeof(struct stat_scope *));
		invariant(stats->held_scopes);
	}
	stats->held_scopes[stats->held_count++] = stat_scope_hold(scope);
}

/* Ours of that name with a reference more; NULL: there is none, and none is made. */
static struct stat_scope *take_own(struct import *import, const struct other_scope *scope)
{
	struct stats *stats = import->stats;
	struct stat_scope *own;

	if (!import->shard || !scope->type->own)
		return NULL;
	pthread_mutex_lock(&stats->lock);
	own = stats_find_prefix(stats, scope->type->own, scope->prefix);
	if (own)
		stat_scope_hold(own);
	bool is_full = stats->scope_count >= SCOPES_MAX;
	pthread_mutex_unlock(&stats->lock);
	if (own || import->is_own || is_full)
		return own;
	own = stats_take_prefix(stats, scope->type->own, scope->prefix);
	hold(stats, own);
	return own;
}

static bool is_prefix(struct slice prefix)
{
	return !prefix.len || (prefix.len <= PREFIX_MAX && prefix.data[prefix.len - 1] == '.' &&
			       !memchr(prefix.data, 0, prefix.len));
}

static const char *read_scope(struct import *import, const struct field *given)
{
	static void (*const take[STATS_SCOPE_FIELDS])(struct import * import,
						      struct section_reader * in,
						      const struct other_scope *scope) = {
		[STATS_SCOPE_COUNTERS] = take_counters,
		[STATS_SCOPE_GAUGES] = take_gauges,
		[STATS_SCOPE_CODES] = take_codes,
		[STATS_SCOPE_HISTOGRAMS] = take_histograms,
	};
	struct section_reader in = field_reader(given);
	struct other_scope scope = {0};
	uint64_t number = UINT64_MAX;
	struct field field;
	bool is_bad = false;

	while (field_next(&in, &field)) {
		if (field.number == STATS_SCOPE_TYPE)
			number = field.value;
		else if (field.number == STATS_SCOPE_PREFIX)
			scope.prefix = field.bytes;
		else if (field.number < STATS_SCOPE_FIELDS)
			scope.lists[field.number] = field.bytes;
	}
	if (in.is_bad || number >= import->type_count || !is_prefix(scope.prefix))
		return "no scope";
	scope.type = &import->types[number];
	scope.own = take_own(import, &scope);
	for (int i = STATS_SCOPE_COUNTERS; i < STATS_SCOPE_FIELDS; i++) {
		section_reader_init(&in, scope.lists[i]);
		take[i](import, &in, &scope);
		is_bad |= in.is_bad;
	}
	stat_scope_drop(import->stats, scope.own);
	return is_bad ? "no list of a scope" : NULL;
}

/* --- all --- */

static const char *read_all(struct import *import, struct slice bytes)
{
	struct section_reader in;
	const char *fault = NULL;
	struct field field;

	import->types = calloc(TYPES_MAX, sizeof *import->types);
	invariant(import->types);
	section_reader_init(&in, bytes);
	while (!fault && field_next(&in, &field)) {
		if (field.number == STATS_TYPE)
			fault = read_type(import, &field);
		else if (field.number == STATS_SCOPE)
			fault = read_scope(import, &field);
	}
	for (uint32_t i = 0; i < import->type_count; i++)
		free(import->types[i].rows);
	free(import->types);
	import->type_count = 0;
	return fault ? fault : in.is_bad ? "no fields" : NULL;
}

/* What the process before has counted has a shard of its own. */
static struct stats_shard *inherited_shard(struct stats *stats)
{
	if (!stats->inherited) {
		pthread_mutex_lock(&stats->lock);
		stats->inherited = stats_add_shard(stats);
		pthread_mutex_unlock(&stats->lock);
	}
	return stats->inherited;
}

enum status stats_import(struct stats *stats, struct slice bytes, struct diag *diag)
{
	struct import import = {.stats = stats};
	const char *fault;

	pthread_mutex_lock(&stats->lock);
	find_known(&import);
	pthread_mutex_unlock(&stats->lock);
	fault = read_all(&import, bytes);
	if (!fault) {
		import.shard = inherited_shard(stats);
		fault = read_all(&import, bytes);
		invariant(!fault);
	}
	free(import.known);
	return fault ? diag_set(diag, "%s", fault) : STATUS_OK;
}

void stats_note_told(struct stats *stats, struct slice bytes)
{
	struct import import = {.stats = stats, .is_own = true};

	pthread_mutex_lock(&stats->lock);
	if (!stats->told)
		stats->told = stats_new_shard(stats);
	import.shard = stats->told;
	find_known(&import);
	pthread_mutex_unlock(&stats->lock);
	invariant(!read_all(&import, bytes));
	free(import.known);
}

static void forget_gauges(struct stats *stats, const struct stat_scope *scope)
{
	const uint64_t *words = stats->inherited->blocks[scope->slot];

	for (uint32_t id = 0; words && id < scope->type->count; id++)
		if (stats_share_of(&scope->type->rows[id]) == STATS_SHARE_GAUGE && words[id])
			stat_gauge_set(stats->inherited, scope, id, 0);
}

void stats_import_end(struct stats *stats)
{
	pthread_mutex_lock(&stats->lock);
	for (uint32_t slot = 0; stats->inherited && slot < stats->slot_count; slot++)
		if (stats->slots[slot])
			forget_gauges(stats, stats->slots[slot]);
	pthread_mutex_unlock(&stats->lock);
	while (stats->held_count)
		stat_scope_drop(stats, stats->held_scopes[--stats->held_count]);
	free(stats->held_scopes);
	stats->held_scopes = NULL;
	stats->held_capacity = 0;
}

void stats_forget_told(struct stats *stats)
{
	section_writer_free(&stats->told_bytes);
	stats->is_told = false;
	if (!stats->told)
		return;
	pthread_mutex_lock(&stats->lock);
	struct stats_shard *told = stats->told;
	stats->told = NULL;
	for (uint32_t slot = 0; slot < stats->slot_count; slot++)
		if (stats->slots[slot])
			stats_forget_block(told, stats->slots[slot]);
	pthread_mutex_unlock(&stats->lock);
	stats_free_shard(told);
}
