/* Sentinel's command centre: an HTTP/1.1 listener on main's loop for the commands of one
 * application (filters/sentinel/ops/command.h).
 *
 *   bind ─ taken: 3 tries, then the next port ─> accept ─> request ─ builder: command ─> answer,
 *                                                                              └> rules are set
 *
 * One request a connection, as Java's. While it listens on a loopback address, a request for
 * another host than this one (what a page in somebody's browser could send) is refused. POST must
 * be a form with a Content-Length.
 *
 * Owner: the application whose it is. Thread: main, but for the commands. Timers: to the next try
 * to bind; COMMAND_REQUEST_MS for a whole request. Limits: COMMAND_SESSIONS_MAX, COMMAND_BODY_MAX,
 * COMMAND_BODIES_MAX.
 */
#ifndef SERVER_COMMAND_CENTRE_H
#define SERVER_COMMAND_CENTRE_H

#include "base/list.h"
#include "filters/sentinel/ops/ops.h"
#include "net/listener.h"

struct server;

enum {
	COMMAND_SESSIONS_MAX = 64,
	COMMAND_REQUEST_MS = 3000,
	COMMAND_BODIES_MAX = 128 * 1024 * 1024, /* of all requests that aren't whole yet */
	COMMAND_BIND_MS = 30,                   /* between tries */
	COMMAND_BIND_TRIES = 3,
};

struct command_centre {
	struct list_node link; /* in the server's list */
	struct server *server;
	struct sentinel_ops *ops;
	struct acceptor acceptor;
	struct timer bind_timer;
	struct addr addr;
	struct list_node sessions;
	size_t body_bytes; /* of all sessions */
	unsigned session_count, tries;
	int fd; /* -1: not listening */
};

/* Listens as ops says, soon or when a port is free. Returns owned; NULL: the address is none, which
 * was logged. */
struct command_centre *command_centre_open(struct server *server, struct sentinel_ops *ops);
/* While a predecessor serves, none listens: all do from now on, by its sockets if it has passed
 * them.
 */
void command_centres_start(struct server *server);
/* Accepts no more, the socket stays; and does so again. */
void command_centre_pause(struct command_centre *centre);
void command_centre_resume(struct command_centre *centre);
/* Closes listener and connections. */
void command_centre_stop(struct command_centre *centre);
/* Stops it, and takes it. NULL is fine. */
void command_centre_close(struct command_centre *centre);

#endif
