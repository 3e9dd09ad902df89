#include "filters/sentinel/ops/block_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/hash.h"
#include "filters/sentinel/ops/local_time.h"

enum { TABLE_SLOTS = 2 * BLOCK_TABLE_ENTRIES };

struct block_entry {
	int64_t second;
	uint64_t calls;
	uint32_t hash, offset, len; /* of the key */
};

struct block_table {
	struct block_table *next; /* among the full ones */
	unsigned worker;
	uint32_t count, bytes;
	uint16_t slots[TABLE_SLOTS]; /* 1 + index of an entry; 0: free */
	struct block_entry entries[BLOCK_TABLE_ENTRIES];
	char keys[BLOCK_TABLE_BYTES];
};

/* What was collected and not written yet. */
struct block_pending {
	struct block_entry *entries;
	size_t count, room;
	struct text keys;
};

struct block_log *block_log_new(unsigned workers)
{
	size_t size = sizeof(struct block_log) + workers * sizeof(struct block_shard);
	struct block_log *log = aligned_alloc(_Alignof(struct block_shard), (size + 63) / 64 * 64);

	invariant(log);
	memset(log, 0, size);
	log->workers = workers;
	log->pending = calloc(1, sizeof *log->pending);
	invariant(log->pending);
	return log;
}

void block_log_free(struct block_log *log)
{
	if (!log)
		return;
	for (unsigned i = 0; i < log->workers; i++) {
		free(atomic_load(&log->shards[i].table));
		free(atomic_load(&log->shards[i].spare));
	}
	for (struct block_table *table = atomic_load(&log->full); table;) {
		struct block_table *next = table->next;
		free(table);
		table = next;
	}
	free(log->pending->entries);
	text_free(&log->pending->keys);
	free(log->pending);
	free(log);
}

/* --- a worker --- */

static size_t put(char *key, size_t at, struct slice part)
{
	size_t n = part.len < BLOCK_KEY_MAX - at ? part.len : BLOCK_KEY_MAX - at;

	for (size_t i = 0; i < n; i++) {
		char c = part.data[i];
		key[at + i] = c == '\n' || c == '\r' ? '_' : c;
	}
	return at + n;
}

static struct slice put_id(int64_t id, char *out, size_t size)
{
	char *at = out + size;
	uint64_t rest = id < 0 ? -(uint64_t)id : (uint64_t)id;

	if (!id)
		return slice_make(out, 0);
	for (; rest; rest /= 10)
		*--at = (char)('0' + rest % 10);
	if (id < 0)
		*--at = '-';
	return slice_make(at, (size_t)(out + size - at));
}

static size_t make_key(const struct block_note *note, char *key)
{
	char digits[24];
	size_t len = put(key, 0, note->resource);

	len = put(key, put(key, len, SLICE(",")), note->exception);
	len = put(key, put(key, len, SLICE(",")), note->limit_app);
	len = put(key, put(key, len, SLICE(",")), note->origin);
	len = put(key, len, SLICE(","));
	return put(key, len, put_id(note->rule_id, digits, sizeof digits));
}

static struct block_table *take_table(struct block_shard *shard, unsigned worker)
{
	struct block_table *table =
		atomic_exchange_explicit(&shard->table, NULL, memory_order_acquire);

	if (!table)
		table = atomic_exchange_explicit(&shard->spare, NULL, memory_order_acquire);
	if (!table) {
		table = calloc(1, sizeof *table);
		invariant(table);
		table->worker = worker;
	}
	return table;
}

static void hand_over(struct block_log *log, struct block_shard *shard, struct block_table *table)
{
	atomic_fetch_add_explicit(&shard->waiting, 1, memory_order_relaxed);
	table->next = atomic_load_explicit(&log->full, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&log->full, &table->next, table,
						      memory_order_release, memory_order_relaxed))
		;
}

/* The place of that key in that second: of its entry, or where one would go. */
static uint16_t *find(struct block_table *table, int64_t second, uint32_t hash, struct slice key)
{
	uint32_t at = hash % TABLE_SLOTS;

	for (; table->slots[at]; at = (at + 1) % TABLE_SLOTS) {
		const struct block_entry *entry = &table->entries[table->slots[at] - 1];
		if (entry->hash == hash && entry->second == second &&
		    slice_equal(slice_make(table->keys + entry->offset, entry->len), key))
			break;
	}
	return &table->slots[at];
}

static bool count_in(struct block_table *table, int64_t second, struct slice key, uint32_t calls)
{
	uint32_t hash = (uint32_t)hash_bytes(key) ^ (uint32_t)second;
	uint16_t *slot = find(table, second, hash, key);

	if (!*slot) {
		if (table->count == BLOCK_TABLE_ENTRIES ||
		    key.len > BLOCK_TABLE_BYTES - table->bytes)
			return false;
		table->entries[table->count++] =
			(struct block_entry){second, 0, hash, table->bytes, (uint32_t)key.len};
		memcpy(table->keys + table->bytes, key.data, key.len);
		table->bytes += (uint32_t)key.len;
		*slot = (uint16_t)table->count;
	}
	table->entries[*slot - 1].calls += calls;
	return true;
}

static void count_key(struct block_log *log, unsigned worker, struct slice key, uint32_t count,
		      int64_t now_ms)
{
	struct block_shard *shard = &log->shards[worker];
	struct block_table *table = take_table(shard, worker);

	if (!count_in(table, now_ms / 1000, key, count)) {
		if (atomic_load_explicit(&shard->waiting, memory_order_relaxed) >=
		    BLOCK_TABLES_WAITING) {
			atomic_fetch_add_explicit(&log->dropped, count, memory_order_relaxed);
		} else {
			hand_over(log, shard, table);
			table = take_table(shard, worker);
			(void)count_in(table, now_ms / 1000, key, count); /* it is empty */
		}
	}
	atomic_store_explicit(&shard->table, table, memory_order_release);
}

void block_log_note(struct block_log *log, unsigned worker, const struct block_note *note,
		    int64_t now_ms)
{
	char key[BLOCK_KEY_MAX];

	count_key(log, worker, slice_make(key, make_key(note, key)), note->count, now_ms);
}

void block_log_count(struct block_log *log, unsigned worker, struct slice key, uint32_t count,
		     int64_t now_ms)
{
	char copy[BLOCK_KEY_MAX];

	count_key(log, worker, slice_make(copy, put(copy, 0, key)), count, now_ms);
}

/* --- the collector --- */

static void collect_table(struct block_pending *pending, const struct block_table *table)
{
	if (pending->room < pending->count + table->count) {
		pending->room = 2 * (pending->count + table->count);
		pending->entries =
			realloc(pending->entries, pending->room * sizeof *pending->entries);
		invariant(pending->entries);
	}
	for (uint32_t i = 0; i < table->count; i++) {
		struct block_entry entry = table->entries[i];
		entry.offset += (uint32_t)pending->keys.len;
		pending->entries[pending->count++] = entry;
	}
	text_add(&pending->keys, slice_make(table->keys, table->bytes));
}

/* Empties it, for its worker to have it again. */
static void give_back(struct block_shard *shard, struct block_table *table)
{
	struct block_table *none = NULL;

	table->count = table->bytes = 0;
	table->next = NULL;
	memset(table->slots, 0, sizeof table->slots);
	if (!atomic_compare_exchange_strong_explicit(&shard->spare, &none, table,
						     memory_order_release, memory_order_relaxed))
		free(table);
}

static void collect_full(struct block_log *log)
{
	struct block_table *table =
		atomic_exchange_explicit(&log->full, NULL, memory_order_acquire);

	while (table) {
		struct block_table *next = table->next;
		struct block_shard *shard = &log->shards[table->worker];
		atomic_fetch_sub_explicit(&shard->waiting, 1, memory_order_relaxed);
		collect_table(log->pending, table);
		give_back(shard, table);
		table = next;
	}
}

/* A table that is in its worker's hand at this moment is collected next time. */
static void collect_current(struct block_log *log)
{
	for (unsigned i = 0; i < log->workers; i++) {
		struct block_shard *shard = &log->shards[i];
		struct block_table *table =
			atomic_exchange_explicit(&shard->table, NULL, memory_order_acquire);
		if (!table)
			continue;
		collect_table(log->pending, table);
		give_back(shard, table);
	}
}

static struct slice key_of(const struct block_pending *pending, const struct block_entry *entry)
{
	return slice_make(pending->keys.data + entry->offset, entry->len);
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct block_entry *x = a, *y = b;

	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	return slice_compare(key_of(arg, x), key_of(arg, y));
}

static void put_line(const struct block_pending *pending, const struct block_entry *entry,
		     uint64_t calls, struct text *lines)
{
	const struct local_time time = local_time_of(entry->second);

	text_add(lines, local_time_text(&time));
	text_add(lines, SLICE("|1|"));
	text_add(lines, key_of(pending, entry));
	text_printf(lines, "|%" PRIu64 ",0\r\n", calls);
}

/* Entries from `first` on stay. */
static void keep(struct block_pending *pending, size_t first)
{
	struct text keys = {0};

	for (size_t i = first; i < pending->count; i++) {
		struct block_entry entry = pending->entries[i];
		struct slice key = key_of(pending, &entry);
		entry.offset = (uint32_t)keys.len;
		text_add(&keys, key);
		pending->entries[i - first] = entry;
	}
	text_free(&pending->keys);
	pending->keys = keys;
	pending->count -= first;
}

void block_log_collect(struct block_log *log, int64_t now_ms, struct text *lines)
{
	struct block_pending *pending = log->pending;
	size_t i = 0;

	collect_full(log);
	collect_current(log);
	if (!pending->count)
		return;
	qsort_r(pending->entries, pending->count, sizeof *pending->entries, compare, pending);
	while (i < pending->count && pending->entries[i].second < now_ms / 1000) {
		const struct block_entry *first = &pending->entries[i];
		uint64_t calls = 0;
		for (; i < pending->count && !compare(first, &pending->entries[i], pending); i++)
			calls += pending->entries[i].calls;
		put_line(pending, first, calls, lines);
	}
	keep(pending, i);
}
