/* Why the proxy answers, or gives up, an exchange itself: one row says what each protocol's caller
 * sees.
 *
 *   REASON(name, http, grpc, dubbo, bolt, flag, details, text)
 *     http     status code         grpc   status number
 *     dubbo    status byte; 20 means a RuntimeException object that stock SDKs don't try again
 *     flag     access-log response flag (Envoy's short form), "" for none
 *     details  %RESPONSE_CODE_DETAILS%        text   body (HTTP), message (gRPC, RPC)
 *
 * Sources: docs of Envoy (flags, details, bodies), tried Dubbo and SOFA clients (statuses). */
#ifndef MESSAGE_REPLY_REASON_H
#define MESSAGE_REPLY_REASON_H

#include <stdint.h>

#include "base/slice.h"

#define RESET_TEXT "upstream connect error or disconnect/reset before headers. reset reason: "

/* clang-format off */
#define REPLY_REASON_TABLE(REASON) \
	REASON(NONE,                    200,  0,  20,  0, "",     "", "") \
	REASON(DIRECT_RESPONSE,         200,  0,  20,  0, "",     "direct_response", "") \
	REASON(NO_ROUTE,                404, 12,  20,  0, "NR",   "route_not_found", "") \
	REASON(NO_CLUSTER,              503, 14,  20,  0, "NC",   "cluster_not_found", "") \
	REASON(NO_FILTER_CONFIG,        500, 13,  80,  9, "NFCF", "no_filter_config", "") \
	REASON(DENIED,                  403,  7,  20,  0, "UAEX", "denied", "denied") \
	REASON(RBAC_DENIED,             403,  7,  20,  0, "",     "rbac_access_denied_matched_policy[none]", "RBAC: access denied") \
	REASON(WRONG_UNIT,              421,  9,  20,  0, "",     "wrong_unit", "wrong unit") \
	REASON(SHARD_MOVING,            503, 14,  80,  4, "",     "shard_moving", "the shard is moving") \
	REASON(RATE_LIMITED,            429, 14,  20,  0, "RL",   "local_rate_limited", "local_rate_limited") \
	REASON(BLOCKED,                 429, 14,  20,  0, "RL",   "blocked", "SentinelBlockException") \
	REASON(SHED,                    503, 14,  20,  0, "OM",   "traffic_class_shed", "shed: the system is under pressure") \
	REASON(DEFERRED,                202,  0,  20,  0, "",     "deferred", "") \
	REASON(FAULT_ABORT,             503, 14,  20,  0, "FI",   "fault_filter_abort", "fault filter abort") \
	REASON(NO_HEALTHY_UPSTREAM,     503, 14,  80,  4, "UH",   "no_healthy_upstream", "no healthy upstream") \
	REASON(DROP_OVERLOAD,           503, 14,  80,  4, "DO",   "drop_overload", "drop overload") \
	REASON(MAINTENANCE,             503, 14,  80,  4, "UO",   "maintenance_mode", "maintenance mode") \
	REASON(CONNECT_FAILURE,         503, 14,  80,  4, "UF",   "upstream_reset_before_response_started{remote_connection_failure}", RESET_TEXT "remote connection failure") \
	REASON(CONNECT_TIMEOUT,         503, 14,  80,  4, "UF",   "upstream_reset_before_response_started{connection_timeout}", RESET_TEXT "connection timeout") \
	REASON(OVERFLOW,                503, 14,  80,  4, "UO",   "upstream_reset_before_response_started{overflow}", RESET_TEXT "overflow") \
	REASON(CONNECTION_LOST,         503, 14,  35, 16, "UC",   "upstream_reset_before_response_started{connection_termination}", RESET_TEXT "connection termination") \
	REASON(UPSTREAM_RESET,          503, 14,  35, 16, "UR",   "upstream_reset_before_response_started{remote_reset}", RESET_TEXT "remote reset") \
	REASON(UPSTREAM_PROTOCOL_ERROR, 502, 14,  80, 16, "UPE",  "upstream_reset_before_response_started{protocol_error}", RESET_TEXT "protocol error") \
	REASON(UPSTREAM_TIMEOUT,        504,  4,  31,  7, "UT",   "response_timeout", "upstream request timeout") \
	REASON(PER_TRY_TIMEOUT,         504,  4,  31,  7, "UT",   "upstream_per_try_timeout", "upstream request timeout") \
	REASON(PER_TRY_IDLE_TIMEOUT,    504,  4,  31,  7, "SI",   "upstream_per_try_idle_timeout", "upstream request timeout") \
	REASON(MAX_DURATION,            504,  4,  31,  7, "UMSDR","upstream_max_stream_duration_reached", "upstream max stream duration reached") \
	REASON(STREAM_IDLE_TIMEOUT,     504,  4,  31,  7, "SI",   "stream_idle_timeout", "stream timeout") \
	REASON(REQUEST_TIMEOUT,         408,  4,  31,  7, "DT",   "request_overall_timeout", "request timeout") \
	REASON(REQUEST_HEADERS_TIMEOUT, 408,  4,  31,  7, "DT",   "request_header_timeout", "request header timeout") \
	REASON(DOWNSTREAM_MAX_DURATION, 504,  4,  31,  7, "DT",   "max_duration_timeout", "downstream duration timeout") \
	REASON(BAD_REQUEST,             400, 13,  40,  9, "DPE",  "http1.codec_error", "Bad Request") \
	REASON(NOT_IMPLEMENTED,         501, 12,  40,  9, "DPE",  "http1.invalid_transfer_encoding", "Not Implemented") \
	REASON(UPGRADE_REQUIRED,        426, 12,  40,  9, "DPE",  "low_version", "Upgrade Required") \
	REASON(HEADERS_TOO_LARGE,       431, 13,  40,  9, "DPE",  "request_headers_too_large", "Request Header Fields Too Large") \
	REASON(MISSING_HOST,            400, 13,  40,  9, "",     "missing_host_header", "") \
	REASON(ABSOLUTE_PATH,           404, 12,  40,  9, "NR",   "absolute_path_rejected", "") \
	REASON(PATH_NORMALIZATION,      400, 13,  40,  9, "",     "path_normalization_failed", "") \
	REASON(UPGRADE_FAILED,          403,  7,  40,  9, "",     "upgrade_failed", "") \
	REASON(PAYLOAD_TOO_LARGE,       413, 13,  40,  9, "",     "request_payload_too_large", "Payload Too Large") \
	REASON(RESPONSE_TOO_LARGE,      500, 13,  80,  9, "",     "response_payload_too_large", "Internal Server Error") \
	REASON(CALL_OVER_LIMIT,         413,  8,  20,  9, "DPE",  "rpc_call_over_limit", "the call is larger than this proxy's limit") \
	REASON(ANSWER_OVER_LIMIT,       500,  8,  20,  9, "UPE",  "rpc_answer_over_limit", "the answer is larger than this proxy's limit") \
	REASON(OVERLOADED,              503, 14, 100,  4, "OM",   "overload", "envoy overloaded") \
	REASON(DRAINING,                503, 14,  80,  4, "",     "draining", "draining") \
	REASON(INTERNAL_ERROR,          500, 13,  80,  9, "",     "internal_error", "Internal Server Error") \
	REASON(DOWNSTREAM_DISCONNECT,     0,  1,   0,  0, "DC",   "downstream_remote_disconnect", "") \
	REASON(DOWNSTREAM_LOCAL_CLOSE,    0,  1,   0,  0, "DC",   "downstream_local_disconnect", "")
/* clang-format on */

enum reply_reason {
#define REPLY_REASON_ENUM(name, http, grpc, dubbo, bolt, flag, details, text) REPLY_##name,
	REPLY_REASON_TABLE(REPLY_REASON_ENUM)
#undef REPLY_REASON_ENUM
		REPLY_REASON_COUNT,
};

struct reply_reason_row {
	uint16_t http;
	uint8_t grpc, dubbo, bolt;
	struct slice name, flag, details, text;
};

/* Indexed by enum reply_reason. Constant. */
extern const struct reply_reason_row reply_reasons[REPLY_REASON_COUNT];

#endif
