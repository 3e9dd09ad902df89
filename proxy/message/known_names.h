/* Header names that the proxy itself looks at, and those that most messages carry, as small
 * numbers.
 *
 * One table; ids are positions in it, so they may change between releases and never travel. Thread:
 * constant data. */
#ifndef MESSAGE_KNOWN_NAMES_H
#define MESSAGE_KNOWN_NAMES_H

#include "base/slice.h"

#define KNOWN_PSEUDO_NAMES(X)                                                                      \
	X(METHOD, ":method")                                                                       \
	X(SCHEME, ":scheme")                                                                       \
	X(AUTHORITY, ":authority")                                                                 \
	X(PATH, ":path")                                                                           \
	X(PROTOCOL, ":protocol")                                                                   \
	X(STATUS, ":status")

#define KNOWN_NAMES(X)                                                                             \
	X(ACCEPT, "accept")                                                                        \
	X(ACCEPT_ENCODING, "accept-encoding")                                                      \
	X(ACCEPT_LANGUAGE, "accept-language")                                                      \
	X(AUTHORIZATION, "authorization")                                                          \
	X(CACHE_CONTROL, "cache-control")                                                          \
	X(CONNECTION, "connection")                                                                \
	X(CONTENT_ENCODING, "content-encoding")                                                    \
	X(CONTENT_LENGTH, "content-length")                                                        \
	X(CONTENT_TYPE, "content-type")                                                            \
	X(COOKIE, "cookie")                                                                        \
	X(DATE, "date")                                                                            \
	X(ETAG, "etag")                                                                            \
	X(EXPECT, "expect")                                                                        \
	X(GRPC_MESSAGE, "grpc-message")                                                            \
	X(GRPC_STATUS, "grpc-status")                                                              \
	X(GRPC_TIMEOUT, "grpc-timeout")                                                            \
	X(HOST, "host")                                                                            \
	X(HTTP2_SETTINGS, "http2-settings")                                                        \
	X(IF_NONE_MATCH, "if-none-match")                                                          \
	X(KEEP_ALIVE, "keep-alive")                                                                \
	X(LAST_MODIFIED, "last-modified")                                                          \
	X(LOCATION, "location")                                                                    \
	X(ORIGIN, "origin")                                                                        \
	X(PROXY_CONNECTION, "proxy-connection")                                                    \
	X(REFERER, "referer")                                                                      \
	X(SERVER, "server")                                                                        \
	X(SET_COOKIE, "set-cookie")                                                                \
	X(TE, "te")                                                                                \
	X(TRACEPARENT, "traceparent")                                                              \
	X(TRAILER, "trailer")                                                                      \
	X(TRANSFER_ENCODING, "transfer-encoding")                                                  \
	X(TRI_CONSUMER_APPNAME, "tri-consumer-appname")                                            \
	X(TRI_SERVICE_GROUP, "tri-service-group")                                                  \
	X(TRI_SERVICE_TIMEOUT, "tri-service-timeout")                                              \
	X(TRI_SERVICE_VERSION, "tri-service-version")                                              \
	X(UPGRADE, "upgrade")                                                                      \
	X(USER_AGENT, "user-agent")                                                                \
	X(VARY, "vary")                                                                            \
	X(VIA, "via")                                                                              \
	X(X_CLIENT_TRACE_ID, "x-client-trace-id")                                                  \
	X(X_ENVOY_ATTEMPT_COUNT, "x-envoy-attempt-count")                                          \
	X(X_ENVOY_DECORATOR_OPERATION, "x-envoy-decorator-operation")                              \
	X(X_ENVOY_DEGRADED, "x-envoy-degraded")                                                    \
	X(X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER, "x-envoy-downstream-service-cluster")                \
	X(X_ENVOY_DOWNSTREAM_SERVICE_NODE, "x-envoy-downstream-service-node")                      \
	X(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, "x-envoy-expected-rq-timeout-ms")                        \
	X(X_ENVOY_EXTERNAL_ADDRESS, "x-envoy-external-address")                                    \
	X(X_ENVOY_FORCE_TRACE, "x-envoy-force-trace")                                              \
	X(X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT, "x-envoy-hedge-on-per-try-timeout")                    \
	X(X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL, "x-envoy-immediate-health-check-fail")              \
	X(X_ENVOY_INTERNAL, "x-envoy-internal")                                                    \
	X(X_ENVOY_IP_TAGS, "x-envoy-ip-tags")                                                      \
	X(X_ENVOY_IS_TIMEOUT_RETRY, "x-envoy-is-timeout-retry")                                    \
	X(X_ENVOY_MAX_RETRIES, "x-envoy-max-retries")                                              \
	X(X_ENVOY_ORIGINAL_PATH, "x-envoy-original-path")                                          \
	X(X_ENVOY_ORIGINAL_DST_HOST, "x-envoy-original-dst-host")                                  \
	X(X_ENVOY_OVERLOADED, "x-envoy-overloaded")                                                \
	X(X_ENVOY_RATELIMITED, "x-envoy-ratelimited")                                              \
	X(X_ENVOY_RETRIABLE_HEADER_NAMES, "x-envoy-retriable-header-names")                        \
	X(X_ENVOY_RETRIABLE_STATUS_CODES, "x-envoy-retriable-status-codes")                        \
	X(X_ENVOY_RETRY_GRPC_ON, "x-envoy-retry-grpc-on")                                          \
	X(X_ENVOY_RETRY_ON, "x-envoy-retry-on")                                                    \
	X(X_ENVOY_UPSTREAM_ALT_STAT_NAME, "x-envoy-upstream-alt-stat-name")                        \
	X(X_ENVOY_UPSTREAM_CANARY, "x-envoy-upstream-canary")                                      \
	X(X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS, "x-envoy-upstream-rq-per-try-timeout-ms")        \
	X(X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE, "x-envoy-upstream-rq-timeout-alt-response")    \
	X(X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS, "x-envoy-upstream-rq-timeout-ms")                        \
	X(X_ENVOY_UPSTREAM_SERVICE_TIME, "x-envoy-upstream-service-time")                          \
	X(X_FORWARDED_CLIENT_CERT, "x-forwarded-client-cert")                                      \
	X(X_FORWARDED_FOR, "x-forwarded-for")                                                      \
	X(X_FORWARDED_HOST, "x-forwarded-host")                                                    \
	X(X_FORWARDED_PORT, "x-forwarded-port")                                                    \
	X(X_FORWARDED_PROTO, "x-forwarded-proto")                                                  \
	X(X_REQUEST_ID, "x-request-id")

enum header_id {
	HEADER_REMOVED, /* of an item that was taken out */
	HEADER_OTHER,   /* a name that isn't in the table */
#define KNOWN_NAME_ENUM(id, text) HEADER_##id,
	KNOWN_PSEUDO_NAMES(KNOWN_NAME_ENUM) HEADER_PSEUDO_END,
	HEADER_FIRST_REGULAR = HEADER_PSEUDO_END,
	HEADER_BEFORE_REGULAR = HEADER_PSEUDO_END - 1,
	KNOWN_NAMES(KNOWN_NAME_ENUM)
#undef KNOWN_NAME_ENUM
		HEADER_ID_COUNT,
};

/* The id of a lower-case name, HEADER_OTHER if it isn't well known. */
enum header_id known_name_find(struct slice name);

/* The name of a well-known id. */
struct slice known_name_text(enum header_id id);

#endif
