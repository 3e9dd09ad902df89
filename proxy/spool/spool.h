/* Requests that wait on disk until they can be sent: accepted once they are there for good, sent at
 * least once, forgotten when they were answered.
 *
 *   worker ─ spool_append ─> thread ─ append … append, one sync ─> done, on the worker
 *                              │                                        (accepted)
 *                              └─ due, and may_send ─> send ─> worker ─ spool_sent ─┐
 *                                  ^                                                │
 *                                  └───────── retry, after a pause ─────────────────┤
 *                                                        over: answered, too late, ─┘
 *                                                              too often
 *
 * Whatever waited in the folder when a process ended, however it did, is found by the next one.
 * What was sent and not answered by then is sent again. While another process holds the folder
 * nothing is accepted, and it is asked for again each second.
 *
 * Owner: struct spools (spools.h). Thread: one of its own, which may block on the disk as the
 * writer may, but without holding up logs; spool_append, spool_sent and spool_takes are any
 * worker's. Limits: spool_options; SPOOL_BATCH requests a sync. Timers: the poll's. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "spool/spool_record.h"
#include "telemetry/stats_table.h"

struct spool;
struct spool_entry;

enum {
	SPOOL_BATCH = 1024,
	SPOOL_LOOK_MS = 10, /* for a falling pressure, while something is due */
	SPOOL_LOCK_MS = 1000,
};

/* "<stat_name>" */
/* clang-format off */
#define SPOOL_STATS(X, S) \
	X(S, OPEN, "open", GAUGE) \
	X(S, RECORDS, "records", GAUGE) \
	X(S, BYTES, "bytes", GAUGE) \
	X(S, SENDING, "sending", GAUGE) \
	X(S, ACCEPTED, "accepted", COUNTER) \
	X(S, DUPLICATE, "duplicate", COUNTER) \
	X(S, REFUSED_FULL, "refused_full", COUNTER) \
	X(S, WRITE_FAILED, "write_failed", COUNTER) \
	X(S, SYNCS, "syncs", COUNTER) \
	X(S, RECOVERED, "recovered", COUNTER) \
	X(S, CUT_BYTES, "cut_bytes", COUNTER) \
	X(S, SENT, "sent", COUNTER) \
	X(S, RETRIED, "retried", COUNTER) \
	X(S, DEAD, "dead", COUNTER) \
	X(S, EXPIRED, "expired", COUNTER) \
	X(S, UNREADABLE, "unreadable", COUNTER)
/* clang-format on */
STAT_ENUM(spool_stat, SPOOL_STAT, SPOOL_STATS);
extern const struct stat_type spool_stats; /* spools.c */

struct spool_options {
	uint64_t max_bytes; /* of files */
	uint32_t max_records;
	uint32_t ttl_ms;
	uint32_t max_attempts;
	uint32_t base_interval_ms, max_interval_ms; /* between attempts, doubled each time */
	uint32_t max_sending;                       /* at one time */
	bool skips_sync;
};

/* What worker and thread hand to each other. First member. */
struct spool_command {
	struct spool_command *next;
	void (*run)(struct spool *spool, struct spool_command *command); /* the spool's thread */
	void (*drop)(struct spool_command *command); /* it never ran: the process ends */
};

/* --- keeping --- */

enum spool_verdict {
	SPOOL_ACCEPTED,
	SPOOL_DUPLICATE, /* one with its key is there already, for good */
	SPOOL_FULL,
	SPOOL_FAILED, /* the disk, or there is no folder */
};

struct spool_append {
	struct spool_command command;
	struct spool_append *next; /* of the same batch */
	unsigned worker;           /* where done is called */
	void (*done)(struct spool_append *append);
	void *owner; /* of whoever waits; NULL: nobody (any more) */
	struct spool_key key;
	enum spool_verdict verdict;
	struct spool_entry *entry; /* the spool's, until the sync */
	size_t len;
	char bytes[];
};

/* Room for `len` bytes, which the caller fills in, as the other members. */
struct spool_append *spool_append_new(size_t len);
/* Takes it; done gives it back, to be freed by free(). */
void spool_append(struct spool *spool, struct spool_append *append);
/* Whether there is any sense in it now. */
bool spool_takes(const struct spool *spool);

/* --- sending --- */

enum spool_outcome {
	SPOOL_ANSWERED,
	SPOOL_REFUSED,   /* to be tried again, so many times */
	SPOOL_UNTRIED,   /* to be tried again: it didn't get anywhere */
	SPOOL_SENSELESS, /* nobody can send it */
};

struct spool_user;

struct spool_sending {
	struct spool_command command;
	struct spool *spool;
	struct spool_user *user; /* a reference */
	struct spool_entry *entry;
	enum spool_outcome outcome;
	uint32_t attempt;   /* from 1 */
	struct slice bytes; /* as they were kept; behind it */
	char room[];
};

/* Who sends. */
struct spool_user {
	_Atomic unsigned references;
	/* On the spool's thread: whether one more may be sent now; then it is. */
	bool (*may_send)(struct spool_user *user, uint64_t now_ms);
	/* Takes room that may_send gave, and the sending until spool_sent. */
	void (*send)(struct spool_user *user, struct spool_sending *sending);
	/* The room isn't needed after all. */
	void (*give_back)(struct spool_user *user);
	void (*free)(struct spool_user *user);
};

void spool_user_drop(struct spool_user *user);

/* Takes it: what came of it. Any thread. */
void spool_sent(struct spool_sending *sending, enum spool_outcome outcome);

#endif
