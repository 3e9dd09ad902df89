/* A connection to a command centre: one request, one answer, the end.
 *
 *   READING ─ whole request ─> RUNNING (builder) ─> ANSWERED ─ flushed ─> closed
 *      └──── what Java refuses, and what is no HTTP ───^
 *
 * Owner: its centre's list; freed at the end of the turn in which it closes. Thread: main. */
#ifndef SERVER_COMMAND_SESSION_H
#define SERVER_COMMAND_SESSION_H

#include "base/arena.h"
#include "base/list.h"
#include "codec/http1.h"
#include "net/conn.h"
#include "telemetry/text.h"

struct command_centre;
struct command_job;

struct command_session {
	struct conn conn;
	struct http1 codec;
	struct exchange exchange;
	struct arena arena;
	struct list_node link;
	struct command_centre *centre;
	struct headers *request; /* NULL: none yet */
	struct text body;
	struct command_job *job; /* RUNNING: the builder's; NULL: none */
	bool has_begun, is_answered;
};

/* Takes fd. */
void command_session_open(struct command_centre *centre, int fd);
/* At once, whatever it is at. */
void command_session_close(struct command_session *session);

#endif
