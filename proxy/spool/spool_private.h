/* A spool from inside: private to spool*.c. */
#ifndef SPOOL_SPOOL_PRIVATE_H
#define SPOOL_SPOOL_PRIVATE_H

#include <pthread.h>

#include "base/list.h"
#include "spool/spool.h"
#include "spool/spool_files.h"
#include "spool/spool_index.h"
#include "telemetry/stats.h"

struct spools;

struct spool {
	/* Main's. */
	struct list_node link; /* in spools->list */
	struct spools *all;
	unsigned references;
	pthread_t thread;
	bool has_thread;
	atomic_uint partings; /* workers that may still call, when the thread has ended */
	/* Any thread's. */
	int wake_fd; /* an eventfd: commands was empty */
	_Atomic(struct spool_command *) commands;
	atomic_bool takes; /* there is a folder, and room */
	atomic_bool is_stopping, is_leaving, has_ended;
	/* Its own thread's, from here on; what is set before it starts stays. */
	char *path;
	struct stat_scope *scope;
	struct stats_shard *shard;
	struct spool_options options;
	struct spool_user *user; /* a reference */
	struct spool_files files;
	struct spool_index index;
	bool is_open;
	uint32_t sending;
	uint64_t next_id;
	uint64_t wall_offset_ms; /* wall clock - monotonic, when it was opened */
	struct spool_append *batch, **batch_end;
};

void *spool_run(void *spool);

/* Hands it to the thread. Any. */
void spool_command(struct spool *spool, struct spool_command *command);
void spool_wake(struct spool *spool);

/* The rest is the thread's. */

/* The wall clock's, but never set back while we run. */
uint64_t spool_now_ms(const struct spool *spool);
uint64_t spool_monotonic_ms(void);
void spool_set_clock(struct spool *spool);

/* spool_recovery.c: asks for the folder, and reads what is in it. A failure is logged; is_open says
 * so. */
void spool_open(struct spool *spool);

/* spool_sending.c: those that have waited too long go. */
void spool_expire(struct spool *spool);
/* Sends what is due and may go. How long until there is something to look at, in milliseconds; -1:
 * until it is woken. */
int spool_send_due(struct spool *spool);

static inline void spool_count(const struct spool *spool, enum spool_stat id)
{
	stat_inc(spool->shard, spool->scope, id);
}

#endif
