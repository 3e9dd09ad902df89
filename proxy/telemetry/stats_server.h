/* What is counted of the process: server, runtime, files, configuration sources.
 *
 * Names are Envoy's. Above each table: the names of its scopes. The order is that in memory: what
 * is counted together stands together. Thread: constant data. */
#ifndef TELEMETRY_STATS_SERVER_H
#define TELEMETRY_STATS_SERVER_H

#include "telemetry/stats_table.h"

/* clang-format off */

/* "server" */
#define SERVER_STATS(X, S) \
	X(S, CONCURRENCY, "concurrency", GAUGE) \
	X(S, DAYS_UNTIL_FIRST_CERT_EXPIRING, "days_until_first_cert_expiring", GAUGE) \
	X(S, DEBUG_ASSERTION_FAILURES, "debug_assertion_failures", COUNTER) \
	X(S, DROPPED_STAT_FLUSHES, "dropped_stat_flushes", COUNTER) \
	X(S, DYNAMIC_UNKNOWN_FIELDS, "dynamic_unknown_fields", COUNTER) \
	X(S, ENVOY_BUG_FAILURES, "envoy_bug_failures", COUNTER) \
	X(S, ENVOY_NOTIFICATIONS, "envoy_notifications", COUNTER) \
	X(S, HOT_RESTART_EPOCH, "hot_restart_epoch", GAUGE) \
	X(S, LIVE, "live", GAUGE) \
	X(S, MEMORY_ALLOCATED, "memory_allocated", GAUGE) \
	X(S, MEMORY_HEAP_SIZE, "memory_heap_size", GAUGE) \
	X(S, MEMORY_PHYSICAL_SIZE, "memory_physical_size", GAUGE) \
	X(S, PARENT_CONNECTIONS, "parent_connections", GAUGE) \
	X(S, SECONDS_UNTIL_FIRST_OCSP_RESPONSE_EXPIRING, "seconds_until_first_ocsp_response_expiring", GAUGE) \
	X(S, STATE, "state", GAUGE) \
	X(S, STATIC_UNKNOWN_FIELDS, "static_unknown_fields", COUNTER) \
	X(S, STATS_RECENT_LOOKUPS, "stats_recent_lookups", GAUGE) \
	X(S, TOTAL_CONNECTIONS, "total_connections", GAUGE) \
	X(S, UPTIME, "uptime", GAUGE) \
	X(S, VERSION, "version", GAUGE) \
	X(S, WIP_PROTOS, "wip_protos", COUNTER) \
	X(S, INITIALIZATION_TIME_MS, "initialization_time_ms", HISTOGRAM_MS) \
	X(S, COMPILATION_SETTINGS_FIPS_MODE, "compilation_settings.fips_mode", GAUGE) \
	X(S, MAIN_THREAD_WATCHDOG_MEGA_MISS, "main_thread.watchdog_mega_miss", COUNTER) \
	X(S, MAIN_THREAD_WATCHDOG_MISS, "main_thread.watchdog_miss", COUNTER)
STAT_ENUM(server_stat, SERVER_STAT, SERVER_STATS);
extern const struct stat_type server_stats;

/* "drain": connections that are to leave, once a second. OPEN_HTTP1 to OPEN_OTHER in the order of enum
 * served_protocol, IDLE_WAIT to NOT_DRAINABLE in that of enum served_wait, OPEN_UNSPECIFIED to
 * OPEN_OUTBOUND in that of enum listener_direction */
#define DRAIN_STATS(X, S) \
	X(S, CONNECTIONS_OPEN, "connections_open", GAUGE) \
	X(S, OPEN_HTTP1, "open.http1", GAUGE) \
	X(S, OPEN_DUBBO, "open.dubbo", GAUGE) \
	X(S, OPEN_BOLT, "open.bolt", GAUGE) \
	X(S, OPEN_TCP, "open.tcp", GAUGE) \
	X(S, OPEN_OTHER, "open.other", GAUGE) \
	X(S, OPEN_UNSPECIFIED, "open.unspecified", GAUGE) \
	X(S, OPEN_INBOUND, "open.inbound", GAUGE) \
	X(S, OPEN_OUTBOUND, "open.outbound", GAUGE) \
	X(S, IDLE_WAIT, "idle_wait", GAUGE) \
	X(S, BUSY_CALL, "busy_call", GAUGE) \
	X(S, TCP, "tcp", GAUGE) \
	X(S, NOT_DRAINABLE, "not_drainable", GAUGE) \
	X(S, DEADLINE_CLOSED, "deadline_closed", COUNTER)
STAT_ENUM(drain_stat, DRAIN_STAT, DRAIN_STATS);
extern const struct stat_type drain_stats;

/* "runtime" */
#define RUNTIME_STATS(X, S) \
	X(S, ADMIN_OVERRIDES_ACTIVE, "admin_overrides_active", GAUGE) \
	X(S, DEPRECATED_FEATURE_SEEN_SINCE_PROCESS_START, "deprecated_feature_seen_since_process_start", GAUGE) \
	X(S, DEPRECATED_FEATURE_USE, "deprecated_feature_use", COUNTER) \
	X(S, LOAD_ERROR, "load_error", COUNTER) \
	X(S, LOAD_SUCCESS, "load_success", COUNTER) \
	X(S, NUM_KEYS, "num_keys", GAUGE) \
	X(S, NUM_LAYERS, "num_layers", GAUGE) \
	X(S, OVERRIDE_DIR_EXISTS, "override_dir_exists", COUNTER) \
	X(S, OVERRIDE_DIR_NOT_EXISTS, "override_dir_not_exists", COUNTER)
STAT_ENUM(runtime_stat, RUNTIME_STAT, RUNTIME_STATS);
extern const struct stat_type runtime_stats;

/* "filesystem" */
#define FILESYSTEM_STATS(X, S) \
	X(S, FLUSHED_BY_TIMER, "flushed_by_timer", COUNTER) \
	X(S, REOPEN_FAILED, "reopen_failed", COUNTER) \
	X(S, WRITE_BUFFERED, "write_buffered", COUNTER) \
	X(S, WRITE_COMPLETED, "write_completed", COUNTER) \
	X(S, WRITE_FAILED, "write_failed", COUNTER) \
	X(S, WRITE_TOTAL_BUFFERED, "write_total_buffered", GAUGE) \
	X(S, WRITE_DROPPED, "write_dropped", LAZY_COUNTER)
STAT_ENUM(filesystem_stat, FILESYSTEM_STAT, FILESYSTEM_STATS);
extern const struct stat_type filesystem_stats;

/* "main_thread", "workers", "server.worker_<n>" */
#define WATCHDOG_STATS(X, S) \
	X(S, WATCHDOG_MEGA_MISS, "watchdog_mega_miss", COUNTER) \
	X(S, WATCHDOG_MISS, "watchdog_miss", COUNTER)
STAT_ENUM(watchdog_stat, WATCHDOG_STAT, WATCHDOG_STATS);
extern const struct stat_type watchdog_stats;

/* "listener_manager.lds"; and the beginning of the others' tables, so that these ids are theirs too */
#define SUBSCRIPTION_STATS(X, S) \
	X(S, INIT_FETCH_TIMEOUT, "init_fetch_timeout", COUNTER) \
	X(S, UPDATE_ATTEMPT, "update_attempt", COUNTER) \
	X(S, UPDATE_FAILURE, "update_failure", COUNTER) \
	X(S, UPDATE_REJECTED, "update_rejected", COUNTER) \
	X(S, UPDATE_SUCCESS, "update_success", COUNTER) \
	X(S, UPDATE_TIME, "update_time", GAUGE) \
	X(S, VERSION, "version", GAUGE) \
	X(S, VERSION_TEXT, "version_text", TEXT) \
	X(S, UPDATE_DURATION, "update_duration", HISTOGRAM_MS)
STAT_ENUM(subscription_stat, SUBSCRIPTION_STAT, SUBSCRIPTION_STATS);
extern const struct stat_type subscription_stats;

/* "cluster_manager.cds" */
#define CDS_STATS(X, S) \
	SUBSCRIPTION_STATS(X, S) \
	X(S, CONFIG_RELOAD, "config_reload", COUNTER) \
	X(S, CONFIG_RELOAD_TIME_MS, "config_reload_time_ms", GAUGE)
STAT_ENUM(cds_stat, CDS_STAT, CDS_STATS);
extern const struct stat_type cds_stats;

/* "http.<stat_prefix>.rds.<name>" */
#define RDS_STATS(X, S) \
	CDS_STATS(X, S) \
	X(S, UPDATE_EMPTY, "update_empty", COUNTER)
STAT_ENUM(rds_stat, RDS_STAT, RDS_STATS);
extern const struct stat_type rds_stats;

/* "extension_config_discovery.http_filter.<name>" */
#define ECDS_STATS(X, S) \
	SUBSCRIPTION_STATS(X, S) \
	X(S, CONFIG_CONFLICT, "config_conflict", COUNTER) \
	X(S, CONFIG_FAIL, "config_fail", COUNTER) \
	X(S, CONFIG_RELOAD, "config_reload", COUNTER)
STAT_ENUM(ecds_stat, ECDS_STAT, ECDS_STATS);
extern const struct stat_type ecds_stats;

/* "control_plane" */
#define CONTROL_PLANE_STATS(X, S) \
	X(S, CONNECTED_STATE, "connected_state", GAUGE) \
	X(S, PENDING_REQUESTS, "pending_requests", GAUGE) \
	X(S, RATE_LIMIT_ENFORCED, "rate_limit_enforced", COUNTER) \
	X(S, IDENTIFIER, "identifier", TEXT)
STAT_ENUM(control_plane_stat, CONTROL_PLANE_STAT, CONTROL_PLANE_STATS);
extern const struct stat_type control_plane_stats;

/* "overload" */
#define OVERLOAD_STATS(X, S) \
	X(S, REFRESH_INTERVAL_DELAY, "refresh_interval_delay", HISTOGRAM_MS)
STAT_ENUM(overload_stat, OVERLOAD_STAT, OVERLOAD_STATS);
extern const struct stat_type overload_stats;

/* "thread_local_cluster_manager.worker_<n>", "….main_thread" */
#define CLUSTERS_INFLATED_STATS(X, S) \
	X(S, CLUSTERS_INFLATED, "clusters_inflated", GAUGE)
STAT_ENUM(clusters_inflated_stat, CLUSTERS_INFLATED_STAT, CLUSTERS_INFLATED_STATS);
extern const struct stat_type clusters_inflated_stats;

/* "overload.<action>" */
#define OVERLOAD_ACTION_STATS(X, S) \
	X(S, ACTIVE, "active", GAUGE) \
	X(S, SCALE_PERCENT, "scale_percent", GAUGE)
STAT_ENUM(overload_action_stat, OVERLOAD_ACTION_STAT, OVERLOAD_ACTION_STATS);
extern const struct stat_type overload_action_stats;

/* "overload.<resource>" */
#define OVERLOAD_RESOURCE_STATS(X, S) \
	X(S, PRESSURE, "pressure", GAUGE) \
	X(S, FAILED_UPDATES, "failed_updates", COUNTER) \
	X(S, SKIPPED_UPDATES, "skipped_updates", COUNTER)
STAT_ENUM(overload_resource_stat, OVERLOAD_RESOURCE_STAT, OVERLOAD_RESOURCE_STATS);
extern const struct stat_type overload_resource_stats;

/* clang-format on */

#endif
