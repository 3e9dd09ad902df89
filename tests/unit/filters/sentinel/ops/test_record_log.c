#include "ops_support.h"

#include "filters/sentinel/ops/record_log.h"

/* 2026-11-22 00:41:47.123 in Shanghai */
static const int64_t now = INT64_C(1795279307123);

static void lines_are_those_of_java(void **state)
{
	struct log_place place;
	struct record_log log;
	(void)state;

	open_place(&place);
	record_log_open(&log, place.folder, 0);
	assert_int_equal(record_log_write(&log, now), STATUS_OK);
	assert_int_equal(count_files(&place), 0); /* nothing to say */
	record_log_note(&log, RECORD_INFO, now, "[FlowRuleManager] Flow rules received: %s", "[]");
	record_log_note(&log, RECORD_WARNING, now + 877, "a\nb\rc");
	assert_int_equal(record_log_write(&log, now + 900), STATUS_OK);
	record_log_note(&log, RECORD_INFO, now + 1000, "later");
	assert_int_equal(record_log_write(&log, now + 1900), STATUS_OK);
	record_log_close(&log);
	assert_file(&place, "sentinel-record.log.2026-11-22.0",
		    "2026-11-22 00:41:47.123 INFO [FlowRuleManager] Flow rules received: []\n"
		    "2026-11-22 00:41:48.000 WARNING a b c\n"
		    "2026-11-22 00:41:48.123 INFO later\n");
	close_place(&place);
}

static void each_day_has_its_file(void **state)
{
	const int64_t day = 24 * 3600 * INT64_C(1000);
	struct log_place place;
	struct record_log log;
	(void)state;

	open_place(&place);
	record_log_open(&log, place.folder, 4711);
	for (int i = 0; i < 2; i++) {
		record_log_note(&log, RECORD_INFO, now + i * day, "day %d", i);
		assert_int_equal(record_log_write(&log, now + i * day), STATUS_OK);
	}
	record_log_close(&log);
	assert_file(&place, "sentinel-record.log.pid4711.2026-11-22.0",
		    "2026-11-22 00:41:47.123 INFO day 0\n");
	assert_file(&place, "sentinel-record.log.pid4711.2026-11-23.0",
		    "2026-11-23 00:41:47.123 INFO day 1\n");
	close_place(&place);
}

/* name.0 to name.1 and so on: as many as there may be. */
static void numbered_files_roll(void **state)
{
	struct rolling_file file;
	struct log_place place;
	(void)state;

	open_place(&place);
	rolling_file_init_numbered(&file, place.folder, "r", 4, 3);
	for (const char *line = "a\nb\nc\nd\n"; *line; line += 2) {
		char four[8];
		snprintf(four, sizeof four, "%c%c%c\n", line[0], line[0], line[0]);
		assert_int_equal(rolling_file_append(&file, slice_of(four)), STATUS_OK);
	}
	assert_int_equal(rolling_file_append(&file, SLICE("e\n")), STATUS_OK);
	rolling_file_close(&file);
	assert_file(&place, "r.0", "e\n");
	assert_file(&place, "r.1", "ddd\n");
	assert_file(&place, "r.2", "ccc\n");
	assert_int_equal(count_files(&place), 3);
	close_place(&place);
}

static void what_finds_no_room_is_counted(void **state)
{
	static char text[RECORD_LINE_MAX + 100];
	const unsigned lines = RECORD_WAITING_MAX / RECORD_LINE_MAX + 10;
	struct log_place place;
	struct record_log log;
	(void)state;

	open_place(&place);
	record_log_open(&log, place.folder, 0);
	memset(text, 'x', sizeof text - 1);
	for (unsigned i = 0; i < lines; i++)
		record_log_note(&log, RECORD_INFO, now, "%s", text);
	assert_in_range(log.dropped, 10, 20);
	assert_in_range(log.waiting.len, RECORD_WAITING_MAX - 2 * RECORD_LINE_MAX,
			RECORD_WAITING_MAX + 100);
	uint64_t dropped = log.dropped;
	assert_int_equal(record_log_write(&log, now), STATUS_OK);
	record_log_note(&log, RECORD_INFO, now, "again");
	struct slice told = text_slice(&log.waiting);
	char expected[200];
	snprintf(expected, sizeof expected,
		 "2026-11-22 00:41:47.123 WARNING %u lines were dropped\n"
		 "2026-11-22 00:41:47.123 INFO again\n",
		 (unsigned)dropped);
	assert_slice(told, expected);
	assert_int_equal(record_log_write(&log, now), STATUS_OK);
	record_log_close(&log);
	close_place(&place);
}

static void one_that_was_never_opened_takes_nothing(void **state)
{
	struct record_log log = {.is_open = false};
	(void)state;

	record_log_note(&log, RECORD_INFO, now, "nothing");
	assert_int_equal(record_log_write(&log, now), STATUS_OK);
	record_log_close(&log);
	assert_int_equal(log.waiting.len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_those_of_java),
		cmocka_unit_test(each_day_has_its_file),
		cmocka_unit_test(numbered_files_roll),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(one_that_was_never_opened_takes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
