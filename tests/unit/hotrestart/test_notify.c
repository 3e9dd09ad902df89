/* The words of a process to whoever started it: over a real socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "hotrestart/notify.h"

static void lines_are_words(void **state)
{
	static const struct {
		const char *text;
		unsigned words;
	} rows[] = {
		{"", 0},
		{"READY=1", NOTIFY_IS_READY},
		{"READY=1\n", NOTIFY_IS_READY},
		{"STATUS=a\nREADY=1\nMAINPID=7\n", NOTIFY_IS_READY},
		{NOTIFY_REPLACED, NOTIFY_IS_REPLACED},
		{NOTIFY_REPLACED "\nREADY=1", NOTIFY_IS_READY | NOTIFY_IS_REPLACED},
		{"\n\nREADY=1\n\n", NOTIFY_IS_READY},
		{"READY=0", 0},
		{"READY=11", 0},
		{"XREADY=1", 0},
		{"READY=1 ", 0},
		{NOTIFY_STOPPING, 0},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(notify_parse(slice_of(rows[i].text)), rows[i].words);
}

static void names_are_addresses(void **state)
{
	static const char *const wrong[] = {"", "/", "@", "relative", "vsock:2:1234"};
	struct sockaddr_un address;
	char long_name[sizeof address.sun_path + 1];
	socklen_t len;

	(void)state;
	assert_true(notify_address("/run/notify", &address, &len));
	assert_string_equal(address.sun_path, "/run/notify");
	assert_int_equal(len, offsetof(struct sockaddr_un, sun_path) + sizeof "/run/notify");
	assert_true(notify_address("@abc", &address, &len));
	assert_memory_equal(address.sun_path, "\0abc", 4);
	assert_int_equal(len, offsetof(struct sockaddr_un, sun_path) + 4);
	for (unsigned i = 0; i < COUNT_OF(wrong); i++)
		assert_false(notify_address(wrong[i], &address, &len));
	memset(long_name, 'a', sizeof long_name);
	long_name[0] = '/';
	long_name[sizeof long_name - 1] = 0;
	assert_false(notify_address(long_name, &address, &len));
	long_name[sizeof long_name - 2] = 0;
	assert_true(notify_address(long_name, &address, &len));
}

static void nobody_is_told_without_a_name(void **state)
{
	(void)state;
	unsetenv(NOTIFY_VARIABLE);
	assert_true(notify_send("READY=1"));
	setenv(NOTIFY_VARIABLE, "", 1);
	assert_true(notify_send("READY=1"));
	/* once is enough to say that it can't be told */
	setenv(NOTIFY_VARIABLE, "nonsense", 1);
	assert_true(notify_send("READY=1"));
	setenv(NOTIFY_VARIABLE, "@nobody-listens-here", 1);
	assert_true(notify_send("READY=1"));
	unsetenv(NOTIFY_VARIABLE);
}

static void a_word_comes_with_its_sender(void **state)
{
	char name[32], again[32];
	unsigned words;
	int sender, fd = notify_listen(name, sizeof name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(name[0], '@');
	assert_int_equal(notify_name_of(fd, again, sizeof again), STATUS_OK);
	assert_string_equal(name, again);
	assert_int_equal(notify_name_of(STDIN_FILENO, again, sizeof again) == STATUS_OK, false);
	assert_int_equal(notify_receive(fd, &words, &sender), STATUS_AGAIN);
	setenv(NOTIFY_VARIABLE, name, 1);
	pid_t child = fork();
	if (!child) {
		notify_send("READY=1\nMAINPID=1\n"); /* who it says it is doesn't matter */
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	notify_send(NOTIFY_REPLACED);
	assert_int_equal(notify_receive(fd, &words, &sender), STATUS_OK);
	assert_int_equal(words, NOTIFY_IS_READY);
	assert_int_equal(sender, child);
	assert_int_equal(notify_receive(fd, &words, &sender), STATUS_OK);
	assert_int_equal(words, NOTIFY_IS_REPLACED);
	assert_int_equal(sender, getpid());
	assert_int_equal(notify_receive(fd, &words, &sender), STATUS_AGAIN);
	unsetenv(NOTIFY_VARIABLE);
	close(fd);
}

/* Nobody reads: the sender gives up rather than stand still. */
static void a_full_queue_is_not_waited_for_long(void **state)
{
	char name[32];
	unsigned words, count = 0;
	struct sockaddr_un address;
	socklen_t len;
	int sender, fd = notify_listen(name, sizeof name);

	(void)state;
	assert_true(fd >= 0);
	assert_true(notify_address(name, &address, &len));
	int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(out >= 0);
	while (count < 10000 && sendto(out, "x", 1, 0, (struct sockaddr *)&address, len) == 1)
		count++;
	close(out);
	assert_true(count && count < 10000);
	assert_false(notify_send_to(name, "READY=1"));
	for (; !notify_receive(fd, &words, &sender); count--)
		assert_int_equal(words, 0);
	assert_int_equal(count, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_words),
		cmocka_unit_test(names_are_addresses),
		cmocka_unit_test(nobody_is_told_without_a_name),
		cmocka_unit_test(a_word_comes_with_its_sender),
		cmocka_unit_test(a_full_queue_is_not_waited_for_long),
	};

	log_set_level(LOG_LEVEL_OFF);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
