/* What is counted of listeners, their filters, and connections that aren't HTTP.
 *
 * Names are Envoy's. Above each table: the names of its scopes. The order is that in memory: what
 * is counted together stands together. Thread: constant data. */
#ifndef TELEMETRY_STATS_NETWORK_H
#define TELEMETRY_STATS_NETWORK_H

#include "telemetry/stats_table.h"

/* clang-format off */

/* "listener.<address>", "listener.<stat_prefix>" */
#define LISTENER_STATS(X, S) \
	X(S, DOWNSTREAM_CX_ACTIVE, "downstream_cx_active", GAUGE) \
	X(S, DOWNSTREAM_CX_DESTROY, "downstream_cx_destroy", COUNTER) \
	X(S, DOWNSTREAM_CX_OVERFLOW, "downstream_cx_overflow", COUNTER) \
	X(S, DOWNSTREAM_CX_OVERLOAD_REJECT, "downstream_cx_overload_reject", COUNTER) \
	X(S, DOWNSTREAM_CX_TOTAL, "downstream_cx_total", COUNTER) \
	X(S, DOWNSTREAM_CX_TRANSPORT_SOCKET_CONNECT_TIMEOUT, "downstream_cx_transport_socket_connect_timeout", COUNTER) \
	X(S, DOWNSTREAM_GLOBAL_CX_OVERFLOW, "downstream_global_cx_overflow", COUNTER) \
	X(S, DOWNSTREAM_LISTENER_FILTER_ERROR, "downstream_listener_filter_error", COUNTER) \
	X(S, DOWNSTREAM_LISTENER_FILTER_REMOTE_CLOSE, "downstream_listener_filter_remote_close", COUNTER) \
	X(S, DOWNSTREAM_PRE_CX_ACTIVE, "downstream_pre_cx_active", GAUGE) \
	X(S, DOWNSTREAM_PRE_CX_TIMEOUT, "downstream_pre_cx_timeout", COUNTER) \
	X(S, EXTENSION_CONFIG_MISSING, "extension_config_missing", COUNTER) \
	X(S, NETWORK_EXTENSION_CONFIG_MISSING, "network_extension_config_missing", COUNTER) \
	X(S, NO_FILTER_CHAIN_MATCH, "no_filter_chain_match", COUNTER) \
	X(S, CONNECTIONS_ACCEPTED_PER_SOCKET_EVENT, "connections_accepted_per_socket_event", HISTOGRAM) \
	X(S, DOWNSTREAM_CX_LENGTH_MS, "downstream_cx_length_ms", HISTOGRAM_MS)
STAT_ENUM(listener_stat, LISTENER_STAT, LISTENER_STATS);
extern const struct stat_type listener_stats;

/* "listener.<address>.worker_<n>" */
#define LISTENER_WORKER_STATS(X, S) \
	X(S, DOWNSTREAM_CX_ACTIVE, "downstream_cx_active", GAUGE) \
	X(S, DOWNSTREAM_CX_TOTAL, "downstream_cx_total", COUNTER)
STAT_ENUM(listener_worker_stat, LISTENER_WORKER_STAT, LISTENER_WORKER_STATS);
extern const struct stat_type listener_worker_stats;

/* "listener_manager" */
#define LISTENER_MANAGER_STATS(X, S) \
	X(S, LISTENER_ADDED, "listener_added", COUNTER) \
	X(S, LISTENER_CREATE_FAILURE, "listener_create_failure", COUNTER) \
	X(S, LISTENER_CREATE_SUCCESS, "listener_create_success", COUNTER) \
	X(S, LISTENER_IN_PLACE_UPDATED, "listener_in_place_updated", COUNTER) \
	X(S, LISTENER_MODIFIED, "listener_modified", COUNTER) \
	X(S, LISTENER_REMOVED, "listener_removed", COUNTER) \
	X(S, LISTENER_STOPPED, "listener_stopped", COUNTER) \
	X(S, TOTAL_FILTER_CHAINS_DRAINING, "total_filter_chains_draining", GAUGE) \
	X(S, TOTAL_LISTENERS_ACTIVE, "total_listeners_active", GAUGE) \
	X(S, TOTAL_LISTENERS_DRAINING, "total_listeners_draining", GAUGE) \
	X(S, TOTAL_LISTENERS_WARMING, "total_listeners_warming", GAUGE) \
	X(S, WORKERS_PINNED, "workers_pinned", GAUGE) \
	X(S, WORKERS_STARTED, "workers_started", GAUGE)
STAT_ENUM(listener_manager_stat, LISTENER_MANAGER_STAT, LISTENER_MANAGER_STATS);
extern const struct stat_type listener_manager_stats;

/* "listener.<address>.ssl", "cluster.<name>.ssl" */
#define TLS_STATS(X, S) \
	X(S, CONNECTION_ERROR, "connection_error", COUNTER) \
	X(S, HANDSHAKE, "handshake", COUNTER) \
	X(S, SESSION_REUSED, "session_reused", COUNTER) \
	X(S, NO_CERTIFICATE, "no_certificate", COUNTER) \
	X(S, FAIL_VERIFY_NO_CERT, "fail_verify_no_cert", COUNTER) \
	X(S, FAIL_VERIFY_ERROR, "fail_verify_error", COUNTER) \
	X(S, FAIL_VERIFY_SAN, "fail_verify_san", COUNTER) \
	X(S, FAIL_VERIFY_CERT_HASH, "fail_verify_cert_hash", COUNTER) \
	X(S, OCSP_STAPLE_FAILED, "ocsp_staple_failed", COUNTER) \
	X(S, OCSP_STAPLE_OMITTED, "ocsp_staple_omitted", COUNTER) \
	X(S, OCSP_STAPLE_RESPONSES, "ocsp_staple_responses", COUNTER) \
	X(S, OCSP_STAPLE_REQUESTS, "ocsp_staple_requests", COUNTER) \
	X(S, WAS_KEY_USAGE_INVALID, "was_key_usage_invalid", LAZY_COUNTER) \
	X(S, VERSIONS_TLSV1, "versions.TLSv1", LAZY_COUNTER) \
	X(S, VERSIONS_TLSV1_1, "versions.TLSv1.1", LAZY_COUNTER) \
	X(S, VERSIONS_TLSV1_2, "versions.TLSv1.2", LAZY_COUNTER) \
	X(S, VERSIONS_TLSV1_3, "versions.TLSv1.3", LAZY_COUNTER) \
	X(S, CIPHERS_TLS_AES_128_GCM_SHA256, "ciphers.TLS_AES_128_GCM_SHA256", LAZY_COUNTER) \
	X(S, CIPHERS_TLS_AES_256_GCM_SHA384, "ciphers.TLS_AES_256_GCM_SHA384", LAZY_COUNTER) \
	X(S, CIPHERS_TLS_CHACHA20_POLY1305_SHA256, "ciphers.TLS_CHACHA20_POLY1305_SHA256", LAZY_COUNTER) \
	X(S, CIPHERS_ECDHE_ECDSA_AES128_GCM_SHA256, "ciphers.ECDHE-ECDSA-AES128-GCM-SHA256", LAZY_COUNTER) \
	X(S, CIPHERS_ECDHE_ECDSA_AES256_GCM_SHA384, "ciphers.ECDHE-ECDSA-AES256-GCM-SHA384", LAZY_COUNTER) \
	X(S, CIPHERS_ECDHE_ECDSA_CHACHA20_POLY1305, "ciphers.ECDHE-ECDSA-CHACHA20-POLY1305", LAZY_COUNTER) \
	X(S, CIPHERS_ECDHE_RSA_AES128_GCM_SHA256, "ciphers.ECDHE-RSA-AES128-GCM-SHA256", LAZY_COUNTER) \
	X(S, CIPHERS_ECDHE_RSA_AES256_GCM_SHA384, "ciphers.ECDHE-RSA-AES256-GCM-SHA384", LAZY_COUNTER) \
	X(S, CIPHERS_ECDHE_RSA_CHACHA20_POLY1305, "ciphers.ECDHE-RSA-CHACHA20-POLY1305", LAZY_COUNTER)
STAT_ENUM(tls_stat, TLS_STAT, TLS_STATS);
extern const struct stat_type tls_stats;

/* "listener.<address>.server_ssl_socket_factory", "cluster.<name>.client_ssl_socket_factory" */
#define TLS_FACTORY_STATS(X, S) \
	X(S, DOWNSTREAM_CONTEXT_SECRETS_NOT_READY, "downstream_context_secrets_not_ready", COUNTER) \
	X(S, SSL_CONTEXT_UPDATE_BY_SDS, "ssl_context_update_by_sds", COUNTER) \
	X(S, UPSTREAM_CONTEXT_SECRETS_NOT_READY, "upstream_context_secrets_not_ready", COUNTER)
STAT_ENUM(tls_factory_stat, TLS_FACTORY_STAT, TLS_FACTORY_STATS);
extern const struct stat_type tls_factory_stats;

/* "listener.<address>.ssl.certificate.<name>" */
#define TLS_CERTIFICATE_STATS(X, S) \
	X(S, EXPIRATION_UNIX_TIME_SECONDS, "expiration_unix_time_seconds", GAUGE)
STAT_ENUM(tls_certificate_stat, TLS_CERTIFICATE_STAT, TLS_CERTIFICATE_STATS);
extern const struct stat_type tls_certificate_stats;

/* "tcp.<stat_prefix>" */
#define TCP_STATS(X, S) \
	X(S, DOWNSTREAM_CX_TOTAL, "downstream_cx_total", COUNTER) \
	X(S, DOWNSTREAM_CX_RX_BYTES_TOTAL, "downstream_cx_rx_bytes_total", COUNTER) \
	X(S, DOWNSTREAM_CX_TX_BYTES_TOTAL, "downstream_cx_tx_bytes_total", COUNTER) \
	X(S, DOWNSTREAM_CX_DRAIN_CLOSE, "downstream_cx_drain_close", COUNTER) \
	X(S, DOWNSTREAM_CX_NO_ROUTE, "downstream_cx_no_route", COUNTER) \
	X(S, DOWNSTREAM_CX_OVERLOAD_CLOSE, "downstream_cx_overload_close", COUNTER) \
	X(S, DOWNSTREAM_CX_RX_BYTES_BUFFERED, "downstream_cx_rx_bytes_buffered", GAUGE) \
	X(S, DOWNSTREAM_CX_TX_BYTES_BUFFERED, "downstream_cx_tx_bytes_buffered", GAUGE) \
	X(S, DOWNSTREAM_FLOW_CONTROL_PAUSED_READING_TOTAL, "downstream_flow_control_paused_reading_total", COUNTER) \
	X(S, DOWNSTREAM_FLOW_CONTROL_RESUMED_READING_TOTAL, "downstream_flow_control_resumed_reading_total", COUNTER) \
	X(S, EARLY_DATA_RECEIVED_COUNT_TOTAL, "early_data_received_count_total", COUNTER) \
	X(S, IDLE_TIMEOUT, "idle_timeout", COUNTER) \
	X(S, MAX_DOWNSTREAM_CONNECTION_DURATION, "max_downstream_connection_duration", COUNTER) \
	X(S, ROUTE_DELAYED_TOTAL, "route_delayed_total", COUNTER) \
	X(S, UPSTREAM_FLUSH_ACTIVE, "upstream_flush_active", GAUGE) \
	X(S, UPSTREAM_FLUSH_TOTAL, "upstream_flush_total", COUNTER)
STAT_ENUM(tcp_stat, TCP_STAT, TCP_STATS);
extern const struct stat_type tcp_stats;

/* "dubbo.<stat_prefix>", "bolt.<stat_prefix>", "rpc.<stat_prefix>" */
#define RPC_STATS(X, S) \
	X(S, REQUEST, "request", COUNTER) \
	X(S, REQUEST_TWOWAY, "request_twoway", COUNTER) \
	X(S, REQUEST_DECODING_SUCCESS, "request_decoding_success", COUNTER) \
	X(S, REQUEST_ACTIVE, "request_active", GAUGE) \
	X(S, RESPONSE, "response", COUNTER) \
	X(S, RESPONSE_SUCCESS, "response_success", COUNTER) \
	X(S, RESPONSE_DECODING_SUCCESS, "response_decoding_success", COUNTER) \
	X(S, REQUEST_TIME_MS, "request_time_ms", HISTOGRAM_MS) \
	X(S, CX_DESTROY_LOCAL_WITH_ACTIVE_RQ, "cx_destroy_local_with_active_rq", COUNTER) \
	X(S, CX_DESTROY_REMOTE_WITH_ACTIVE_RQ, "cx_destroy_remote_with_active_rq", COUNTER) \
	X(S, LOCAL_RESPONSE_BUSINESS_EXCEPTION, "local_response_business_exception", COUNTER) \
	X(S, LOCAL_RESPONSE_ERROR, "local_response_error", COUNTER) \
	X(S, LOCAL_RESPONSE_SUCCESS, "local_response_success", COUNTER) \
	X(S, REQUEST_DECODING_ERROR, "request_decoding_error", COUNTER) \
	X(S, REQUEST_EVENT, "request_event", COUNTER) \
	X(S, REQUEST_OTHER_SERIALIZATION, "request_other_serialization", COUNTER) \
	X(S, REQUEST_REUSED_ID, "request_reused_id", COUNTER) \
	X(S, REQUEST_OVER_LIMIT, "request_over_limit", COUNTER) \
	X(S, REQUEST_ONEWAY, "request_oneway", COUNTER) \
	X(S, RESPONSE_BUSINESS_EXCEPTION, "response_business_exception", COUNTER) \
	X(S, RESPONSE_DECODING_ERROR, "response_decoding_error", COUNTER) \
	X(S, DOWNSTREAM_CX_DRAIN_CLOSE, "downstream_cx_drain_close", LAZY_COUNTER) \
	X(S, RESPONSE_EDITED, "response_edited", LAZY_COUNTER) \
	X(S, RESPONSE_UNEDITABLE, "response_uneditable", LAZY_COUNTER) \
	X(S, RESPONSE_ERROR, "response_error", COUNTER) \
	X(S, RESPONSE_ERROR_CAUSED_CONNECTION_CLOSE, "response_error_caused_connection_close", COUNTER)
STAT_ENUM(rpc_stat, RPC_STAT, RPC_STATS);
extern const struct stat_type rpc_stats;

/* "rpc.<stat_prefix>.inbound", "rpc.<stat_prefix>.outbound", with measure_call_times */
#define CALL_TIME_STATS(X, S) \
	X(S, READ_US, "call_read_us", HISTOGRAM) \
	X(S, FILTERS_US, "call_filters_us", HISTOGRAM) \
	X(S, UPSTREAM_US, "call_upstream_us", HISTOGRAM) \
	X(S, WRITE_US, "call_write_us", HISTOGRAM)
STAT_ENUM(call_time_stat, CALL_TIME_STAT, CALL_TIME_STATS);
extern const struct stat_type call_time_stats;

/* "sniffer.<stat_prefix>"; OTHER to BOLT in the order of enum sniffed */
#define SNIFFER_STATS(X, S) \
	X(S, OTHER, "other", COUNTER) \
	X(S, HTTP1, "http1", COUNTER) \
	X(S, HTTP2, "http2", COUNTER) \
	X(S, TLS, "tls", COUNTER) \
	X(S, DUBBO, "dubbo", COUNTER) \
	X(S, BOLT, "bolt", COUNTER) \
	X(S, REFUSED, "refused", COUNTER)
STAT_ENUM(sniffer_stat, SNIFFER_STAT, SNIFFER_STATS);
extern const struct stat_type sniffer_stats;

/* "local_rate_limit.<stat_prefix>" */
#define NETWORK_LOCAL_RATELIMIT_STATS(X, S) \
	X(S, RATE_LIMITED, "rate_limited", COUNTER)
STAT_ENUM(network_local_ratelimit_stat, NETWORK_LOCAL_RATELIMIT_STAT, NETWORK_LOCAL_RATELIMIT_STATS);
extern const struct stat_type network_local_ratelimit_stats;

/* "connection_limit.<stat_prefix>" */
#define CONNECTION_LIMIT_STATS(X, S) \
	X(S, ACTIVE_CONNECTIONS, "active_connections", GAUGE) \
	X(S, LIMITED_CONNECTIONS, "limited_connections", COUNTER)
STAT_ENUM(connection_limit_stat, CONNECTION_LIMIT_STAT, CONNECTION_LIMIT_STATS);
extern const struct stat_type connection_limit_stats;

/* "tls_inspector" */
#define TLS_INSPECTOR_STATS(X, S) \
	X(S, ALPN_FOUND, "alpn_found", COUNTER) \
	X(S, ALPN_NOT_FOUND, "alpn_not_found", COUNTER) \
	X(S, CLIENT_HELLO_TOO_LARGE, "client_hello_too_large", COUNTER) \
	X(S, SNI_FOUND, "sni_found", COUNTER) \
	X(S, SNI_NOT_FOUND, "sni_not_found", COUNTER) \
	X(S, TLS_FOUND, "tls_found", COUNTER) \
	X(S, TLS_NOT_FOUND, "tls_not_found", COUNTER) \
	X(S, BYTES_PROCESSED, "bytes_processed", HISTOGRAM)
STAT_ENUM(tls_inspector_stat, TLS_INSPECTOR_STAT, TLS_INSPECTOR_STATS);
extern const struct stat_type tls_inspector_stats;

/* "http_inspector" */
#define HTTP_INSPECTOR_STATS(X, S) \
	X(S, HTTP10_FOUND, "http10_found", COUNTER) \
	X(S, HTTP11_FOUND, "http11_found", COUNTER) \
	X(S, HTTP2_FOUND, "http2_found", COUNTER) \
	X(S, HTTP_NOT_FOUND, "http_not_found", COUNTER) \
	X(S, READ_ERROR, "read_error", COUNTER)
STAT_ENUM(http_inspector_stat, HTTP_INSPECTOR_STAT, HTTP_INSPECTOR_STATS);
extern const struct stat_type http_inspector_stats;

/* "proxy_proto" */
#define PROXY_PROTO_STATS(X, S) \
	X(S, NOT_FOUND_ALLOWED, "not_found_allowed", COUNTER) \
	X(S, NOT_FOUND_DISALLOWED, "not_found_disallowed", COUNTER) \
	X(S, VERSIONS_V1_DISALLOWED, "versions.v1.disallowed", COUNTER) \
	X(S, VERSIONS_V1_ERROR, "versions.v1.error", COUNTER) \
	X(S, VERSIONS_V1_FOUND, "versions.v1.found", COUNTER) \
	X(S, VERSIONS_V2_DISALLOWED, "versions.v2.disallowed", COUNTER) \
	X(S, VERSIONS_V2_ERROR, "versions.v2.error", COUNTER) \
	X(S, VERSIONS_V2_FOUND, "versions.v2.found", COUNTER)
STAT_ENUM(proxy_proto_stat, PROXY_PROTO_STAT, PROXY_PROTO_STATS);
extern const struct stat_type proxy_proto_stats;

/* "" (no prefix), with a proxy_protocol listener filter */
#define PROXY_PROTO_ERROR_STATS(X, S) \
	X(S, DOWNSTREAM_CX_PROXY_PROTO_ERROR, "downstream_cx_proxy_proto_error", COUNTER)
STAT_ENUM(proxy_proto_error_stat, PROXY_PROTO_ERROR_STAT, PROXY_PROTO_ERROR_STATS);
extern const struct stat_type proxy_proto_error_stats;

/* "http.<stat_prefix>.rbac", "<stat_prefix>.rbac" (network) */
#define RBAC_STATS(X, S) \
	X(S, ALLOWED, "allowed", COUNTER) \
	X(S, DENIED, "denied", COUNTER)
STAT_ENUM(rbac_stat, RBAC_STAT, RBAC_STATS);
extern const struct stat_type rbac_stats;

/* the same, behind the shadow rules' prefix */
#define RBAC_SHADOW_STATS(X, S) \
	X(S, ALLOWED, "shadow_allowed", COUNTER) \
	X(S, DENIED, "shadow_denied", COUNTER)
STAT_ENUM(rbac_shadow_stat, RBAC_SHADOW_STAT, RBAC_SHADOW_STATS);
extern const struct stat_type rbac_shadow_stats;

/* clang-format on */

#endif
