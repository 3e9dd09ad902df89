#include "server/options.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "filters/registry.h"
#include "net/conn_filter.h"
#include "server/version.h"
#include "stream/filter.h"

/* Where a flag's value goes. */
enum flag_kind {
	FLAG_TEXT,
	FLAG_NUMBER,
	FLAG_TRUE,
	FLAG_LOG_LEVEL,
	FLAG_MODE,
	FLAG_DRAIN_STRATEGY,
	FLAG_IGNORED,       /* Envoy's, without a meaning here; takes a value */
	FLAG_IGNORED_ALONE, /* the same without a value */
	FLAG_HELP,
	FLAG_VERSION,
};

struct flag {
	const char *name;
	char letter; /* 0: none */
	enum flag_kind kind;
	size_t offset; /* in struct options */
	const char *value, *help;
};

#define TO(member) offsetof(struct options, member)

static const struct flag flags[] = {
	{"config-path", 'c', FLAG_TEXT, TO(config_path), "FILE",
	 "bootstrap configuration (.yaml, .json)"},
	{"config-yaml", 0, FLAG_TEXT, TO(config_yaml), "TEXT",
	 "bootstrap in line; merged over the file"},
	{"mode", 0, FLAG_MODE, TO(mode), "MODE",
	 "serve | validate (check the configuration, exit 0 or 1) | init_only | await "
	 "(--ready-file)"},
	{"concurrency", 0, FLAG_NUMBER, TO(concurrency), "N",
	 "worker threads (default: CPUs of affinity and cgroup)"},
	{"log-level", 'l', FLAG_LOG_LEVEL, TO(log_level), "LEVEL",
	 "trace|debug|info|warning|error|critical|off"},
	{"component-log-level", 0, FLAG_TEXT, TO(component_log_level), "LIST",
	 "upstream:debug,config:trace"},
	{"log-format", 0, FLAG_TEXT, TO(log_format), "TEXT",
	 "of the process log, in spdlog's terms"},
	{"log-path", 0, FLAG_TEXT, TO(log_path), "FILE", "process log (default: standard error)"},
	{"allow-unknown-static-fields", 0, FLAG_TRUE, TO(allows_unknown_static), NULL,
	 "unknown fields are warnings"},
	{"allow-unknown-fields", 0, FLAG_TRUE, TO(allows_unknown_static), NULL,
	 "the same, by its older name"},
	{"reject-unknown-dynamic-fields", 0, FLAG_TRUE, TO(rejects_unknown_dynamic), NULL,
	 "in watched files too they are errors"},
	{"ignore-unknown-dynamic-fields", 0, FLAG_TRUE, TO(ignores_unknown_dynamic), NULL,
	 "there they aren't even warnings"},
	{"service-node", 0, FLAG_TEXT, TO(service_node), "ID", "node.id"},
	{"service-cluster", 0, FLAG_TEXT, TO(service_cluster), "NAME", "node.cluster"},
	{"service-zone", 0, FLAG_TEXT, TO(service_zone), "ZONE", "node.locality.zone"},
	{"admin-address-path", 0, FLAG_TEXT, TO(admin_address_path), "FILE",
	 "where the admin page's address is written"},
	{"drain-time-s", 0, FLAG_NUMBER, TO(drain_time_s), "S", "how long a drain may last (600)"},
	{"min-drain-time-s", 0, FLAG_NUMBER, TO(min_drain_time_s), "S",
	 "how long SIGTERM goes on accepting while clients are asked to leave (0)"},
	{"drain-strategy", 0, FLAG_DRAIN_STRATEGY, TO(is_drain_gradual), "HOW",
	 "gradual | immediate"},
	{"parent-shutdown-time-s", 0, FLAG_NUMBER, TO(parent_shutdown_time_s), "S",
	 "when a replaced process ends (900)"},
	{"base-id", 0, FLAG_NUMBER, TO(base_id), "N", "tells processes of one machine apart"},
	{"restart-epoch", 0, FLAG_NUMBER, TO(restart_epoch), "N", "0 at the first start"},
	{"disable-hot-restart", 0, FLAG_TRUE, TO(disables_hot_restart), NULL,
	 "this process replaces none"},
	{"file-flush-interval-msec", 0, FLAG_NUMBER, TO(file_flush_interval_ms), "MS",
	 "of access logs (10000)"},
	{"file-flush-min-size-kb", 0, FLAG_NUMBER, TO(file_flush_min_size_kb), "KB",
	 "of access logs (64)"},
	{"pid-file", 0, FLAG_TEXT, TO(pid_file), "FILE", "where the process id is written"},
	{"upgrade-socket", 0, FLAG_TEXT, TO(upgrade_socket), "PATH",
	 "processes of one service meet here: the newer one takes over"},
	{"upgrade", 0, FLAG_TRUE, TO(is_upgrade), NULL,
	 "take over, or end with an error if nobody serves"},
	{"supervise", 0, FLAG_TRUE, TO(is_supervisor), NULL,
	 "start and replace the process that serves, as process 1 does by itself"},
	{"ready-file", 0, FLAG_TEXT, TO(ready_file), "FILE",
	 "supervisor: it is there while this container serves or idles; --mode await waits for it"},
	{"bootstrap-version", 0, FLAG_IGNORED, 0, NULL, NULL},
	{"hot-restart-version", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"use-dynamic-base-id", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"base-id-path", 0, FLAG_IGNORED, 0, NULL, NULL},
	{"socket-path", 0, FLAG_IGNORED, 0, NULL, NULL},
	{"socket-mode", 0, FLAG_IGNORED, 0, NULL, NULL},
	{"local-address-ip-version", 0, FLAG_IGNORED, 0, NULL, NULL},
	{"log-format-escaped", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"enable-fine-grain-logging", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"enable-mutex-tracing", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"cpuset-threads", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"enable-core-dump", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"skip-hot-restart-on-no-parent", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"skip-hot-restart-parent-stats", 0, FLAG_IGNORED_ALONE, 0, NULL, NULL},
	{"disable-extensions", 0, FLAG_IGNORED, 0, NULL, NULL},
	{"stats-tag", 0, FLAG_IGNORED, 0, NULL, NULL},
	{"help", 'h', FLAG_HELP, 0, NULL, "this text"},
	{"version", 0, FLAG_VERSION, 0, NULL, "name and version"},
};

#undef TO

static void print_filters(void)
{
	puts("\nConnection filters of a listener's filter_chains, which serve a connection (*) or "
	     "let it in;\nthe \"@type\" of each is type.googleapis.com/ and:");
	for (const struct conn_filter_type *const *type = conn_filter_types; *type; type++)
		printf("  %c %s\n", (*type)->serve ? '*' : ' ', (*type)->message->name);
	puts("\nFilters of messages, for http_filters, dubbo_filters and bolt_filters; (*) is the "
	     "last of a chain:");
	for (const struct filter_type *const *type = filter_types; *type; type++)
		printf("  %c %s\n", (*type)->is_terminal ? '*' : ' ', (*type)->message->name);
}

static void print_help(void)
{
	puts("Outrigger: a sidecar service-mesh proxy.\n\n"
	     "  outrigger -c FILE                     serve by a configuration\n"
	     "  outrigger -c FILE --mode validate     only check it: path, line and reason of what "
	     "is wrong\n\n"
	     "A first try, with the admin page on http://127.0.0.1:9901/ and answers on port "
	     "10080:\n"
	     "  outrigger --config-yaml '\n"
	     "    admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}\n"
	     "    static_resources: {listeners: [{name: first,\n"
	     "      address: {socket_address: {address: 127.0.0.1, port_value: 10080}},\n"
	     "      filter_chains: [{filters: [{name: hello, typed_config: {\n"
	     "        \"@type\": type.googleapis.com/"
	     "envoy.extensions.filters.network.direct_response.v3.Config,\n"
	     "        response: {inline_string: \"hello\\n\"}}}]}]}]}'\n\n"
	     "Flags (Envoy's, where the meaning is equal):");
	for (unsigned i = 0; i < COUNT_OF(flags); i++) {
		const struct flag *f = &flags[i];
		char left[64];
		if (!f->help)
			continue;
		snprintf(left, sizeof left, "%s%c%s--%s%s%s", f->letter ? "-" : " ",
			 f->letter ? f->letter : ' ', f->letter ? ", " : "  ", f->name,
			 f->value ? " " : "", f->value ? f->value : "");
		printf("  %-40s %s\n", left, f->help);
	}
	puts("\nFlags of Envoy that mean nothing here are taken and ignored.\n"
	     "Signals: SIGTERM drains and ends, SIGINT ends, SIGUSR1 reopens log files, SIGUSR2 "
	     "starts a successor\n(with --upgrade-socket); a supervisor's go to the process that "
	     "it supervises.\n"
	     "See README.md for a first configuration, explained line by line; configs/ has "
	     "whole ones.");
	print_filters();
}

static bool wrong(const struct flag *flag, const char *value, const char *expected)
{
	fprintf(stderr, "outrigger: --%s: '%s' is not %s (see --help)\n", flag->name, value,
		expected);
	return false;
}

static bool set_number(const struct flag *flag, const char *value, void *to)
{
	uint64_t n;
	if (!slice_to_uint64(slice_of(value), &n) || n > UINT32_MAX)
		return wrong(flag, value, "a number");
	*(uint32_t *)to = (uint32_t)n;
	return true;
}

static bool set_log_level(const struct flag *flag, const char *value, void *to)
{
	return log_level_parse(slice_of(value), to) ||
	       wrong(flag, value, "trace, debug, info, warning, error, critical or off");
}

static bool set_mode(const struct flag *flag, const char *value, void *to)
{
	static const char *const names[] = {"serve", "validate", "init_only", "await"};
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		if (!strcmp(value, names[i])) {
			*(enum server_mode *)to = (enum server_mode)i;
			return true;
		}
	}
	return wrong(flag, value, "serve, validate, init_only or await");
}

static bool set_drain_strategy(const struct flag *flag, const char *value, void *to)
{
	*(bool *)to = !strcmp(value, "gradual");
	return *(bool *)to || !strcmp(value, "immediate") ||
	       wrong(flag, value, "gradual or immediate");
}

static bool set(struct options *options, const struct flag *flag, const char *value)
{
	void *to = (char *)options + flag->offset;

	switch (flag->kind) {
	case FLAG_TEXT:
		*(const char **)to = value;
		return true;
	case FLAG_NUMBER:
		return set_number(flag, value, to);
	case FLAG_TRUE:
		*(bool *)to = true;
		return true;
	case FLAG_LOG_LEVEL:
		return set_log_level(flag, value, to);
	case FLAG_MODE:
		return set_mode(flag, value, to);
	case FLAG_DRAIN_STRATEGY:
		return set_drain_strategy(flag, value, to);
	case FLAG_IGNORED:
	case FLAG_IGNORED_ALONE:
	case FLAG_HELP:
	case FLAG_VERSION:
		return true;
	}
	return false;
}

static bool takes_value(const struct flag *flag)
{
	return flag->kind != FLAG_TRUE && flag->kind != FLAG_IGNORED_ALONE &&
	       flag->kind != FLAG_HELP && flag->kind != FLAG_VERSION;
}

static const struct flag *flag_of(int found)
{
	if (found >= 256)
		return &flags[found - 256];
	for (unsigned i = 0; i < COUNT_OF(flags); i++)
		if (flags[i].letter == found)
			return &flags[i];
	return NULL;
}

enum options_result options_parse(struct options *options, int argc, char **argv)
{
	struct option longs[COUNT_OF(flags) + 1] = {{0}};

	*options = (struct options){.log_level = LOG_LEVEL_INFO,
				    .drain_time_s = 600,
				    .parent_shutdown_time_s = 900,
				    .file_flush_interval_ms = 10000,
				    .file_flush_min_size_kb = 64,
				    .is_drain_gradual = true,
				    .argv = argv};
	for (unsigned i = 0; i < COUNT_OF(flags); i++)
		longs[i] = (struct option){flags[i].name,
					   takes_value(&flags[i]) ? required_argument : no_argument,
					   NULL, (int)(256 + i)};
	for (int found; (found = getopt_long(argc, argv, "c:l:h", longs, NULL)) != -1;) {
		const struct flag *flag = found == '?' ? NULL : flag_of(found);
		if (!flag) {
			fputs("outrigger: see --help for the flags there are\n", stderr);
			return OPTIONS_WRONG;
		}
		if (flag->kind == FLAG_HELP) {
			print_help();
			return OPTIONS_DONE;
		}
		if (flag->kind == FLAG_VERSION) {
			printf("outrigger  version: %s\n", OUTRIGGER_VERSION);
			return OPTIONS_DONE;
		}
		if (!set(options, flag, optarg))
			return OPTIONS_WRONG;
	}
	if (optind < argc) {
		fprintf(stderr, "outrigger: '%s' is no flag (see --help)\n", argv[optind]);
		return OPTIONS_WRONG;
	}
	if (options->is_upgrade && !options->upgrade_socket) {
		fputs("outrigger: --upgrade needs --upgrade-socket (see --help)\n", stderr);
		return OPTIONS_WRONG;
	}
	if ((options->is_supervisor || options->ready_file) && options->mode == MODE_SERVE &&
	    !options->upgrade_socket) {
		fputs("outrigger: --supervise and --ready-file need --upgrade-socket (see "
		      "--help)\n",
		      stderr);
		return OPTIONS_WRONG;
	}
	if (options->mode == MODE_AWAIT && !options->ready_file) {
		fputs("outrigger: --mode await needs --ready-file (see --help)\n", stderr);
		return OPTIONS_WRONG;
	}
	if (options->mode != MODE_AWAIT && !options->config_path && !options->config_yaml) {
		fputs("outrigger: no configuration: give -c FILE or --config-yaml TEXT (see "
		      "--help)\n",
		      stderr);
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}

/* Hundredths of a CPU that the cgroup grants, or 0: no quota. */
static unsigned cgroup_quota(void)
{
	long quota = 0, period = 0;
	FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%ld %ld", &quota, &period) != 2)
		quota = 0;
	fclose(file);
	return quota > 0 && period > 0 ? (unsigned)(quota * 100 / period) : 0;
}

unsigned options_cpus(void)
{
	cpu_set_t set;
	unsigned cpus = 1, quota = cgroup_quota();

	if (!sched_getaffinity(0, sizeof set, &set))
		cpus = (unsigned)CPU_COUNT(&set);
	if (quota && (quota + 99) / 100 < cpus)
		cpus = (quota + 99) / 100;
	return cpus ? cpus : 1;
}
