/* What is counted of HTTP: connection managers, the router, codecs, virtual clusters.
 *
 * Names are Envoy's. Above each table: the names of its scopes. The order is that in memory: what
 * is counted together stands together. Thread: constant data. */
#ifndef TELEMETRY_STATS_HTTP_H
#define TELEMETRY_STATS_HTTP_H

#include "telemetry/stats_table.h"

/* clang-format off */

/* "http.<stat_prefix>" */
#define HTTP_STATS(X, S) \
	X(S, DOWNSTREAM_RQ_TOTAL, "downstream_rq_total", COUNTER) \
	X(S, DOWNSTREAM_RQ_ACTIVE, "downstream_rq_active", GAUGE) \
	X(S, DOWNSTREAM_RQ_HTTP1_TOTAL, "downstream_rq_http1_total", COUNTER) \
	X(S, DOWNSTREAM_RQ_HTTP2_TOTAL, "downstream_rq_http2_total", COUNTER) \
	X(S, DOWNSTREAM_RQ_1XX, "downstream_rq_1xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_2XX, "downstream_rq_2xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_3XX, "downstream_rq_3xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_4XX, "downstream_rq_4xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_5XX, "downstream_rq_5xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_COMPLETED, "downstream_rq_completed", COUNTER) \
	X(S, DOWNSTREAM_RQ_TIME, "downstream_rq_time", HISTOGRAM_MS) \
	X(S, DOWNSTREAM_CX_RX_BYTES_TOTAL, "downstream_cx_rx_bytes_total", COUNTER) \
	X(S, DOWNSTREAM_CX_TX_BYTES_TOTAL, "downstream_cx_tx_bytes_total", COUNTER) \
	X(S, DOWNSTREAM_CX_ACTIVE, "downstream_cx_active", GAUGE) \
	X(S, DOWNSTREAM_CX_DELAYED_CLOSE_TIMEOUT, "downstream_cx_delayed_close_timeout", COUNTER) \
	X(S, DOWNSTREAM_CX_DESTROY, "downstream_cx_destroy", COUNTER) \
	X(S, DOWNSTREAM_CX_DESTROY_ACTIVE_RQ, "downstream_cx_destroy_active_rq", COUNTER) \
	X(S, DOWNSTREAM_CX_DESTROY_LOCAL, "downstream_cx_destroy_local", COUNTER) \
	X(S, DOWNSTREAM_CX_DESTROY_LOCAL_ACTIVE_RQ, "downstream_cx_destroy_local_active_rq", COUNTER) \
	X(S, DOWNSTREAM_CX_DESTROY_REMOTE, "downstream_cx_destroy_remote", COUNTER) \
	X(S, DOWNSTREAM_CX_DESTROY_REMOTE_ACTIVE_RQ, "downstream_cx_destroy_remote_active_rq", COUNTER) \
	X(S, DOWNSTREAM_CX_DRAIN_CLOSE, "downstream_cx_drain_close", COUNTER) \
	X(S, DOWNSTREAM_CX_HTTP1_ACTIVE, "downstream_cx_http1_active", GAUGE) \
	X(S, DOWNSTREAM_CX_HTTP1_SOFT_DRAIN, "downstream_cx_http1_soft_drain", GAUGE) \
	X(S, DOWNSTREAM_CX_HTTP1_TOTAL, "downstream_cx_http1_total", COUNTER) \
	X(S, DOWNSTREAM_CX_HTTP2_ACTIVE, "downstream_cx_http2_active", GAUGE) \
	X(S, DOWNSTREAM_CX_HTTP2_TOTAL, "downstream_cx_http2_total", COUNTER) \
	X(S, DOWNSTREAM_CX_HTTP3_ACTIVE, "downstream_cx_http3_active", GAUGE) \
	X(S, DOWNSTREAM_CX_HTTP3_TOTAL, "downstream_cx_http3_total", COUNTER) \
	X(S, DOWNSTREAM_CX_IDLE_TIMEOUT, "downstream_cx_idle_timeout", COUNTER) \
	X(S, DOWNSTREAM_CX_MAX_DURATION_REACHED, "downstream_cx_max_duration_reached", COUNTER) \
	X(S, DOWNSTREAM_CX_MAX_REQUESTS_REACHED, "downstream_cx_max_requests_reached", COUNTER) \
	X(S, DOWNSTREAM_CX_OVERLOAD_DISABLE_KEEPALIVE, "downstream_cx_overload_disable_keepalive", COUNTER) \
	X(S, DOWNSTREAM_CX_PROTOCOL_ERROR, "downstream_cx_protocol_error", COUNTER) \
	X(S, DOWNSTREAM_CX_RX_BYTES_BUFFERED, "downstream_cx_rx_bytes_buffered", GAUGE) \
	X(S, DOWNSTREAM_CX_SSL_ACTIVE, "downstream_cx_ssl_active", GAUGE) \
	X(S, DOWNSTREAM_CX_SSL_TOTAL, "downstream_cx_ssl_total", COUNTER) \
	X(S, DOWNSTREAM_CX_TOTAL, "downstream_cx_total", COUNTER) \
	X(S, DOWNSTREAM_CX_TX_BYTES_BUFFERED, "downstream_cx_tx_bytes_buffered", GAUGE) \
	X(S, DOWNSTREAM_CX_UPGRADES_ACTIVE, "downstream_cx_upgrades_active", GAUGE) \
	X(S, DOWNSTREAM_CX_UPGRADES_TOTAL, "downstream_cx_upgrades_total", COUNTER) \
	X(S, DOWNSTREAM_FLOW_CONTROL_PAUSED_READING_TOTAL, "downstream_flow_control_paused_reading_total", COUNTER) \
	X(S, DOWNSTREAM_FLOW_CONTROL_RESUMED_READING_TOTAL, "downstream_flow_control_resumed_reading_total", COUNTER) \
	X(S, DOWNSTREAM_RQ_FAILED_PATH_NORMALIZATION, "downstream_rq_failed_path_normalization", COUNTER) \
	X(S, DOWNSTREAM_RQ_HEADER_TIMEOUT, "downstream_rq_header_timeout", COUNTER) \
	X(S, DOWNSTREAM_RQ_HTTP3_TOTAL, "downstream_rq_http3_total", COUNTER) \
	X(S, DOWNSTREAM_RQ_IDLE_TIMEOUT, "downstream_rq_idle_timeout", COUNTER) \
	X(S, DOWNSTREAM_RQ_MAX_DURATION_REACHED, "downstream_rq_max_duration_reached", COUNTER) \
	X(S, DOWNSTREAM_RQ_NON_RELATIVE_PATH, "downstream_rq_non_relative_path", COUNTER) \
	X(S, DOWNSTREAM_RQ_OVERLOAD_CLOSE, "downstream_rq_overload_close", COUNTER) \
	X(S, DOWNSTREAM_RQ_REDIRECTED_WITH_NORMALIZED_PATH, "downstream_rq_redirected_with_normalized_path", COUNTER) \
	X(S, DOWNSTREAM_RQ_REJECTED_VIA_IP_DETECTION, "downstream_rq_rejected_via_ip_detection", COUNTER) \
	X(S, DOWNSTREAM_RQ_RESPONSE_BEFORE_RQ_COMPLETE, "downstream_rq_response_before_rq_complete", COUNTER) \
	X(S, DOWNSTREAM_RQ_RX_RESET, "downstream_rq_rx_reset", COUNTER) \
	X(S, DOWNSTREAM_RQ_TIMEOUT, "downstream_rq_timeout", COUNTER) \
	X(S, DOWNSTREAM_RQ_TOO_LARGE, "downstream_rq_too_large", COUNTER) \
	X(S, DOWNSTREAM_RQ_TOO_MANY_PREMATURE_RESETS, "downstream_rq_too_many_premature_resets", COUNTER) \
	X(S, DOWNSTREAM_RQ_TX_RESET, "downstream_rq_tx_reset", COUNTER) \
	X(S, DOWNSTREAM_RQ_WS_ON_NON_WS_ROUTE, "downstream_rq_ws_on_non_ws_route", COUNTER) \
	X(S, RS_TOO_LARGE, "rs_too_large", COUNTER) \
	X(S, DOWNSTREAM_CX_LENGTH_MS, "downstream_cx_length_ms", HISTOGRAM_MS)
STAT_ENUM(http_stat, HTTP_STAT, HTTP_STATS);
extern const struct stat_type http_stats;

/* "http.<stat_prefix>" (the router filter), "http.async-client" */
#define ROUTER_STATS(X, S) \
	X(S, RQ_TOTAL, "rq_total", COUNTER) \
	X(S, NO_CLUSTER, "no_cluster", COUNTER) \
	X(S, NO_ROUTE, "no_route", COUNTER) \
	X(S, PASSTHROUGH_INTERNAL_REDIRECT_BAD_LOCATION, "passthrough_internal_redirect_bad_location", COUNTER) \
	X(S, PASSTHROUGH_INTERNAL_REDIRECT_NO_ROUTE, "passthrough_internal_redirect_no_route", COUNTER) \
	X(S, PASSTHROUGH_INTERNAL_REDIRECT_PREDICATE, "passthrough_internal_redirect_predicate", COUNTER) \
	X(S, PASSTHROUGH_INTERNAL_REDIRECT_TOO_MANY_REDIRECTS, "passthrough_internal_redirect_too_many_redirects", COUNTER) \
	X(S, PASSTHROUGH_INTERNAL_REDIRECT_UNSAFE_SCHEME, "passthrough_internal_redirect_unsafe_scheme", COUNTER) \
	X(S, RQ_DIRECT_RESPONSE, "rq_direct_response", COUNTER) \
	X(S, RQ_OVERLOAD_LOCAL_REPLY, "rq_overload_local_reply", COUNTER) \
	X(S, RQ_REDIRECT, "rq_redirect", COUNTER) \
	X(S, RQ_RESET_AFTER_DOWNSTREAM_RESPONSE_STARTED, "rq_reset_after_downstream_response_started", COUNTER)
STAT_ENUM(router_stat, ROUTER_STAT, ROUTER_STATS);
extern const struct stat_type router_stats;

/* "http.<stat_prefix>.tracing" */
#define TRACING_STATS(X, S) \
	X(S, CLIENT_ENABLED, "client_enabled", COUNTER) \
	X(S, HEALTH_CHECK, "health_check", COUNTER) \
	X(S, NOT_TRACEABLE, "not_traceable", COUNTER) \
	X(S, RANDOM_SAMPLING, "random_sampling", COUNTER) \
	X(S, SERVICE_FORCED, "service_forced", COUNTER)
STAT_ENUM(tracing_stat, TRACING_STAT, TRACING_STATS);
extern const struct stat_type tracing_stats;

/* "listener.<address>.http.<stat_prefix>" */
#define LISTENER_HTTP_STATS(X, S) \
	X(S, DOWNSTREAM_RQ_1XX, "downstream_rq_1xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_2XX, "downstream_rq_2xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_3XX, "downstream_rq_3xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_4XX, "downstream_rq_4xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_5XX, "downstream_rq_5xx", COUNTER) \
	X(S, DOWNSTREAM_RQ_COMPLETED, "downstream_rq_completed", COUNTER)
STAT_ENUM(listener_http_stat, LISTENER_HTTP_STAT, LISTENER_HTTP_STATS);
extern const struct stat_type listener_http_stats;

/* "http1", "cluster.<name>.http1" */
#define HTTP1_STATS(X, S) \
	X(S, DROPPED_HEADERS_WITH_UNDERSCORES, "dropped_headers_with_underscores", COUNTER) \
	X(S, METADATA_NOT_SUPPORTED_ERROR, "metadata_not_supported_error", COUNTER) \
	X(S, REQUESTS_REJECTED_WITH_UNDERSCORES_IN_HEADERS, "requests_rejected_with_underscores_in_headers", COUNTER) \
	X(S, RESPONSE_FLOOD, "response_flood", COUNTER)
STAT_ENUM(http1_stat, HTTP1_STAT, HTTP1_STATS);
extern const struct stat_type http1_stats;

/* "http2", "cluster.<name>.http2" */
#define HTTP2_STATS(X, S) \
	X(S, COOKIES_TOTAL_BYTES_TOO_LARGE, "cookies_total_bytes_too_large", COUNTER) \
	X(S, DEFERRED_STREAM_CLOSE, "deferred_stream_close", GAUGE) \
	X(S, DROPPED_HEADERS_WITH_UNDERSCORES, "dropped_headers_with_underscores", COUNTER) \
	X(S, GOAWAY_SENT, "goaway_sent", COUNTER) \
	X(S, HEADER_LIST_SIZE_TOO_LARGE, "header_list_size_too_large", COUNTER) \
	X(S, HEADER_OVERFLOW, "header_overflow", COUNTER) \
	X(S, HEADERS_CB_NO_STREAM, "headers_cb_no_stream", COUNTER) \
	X(S, INBOUND_EMPTY_FRAMES_FLOOD, "inbound_empty_frames_flood", COUNTER) \
	X(S, INBOUND_PRIORITY_FRAMES_FLOOD, "inbound_priority_frames_flood", COUNTER) \
	X(S, INBOUND_WINDOW_UPDATE_FRAMES_FLOOD, "inbound_window_update_frames_flood", COUNTER) \
	X(S, KEEPALIVE_TIMEOUT, "keepalive_timeout", COUNTER) \
	X(S, METADATA_EMPTY_FRAMES, "metadata_empty_frames", COUNTER) \
	X(S, NGHTTP2_DOWNSTREAM_CONNECTIONS, "nghttp2_downstream_connections", COUNTER) \
	X(S, NGHTTP2_UPSTREAM_CONNECTIONS, "nghttp2_upstream_connections", COUNTER) \
	X(S, OGHTTP2_DOWNSTREAM_CONNECTIONS, "oghttp2_downstream_connections", COUNTER) \
	X(S, OGHTTP2_UPSTREAM_CONNECTIONS, "oghttp2_upstream_connections", COUNTER) \
	X(S, OUTBOUND_CONTROL_FLOOD, "outbound_control_flood", COUNTER) \
	X(S, OUTBOUND_CONTROL_FRAMES_ACTIVE, "outbound_control_frames_active", GAUGE) \
	X(S, OUTBOUND_FLOOD, "outbound_flood", COUNTER) \
	X(S, OUTBOUND_FRAMES_ACTIVE, "outbound_frames_active", GAUGE) \
	X(S, PENDING_SEND_BYTES, "pending_send_bytes", GAUGE) \
	X(S, REQUESTS_REJECTED_WITH_UNDERSCORES_IN_HEADERS, "requests_rejected_with_underscores_in_headers", COUNTER) \
	X(S, RX_MESSAGING_ERROR, "rx_messaging_error", COUNTER) \
	X(S, RX_RESET, "rx_reset", COUNTER) \
	X(S, STREAM_REFUSED_ERRORS, "stream_refused_errors", COUNTER) \
	X(S, STREAMS_ACTIVE, "streams_active", GAUGE) \
	X(S, TRAILERS, "trailers", COUNTER) \
	X(S, TX_FLUSH_TIMEOUT, "tx_flush_timeout", COUNTER) \
	X(S, TX_RESET, "tx_reset", COUNTER) \
	X(S, COOKIE_COUNT, "cookie_count", HISTOGRAM) \
	X(S, COOKIE_SIZE, "cookie_size", HISTOGRAM_BYTES) \
	X(S, HEADER_COUNT, "header_count", HISTOGRAM) \
	X(S, HEADER_LIST_SIZE, "header_list_size", HISTOGRAM_BYTES)
STAT_ENUM(http2_stat, HTTP2_STAT, HTTP2_STATS);
extern const struct stat_type http2_stats;

/* "vhost.<name>.vcluster.<name>", "vhost.<name>.route.<stat_prefix>" */
#define VIRTUAL_CLUSTER_STATS(X, S) \
	X(S, UPSTREAM_RQ_RETRY, "upstream_rq_retry", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_LIMIT_EXCEEDED, "upstream_rq_retry_limit_exceeded", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_OVERFLOW, "upstream_rq_retry_overflow", COUNTER) \
	X(S, UPSTREAM_RQ_RETRY_SUCCESS, "upstream_rq_retry_success", COUNTER) \
	X(S, UPSTREAM_RQ_TIMEOUT, "upstream_rq_timeout", COUNTER) \
	X(S, UPSTREAM_RQ_TOTAL, "upstream_rq_total", COUNTER) \
	X(S, UPSTREAM_RQ_1XX, "upstream_rq_1xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_2XX, "upstream_rq_2xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_3XX, "upstream_rq_3xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_4XX, "upstream_rq_4xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_5XX, "upstream_rq_5xx", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_COMPLETED, "upstream_rq_completed", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_UNKNOWN, "upstream_rq_unknown", LAZY_COUNTER) \
	X(S, UPSTREAM_RQ_CODE, "upstream_rq_", CODES) \
	X(S, UPSTREAM_RQ_TIME, "upstream_rq_time", LAZY_HISTOGRAM_MS)
STAT_ENUM(virtual_cluster_stat, VIRTUAL_CLUSTER_STAT, VIRTUAL_CLUSTER_STATS);
extern const struct stat_type virtual_cluster_stats;

/* clang-format on */

#endif
