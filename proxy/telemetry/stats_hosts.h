/* What is counted of a cluster's hosts, and of what judges them.
 *
 * Names are Envoy's. Above each table: the names of its scopes. The order is that in memory: what
 * is counted together stands together. Thread: constant data. */
#ifndef TELEMETRY_STATS_HOSTS_H
#define TELEMETRY_STATS_HOSTS_H

#include "telemetry/stats_table.h"

/* clang-format off */

/* "cluster.<name>.endpoint.<address>", with per_endpoint_stats */
#define HOST_STATS(X, S) \
	X(S, RQ_TOTAL, "rq_total", COUNTER) \
	X(S, RQ_SUCCESS, "rq_success", COUNTER) \
	X(S, RQ_ERROR, "rq_error", COUNTER) \
	X(S, RQ_TIMEOUT, "rq_timeout", COUNTER) \
	X(S, CX_TOTAL, "cx_total", COUNTER) \
	X(S, CX_CONNECT_FAIL, "cx_connect_fail", COUNTER) \
	X(S, RQ_ACTIVE, "rq_active", GAUGE) \
	X(S, RQ_PENDING_ACTIVE, "rq_pending_active", GAUGE) \
	X(S, CX_ACTIVE, "cx_active", GAUGE) \
	X(S, HEALTHY, "healthy", GAUGE)
STAT_ENUM(host_stat, HOST_STAT, HOST_STATS);
extern const struct stat_type host_stats;

/* "cluster.<name>.outlier_detection", if configured */
#define OUTLIER_STATS(X, S) \
	X(S, EJECTIONS_ACTIVE, "ejections_active", GAUGE) \
	X(S, EJECTIONS_CONSECUTIVE_5XX, "ejections_consecutive_5xx", COUNTER) \
	X(S, EJECTIONS_DETECTED_CONSECUTIVE_5XX, "ejections_detected_consecutive_5xx", COUNTER) \
	X(S, EJECTIONS_DETECTED_CONSECUTIVE_GATEWAY_FAILURE, "ejections_detected_consecutive_gateway_failure", COUNTER) \
	X(S, EJECTIONS_DETECTED_CONSECUTIVE_LOCAL_ORIGIN_FAILURE, "ejections_detected_consecutive_local_origin_failure", COUNTER) \
	X(S, EJECTIONS_DETECTED_DEGRADATION, "ejections_detected_degradation", COUNTER) \
	X(S, EJECTIONS_DETECTED_FAILURE_PERCENTAGE, "ejections_detected_failure_percentage", COUNTER) \
	X(S, EJECTIONS_DETECTED_LOCAL_ORIGIN_FAILURE_PERCENTAGE, "ejections_detected_local_origin_failure_percentage", COUNTER) \
	X(S, EJECTIONS_DETECTED_LOCAL_ORIGIN_SUCCESS_RATE, "ejections_detected_local_origin_success_rate", COUNTER) \
	X(S, EJECTIONS_DETECTED_SUCCESS_RATE, "ejections_detected_success_rate", COUNTER) \
	X(S, EJECTIONS_ENFORCED_CONSECUTIVE_5XX, "ejections_enforced_consecutive_5xx", COUNTER) \
	X(S, EJECTIONS_ENFORCED_CONSECUTIVE_GATEWAY_FAILURE, "ejections_enforced_consecutive_gateway_failure", COUNTER) \
	X(S, EJECTIONS_ENFORCED_CONSECUTIVE_LOCAL_ORIGIN_FAILURE, "ejections_enforced_consecutive_local_origin_failure", COUNTER) \
	X(S, EJECTIONS_ENFORCED_FAILURE_PERCENTAGE, "ejections_enforced_failure_percentage", COUNTER) \
	X(S, EJECTIONS_ENFORCED_LOCAL_ORIGIN_FAILURE_PERCENTAGE, "ejections_enforced_local_origin_failure_percentage", COUNTER) \
	X(S, EJECTIONS_ENFORCED_LOCAL_ORIGIN_SUCCESS_RATE, "ejections_enforced_local_origin_success_rate", COUNTER) \
	X(S, EJECTIONS_ENFORCED_SUCCESS_RATE, "ejections_enforced_success_rate", COUNTER) \
	X(S, EJECTIONS_ENFORCED_TOTAL, "ejections_enforced_total", COUNTER) \
	X(S, EJECTIONS_OVERFLOW, "ejections_overflow", COUNTER) \
	X(S, EJECTIONS_SUCCESS_RATE, "ejections_success_rate", COUNTER) \
	X(S, EJECTIONS_TOTAL, "ejections_total", COUNTER)
STAT_ENUM(outlier_stat, OUTLIER_STAT, OUTLIER_STATS);
extern const struct stat_type outlier_stats;

/* "cluster.<name>.health_check", if configured */
#define HEALTH_CHECK_STATS(X, S) \
	X(S, ATTEMPT, "attempt", COUNTER) \
	X(S, DEGRADED, "degraded", GAUGE) \
	X(S, FAILURE, "failure", COUNTER) \
	X(S, HEALTHY, "healthy", GAUGE) \
	X(S, NETWORK_FAILURE, "network_failure", COUNTER) \
	X(S, PASSIVE_FAILURE, "passive_failure", COUNTER) \
	X(S, SUCCESS, "success", COUNTER) \
	X(S, VERIFY_CLUSTER, "verify_cluster", COUNTER)
STAT_ENUM(health_check_stat, HEALTH_CHECK_STAT, HEALTH_CHECK_STATS);
extern const struct stat_type health_check_stats;

/* clang-format on */

#endif
