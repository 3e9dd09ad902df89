/* An application as Sentinel knows it: its resources and windows, and the rules in force. There is
 * one of a name in the process, whichever listeners ask for it.
 *
 *   listener ─ config ─> part: its sources ─┐                       ┌─> worker: pin, entries
 *   listener ─ config ─> part: its sources ─┴─ read, built ─> rules ┴─> worker: pin, entries
 *                    └ file, Nacos ─ changed ──┘              a published object in the
 *                                                             application's slot
 *
 * The parts of all listeners together are the rules. A version is built on main beside the one in
 * force, and takes over the states of what didn't change; workers change over between two turns.
 *
 * Owner: struct sentinel_applications is the server's; an application is counted by configurations
 * and versions of its rules. Thread: main, but for `core` and `memos[worker]`. */
#ifndef FILTERS_SENTINEL_APPLICATION_H
#define FILTERS_SENTINEL_APPLICATION_H

#include "base/arena.h"
#include "base/list.h"
#include "base/section.h"
#include "base/slice.h"
#include "filters/sentinel/core/rule.h"
#include "filters/sentinel/system_sampler.h"
#include "telemetry/stats.h"
#include "telemetry/stats_table.h"

struct answers;
struct cluster_client;
struct cluster_client_options;
struct cluster_server_options;
struct loop;
struct published;
struct resource_stats;
struct sentinel;
struct command_centre;
struct sentinel_memo;
struct sentinel_ops;
struct sentinel_ops_options;
struct sentinel_options;
struct sentinel_rules;
struct sentinel_source;
struct sentinel_text;

/* "sentinel.<application>". Calls count in one of the first line, or of the second. */
/* clang-format off */
#define SENTINEL_STATS(X, S) \
	X(S, PASS, "pass", COUNTER) \
	X(S, BLOCK_AUTHORITY, "block_authority", COUNTER) \
	X(S, BLOCK_SYSTEM, "block_system", COUNTER) \
	X(S, BLOCK_PARAM_FLOW, "block_param_flow", COUNTER) \
	X(S, BLOCK_FLOW, "block_flow", COUNTER) \
	X(S, BLOCK_DEGRADE, "block_degrade", COUNTER) \
	X(S, WAIT, "wait", COUNTER) \
	X(S, WAIT_CANCELLED, "wait_cancelled", COUNTER) \
	X(S, WAIT_PAST_DEADLINE, "wait_past_deadline", COUNTER) \
	X(S, WAITING, "waiting", GAUGE) \
	X(S, FALLBACK_ANSWER, "fallback_answer", COUNTER) \
	X(S, FALLBACK_CLUSTER, "fallback_cluster", COUNTER) \
	X(S, ANSWERS, "answers", GAUGE) \
	X(S, ANSWER_BYTES, "answer_bytes", GAUGE) \
	X(S, ANSWER_TOO_LARGE, "answer_too_large", COUNTER) \
	X(S, ERROR, "error", COUNTER) \
	X(S, RULES_LOADED, "rules_loaded", GAUGE) \
	X(S, RULES_REJECTED, "rules_rejected", GAUGE) \
	X(S, RULES_UPDATE, "rules_update", COUNTER) \
	X(S, SOURCE_REJECTED, "source_rejected", COUNTER) \
	X(S, NACOS_UPDATE, "nacos_update", COUNTER) \
	X(S, NACOS_UNREACHABLE, "nacos_unreachable", GAUGE) \
	X(S, RESOURCES, "resources", GAUGE) \
	X(S, RESOURCE_OVERFLOW, "resource_overflow", GAUGE) \
	X(S, BLOCK_LOG_DROPPED, "block_log_dropped", GAUGE) \
	X(S, TOKEN_CLIENT_STATE, "token_client_state", GAUGE) \
	X(S, TOKEN_ASKED, "token_asked", COUNTER) \
	X(S, TOKEN_GRANTED, "token_granted", COUNTER) \
	X(S, TOKEN_REFUSED, "token_refused", COUNTER) \
	X(S, TOKEN_FAILED, "token_failed", COUNTER) \
	X(S, TOKEN_FORGOTTEN, "token_forgotten", COUNTER) \
	X(S, TOKEN_CONNECTED, "token_connected", COUNTER) \
	X(S, TOKEN_LOST, "token_lost", COUNTER) \
	X(S, TOKEN_GARBAGE, "token_garbage", COUNTER) \
	X(S, TOKEN_STALLED, "token_stalled", COUNTER)
/* clang-format on */
STAT_ENUM(sentinel_stat, SENTINEL_STAT, SENTINEL_STATS);
extern const struct stat_type sentinel_stats; /* application.c */

/* What the process does for its applications. Main. */
struct sentinel_services {
	uint32_t (*slot)(void *owner, struct slice name);
	/* Has it published with what is sent next; NULL: the slot is emptied. Takes it. */
	void (*publish)(void *owner, uint32_t slot, struct published *object);
	void (*send)(void *owner);
	/* changed(arg) when the file did. Returns what unwatch takes, or NULL: it can't be watched,
	 * which was logged. */
	void *(*watch)(void *owner, const char *path, void (*changed)(void *arg), void *arg);
	void (*unwatch)(void *owner, void *watch);
	/* Lets an application's command centre listen. Returns what close_centre takes, or NULL: it
	 * can't, which was logged. */
	struct command_centre *(*open_centre)(void *owner, struct sentinel_ops *ops);
	void (*close_centre)(struct command_centre *centre);
	/* Runs fn on the thread of every worker, in the order of the calls, then done on main; at
	 * once where there are no workers any more. */
	void (*on_workers)(void *owner, void (*fn)(void *arg, unsigned worker, struct loop *loop),
			   void (*done)(void *arg), void *arg);
	/* From true to the next send after false nothing new is published, and a process that
	 * starts isn't live: what is configured isn't known yet. Counted. NULL: nobody waits. */
	void (*await)(void *owner, bool is_awaited);
};

struct sentinel_applications {
	struct list_node list;  /* struct sentinel_application */
	struct list_node files; /* struct sentinel_file */
	struct list_node nacos; /* struct sentinel_nacos */
	const struct sentinel_services *services;
	void *owner; /* of the services */
	struct stats *stats;
	const uint64_t *wall_ns; /* main's clock */
	unsigned workers;
	struct loop *loop; /* main's; NULL: no token server is asked */
	bool is_serving;   /* not only checking a configuration */
	bool is_send_due;  /* with the next tick */
	struct system_sampler sampler;
	/* state_section.h: */
	uint64_t seed;                   /* of all fingerprints, once has_seed */
	struct section_writer inherited; /* what the process before said at first */
	bool has_seed;
	bool is_told;        /* FINAL: the seconds from told_second on are the next process's */
	int64_t told_second; /* of the time since 1970 */
};

/* What one configuration adds. Lives in its arena. */
struct sentinel_part {
	struct list_node link; /* in force */
	struct sentinel_application *application;
	struct slice key; /* the same one in the configuration's next version */
	struct sentinel_source *sources;
	uint32_t count;
	bool is_in_force;
	const struct sentinel_ops_options *operations;       /* NULL: it says nothing of them */
	const struct cluster_client_options *cluster;        /* likewise */
	const struct cluster_server_options *cluster_server; /* likewise */
	uint32_t resource_stats_max;
};

struct sentinel_application {
	struct list_node link;
	struct sentinel_applications *all;
	struct slice name; /* heap */
	uint32_t slot;     /* of PUBLISHED_RULES */
	unsigned references, configurations;
	struct sentinel *core;
	struct stat_scope *stats;
	struct list_node parts;             /* in force */
	struct sentinel_rules *rules;       /* rules.h: in force; NULL: none yet, or no more */
	bool is_stale;                      /* built anew with the next tick */
	struct sentinel_memo *memos;        /* names.h: one a worker */
	struct answers *answers;            /* answers.h: one a worker */
	struct slice set_rules[RULE_KINDS]; /* heap: by command, instead of all parts'; .data NULL:
					       none */
	_Atomic(struct sentinel_ops *) ops; /* NULL: none. Any thread reads it */
	struct command_centre *centre;      /* NULL: none */
	struct resource_stats *resource_stats; /* NULL: none */
	struct cluster_client *cluster;        /* NULL: rules in cluster mode fall back */
};

void sentinel_applications_init(struct sentinel_applications *all,
				const struct sentinel_services *services, void *owner,
				struct stats *stats, const uint64_t *wall_ns);
/* Every application has gone. */
void sentinel_applications_fini(struct sentinel_applications *all);
/* The process ends. Token clients are closed; workers still serve. */
void sentinel_applications_close(struct sentinel_applications *all);
/* The threads of all workers have ended, their loops haven't. */
void sentinel_applications_leave(struct sentinel_applications *all);
/* Once a second: the machine's load, gauges, what became stale. */
void sentinel_applications_tick(struct sentinel_applications *all);

/* The one of that name with one configuration more, until the arena ends. options: of a new one;
 * workers, seed and observer are filled in. */
struct sentinel_application *sentinel_application_for(struct arena *arena,
						      struct sentinel_applications *all,
						      struct slice name,
						      const struct sentinel_options *options);

/* Borrowed; NULL: there is none of that name. */
struct sentinel_application *sentinel_application_find(const struct sentinel_applications *all,
						       struct slice name);

/* The part is in force in place of the one with its key, until the arena ends. Its application is
 * one that the same arena holds. */
void sentinel_part_adopt(struct sentinel_part *part);
/* arena_defer's. */
void sentinel_part_leave(void *part);

/* These rules, a JSON array, instead of those of all parts of that kind, until one of their files
 * changes. */
void sentinel_application_set_rules(struct sentinel_application *application, enum rule_kind kind,
				    struct slice text);

/* A reference less. */
void sentinel_application_drop(struct sentinel_application *application);

/* Rules are built anew of all applications that have it, and sent. */
void sentinel_text_changed(struct sentinel_applications *all, const struct sentinel_text *text);

#endif
