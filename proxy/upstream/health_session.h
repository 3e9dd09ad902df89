/* One host's health checks on the wire: connect, ask, read the answer; over HTTP/1.1 or plain TCP.
 *
 *   IDLE ─ health_session_start ─> (connect) ─> ask ─> answer, end, error, timeout
 *     ─ done(result) ─> IDLE
 *
 * Between checks the connection stays, where so configured and the host lets it. Owner: the checker
 * embeds it. Thread: main. Timers: the check's timeout. Limits: the answer's body is looked at up
 * to response_buffer_size (0: no limit of its own) and HEALTH_HTTP_ANSWER_MAX, a TCP answer up to
 * HEALTH_TCP_ANSWER_MAX. */
#ifndef UPSTREAM_HEALTH_SESSION_H
#define UPSTREAM_HEALTH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/timer_wheel.h"
#include "upstream/health.h"

struct conn_options;
struct health_conn;
struct loop;

enum { HEALTH_TCP_ANSWER_MAX = 65536, HEALTH_HTTP_ANSWER_MAX = 1 << 20 };

struct health_session {
	struct loop *loop;
	const struct health_check_config
		*config; /* of the check under way, with options: borrowed */
	const struct conn_options *options;
	struct addr addr;
	struct slice authority; /* Host header */
	/* The check is over. May start the next, or end the session. */
	void (*done)(struct health_session *session, enum health_result result);
	struct health_conn *conn; /* NULL: none */
	struct timer timeout;
	bool is_busy; /* between start and done */
};

/* Borrows all until fini. */
void health_session_init(struct health_session *session, struct loop *loop, const struct addr *addr,
			 struct slice authority,
			 void (*done)(struct health_session *session, enum health_result result));
/* One check; done follows, maybe from within. Not while one is under way. */
void health_session_start(struct health_session *session, const struct health_check_config *config,
			  const struct conn_options *options);
/* Closes the connection; done is not called any more. */
void health_session_fini(struct health_session *session);

#endif
