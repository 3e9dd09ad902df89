#include "filters/sentinel/ops/record_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/sentinel/ops/local_time.h"

static const char *const level_names[] = {[RECORD_INFO] = "INFO", [RECORD_WARNING] = "WARNING"};

void record_log_open(struct record_log *log, const char *folder, int pid)
{
	*log = (struct record_log){.is_open = true};
	invariant(!pthread_mutex_init(&log->lock, NULL));
	log->folder = strdup(folder);
	invariant(log->folder);
	int len = pid ? asprintf(&log->name, "sentinel-record.log.pid%d", pid)
		      : asprintf(&log->name, "sentinel-record.log");
	invariant(len >= 0);
}

void record_log_close(struct record_log *log)
{
	if (!log->is_open)
		return;
	if (log->date[0])
		rolling_file_close(&log->file);
	text_free(&log->waiting);
	free(log->folder);
	free(log->name);
	pthread_mutex_destroy(&log->lock);
	log->is_open = false;
}

/* One line: what would break it becomes a blank. */
static void add_line(struct record_log *log, enum record_level level, int64_t now_ms,
		     struct slice message)
{
	const struct local_time time = local_time_of(now_ms / 1000);

	text_add(&log->waiting, local_time_text(&time));
	text_printf(&log->waiting, ".%03d %s ", (int)(now_ms % 1000), level_names[level]);
	size_t from = log->waiting.len;
	text_add(&log->waiting, message);
	for (size_t i = from; i < log->waiting.len; i++)
		if (log->waiting.data[i] == '\n' || log->waiting.data[i] == '\r')
			log->waiting.data[i] = ' ';
	text_add(&log->waiting, SLICE("\n"));
}

static void tell_dropped(struct record_log *log, int64_t now_ms)
{
	char message[64];
	int len = snprintf(message, sizeof message, "%" PRIu64 " lines were dropped", log->dropped);

	add_line(log, RECORD_WARNING, now_ms, slice_make(message, (size_t)len));
	log->dropped = 0;
}

void record_log_note(struct record_log *log, enum record_level level, int64_t now_ms,
		     const char *format, ...)
{
	char message[RECORD_LINE_MAX];
	va_list args;

	if (!log->is_open)
		return;
	va_start(args, format);
	int len = vsnprintf(message, sizeof message, format, args);
	va_end(args);
	size_t kept = len < 0 ? 0 : (size_t)len < sizeof message ? (size_t)len : sizeof message - 1;
	pthread_mutex_lock(&log->lock);
	if (log->waiting.len + kept > RECORD_WAITING_MAX) {
		log->dropped++;
	} else {
		if (log->dropped)
			tell_dropped(log, now_ms);
		add_line(log, level, now_ms, slice_make(message, kept));
	}
	pthread_mutex_unlock(&log->lock);
}

/* The file of that day. */
static void turn_page(struct record_log *log, struct slice date)
{
	char *name;

	if (slice_equal(slice_of(log->date), date))
		return;
	if (log->date[0])
		rolling_file_close(&log->file);
	snprintf(log->date, sizeof log->date, "%.*s", SLICE_FMT(date));
	invariant(asprintf(&name, "%s.%s", log->name, log->date) >= 0);
	rolling_file_init_numbered(&log->file, log->folder, name, RECORD_FILE_SIZE, RECORD_FILES);
	free(name);
}

enum status record_log_write(struct record_log *log, int64_t now_ms)
{
	const struct local_time time = local_time_of(now_ms / 1000);
	struct text lines;

	if (!log->is_open)
		return STATUS_OK;
	pthread_mutex_lock(&log->lock);
	lines = log->waiting;
	log->waiting = (struct text){0};
	pthread_mutex_unlock(&log->lock);
	if (!lines.len) {
		text_free(&lines);
		return STATUS_OK;
	}
	turn_page(log, local_time_date(&time));
	enum status status = rolling_file_append(&log->file, text_slice(&lines));
	text_free(&lines);
	return status;
}
