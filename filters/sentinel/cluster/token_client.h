/* A token client: the process's one connection to a token server, which all workers ask through.
 *
 *   worker ─ ask ─> desk ── question ──> doorbell ─> client ─ xid, frame ─> server
 *   worker <─ token_ask_answer ── desk <── doorbell ── answer ────┘
 *
 *   OFF ─ set_server ─> PENDING ─ connected, PING with the namespace ─> STARTED
 *    ^                   ^  │ reconnect_ms x (failures + 1)               │
 *    └── no server       └──┴── refused, closed, garbage, stalled <───────┘
 *
 * Instead of a connection there may be a token server in the process: questions go to its doorbell,
 * from the worker, and it answers to the desk.
 *
 * It is one, as the server multiplies limits by the number of connections. A question that can't be
 * asked (no connection, too much under way) is answered with FAIL at once, on the worker; one that
 * is under way when the connection is lost as soon as that is known; and who asked waits no longer
 * than request_timeout_ms. A server that takes questions and answers none for stall_ms is left.
 * Failures in a row are counted until a frame comes.
 *
 * Owner: who made it. Thread: its loop's; join, leave, and the service of token_client_service a
 * worker's. Timers: connect, reconnect. Limits: TOKEN_PENDING_MAX questions under way, and 64 KiB
 * that the server didn't take. */
#ifndef SENTINEL_CLUSTER_TOKEN_CLIENT_H
#define SENTINEL_CLUSTER_TOKEN_CLIENT_H

#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"
#include "base/status.h"
#include "filters/sentinel/cluster/token_counts.h"
#include "filters/sentinel/core/token_service.h"

struct doorbell;
struct loop;
struct token_client;

enum {
	TOKEN_PENDING_MAX = 4096,
	TOKEN_RECONNECT_MAX_MS = 60000, /* however many failures there were */
};

struct token_client_options {
	struct slice name_space; /* by which the server knows the application; copied */
	unsigned workers;        /* numbers below this one may join */
	/* 0: as Sentinel has them, 20, 10,000 and 2,000; stall_ms: 1,000 */
	uint32_t request_timeout_ms, connect_timeout_ms, reconnect_ms, stall_ms;
};

enum token_client_state { /* as the command centre tells it */
			  TOKEN_CLIENT_OFF = 0,
			  TOKEN_CLIENT_PENDING = 1,
			  TOKEN_CLIENT_STARTED = 2,
};

/* Without a server: off. Returns owned, or NULL: no descriptor is to be had. */
struct token_client *token_client_new(struct loop *loop,
				      const struct token_client_options *options);
/* The server from now on; NULL: none, and the connection is closed. Nothing happens if it is the
 * one there is. */
void token_client_set_server(struct token_client *client, const struct addr *server);
/* While there is no server, questions go to this bell (a token server of this process answers
 * them); NULL: nowhere. It stays open until all workers have left. */
void token_client_set_local(struct token_client *client, struct doorbell *bell);
/* By which the server knows the application from now on; it connects anew if that is another one.
 */
void token_client_set_name_space(struct token_client *client, struct slice name_space);
/* How long those who ask from now on wait. 0: the default. */
void token_client_set_timeout(struct token_client *client, uint32_t request_timeout_ms);
/* The connection is closed, and nothing runs on the loop any more. Workers may still ask and leave:
 * all questions fail. */
void token_client_close(struct token_client *client);
/* After the close, and after all workers have left. NULL is fine. */
void token_client_free(struct token_client *client);

/* A worker begins to use it, on its own loop. STATUS_EXHAUSTED: no descriptor is to be had, and its
 * questions fail. */
enum status MUST_CHECK token_client_join(struct token_client *client, unsigned worker,
					 struct loop *loop);
/* It ends. None of its calls waits for an answer any more. */
void token_client_leave(struct token_client *client, unsigned worker);

/* For sentinel_options.tokens; as long as the client lives. */
const struct token_service *token_client_service(const struct token_client *client);

/* Any thread. */
enum token_client_state token_client_state(const struct token_client *client);
const struct token_counts *token_client_counts(const struct token_client *client);

#endif
