/* A token server: clients ask it over TCP for tokens, and the workers of its own process by notes;
 * one arbiter decides for all, on one thread.
 *
 *   client ─ frames ─> session ─┐                    ┌─> frame
 *   worker ─ note ──> doorbell ─┴─ lock: arbiter ────┴─> desk
 *   main, builder: settings, rules, what is shown ─ lock ─┘
 *
 *   OFF ─ listen, on ─> STARTING ─ bound ─> STARTED     a port that is taken is tried again
 *    ^────────────── listen, off ──────────────┘
 *
 * A client belongs to the name space of its last PING; questions are answered without one, too. A
 * frame that can't be one ends the connection; what is no question in a frame gets no answer, as
 * from Java's. While it is on, the application that it runs in is a client as well.
 *
 * Owner: who made it; its thread is joined by close, and free comes when no worker puts notes any
 * more. Thread: its own; what holds the lock is any's but a worker's, and holds it shortly. Timers:
 * TOKEN_BIND_MS x tries, at most TOKEN_BIND_MAX_MS; of a session: idle_ms without a byte. Limits:
 * connections_max; of a session 64 KiB that its client didn't take, then nothing more is read. */
#ifndef SENTINEL_CLUSTER_TOKEN_SERVER_H
#define SENTINEL_CLUSTER_TOKEN_SERVER_H

#include <pthread.h>

#include "base/addr.h"
#include "filters/sentinel/cluster/doorbell.h"
#include "filters/sentinel/cluster/token_arbiter.h"
#include "net/conn.h"
#include "net/listener.h"

enum {
	TOKEN_SERVER_PORT = 18730, /* Java's default */
	TOKEN_IDLE_MS = 600000,    /* likewise */
	TOKEN_CONNECTIONS_MAX = 4096,
	TOKEN_BIND_MS = 2000,
	TOKEN_BIND_MAX_MS = 10000,
};

enum token_server_state {
	TOKEN_SERVER_OFF,
	TOKEN_SERVER_STARTING,
	TOKEN_SERVER_STARTED,
};

struct token_listen {
	struct addr addr;
	uint32_t idle_ms, connections_max;
};

struct token_server_counts {
	uint64_t accepted, over_limit, idle, garbage; /* connections; the latter: closed for it */
	uint64_t malformed;                           /* frames without an answer */
	uint64_t local;                               /* questions of this process's workers */
};

/* One client. */
struct token_session {
	struct conn conn;
	struct list_node link; /* in server->sessions */
	struct token_server *server;
	struct token_name_space *name_space; /* NULL: no PING yet */
	struct addr remote;
	bool is_paused; /* it doesn't take its answers */
};

struct token_server {
	struct loop loop;
	struct doorbell bell;   /* questions of workers */
	int64_t wall_offset_ms; /* wall - monotonic at the beginning: time never goes back */
	pthread_t thread;
	bool has_thread;
	/* its thread's */
	struct acceptor acceptor;
	struct timer bind_timer;
	struct addr listens; /* ADDR_NONE: nowhere, and it isn't to */
	unsigned tries;
	int fd; /* -1: not listening */
	/* from here on: with the lock */
	pthread_mutex_t lock;
	struct token_arbiter arbiter;
	struct list_node sessions;
	uint32_t session_count;
	enum token_server_state state;
	struct token_listen wanted; /* while it is on */
	struct addr bound;          /* when STARTED */
	bool is_on, is_stopping;
	struct token_name_space *own; /* the application's, while it is on */
	struct slice own_name;        /* heap */
	struct token_server_counts counts;
};

/* Off. Returns owned, or NULL: no descriptors. */
struct token_server *token_server_new(uint64_t seed);
/* Its thread has ended, connections are closed; questions of workers get no answer. Main. */
void token_server_close(struct token_server *server);
/* Closed, and no worker puts notes any more. NULL is fine. */
void token_server_free(struct token_server *server);

/* Where it listens from now on, if it is on; else it doesn't, and connections are closed. The first
 * time that it is on starts its thread. Main. STATUS_EXHAUSTED: there is no thread to be had. */
enum status MUST_CHECK token_server_listen(struct token_server *server,
					   const struct token_listen *listen, bool is_on);

/* Of the part that stands under it. */
void token_server_lock(struct token_server *server);
void token_server_unlock(struct token_server *server);

/* These name spaces, and the application's own, are served from now on. Takes the lock. */
void token_server_serve(struct token_server *server, struct slice own_name,
			const struct slice *names, size_t count);

/* For the arbiter: wall clock, in ms, that never goes back. Any thread. */
int64_t token_server_now_ms(const struct token_server *server);

#endif
