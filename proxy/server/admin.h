/* The admin page: one HTTP/1.1 listener on main's loop.
 *
 *   request ─ path in the table of pages ─┬─ page fills `body` (and status, content type)
 *                                         ├─ large: the builder does (admin_build.h)
 *                                         └─> answered as a local reply
 *
 * Paths, methods and texts are Envoy's where the meaning is equal. Owner: the server. Thread: main.
 */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/published.h"
#include "net/conn_filter.h"
#include "net/listener.h"
#include "telemetry/text.h"

struct host_query;
struct server;

/* One request to a page. */
struct admin_request {
	struct server *server;
	struct slice path;  /* without query */
	struct slice query; /* behind the '?', or "" */
	struct slice method;
	struct text body;               /* the answer */
	unsigned status;                /* 200 unless set */
	const char *content_type;       /* text/plain unless set */
	const struct host_query *hosts; /* for pages that want it; NULL: nobody could be asked */
	void *taken;                    /* by the page's begin */
	bool is_large;                  /* said by begin: main would take too long to fill it */
};

enum admin_page_kind {
	ADMIN_GET,
	ADMIN_GET_HOSTS, /* filled when the workers have told what they count of hosts */
	ADMIN_POST,      /* a GET is answered 405 */
};

struct admin_param {
	const char *name, *help;
};

struct admin_page {
	const char *path, *help;
	enum admin_page_kind kind;
	void (*fill)(struct admin_request *request);
	const struct admin_param *params; /* the last has no name. NULL: none */
	/* For pages that may be large: begin takes what fill is to show, and end gives it back;
	 * fill then runs on the builder's thread and looks at nothing else. begin false: it has
	 * answered, and nothing is taken. NULL: filled on main. */
	bool (*begin)(struct admin_request *request);
	void (*end)(void *taken);
};

/* The pages, the index not among them (admin_pages.c). */
extern const struct admin_page admin_pages[];
extern const unsigned admin_page_count;

/* The value of a query parameter, percent-encoded as it came; .data NULL if it isn't there. */
struct slice admin_query(const struct admin_request *request, struct slice name);

struct admin {
	struct server *server;
	struct acceptor acceptor;
	struct addr addr;
	struct published object; /* what sessions pin: never given back */
	struct pin pin;
	struct accepted_end end; /* of each connection */
	int fd;                  /* -1: not configured */
	bool is_accepting;
	struct list_node queries; /* struct host_query: on their way */
};

void admin_init(struct admin *admin, struct server *server);
/* Has a socket where the bootstrap says, that of a predecessor if it has passed it; nothing if the
 * bootstrap doesn't say. STATUS_INVALID with the reason when it can't bind. */
enum status MUST_CHECK admin_bind(struct admin *admin, struct diag *diag);
/* Accepts, and writes --admin-address-path; nothing without a socket. STATUS_INVALID if it can't.
 */
enum status MUST_CHECK admin_start(struct admin *admin, struct diag *diag);
/* Accepts no more; the socket stays. */
void admin_pause(struct admin *admin);
/* Goes on after that, as admin_start, but also if it returns STATUS_INVALID. */
enum status MUST_CHECK admin_resume(struct admin *admin, struct diag *diag);
/* Closes the socket, others may listen on it still; connections end after their answer. */
void admin_leave(struct admin *admin);
/* Closes the listener and its connections. */
void admin_stop(struct admin *admin);
/* Workers have ended, their messages are drained. */
void admin_fini(struct admin *admin);

#endif
