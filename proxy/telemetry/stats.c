/* The reading side is in stats_read.c. */
#include "telemetry/stats.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "telemetry/stats_private.h"
#include "telemetry/stats_settings.h"
#include "telemetry/stats_transfer_private.h"

static uint64_t scope_hash(const struct stat_type *type, struct slice prefix)
{
	return hash_combine(hash_bytes(slice_of(type->name)), hash_bytes(prefix));
}

/* --- life --- */

struct stats *stats_new(void)
{
	struct stats *stats = calloc(1, sizeof *stats);
	invariant(stats);
	pthread_mutex_init(&stats->lock, NULL);
	stats->bucket_count = 256;
	stats->buckets = calloc(stats->bucket_count, sizeof *stats->buckets);
	invariant(stats->buckets);
	stats->main = stats_add_shard(stats);
	return stats;
}

void stats_free_shard(struct stats_shard *shard)
{
	if (!shard)
		return;
	munmap(shard->blocks, STATS_SCOPES_MAX * sizeof *shard->blocks);
	free(shard);
}

void stats_free(struct stats *stats)
{
	if (!stats)
		return;
	stats_import_end(stats);
	stats_forget_told(stats);
	invariant(!stats->scope_count);
	while (stats->shards) {
		struct stats_shard *shard = stats->shards;
		stats->shards = shard->next;
		stats_free_shard(shard);
	}
	stats_free_shard(stats->resets);
	stats_settings_free(stats->settings);
	free(stats->slots);
	free(stats->buckets);
	pthread_mutex_destroy(&stats->lock);
	free(stats);
}

struct stats_shard *stats_main_shard(struct stats *stats)
{
	return stats->main;
}

struct stats_shard *stats_new_shard(struct stats *stats)
{
	struct stats_shard *shard = calloc(1, sizeof *shard);
	invariant(shard);
	/* Address space only: a page of it is backed when a scope of its 512 slots is first used.
	 */
	void *blocks = mmap(NULL, STATS_SCOPES_MAX * sizeof *shard->blocks, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	invariant(blocks != MAP_FAILED);
	shard->blocks = blocks;
	shard->stats = stats;
	return shard;
}

struct stats_shard *stats_add_shard(struct stats *stats)
{
	struct stats_shard *shard = stats_new_shard(stats);
	shard->next = stats->shards;
	__atomic_store_n(&stats->shards, shard, __ATOMIC_RELEASE); /* the builder may be reading */
	return shard;
}

/* --- scopes --- */

/* The prefix of a scope's name: "a://b:c" becomes "a_b_c.". Returns its length; out: name.len + 1
 * bytes. */
static size_t make_prefix(struct slice name, char *out)
{
	size_t len = 0;
	if (name.len && name.data[0] == '.')
		name = slice_sub(name, 1, name.len);
	if (name.len && name.data[name.len - 1] == '.')
		name.len--;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (c == ':') {
			for (int slashes = 0; slashes < 2 && i + 1 < name.len; slashes++)
				i += name.data[i + 1] == '/';
			c = '_';
		}
		out[len++] = c ? c : '_';
	}
	if (len)
		out[len++] = '.';
	return len;
}

static void grow_buckets(struct stats *stats)
{
	uint32_t count = stats->bucket_count * 2;
	struct stat_scope **buckets = calloc(count, sizeof *buckets);
	invariant(buckets);
	for (uint32_t slot = 0; slot < stats->slot_count; slot++) {
		struct stat_scope *scope = stats->slots[slot];
		if (!scope)
			continue;
		uint64_t at = scope_hash(scope->type, scope->prefix) & (count - 1);
		scope->next = buckets[at];
		buckets[at] = scope;
	}
	free(stats->buckets);
	stats->buckets = buckets;
	stats->bucket_count = count;
}

/* The lowest free slot, so that blocks stay together. */
static uint32_t take_slot(struct stats *stats)
{
	while (stats->free_slot < stats->slot_count && stats->slots[stats->free_slot])
		stats->free_slot++;
	if (stats->free_slot == stats->slot_count) {
		invariant(stats->slot_count < STATS_SCOPES_MAX);
		if (stats->slot_count == stats->slot_capacity) {
			stats->slot_capacity = stats->slot_capacity ? stats->slot_capacity * 2 : 64;
			stats->slots =
				realloc(stats->slots, stats->slot_capacity * sizeof *stats->slots);
			invariant(stats->slots);
		}
		stats->slots[stats->slot_count++] = NULL;
	}
	return stats->free_slot;
}

static struct stat_scope *find_scope(const struct stats *stats, uint64_t hash,
				     const struct stat_type *type, struct slice prefix)
{
	struct stat_scope *scope = stats->buckets[hash & (stats->bucket_count - 1)];
	while (scope && (scope->type != type || !slice_equal(scope->prefix, prefix)))
		scope = scope->next;
	return scope;
}

static void insert_scope(struct stats *stats, struct stat_scope *scope, uint64_t hash)
{
	if (stats->scope_count >= stats->bucket_count)
		grow_buckets(stats);
	struct stat_scope **bucket = &stats->buckets[hash & (stats->bucket_count - 1)];
	scope->slot = take_slot(stats);
	scope->next = *bucket;
	*bucket = scope;
	stats->slots[scope->slot] = scope;
	stats->scope_count++;
}

/* The scope of a prefix that make_prefix has made. */
static struct stat_scope *take_scope(struct stats *stats, struct stat_scope *made)
{
	uint64_t hash = scope_hash(made->type, made->prefix);
	pthread_mutex_lock(&stats->lock);
	struct stat_scope *found = find_scope(stats, hash, made->type, made->prefix);
	if (found)
		stat_scope_hold(found);
	else
		insert_scope(stats, made, hash);
	pthread_mutex_unlock(&stats->lock);
	if (!found)
		return made;
	free(made);
	return found;
}

static struct stat_scope *make_scope(const struct stat_type *type, size_t name_len)
{
	struct stat_scope *made = calloc(1, sizeof *made + name_len + 1);
	invariant(made);
	made->type = type;
	made->references = 1;
	return made;
}

struct stat_scope *stat_scope_take(struct stats *stats, const struct stat_type *type,
				   struct slice name)
{
	struct stat_scope *made = make_scope(type, name.len);
	char *text = (char *)(made + 1);
	made->prefix = slice_make(text, make_prefix(name, text));
	return take_scope(stats, made);
}

struct stat_scope *stats_take_prefix(struct stats *stats, const struct stat_type *type,
				     struct slice prefix)
{
	struct stat_scope *made = make_scope(type, prefix.len);
	if (prefix.len)
		memcpy(made + 1, prefix.data, prefix.len);
	made->prefix = slice_make(made + 1, prefix.len);
	return take_scope(stats, made);
}

struct stat_scope *stats_find_prefix(const struct stats *stats, const struct stat_type *type,
				     struct slice prefix)
{
	return find_scope(stats, scope_hash(type, prefix), type, prefix);
}

struct stat_scope *stat_scope_hold(struct stat_scope *scope)
{
	__atomic_add_fetch(&scope->references, 1, __ATOMIC_RELAXED);
	return scope;
}

static void free_codes(struct stat_codes *codes)
{
	while (codes) {
		struct stat_codes *next = codes->next;
		free(codes);
		codes = next;
	}
}

/* What a word owns. */
static void free_word(const struct stat_row *row, uint64_t word)
{
	switch ((enum stat_kind)row->kind) {
	case STAT_HISTOGRAM:
	case STAT_LAZY_HISTOGRAM:
		histogram_free((struct histogram *)(uintptr_t)word);
		break;
	case STAT_CODES:
		free_codes((struct stat_codes *)(uintptr_t)word);
		break;
	case STAT_TEXT:
		free((void *)(uintptr_t)word);
		break;
	case STAT_NONE:
	case STAT_COUNTER:
	case STAT_LAZY_COUNTER:
	case STAT_GAUGE:
	case STAT_LAZY_GAUGE:
		break;
	}
}

void stats_forget_block(struct stats_shard *shard, const struct stat_scope *scope)
{
	uint64_t *words = shard->blocks[scope->slot];
	if (!words)
		return;
	for (unsigned i = 0; i < scope->type->count; i++)
		free_word(&scope->type->rows[i], words[i]);
	free(words);
	shard->blocks[scope->slot] = NULL;
}

/* Out of the table and its slot. */
static void remove_scope(struct stats *stats, struct stat_scope *scope)
{
	uint64_t hash = scope_hash(scope->type, scope->prefix);
	struct stat_scope **at = &stats->buckets[hash & (stats->bucket_count - 1)];
	while (*at != scope)
		at = &(*at)->next;
	*at = scope->next;
	stats->slots[scope->slot] = NULL;
	if (scope->slot < stats->free_slot)
		stats->free_slot = scope->slot;
	stats->scope_count--;
}

void stat_scope_drop(struct stats *stats, struct stat_scope *scope)
{
	if (!scope)
		return;
	pthread_mutex_lock(&stats->lock);
	bool is_last = !__atomic_sub_fetch(&scope->references, 1, __ATOMIC_ACQ_REL);
	if (is_last) {
		for (struct stats_shard *shard = stats->shards; shard; shard = shard->next)
			stats_forget_block(shard, scope);
		if (stats->resets)
			stats_forget_block(stats->resets, scope);
		if (stats->told)
			stats_forget_block(stats->told, scope);
		remove_scope(stats, scope);
	}
	pthread_mutex_unlock(&stats->lock);
	if (is_last) {
		stats_forget_views(scope);
		free(scope);
	}
}

/* --- counting: the ways that aren't a bump --- */

COLD uint64_t *stats_words_slow(struct stats_shard *shard, const struct stat_scope *scope)
{
	uint64_t *words = calloc(scope->type->count, sizeof *words);
	invariant(words);
	__atomic_store_n(&shard->blocks[scope->slot], words, __ATOMIC_RELEASE);
	return words;
}

COLD struct histogram *stat_histogram_slow(uint64_t *word)
{
	struct histogram *h = histogram_new();
	__atomic_store_n(word, (uint64_t)(uintptr_t)h, __ATOMIC_RELEASE);
	return h;
}

/* Up is value + 1 and down is 1, so that a gauge set to 0 is known to be used. */
void stat_gauge_set(struct stats_shard *shard, const struct stat_scope *scope, unsigned id,
		    uint64_t value)
{
	uint64_t *words = stats_words(shard, scope);
	__atomic_store_n(&words[id + 1], 1, __ATOMIC_RELAXED);
	__atomic_store_n(&words[id], value + 1, __ATOMIC_RELAXED);
}

static COLD struct stat_codes *add_codes(uint64_t *word)
{
	struct stat_codes *codes = calloc(1, sizeof *codes);
	invariant(codes);
	__atomic_store_n(word, (uint64_t)(uintptr_t)codes, __ATOMIC_RELEASE);
	return codes;
}

void stat_code_add(struct stats_shard *shard, const struct stat_scope *scope, unsigned id,
		   unsigned code, uint64_t n)
{
	if (UNLIKELY(code < 100 || code > 599))
		return;
	uint64_t *word = stats_words(shard, scope) + id;
	struct stat_codes *codes = (struct stat_codes *)(uintptr_t)*word;
	if (UNLIKELY(!codes))
		codes = add_codes(word);
	for (;;) {
		for (unsigned i = 0; i < STAT_CODES_A_BLOCK; i++) {
			if (UNLIKELY(!codes->code[i]))
				__atomic_store_n(&codes->code[i], (uint16_t)code, __ATOMIC_RELAXED);
			if (codes->code[i] == code) {
				stat_word_add(&codes->count[i], n);
				return;
			}
		}
		if (!codes->next) {
			struct stat_codes *more = calloc(1, sizeof *more);
			invariant(more);
			__atomic_store_n(&codes->next, more, __ATOMIC_RELEASE);
		}
		codes = codes->next;
	}
}

void stat_text_set(struct stats *stats, const struct stat_scope *scope, unsigned id,
		   struct slice text)
{
	uint64_t *word = stats_words(stats->main, scope) + id;
	char *copy = calloc(1, text.len + 1);
	invariant(copy);
	if (text.len)
		memcpy(copy, text.data, text.len);
	pthread_mutex_lock(&stats->lock);
	free((void *)(uintptr_t)*word);
	__atomic_store_n(word, (uint64_t)(uintptr_t)copy, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&stats->lock);
}
