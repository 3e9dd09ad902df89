/* The spool as a whole, with its thread: accepted is what is on disk, and that is sent until it is
 * answered. */
#include "support/spool_home.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "telemetry/stats.h"

static atomic_bool holds_syncs, is_held;
static atomic_uint syncs_until_failure; /* 0: none fails */

/* In the place of libc's. */
int fdatasync(int fd)
{
	while (atomic_load(&holds_syncs)) {
		atomic_store(&is_held, true);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	if (atomic_load(&syncs_until_failure) && atomic_fetch_sub(&syncs_until_failure, 1) == 1) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

struct test {
	struct spool_home home;
	struct stats *stats;
	struct spools spools;
	struct spool *spool;
	_Atomic bool is_shut; /* nothing may be sent */
	_Atomic unsigned given_back;
	struct spool_sending *sendings[SPOOL_ERRANDS_MAX];
	unsigned sent;
	unsigned verdicts[4];
};

#define WAIT_UNTIL(t, condition) SPOOL_WAIT_UNTIL(&(t)->home, NULL, condition)

struct user {
	struct spool_user user;
	struct test *test;
};

static bool may_send(struct spool_user *user, uint64_t now_ms)
{
	(void)now_ms;
	return !atomic_load(&container_of(user, struct user, user)->test->is_shut);
}

static void on_sending(struct worker_context *worker, void *arg)
{
	struct spool_sending *sending = arg;
	struct test *t = container_of(sending->user, struct user, user)->test;

	(void)worker;
	t->sendings[t->sent++] = sending;
}

static void send_one(struct spool_user *user, struct spool_sending *sending)
{
	(void)user;
	spool_post(sending->spool, 0, on_sending, sending);
}

static void give_back(struct spool_user *user)
{
	atomic_fetch_add(&container_of(user, struct user, user)->test->given_back, 1);
}

static void user_free(struct spool_user *user)
{
	free(container_of(user, struct user, user));
}

static struct spool_user *user_new(struct test *t)
{
	struct user *made = calloc(1, sizeof *made);

	made->user = (struct spool_user){
		.may_send = may_send, .send = send_one, .give_back = give_back, .free = user_free};
	atomic_init(&made->user.references, 1);
	made->test = t;
	return &made->user;
}

static const struct spool_options usual = {
	.max_bytes = 1 << 20,
	.max_records = 1000,
	.ttl_ms = 3600000,
	.max_attempts = 3,
	.base_interval_ms = 1,
	.max_interval_ms = 4,
	.max_sending = 100,
};

static void begin(struct test *t, const struct spool_options *options)
{
	t->stats = stats_new();
	spools_init(&t->spools, t->stats);
	spool_home_serve(&t->home, &t->spools);
	t->spool = spools_take(&t->spools, t->home.path, SLICE("kept"), options, user_new(t));
	WAIT_UNTIL(t, spool_takes(t->spool) || options->max_records == 0);
}

static uint64_t counted(struct test *t, enum spool_stat id)
{
	struct stat_scope *scope = stat_scope_take(t->stats, &spool_stats, SLICE("kept"));
	uint64_t value = stat_value(t->stats, scope, id);
	stat_scope_drop(t->stats, scope);
	return value;
}

/* The process ends, or (what was sent isn't told) is killed. */
static void finish(struct test *t)
{
	spools_drop(t->spool);
	spools_leave(&t->spools);
	spool_home_run_all(&t->home, NULL);
	for (unsigned i = 0; i < t->sent; i++)
		if (t->sendings[i])
			spool_sent(t->sendings[i], SPOOL_UNTRIED);
	spools_fini(&t->spools);
	stats_free(t->stats);
	t->sent = 0;
}

static int set_up(void **state)
{
	struct test *t = calloc(1, sizeof *t);

	spool_home_open(&t->home);
	begin(t, &usual);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct test *t = *state;

	finish(t);
	spool_home_close(&t->home);
	free(t);
	return 0;
}

static void on_kept(struct spool_append *append)
{
	struct test *t = append->owner;

	t->verdicts[append->verdict]++;
	free(append);
}

static void keep(struct test *t, uint64_t key, const char *text)
{
	struct spool_append *append = spool_append_new(strlen(text));

	memcpy(append->bytes, text, strlen(text));
	append->key = (struct spool_key){{key, key}};
	append->owner = t;
	append->done = on_kept;
	spool_append(t->spool, append);
}

static void tell(struct test *t, unsigned i, enum spool_outcome outcome)
{
	spool_sent(t->sendings[i], outcome);
	t->sendings[i] = NULL;
}

static void what_is_accepted_is_sent_and_forgotten_when_answered(void **state)
{
	struct test *t = *state;

	keep(t, 1, "one");
	keep(t, 2, "two");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 2 && t->sent == 2);
	assert_true(slice_equal(t->sendings[0]->bytes, SLICE("one")));
	assert_true(slice_equal(t->sendings[1]->bytes, SLICE("two")));
	assert_int_equal(t->sendings[0]->attempt, 1);
	tell(t, 0, SPOOL_ANSWERED);
	tell(t, 1, SPOOL_ANSWERED);
	WAIT_UNTIL(t, counted(t, SPOOL_STAT_SENT) == 2 && !counted(t, SPOOL_STAT_RECORDS));
	finish(t);
	begin(t, &usual);
	assert_int_equal(counted(t, SPOOL_STAT_RECOVERED), 0);
}

static void who_ends_loses_nothing_that_was_accepted(void **state)
{
	struct test *t = *state;
	char text[16];

	atomic_store(&t->is_shut, true);
	for (unsigned i = 1; i <= 300; i++) {
		snprintf(text, sizeof text, "%u", i);
		keep(t, i, text);
	}
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 300);
	finish(t);
	atomic_store(&t->is_shut, false);
	begin(t, &usual);
	assert_int_equal(counted(t, SPOOL_STAT_RECOVERED), 300);
	for (unsigned i = 0; i < 300; i++) { /* in their order */
		WAIT_UNTIL(t, t->sent > i);
		snprintf(text, sizeof text, "%u", i + 1);
		assert_true(slice_equal(t->sendings[i]->bytes, slice_of(text)));
		tell(t, i, SPOOL_ANSWERED);
	}
	WAIT_UNTIL(t, counted(t, SPOOL_STAT_SENT) == 300);
}

/* Sent, but whether it arrived nobody knows: again. */
static void what_was_out_at_the_end_is_sent_again(void **state)
{
	struct test *t = *state;

	keep(t, 1, "one");
	WAIT_UNTIL(t, t->sent == 1);
	finish(t);
	begin(t, &usual);
	WAIT_UNTIL(t, t->sent == 1);
	assert_true(slice_equal(t->sendings[0]->bytes, SLICE("one")));
}

static void the_same_key_is_kept_once_until_it_is_over(void **state)
{
	struct test *t = *state;

	keep(t, 1, "one");
	keep(t, 1, "one");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 1 && t->verdicts[SPOOL_DUPLICATE] == 1);
	WAIT_UNTIL(t, t->sent == 1);
	keep(t, 1, "one"); /* it is out, and not answered */
	WAIT_UNTIL(t, t->verdicts[SPOOL_DUPLICATE] == 2);
	tell(t, 0, SPOOL_ANSWERED);
	WAIT_UNTIL(t, counted(t, SPOOL_STAT_SENT) == 1);
	keep(t, 1, "one");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 2 && t->sent == 2);
}

static void who_is_refused_tries_again_and_at_last_gives_up(void **state)
{
	struct test *t = *state;

	keep(t, 1, "one");
	for (unsigned i = 0; i < usual.max_attempts; i++) {
		WAIT_UNTIL(t, t->sent == i + 1);
		assert_int_equal(t->sendings[i]->attempt, i + 1);
		tell(t, i, SPOOL_REFUSED);
	}
	WAIT_UNTIL(t, counted(t, SPOOL_STAT_DEAD) == 1 && !counted(t, SPOOL_STAT_RECORDS));
	assert_int_equal(counted(t, SPOOL_STAT_RETRIED), 2);
}

static void there_are_no_more_than_so_many(void **state)
{
	struct test *t = *state;
	struct spool_options few = usual;

	finish(t);
	few.max_records = 3;
	atomic_store(&t->is_shut, true);
	begin(t, &few);
	for (unsigned i = 1; i <= 5; i++)
		keep(t, i, "x");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 3 && t->verdicts[SPOOL_FULL] == 2);
	WAIT_UNTIL(t, !spool_takes(t->spool));
	atomic_store(&t->is_shut, false);
	WAIT_UNTIL(t, t->sent == 3);
	tell(t, 0, SPOOL_ANSWERED);
	WAIT_UNTIL(t, spool_takes(t->spool));
}

static void bytes_are_bounded_and_come_back(void **state)
{
	struct test *t = *state;
	static char large[100001];

	memset(large, 'x', sizeof large - 1);
	atomic_store(&t->is_shut, true);
	for (unsigned round = 0; round < 3; round++) {
		memset(t->verdicts, 0, sizeof t->verdicts);
		for (unsigned i = 1; i <= 20; i++)
			keep(t, i, large);
		WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] + t->verdicts[SPOOL_FULL] == 20);
		assert_int_equal(t->verdicts[SPOOL_ACCEPTED], 10);
		unsigned before = t->sent;
		atomic_store(&t->is_shut, false);
		WAIT_UNTIL(t, t->sent == before + 10);
		for (unsigned i = 0; i < 10; i++)
			tell(t, before + i, SPOOL_ANSWERED);
		atomic_store(&t->is_shut, true);
		WAIT_UNTIL(t, !counted(t, SPOOL_STAT_RECORDS) &&
				      counted(t, SPOOL_STAT_BYTES) < 200000);
	}
}

static void who_waits_too_long_expires(void **state)
{
	struct test *t = *state;
	struct spool_options brief = usual;

	atomic_store(&t->is_shut, true);
	keep(t, 1, "one");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 1);
	assert_int_equal(counted(t, SPOOL_STAT_EXPIRED), 0);
	brief.ttl_ms = 1;
	/* a newer configuration of the same folder */
	assert_ptr_equal(spools_take(&t->spools, t->home.path, SLICE("kept"), &brief, user_new(t)),
			 t->spool);
	spools_drop(t->spool);
	WAIT_UNTIL(t, counted(t, SPOOL_STAT_EXPIRED) == 1);
	atomic_store(&t->is_shut, false);
	finish(t);
	begin(t, &usual);
	assert_int_equal(counted(t, SPOOL_STAT_RECOVERED), 0);
}

/* A bad sector, as it were: the others are sent, and this one's room is given back. */
static void what_cannot_be_read_is_given_up(void **state)
{
	struct test *t = *state;
	char name[100];

	atomic_store(&t->is_shut, true);
	keep(t, 1, "one");
	keep(t, 2, "two");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 2);
	snprintf(name, sizeof name, "%s/0000000001.segment", t->home.path);
	FILE *file = fopen(name, "r+e");
	assert_non_null(file);
	assert_int_equal(fseek(file, SPOOL_MAGIC_LEN + SPOOL_REQUEST_FRONT, SEEK_SET), 0);
	assert_int_equal(fputs("eno", file) < 0, 0);
	assert_int_equal(fclose(file), 0);
	atomic_store(&t->is_shut, false);
	WAIT_UNTIL(t, t->sent == 1 && counted(t, SPOOL_STAT_UNREADABLE) == 1);
	assert_true(slice_equal(t->sendings[0]->bytes, SLICE("two")));
	assert_int_equal(atomic_load(&t->given_back), 1);
}

/* No descriptor is free, as under the load that the spool is for: nothing is given up. */
static void what_cannot_be_read_now_is_read_later(void **state)
{
	struct test *t = *state;
	struct rlimit before, none;

	atomic_store(&t->is_shut, true);
	keep(t, 1, "one");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	atomic_store(&t->is_shut, false);
	for (unsigned ms = 0; !atomic_load(&t->given_back) && ms < SPOOL_WAIT_MS; ms++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(atomic_load(&t->given_back));
	WAIT_UNTIL(t, t->sent == 1 || counted(t, SPOOL_STAT_UNREADABLE));
	assert_int_equal(t->sent, 1);
	assert_true(slice_equal(t->sendings[0]->bytes, SLICE("one")));
}

/* The disk fails while a batch goes from one segment to the next: none of it is accepted. */
static void a_sync_that_fails_between_segments_accepts_nothing(void **state)
{
	struct test *t = *state;
	static char large[40 << 10];

	atomic_store(&t->is_shut, true);
	keep(t, 9, "before");
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 1);
	memset(large, 'x', sizeof large - 1);
	atomic_store(&holds_syncs, true);
	keep(t, 1, "held");
	while (!atomic_load(&is_held)) /* the thread is in its sync: what comes now is one batch */
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	for (uint64_t key = 2; key < 6; key++)
		keep(t, key, large); /* 160 KiB: more than a segment */
	atomic_store(&syncs_until_failure, 2);
	atomic_store(&holds_syncs, false);
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] + t->verdicts[SPOOL_FAILED] == 6);
	atomic_store(&syncs_until_failure, 0);
	assert_int_equal(t->verdicts[SPOOL_ACCEPTED], 2);
	keep(t, 2, large); /* nor is it the duplicate of anything */
	WAIT_UNTIL(t, t->verdicts[SPOOL_ACCEPTED] == 3);
}

/* As in an upgrade: nothing is accepted before the old process has gone. */
static void a_folder_that_another_has_is_waited_for(void **state)
{
	struct test *t = *state;
	struct spools others;
	struct spool *other;

	spools_init(&others, t->stats);
	spool_home_serve(&t->home, &others);
	keep(t, 1, "one");
	WAIT_UNTIL(t, t->sent == 1);
	other = spools_take(&others, t->home.path, SLICE("other"), &usual, user_new(t));
	struct spool_append *append = spool_append_new(0);
	append->owner = t;
	append->done = on_kept;
	spool_append(other, append);
	WAIT_UNTIL(t, t->verdicts[SPOOL_FAILED] == 1);
	assert_false(spool_takes(other));
	spools_drop(t->spool);
	tell(t, 0, SPOOL_ANSWERED);
	WAIT_UNTIL(t, (spools_tick(&t->spools), list_is_empty(&t->spools.list)));
	WAIT_UNTIL(t, spool_takes(other));
	spools_drop(other);
	spools_leave(&others);
	spools_fini(&others);
	t->spool = spools_take(&t->spools, t->home.path, SLICE("kept"), &usual, user_new(t));
}

/* Without the last configuration the thread ends, but waits for what is out. */
static void a_spool_that_nobody_names_ends(void **state)
{
	struct test *t = *state;

	keep(t, 1, "one");
	WAIT_UNTIL(t, t->sent == 1);
	spools_drop(t->spool);
	tell(t, 0, SPOOL_ANSWERED);
	WAIT_UNTIL(t, (spools_tick(&t->spools), list_is_empty(&t->spools.list)));
	t->spool = spools_take(&t->spools, t->home.path, SLICE("kept"), &usual, user_new(t));
	WAIT_UNTIL(t, spool_takes(t->spool));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(what_is_accepted_is_sent_and_forgotten_when_answered),
		CASE(who_ends_loses_nothing_that_was_accepted),
		CASE(what_was_out_at_the_end_is_sent_again),
		CASE(the_same_key_is_kept_once_until_it_is_over),
		CASE(who_is_refused_tries_again_and_at_last_gives_up),
		CASE(there_are_no_more_than_so_many),
		CASE(bytes_are_bounded_and_come_back),
		CASE(who_waits_too_long_expires),
		CASE(what_cannot_be_read_is_given_up),
		CASE(what_cannot_be_read_now_is_read_later),
		CASE(a_sync_that_fails_between_segments_accepts_nothing),
		CASE(a_folder_that_another_has_is_waited_for),
		CASE(a_spool_that_nobody_names_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
