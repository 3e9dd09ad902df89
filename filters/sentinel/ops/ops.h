/* Operations of one application: its logs, and what its command centre and heartbeat need.
 *
 *   ops thread: each second, a moment after its end ─ metric lines, block lines ─> files
 *   main:       command centre (who listens is the server) ─ commands run on the builder
 *   heartbeat:  a thread of its own
 *
 * Owner: the application; no entry is in its sentinel any more when it is stopped. Thread: main,
 * but for what is told of. */
#ifndef SENTINEL_OPS_OPS_H
#define SENTINEL_OPS_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "filters/sentinel/core/rule.h"

struct cluster_change;
struct command_cluster;
struct command_context;
struct entry;
struct rule_list;
struct sentinel;
struct sentinel_ops;
struct text;

enum {
	SENTINEL_COMMAND_PORT = 8719,
	OPS_LAG_MS = 200, /* behind the end of a second, before it is read */
};

struct sentinel_ops_options {
	struct slice application; /* its name in file names and heartbeats */
	int32_t application_type;
	bool writes_metric_log, writes_block_log, writes_record_log, writes_server_log;
	struct slice log_folder; /* "": ~/logs/csp */
	bool names_pid;          /* in the names of metric logs */
	int64_t metric_file_size;
	unsigned metric_files; /* 0: Java's, both */
	bool has_command_centre;
	struct slice command_address; /* "": 127.0.0.1 */
	uint16_t command_port;        /* 0: any */
	struct slice dashboards;      /* as heartbeat_options has them */
	struct slice client_ip;       /* "": the first that isn't a loopback's */
	uint32_t heartbeat_ms;        /* 0: the default */
};

/* How rules, and their token server, are reached. Main, but for give_back: any; collect: the ops
 * thread. */
struct ops_rules {
	/* Those in force, until they are given back (*hold); NULL: none. */
	const struct rule_list *(*take)(void *owner, void **hold);
	void (*give_back)(void *hold);
	/* The file that rules of the kind are written to when they are set; NULL: none. *refusal: a
	 * static text, why they can't be; NULL: they can. */
	const char *(*path)(void *owner, enum rule_kind kind, const char **refusal);
	/* These (an array that was read) instead of all others of their kind. */
	void (*set)(void *owner, enum rule_kind kind, struct slice text);
	/* The application's token client; its mode, or its server and timeout, from now on. */
	void (*cluster)(void *owner, struct command_cluster *cluster);
	void (*set_cluster_mode)(void *owner, int32_t mode);
	void (*set_cluster_server)(void *owner, const struct command_cluster *cluster);
	/* Takes what changes of the token server that the application may be. */
	void (*change_server)(void *owner, struct cluster_change *change);
	/* Appends the lines of what the token server decided in the seconds before. */
	void (*collect)(void *owner, int64_t now_ms, struct text *lines);
};

/* Borrows sentinel and rules. Returns owned. */
struct sentinel_ops *sentinel_ops_start(struct sentinel *sentinel,
					const struct sentinel_ops_options *options,
					const struct ops_rules *rules, void *rules_owner);
/* Writes what is there to be written. NULL is fine. */
void sentinel_ops_stop(struct sentinel_ops *ops);

/* Where the command centre is to listen: an IP address, NULL if there is to be none. */
const char *sentinel_ops_command_address(const struct sentinel_ops *ops);
uint16_t sentinel_ops_command_port(const struct sentinel_ops *ops);

/* What was given at the start. */
const struct ops_rules *sentinel_ops_rules(const struct sentinel_ops *ops, void **owner);

/* The command centre listens there; 0: no more. */
void sentinel_ops_set_port(struct sentinel_ops *ops, uint16_t port);

/* For a command: all but the rules in force. Texts live as long as ops, paths until main's turn
 * ends. */
void sentinel_ops_context(const struct sentinel_ops *ops, struct command_context *context);

/* The metric log begins with that second (of the time since 1970), or has none from it on: another
 * process writes of what is before, or behind. SENTINEL_OPS_NO_END: nobody does. */
#define SENTINEL_OPS_NO_END (INT64_MAX / 1000)
void sentinel_ops_begin_at(struct sentinel_ops *ops, int64_t second);
void sentinel_ops_end_at(struct sentinel_ops *ops, int64_t second);

/* Blocked calls that the block log had no room for. Any thread. */
uint64_t sentinel_ops_dropped(const struct sentinel_ops *ops);

/* Notes for the record log: the rules of that kind that hold from now on; one that was left out.
 * Not on a worker, as the next. */
void sentinel_ops_record_rules(struct sentinel_ops *ops, enum rule_kind kind,
			       const struct rule_list *rules);
void sentinel_ops_record_rejection(struct sentinel_ops *ops, enum rule_kind kind,
				   const char *source, uint32_t index, const char *reason);
/* So many names have found no room. */
void sentinel_ops_record_overflow(struct sentinel_ops *ops, uint64_t overflows);

/* A call was blocked: notes it for the block log. Its worker. */
void sentinel_ops_blocked(struct sentinel_ops *ops, const struct entry *entry, int64_t now_ms);

#endif
