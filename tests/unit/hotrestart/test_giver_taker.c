/* Both sides with each other in one process, over a real meeting place: what each does at which
 * step, what travels, and what becomes of both when one of them fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"
#include "hotrestart/giver.h"
#include "hotrestart/taker.h"

enum { TURNS_MAX = 100000 };

struct bench {
	char folder[32], path[64];
	struct loop old_loop, new_loop;
	struct meeting old_meeting, new_meeting;
	struct giver giver;
	struct taker taker;
	struct section old_sections[1], new_sections[1];
	const char *busy;
	/* what was done */
	bool is_parked, is_taken_back, has_left, has_ended;          /* old */
	bool is_installed, is_owner, has_forgotten, is_over, drains; /* new */
	/* what is to happen */
	bool parks_never, install_fails, import_fails;
	unsigned exports[SECTION_PARTS], imports[SECTION_PARTS], lefts, gones, taken_back;
	char imported[SECTION_PARTS][16];
};

/* --- a section --- */

static void put_part(struct bench *bench, enum section_part part, struct section_writer *out)
{
	static const char *const texts[SECTION_PARTS] = {"warm", "final", "tail"};

	bench->exports[part]++;
	section_put_text(out, slice_of(texts[part]));
}

static void export_warm(void *owner, struct section_writer *out)
{
	put_part(owner, SECTION_WARM, out);
}

static void export_final(void *owner, struct section_writer *out)
{
	put_part(owner, SECTION_FINAL, out);
}

static void export_tail(void *owner, struct section_writer *out)
{
	put_part(owner, SECTION_TAIL, out);
}

static enum status import(void *owner, enum section_part part, uint32_t version, struct slice bytes,
			  struct diag *diag)
{
	struct bench *bench = owner;
	struct section_reader in;

	assert_int_equal(version, 2);
	if (part == SECTION_FINAL)
		assert_false(bench->is_installed);
	if (bench->import_fails)
		return diag_set(diag, "doesn't like it");
	section_reader_init(&in, bytes);
	struct slice text = section_get_text(&in);
	assert_true(section_is_done(&in));
	bench->imports[part]++;
	snprintf(bench->imported[part], sizeof bench->imported[part], "%.*s", SLICE_FMT(text));
	return STATUS_OK;
}

static void left(void *owner)
{
	((struct bench *)owner)->lefts++;
}

static void taken_back(void *owner)
{
	((struct bench *)owner)->taken_back++;
}

static void gone(void *owner)
{
	((struct bench *)owner)->gones++;
}

static const struct section_type section_type = {
	.name = "test",
	.version = 2,
	.oldest = 2,
	.export = {export_warm, export_final, export_tail},
	.import = import,
	.left = left,
	.taken_back = taken_back,
	.predecessor_gone = gone,
};

/* --- old --- */

static void list_sockets(void *owner, struct passed_sockets *sockets)
{
	struct addr addr;

	(void)owner;
	assert_int_equal(addr_parse(SLICE("127.0.0.1:80"), &addr), STATUS_OK);
	passed_sockets_begin_group(sockets);
	passed_sockets_add(sockets, PASSED_LISTENER, &addr, true, false, STDIN_FILENO);
}

static void park(void *owner)
{
	struct bench *bench = owner;

	assert_int_equal(bench->exports[SECTION_FINAL], 0);
	bench->is_parked = true;
}

static void take_back(void *owner)
{
	struct bench *bench = owner;

	assert_true(bench->is_parked);
	bench->is_parked = false;
	bench->is_taken_back = true;
}

static void leave(void *owner)
{
	struct bench *bench = owner;

	assert_true(bench->is_parked);
	bench->is_parked = false;
	bench->has_left = true;
}

static void end_old(void *owner)
{
	((struct bench *)owner)->has_ended = true;
}

static const char *is_busy(void *owner)
{
	return ((struct bench *)owner)->busy;
}

static const struct giver_type giver_type = {
	.list_sockets = list_sockets,
	.park = park,
	.take_back = take_back,
	.leave = leave,
	.end = end_old,
	.is_busy = is_busy,
};

/* --- new --- */

static enum status install(void *owner, struct diag *diag)
{
	struct bench *bench = owner;

	assert_false(bench->is_installed);
	if (bench->install_fails)
		return diag_set(diag, "can't");
	bench->is_installed = true;
	return STATUS_OK;
}

static void own(void *owner)
{
	((struct bench *)owner)->is_owner = true;
}

static void forget_old(void *owner)
{
	((struct bench *)owner)->has_forgotten = true;
}

static void end_new(void *owner, bool drains)
{
	struct bench *bench = owner;

	bench->is_over = true;
	bench->drains = drains;
}

static const struct taker_type taker_type = {
	.install = install, .own = own, .forget_old = forget_old, .end = end_new};

/* --- the bench --- */

static void listen_old(struct bench *bench)
{
	struct diag diag = {.line = 0};
	const struct giver_options options = {.type = &giver_type,
					      .owner = bench,
					      .loop = &bench->old_loop,
					      .meeting = &bench->old_meeting,
					      .sections = bench->old_sections,
					      .section_count = 1,
					      .epoch = 4,
					      .workers = 3,
					      .start_wall_ns = 5};

	assert_int_equal(meeting_take_right(&bench->old_meeting, RIGHT_TO_SERVE), STATUS_OK);
	assert_int_equal(giver_listen(&bench->giver, &options, &diag), STATUS_OK);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	struct diag diag = {.line = 0};

	assert_non_null(bench);
	strcpy(bench->folder, "/tmp/upgrade-XXXXXX");
	assert_non_null(mkdtemp(bench->folder));
	snprintf(bench->path, sizeof bench->path, "%s/upgrade", bench->folder);
	assert_int_equal(loop_init(&bench->old_loop, NULL), STATUS_OK);
	assert_int_equal(loop_init(&bench->new_loop, NULL), STATUS_OK);
	assert_int_equal(meeting_open(&bench->old_meeting, bench->path, &diag), STATUS_OK);
	assert_int_equal(meeting_open(&bench->new_meeting, bench->path, &diag), STATUS_OK);
	bench->old_sections[0] = bench->new_sections[0] = (struct section){&section_type, bench};
	giver_init(&bench->giver);
	taker_init(&bench->taker);
	listen_old(bench);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	char path[80];

	giver_close(&bench->giver);
	taker_close(&bench->taker);
	loop_fini(&bench->old_loop);
	loop_fini(&bench->new_loop);
	meeting_close(&bench->old_meeting);
	meeting_close(&bench->new_meeting);
	unlink(bench->path);
	snprintf(path, sizeof path, "%s.lock", bench->path);
	unlink(path);
	rmdir(bench->folder);
	free(bench);
	return 0;
}

static void turn(struct bench *bench)
{
	loop_turn(&bench->old_loop, false);
	if (bench->is_parked && !bench->parks_never && bench->giver.state == OLD_WARMED)
		giver_parked(&bench->giver);
	loop_turn(&bench->new_loop, false);
}

#define TURN_UNTIL(bench, condition)                                                               \
	do {                                                                                       \
		for (unsigned turns_ = 0; !(condition); turns_++) {                                \
			assert_true(turns_ < TURNS_MAX);                                           \
			turn(bench);                                                               \
			usleep(100);                                                               \
		}                                                                                  \
	} while (0)

static enum status adopt(struct bench *bench, struct diag *diag)
{
	const struct taker_options options = {.type = &taker_type,
					      .owner = bench,
					      .loop = &bench->new_loop,
					      .meeting = &bench->new_meeting,
					      .sections = bench->new_sections,
					      .section_count = 1};
	int fd = meeting_dial(&bench->new_meeting);

	assert_true(fd >= 0);
	return taker_adopt(&bench->taker, fd, &options, diag);
}

struct old_thread {
	struct bench *bench;
	atomic_bool is_over;
};

static void *run_old(void *arg)
{
	struct old_thread *thread = arg;

	while (!atomic_load(&thread->is_over)) {
		loop_turn(&thread->bench->old_loop, false);
		usleep(100);
	}
	return NULL;
}

/* Old's loop turns on a thread until new has its offer (or not). */
static enum status adopt_beside_old(struct bench *bench, struct diag *diag)
{
	struct old_thread old = {.bench = bench};
	pthread_t thread;

	atomic_init(&old.is_over, false);
	assert_int_equal(pthread_create(&thread, NULL, run_old, &old), 0);
	enum status status = adopt(bench, diag);
	atomic_store(&old.is_over, true);
	pthread_join(thread, NULL);
	return status;
}

static void adopt_well(struct bench *bench)
{
	struct diag diag = {.line = 0};

	assert_int_equal(adopt_beside_old(bench, &diag), STATUS_OK);
	assert_int_equal(bench->taker.state, NEW_WARMING);
	TURN_UNTIL(bench, bench->giver.state == OLD_OFFERED);
}

static void old_serves_as_before(struct bench *bench)
{
	assert_int_equal(bench->giver.state, OLD_SERVING);
	assert_false(bench->giver.channel.is_open);
	assert_false(bench->is_parked);
	assert_false(bench->has_left);
	assert_int_equal(bench->lefts, 0);
	assert_null(giver_refusal(&bench->giver));
	assert_int_equal(meeting_take_right(&bench->new_meeting, RIGHT_TO_SERVE), STATUS_AGAIN);
}

/* --- the checks --- */

static void it_goes_all_the_way(void **state)
{
	struct bench *bench = *state;
	struct addr addr;
	int fd = -1;

	adopt_well(bench);
	assert_string_equal(bench->imported[SECTION_WARM], "warm");
	assert_int_equal(bench->taker.epoch, 5);
	assert_int_equal(bench->taker.workers, 3);
	assert_int_equal(bench->taker.start_wall_ns, 5);
	assert_int_equal(addr_parse(SLICE("127.0.0.1:80"), &addr), STATUS_OK);
	assert_int_equal(
		passed_sockets_find(&bench->taker.sockets, PASSED_LISTENER, &addr, true, false), 1);
	passed_sockets_claim(&bench->taker.sockets, PASSED_LISTENER, &addr, true, false, &fd);
	assert_true(fd >= 0);
	close(fd);
	assert_true(taker_holds(&bench->taker));
	taker_warmed(&bench->taker);
	taker_warmed(&bench->taker); /* once is enough */
	TURN_UNTIL(bench, bench->has_left && bench->is_owner);
	assert_string_equal(bench->imported[SECTION_FINAL], "final");
	assert_true(bench->is_installed);
	assert_false(taker_holds(&bench->taker));
	assert_true(taker_is_busy(&bench->taker));
	assert_int_equal(bench->lefts, 1);
	assert_int_equal(meeting_take_right(&bench->old_meeting, RIGHT_TO_SERVE), STATUS_AGAIN);
	assert_non_null(giver_refusal(&bench->giver));
	TURN_UNTIL(bench, bench->imports[SECTION_TAIL] >= 1); /* by itself, after a second */
	unsigned tails = bench->imports[SECTION_TAIL];
	giver_empty(&bench->giver);
	assert_true(bench->has_ended);
	TURN_UNTIL(bench, bench->has_forgotten);
	assert_int_equal(bench->imports[SECTION_TAIL], tails + 1); /* its last words */
	assert_int_equal(bench->gones, 1);
	assert_false(taker_is_busy(&bench->taker));
	assert_false(bench->is_over);
	assert_false(bench->is_taken_back);
	assert_int_equal(bench->taken_back, 0);
}

static void new_that_fails_to_load_says_why(void **state)
{
	struct bench *bench = *state;

	adopt_well(bench);
	taker_failed(&bench->taker, "listeners[0]: is wrong");
	assert_false(bench->is_over); /* who calls it ends the process */
	TURN_UNTIL(bench, bench->giver.refusals);
	old_serves_as_before(bench);
	assert_string_equal(bench->giver.reason, "the successor says: listeners[0]: is wrong");
	assert_int_equal(bench->exports[SECTION_FINAL], 0);
}

static void new_that_dies_is_forgotten(void **state)
{
	struct bench *bench = *state;

	adopt_well(bench);
	taker_warmed(&bench->taker);
	bench->parks_never = true;
	TURN_UNTIL(bench, bench->is_parked);
	channel_close(&bench->taker.channel);
	TURN_UNTIL(bench, bench->giver.refusals);
	old_serves_as_before(bench);
	assert_true(bench->is_taken_back);
	assert_int_equal(bench->taken_back, 1);
}

static void workers_that_dont_park_are_not_waited_for(void **state)
{
	struct bench *bench = *state;

	bench->parks_never = true;
	adopt_well(bench);
	taker_warmed(&bench->taker);
	TURN_UNTIL(bench, bench->giver.refusals);
	old_serves_as_before(bench);
	assert_true(bench->is_taken_back);
	assert_non_null(strstr(bench->giver.reason, "stand still"));
	TURN_UNTIL(bench, bench->is_over);
	assert_false(bench->drains);
	assert_false(bench->is_installed);
}

static void sections_that_are_refused_refuse_all(void **state)
{
	struct bench *bench = *state;

	adopt_well(bench);
	taker_warmed(&bench->taker);
	bench->import_fails = true;
	TURN_UNTIL(bench, bench->giver.refusals);
	old_serves_as_before(bench);
	assert_string_equal(bench->giver.reason,
			    "the successor says: section test: doesn't like it");
	assert_true(bench->is_over);
	assert_false(bench->is_installed);
}

static void warm_sections_can_refuse_too(void **state)
{
	struct bench *bench = *state;
	struct diag diag = {.line = 0};

	bench->import_fails = true;
	assert_int_equal(adopt_beside_old(bench, &diag), STATUS_INVALID);
	assert_non_null(strstr(diag.text, "doesn't like it"));
	TURN_UNTIL(bench, bench->giver.refusals);
	old_serves_as_before(bench);
}

static void what_cant_be_installed_is_taken_back(void **state)
{
	struct bench *bench = *state;

	bench->install_fails = true;
	adopt_well(bench);
	taker_warmed(&bench->taker);
	TURN_UNTIL(bench, bench->giver.refusals);
	old_serves_as_before(bench);
	assert_true(bench->is_taken_back);
	assert_true(bench->is_over);
}

static void a_busy_process_is_not_replaced(void **state)
{
	struct bench *bench = *state;
	struct diag diag = {.line = 0};

	bench->busy = "too much to do";
	assert_string_equal(giver_refusal(&bench->giver), "too much to do");
	assert_int_equal(adopt_beside_old(bench, &diag), STATUS_INVALID);
	assert_string_equal(diag.text, "the process before says: too much to do");
	bench->busy = NULL;
	TURN_UNTIL(bench, bench->giver.refusals);
	old_serves_as_before(bench);
}

/* The kernel frees the right of one that dies; here it is dropped by hand. */
static void old_that_dies_while_new_warms(void **state)
{
	struct bench *bench = *state;

	adopt_well(bench);
	giver_close(&bench->giver);
	meeting_drop_right(&bench->old_meeting, RIGHT_TO_SERVE);
	TURN_UNTIL(bench, !bench->taker.channel.is_open);
	assert_int_equal(bench->taker.state, NEW_WARMING);
	taker_warmed(&bench->taker);
	TURN_UNTIL(bench, bench->is_owner);
	assert_true(bench->is_installed);
	assert_true(bench->has_forgotten);
	assert_int_equal(bench->imports[SECTION_FINAL], 0);
	assert_false(bench->is_over);
}

static void old_that_only_hangs_up_goes_on(void **state)
{
	struct bench *bench = *state;

	adopt_well(bench);
	taker_warmed(&bench->taker);
	giver_stop(&bench->giver); /* it still has the right to serve */
	TURN_UNTIL(bench, bench->is_over);
	assert_false(bench->is_installed);
	assert_int_equal(bench->giver.state, OLD_GONE);
	assert_string_equal(giver_refusal(&bench->giver), "this process is ending");
	taker_close(&bench->taker);
	taker_init(&bench->taker);
	struct diag diag = {.line = 0};
	assert_int_equal(adopt_beside_old(bench, &diag), STATUS_INVALID); /* turned away */
}

/* It lost patience, and says so by hanging up: GO was on its way. New must not serve. */
static void a_go_that_was_taken_back_doesnt_count(void **state)
{
	struct bench *bench = *state;

	adopt_well(bench);
	taker_warmed(&bench->taker);
	for (unsigned i = 0; bench->giver.state != OLD_PARKED; i++) {
		assert_true(i < TURNS_MAX);
		loop_turn(&bench->old_loop, false);
		if (bench->is_parked)
			giver_parked(&bench->giver);
		if (bench->giver.state != OLD_PARKED)
			loop_turn(&bench->new_loop, false);
	}
	channel_close(&bench->giver.channel);
	bench->giver.state = OLD_SERVING;
	bench->is_parked = false;
	TURN_UNTIL(bench, bench->is_over);
	assert_false(bench->is_installed);
	assert_false(bench->drains);
}

/* Old has lost patience before it heard LIVE: it hangs up, and goes on. New accepts already,
 * and must not for ever. */
static void new_that_is_live_gives_way_to_who_has_the_right(void **state)
{
	struct bench *bench = *state;

	adopt_well(bench);
	taker_warmed(&bench->taker);
	for (unsigned i = 0; bench->taker.state != NEW_LIVE; i++) {
		assert_true(i < TURNS_MAX);
		if (bench->giver.state != OLD_PARKED)
			loop_turn(&bench->old_loop, false);
		if (bench->giver.state == OLD_WARMED)
			giver_parked(&bench->giver);
		loop_turn(&bench->new_loop, false);
		usleep(100);
	}
	assert_true(bench->is_installed);
	channel_close(&bench->giver.channel);
	bench->giver.state = OLD_SERVING;
	bench->is_parked = false;
	TURN_UNTIL(bench, bench->is_over);
	assert_int_equal(bench->taker.state, NEW_ENDED);
	assert_true(bench->drains);
	assert_false(bench->is_owner);
	assert_non_null(strstr(bench->taker.reason, "took it back"));
}

static void a_child_that_ends_is_told(void **state)
{
	struct bench *bench = *state;

	giver_called(&bench->giver, 4711);
	assert_int_equal(bench->giver.state, OLD_CALLED);
	assert_string_equal(giver_refusal(&bench->giver), "an upgrade is under way");
	giver_child_ended(&bench->giver, 4712, 0); /* another one */
	assert_int_equal(bench->giver.state, OLD_CALLED);
	giver_child_ended(&bench->giver, 4711, 7 << 8);
	old_serves_as_before(bench);
	assert_non_null(strstr(bench->giver.reason, "code 7"));
	giver_called(&bench->giver, 4713);
	giver_child_ended(&bench->giver, 4713, 9);
	assert_non_null(strstr(bench->giver.reason, "signal 9"));
	giver_call_failed(&bench->giver, "no such file");
	assert_string_equal(bench->giver.reason, "no such file");
	assert_int_equal(bench->giver.refusals, 3);
}

#define CHECK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK(it_goes_all_the_way),
		CHECK(new_that_fails_to_load_says_why),
		CHECK(new_that_dies_is_forgotten),
		CHECK(workers_that_dont_park_are_not_waited_for),
		CHECK(sections_that_are_refused_refuse_all),
		CHECK(warm_sections_can_refuse_too),
		CHECK(what_cant_be_installed_is_taken_back),
		CHECK(a_busy_process_is_not_replaced),
		CHECK(old_that_dies_while_new_warms),
		CHECK(old_that_only_hangs_up_goes_on),
		CHECK(a_go_that_was_taken_back_doesnt_count),
		CHECK(new_that_is_live_gives_way_to_who_has_the_right),
		CHECK(a_child_that_ends_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
