/* A Nacos client's thread, and what it shares with its owner's: private to nacos_client.c.
 *
 *   round: the watches there are ─ log in ─ listen ─ get what changed ─> notes, snapshots
 *     ^                                        └─ a fault ─> the next server, or a rest ─┐
 *     └──────────────────────────────────────────────────────────────────────────────────┘
 *
 * Owner: client, watches and notes are counted; who drops the last reference frees. Thread: said of
 * each member; the rest is set before the thread begins. */
#ifndef SENTINEL_NACOS_LISTENER_H
#define SENTINEL_NACOS_LISTENER_H

#include <pthread.h>

#include "base/list.h"
#include "filters/sentinel/cluster/doorbell.h"
#include "filters/sentinel/nacos/nacos_client.h"
#include "filters/sentinel/nacos/nacos_session.h"

/* A name that is listened to. */
struct nacos_watch {
	struct list_node link;  /* in client->watches, under its lock, until unwatched */
	atomic_uint references; /* the owner's, a round's, a note's */
	struct nacos_client *client;
	struct nacos_name name; /* one heap text */
	char *snapshot;         /* heap; NULL: none is kept */
	/* The owner's thread: */
	void (*changed)(void *arg, enum nacos_news news, struct slice text); /* NULL: unwatched */
	void *arg;
	/* The client's thread: */
	char md5[MD5_HEX_SIZE];
	bool is_known;     /* a server has said how it stands */
	bool was_doubted;  /* NACOS_UNKNOWN was said */
	unsigned refusals; /* in a row: of this name, not of all */
	unsigned repeats;  /* in a row: it was said to have changed, and hadn't */
	int64_t retry_ms;  /* not asked for before */
};

struct nacos_client {
	atomic_uint references; /* the owner's, the thread's, a watch's */
	atomic_bool is_stopping;
	int wake_fd;
	struct doorbell bell;
	pthread_mutex_t lock;
	struct list_node watches; /* under the lock */
	struct nacos_counts counts;
	struct nacos_options options; /* texts are in memory */
	struct text memory;
	/* The thread's: */
	struct nacos_session session;
	unsigned failed; /* in a row */
	bool was_told;   /* that servers can't be asked */
};

/* What the thread tells the owner. */
struct nacos_note {
	struct note note;
	struct nacos_watch *watch; /* a reference */
	enum nacos_news what;
	struct text text;
};

/* The thread: takes a reference of the client, a struct nacos_client. Until it is stopping. */
void *nacos_listener_run(void *client);

/* A reference less. Any thread. */
void nacos_client_drop(struct nacos_client *client);
void nacos_watch_drop(struct nacos_watch *watch);
/* A struct nacos_note's. */
void nacos_note_free(struct note *note);

#endif
