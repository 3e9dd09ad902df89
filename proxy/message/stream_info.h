/* The facts of one exchange, gathered while it runs and read when it is logged, formatted or
 * counted.
 *
 * A plain record: whoever learns a fact writes it. Slices point into the stream's arena, into
 * pinned configuration, or at constants. TCP connections have one too (no headers then). Owner: the
 * stream (or the TCP session). Thread: its worker. Times are nanoseconds of CLOCK_MONOTONIC; 0
 * means "did not happen". */
#ifndef MESSAGE_STREAM_INFO_H
#define MESSAGE_STREAM_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"

struct headers;
struct metadata;

/* Access-log response flags beyond the one a reply_reason names. Envoy's short forms. */
#define RESPONSE_FLAG_TABLE(X)                                                                     \
	X(FAILED_LOCAL_HEALTH_CHECK, "LH", "FailedLocalHealthCheck")                               \
	X(NO_HEALTHY_UPSTREAM, "UH", "NoHealthyUpstream")                                          \
	X(UPSTREAM_REQUEST_TIMEOUT, "UT", "UpstreamRequestTimeout")                                \
	X(LOCAL_RESET, "LR", "LocalReset")                                                         \
	X(UPSTREAM_REMOTE_RESET, "UR", "UpstreamRemoteReset")                                      \
	X(UPSTREAM_CONNECTION_FAILURE, "UF", "UpstreamConnectionFailure")                          \
	X(UPSTREAM_CONNECTION_TERMINATION, "UC", "UpstreamConnectionTermination")                  \
	X(UPSTREAM_OVERFLOW, "UO", "UpstreamOverflow")                                             \
	X(NO_ROUTE_FOUND, "NR", "NoRouteFound")                                                    \
	X(DELAY_INJECTED, "DI", "DelayInjected")                                                   \
	X(FAULT_INJECTED, "FI", "FaultInjected")                                                   \
	X(RATE_LIMITED, "RL", "RateLimited")                                                       \
	X(UNAUTHORIZED, "UAEX", "UnauthorizedExternalService")                                     \
	X(RATELIMIT_SERVICE_ERROR, "RLSE", "RateLimitServiceError")                                \
	X(DOWNSTREAM_CONNECTION_TERMINATION, "DC", "DownstreamConnectionTermination")              \
	X(UPSTREAM_RETRY_LIMIT_EXCEEDED, "URX", "UpstreamRetryLimitExceeded")                      \
	X(STREAM_IDLE_TIMEOUT, "SI", "StreamIdleTimeout")                                          \
	X(INVALID_ENVOY_REQUEST_HEADERS, "IH", "InvalidEnvoyRequestHeaders")                       \
	X(DOWNSTREAM_PROTOCOL_ERROR, "DPE", "DownstreamProtocolError")                             \
	X(UPSTREAM_PROTOCOL_ERROR, "UPE", "UpstreamProtocolError")                                 \
	X(UPSTREAM_MAX_STREAM_DURATION, "UMSDR", "UpstreamMaxStreamDurationReached")               \
	X(RESPONSE_FROM_CACHE, "RFCF", "ResponseFromCacheFilter")                                  \
	X(NO_FILTER_CONFIG, "NFCF", "NoFilterConfigFound")                                         \
	X(DURATION_TIMEOUT, "DT", "DurationTimeout")                                               \
	X(NO_CLUSTER_FOUND, "NC", "NoClusterFound")                                                \
	X(OVERLOAD_MANAGER, "OM", "OverloadManagerTerminated")                                     \
	X(DNS_FAILURE, "DF", "DnsResolutionFailed")                                                \
	X(DROP_OVERLOAD, "DO", "DropOverload")                                                     \
	X(DOWNSTREAM_REMOTE_RESET, "DR", "DownstreamRemoteReset")

enum response_flag {
#define RESPONSE_FLAG_ENUM(name, short_form, long_form) RESPONSE_FLAG_##name,
	RESPONSE_FLAG_TABLE(RESPONSE_FLAG_ENUM)
#undef RESPONSE_FLAG_ENUM
		RESPONSE_FLAG_COUNT,
};

enum stream_protocol {
	STREAM_PROTOCOL_NONE,
	STREAM_PROTOCOL_HTTP10,
	STREAM_PROTOCOL_HTTP11,
	STREAM_PROTOCOL_HTTP2,
	STREAM_PROTOCOL_TCP,
	STREAM_PROTOCOL_DUBBO,
	STREAM_PROTOCOL_BOLT,
};

/* The moments at which an exchange or connection is logged: %ACCESS_LOG_TYPE%. */
#define LOG_TYPE_TABLE(X)                                                                          \
	X(NOT_SET, "NotSet")                                                                       \
	X(TCP_UPSTREAM_CONNECTED, "TcpUpstreamConnected")                                          \
	X(TCP_PERIODIC, "TcpPeriodic")                                                             \
	X(TCP_CONNECTION_END, "TcpConnectionEnd")                                                  \
	X(DOWNSTREAM_START, "DownstreamStart")                                                     \
	X(DOWNSTREAM_PERIODIC, "DownstreamPeriodic")                                               \
	X(DOWNSTREAM_END, "DownstreamEnd")                                                         \
	X(UPSTREAM_POOL_READY, "UpstreamPoolReady")                                                \
	X(UPSTREAM_PERIODIC, "UpstreamPeriodic")                                                   \
	X(UPSTREAM_END, "UpstreamEnd")                                                             \
	X(DOWNSTREAM_TUNNEL_SUCCESSFULLY_ESTABLISHED, "DownstreamTunnelSuccessfullyEstablished")   \
	X(UDP_TUNNEL_UPSTREAM_CONNECTED, "UdpTunnelUpstreamConnected")                             \
	X(UDP_PERIODIC, "UdpPeriodic")                                                             \
	X(UDP_SESSION_END, "UdpSessionEnd")                                                        \
	X(TCP_CONNECTION_START, "TcpConnectionStart")

enum log_type { /* the numbers are those of envoy.data.accesslog.v3.AccessLogType */
#define LOG_TYPE_ENUM(name, text) LOG_TYPE_##name,
		LOG_TYPE_TABLE(LOG_TYPE_ENUM)
#undef LOG_TYPE_ENUM
};

struct stream_times {
	uint64_t start_ns;          /* first byte of the request head (or accept, for TCP) */
	uint64_t request_end_ns;    /* last byte of the request received */
	uint64_t upstream_start_ns; /* first byte sent upstream */
	uint64_t upstream_end_ns;   /* last byte sent upstream */
	uint64_t response_start_ns; /* first byte of the upstream's response received */
	uint64_t response_end_ns;   /* last byte received from upstream */
	uint64_t first_tx_ns;       /* first byte of the response sent downstream */
	uint64_t last_tx_ns;        /* last byte of the response sent downstream */
	uint64_t end_ns;            /* the stream is complete */
	uint64_t pool_ready_ns;     /* an upstream connection was at hand */
};

/* Where the time of a call goes; read anew at each step, not once a turn. 0: it didn't come to
 * that. */
struct call_times {
	uint64_t begun_ns;    /* the turn in which its first byte came */
	uint64_t read_ns;     /* it is whole and decoded */
	uint64_t sent_ns;     /* the filters are done; its host is about to be chosen */
	uint64_t answered_ns; /* the answer is whole */
	uint64_t written_ns;  /* … and has passed the filters and its codec */
};

/* What a client's certificate, which was verified, says of it; "" : nothing. */
struct peer_names {
	struct slice uri, dns, subject; /* the first of its URI and DNS names */
};

struct stream_info {
	struct stream_times times;
	uint64_t start_wall_ns; /* CLOCK_REALTIME of times.start_ns */
	uint64_t connection_id, upstream_connection_id, stream_id;
	uint64_t request_body_bytes, response_body_bytes; /* %BYTES_RECEIVED%, %BYTES_SENT% */
	uint64_t downstream_wire_received, downstream_wire_sent, upstream_wire_received,
		upstream_wire_sent;
	uint64_t request_header_bytes, response_header_bytes; /* as on the wire */
	uint64_t upstream_header_sent, upstream_header_received;
	uint64_t flags;                      /* bit enum response_flag */
	uint16_t response_code;              /* 0: none was sent */
	uint8_t protocol, upstream_protocol; /* enum stream_protocol */
	uint8_t attempt_count;               /* upstream requests made */
	uint8_t log_type;                    /* enum log_type, while it is logged */
	bool is_upgrade;
	bool is_health_check;                        /* answered by the health_check filter */
	struct slice response_code_details;          /* "via_upstream", … */
	struct slice connection_termination_details; /* "" : none */
	struct slice upstream_failure_reason;
	struct slice local_reply_body;
	struct slice route_name, virtual_host_name, virtual_cluster_name, cluster_name,
		filter_chain_name, requested_server_name;
	struct slice upstream_host_name; /* the endpoint's hostname, "" if none */
	const struct addr *downstream_remote, *downstream_local,
		*downstream_direct_remote;                   /* never NULL while the stream lives */
	const struct addr *upstream_remote, *upstream_local; /* NULL: no upstream */
	const struct headers *request, *response, *request_trailers,
		*response_trailers;    /* NULL: none (yet) */
	struct metadata *metadata;     /* what filters noted down; NULL: nothing */
	struct call_times *call_times; /* NULL: not measured */
	const struct peer_names *peer; /* NULL: the client has shown no certificate */
};

static inline void stream_info_flag(struct stream_info *info, enum response_flag flag)
{
	info->flags |= UINT64_C(1) << flag;
}

#endif
