/* A Nacos client: listens to texts by their names, and tells when they change.
 *
 *   main: nacos_watch(name) ─┐                          ┌─ doorbell ─> changed(text, or none)
 *                            └─> thread: log in, listen ─┴─ snapshot, on disk
 *
 *   listen without hanging (what is new?) ─ get what changed ─ listen, up to long_poll_ms ─ get …
 *       └─ an error, 403, garbage ─> the next server; after the last one a back-off
 *
 * The first answer to each name says how it stands: as the snapshot has it, otherwise, or gone. A
 * text that goes (404) is told as none, as nacos-client does, and its snapshot with it. An answer
 * whose MD5 isn't its text's is none. A name that is said to have changed again and again, but
 * hasn't, is put off like one that is refused.
 *
 * Owner: who started it. Thread: one of its own, which may hang in a name look-up or a write: so it
 * isn't waited for, and what it needs is its own; changed runs on the loop's. Limits: NACOS_*. */
#ifndef SENTINEL_NACOS_CLIENT_H
#define SENTINEL_NACOS_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "filters/sentinel/nacos/nacos_text.h"

struct loop;
struct nacos_client;
struct nacos_watch;

enum {
	NACOS_TEXT_MAX = 16 << 20,       /* of one text */
	NACOS_LIST_MAX = 4 << 20,        /* of the names that changed */
	NACOS_REQUEST_TIMEOUT_MS = 3000, /* of all but listening: nacos-client's */
	NACOS_LONG_POLL_MS = 30000,      /* likewise */
	NACOS_BACKOFF_MS = 500,          /* after a round of all servers; doubles … */
	NACOS_BACKOFF_MAX_MS = 10000,    /* … up to this */
};

struct nacos_options {
	struct slice servers;      /* nacos_servers takes it */
	struct slice context_path; /* "/nacos" */
	struct slice name_space;   /* the tenant; "": public */
	struct slice username;     /* "": nobody logs in */
	struct slice password;
	struct slice snapshot_folder; /* "": nothing is kept on disk */
	uint32_t long_poll_ms;
};

enum nacos_news {
	NACOS_TEXT,    /* it changed, or was new */
	NACOS_NONE,    /* there is none, or no more */
	NACOS_SAME,    /* the first answer: it is as the snapshot has it */
	NACOS_UNKNOWN, /* no server could be asked; what is said once, before the first answer */
};

struct nacos_counts {
	_Atomic uint64_t updates;  /* texts that came or went */
	_Atomic uint64_t failures; /* exchanges that failed */
	atomic_bool is_connected;  /* the last exchange was good */
};

/* Copies what it needs. Returns owned; NULL: no thread or descriptor is to be had, which was
 * logged. */
struct nacos_client *nacos_client_start(struct loop *loop, const struct nacos_options *options);
/* Takes it; what is under way is given up, and nothing is told any more. All watches have ended.
 * NULL is fine. */
void nacos_client_stop(struct nacos_client *client);
const struct nacos_counts *nacos_client_counts(const struct nacos_client *client);

/* From now on. Copies the name, whose tenant is the client's. md5: of the text that is known
 * already, of the snapshot ("": none). text: borrowed for the call; only with NACOS_TEXT. */
struct nacos_watch *nacos_watch(struct nacos_client *client, struct slice data_id,
				struct slice group, struct slice md5,
				void (*changed)(void *arg, enum nacos_news news, struct slice text),
				void *arg);
/* Takes it; changed isn't called any more. */
void nacos_unwatch(struct nacos_watch *watch);

#endif
