#include "telemetry/access_log.h"

#include "telemetry/access_log_private.h"
#include "telemetry/log_files.h"
#include "telemetry/stats_server.h"

/* Renders the line into the block. Returns false, and leaves the block as it was, if there is no
 * room. */
static bool append_line(struct log_block *block, const struct format *format,
			const struct stream_info *info)
{
	size_t room = LOG_LINE_ROOM - block->len;
	size_t len = format_write(format, info, block->data + block->len, room);
	if (len > room)
		return false;
	block->len += (uint32_t)len;
	block->lines++;
	return true;
}

static void write_line(const struct logger *logger, struct log_worker *logs,
		       const struct stream_info *info)
{
	struct log_block *block = log_worker_block(logs, logger->file);
	if (block && !append_line(block, logger->format, info)) {
		if (block->len) {
			log_worker_hand_over(logs, logger->file, false);
			block = log_worker_block(logs, logger->file);
		}
		if (block && !append_line(block, logger->format, info))
			block = NULL; /* longer than a block */
	}
	if (UNLIKELY(!block))
		stat_inc(logs->shard, logs->files->scope, FILESYSTEM_STAT_WRITE_DROPPED);
	else if (block->len >= logs->files->min_flush)
		log_worker_hand_over(logs, logger->file, false);
}

void access_log_write(const struct access_log *log, struct log_worker *logs,
		      const struct stream_info *info)
{
	for (unsigned i = 0; log && i < log->count; i++) {
		const struct logger *logger = &log->loggers[i];
		if (!logger->filter ||
		    access_log_filter_test(logger->filter, info, random_next(&logs->random)))
			write_line(logger, logs, info);
	}
}
