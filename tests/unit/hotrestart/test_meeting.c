#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attributes.h"
#include "hotrestart/meeting.h"

struct place {
	char folder[32], path[64];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof *place);

	assert_non_null(place);
	strcpy(place->folder, "/tmp/meeting-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof place->path, "%s/upgrade", place->folder);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char path[80];

	unlink(place->path);
	snprintf(path, sizeof path, "%s.lock", place->path);
	unlink(path);
	rmdir(place->folder);
	free(place);
	return 0;
}

static struct meeting open_at(const struct place *place)
{
	struct meeting meeting;
	struct diag diag = {.line = 0};

	assert_int_equal(meeting_open(&meeting, place->path, &diag), STATUS_OK);
	return meeting;
}

/* Two descriptions of one file are as two processes. */
static void a_right_is_one_process_s(void **state)
{
	struct meeting first = open_at(*state), second = open_at(*state);

	assert_int_equal(meeting_take_right(&first, RIGHT_TO_SERVE), STATUS_OK);
	assert_int_equal(meeting_take_right(&first, RIGHT_TO_SERVE), STATUS_OK);
	assert_int_equal(meeting_take_right(&second, RIGHT_TO_SERVE), STATUS_AGAIN);
	assert_true(meeting_is_right_taken(&second, RIGHT_TO_SERVE));
	assert_false(meeting_is_right_taken(&first, RIGHT_TO_SERVE)); /* by another one */
	assert_false(meeting_is_right_taken(&first, RIGHT_TO_UPGRADE));
	assert_int_equal(meeting_take_right(&second, RIGHT_TO_UPGRADE), STATUS_OK);
	assert_true(meeting_is_right_taken(&first, RIGHT_TO_UPGRADE));
	assert_int_equal(meeting_take_right(&first, RIGHT_TO_UPGRADE), STATUS_AGAIN);
	meeting_drop_right(&first, RIGHT_TO_SERVE);
	assert_int_equal(meeting_take_right(&second, RIGHT_TO_SERVE), STATUS_OK);
	meeting_close(&second);
	assert_int_equal(meeting_take_right(&first, RIGHT_TO_SERVE), STATUS_OK);
	assert_int_equal(meeting_take_right(&first, RIGHT_TO_UPGRADE), STATUS_OK);
	meeting_close(&first);
	meeting_close(&first);
}

static void a_dead_process_has_no_right(void **state)
{
	struct meeting own = open_at(*state);
	int ready[2];
	char byte;

	assert_return_code(pipe(ready), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct meeting its = open_at(*state);
		bool is_taken = !meeting_take_right(&its, RIGHT_TO_SERVE);
		_exit(write(ready[1], is_taken ? "y" : "n", 1) == 1 && pause() ? 1 : 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(meeting_take_right(&own, RIGHT_TO_SERVE), STATUS_AGAIN);
	assert_return_code(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(meeting_take_right(&own, RIGHT_TO_SERVE), STATUS_OK);
	close(ready[0]);
	close(ready[1]);
	meeting_close(&own);
}

static void who_listens_is_dialled(void **state)
{
	struct meeting meeting = open_at(*state);
	struct diag diag = {.line = 0};
	struct stat seen;

	assert_int_equal(meeting_dial(&meeting), -ENOENT);
	int listening = meeting_listen(&meeting, &diag);
	assert_true(listening >= 0);
	assert_int_equal(meeting_accept(listening), STATUS_AGAIN);
	assert_return_code(lstat(meeting.path, &seen), 0);
	assert_true(S_ISSOCK(seen.st_mode));
	assert_int_equal(seen.st_mode & 0777, 0600);
	int dialled = meeting_dial(&meeting);
	assert_true(dialled >= 0);
	int accepted = meeting_accept(listening);
	assert_true(accepted >= 0);
	assert_int_equal(meeting_check_peer(dialled, &diag), STATUS_OK);
	assert_int_equal(meeting_check_peer(accepted, &diag), STATUS_OK);
	close(accepted);
	close(dialled);
	/* the next one takes the name, whoever has it; what the first one closes isn't its */
	int next = meeting_listen(&meeting, &diag);
	assert_true(next >= 0);
	close(listening);
	dialled = meeting_dial(&meeting);
	assert_true(dialled >= 0);
	accepted = meeting_accept(next);
	assert_true(accepted >= 0);
	close(accepted);
	close(dialled);
	close(next);
	assert_int_equal(meeting_dial(&meeting), -ECONNREFUSED);
	meeting_close(&meeting);
}

static void another_user_is_told(void **state)
{
	struct meeting meeting = open_at(*state);
	struct diag diag = {.line = 0};

	if (geteuid()) /* only root can be somebody else */
		skip();
	int listening = meeting_listen(&meeting, &diag);
	assert_true(listening >= 0);
	assert_return_code(chmod(((struct place *)*state)->folder, 0755), 0);
	assert_return_code(chmod(meeting.path, 0666), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		bool is_other = !setresuid(65534, 65534, 65534);
		_exit(is_other && meeting_dial(&meeting) >= 0 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	int accepted = meeting_accept(listening);
	assert_true(accepted >= 0);
	assert_int_equal(meeting_check_peer(accepted, &diag), STATUS_INVALID);
	assert_non_null(strstr(diag.text, "65534"));
	close(accepted);
	close(listening);
	meeting_close(&meeting);
}

static void paths_that_wont_do_are_refused(void **state)
{
	char path[200];
	struct meeting meeting;
	struct diag diag = {.line = 0};

	(void)state;
	assert_int_equal(meeting_open(&meeting, "relative", &diag), STATUS_INVALID);
	meeting_close(&meeting);
	assert_int_equal(meeting_open(&meeting, "@abstract", &diag), STATUS_INVALID);
	meeting_close(&meeting);
	assert_int_equal(meeting_open(&meeting, "/no/such/folder/upgrade", &diag), STATUS_INVALID);
	assert_non_null(strstr(diag.text, "/no/such/folder/upgrade.lock"));
	meeting_close(&meeting);
	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = 0;
	assert_int_equal(meeting_open(&meeting, path, &diag), STATUS_INVALID);
	meeting_close(&meeting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_right_is_one_process_s, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dead_process_has_no_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_listens_is_dialled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_user_is_told, set_up, tear_down),
		cmocka_unit_test(paths_that_wont_do_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
