#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/log.h"

struct sink {
	int pipe[2];
	char text[65536];
};

static int setup(void **state)
{
	struct sink *sink = calloc(1, sizeof *sink);
	struct diag diag;
	assert_int_equal(pipe2(sink->pipe, O_NONBLOCK), 0);
	log_set_fd(sink->pipe[1]);
	log_set_level(LOG_LEVEL_INFO);
	assert_int_equal(log_set_format(SLICE("%l %n %v"), &diag), STATUS_OK);
	*state = sink;
	return 0;
}

static int teardown(void **state)
{
	struct sink *sink = *state;
	log_queue_end();
	log_set_fd(STDERR_FILENO);
	close(sink->pipe[0]);
	close(sink->pipe[1]);
	free(sink);
	return 0;
}

/* All that was written since the last call. */
static const char *written(struct sink *sink)
{
	ssize_t n = read(sink->pipe[0], sink->text, sizeof sink->text - 1);
	sink->text[n > 0 ? n : 0] = 0;
	return sink->text;
}

static void levels_decide(void **state)
{
	unsigned evaluated = 0;

	log_info(HTTP, "one %d", 1);
	log_debug(HTTP, "not shown %u", evaluated++);
	log_critical(MAIN, "two");
	assert_string_equal(written(*state), "info http one 1\ncritical main two\n");
	assert_int_equal(evaluated, 0);
	log_set_component_level(LOG_COMPONENT_HTTP, LOG_LEVEL_TRACE);
	log_trace(HTTP, "shown");
	log_trace(MAIN, "not shown");
	assert_string_equal(written(*state), "trace http shown\n");
	log_set_level(LOG_LEVEL_OFF);
	log_critical(MAIN, "not shown");
	assert_string_equal(written(*state), "");
}

static void level_lists(void **state)
{
	struct diag diag = {0};
	(void)state;

	assert_int_equal(log_set_component_levels(SLICE("upstream:debug,hc:warn"), &diag), 0);
	assert_int_equal(log_level_of(LOG_COMPONENT_UPSTREAM), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_of(LOG_COMPONENT_HEALTH), LOG_LEVEL_WARN);
	assert_int_equal(log_level_of(LOG_COMPONENT_HTTP), LOG_LEVEL_INFO);
	assert_int_equal(log_set_component_levels(SLICE("http:off,nothing:debug"), &diag),
			 STATUS_INVALID);
	assert_memory_equal(diag.text, "'nothing' is no log component; there are main admin ", 52);
	assert_int_equal(log_level_of(LOG_COMPONENT_HTTP), LOG_LEVEL_INFO);
	assert_int_equal(log_set_format(SLICE("%v %q"), &diag), STATUS_INVALID);
	assert_memory_equal(diag.text, "log format: %q is not known; there are %v ", 42);
	assert_int_equal(log_set_format(SLICE("100%"), &diag), STATUS_INVALID);
	assert_string_equal(diag.text, "log format: a lone % at the end; write %%");
	assert_int_equal(log_set_component_levels(SLICE("http"), &diag), STATUS_INVALID);
	assert_int_equal(log_set_component_levels(SLICE("http:loud"), &diag), STATUS_INVALID);
	assert_int_equal(log_set_component_levels(SLICE(""), &diag), STATUS_OK);
}

static void names_round_trip(void **state)
{
	enum log_level level;
	enum log_component component;
	(void)state;

	for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
		assert_true(log_level_parse(slice_of(log_level_name((enum log_level)i)), &level));
		assert_int_equal(level, i);
	}
	for (int i = 0; i < LOG_COMPONENT_COUNT; i++) {
		const char *name = log_component_name((enum log_component)i);
		assert_true(log_component_parse(slice_of(name), &component));
		assert_int_equal(component, i);
	}
	assert_false(log_level_parse(SLICE("INFO"), &level));
	assert_false(log_component_parse(SLICE(""), &component));
}

static void a_long_message_is_cut(void **state)
{
	char text[3000];

	memset(text, 'x', sizeof text);
	log_info(MAIN, "%.*s", (int)sizeof text, text);
	const char *line = written(*state);
	assert_int_equal(strlen(line), LOG_LINE_MAX);
	assert_int_equal(line[LOG_LINE_MAX - 1], '\n');
}

static void a_limited_place_counts_what_it_leaves_out(void **state)
{
	static struct log_site site;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5; i++)
			log_write_limited(LOG_PLACE(WARN, POOL), &site, "overflow %d",
					  i + 10 * round);
		atomic_store(&site.next_ns, 0); /* as if a second had passed */
	}
	assert_string_equal(written(*state),
			    "warning pool overflow 0\n"
			    "warning pool overflow 10 (4 more like this before)\n");
	for (int i = 0; i < 3; i++)
		log_warn_limited(POOL, "another place %d", i);
	assert_string_equal(written(*state), "warning pool another place 0\n");
}

static void count_wake(void *arg)
{
	++*(unsigned *)arg;
}

static void queued_lines_wait_for_the_writer(void **state)
{
	unsigned wakes = 0;

	log_queue_begin(count_wake, &wakes);
	log_info(MAIN, "one");
	log_info(MAIN, "two");
	assert_string_equal(written(*state), "");
	assert_int_equal(wakes, 1);
	assert_int_equal(log_drain(), 2);
	assert_string_equal(written(*state), "info main one\ninfo main two\n");
	assert_int_equal(log_drain(), 0);
	log_info(MAIN, "three");
	assert_int_equal(wakes, 2);
	log_queue_end();
	log_info(MAIN, "four");
	assert_string_equal(written(*state), "info main three\ninfo main four\n");
}

static void a_full_ring_drops_and_says_so(void **state)
{
	uint64_t before = log_dropped();
	char expected[64];

	log_queue_begin(NULL, NULL);
	for (int lap = 0; lap < 3; lap++) { /* the ring goes round */
		for (int i = 0; i < 300; i++)
			log_info(MAIN, "%d", i);
		uint64_t lost = log_dropped() - before;
		assert_true(lost > 0);
		unsigned drained = log_drain();
		assert_int_equal(drained + lost, 300);
		const char *text = written(*state);
		assert_memory_equal(text, "info main 0\ninfo main 1\n", 24);
		snprintf(expected, sizeof expected, "warning main %u log lines were dropped\n",
			 (unsigned)lost);
		assert_non_null(strstr(text, expected));
		before = log_dropped();
	}
}

static void a_file_that_takes_nothing_loses_lines_not_time(void **state)
{
	struct sink *sink = *state;
	uint64_t before = log_dropped();
	char fill[4096] = {0};

	while (write(sink->pipe[1], fill, sizeof fill) > 0)
		;
	log_info(MAIN, "lost");
	assert_int_equal(log_dropped() - before, 1);
}

static void *log_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_info(MAIN, "%s %d.", (const char *)arg, i);
	return NULL;
}

/* Each thread's lines come whole and in order, whatever is lost between them. */
static void threads_share_the_ring(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	struct sink *sink = *state;
	pthread_t threads[3];
	int last[3] = {-1, -1, -1};
	unsigned lines = 0;
	uint64_t before = log_dropped();

	log_queue_begin(NULL, NULL);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, log_many, (void *)(uintptr_t)names[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	lines = log_drain();
	assert_int_equal(lines + (log_dropped() - before), 1500);
	char *text = (char *)(uintptr_t)written(sink), *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name, dot;
		int number;
		if (!strncmp(line, "warning", 7))
			continue;
		assert_int_equal(sscanf(line, "info main %c %d%c", &name, &number, &dot), 3);
		assert_int_equal(dot, '.');
		assert_true(number > last[name - 'a']);
		last[name - 'a'] = number;
		lines--;
	}
	assert_int_equal(lines, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(levels_decide),
		TEST(level_lists),
		TEST(names_round_trip),
		TEST(a_long_message_is_cut),
		TEST(a_limited_place_counts_what_it_leaves_out),
		TEST(queued_lines_wait_for_the_writer),
		TEST(a_full_ring_drops_and_says_so),
		TEST(a_file_that_takes_nothing_loses_lines_not_time),
		TEST(threads_share_the_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
