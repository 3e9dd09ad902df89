/* Opening a folder: what waits in it from before is found. */
#include <stdlib.h>

#include "base/log.h"
#include "spool/spool_private.h"

enum {
	SEGMENTS = 8, /* the folder's bytes are divided among so many at least */
	SEGMENT_MAX = 16 << 20,
	SEGMENT_MIN = 64 << 10,
};

struct recovered {
	uint64_t id;
	struct spool_entry *entry; /* NULL: over */
};

/* Requests as they are found, in the order of their ids. */
struct recovery {
	struct spool *spool;
	struct recovered *requests;
	uint32_t count, size;
	uint64_t now_ms;
};

static void recover_request(struct recovery *recovery, struct spool_record record,
			    struct spool_place place)
{
	struct spool *spool = recovery->spool;

	if (record.created_ms > recovery->now_ms) /* the clock was set back */
		record.created_ms = recovery->now_ms;
	if (recovery->count == recovery->size) {
		recovery->size = recovery->size ? recovery->size * 2 : 256;
		recovery->requests =
			realloc(recovery->requests, recovery->size * sizeof *recovery->requests);
		invariant(recovery->requests);
	}
	recovery->requests[recovery->count++] =
		(struct recovered){record.id, spool_index_add(&spool->index, &record, place)};
	spool_files_count(&spool->files, place.segment, true);
}

static void recover_over(struct recovery *recovery, uint64_t id)
{
	struct spool *spool = recovery->spool;
	uint32_t low = 0, high = recovery->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (recovery->requests[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == recovery->count || recovery->requests[low].id != id)
		return; /* its segment has gone */
	struct recovered *found = &recovery->requests[low];
	if (!found->entry)
		return;
	spool_files_count(&spool->files, found->entry->place.segment, false);
	spool_index_remove(&spool->index, found->entry);
	found->entry = NULL;
}

static void recover_record(void *owner, const struct spool_record *record, struct spool_place place)
{
	struct recovery *recovery = owner;

	if (record->id >= recovery->spool->next_id)
		recovery->spool->next_id = record->id + 1;
	if (record->type == SPOOL_REQUEST)
		recover_request(recovery, *record, place);
	else
		recover_over(recovery, record->id);
}

static enum status recover(struct spool *spool)
{
	struct recovery recovery = {.spool = spool, .now_ms = spool_now_ms(spool)};
	struct spool_found found = {.record = recover_record, .owner = &recovery};
	enum status status = spool_files_recover(&spool->files, &found);

	free(recovery.requests);
	if (status)
		return status;
	stat_add(spool->shard, spool->scope, SPOOL_STAT_RECOVERED, spool->index.count);
	stat_add(spool->shard, spool->scope, SPOOL_STAT_CUT_BYTES, found.cut_bytes);
	if (spool->index.count)
		log_info(FILTER, "spool %s: %u requests wait from before", spool->path,
			 spool->index.count);
	if (found.cut_bytes)
		log_warn(FILTER, "spool %s: %llu bytes that were no records were cut off",
			 spool->path, (unsigned long long)found.cut_bytes);
	return STATUS_OK;
}

static uint64_t segment_bytes(const struct spool_options *options)
{
	uint64_t bytes = options->max_bytes / SEGMENTS;

	if (bytes < SEGMENT_MIN)
		return SEGMENT_MIN;
	return bytes < SEGMENT_MAX ? bytes : SEGMENT_MAX;
}

void spool_open(struct spool *spool)
{
	spool_set_clock(spool);
	enum status status =
		spool_files_open(&spool->files, spool->path, segment_bytes(&spool->options));
	if (!status && (status = recover(spool))) {
		spool_files_close(&spool->files);
		spool_index_fini(&spool->index);
	}
	spool->is_open = !status;
	if (status)
		log_warn_limited(FILTER, "spool %s: %s", spool->path,
				 status == STATUS_EXISTS ? "another process has it"
							 : status_text(status));
}
