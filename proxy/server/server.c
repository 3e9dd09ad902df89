#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shared.h"
#include "server/listen_sockets.h"
#include "stream/stream.h"
#include "telemetry/access_log.h"
#include "telemetry/log_writer.h"
#include "telemetry/stats_config.h"
#include "telemetry/stats_network.h"
#include "telemetry/stats_server.h"
#include "upstream/config_values.h"

enum {
	DIAG_TEXT_MAX = 2048,
	STATS_FLUSH_MS = 5000,
	MESSAGES_A_TURN = 32, /* of workers and the builder; then /ready has its turn */
};

/* what: said first where the diag names no file. */
static void complain(const struct diag *diag, const char *what)
{
	char text[DIAG_TEXT_MAX];
	bool has_file = diag->file[0];

	diag_format(diag, text, sizeof text);
	log_critical(MAIN, "%s%s%s", has_file ? "" : what, has_file ? "" : ": ", text);
}

/* --- main's loop --- */

static void on_woken(struct loop *loop)
{
	struct server *server = container_of(loop, struct server, loop);
	mailbox_drain_some(&server->mailbox, MESSAGES_A_TURN);
}

static void keep(struct pin_table *table, struct published *object)
{
	(void)table;
	(void)object; /* main's own table holds nothing */
}

static void show_heap(struct server *server, const struct mallinfo2 *heap)
{
	struct stats_shard *shard = stats_main_shard(server->stats);

	stat_gauge_set(shard, server->scope, SERVER_STAT_MEMORY_ALLOCATED, heap->uordblks);
	stat_gauge_set(shard, server->scope, SERVER_STAT_MEMORY_HEAP_SIZE,
		       heap->arena + heap->hblkhd);
}

static void look_at_heap(struct builder_job *job)
{
	container_of(job, struct heap_look, job)->heap = mallinfo2();
}

static void on_heap_seen(struct builder_job *job)
{
	struct heap_look *look = container_of(job, struct heap_look, job);
	struct server *server = container_of(look, struct server, heap_look);

	look->is_out = false;
	show_heap(server, &look->heap);
}

/* The C library goes through all that is free: 15 ms after 200,000 endpoints have gone. A process
 * that has had no work for the builder has no such heap. */
static void look_at_heap_soon(struct server *server)
{
	struct builder *builder = &server->dynamic.subscriptions.builder;
	struct heap_look *look = &server->heap_look;

	if (look->is_out)
		return;
	look->job = (struct builder_job){.run = look_at_heap, .done = on_heap_seen};
	look->is_out = builder->is_started && !builder_post(builder, &look->job);
	if (!look->is_out) {
		look->heap = mallinfo2();
		show_heap(server, &look->heap);
	}
}

static void show_server_stats(struct server *server)
{
	struct stats_shard *shard = stats_main_shard(server->stats);

	stat_gauge_set(shard, server->scope, SERVER_STAT_UPTIME,
		       (server->loop.now_ns - server->start_ns) / 1000000000);
	server_show_state(server);
	look_at_heap_soon(server);
}

enum server_state server_shown_state(const struct server *server)
{
	return server->state == SERVER_LIVE && server->is_health_check_failing ? SERVER_DRAINING
									       : server->state;
}

void server_show_state(struct server *server)
{
	struct stats_shard *shard = stats_main_shard(server->stats);
	enum server_state state = server_shown_state(server);

	stat_gauge_set(shard, server->scope, SERVER_STAT_STATE, state);
	stat_gauge_set(shard, server->scope, SERVER_STAT_LIVE, state == SERVER_LIVE);
}

/* Ends an interval of the histograms: stats_flush_interval. */
static void on_flush_stats(struct timer *timer)
{
	struct server *server = container_of(timer, struct server, flush_timer);

	stats_flush(server->stats);
	timer_start(&server->loop.wheel, timer, server->flush_interval_ms);
}

static void on_second(struct timer *timer)
{
	struct server *server = container_of(timer, struct server, second_timer);

	timer_start(&server->loop.wheel, timer, 1000);
	show_server_stats(server);
	subscriptions_tick(&server->dynamic.subscriptions);
	sentinel_applications_tick(&server->sentinel);
	server_spools_tick(server);
	upgrade_tick(&server->upgrade);
}

/* --- signals --- */

static void start_successor(struct server *server)
{
	struct diag diag = {.line = 0};

	if (upgrade_start(&server->upgrade, &diag))
		log_warn(HOTRESTART, "SIGUSR2: no upgrade: %s", diag.text);
}

static void on_signal(struct io *io, int interest)
{
	struct server *server = container_of(io, struct server, signals);
	struct signalfd_siginfo info;

	(void)interest;
	while (read(io_fd(io), &info, sizeof info) == sizeof info) {
		switch (info.ssi_signo) {
		case SIGTERM:
			server_drain(server);
			break;
		case SIGINT:
			server_stop(server);
			break;
		case SIGUSR1:
			server_reopen_logs(server);
			break;
		case SIGUSR2:
			start_successor(server);
			break;
		case SIGCHLD:
			upgrade_reap(&server->upgrade);
			break;
		default:
			break;
		}
	}
}

static enum status watch_signals(struct server *server)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return status_of_errno(errno);
	server->has_signals = true;
	io_init(&server->signals, fd, on_signal);
	io_watch(&server->loop, &server->signals, IO_READ);
	return STATUS_OK;
}

void server_reopen_logs(struct server *server)
{
	process_log_reopen(&server->log);
	access_log_files_reopen(server->log_files);
}

void server_on_worker_event(void *receiver, enum main_event event, void *subject)
{
	struct server *server = receiver;

	switch (event) {
	case MAIN_REFERENCE_BACK:
		published_drop(subject);
		break;
	case MAIN_SOCKETS_RELEASED:
		listen_sockets_drop(subject);
		break;
	case MAIN_HOST_REPORT:
		cluster_manager_report(&server->clusters, subject);
		free(subject);
		break;
	case MAIN_ERRAND_DONE:
		server_sentinel_errand_done(subject);
		break;
	case MAIN_PARKED:
		upgrade_on_parked(&server->upgrade);
		break;
	case MAIN_GIVEN:
		giving_take(&server->upgrade.giving, subject);
		break;
	case MAIN_GIVING_OVER:
		upgrade_on_giving_over(&server->upgrade);
		break;
	case MAIN_ADOPTING_OVER:
		adopting_end_one(&server->upgrade.adopting);
		break;
	case MAIN_SAYS:
		upgrade_on_saying(&server->upgrade, subject);
		break;
	case MAIN_DRAINED:
		drain_manager_worker_left(&server->drains);
		break;
	case MAIN_DRAIN_LOOK:
		drain_manager_seen(&server->drains, subject);
		free(subject);
		break;
	case MAIN_LISTENER_DRAIN:
		drain_manager_version(&server->drains, subject);
		free(subject);
		break;
	}
}

/* --- the beginning and the end --- */

static void *run_log_writer(void *files)
{
	log_writer_run(files);
	return NULL;
}

static enum status start_log_writer(struct server *server)
{
	log_queue_begin(log_writer_wake, server->log_files); /* the thread looks at the queue */
	int error = pthread_create(&server->log_writer, NULL, run_log_writer, server->log_files);

	server->has_log_writer = !error;
	if (error)
		log_queue_end();
	else
		pthread_setname_np(server->log_writer, "writer");
	return error ? status_of_errno(error) : STATUS_OK;
}

static enum status start_workers(struct server *server)
{
	unsigned count =
		server->options->concurrency ? server->options->concurrency : options_cpus();

	server->workers = calloc(count, sizeof *server->workers);
	invariant(server->workers);
	for (unsigned i = 0; i < count; i++) {
		server->workers[i] = worker_new(i, &server->mailbox, server->stats);
		if (!server->workers[i])
			return STATUS_EXHAUSTED;
		struct worker_context *context = &server->workers[i]->context;
		context->logs = log_worker_new(server->log_files, context->stats);
		worker_drain_init(server->workers[i], server->drains.times.drain_ms,
				  server->options->is_drain_gradual);
		server->workers[i]->loop.shares_fds = server->upgrade.is_on;
		server->workers[i]->shares_sockets = upgrade_is_taking(&server->upgrade);
		server->worker_count++;
	}
	server->publisher.workers = server->workers;
	server->publisher.worker_count = server->drains.worker_count = count;
	server->sentinel.workers = server->spools.workers = count;
	stat_gauge_set(stats_main_shard(server->stats), server->scope, SERVER_STAT_CONCURRENCY,
		       count);
	return STATUS_OK;
}

static void init_main_context(struct server *server)
{
	struct worker_context *context = &server->context;

	context->loop = &server->loop;
	context->index = UINT16_MAX;
	context->next_id = (uint64_t)UINT16_MAX << 48;
	context->stats = stats_main_shard(server->stats);
	pin_table_init(&context->pins, keep);
	random_init(&context->random, server->loop.wall_ns);
	list_init(&context->served);
}

/* Listeners open when every cluster that was configured at the start knows its hosts, and every
 * listener its routes. */
void server_advance(struct server *server)
{
	if (server->state != SERVER_INITIALIZING || server->clusters.warming ||
	    !dynamic_is_ready(&server->dynamic))
		return;
	if (upgrade_is_taking(&server->upgrade)) {
		upgrade_warmed(&server->upgrade);
		return;
	}
	server_go_live(server);
	upgrade_live(&server->upgrade);
}

void server_go_live(struct server *server)
{
	server->state = SERVER_LIVE;
	stat_gauge_set(stats_main_shard(server->stats), server->listeners.scope,
		       LISTENER_MANAGER_STAT_WORKERS_STARTED, 1);
	server->publisher.is_held = false;
	publisher_send(&server->publisher);
	show_server_stats(server);
	log_info(MAIN, "serving with %u workers", server->worker_count);
}

static void on_warmed(struct cluster_manager *manager)
{
	server_advance(manager->owner);
}

static void on_hosts_settled(struct cluster_manager *manager)
{
	struct server *server = manager->owner;
	dynamic_settle(&server->dynamic);
}

enum status server_write_file(const char *path, const char *flag, const char *text,
			      struct diag *diag)
{
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!path)
		return STATUS_OK;
	bool is_written = file && fputs(text, file) >= 0;
	if ((file && fclose(file)) || !is_written)
		return diag_at(diag, flag, "cannot write '%s': %s", path,
			       status_text(status_of_errno(errno)));
	return STATUS_OK;
}

enum status server_write_pid(struct server *server, struct diag *diag)
{
	char text[24];

	snprintf(text, sizeof text, "%ld\n", (long)getpid());
	return server_write_file(server->options->pid_file, "--pid-file", text, diag);
}

static enum status init(struct server *server, const struct options *options, struct diag *diag)
{
	server->options = options;
	server->state = SERVER_PRE_INITIALIZING;
	enum status status = loop_init(&server->loop, server);
	if (status)
		return diag_set(diag, "no event set: %s", status_text(status));
	server->loop.woken = on_woken;
	server->start_ns = server->loop.now_ns;
	server->start_wall_ns = server->loop.wall_ns;
	mailbox_init(&server->mailbox, &server->loop, server);
	server->stats = stats_new();
	server->scope = stat_scope_take(server->stats, &server_stats, SLICE("server"));
	server->runtime_scope = stat_scope_take(server->stats, &runtime_stats, SLICE("runtime"));
	server->log_files = access_log_files_new(server->stats, options->file_flush_interval_ms,
						 options->file_flush_min_size_kb);
	init_main_context(server);
	publisher_init(&server->publisher, &server->mailbox);
	cluster_manager_init(&server->clusters, &server->publisher, &server->loop,
			     &server->context.random, server->stats);
	server->publisher.is_held = true;
	server->clusters.warmed = on_warmed;
	server->clusters.settled = on_hosts_settled;
	server->clusters.owner = server;
	server->clusters.builder = &server->dynamic.subscriptions.builder;
	listener_manager_init(&server->listeners, &server->publisher, server->stats);
	server_drain_init(server);
	timer_init(&server->second_timer, on_second);
	timer_init(&server->flush_timer, on_flush_stats);
	dynamic_init(&server->dynamic, server);
	server_sentinel_init(server);
	server_spools_init(server);
	admin_init(&server->admin, server);
	upgrade_init(&server->upgrade, server);
	return STATUS_OK;
}

static void finish(struct server *server)
{
	upgrade_stop(&server->upgrade);
	admin_stop(&server->admin);
	server_sentinel_stop(server);
	dynamic_stop(&server->dynamic);
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_stop(server->workers[i]);
	sentinel_applications_leave(&server->sentinel);
	spools_leave(&server->spools);
	listener_manager_fini(&server->listeners);
	cluster_manager_fini(&server->clusters);
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct log_worker *logs = server->workers[i]->context.logs;
		worker_free(server->workers[i]);
		log_worker_free(logs);
	}
	free(server->workers);
	server->publisher.workers = NULL;
	mailbox_drain(&server->mailbox);
	listen_sockets_close_rest(&server->listeners.sockets);
	drain_manager_fini(&server->drains);
	admin_fini(&server->admin);
	publisher_fini(&server->publisher);
	sentinel_applications_fini(&server->sentinel);
	dynamic_fini(&server->dynamic);
	server_spools_fini(server);
	stream_free_spares(&server->context);
	if (server->has_log_writer) {
		log_writer_stop(server->log_files);
		pthread_join(server->log_writer, NULL);
		log_queue_end();
	}
	access_log_files_free(server->log_files);
	stat_scope_drop(server->stats, server->scope);
	stat_scope_drop(server->stats, server->runtime_scope);
	if (server->has_signals) {
		io_watch(&server->loop, &server->signals, IO_NONE);
		close(io_fd(&server->signals));
	}
	timer_cancel(&server->loop.wheel, &server->second_timer);
	timer_cancel(&server->loop.wheel, &server->flush_timer);
	upgrade_fini(&server->upgrade);
	loop_fini(&server->loop);
	stats_free(server->stats);
	bootstrap_free(&server->bootstrap);
}

static void report(void *context, const struct diag *diag, bool is_fault)
{
	char text[DIAG_TEXT_MAX];

	(void)context;
	diag_format(diag, text, sizeof text);
	if (is_fault)
		log_error(CONFIG, "%s", text);
	else
		log_warn(CONFIG, "%s", text);
}

static enum status load(struct server *server, struct diag *diag)
{
	struct bootstrap_options options = {
		.path = server->options->config_path,
		.yaml = server->options->config_yaml,
		.allow_unknown = server->options->allows_unknown_static,
		.report = report,
	};
	enum status status = bootstrap_load(&server->bootstrap, &options, diag);
	if (status)
		return status;
	server->flush_interval_ms = STATS_FLUSH_MS;
	status = config_ms(server->bootstrap.message->stats_flush_interval, "stats_flush_interval",
			   &server->flush_interval_ms, diag);
	if (status)
		return status;
	status = stats_configure(server->stats, server->bootstrap.message->stats_config, diag);
	if (status)
		diag_prefix(diag, "stats_config");
	return status;
}

/* Access to more descriptors than the usual 1024 is asked for, as far as the hard limit goes. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum status serve(struct server *server, struct diag *diag)
{
	enum status status = watch_signals(server);

	if (status)
		return diag_set(diag, "no signals: %s", status_text(status));
	/* a predecessor is the one to signal until it has yielded */
	if (!upgrade_is_taking(&server->upgrade) && (status = server_write_pid(server, diag)))
		return status;
	if (start_log_writer(server))
		return diag_set(diag, "cannot start a thread");
	if (start_workers(server))
		return diag_set(diag, "no workers: the system gives no more event sets");
	status = server_load_static(server, true, diag);
	if (!status)
		status = admin_bind(&server->admin, diag);
	if (!status &&
	    !upgrade_is_taking(&server->upgrade)) /* it is answered at once from now on */
		status = admin_start(&server->admin, diag);
	if (status)
		return status;
	server->state = SERVER_INITIALIZING;
	server_advance(server);
	for (unsigned i = 0; i < server->worker_count; i++)
		if (worker_start(server->workers[i]))
			return diag_set(diag, "cannot start a thread");
	on_second(&server->second_timer);
	timer_start(&server->loop.wheel, &server->flush_timer, server->flush_interval_ms);
	loop_run(&server->loop);
	return STATUS_OK;
}

static bool set_up_log(struct process_log *log, const struct options *options)
{
	struct diag diag = {0};
	enum status status = process_log_set_up(log, options, &diag);

	if (status)
		complain(&diag, "log settings");
	return !status;
}

int server_run(const struct options *options)
{
	struct server *server = calloc(1, sizeof *server);
	struct diag diag = {0};
	int exit_code = 1;

	invariant(server);
	raise_file_limit();
	if (!set_up_log(&server->log, options)) {
		free(server);
		return 1;
	}
	if (init(server, options, &diag)) {
		complain(&diag, "the start");
		process_log_close(&server->log);
		free(server);
		return 1;
	}
	enum status status = upgrade_begin(&server->upgrade, &diag);
	if (status) {
		complain(&diag, "upgrade");
		finish(server);
		process_log_close(&server->log);
		free(server);
		return UPGRADE_EXIT_REFUSED;
	}
	status = load(server, &diag);
	if (!status && options->mode == MODE_SERVE)
		status = serve(server, &diag);
	else if (!status)
		status = server_load_static(server, false, &diag);
	if (status) {
		upgrade_refuse(&server->upgrade, &diag);
		complain(&diag, options->config_path ? options->config_path : "configuration");
		if (options->mode != MODE_SERVE)
			fprintf(stderr, "error initializing configuration\n");
	} else {
		exit_code = server->upgrade.has_failed ? UPGRADE_EXIT_REFUSED : 0;
		if (options->mode == MODE_VALIDATE)
			printf("configuration '%s' OK\n",
			       options->config_path ? options->config_path : "");
	}
	finish(server);
	process_log_close(&server->log);
	free(server);
	return exit_code;
}
