/* Real workers that stand still while main looks, and go on; made to be run under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <unistd.h>

#include "server/park.h"
#include "server/worker.h"
#include "telemetry/access_log.h"
#include "telemetry/stats.h"

enum { WORKERS = 3, ROUNDS = 50, TRIES_MAX = 100000 };

static struct {
	uint64_t counts[WORKERS]; /* plain words: each its worker's, main's while they are parked */
	unsigned done[WORKERS];
} shared;

struct bench {
	struct loop loop;
	struct mailbox mailbox;
	struct stats *stats;
	struct access_log_files *log_files; /* a worker looks at its log once a second */
	struct park park;
	struct worker *workers[WORKERS];
};

static void count(struct worker *worker, void *arg)
{
	(void)arg;
	shared.counts[worker->context.index]++;
}

static void after(struct worker *worker, void *arg)
{
	(void)arg;
	shared.done[worker->context.index]++;
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	memset(&shared, 0, sizeof shared);
	assert_int_equal(loop_init(&bench->loop, bench), STATUS_OK);
	mailbox_init(&bench->mailbox, &bench->loop, bench);
	bench->stats = stats_new();
	bench->log_files = access_log_files_new(bench->stats, 0, 0);
	park_init(&bench->park);
	for (unsigned i = 0; i < WORKERS; i++) {
		bench->workers[i] = worker_new(i, &bench->mailbox, bench->stats);
		assert_non_null(bench->workers[i]);
		struct worker_context *context = &bench->workers[i]->context;
		context->logs = log_worker_new(bench->log_files, context->stats);
		assert_int_equal(worker_start(bench->workers[i]), STATUS_OK);
	}
	*state = bench;
	return 0;
}

/* What they told main: there is no server here to hear it. */
static void forget_words(struct mailbox *mailbox)
{
	struct message *message = atomic_exchange(&mailbox->newest, NULL);

	while (message) {
		struct message *next = message->next;
		free(message); /* the first member of what is on the heap */
		message = next;
	}
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 0; i < WORKERS; i++)
		worker_stop(bench->workers[i]);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct log_worker *logs = bench->workers[i]->context.logs;
		worker_free(bench->workers[i]);
		log_worker_free(logs);
	}
	access_log_files_free(bench->log_files);
	forget_words(&bench->mailbox);
	park_fini(&bench->park);
	loop_fini(&bench->loop);
	stats_free(bench->stats);
	free(bench);
	return 0;
}

static void post_some(struct bench *bench)
{
	for (unsigned i = 0; i < WORKERS; i++)
		for (unsigned n = 0; n < 10; n++)
			worker_post(bench->workers[i], count, NULL);
}

static void wait_until_parked(struct bench *bench)
{
	for (unsigned tries = 0; !park_is_complete(&bench->park); tries++) {
		assert_true(tries < TRIES_MAX);
		usleep(100);
	}
}

static void they_stand_still_and_go_on(void **state)
{
	struct bench *bench = *state;

	assert_false(park_is_complete(&bench->park));
	for (unsigned round = 1; round <= ROUNDS; round++) {
		post_some(bench);
		park_all(&bench->park, bench->workers, WORKERS);
		wait_until_parked(bench);
		/* what was posted before is done, and what is posted now waits */
		post_some(bench);
		for (unsigned i = 0; i < WORKERS; i++) {
			assert_true(shared.counts[i] >= (2 * round - 1) * 10);
			assert_true(shared.counts[i] <= 2 * round * 10);
			assert_int_equal(shared.done[i], round - 1);
		}
		park_release(&bench->park, after, NULL);
		assert_false(park_is_complete(&bench->park));
	}
}

/* Before all are there, and when nobody is asked. */
static void they_can_be_released_at_any_time(void **state)
{
	struct bench *bench = *state;

	park_release(&bench->park, after, NULL);
	for (unsigned round = 0; round < ROUNDS; round++) {
		park_all(&bench->park, bench->workers, WORKERS);
		if (round % 3)
			usleep(round % 3 * 50);
		park_release(&bench->park, NULL, NULL);
		park_release(&bench->park, after, NULL);
	}
	park_all(&bench->park, bench->workers, WORKERS);
	wait_until_parked(bench);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(shared.done[i], 0);
	park_release(&bench->park, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_stand_still_and_go_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(they_can_be_released_at_any_time, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
