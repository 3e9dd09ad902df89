#include "ops_support.h"

#include "filters/sentinel/ops/local_time.h"
#include "filters/sentinel/ops/log_folder.h"
#include "filters/sentinel/ops/metric_collector.h"
#include "filters/sentinel/ops/metric_files.h"
#include "filters/sentinel/ops/metric_line.h"
#include "filters/sentinel/ops/metric_searcher.h"
#include "filters/sentinel/ops/metric_writer.h"

/* 2023-11-15 06:13:20 in Shanghai; the next day begins 63,999 s later */
enum { TO_MIDNIGHT = 64000 };

static const struct metric_line sample = {
	.time_ms = INT64_C(1564382218000),
	.resource = {"/foo|bar/*", 10},
	.pass = 1,
	.success = 1,
	.concurrency = 2,
	.type = 1,
};

static void a_line_has_the_columns_of_sentinel(void **state)
{
	struct text out = {0};
	(void)state;

	metric_line_put_thin(&sample, &out);
	assert_slice(text_slice(&out), "1564382218000|/foo_bar/*|1|0|1|0|0|0|2|1");
	text_free(&out);
	metric_line_put_fat(&sample, SLICE("2019-07-29 14:36:58"), &out);
	assert_slice(text_slice(&out),
		     "1564382218000|2019-07-29 14:36:58|/foo_bar/*|1|0|1|0|0|0|2|1\n");
	text_free(&out);
}

static void a_name_cannot_end_the_line(void **state)
{
	struct metric_line line = {.resource = SLICE("a\r\n1|b"), .time_ms = 1000};
	struct text out = {0};
	(void)state;

	metric_line_put_thin(&line, &out);
	assert_slice(text_slice(&out), "1000|a__1_b|0|0|0|0|0|0|0|0");
	text_free(&out);
}

static void lines_of_older_versions_are_read(void **state)
{
	struct metric_line line;
	(void)state;

	assert_true(metric_line_parse(SLICE("7000|d|r|1|2|3|4|5"), &line));
	assert_true(line.time_ms == 7000 && line.pass == 1 && line.block == 2 && line.rt == 5);
	assert_true(line.occupied == 0 && line.type == 0);
	assert_true(metric_line_parse(SLICE("7000|d|r|1|2|3|4|-5|6|7|8"), &line));
	assert_true(line.rt == -5 && line.occupied == 6 && line.concurrency == 7 && line.type == 8);
	assert_false(metric_line_parse(SLICE("7000|d|r|1|2|3|4"), &line));
	assert_false(metric_line_parse(SLICE("7000|d|r|1|2|3|4|5|6|7|8|9"), &line));
	assert_false(metric_line_parse(SLICE("7000|d|r|1|2|x|4|5"), &line));
	assert_false(metric_line_parse(SLICE("7000|d|r|1|2||4|5"), &line));
	assert_false(metric_line_parse(SLICE(""), &line));
}

static void each_second_is_collected_once(void **state)
{
	struct metric_collector collector;
	struct text lines = {0};
	struct fixture f;
	struct entry entry;
	int64_t time_ms;
	(void)state;

	setenv("TZ", "Asia/Shanghai", 1);
	tzset();
	open_fixture(&f);
	metric_collector_init(&collector, t0);
	assert_int_equal(enter(&f, &entry, "r", 0), ENTRY_PASS);
	leave(&f, &entry, 30, false);
	assert_int_equal(enter(&f, &entry, "r", 40), ENTRY_PASS);
	leave(&f, &entry, 55, true);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":0}]");
	assert_false(passes(&f, "r", 999, false));
	assert_false(metric_collector_next(&collector, f.sentinel, t0 + 999, &lines, &time_ms));
	assert_true(metric_collector_next(&collector, f.sentinel, t0 + 1000, &lines, &time_ms));
	assert_int_equal(time_ms, t0);
	assert_slice(
		text_slice(&lines),
		"1700000000000|2023-11-15 06:13:20|r|2|1|2|1|22|0|0|2\n"
		"1700000000000|2023-11-15 06:13:20|__total_inbound_traffic__|2|1|2|1|22|0|0|0\n");
	text_free(&lines);
	assert_false(metric_collector_next(&collector, f.sentinel, t0 + 1999, &lines, &time_ms));
	assert_false(passes(&f, "r", 5000, false));
	assert_true(metric_collector_next(&collector, f.sentinel, t0 + 9000, &lines, &time_ms));
	assert_int_equal(time_ms, t0 + 5000);
	text_free(&lines);
	assert_false(metric_collector_next(&collector, f.sentinel, t0 + 9000, &lines, &time_ms));
	close_fixture(&f);
}

static void what_the_windows_have_lost_is_not_looked_for(void **state)
{
	struct metric_collector collector;
	struct text lines = {0};
	struct fixture f;
	int64_t time_ms;
	(void)state;

	open_fixture(&f);
	metric_collector_init(&collector, t0 - INT64_C(1000000000000));
	assert_true(passes(&f, "r", 100, false));
	assert_true(metric_collector_next(&collector, f.sentinel, t0 + 2000, &lines, &time_ms));
	assert_int_equal(time_ms, t0);
	text_free(&lines);
	/* the clock went back: nothing, until it is where it was */
	assert_false(metric_collector_next(&collector, f.sentinel, t0 - 50000, &lines, &time_ms));
	close_fixture(&f);
}

static void names_of_files_tell_application_and_pid(void **state)
{
	char *base = metric_files_base(SLICE("com.x.App"), 0);
	(void)state;

	assert_string_equal(base, "com-x-App-metrics.log");
	free(base);
	base = metric_files_base(SLICE("../a"), 4711);
	assert_string_equal(base, "---a-metrics.log.pid4711");
	free(base);
}

static void touch(const struct log_place *place, const char *name)
{
	FILE *file = fopen(path_in(place, name), "w");
	assert_non_null(file);
	fclose(file);
}

static void files_are_listed_by_date_and_number(void **state)
{
	static const char *const expected[] = {
		"a-metrics.log.2018-03-06", "a-metrics.log.2018-03-06.2",
		"a-metrics.log.2018-03-06.100", "a-metrics.log.2018-03-07",
		"a-metrics.log.2018-03-07.10"};
	struct log_place place;
	struct metric_files files;
	(void)state;

	open_place(&place);
	for (int i = 4; i >= 0; i--)
		touch(&place, expected[i]);
	touch(&place, "a-metrics.log.2018-03-07.idx");
	touch(&place, "a-metrics.log.2018-03-07.10.idx");
	touch(&place, "a-metrics.log.2018-03-0x");
	touch(&place, "a-metrics.log.pid1.2018-03-07");
	touch(&place, "b-metrics.log.2018-03-07");
	metric_files_list(&files, place.folder, "a-metrics.log");
	assert_int_equal(files.count, 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(files.names[i], expected[i]);
	char *next = metric_files_next(&files, "a-metrics.log", SLICE("2018-03-06"));
	assert_string_equal(next, "a-metrics.log.2018-03-06.101");
	free(next);
	next = metric_files_next(&files, "a-metrics.log", SLICE("2018-03-08"));
	assert_string_equal(next, "a-metrics.log.2018-03-08");
	free(next);
	metric_files_free(&files);
	close_place(&place);
}

/* One line of `len` bytes and more: "TIME|date|NAME|1|0|0|0|0|0|0|0". */
static void write_line(struct metric_writer *writer, int64_t second, const char *name)
{
	struct local_time time = local_time_of(t0 / 1000 + second);
	struct text text = {0};

	metric_line_put_fat(&(struct metric_line){.time_ms = t0 + second * 1000,
						  .resource = slice_of(name),
						  .pass = 1},
			    local_time_text(&time), &text);
	assert_int_equal(metric_writer_write(writer, t0 + second * 1000, text_slice(&text)),
			 STATUS_OK);
	text_free(&text);
}

static void assert_index(const struct log_place *place, const char *name, const int64_t *numbers,
			 size_t count)
{
	struct text text = text_of(place, name);

	assert_int_equal(text.len, count * 8);
	for (size_t i = 0; i < count; i++) {
		uint64_t number = 0;
		for (int k = 0; k < 8; k++)
			number = number << 8 | (unsigned char)text.data[i * 8 + (size_t)k];
		assert_int_equal((int64_t)number, numbers[i]);
	}
	text_free(&text);
}

static void the_index_begins_with_the_second_second(void **state)
{
	struct metric_writer writer;
	struct log_place place;
	(void)state;

	open_place(&place);
	metric_writer_init(&writer, place.folder, "a-metrics.log", 0, 0, t0);
	write_line(&writer, -1, "before"); /* dropped */
	write_line(&writer, 0, "r");
	write_line(&writer, 2, "r");
	write_line(&writer, 1, "late"); /* dropped */
	write_line(&writer, 2, "s");
	metric_writer_close(&writer);
	assert_file(&place, "a-metrics.log.2023-11-15",
		    "1700000000000|2023-11-15 06:13:20|r|1|0|0|0|0|0|0|0\n"
		    "1700000002000|2023-11-15 06:13:22|r|1|0|0|0|0|0|0|0\n"
		    "1700000002000|2023-11-15 06:13:22|s|1|0|0|0|0|0|0|0\n");
	assert_index(&place, "a-metrics.log.2023-11-15.idx", (int64_t[]){1700000002, 52}, 2);
	close_place(&place);
}

static void files_end_at_their_size_and_the_oldest_go(void **state)
{
	struct metric_writer writer;
	struct log_place place;
	(void)state;

	open_place(&place);
	metric_writer_init(&writer, place.folder, "a-metrics.log", 100, 3, t0);
	for (int i = 0; i < 9; i++) /* two lines a file */
		write_line(&writer, i, "r");
	metric_writer_close(&writer);
	assert_int_equal(count_files(&place), 6);
	assert_file(&place, "a-metrics.log.2023-11-15.1", "(absent)");
	assert_file(&place, "a-metrics.log.2023-11-15.4",
		    "1700000008000|2023-11-15 06:13:28|r|1|0|0|0|0|0|0|0\n");
	assert_index(&place, "a-metrics.log.2023-11-15.3.idx",
		     (int64_t[]){1700000006, 0, 1700000007, 52}, 4);
	close_place(&place);
}

static void a_day_has_files_of_its_own(void **state)
{
	struct metric_writer writer;
	struct log_place place;
	(void)state;

	open_place(&place);
	metric_writer_init(&writer, place.folder, "a-metrics.log", 0, 0, t0);
	write_line(&writer, TO_MIDNIGHT - 1, "r");
	write_line(&writer, TO_MIDNIGHT, "r");
	write_line(&writer, TO_MIDNIGHT + 1, "r");
	metric_writer_close(&writer);
	assert_file(&place, "a-metrics.log.2023-11-15",
		    "1700063999000|2023-11-15 23:59:59|r|1|0|0|0|0|0|0|0\n");
	assert_index(&place, "a-metrics.log.2023-11-15.idx",
		     (int64_t[]){1700063999, 0, 1700064000, 52}, 4);
	assert_index(&place, "a-metrics.log.2023-11-16.idx", (int64_t[]){1700064001, 52}, 2);
	close_place(&place);
}

static void a_file_that_was_removed_is_begun_anew(void **state)
{
	struct metric_writer writer;
	struct log_place place;
	(void)state;

	open_place(&place);
	metric_writer_init(&writer, place.folder, "a-metrics.log", 0, 0, t0);
	write_line(&writer, 1, "r");
	assert_int_equal(unlink(path_in(&place, "a-metrics.log.2023-11-15.idx")), 0);
	write_line(&writer, 2, "r");
	metric_writer_close(&writer);
	assert_file(&place, "a-metrics.log.2023-11-15.1",
		    "1700000002000|2023-11-15 06:13:22|r|1|0|0|0|0|0|0|0\n");
	assert_index(&place, "a-metrics.log.2023-11-15.1.idx", (int64_t[]){1700000002, 0}, 2);
	close_place(&place);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
	struct metric_writer writer;
	(void)state;

	metric_writer_init(&writer, "/dev/null/logs", "a-metrics.log", 0, 0, t0);
	assert_int_equal(metric_writer_write(&writer, t0, SLICE("x\n")), -ENOTDIR);
	metric_writer_close(&writer);
}

static void folders_are_made_on_the_way(void **state)
{
	struct log_place place;
	char deep[128];
	(void)state;

	open_place(&place);
	snprintf(deep, sizeof deep, "%s/a/b", place.folder);
	assert_int_equal(log_folder_make(deep), STATUS_OK);
	assert_int_equal(access(deep, X_OK), 0);
	assert_int_equal(rmdir(deep), 0);
	*strrchr(deep, '/') = 0;
	assert_int_equal(rmdir(deep), 0);
	char *folder = log_folder_of(SLICE("/x/y//"));
	assert_string_equal(folder, "/x/y");
	free(folder);
	folder = log_folder_of(SLICE(""));
	assert_true(slice_ends_with(slice_of(folder), SLICE("/logs/csp")));
	free(folder);
	close_place(&place);
}

/* --- searching --- */

static void assert_found(const struct log_place *place, struct metric_query query,
			 const char *expected)
{
	struct text out = {0};

	query.folder = place->folder;
	query.base = "a-metrics.log";
	metric_search(&query, &out);
	assert_slice(text_slice(&out), expected);
	text_free(&out);
}

#define THIN(second, name) "1700000" second "000|" name "|1|0|0|0|0|0|0|0\n"

/* Seconds 0 to 7, two resources each, two seconds a file. */
static void fill(const struct log_place *place)
{
	struct metric_writer writer;

	metric_writer_init(&writer, place->folder, "a-metrics.log", 200, 0, t0 - 1000);
	for (int i = 0; i < 8; i++) {
		write_line(&writer, i, "r");
		write_line(&writer, i, "s");
	}
	metric_writer_close(&writer);
}

static void lines_are_found_by_time_and_resource(void **state)
{
	struct log_place place;
	(void)state;

	open_place(&place);
	fill(&place);
	assert_int_equal(count_files(&place), 10);
	assert_found(
		&place,
		(struct metric_query){.begin_ms = t0 + 3000, .has_end = true, .end_ms = t0 + 4999},
		THIN("003", "r") THIN("003", "s") THIN("004", "r") THIN("004", "s"));
	assert_found(&place,
		     (struct metric_query){.begin_ms = t0 + 3999,
					   .has_end = true,
					   .end_ms = t0 + 60000,
					   .identity = SLICE("s")},
		     THIN("003", "s") THIN("004", "s") THIN("005", "s") THIN("006", "s")
			     THIN("007", "s"));
	assert_found(
		&place,
		(struct metric_query){.begin_ms = t0 - 5000, .has_end = true, .end_ms = t0 - 1},
		"");
	assert_found(
		&place,
		(struct metric_query){.begin_ms = t0 + 8000, .has_end = true, .end_ms = t0 + 9000},
		"");
	close_place(&place);
}

static void as_many_lines_are_found_as_are_asked_for(void **state)
{
	struct log_place place;
	(void)state;

	open_place(&place);
	fill(&place);
	assert_found(&place, (struct metric_query){.begin_ms = t0 + 3000, .lines_max = 3},
		     THIN("003", "r") THIN("003", "s") THIN("004", "r") THIN("004", "s"));
	assert_found(&place, (struct metric_query){.begin_ms = t0 + 6000, .lines_max = 6000},
		     THIN("006", "r") THIN("006", "s") THIN("007", "r") THIN("007", "s"));
	assert_found(&place, (struct metric_query){.begin_ms = t0 + 7000, .lines_max = 0}, "");
	close_place(&place);
}

static void damage_is_stepped_over(void **state)
{
	struct log_place place;
	FILE *file;
	(void)state;

	open_place(&place);
	fill(&place);
	file = fopen(path_in(&place, "a-metrics.log.2023-11-15.3"), "a");
	fputs("rubbish\n1700000007000|half", file);
	fclose(file);
	file = fopen(path_in(&place, "a-metrics.log.2023-11-15.3.idx"), "a");
	fputs("xxx", file);
	fclose(file);
	assert_found(&place, (struct metric_query){.begin_ms = t0 + 7000, .lines_max = 10},
		     THIN("007", "r") THIN("007", "s"));
	assert_found(&(struct log_place){"/nowhere"},
		     (struct metric_query){.begin_ms = t0, .lines_max = 10}, "");
	close_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_the_columns_of_sentinel),
		cmocka_unit_test(a_name_cannot_end_the_line),
		cmocka_unit_test(lines_of_older_versions_are_read),
		cmocka_unit_test(each_second_is_collected_once),
		cmocka_unit_test(what_the_windows_have_lost_is_not_looked_for),
		cmocka_unit_test(names_of_files_tell_application_and_pid),
		cmocka_unit_test(files_are_listed_by_date_and_number),
		cmocka_unit_test(the_index_begins_with_the_second_second),
		cmocka_unit_test(files_end_at_their_size_and_the_oldest_go),
		cmocka_unit_test(a_day_has_files_of_its_own),
		cmocka_unit_test(a_file_that_was_removed_is_begun_anew),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
		cmocka_unit_test(folders_are_made_on_the_way),
		cmocka_unit_test(lines_are_found_by_time_and_resource),
		cmocka_unit_test(as_many_lines_are_found_as_are_asked_for),
		cmocka_unit_test(damage_is_stepped_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
