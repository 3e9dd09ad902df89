/* The spools of the process: one for each folder, whichever configurations name it.
 *
 *   configuration ─ published ─> spools_take ─> spool, with the newest options
 *   the last one goes ─ spools_drop ─> its thread ends when what it sends has come back;
 *                                      what waits stays in the folder
 *
 * Owner: the server. Thread: main. */
#ifndef SPOOL_SPOOLS_H
#define SPOOL_SPOOLS_H

#include <stdbool.h>

#include "base/list.h"
#include "base/slice.h"
#include "spool/spool.h"

struct stats;
struct worker_context;

struct spools {
	struct list_node list; /* struct spool */
	struct stats *stats;
	unsigned workers;
	/* Runs fn(worker, arg) on that worker's thread. Any thread, as long as workers are there.
	 */
	void (*post)(void *owner, unsigned worker,
		     void (*fn)(struct worker_context *worker, void *arg), void *arg);
	void *owner;
};

void spools_init(struct spools *spools, struct stats *stats);
/* With a reference more; takes the user. stat_name: of the first one. Never NULL: what is wrong
 * with a folder is logged, and it is tried again. */
struct spool *spools_take(struct spools *spools, const char *path, struct slice stat_name,
			  const struct spool_options *options, struct spool_user *user);
void spools_drop(struct spool *spool);
/* Once a second: frees those that have ended. */
void spools_tick(struct spools *spools);
/* No worker runs any more: what was appended is written, and all threads end. */
void spools_leave(struct spools *spools);
/* Workers have gone, too. */
void spools_fini(struct spools *spools);

/* Any thread, as post. */
void spool_post(const struct spool *spool, unsigned worker,
		void (*fn)(struct worker_context *worker, void *arg), void *arg);
unsigned spool_workers(const struct spool *spool);

#endif
