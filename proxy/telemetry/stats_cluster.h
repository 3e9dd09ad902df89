/* What is counted of clusters.
 *
 * Names are Envoy's. Above each table: the names of its scopes. The order is that in memory: what
 * is counted together stands together. Thread: constant data. */
#ifndef TELEMETRY_STATS_CLUSTER_H
#define TELEMETRY_STATS_CLUSTER_H

#include "telemetry/stats_table.h"

/* clang-format off */

/* "cluster.<name>" */
#define CLUSTER_STATS(X, S) \
	X(S, UPSTREAM_CX_TOTAL, "upstream_cx_total", COUNTER) \
	X(S, UPSTREAM_CX_ACTIVE, "upstream_cx_active", GAUGE) \
	X(S, UPSTREAM_CX_RX_BYTES_TOTAL, "upstream_cx_rx_bytes_total", COUNTER) \
	X(S, UPSTREAM_CX_TX_BYTES_TOTAL, "upstream_cx_tx_bytes_total", COUNTER) \
	X(S, UPSTREAM_RQ_TOTAL, "upstream_rq_total", COUNTER) \
	X(S, UPSTREAM_RQ_ACTIVE, "upstream_rq_active", GAUGE) \
	X(S, UPSTREAM_RQ_PENDING_TOTAL, "upstream_rq_pending_total", COUNTER) \
	X(S, UPSTREAM_RQ_PENDING_ACTIVE, "upstream_rq_pending_active", GAUGE) \
	X(S, UPSTREAM_RQ_1XX, "upstream_rq_1xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_2XX, "upstream_rq_2xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_3XX, "upstream_rq_3xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_4XX, "upstream_rq_4xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_5XX, "upstream_rq_5xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_COMPLETED, "upstream_rq_completed", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_UNKNOWN, "upstream_rq_unknown", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_CODE, "upstream_rq_", CODES) \
	X(S, UPSTREAM_RQ_TIME, "upstream_rq_time", LAZY_HISTOGRAM_MS) \
	X(S, ASSIGNMENT_STALE, "assignment_stale", COUNTER) \
	X(S, ASSIGNMENT_TIMEOUT_RECEIVED, "assignment_timeout_received", COUNTER) \
	X(S, ASSIGNMENT_USE_CACHED, "assignment_use_cached", COUNTER) \
	X(S, BIND_ERRORS, "bind_errors", COUNTER) \
	X(S, CIRCUIT_BREAKERS_DEFAULT_CX_OPEN, "circuit_breakers.default.cx_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_DEFAULT_CX_POOL_OPEN, "circuit_breakers.default.cx_pool_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN, "circuit_breakers.default.rq_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_DEFAULT_RQ_PENDING_OPEN, "circuit_breakers.default.rq_pending_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_DEFAULT_RQ_RETRY_OPEN, "circuit_breakers.default.rq_retry_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_HIGH_CX_OPEN, "circuit_breakers.high.cx_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_HIGH_CX_POOL_OPEN, "circuit_breakers.high.cx_pool_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_HIGH_RQ_OPEN, "circuit_breakers.high.rq_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_HIGH_RQ_PENDING_OPEN, "circuit_breakers.high.rq_pending_open", GAUGE) \
	X(S, CIRCUIT_BREAKERS_HIGH_RQ_RETRY_OPEN, "circuit_breakers.high.rq_retry_open", GAUGE) \
	X(S, LB_HEALTHY_PANIC, "lb_healthy_panic", COUNTER) \
	X(S, LB_LOCAL_CLUSTER_NOT_OK, "lb_local_cluster_not_ok", COUNTER) \
	X(S, LB_RECALCULATE_ZONE_STRUCTURES, "lb_recalculate_zone_structures", COUNTER) \
	X(S, LB_SUBSETS_ACTIVE, "lb_subsets_active", GAUGE) \
	X(S, LB_SUBSETS_CREATED, "lb_subsets_created", COUNTER) \
	X(S, LB_SUBSETS_FALLBACK, "lb_subsets_fallback", COUNTER) \
	X(S, LB_SUBSETS_FALLBACK_PANIC, "lb_subsets_fallback_panic", COUNTER) \
	X(S, LB_SUBSETS_REMOVED, "lb_subsets_removed", COUNTER) \
	X(S, LB_SUBSETS_SELECTED, "lb_subsets_selected", COUNTER) \
	X(S, LB_ZONE_CLUSTER_TOO_SMALL, "lb_zone_cluster_too_small", COUNTER) \
	X(S, LB_ZONE_NO_CAPACITY_LEFT, "lb_zone_no_capacity_left", COUNTER) \
	X(S, LB_ZONE_ROUTING_ALL_DIRECTLY, "lb_zone_routing_all_directly", COUNTER) \
	X(S, LB_ZONE_ROUTING_CROSS_ZONE, "lb_zone_routing_cross_zone", COUNTER) \
	X(S, LB_ZONE_ROUTING_SAMPLED, "lb_zone_routing_sampled", COUNTER) \
	X(S, MAX_HOST_WEIGHT, "max_host_weight", GAUGE) \
	X(S, MEMBERSHIP_CHANGE, "membership_change", COUNTER) \
	X(S, MEMBERSHIP_DEGRADED, "membership_degraded", GAUGE) \
	X(S, MEMBERSHIP_EXCLUDED, "membership_excluded", GAUGE) \
	X(S, MEMBERSHIP_HEALTHY, "membership_healthy", GAUGE) \
	X(S, MEMBERSHIP_TOTAL, "membership_total", GAUGE) \
	X(S, ORIGINAL_DST_HOST_INVALID, "original_dst_host_invalid", COUNTER) \
	X(S, RETRY_OR_SHADOW_ABANDONED, "retry_or_shadow_abandoned", COUNTER) \
	X(S, UPDATE_ATTEMPT, "update_attempt", COUNTER) \
	X(S, UPDATE_EMPTY, "update_empty", COUNTER) \
	X(S, UPDATE_FAILURE, "update_failure", COUNTER) \
	X(S, UPDATE_NO_REBUILD, "update_no_rebuild", COUNTER) \
	X(S, UPDATE_SUCCESS, "update_success", COUNTER) \
	X(S, UPSTREAM_CX_CLOSE_NOTIFY, "upstream_cx_close_notify", COUNTER) \
	X(S, UPSTREAM_CX_CONNECT_ATTEMPTS_EXCEEDED, "upstream_cx_connect_attempts_exceeded", COUNTER) \
	X(S, UPSTREAM_CX_CONNECT_FAIL, "upstream_cx_connect_fail", COUNTER) \
	X(S, UPSTREAM_CX_CONNECT_TIMEOUT, "upstream_cx_connect_timeout", COUNTER) \
	X(S, UPSTREAM_CX_CONNECT_WITH_0_RTT, "upstream_cx_connect_with_0_rtt", COUNTER) \
	X(S, UPSTREAM_CX_DESTROY, "upstream_cx_destroy", COUNTER) \
	X(S, UPSTREAM_CX_DESTROY_LOCAL, "upstream_cx_destroy_local", COUNTER) \
	X(S, UPSTREAM_CX_DESTROY_LOCAL_WITH_ACTIVE_RQ, "upstream_cx_destroy_local_with_active_rq", COUNTER) \
	X(S, UPSTREAM_CX_DESTROY_REMOTE, "upstream_cx_destroy_remote", COUNTER) \
	X(S, UPSTREAM_CX_DESTROY_REMOTE_WITH_ACTIVE_RQ, "upstream_cx_destroy_remote_with_active_rq", COUNTER) \
	X(S, UPSTREAM_CX_DESTROY_WITH_ACTIVE_RQ, "upstream_cx_destroy_with_active_rq", COUNTER) \
	X(S, UPSTREAM_CX_HEARTBEAT_LOST, "upstream_cx_heartbeat_lost", LAZY_COUNTER) \
	X(S, UPSTREAM_CX_HTTP1_TOTAL, "upstream_cx_http1_total", COUNTER) \
	X(S, UPSTREAM_CX_HTTP2_TOTAL, "upstream_cx_http2_total", COUNTER) \
	X(S, UPSTREAM_CX_HTTP3_TOTAL, "upstream_cx_http3_total", COUNTER) \
	X(S, UPSTREAM_CX_IDLE_TIMEOUT, "upstream_cx_idle_timeout", COUNTER) \
	X(S, UPSTREAM_CX_MAX_DURATION_REACHED, "upstream_cx_max_duration_reached", COUNTER) \
	X(S, UPSTREAM_CX_MAX_REQUESTS, "upstream_cx_max_requests", COUNTER) \
	X(S, UPSTREAM_CX_NONE_HEALTHY, "upstream_cx_none_healthy", COUNTER) \
	X(S, UPSTREAM_CX_OVERFLOW, "upstream_cx_overflow", COUNTER) \
	X(S, UPSTREAM_CX_POOL_OVERFLOW, "upstream_cx_pool_overflow", COUNTER) \
	X(S, UPSTREAM_CX_PRECONNECT_SKIPPED, "upstream_cx_preconnect_skipped", COUNTER) \
	X(S, UPSTREAM_CX_PROTOCOL_ERROR, "upstream_cx_protocol_error", COUNTER) \
	X(S, UPSTREAM_CX_RX_BYTES_BUFFERED, "upstream_cx_rx_bytes_buffered", GAUGE) \
	X(S, UPSTREAM_CX_TX_BYTES_BUFFERED, "upstream_cx_tx_bytes_buffered", GAUGE) \
	X(S, UPSTREAM_FLOW_CONTROL_BACKED_UP_TOTAL, "upstream_flow_control_backed_up_total", COUNTER) \
	X(S, UPSTREAM_FLOW_CONTROL_DRAINED_TOTAL, "upstream_flow_control_drained_total", COUNTER) \
	X(S, UPSTREAM_FLOW_CONTROL_PAUSED_READING_TOTAL, "upstream_flow_control_paused_reading_total", COUNTER) \
	X(S, UPSTREAM_FLOW_CONTROL_RESUMED_READING_TOTAL, "upstream_flow_control_resumed_reading_total", COUNTER) \
	X(S, UPSTREAM_HTTP3_BROKEN, "upstream_http3_broken", COUNTER) \
	X(S, UPSTREAM_INTERNAL_REDIRECT_FAILED_TOTAL, "upstream_internal_redirect_failed_total", COUNTER) \
	X(S, UPSTREAM_INTERNAL_REDIRECT_SUCCEEDED_TOTAL, "upstream_internal_redirect_succeeded_total", COUNTER) \
	X(S, UPSTREAM_QUEUE_OVERLOADED, "upstream_queue_overloaded", GAUGE) \
	X(S, UPSTREAM_RQ_ACTIVE_OVERFLOW, "upstream_rq_active_overflow", COUNTER) \
	X(S, UPSTREAM_RQ_CANCELLED, "upstream_rq_cancelled", COUNTER) \
	X(S, UPSTREAM_RQ_FROM_PROVIDER, "upstream_rq_from_provider", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_UNKNOWN_ANSWER, "upstream_rq_unknown_answer", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_ANSWER_OVER_LIMIT, "upstream_rq_answer_over_limit", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_EDITED, "upstream_rq_edited", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_UNEDITABLE, "upstream_rq_uneditable", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_DROP_OVERLOAD, "upstream_rq_drop_overload", COUNTER) \
	X(S, UPSTREAM_RQ_MAINTENANCE_MODE, "upstream_rq_maintenance_mode", COUNTER) \
	X(S, UPSTREAM_RQ_MAX_DURATION_REACHED, "upstream_rq_max_duration_reached", COUNTER) \
	X(S, UPSTREAM_RQ_PENDING_FAILURE_EJECT, "upstream_rq_pending_failure_eject", COUNTER) \
	X(S, UPSTREAM_RQ_PENDING_OVERFLOW, "upstream_rq_pending_overflow", COUNTER) \
	X(S, UPSTREAM_RQ_PER_TRY_IDLE_TIMEOUT, "upstream_rq_per_try_idle_timeout", COUNTER) \
	X(S, UPSTREAM_RQ_PER_TRY_TIMEOUT, "upstream_rq_per_try_timeout", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY, "upstream_rq_retry", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_BACKOFF_EXPONENTIAL, "upstream_rq_retry_backoff_exponential", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_BACKOFF_RATELIMITED, "upstream_rq_retry_backoff_ratelimited", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_LIMIT_EXCEEDED, "upstream_rq_retry_limit_exceeded", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_OVERFLOW, "upstream_rq_retry_overflow", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_SUCCESS, "upstream_rq_retry_success", COUNTER) \
	X(S, UPSTREAM_RQ_RX_RESET, "upstream_rq_rx_reset", COUNTER) \
	X(S, UPSTREAM_RQ_RX_RESET_NO_ERROR, "upstream_rq_rx_reset_no_error", COUNTER) \
	X(S, UPSTREAM_RQ_TIMEOUT, "upstream_rq_timeout", COUNTER) \
	X(S, UPSTREAM_RQ_TX_RESET, "upstream_rq_tx_reset", COUNTER) \
	X(S, VERSION, "version", GAUGE) \
	X(S, WARMING_STATE, "warming_state", GAUGE) \
	X(S, UPSTREAM_CX_CONNECT_MS, "upstream_cx_connect_ms", HISTOGRAM_MS) \
	X(S, UPSTREAM_CX_LENGTH_MS, "upstream_cx_length_ms", HISTOGRAM_MS) \
	X(S, UPSTREAM_RQ_PER_CX, "upstream_rq_per_cx", HISTOGRAM) \
	X(S, UPSTREAM_RQ_0RTT, "upstream_rq_0rtt", COUNTER) \
	X(S, DEFAULT_TOTAL_MATCH_COUNT, "default.total_match_count", COUNTER) \
	X(S, LB_SUBSETS_SINGLE_HOST_PER_SUBSET_DUPLICATE, "lb_subsets_single_host_per_subset_duplicate", LAZY_GAUGE)
STAT_ENUM(cluster_stat, CLUSTER_STAT, CLUSTER_STATS);
extern const struct stat_type cluster_stats;

/* "cluster.<name>.external", ".internal", ".canary", ".retry", ".zone.<from>.<to>" */
#define CODE_STATS(X, S) \
	X(S, UPSTREAM_RQ_1XX, "upstream_rq_1xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_2XX, "upstream_rq_2xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_3XX, "upstream_rq_3xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_4XX, "upstream_rq_4xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_5XX, "upstream_rq_5xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_COMPLETED, "upstream_rq_completed", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_UNKNOWN, "upstream_rq_unknown", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_CODE, "upstream_rq_", CODES) \
	X(S, UPSTREAM_RQ_TIME, "upstream_rq_time", LAZY_HISTOGRAM_MS)
STAT_ENUM(code_stat, CODE_STAT, CODE_STATS);
extern const struct stat_type code_stats;

/* "cluster.<name>.circuit_breakers.<priority>", with track_remaining */
#define CLUSTER_REMAINING_STATS(X, S) \
	X(S, REMAINING_CX, "remaining_cx", GAUGE) \
	X(S, REMAINING_CX_POOLS, "remaining_cx_pools", GAUGE) \
	X(S, REMAINING_PENDING, "remaining_pending", GAUGE) \
	X(S, REMAINING_RETRIES, "remaining_retries", GAUGE) \
	X(S, REMAINING_RQ, "remaining_rq", GAUGE)
STAT_ENUM(cluster_remaining_stat, CLUSTER_REMAINING_STAT, CLUSTER_REMAINING_STATS);
extern const struct stat_type cluster_remaining_stats;

/* "cluster.<name>", with request_response_sizes */
#define CLUSTER_SIZE_STATS(X, S) \
	X(S, UPSTREAM_RQ_BODY_SIZE, "upstream_rq_body_size", HISTOGRAM_BYTES) \
	X(S, UPSTREAM_RQ_HEADERS_COUNT, "upstream_rq_headers_count", HISTOGRAM) \
	X(S, UPSTREAM_RQ_HEADERS_SIZE, "upstream_rq_headers_size", HISTOGRAM_BYTES) \
	X(S, UPSTREAM_RS_BODY_SIZE, "upstream_rs_body_size", HISTOGRAM_BYTES) \
	X(S, UPSTREAM_RS_HEADERS_COUNT, "upstream_rs_headers_count", HISTOGRAM) \
	X(S, UPSTREAM_RS_HEADERS_SIZE, "upstream_rs_headers_size", HISTOGRAM_BYTES)
STAT_ENUM(cluster_size_stat, CLUSTER_SIZE_STAT, CLUSTER_SIZE_STATS);
extern const struct stat_type cluster_size_stats;

/* "cluster.<name>", with timeout_budgets */
#define CLUSTER_BUDGET_STATS(X, S) \
	X(S, UPSTREAM_RQ_TIMEOUT_BUDGET_PERCENT_USED, "upstream_rq_timeout_budget_percent_used", HISTOGRAM_PERCENT) \
	X(S, UPSTREAM_RQ_TIMEOUT_BUDGET_PER_TRY_PERCENT_USED, "upstream_rq_timeout_budget_per_try_percent_used", HISTOGRAM_PERCENT)
STAT_ENUM(cluster_budget_stat, CLUSTER_BUDGET_STAT, CLUSTER_BUDGET_STATS);
extern const struct stat_type cluster_budget_stats;

/* "cluster.<name>" of type EDS */
#define EDS_STATS(X, S) \
	X(S, INIT_FETCH_TIMEOUT, "init_fetch_timeout", COUNTER) \
	X(S, UPDATE_REJECTED, "update_rejected", COUNTER) \
	X(S, UPDATE_TIME, "update_time", GAUGE) \
	X(S, VERSION_TEXT, "version_text", TEXT) \
	X(S, UPDATE_DURATION, "update_duration", HISTOGRAM_MS)
STAT_ENUM(eds_stat, EDS_STAT, EDS_STATS);
extern const struct stat_type eds_stats;

/* "dns.cares" */
#define DNS_STATS(X, S) \
	X(S, GET_ADDR_FAILURE, "get_addr_failure", COUNTER) \
	X(S, NOT_FOUND, "not_found", COUNTER) \
	X(S, PENDING_RESOLUTIONS, "pending_resolutions", GAUGE) \
	X(S, REINITS, "reinits", COUNTER) \
	X(S, RESOLVE_TOTAL, "resolve_total", COUNTER) \
	X(S, TIMEOUTS, "timeouts", COUNTER)
STAT_ENUM(dns_stat, DNS_STAT, DNS_STATS);
extern const struct stat_type dns_stats;

/* "cluster_manager" */
#define CLUSTER_MANAGER_STATS(X, S) \
	X(S, ACTIVE_CLUSTERS, "active_clusters", GAUGE) \
	X(S, CLUSTER_ADDED, "cluster_added", COUNTER) \
	X(S, CLUSTER_MODIFIED, "cluster_modified", COUNTER) \
	X(S, CLUSTER_REMOVED, "cluster_removed", COUNTER) \
	X(S, CLUSTER_UPDATED, "cluster_updated", COUNTER) \
	X(S, CLUSTER_UPDATED_VIA_MERGE, "cluster_updated_via_merge", COUNTER) \
	X(S, UPDATE_MERGE_CANCELLED, "update_merge_cancelled", COUNTER) \
	X(S, UPDATE_OUT_OF_MERGE_WINDOW, "update_out_of_merge_window", COUNTER) \
	X(S, WARMING_CLUSTERS, "warming_clusters", GAUGE)
STAT_ENUM(cluster_manager_stat, CLUSTER_MANAGER_STAT, CLUSTER_MANAGER_STATS);
extern const struct stat_type cluster_manager_stats;

/* clang-format on */

#endif
