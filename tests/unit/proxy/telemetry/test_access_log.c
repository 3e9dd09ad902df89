/* Lines from several threads through the queue and the writer into real files. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "envoy/config/accesslog/v3/accesslog.pb-c.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb-c.h"
#include "message/stream_info.h"
#include "telemetry/access_log.h"
#include "telemetry/log_writer.h"
#include "telemetry/stats.h"
#include "telemetry/stats_server.h"

typedef Envoy__Config__Accesslog__V3__AccessLog log_message;
typedef Envoy__Extensions__AccessLoggers__File__V3__FileAccessLog file_message;

static struct arena arena;
static struct stats *stats;
static struct stat_scope *filesystem;
static struct access_log_files *files;
static struct diag diag;
static char folder[] = "/tmp/test_access_log.XXXXXX";
static char path[64];
static pthread_t writer;
static bool has_writer;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	stats = stats_new();
	filesystem = stat_scope_take(stats, &filesystem_stats, SLICE("filesystem"));
	files = access_log_files_new(stats, 1000, 0);
	diag = (struct diag){.text = ""};
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/log", folder);
	has_writer = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_false(has_writer);
	access_log_files_free(files);
	stat_scope_drop(stats, filesystem);
	stats_free(stats);
	arena_free(&arena);
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static void *write_files(void *unused)
{
	(void)unused;
	log_writer_run(files);
	return NULL;
}

static void start_writer(void)
{
	assert_int_equal(pthread_create(&writer, NULL, write_files, NULL), 0);
	has_writer = true;
}

static void stop_writer(void)
{
	log_writer_stop(files);
	pthread_join(writer, NULL);
	has_writer = false;
}

/* Loads one file logger; STATUS_INVALID leaves `diag`. */
static enum status load(const char *file_path, const char *format, const struct access_log **log)
{
	static file_message file;
	static Google__Protobuf__Any any;
	static log_message message;
	static log_message *list[1] = {&message};
	file = (file_message)ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__INIT;
	file.path = (char *)(uintptr_t)file_path;
	file.format = (char *)(uintptr_t)format;
	file.access_log_format_case =
		ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_FORMAT;
	any = (Google__Protobuf__Any)GOOGLE__PROTOBUF__ANY__INIT;
	any.value.data = (uint8_t *)&file; /* a decoded one */
	message = (log_message)ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG__INIT;
	message.config_type_case =
		ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG;
	message.typed_config = &any;
	return access_log_load(list, 1, &(struct access_log_place){files, &arena, NULL}, log,
			       &diag);
}

static const struct access_log *must_load(const char *format)
{
	const struct access_log *log;
	assert_int_equal(load(path, format, &log), STATUS_OK);
	return log;
}

static char *contents(const char *of)
{
	FILE *file = fopen(of, "r");
	static char text[4096];
	if (!file)
		return NULL;
	text[fread(text, 1, sizeof text - 1, file)] = 0;
	fclose(file);
	return text;
}

static uint64_t count(enum filesystem_stat id)
{
	return stat_value(stats, filesystem, id);
}

static void lines_reach_the_file(void **state)
{
	(void)state;
	const struct access_log *log = must_load("code %RESPONSE_CODE%\n");
	struct log_worker *logs = log_worker_new(files, stats_add_shard(stats));
	struct stream_info info = {.response_code = 200};
	start_writer();
	access_log_write(log, logs, &info);
	info.response_code = 404;
	access_log_write(log, logs, &info);
	access_log_write(NULL, logs, &info);
	log_worker_free(logs);
	stop_writer();
	assert_string_equal(contents(path), "code 200\ncode 404\n");
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_BUFFERED), 2);
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_COMPLETED), 1);
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_TOTAL_BUFFERED), 0);
	assert_int_equal(count(FILESYSTEM_STAT_FLUSHED_BY_TIMER), 0);
}

static void wait_until(enum filesystem_stat id, uint64_t value)
{
	for (unsigned i = 0; i < 5000 && count(id) < value; i++)
		usleep(1000);
	assert_int_equal(count(id), value);
}

static void an_old_line_is_flushed_by_the_timer(void **state)
{
	(void)state;
	const struct access_log *log = must_load("x\n");
	struct log_worker *logs = log_worker_new(files, stats_add_shard(stats));
	struct stream_info info = {.response_code = 200};
	start_writer();
	log_worker_flush(logs, 10000);
	access_log_write(log, logs, &info);
	log_worker_flush(logs, 10500); /* too early */
	usleep(20000);
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_COMPLETED), 0);
	log_worker_flush(logs, 11000);
	wait_until(FILESYSTEM_STAT_WRITE_COMPLETED, 1);
	assert_int_equal(count(FILESYSTEM_STAT_FLUSHED_BY_TIMER), 1);
	assert_string_equal(contents(path), "x\n");
	log_worker_flush(logs, 13000); /* nothing to flush */
	log_worker_free(logs);
	stop_writer();
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_COMPLETED), 1);
}

static void a_slow_writer_costs_lines_and_never_waits(void **state)
{
	(void)state;
	const struct access_log *log = must_load("%LOCAL_REPLY_BODY%\n");
	struct log_worker *logs = log_worker_new(files, stats_add_shard(stats));
	enum { LINE = 1000, LINES = 3000 };
	char body[LINE - 1];
	memset(body, 'b', sizeof body);
	struct stream_info info = {.local_reply_body = {body, sizeof body}};
	for (unsigned i = 0; i < LINES; i++) /* nobody writes */
		access_log_write(log, logs, &info);
	start_writer();
	wait_until(FILESYSTEM_STAT_WRITE_COMPLETED, LOG_WAITING_MAX);
	access_log_write(log, logs, &info); /* there is room again */
	log_worker_free(logs);
	stop_writer();
	uint64_t written = count(FILESYSTEM_STAT_WRITE_BUFFERED);
	assert_int_equal(written, LOG_WAITING_MAX * (LOG_LINE_ROOM / LINE) + 1);
	assert_int_equal(written + count(FILESYSTEM_STAT_WRITE_DROPPED), LINES + 1);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, written * LINE);
}

static void a_line_longer_than_a_block_is_dropped(void **state)
{
	(void)state;
	const struct access_log *log = must_load("%LOCAL_REPLY_BODY%\n");
	struct log_worker *logs = log_worker_new(files, stats_add_shard(stats));
	char *body = calloc(1, LOG_LINE_ROOM + 1);
	memset(body, 'b', LOG_LINE_ROOM);
	struct stream_info info = {.local_reply_body = {body, 1}};
	access_log_write(log, logs, &info);
	info.local_reply_body.len = LOG_LINE_ROOM;
	access_log_write(log, logs, &info);
	info.local_reply_body.len = LOG_LINE_ROOM - 1;
	access_log_write(log, logs, &info);
	start_writer();
	log_worker_free(logs);
	stop_writer();
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2 + LOG_LINE_ROOM);
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_DROPPED), 1);
	free(body);
}

static void files_are_opened_anew_when_asked(void **state)
{
	(void)state;
	const struct access_log *log = must_load("%RESPONSE_CODE%\n");
	struct log_worker *logs = log_worker_new(files, stats_add_shard(stats));
	struct stream_info info = {.response_code = 1};
	char moved[80];
	snprintf(moved, sizeof moved, "%s.1", path);
	start_writer();
	access_log_write(log, logs, &info);
	log_worker_flush(logs, 10000);
	wait_until(FILESYSTEM_STAT_WRITE_COMPLETED, 1);
	assert_int_equal(rename(path, moved), 0);
	info.response_code = 2; /* the old file is still written */
	access_log_write(log, logs, &info);
	log_worker_flush(logs, 20000);
	wait_until(FILESYSTEM_STAT_WRITE_COMPLETED, 2);
	access_log_files_reopen(files);
	info.response_code = 3;
	access_log_write(log, logs, &info);
	log_worker_flush(logs, 30000);
	wait_until(FILESYSTEM_STAT_WRITE_COMPLETED, 3);
	assert_string_equal(contents(moved), "1\n2\n");
	assert_string_equal(contents(path), "3\n");

	/* Where it can't be opened the old file stays in use. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	access_log_files_reopen(files);
	access_log_write(log, logs, &info);
	log_worker_flush(logs, 40000);
	wait_until(FILESYSTEM_STAT_WRITE_COMPLETED, 4);
	assert_int_equal(count(FILESYSTEM_STAT_REOPEN_FAILED), 1);
	log_worker_free(logs);
	stop_writer();
}

static void a_failed_write_is_counted(void **state)
{
	(void)state;
	const struct access_log *log;
	assert_int_equal(load("/dev/full", "x\n", &log), STATUS_OK);
	struct log_worker *logs = log_worker_new(files, stats_add_shard(stats));
	struct stream_info info = {.response_code = 200};
	access_log_write(log, logs, &info);
	start_writer();
	log_worker_free(logs);
	stop_writer();
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_FAILED), 1);
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_COMPLETED), 0);
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_TOTAL_BUFFERED), 0);
}

static void the_writer_drains_the_process_log_too(void **state)
{
	(void)state;
	char own[80];
	snprintf(own, sizeof own, "%s/own", folder);
	int fd = open(own, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	log_set_fd(fd);
	log_queue_begin(log_writer_wake, files);
	start_writer();
	LOG_AT(ERROR, MAIN, "a line for operators");
	for (unsigned i = 0; i < 5000 && !strstr(contents(own), "operators\n"); i++)
		usleep(1000);
	assert_non_null(strstr(contents(own), "a line for operators\n"));
	stop_writer();
	log_queue_end();
	log_set_fd(STDERR_FILENO);
	close(fd);
}

static void loggers_of_one_path_share_a_file(void **state)
{
	(void)state;
	const struct access_log *a = must_load("a\n"), *b = must_load("b\n");
	struct log_worker *logs = log_worker_new(files, stats_add_shard(stats));
	struct stream_info info = {.response_code = 200};
	access_log_write(a, logs, &info);
	access_log_write(b, logs, &info);
	access_log_write(a, logs, &info);
	start_writer();
	log_worker_free(logs);
	stop_writer();
	assert_string_equal(contents(path), "a\nb\na\n");
	assert_int_equal(count(FILESYSTEM_STAT_WRITE_COMPLETED), 1);
}

static void faults_of_configuration_are_named(void **state)
{
	(void)state;
	const struct access_log *log;
	char text[1024];
	assert_int_equal(load(path, "%NOPE%", &log), STATUS_INVALID);
	assert_string_equal(diag_format(&diag, text, sizeof text),
			    "access_log[0].typed_config: Not supported field in StreamInfo: NOPE");
	diag = (struct diag){.text = ""};
	assert_int_equal(load("/nowhere/at/all", "x", &log), STATUS_INVALID);
	assert_string_equal(diag_format(&diag, text, sizeof text),
			    "access_log[0].typed_config.path: unable to open file "
			    "'/nowhere/at/all': No such file or directory");
	assert_null(log);
	assert_int_equal(access_log_load(NULL, 0, &(struct access_log_place){files, &arena, NULL},
					 &log, &diag),
			 STATUS_OK);
	assert_null(log);
	log_message message = ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG__INIT;
	log_message *list[] = {&message};
	assert_int_equal(access_log_load(list, 1, &(struct access_log_place){files, &arena, NULL},
					 &log, &diag),
			 STATUS_INVALID);
}

enum { THREADS = 3, ROUNDS = 20000 };

struct thread {
	pthread_t id;
	struct log_worker *logs;
	const struct access_log *log;
	unsigned number;
};

static void *log_lines(void *argument)
{
	struct thread *thread = argument;
	struct stream_info info = {.connection_id = thread->number};
	for (unsigned i = 0; i < ROUNDS; i++) {
		info.stream_id = info.request_body_bytes = i;
		access_log_write(thread->log, thread->logs, &info);
		if (i % 1000 == 0)
			log_worker_flush(thread->logs, 2000 * (uint64_t)i);
		if (i % 100 == 0)
			usleep(100);
	}
	return NULL;
}

/* Whole lines only, those of each thread in order; what is missing was counted. */
static void threads_share_a_file_line_by_line(void **state)
{
	(void)state;
	struct thread threads[THREADS];
	const struct access_log *log = must_load("%CONNECTION_ID% %BYTES_RECEIVED%\n");
	start_writer();
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){.logs = log_worker_new(files, stats_add_shard(stats)),
					     .log = log,
					     .number = i};
		assert_int_equal(pthread_create(&threads[i].id, NULL, log_lines, &threads[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i].id, NULL);
		log_worker_free(threads[i].logs);
	}
	stop_writer();
	FILE *file = fopen(path, "r");
	unsigned number, line, lines = 0;
	int next[THREADS] = {0};
	while (fscanf(file, "%u %u\n", &number, &line) == 2) {
		assert_true(number < THREADS);
		assert_true((int)line >= next[number]);
		next[number] = (int)line + 1;
		lines++;
	}
	assert_true(feof(file));
	fclose(file);
	assert_int_equal(lines, count(FILESYSTEM_STAT_WRITE_BUFFERED));
	assert_int_equal(lines + count(FILESYSTEM_STAT_WRITE_DROPPED), THREADS * ROUNDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_reach_the_file),
		TEST(an_old_line_is_flushed_by_the_timer),
		TEST(a_slow_writer_costs_lines_and_never_waits),
		TEST(a_line_longer_than_a_block_is_dropped),
		TEST(files_are_opened_anew_when_asked),
		TEST(a_failed_write_is_counted),
		TEST(the_writer_drains_the_process_log_too),
		TEST(loggers_of_one_path_share_a_file),
		TEST(faults_of_configuration_are_named),
		TEST(threads_share_a_file_line_by_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
