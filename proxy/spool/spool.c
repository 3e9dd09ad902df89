#include "spool/spool.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/log.h"
#include "spool/spool_private.h"
#include "spool/spools.h"

/* --- time --- */

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t spool_monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

uint64_t spool_now_ms(const struct spool *spool)
{
	return spool_monotonic_ms() + spool->wall_offset_ms;
}

void spool_set_clock(struct spool *spool)
{
	spool->wall_offset_ms = clock_ms(CLOCK_REALTIME) - spool_monotonic_ms();
}

/* --- commands --- */

void spool_wake(struct spool *spool)
{
	eventfd_write(spool->wake_fd, 1); /* fails when it has been woken 2^64 times already */
}

void spool_command(struct spool *spool, struct spool_command *command)
{
	struct spool_command *before = atomic_load_explicit(&spool->commands, memory_order_relaxed);

	do
		command->next = before;
	while (!atomic_compare_exchange_weak_explicit(&spool->commands, &before, command,
						      memory_order_release, memory_order_relaxed));
	if (!before)
		spool_wake(spool);
}

/* All of them, the oldest first. */
static struct spool_command *take_commands(struct spool *spool)
{
	struct spool_command *newest =
		atomic_exchange_explicit(&spool->commands, NULL, memory_order_acquire);
	struct spool_command *oldest = NULL;

	while (newest) {
		struct spool_command *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* --- keeping --- */

static void drop_append(struct spool_command *command)
{
	free(container_of(command, struct spool_append, command));
}

static bool has_room(const struct spool *spool, size_t size)
{
	return spool->index.count < spool->options.max_records &&
	       spool->files.bytes + size <= spool->options.max_bytes;
}

static enum spool_verdict keep(struct spool *spool, struct spool_append *append)
{
	const struct spool_record record = {
		.type = SPOOL_REQUEST,
		.id = spool->next_id,
		.created_ms = spool_now_ms(spool),
		.key = append->key,
		.bytes = slice_make(append->bytes, append->len),
	};
	struct spool_place place;

	if (!spool->is_open)
		return SPOOL_FAILED;
	if (spool_index_find(&spool->index, append->key))
		return SPOOL_DUPLICATE;
	if (!has_room(spool, spool_record_size(&record)))
		return SPOOL_FULL;
	enum status status = spool_files_append(&spool->files, &record, &place);
	if (status) {
		log_error_limited(FILTER, "spool %s: %s", spool->path, status_text(status));
		return SPOOL_FAILED;
	}
	spool->next_id++;
	append->entry = spool_index_add(&spool->index, &record, place);
	spool_files_count(&spool->files, place.segment, true);
	return SPOOL_ACCEPTED;
}

static void run_append(struct spool *spool, struct spool_command *command)
{
	struct spool_append *append = container_of(command, struct spool_append, command);

	append->verdict = keep(spool, append);
	append->next = NULL;
	*spool->batch_end = append;
	spool->batch_end = &append->next;
}

struct spool_append *spool_append_new(size_t len)
{
	struct spool_append *append = malloc(sizeof *append + len);

	invariant(append);
	*append = (struct spool_append){.command = {NULL, run_append, drop_append}, .len = len};
	return append;
}

void spool_append(struct spool *spool, struct spool_append *append)
{
	spool_command(spool, &append->command);
}

bool spool_takes(const struct spool *spool)
{
	return atomic_load_explicit(&spool->takes, memory_order_relaxed);
}

/* On the worker. */
static void tell(struct worker_context *worker, void *arg)
{
	struct spool_append *append = arg;

	(void)worker;
	while (append) {
		struct spool_append *next = append->next;
		append->done(append);
		append = next;
	}
}

static void count_verdict(const struct spool *spool, enum spool_verdict verdict)
{
	switch (verdict) {
	case SPOOL_ACCEPTED:
		spool_count(spool, SPOOL_STAT_ACCEPTED);
		break;
	case SPOOL_DUPLICATE:
		spool_count(spool, SPOOL_STAT_DUPLICATE);
		break;
	case SPOOL_FULL:
		spool_count(spool, SPOOL_STAT_REFUSED_FULL);
		break;
	case SPOOL_FAILED:
		spool_count(spool, SPOOL_STAT_WRITE_FAILED);
		break;
	}
}

static bool sync_batch(struct spool *spool)
{
	if (spool->options.skips_sync || !(spool->files.is_dirty || spool->files.is_in_doubt))
		return true;
	enum status status = spool_files_sync(&spool->files);
	spool_count(spool, SPOOL_STAT_SYNCS);
	if (status)
		log_error_limited(FILTER, "spool %s: %s", spool->path, status_text(status));
	return !status;
}

/* Those of each worker go in one message. */
static void tell_workers(struct spool *spool, struct spool_append *batch)
{
	while (batch) {
		struct spool_append *own = NULL, **own_end = &own, *others = NULL,
				    **others_end = &others;
		unsigned worker = batch->worker;
		for (; batch; batch = batch->next) {
			struct spool_append ***end =
				batch->worker == worker ? &own_end : &others_end;
			**end = batch;
			*end = &batch->next;
		}
		*own_end = *others_end = NULL;
		spool_post(spool, worker, tell, own);
		batch = others;
	}
}

/* Nobody knows whether it is on disk: it isn't accepted, nor is one that it would be the duplicate
 * of. If it is there after all, the next process sends it. */
static void forget(struct spool *spool, struct spool_append *append)
{
	if (append->verdict == SPOOL_ACCEPTED) {
		spool_files_count(&spool->files, append->entry->place.segment, false);
		spool_index_remove(&spool->index, append->entry);
	}
	if (append->verdict == SPOOL_ACCEPTED || append->verdict == SPOOL_DUPLICATE)
		append->verdict = SPOOL_FAILED;
}

static void finish_batch(struct spool *spool)
{
	struct spool_append *batch = spool->batch;

	if (!batch)
		return;
	bool is_there = sync_batch(spool);
	for (struct spool_append *a = batch; a; a = a->next) {
		if (!is_there)
			forget(spool, a);
		count_verdict(spool, a->verdict);
	}
	spool->batch = NULL;
	spool->batch_end = &spool->batch;
	tell_workers(spool, batch);
}

/* --- the thread --- */

static void show(struct spool *spool)
{
	stat_gauge_set(spool->shard, spool->scope, SPOOL_STAT_RECORDS, spool->index.count);
	stat_gauge_set(spool->shard, spool->scope, SPOOL_STAT_BYTES, spool->files.bytes);
	stat_gauge_set(spool->shard, spool->scope, SPOOL_STAT_SENDING, spool->sending);
	stat_gauge_set(spool->shard, spool->scope, SPOOL_STAT_OPEN, spool->is_open);
	atomic_store_explicit(&spool->takes, spool->is_open && has_room(spool, SPOOL_REQUEST_FRONT),
			      memory_order_relaxed);
}

/* What came meanwhile; a sync for all of it. */
static void run_commands(struct spool *spool)
{
	struct spool_command *command = take_commands(spool);
	unsigned appended = 0;

	while (command) {
		struct spool_command *next = command->next;
		command->run(spool, command);
		command = next;
		if (++appended % SPOOL_BATCH == 0)
			finish_batch(spool);
	}
	finish_batch(spool);
}

static int turn(struct spool *spool)
{
	int wait_ms = -1;

	if (!spool->is_open)
		spool_open(spool);
	run_commands(spool);
	if (!spool->is_open)
		wait_ms = SPOOL_LOCK_MS;
	else if (!atomic_load(&spool->is_stopping)) {
		spool_expire(spool);
		wait_ms = spool_send_due(spool);
	}
	if (spool->is_open)
		spool_files_trim(&spool->files);
	show(spool);
	return wait_ms;
}

static void wait_for_news(struct spool *spool, int wait_ms)
{
	struct pollfd poll_fd = {.fd = spool->wake_fd, .events = POLLIN};
	eventfd_t woken;

	if (poll(&poll_fd, 1, wait_ms) > 0)
		(void)eventfd_read(spool->wake_fd, &woken);
}

/* What is out comes back, unless there are no workers any more. */
static bool may_end(const struct spool *spool)
{
	return atomic_load(&spool->is_stopping) &&
	       (!spool->sending || atomic_load(&spool->is_leaving)) &&
	       !atomic_load_explicit(&spool->commands, memory_order_relaxed);
}

void *spool_run(void *data)
{
	struct spool *spool = data;

	for (;;) {
		int wait_ms = turn(spool);
		if (may_end(spool))
			break;
		wait_for_news(spool, wait_ms);
	}
	(void)sync_batch(spool);
	spool_files_close(&spool->files);
	spool->is_open = false;
	atomic_store(&spool->takes, false);
	atomic_store(&spool->has_ended, true);
	return NULL;
}
