/* A request of the proxy's own to a cluster: what filters ask of other services, copies of requests
 * for mirrors.
 *
 *   client_send ─ host, connection ─> head, body ─> answer as a whole ─> done
 *               ├ failure, timeout ────────────────────────────────────> done
 *               └ scope cancelled, client_cancel: silence
 *
 * Nothing is retried. Owner: who embeds the call (a filter's state); client_fire's own. Thread: the
 * worker's. Timers: the timeout. Limits: the answer's body, CLIENT_BODY_LIMIT unless another is
 * given. */
#ifndef UPSTREAM_CLIENT_H
#define UPSTREAM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/scope.h"
#include "base/timer_wheel.h"
#include "upstream/request.h"

struct upstream_worker;

enum {
	CLIENT_BODY_LIMIT = 1 << 20,
	CLIENT_FIRE_MAX = 4096, /* fired calls of a worker at one time; further ones are dropped */
};

struct client_request {
	struct slice cluster; /* name */
	/* :method, :path, :authority at least; borrowed until done. content-length is set for a
	 * body. */
	struct headers *headers;
	struct slice body;   /* borrowed during the call of client_send */
	uint64_t timeout_ms; /* 0: none */
	size_t body_limit;   /* of the answer; 0: CLIENT_BODY_LIMIT */
	bool has_hash;       /* for clusters that hash */
	uint64_t hash;
};

struct client_answer {
	enum reply_reason failure; /* REPLY_NONE: there is an answer */
	unsigned status;           /* 0 without an answer */
	struct headers *headers;   /* in the arena given; NULL without an answer */
	struct slice body;         /* likewise */
};

struct client_call {
	struct upstream_request request;
	struct scope_item item;
	struct timer timeout;
	struct upstream_worker *upstream;
	struct cluster_worker *cluster; /* held while it runs; NULL: not running */
	struct arena *arena;
	struct headers *headers;
	struct buf body, answer; /* owned bytes */
	struct headers *answer_headers;
	size_t body_limit;
	unsigned status;
	/* Called once, maybe from within client_send. The answer is valid as long as the arena. */
	void (*done)(struct client_call *call, const struct client_answer *answer);
};

/* scope: cancels it (NULL: nobody does). arena: where the answer is made; both must outlive the
 * call. */
void client_send(struct client_call *call, struct upstream_worker *upstream, struct scope *scope,
		 struct arena *arena, const struct client_request *request,
		 void (*done)(struct client_call *call, const struct client_answer *answer));

/* done isn't called any more. Does nothing to a call that isn't running. */
void client_cancel(struct client_call *call);

/* Calls that outlive every stream hang on it: cancelled at the worker's end. */
struct scope *client_scope(struct upstream_worker *upstream);

/* Sends and forgets: nobody hears of the answer. Copies headers and body. */
void client_fire(struct upstream_worker *upstream, const struct client_request *request);

#endif
