/* Where a test's spool lives: a folder of its own, and a queue for what it posts to the worker,
 * which the test is. */
#ifndef TEST_SPOOL_HOME_H
#define TEST_SPOOL_HOME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"
#include "spool/spools.h"

enum { SPOOL_WAIT_MS = 20000, SPOOL_ERRANDS_MAX = 4096 };

struct spool_errand {
	void (*fn)(struct worker_context *worker, void *arg);
	void *arg;
};

struct spool_home {
	char path[64];
	pthread_mutex_t lock;
	struct spool_errand errands[SPOOL_ERRANDS_MAX];
	unsigned first, last;
};

static inline void spool_home_post(void *owner, unsigned worker,
				   void (*fn)(struct worker_context *worker, void *arg), void *arg)
{
	struct spool_home *home = owner;

	invariant(worker == 0);
	pthread_mutex_lock(&home->lock);
	invariant(home->last < SPOOL_ERRANDS_MAX);
	home->errands[home->last++] = (struct spool_errand){fn, arg};
	pthread_mutex_unlock(&home->lock);
}

/* False: there is none. */
static inline bool spool_home_run_one(struct spool_home *home, struct worker_context *worker)
{
	struct spool_errand errand = {NULL, NULL};

	pthread_mutex_lock(&home->lock);
	if (home->first < home->last)
		errand = home->errands[home->first++];
	else
		home->first = home->last = 0;
	pthread_mutex_unlock(&home->lock);
	if (errand.fn)
		errand.fn(worker, errand.arg);
	return errand.fn != NULL;
}

static inline void spool_home_run_all(struct spool_home *home, struct worker_context *worker)
{
	while (spool_home_run_one(home, worker))
		;
}

/* A moment; fails when it was one too many. */
static inline void spool_home_rest(unsigned *waited_ms, const char *what)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	if (++*waited_ms > SPOOL_WAIT_MS)
		fail_msg("never: %s", what);
}

/* The condition may come true by what is posted. */
#define SPOOL_WAIT_UNTIL(home, worker, condition)                                                  \
	for (unsigned waited_ms_ = 0; spool_home_run_all((home), (worker)), !(condition);)         \
	spool_home_rest(&waited_ms_, #condition)

static inline void spool_home_open(struct spool_home *home)
{
	snprintf(home->path, sizeof home->path, "/tmp/spool.XXXXXX");
	assert_non_null(mkdtemp(home->path));
	pthread_mutex_init(&home->lock, NULL);
	home->first = home->last = 0;
}

/* The worker of these spools is the test. */
static inline void spool_home_serve(struct spool_home *home, struct spools *spools)
{
	spools->post = spool_home_post;
	spools->owner = home;
	spools->workers = 1;
}

/* The folder goes with all that is in it. */
static inline void spool_home_close(struct spool_home *home)
{
	DIR *folder = opendir(home->path);
	const struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		char name[400];
		snprintf(name, sizeof name, "%s/%s", home->path, entry->d_name);
		unlink(name);
	}
	closedir(folder);
	rmdir(home->path);
	pthread_mutex_destroy(&home->lock);
}

#endif
