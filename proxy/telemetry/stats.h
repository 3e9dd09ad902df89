/* Counters, gauges, histograms and texts: who counts writes a word of its own thread, who reads
 * sums.
 *
 *   stats ── scope "cluster.c1." (type: table of names) ── slot 17
 *   shard of a thread: blocks[17] -> [words of that scope]     NULL until it first counts there
 *
 * A scope's type is a constant table made by an X-macro (telemetry/stats_table.h); a stat's id is
 * its word in the block, so a bump is: load block, test, add. A gauge has two words (up, down): its
 * value is the difference of the sums, whichever thread went up or down, and it is known to be used
 * when it is back at 0. A histogram's word points at a struct histogram, a code counter's at a
 * small table, both made at the first record.
 *
 * Owner: struct stats owns scopes and shards. Thread: scopes are taken, held and dropped on main or
 * the builder (a lock guards the table), values are read on either; a shard's words are written by
 * its thread alone (relaxed stores, read meanwhile). The references to a scope are those of
 * published objects and of main: whoever counts on a worker holds a pin on one of them. The last
 * drop forgets the values; an object that replaces another takes the scope before the old one drops
 * it, so they survive. */
#ifndef TELEMETRY_STATS_H
#define TELEMETRY_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "telemetry/histogram.h"
#include "telemetry/stats_table.h"

enum { STATS_SCOPES_MAX = 1 << 22 }; /* slots; taking more aborts */

struct stats;

/* Words of one scope type under one name prefix. */
struct stat_scope {
	const struct stat_type *type;
	uint32_t slot;
	uint32_t references;
	struct slice prefix;     /* "cluster.c1.", with its last dot, or "" */
	struct stat_scope *next; /* in its hash bucket */
	struct histogram_view
		*views; /* one a histogram of the type, made by stats_flush; or NULL */
};

/* One thread's words. */
struct stats_shard {
	uint64_t **blocks; /* STATS_SCOPES_MAX entries of lazily backed memory */
	struct stats *stats;
	struct stats_shard *next;
};

/* Returns owned, with the shard of the main thread inside. */
struct stats *stats_new(void);
/* Every scope must have been dropped, every thread joined. NULL: nothing. */
void stats_free(struct stats *stats);

struct stats_shard *stats_main_shard(struct stats *stats);
/* A shard for one more thread; main, before that thread starts. Owned by stats. */
struct stats_shard *stats_add_shard(struct stats *stats);

/* The scope of this type and name with one reference more; made if it is new. The name has no last
 * dot ("cluster.c1"; "" for none); as in Envoy, ':' and "://" in it become '_'. Its stats appear
 * from now on. Never NULL. */
struct stat_scope *stat_scope_take(struct stats *stats, const struct stat_type *type,
				   struct slice name);
/* One more reference to a scope at hand. */
struct stat_scope *stat_scope_hold(struct stat_scope *scope);
/* NULL: nothing. */
void stat_scope_drop(struct stats *stats, struct stat_scope *scope);

/* --- counting: the shard's thread --- */

uint64_t *stats_words_slow(struct stats_shard *shard, const struct stat_scope *scope);

/* The scope's words in this shard: may be kept as long as the scope is held, by this thread. */
static inline uint64_t *stats_words(struct stats_shard *shard, const struct stat_scope *scope)
{
	uint64_t *words = shard->blocks[scope->slot];
	return LIKELY(words) ? words : stats_words_slow(shard, scope);
}

/* A volatile access is what a relaxed store compiles to, but lets the compiler keep the words'
 * address from one bump to the next; the sanitizer is told what is meant. */
static inline void stat_word_add(uint64_t *word, uint64_t n)
{
#if UNDER_TSAN
	__atomic_store_n(word, *word + n, __ATOMIC_RELAXED);
#else
	*(volatile uint64_t *)word += n;
#endif
}

/* id: a counter of the scope's type, as in all of these. */
static inline void stat_add(struct stats_shard *shard, const struct stat_scope *scope, unsigned id,
			    uint64_t n)
{
	stat_word_add(stats_words(shard, scope) + id, n);
}

static inline void stat_inc(struct stats_shard *shard, const struct stat_scope *scope, unsigned id)
{
	stat_add(shard, scope, id, 1);
}

static inline void stat_gauge_add(struct stats_shard *shard, const struct stat_scope *scope,
				  unsigned id, uint64_t n)
{
	stat_word_add(stats_words(shard, scope) + id, n);
}

static inline void stat_gauge_sub(struct stats_shard *shard, const struct stat_scope *scope,
				  unsigned id, uint64_t n)
{
	stat_word_add(stats_words(shard, scope) + id + 1, n);
}

static inline void stat_gauge_inc(struct stats_shard *shard, const struct stat_scope *scope,
				  unsigned id)
{
	stat_gauge_add(shard, scope, id, 1);
}

static inline void stat_gauge_dec(struct stats_shard *shard, const struct stat_scope *scope,
				  unsigned id)
{
	stat_gauge_sub(shard, scope, id, 1);
}

/* Makes this shard's share of the gauge `value`. For gauges that one thread sets, main mostly. */
void stat_gauge_set(struct stats_shard *shard, const struct stat_scope *scope, unsigned id,
		    uint64_t value);

struct histogram *stat_histogram_slow(uint64_t *word);

/* The word of a histogram. */
static inline void stat_word_record(uint64_t *word, uint64_t value)
{
	struct histogram *h = (struct histogram *)(uintptr_t)*word;
	if (UNLIKELY(!h))
		h = stat_histogram_slow(word);
	histogram_record(h, value);
}

/* Records a value in a histogram. Durations are in the unit of the name, milliseconds for "_time"
 * and "_ms". */
static inline void stat_record(struct stats_shard *shard, const struct stat_scope *scope,
			       unsigned id, uint64_t value)
{
	stat_word_record(stats_words(shard, scope) + id, value);
}

enum { STAT_CODES_A_BLOCK = 8 };

/* The response codes that one thread has seen, in the order in which they came; 0: free. A service
 * answers with few different ones, so the first compare mostly hits. */
struct stat_codes {
	uint16_t code[STAT_CODES_A_BLOCK];
	uint64_t count[STAT_CODES_A_BLOCK];
	struct stat_codes *next;
};

/* n more answers of this code: for CODES stats ("upstream_rq_" becomes upstream_rq_200). Codes
 * outside 100..599 count nowhere. */
void stat_code_add(struct stats_shard *shard, const struct stat_scope *scope, unsigned id,
		   unsigned code, uint64_t n);

static inline void stat_code_inc(struct stats_shard *shard, const struct stat_scope *scope,
				 unsigned id, unsigned code)
{
	struct stat_codes *codes = (struct stat_codes *)(uintptr_t)stats_words(shard, scope)[id];
	if (LIKELY(codes && code && codes->code[0] == code))
		stat_word_add(&codes->count[0], 1);
	else
		stat_code_add(shard, scope, id, code, 1);
}

/* The id of the class counter (1xx .. 5xx, five neighbours in the table) of a code 100..599. */
static inline unsigned stat_class_id(unsigned id_1xx, unsigned code)
{
	return id_1xx + code / 100 - 1;
}

/* An answer's code in a type that has 1xx .. 5xx, completed, unknown and the codes in this order:
 * cluster, code and virtual_cluster. id_1xx: of the first. */
static inline void stat_count_answer(struct stats_shard *shard, const struct stat_scope *scope,
				     unsigned id_1xx, unsigned code)
{
	bool is_known = code >= 100 && code <= 599;
	stat_inc(shard, scope, is_known ? stat_class_id(id_1xx, code) : id_1xx + 6);
	stat_inc(shard, scope, id_1xx + 5);
	stat_code_inc(shard, scope, id_1xx + 7, code);
}

/* Sets a text; main only. Copied. */
void stat_text_set(struct stats *stats, const struct stat_scope *scope, unsigned id,
		   struct slice text);

/* --- reading: main, or the builder --- */

/* How many scopes there are. */
uint32_t stats_scope_count(const struct stats *stats);

/* A counter's sum, or a gauge's value. */
uint64_t stat_value(const struct stats *stats, const struct stat_scope *scope, unsigned id);

/* One stat as it is shown. */
struct stat_sample {
	const struct stat_scope *scope;
	struct slice prefix, name; /* the full name is both, joined */
	unsigned code;             /* 0, or the response code that ends the name */
	enum stat_kind kind;       /* COUNTER, GAUGE, HISTOGRAM or TEXT */
	enum stat_unit unit;
	bool is_used; /* was ever written */
	uint64_t value;
	struct slice text;
	/* Of a histogram; NULL: nothing recorded, nothing in the last interval. */
	const struct histogram_sum *total, *interval;
};

/* Shows every stat once, in no order; lazy ones and codes only if used. What the sample points at
 * is valid during the call. Scopes may come and go meanwhile: each is held while it is shown. */
void stats_each(struct stats *stats, void (*fn)(void *context, const struct stat_sample *sample),
		void *context);

/* Main: ends an interval of the histograms: call each stats_flush_interval (default 5 s). */
void stats_flush(struct stats *stats);

/* Main: sets all counters to 0 (as /reset_counters does: gauges, histograms and texts stay). Counts
 * that threads make meanwhile stay. */
void stats_reset_counters(struct stats *stats);

/* Adds what another process has counted (hot upgrade) to the counter of that name in the scope
 * ("upstream_rq_200"; the scope is found with stat_scope_take, by its type's name and its prefix).
 * False if the type has none. */
bool MUST_CHECK stats_import_counter(struct stats *stats, const struct stat_scope *scope,
				     struct slice name, uint64_t n);

#endif
