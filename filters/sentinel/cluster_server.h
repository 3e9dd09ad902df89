/* The token server that an application may be for others: what configurations and commands say of
 * it.
 *
 *   configuration ─┐  port, name spaces, rules     ┌─> token server (cluster/): a thread
 *   their files ───┼─────────────────────────────> │   of its own, and a lock
 *   command ───────┘  what came last holds         └─> stats
 *
 * It is available (to commands) once a configuration has spoken of it, and is on while the
 * application's mode is CLUSTER_SERVER (cluster_client.h).
 *
 * Owner: the application's cluster client. Thread: main. Limits: TOKEN_*, CLUSTER_FLOW_STATS_*. */
#ifndef FILTERS_SENTINEL_CLUSTER_SERVER_H
#define FILTERS_SENTINEL_CLUSTER_SERVER_H

#include "filters/sentinel/cluster/token_server.h"
#include "telemetry/stats.h"
#include "telemetry/stats_table.h"

struct cluster_server;
struct sentinel_applications;
struct text;

enum {
	CLUSTER_FLOW_STATS_DEFAULT = 500, /* flow ids that have stats: those that came first */
	CLUSTER_FLOW_STATS_MAX = 100000,
};

/* "sentinel.<application>.token_server". Questions by their answers, those of this process's own
 * workers among them (local). */
/* clang-format off */
#define TOKEN_SERVER_STATS(X, S) \
	X(S, STATE, "state", GAUGE) \
	X(S, CONNECTIONS, "connections", GAUGE) \
	X(S, NAMESPACES, "namespaces", GAUGE) \
	X(S, FLOWS, "flows", GAUGE) \
	X(S, ACCEPTED, "accepted", COUNTER) \
	X(S, OVER_LIMIT, "over_limit", COUNTER) \
	X(S, IDLE, "idle", COUNTER) \
	X(S, GARBAGE, "garbage", COUNTER) \
	X(S, MALFORMED, "malformed", COUNTER) \
	X(S, LOCAL, "local", COUNTER) \
	X(S, OK, "ok", COUNTER) \
	X(S, SHOULD_WAIT, "should_wait", COUNTER) \
	X(S, BLOCKED, "blocked", COUNTER) \
	X(S, NO_RULE, "no_rule", COUNTER) \
	X(S, TOO_MANY, "too_many", COUNTER) \
	X(S, BAD_REQUEST, "bad_request", COUNTER)
/* clang-format on */
STAT_ENUM(token_server_stat, TOKEN_SERVER_STAT, TOKEN_SERVER_STATS);
extern const struct stat_type sentinel_token_server_stats;

/* "sentinel.<application>.token_server.flow.<id>", or "param.<id>"; in tokens. */
/* clang-format off */
#define TOKEN_FLOW_STATS(X, S) \
	X(S, PASS, "pass", COUNTER) \
	X(S, BLOCK, "block", COUNTER) \
	X(S, WAITING, "waiting", COUNTER)
/* clang-format on */
STAT_ENUM(token_flow_stat, TOKEN_FLOW_STAT, TOKEN_FLOW_STATS);
extern const struct stat_type sentinel_token_flow_stats;

struct cluster_server_name_space {
	struct slice name;
	struct slice rules[TOKEN_KINDS]; /* JSON arrays; "": none */
	const char *paths[TOKEN_KINDS];  /* of the files that say them; NULL: none */
};

/* What a configuration says. */
struct cluster_server_options {
	uint64_t hash; /* of all of it */
	struct token_listen listen;
	struct token_arbiter_config config;
	const struct cluster_server_name_space *name_spaces;
	size_t count;
	uint32_t flow_stats_max;
	bool begins_by_command; /* and not with the configuration */
};

enum cluster_change_kind {
	CLUSTER_CHANGE_RULES,
	CLUSTER_CHANGE_CONFIG,
	CLUSTER_CHANGE_LISTEN,
	CLUSTER_CHANGE_NAMES,
};

/* What a command changes. Heap; who gets it frees it by cluster_change_free. */
struct cluster_change {
	enum cluster_change_kind what;
	struct arena arena;        /* of names */
	struct slice name;         /* RULES: whose */
	struct token_rules *rules; /* RULES */
	struct token_arbiter_config config;
	uint16_t port;
	uint32_t idle_ms;
	struct slice *names;
	size_t count;
};

struct cluster_change *cluster_change_new(void);
/* NULL is fine. */
void cluster_change_free(struct cluster_change *change);

/* Off. Both are borrowed for as long as it lives. */
struct cluster_server *cluster_server_new(const struct sentinel_applications *all,
					  struct slice application);
/* No thread, and no connection any more; questions of workers get no answer. NULL is fine. */
void cluster_server_close(struct cluster_server *server);
/* Closed, and all workers have left. NULL is fine. */
void cluster_server_free(struct cluster_server *server);

/* What the configurations in force say; NULL: nothing (any more). Nothing happens, and false is
 * returned, if they said so before. */
bool cluster_server_configure(struct cluster_server *server,
			      const struct cluster_server_options *options, struct slice own_name);
/* Takes the change. */
void cluster_server_change(struct cluster_server *server, struct cluster_change *change);

/* Whether a configuration speaks of it; whether it is then on at once. */
bool cluster_server_is_available(const struct cluster_server *server);
bool cluster_server_begins(const struct cluster_server *server);

/* On, or off. Returns where questions of workers go; NULL: nowhere. */
struct doorbell *cluster_server_switch(struct cluster_server *server, bool is_on);

/* For commands, which take its lock; NULL: it never was available. As long as the application. */
struct token_server *cluster_server_tokens(const struct cluster_server *server);

/* What it decides is counted for its log from now on. */
void cluster_server_keep_log(struct cluster_server *server);
/* Appends the lines of the seconds before that of now_ms. One thread, until the server is freed;
 * nothing where no log was kept before that thread began. */
void cluster_server_collect(struct cluster_server *server, int64_t now_ms, struct text *lines);

/* Counts what was new since the last time. */
void cluster_server_show(struct cluster_server *server);

#endif
