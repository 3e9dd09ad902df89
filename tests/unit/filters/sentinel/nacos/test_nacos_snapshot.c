/* Snapshots: what is read is whole, whoever writes at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/attributes.h"
#include "filters/sentinel/nacos/nacos_snapshot.h"

enum { WRITERS = 3, TIMES = 60, SIZE = 300000 };

static char path[128];
static atomic_int writing;

/* Of one letter; each writer's is of another length. */
static void *write_often(void *arg)
{
	const char *letter = arg;
	size_t len = SIZE + (size_t)(*letter - 'a') * 1000;
	char *text = malloc(len);

	invariant(text);
	memset(text, *letter, len);
	for (int i = 0; i < TIMES; i++)
		nacos_snapshot_write(path, slice_make(text, len));
	free(text);
	atomic_fetch_sub(&writing, 1);
	return NULL;
}

/* Whether there is one. */
static bool check(void)
{
	struct slice text;

	if (!nacos_snapshot_read(path, 2 * SIZE, &text))
		return false;
	assert_true(text.len >= SIZE);
	assert_int_equal(text.len, SIZE + (size_t)(text.data[0] - 'a') * 1000);
	assert_memory_equal(text.data, text.data + 1, text.len - 1);
	free((char *)(uintptr_t)text.data);
	return true;
}

/* Connections with other accounts may keep the same name in the same folder. */
static void writers_at_the_same_time(void **state)
{
	char letters[] = "abc", folder[] = "/tmp/snapshot.XXXXXX";
	pthread_t threads[WRITERS];
	(void)state;

	assert_non_null(mkdtemp(folder));
	atomic_store(&writing, WRITERS);
	snprintf(path, sizeof path, "%s/text", folder);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_often, &letters[i]), 0);
	while (atomic_load(&writing))
		check();
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(check());
	nacos_snapshot_remove(path);
	assert_int_equal(rmdir(folder), 0); /* nothing is left beside it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writers_at_the_same_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
