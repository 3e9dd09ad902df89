#include "filters/sentinel/ops/ops.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/core/sph.h"
#include "filters/sentinel/ops/block_log.h"
#include "filters/sentinel/ops/command.h"
#include "filters/sentinel/ops/heartbeat.h"
#include "filters/sentinel/ops/log_folder.h"
#include "filters/sentinel/ops/metric_collector.h"
#include "filters/sentinel/ops/metric_files.h"
#include "filters/sentinel/ops/metric_writer.h"
#include "filters/sentinel/ops/record_log.h"
#include "filters/sentinel/ops/rolling_file.h"
#include "filters/sentinel/ops/rule_text.h"

enum {
	BLOCK_FILE_SIZE = 300 * 1024 * 1024, /* of the server log, too */
	BLOCK_FILE_BACKUPS = 3,
	LIMIT_APP_MAX = 1024,
	TEXT_MAX = 256,
	RECORDED_RULES = 100, /* of more only the number is told */
};

struct sentinel_ops {
	struct sentinel *sentinel;
	const struct ops_rules *rules;
	void *rules_owner;
	char *log_folder, *metric_base;
	char *command_address; /* NULL: no command centre */
	uint16_t command_port;
	char hostname[TEXT_MAX], ip[TEXT_MAX];
	struct block_log *block_log; /* NULL: not written */
	struct heartbeat *heartbeat; /* NULL: none */
	pthread_t thread;            /* from here to wake_fd: its own */
	bool has_thread, writes_metrics, writes_server;
	struct metric_collector collector;
	_Atomic int64_t first, end; /* seconds of the metric log: main says */
	struct metric_writer writer;
	struct rolling_file block_file, server_file;
	bool metrics_failed, blocks_failed, records_failed, server_failed; /* the last writing */
	struct record_log record_log;                                      /* zeroed: not written */
	uint64_t overflows; /* that it has told of; main's */
	int wake_fd;
	atomic_bool is_stopping;
};

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the thread --- */

static void tell(bool *has_failed, const char *what, enum status status)
{
	if (status && !*has_failed)
		log_warn(SENTINEL, "the %s log can't be written: %s", what, status_text(status));
	*has_failed = status != STATUS_OK;
}

static void write_metrics(struct sentinel_ops *ops, int64_t now_ms)
{
	int64_t first = atomic_load(&ops->first), end_ms = atomic_load(&ops->end) * 1000;
	struct text lines = {0};
	int64_t time_ms;

	if (ops->collector.last + 1 < first)
		ops->collector.last = first - 1;
	if (now_ms > end_ms)
		now_ms = end_ms;
	while (metric_collector_next(&ops->collector, ops->sentinel, now_ms, &lines, &time_ms)) {
		tell(&ops->metrics_failed, "metric",
		     metric_writer_write(&ops->writer, time_ms, text_slice(&lines)));
		lines.len = 0;
	}
	text_free(&lines);
}

static void write_blocks(struct sentinel_ops *ops, int64_t now_ms)
{
	struct text lines = {0};

	block_log_collect(ops->block_log, now_ms, &lines);
	if (lines.len)
		tell(&ops->blocks_failed, "block",
		     rolling_file_append(&ops->block_file, text_slice(&lines)));
	text_free(&lines);
}

static void write_server(struct sentinel_ops *ops, int64_t now_ms)
{
	struct text lines = {0};

	ops->rules->collect(ops->rules_owner, now_ms, &lines);
	if (lines.len)
		tell(&ops->server_failed, "token server's",
		     rolling_file_append(&ops->server_file, text_slice(&lines)));
	text_free(&lines);
}

static void write_logs(struct sentinel_ops *ops, int64_t now_ms)
{
	if (ops->writes_metrics)
		write_metrics(ops, now_ms);
	if (ops->block_log)
		write_blocks(ops, now_ms);
	if (ops->writes_server)
		write_server(ops, now_ms);
	tell(&ops->records_failed, "record", record_log_write(&ops->record_log, now_ms));
}

static void *run(void *arg)
{
	struct sentinel_ops *ops = arg;

	while (!atomic_load(&ops->is_stopping)) {
		struct pollfd wake = {.fd = ops->wake_fd, .events = POLLIN};
		int64_t now = wall_ms();
		poll(&wake, 1, (int)(1000 - (now - OPS_LAG_MS) % 1000));
		write_logs(ops, wall_ms());
	}
	return NULL;
}

static void start_thread(struct sentinel_ops *ops)
{
	sigset_t all, before;

	sigfillset(&all); /* signals are main's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&ops->thread, NULL, run, ops);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ops->has_thread = !error;
	if (error)
		log_warn(SENTINEL, "no thread for logs: %s", status_text(status_of_errno(error)));
	else
		pthread_setname_np(ops->thread, "sentinel logs");
}

/* --- the machine --- */

static void find_ip(char *out, size_t size)
{
	struct ifaddrs *all;

	snprintf(out, size, "127.0.0.1");
	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		char text[INET_ADDRSTRLEN];
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    getnameinfo(i->ifa_addr, sizeof(struct sockaddr_in), text, sizeof text, NULL, 0,
				NI_NUMERICHOST) ||
		    !strncmp(text, "127.", 4))
			continue;
		snprintf(out, size, "%s", text);
		break;
	}
	freeifaddrs(all);
}

static void find_machine(struct sentinel_ops *ops, struct slice client_ip)
{
	if (gethostname(ops->hostname, sizeof ops->hostname))
		snprintf(ops->hostname, sizeof ops->hostname, "localhost");
	ops->hostname[sizeof ops->hostname - 1] = 0;
	if (client_ip.len)
		snprintf(ops->ip, sizeof ops->ip, "%.*s", SLICE_FMT(client_ip));
	else
		find_ip(ops->ip, sizeof ops->ip);
}

/* --- main --- */

static void open_logs(struct sentinel_ops *ops, const struct sentinel_ops_options *options)
{
	ops->log_folder = log_folder_of(options->log_folder);
	ops->metric_base =
		metric_files_base(options->application, options->names_pid ? (int)getpid() : 0);
	ops->writes_metrics = options->writes_metric_log;
	metric_collector_init(&ops->collector, wall_ms());
	atomic_init(&ops->first, 0);
	atomic_init(&ops->end, SENTINEL_OPS_NO_END);
	metric_writer_init(&ops->writer, ops->log_folder, ops->metric_base,
			   options->metric_file_size, options->metric_files, wall_ms());
	rolling_file_init(&ops->block_file, ops->log_folder, "sentinel-block.log", BLOCK_FILE_SIZE,
			  BLOCK_FILE_BACKUPS);
	rolling_file_init(&ops->server_file, ops->log_folder, "sentinel-server.log",
			  BLOCK_FILE_SIZE, BLOCK_FILE_BACKUPS);
	ops->writes_server = options->writes_server_log;
	if (options->writes_block_log)
		ops->block_log = block_log_new(ops->sentinel->options.workers);
	if (options->writes_record_log) {
		record_log_open(&ops->record_log, ops->log_folder,
				options->names_pid ? (int)getpid() : 0);
		record_log_note(&ops->record_log, RECORD_INFO, wall_ms(),
				"App name resolved from the configuration: %.*s",
				SLICE_FMT(options->application));
	}
	if (ops->writes_metrics || ops->block_log || ops->writes_server ||
	    options->writes_record_log)
		start_thread(ops);
}

static void open_heartbeat(struct sentinel_ops *ops, const struct sentinel_ops_options *options)
{
	ops->heartbeat = heartbeat_start(&(struct heartbeat_options){
		.dashboards = options->dashboards,
		.application = options->application,
		.application_type = options->application_type,
		.hostname = slice_of(ops->hostname),
		.ip = slice_of(ops->ip),
		.interval_ms = options->heartbeat_ms,
		.first_ms = options->heartbeat_ms < HEARTBEAT_FIRST_MS ? options->heartbeat_ms : 0,
	});
}

struct sentinel_ops *sentinel_ops_start(struct sentinel *sentinel,
					const struct sentinel_ops_options *options,
					const struct ops_rules *rules, void *rules_owner)
{
	struct slice address = options->command_address;
	struct sentinel_ops *ops = calloc(1, sizeof *ops);

	invariant(ops);
	ops->sentinel = sentinel;
	ops->rules = rules;
	ops->rules_owner = rules_owner;
	ops->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	invariant(ops->wake_fd >= 0);
	find_machine(ops, options->client_ip);
	open_logs(ops, options);
	if (!options->has_command_centre)
		return ops;
	ops->command_port = options->command_port;
	ops->command_address =
		address.len ? strndup(address.data, address.len) : strdup("127.0.0.1");
	invariant(ops->command_address);
	if (options->dashboards.len)
		open_heartbeat(ops, options);
	return ops;
}

void sentinel_ops_stop(struct sentinel_ops *ops)
{
	if (!ops)
		return;
	heartbeat_stop(ops->heartbeat);
	atomic_store(&ops->is_stopping, true);
	eventfd_write(ops->wake_fd, 1);
	if (ops->has_thread)
		pthread_join(ops->thread, NULL);
	write_logs(ops, wall_ms() + 1000);
	metric_writer_close(&ops->writer);
	rolling_file_close(&ops->block_file);
	rolling_file_close(&ops->server_file);
	record_log_close(&ops->record_log);
	block_log_free(ops->block_log);
	close(ops->wake_fd);
	free(ops->log_folder);
	free(ops->metric_base);
	free(ops->command_address);
	free(ops);
}

const char *sentinel_ops_command_address(const struct sentinel_ops *ops)
{
	return ops->command_address;
}

uint16_t sentinel_ops_command_port(const struct sentinel_ops *ops)
{
	return ops->command_port;
}

const struct ops_rules *sentinel_ops_rules(const struct sentinel_ops *ops, void **owner)
{
	*owner = ops->rules_owner;
	return ops->rules;
}

void sentinel_ops_set_port(struct sentinel_ops *ops, uint16_t port)
{
	if (ops->heartbeat)
		heartbeat_set_port(ops->heartbeat, port);
}

void sentinel_ops_context(const struct sentinel_ops *ops, struct command_context *context)
{
	*context = (struct command_context){
		.sentinel = ops->sentinel,
		.metric_folder = ops->log_folder,
		.metric_base = ops->metric_base,
		.hostname = ops->hostname,
		.ip = ops->ip,
		.now_ms = wall_ms(),
	};
	ops->rules->cluster(ops->rules_owner, &context->cluster);
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		context->rule_paths[kind] = ops->rules->path(ops->rules_owner, (enum rule_kind)kind,
							     &context->rule_refusals[kind]);
}

/* --- the record log --- */

static const struct {
	const char *manager, *what;
} managers[RULE_KINDS] = {
	[RULE_FLOW] = {"FlowRuleManager", "Flow"},
	[RULE_DEGRADE] = {"DegradeRuleManager", "Degrade"},
	[RULE_SYSTEM] = {"SystemRuleManager", "System"},
	[RULE_AUTHORITY] = {"AuthorityRuleManager", "Authority"},
	[RULE_PARAM_FLOW] = {"ParamFlowRuleManager", "Parameter flow"},
};

static size_t count_rules(enum rule_kind kind, const struct rule_list *rules)
{
	const size_t counts[RULE_KINDS] = {
		[RULE_FLOW] = rules->flow_count,        [RULE_DEGRADE] = rules->degrade_count,
		[RULE_SYSTEM] = rules->system_count,    [RULE_AUTHORITY] = rules->authority_count,
		[RULE_PARAM_FLOW] = rules->param_count,
	};

	return counts[kind];
}

void sentinel_ops_record_rules(struct sentinel_ops *ops, enum rule_kind kind,
			       const struct rule_list *rules)
{
	size_t count = count_rules(kind, rules);
	struct text text = {0};

	if (count <= RECORDED_RULES)
		rule_text_put(&text, kind, rules);
	else
		text_printf(&text, "%zu rules", count);
	record_log_note(&ops->record_log, RECORD_INFO, wall_ms(), "[%s] %s rules received: %.*s",
			managers[kind].manager, managers[kind].what, SLICE_FMT(text_slice(&text)));
	text_free(&text);
}

void sentinel_ops_record_rejection(struct sentinel_ops *ops, enum rule_kind kind,
				   const char *source, uint32_t index, const char *reason)
{
	record_log_note(&ops->record_log, RECORD_WARNING, wall_ms(),
			"[%s] Ignoring invalid rule when loading new rules: rule %u of %s: %s",
			managers[kind].manager, index, source, reason);
}

void sentinel_ops_record_overflow(struct sentinel_ops *ops, uint64_t overflows)
{
	const struct sentinel_options *options = &ops->sentinel->options;

	if (ops->overflows == overflows)
		return;
	if (!ops->overflows)
		record_log_note(&ops->record_log, RECORD_WARNING, wall_ms(),
				"Amount of resources or contexts exceeds the threshold %u or %u. "
				"Entries in new ones will NOT take effect!",
				options->resources_max, options->contexts_max);
	ops->overflows = overflows;
}

void sentinel_ops_begin_at(struct sentinel_ops *ops, int64_t second)
{
	atomic_store(&ops->first, second);
}

void sentinel_ops_end_at(struct sentinel_ops *ops, int64_t second)
{
	if (second >= 0 && second <= SENTINEL_OPS_NO_END)
		atomic_store(&ops->end, second);
}

uint64_t sentinel_ops_dropped(const struct sentinel_ops *ops)
{
	return ops->block_log ? block_log_dropped(ops->block_log) : 0;
}

void sentinel_ops_blocked(struct sentinel_ops *ops, const struct entry *entry, int64_t now_ms)
{
	const struct entry_request *request = &entry->request;
	char limit_app[LIMIT_APP_MAX];

	if (!ops->block_log || !request->resource)
		return;
	size_t len = block_limit_app(entry, limit_app, sizeof limit_app);
	block_log_note(ops->block_log, entry->worker,
		       &(struct block_note){
			       .resource = request->resource->entry.name,
			       .exception = slice_of(block_exception_name(entry->block.exception)),
			       .limit_app = slice_make(limit_app, len),
			       .origin = request->origin,
			       .rule_id = entry->block.rule ? entry->block.rule->id : 0,
			       .count = request->count,
		       },
		       now_ms);
}
