/* The command line: Envoy's flags where the meaning is equal, so that a script that starts Envoy
 * starts Outrigger.
 *
 * Owner: main's stack; strings are argv's. Thread: main, before anything else runs. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"

enum server_mode {
	MODE_SERVE,
	MODE_VALIDATE,
	MODE_INIT_ONLY,
	MODE_AWAIT, /* until the ready file is there */
};

struct options {
	const char *config_path, *config_yaml;
	const char *service_node, *service_cluster, *service_zone;
	const char *log_path, *log_format, *component_log_level;
	const char *admin_address_path, *pid_file;
	const char
		*upgrade_socket; /* where processes of this service meet; NULL: none replaces it */
	const char *ready_file;  /* there as long as a supervisor's container is as it should be */
	char *const *argv;       /* main's */
	enum log_level log_level;
	enum server_mode mode;
	unsigned concurrency; /* 0: as many as the CPUs this process may use */
	uint32_t drain_time_s, min_drain_time_s, parent_shutdown_time_s, base_id, restart_epoch;
	uint32_t file_flush_interval_ms, file_flush_min_size_kb;
	bool is_drain_gradual;
	bool allows_unknown_static, rejects_unknown_dynamic, ignores_unknown_dynamic;
	bool disables_hot_restart, disables_extensions;
	bool is_upgrade; /* there must be a process to take over from */
	bool is_supervisor;
	pid_t supervisor; /* the process that started this one and supervises it; 0: none */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,  /* --help, --version: was printed, exit 0 */
	OPTIONS_WRONG, /* was told on stderr, exit 1 */
};

enum options_result options_parse(struct options *options, int argc, char **argv);

/* CPUs by affinity and cgroup quota, rounded up; at least 1. */
unsigned options_cpus(void);

#endif
