#include "ops_support.h"

#include <pthread.h>

#include "filters/sentinel/ops/block_log.h"
#include "filters/sentinel/ops/rolling_file.h"

static struct block_note flow(const char *resource)
{
	return (struct block_note){.resource = slice_of(resource),
				   .exception = SLICE("FlowException"),
				   .limit_app = SLICE("default"),
				   .count = 1};
}

static void assert_collected(struct block_log *log, int64_t now_ms, const char *expected)
{
	struct text lines = {0};

	block_log_collect(log, now_ms, &lines);
	assert_slice(text_slice(&lines), expected);
	text_free(&lines);
}

static struct block_log *open_log(unsigned workers)
{
	setenv("TZ", "Asia/Shanghai", 1);
	tzset();
	return block_log_new(workers);
}

static void calls_are_counted_by_second_and_keys(void **state)
{
	struct block_log *log = open_log(2);
	struct block_note note = flow("com.x.Foo:hi(int)"), other = flow("com.x.Foo:hi(int)");
	(void)state;

	note.origin = SLICE("app-a");
	note.rule_id = 4711;
	other.exception = SLICE("SystemBlockException");
	other.limit_app = SLICE("qps");
	other.rule_id = -3;
	block_log_note(log, 0, &note, t0 + 10);
	block_log_note(log, 1, &note, t0 + 999);
	note.count = 5;
	block_log_note(log, 0, &note, t0 + 500);
	block_log_note(log, 1, &other, t0 + 500);
	block_log_note(log, 0, &note, t0 + 1000);
	assert_collected(log, t0 + 999, "");
	assert_collected(
		log, t0 + 1200,
		"2023-11-15 06:13:20|1|com.x.Foo:hi(int),FlowException,default,app-a,4711|7,0\r\n"
		"2023-11-15 06:13:20|1|com.x.Foo:hi(int),SystemBlockException,qps,,-3|1,0\r\n");
	assert_collected(
		log, t0 + 2000,
		"2023-11-15 06:13:21|1|com.x.Foo:hi(int),FlowException,default,app-a,4711|5,0\r\n");
	assert_collected(log, t0 + 3000, "");
	block_log_free(log);
}

static void a_rule_without_an_id_has_an_empty_column(void **state)
{
	struct block_log *log = open_log(1);
	struct block_note note = flow("r");
	(void)state;

	block_log_note(log, 0, &note, t0);
	assert_collected(log, t0 + 1000, "2023-11-15 06:13:20|1|r,FlowException,default,,|1,0\r\n");
	block_log_free(log);
}

static void what_callers_send_cannot_end_a_line(void **state)
{
	struct block_log *log = open_log(1);
	struct block_note note = flow("r");
	struct text lines = {0};
	char huge[3 * BLOCK_KEY_MAX];
	(void)state;

	note.origin = SLICE("a\r\nb");
	block_log_note(log, 0, &note, t0);
	assert_collected(log, t0 + 1000,
			 "2023-11-15 06:13:20|1|r,FlowException,default,a__b,|1,0\r\n");
	memset(huge, 'x', sizeof huge);
	note.limit_app = slice_make(huge, sizeof huge);
	block_log_note(log, 0, &note, t0);
	block_log_collect(log, t0 + 1000, &lines);
	assert_int_equal(lines.len, 19 + 3 + BLOCK_KEY_MAX + 6);
	text_free(&lines);
	block_log_free(log);
}

/* `count` keys, numbered from `from`. */
static void note_keys(struct block_log *log, unsigned worker, int from, int count, int64_t now_ms)
{
	for (int i = from; i < from + count; i++) {
		char name[32];
		snprintf(name, sizeof name, "r%d", i);
		struct block_note note = flow(name);
		block_log_note(log, worker, &note, now_ms);
	}
}

static unsigned count_lines(const struct text *text)
{
	unsigned lines = 0;

	for (size_t i = 0; i < text->len; i++)
		lines += text->data[i] == '\n';
	return lines;
}

static void a_second_has_as_many_keys_as_in_java_and_the_rest_is_told(void **state)
{
	enum { ROOM = (BLOCK_TABLES_WAITING + 1) * BLOCK_TABLE_ENTRIES };
	struct block_log *log = open_log(2);
	struct text lines = {0};
	(void)state;

	assert_true(ROOM >= 6000);
	note_keys(log, 0, 0, ROOM, t0);
	assert_int_equal(block_log_dropped(log), 0);
	note_keys(log, 0, ROOM, 10, t0);
	assert_int_equal(block_log_dropped(log), 10);
	note_keys(log, 0, ROOM - 1, 1, t0); /* one that is there still counts */
	note_keys(log, 1, 0, 1, t0);        /* as does another worker */
	assert_int_equal(block_log_dropped(log), 10);
	block_log_collect(log, t0 + 1000, &lines);
	assert_int_equal(count_lines(&lines), ROOM);
	text_free(&lines);
	note_keys(log, 0, 0, ROOM, t0 + 1000); /* there is room again */
	assert_int_equal(block_log_dropped(log), 10);
	block_log_free(log);
}

/* --- workers and the collector at the same time --- */

enum { THREADS = 3, CALLS = 30000, KEYS = 700 };

struct noting {
	struct block_log *log;
	unsigned worker;
};

static void *note_all(void *arg)
{
	struct noting *noting = arg;

	for (int i = 0; i < CALLS; i++)
		note_keys(noting->log, noting->worker, i % KEYS, 1, t0 + i % 3 * 1000);
	return NULL;
}

static uint64_t sum_calls(const struct text *lines)
{
	uint64_t sum = 0;

	for (size_t at = 0; at < lines->len;) {
		size_t end = slice_find_char(text_slice(lines), '\n', at);
		const char *bar = memrchr(lines->data + at, '|', end - at);
		sum += strtoull(bar + 1, NULL, 10);
		at = end + 1;
	}
	return sum;
}

static void no_call_is_lost_between_worker_and_collector(void **state)
{
	struct block_log *log = open_log(THREADS);
	struct noting notings[THREADS];
	pthread_t threads[THREADS];
	struct text lines = {0};
	(void)state;

	for (unsigned i = 0; i < THREADS; i++) {
		notings[i] = (struct noting){log, i};
		assert_int_equal(pthread_create(&threads[i], NULL, note_all, &notings[i]), 0);
	}
	for (int i = 0; i < 200; i++)
		block_log_collect(log, t0 + 5000, &lines);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	block_log_collect(log, t0 + 5000, &lines);
	assert_int_equal(sum_calls(&lines) + block_log_dropped(log), THREADS * CALLS);
	text_free(&lines);
	block_log_free(log);
}

/* --- files --- */

static void append(struct rolling_file *file, const char *lines)
{
	assert_int_equal(rolling_file_append(file, slice_of(lines)), STATUS_OK);
}

static void a_full_file_is_renamed_and_three_are_kept(void **state)
{
	struct rolling_file file;
	struct log_place place;
	(void)state;

	open_place(&place);
	rolling_file_init(&file, place.folder, "sentinel-block.log", 10, 3);
	for (int i = 1; i <= 5; i++) {
		char line[32];
		snprintf(line, sizeof line, "%d: 4567890\n", i);
		append(&file, line);
	}
	append(&file, "6\n");
	rolling_file_close(&file);
	assert_int_equal(count_files(&place), 4);
	assert_file(&place, "sentinel-block.log", "6\n");
	assert_file(&place, "sentinel-block.log.1", "5: 4567890\n");
	assert_file(&place, "sentinel-block.log.3", "3: 4567890\n");
	close_place(&place);
}

static void a_file_grows_over_restarts(void **state)
{
	struct rolling_file file;
	struct log_place place;
	(void)state;

	open_place(&place);
	for (int i = 0; i < 2; i++) {
		rolling_file_init(&file, place.folder, "b.log", 1000, 3);
		append(&file, "line\n");
		append(&file, "");
		rolling_file_close(&file);
	}
	assert_file(&place, "b.log", "line\nline\n");
	close_place(&place);
}

static void a_file_that_another_process_renamed_is_opened_anew(void **state)
{
	struct rolling_file file, other;
	struct log_place place;
	(void)state;

	open_place(&place);
	rolling_file_init(&file, place.folder, "b.log", 10, 3);
	rolling_file_init(&other, place.folder, "b.log", 10, 3);
	append(&file, "1\n");
	append(&other, "0123456789\n");
	append(&file, "2\n");
	append(&other, "3\n");
	rolling_file_close(&file);
	rolling_file_close(&other);
	assert_file(&place, "b.log.1", "1\n0123456789\n");
	assert_file(&place, "b.log", "2\n3\n");
	close_place(&place);
}

static void a_place_that_cannot_be_written_is_told(void **state)
{
	struct rolling_file file;
	(void)state;

	rolling_file_init(&file, "/dev/null", "b.log", 10, 3);
	assert_int_equal(rolling_file_append(&file, SLICE("x\n")), -ENOTDIR);
	rolling_file_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_counted_by_second_and_keys),
		cmocka_unit_test(a_rule_without_an_id_has_an_empty_column),
		cmocka_unit_test(what_callers_send_cannot_end_a_line),
		cmocka_unit_test(a_second_has_as_many_keys_as_in_java_and_the_rest_is_told),
		cmocka_unit_test(no_call_is_lost_between_worker_and_collector),
		cmocka_unit_test(a_full_file_is_renamed_and_three_are_kept),
		cmocka_unit_test(a_file_grows_over_restarts),
		cmocka_unit_test(a_file_that_another_process_renamed_is_opened_anew),
		cmocka_unit_test(a_place_that_cannot_be_written_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
