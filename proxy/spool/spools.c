#include "spool/spools.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "spool/spool_private.h"

STAT_TYPE(spool_stats, "spool", SPOOL_STAT, SPOOL_STATS);

void spools_init(struct spools *spools, struct stats *stats)
{
	list_init(&spools->list);
	spools->stats = stats;
}

void spool_post(const struct spool *spool, unsigned worker,
		void (*fn)(struct worker_context *worker, void *arg), void *arg)
{
	spool->all->post(spool->all->owner, worker, fn, arg);
}

unsigned spool_workers(const struct spool *spool)
{
	return spool->all->workers;
}

void spool_user_drop(struct spool_user *user)
{
	if (atomic_fetch_sub_explicit(&user->references, 1, memory_order_acq_rel) == 1)
		user->free(user);
}

/* --- options --- */

struct configure {
	struct spool_command command;
	struct spool_options options;
	struct spool_user *user;
};

static void drop_configure(struct spool_command *command)
{
	struct configure *configure = container_of(command, struct configure, command);

	spool_user_drop(configure->user);
	free(configure);
}

static void run_configure(struct spool *spool, struct spool_command *command)
{
	struct configure *configure = container_of(command, struct configure, command);
	struct spool_user *before = spool->user;

	spool->options = configure->options;
	spool->user = configure->user;
	configure->user = before;
	drop_configure(command);
}

static void configure(struct spool *spool, const struct spool_options *options,
		      struct spool_user *user)
{
	struct configure *made = malloc(sizeof *made);

	invariant(made);
	*made = (struct configure){{NULL, run_configure, drop_configure}, *options, user};
	spool_command(spool, &made->command);
}

/* --- beginning and end --- */

static void start(struct spool *spool)
{
	sigset_t all, old;

	sigfillset(&all); /* signals are main's */
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int error = pthread_create(&spool->thread, NULL, spool_run, spool);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	spool->has_thread = !error;
	if (error)
		log_error(FILTER, "spool %s: no thread: %s", spool->path, strerror(error));
	else
		pthread_setname_np(spool->thread, "spool");
}

static struct spool *spool_new(struct spools *spools, const char *path, struct slice stat_name,
			       const struct spool_options *options, struct spool_user *user)
{
	struct spool *spool = calloc(1, sizeof *spool);

	invariant(spool);
	spool->all = spools;
	spool->path = strdup(path);
	spool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	invariant(spool->path && spool->wake_fd >= 0);
	spool->options = *options;
	spool->user = user;
	spool->scope = stat_scope_take(spools->stats, &spool_stats, stat_name);
	spool->shard = stats_add_shard(spools->stats);
	spool->batch_end = &spool->batch;
	spool->next_id = 1;
	spool_files_init(&spool->files);
	spool_index_init(&spool->index);
	list_push_back(&spools->list, &spool->link);
	start(spool);
	return spool;
}

static void spool_free(struct spool *spool)
{
	struct spool_command *command = atomic_load(&spool->commands);

	while (command) {
		struct spool_command *next = command->next;
		command->drop(command);
		command = next;
	}
	list_remove(&spool->link);
	spool_user_drop(spool->user);
	spool_index_fini(&spool->index);
	stat_scope_drop(spool->all->stats, spool->scope);
	close(spool->wake_fd);
	free(spool->path);
	free(spool);
}

static struct spool *find(const struct spools *spools, const char *path)
{
	for (const struct list_node *n = spools->list.next; n != &spools->list; n = n->next) {
		struct spool *spool = container_of(n, struct spool, link);
		if (spool->references && strcmp(spool->path, path) == 0)
			return spool;
	}
	return NULL;
}

struct spool *spools_take(struct spools *spools, const char *path, struct slice stat_name,
			  const struct spool_options *options, struct spool_user *user)
{
	struct spool *spool = find(spools, path);

	if (spool)
		configure(spool, options, user);
	else
		spool = spool_new(spools, path, stat_name, options, user);
	spool->references++;
	return spool;
}

void spools_drop(struct spool *spool)
{
	if (--spool->references)
		return;
	atomic_store(&spool->is_stopping, true);
	spool_wake(spool);
}

static void part(struct worker_context *worker, void *arg)
{
	struct spool *spool = arg;

	(void)worker;
	atomic_fetch_sub(&spool->partings, 1);
}

/* A worker may still be about to wake the thread of which it has got the last answer. */
static void begin_parting(struct spool *spool)
{
	pthread_join(spool->thread, NULL);
	spool->has_thread = false;
	atomic_store(&spool->partings, spool->all->workers);
	for (unsigned i = 0; i < spool->all->workers; i++)
		spool_post(spool, i, part, spool);
}

void spools_tick(struct spools *spools)
{
	for (struct list_node *n = spools->list.next, *next; n != &spools->list; n = next) {
		struct spool *spool = container_of(n, struct spool, link);
		next = n->next;
		if (spool->references || !atomic_load(&spool->has_ended))
			continue;
		if (spool->has_thread)
			begin_parting(spool);
		else if (!atomic_load(&spool->partings))
			spool_free(spool);
	}
}

void spools_leave(struct spools *spools)
{
	for (struct list_node *n = spools->list.next; n != &spools->list; n = n->next) {
		struct spool *spool = container_of(n, struct spool, link);
		atomic_store(&spool->is_leaving, true);
		atomic_store(&spool->is_stopping, true);
		spool_wake(spool);
	}
	for (struct list_node *n = spools->list.next; n != &spools->list; n = n->next) {
		struct spool *spool = container_of(n, struct spool, link);
		if (spool->has_thread)
			pthread_join(spool->thread, NULL);
		spool->has_thread = false;
	}
}

void spools_fini(struct spools *spools)
{
	while (!list_is_empty(&spools->list))
		spool_free(container_of(spools->list.next, struct spool, link));
}
