/* The process: main's loop and everything it owns.
 *
 *   options ─ bootstrap ─ workers ─ static resources ─ publish ─ serve
 *     ─ SIGTERM: drain ─ stop workers ─ free
 *
 * Owner: server_run, from main. Thread: main, but for what its members say. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>

#include "filters/sentinel/application.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "server/admin.h"
#include "server/cluster_manager.h"
#include "server/drain_manager.h"
#include "server/dynamic.h"
#include "server/listener_manager.h"
#include "server/options.h"
#include "server/process_log.h"
#include "server/publisher.h"
#include "server/upgrade.h"
#include "server/worker.h"
#include "spool/spools.h"
#include "stream/config_context.h"
#include "xds/bootstrap.h"

struct sentinel_errand;
struct shared_load;

/* Envoy's ServerInfo.State. */

enum server_state {
	SERVER_LIVE,
	SERVER_DRAINING,
	SERVER_PRE_INITIALIZING,
	SERVER_INITIALIZING,
};

/* The heap's size, found on the builder's thread. */
struct heap_look {
	struct builder_job job;
	struct mallinfo2 heap;
	bool is_out; /* the job is the builder's */
};

struct server {
	const struct options *options;
	struct loop loop;
	struct mailbox mailbox;
	struct worker_context context; /* main's own, for the admin page's connections */
	struct bootstrap bootstrap;
	struct stats *stats;
	struct stat_scope *scope;         /* "server" */
	struct stat_scope *runtime_scope; /* "runtime" */
	struct process_log log;
	struct access_log_files *log_files;
	pthread_t log_writer;
	bool has_log_writer;
	struct publisher publisher;
	struct cluster_manager clusters;
	struct listener_manager listeners;
	struct dynamic dynamic;
	struct sentinel_applications sentinel;
	struct spools spools;
	struct shared_load *load; /* of the machine: a reference */
	struct system_sampler load_sampler;
	struct worker **workers;
	unsigned worker_count;
	struct admin admin;
	struct upgrade upgrade;
	struct list_node command_centres; /* struct command_centre */
	struct io signals;                /* signalfd */
	struct drain_manager drains;
	struct timer second_timer, flush_timer;
	uint32_t flush_interval_ms; /* of histograms */
	uint64_t start_wall_ns, start_ns;
	struct heap_look heap_look;
	enum server_state state;
	bool is_health_check_failing; /* /healthcheck/fail */
	bool has_signals;
};

/* Runs until a signal or /quitquitquit ends it; the process's exit code. */
int server_run(const struct options *options);

/* Goes live when all that was configured at the start is known; nothing once it is. */
void server_advance(struct server *server);

/* Listeners open. Once. */
void server_go_live(struct server *server);

/* From workers' messages. */
void server_on_worker_event(void *server, enum main_event event, void *subject);

/* server_drain.c: what the drain manager orders is done on all workers. */
void server_drain_init(struct server *server);
/* SIGTERM; a second one ends at once. */
void server_drain(struct server *server);
/* "LIVE", and DRAINING too while the health check fails: server.state and server.live. */
void server_show_state(struct server *server);
enum server_state server_shown_state(const struct server *server);
/* SIGUSR1, /reopen_logs: log files are opened anew. */
void server_reopen_logs(struct server *server);
/* /healthcheck/fail and /healthcheck/ok. */
void server_set_failing(struct server *server, bool is_failing);
/* Ends at once. */
void server_stop(struct server *server);

/* --pid-file, if it was asked for. STATUS_INVALID with flag and reason if it can't be written. */
enum status MUST_CHECK server_write_pid(struct server *server, struct diag *diag);

/* The file that a flag of the command line asks for, with this text; nothing if path is NULL.
 * STATUS_INVALID with flag and reason if it can't be written. */
enum status MUST_CHECK server_write_file(const char *path, const char *flag, const char *text,
					 struct diag *diag);

/* server_sentinel.c: what the process does for Sentinel's applications. */
void server_sentinel_init(struct server *server);
/* Command centres listen no more, and no token server is asked. */
void server_sentinel_stop(struct server *server);
/* A worker has done what all were sent for. */
void server_sentinel_errand_done(struct sentinel_errand *errand);

/* server_spools.c: what the process does for what is kept for later. */
void server_spools_init(struct server *server);
/* Once a second. */
void server_spools_tick(struct server *server);
/* No worker is there any more. */
void server_spools_fini(struct server *server);

/* What loaders of configuration need; `arena` and scope are the caller's to fill in. */
void server_config_context(struct server *server, struct config_context *context);

/* Static resources of the bootstrap (configuration.c). opens: sockets too, else only checked. */
enum status MUST_CHECK server_load_static(struct server *server, bool opens, struct diag *diag);

#endif
