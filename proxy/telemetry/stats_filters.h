/* What is counted of the HTTP filters that Envoy has too.
 *
 * Names are Envoy's. Above each table: the names of its scopes. The order is that in memory: what
 * is counted together stands together. Thread: constant data. */
#ifndef TELEMETRY_STATS_FILTERS_H
#define TELEMETRY_STATS_FILTERS_H

#include "telemetry/stats_table.h"

/* clang-format off */

/* "<stat_prefix>.http_local_rate_limit" */
#define LOCAL_RATELIMIT_STATS(X, S) \
	X(S, ENABLED, "enabled", COUNTER) \
	X(S, ENFORCED, "enforced", COUNTER) \
	X(S, OK, "ok", COUNTER) \
	X(S, RATE_LIMITED, "rate_limited", COUNTER) \
	X(S, SHADOW_MODE, "shadow_mode", COUNTER)
STAT_ENUM(local_ratelimit_stat, LOCAL_RATELIMIT_STAT, LOCAL_RATELIMIT_STATS);
extern const struct stat_type local_ratelimit_stats;

/* "http.<stat_prefix>.fault" */
#define FAULT_STATS(X, S) \
	X(S, ABORTS_INJECTED, "aborts_injected", COUNTER) \
	X(S, ACTIVE_FAULTS, "active_faults", GAUGE) \
	X(S, DELAYS_INJECTED, "delays_injected", COUNTER) \
	X(S, FAULTS_OVERFLOW, "faults_overflow", COUNTER) \
	X(S, RESPONSE_RL_INJECTED, "response_rl_injected", COUNTER)
STAT_ENUM(fault_stat, FAULT_STAT, FAULT_STATS);
extern const struct stat_type fault_stats;

/* "http.<stat_prefix>.cors" */
#define CORS_STATS(X, S) \
	X(S, ORIGIN_INVALID, "origin_invalid", COUNTER) \
	X(S, ORIGIN_VALID, "origin_valid", COUNTER)
STAT_ENUM(cors_stat, CORS_STAT, CORS_STATS);
extern const struct stat_type cors_stats;

/* "http.<stat_prefix>.ext_authz" */
#define EXT_AUTHZ_STATS(X, S) \
	X(S, DENIED, "denied", COUNTER) \
	X(S, DISABLED, "disabled", COUNTER) \
	X(S, ERROR, "error", COUNTER) \
	X(S, FAILURE_MODE_ALLOWED, "failure_mode_allowed", COUNTER) \
	X(S, FILTER_STATE_NAME_COLLISION, "filter_state_name_collision", COUNTER) \
	X(S, IGNORED_DYNAMIC_METADATA, "ignored_dynamic_metadata", COUNTER) \
	X(S, INVALID, "invalid", COUNTER) \
	X(S, OK, "ok", COUNTER) \
	X(S, OMITTED_RESPONSE_HEADERS, "omitted_response_headers", COUNTER) \
	X(S, REQUEST_HEADER_LIMITS_REACHED, "request_header_limits_reached", COUNTER) \
	X(S, RESPONSE_HEADER_LIMITS_REACHED, "response_header_limits_reached", COUNTER) \
	X(S, SHADOW_DENIED, "shadow_denied", COUNTER) \
	X(S, SHADOW_ERROR, "shadow_error", COUNTER)
STAT_ENUM(ext_authz_stat, EXT_AUTHZ_STAT, EXT_AUTHZ_STATS);
extern const struct stat_type ext_authz_stats;

/* "http.<stat_prefix>.health_check" */
#define HEALTH_CHECK_FILTER_STATS(X, S) \
	X(S, CACHED_RESPONSE, "cached_response", COUNTER) \
	X(S, DEGRADED, "degraded", COUNTER) \
	X(S, FAILED, "failed", COUNTER) \
	X(S, FAILED_CLUSTER_EMPTY, "failed_cluster_empty", COUNTER) \
	X(S, FAILED_CLUSTER_NOT_FOUND, "failed_cluster_not_found", COUNTER) \
	X(S, FAILED_CLUSTER_UNHEALTHY, "failed_cluster_unhealthy", COUNTER) \
	X(S, OK, "ok", COUNTER) \
	X(S, REQUEST_TOTAL, "request_total", COUNTER)
STAT_ENUM(health_check_filter_stat, HEALTH_CHECK_FILTER_STAT, HEALTH_CHECK_FILTER_STATS);
extern const struct stat_type health_check_filter_stats;

/* "lua" */
#define LUA_VM_STATS(X, S) \
	X(S, LUA_VM_COUNT, "lua_vm_count", GAUGE)
STAT_ENUM(lua_vm_stat, LUA_VM_STAT, LUA_VM_STATS);
extern const struct stat_type lua_vm_stats;

/* "http.<stat_prefix>.lua" */
#define LUA_STATS(X, S) \
	X(S, ERRORS, "errors", COUNTER) \
	X(S, EXECUTIONS, "executions", COUNTER)
STAT_ENUM(lua_stat, LUA_STAT, LUA_STATS);
extern const struct stat_type lua_stats;

/* clang-format on */

#endif
