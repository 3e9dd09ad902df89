/* The tables of the headers, as constant data. */
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_filters.h"
#include "telemetry/stats_hosts.h"
#include "telemetry/stats_http.h"
#include "telemetry/stats_network.h"
#include "telemetry/stats_server.h"

STAT_TYPE(cluster_stats, "cluster", CLUSTER_STAT, CLUSTER_STATS);
STAT_TYPE(code_stats, "code", CODE_STAT, CODE_STATS);
STAT_TYPE(cluster_remaining_stats, "cluster_remaining", CLUSTER_REMAINING_STAT,
	  CLUSTER_REMAINING_STATS);
STAT_TYPE(outlier_stats, "outlier", OUTLIER_STAT, OUTLIER_STATS);
STAT_TYPE(health_check_stats, "health_check", HEALTH_CHECK_STAT, HEALTH_CHECK_STATS);
STAT_TYPE(cluster_size_stats, "cluster_size", CLUSTER_SIZE_STAT, CLUSTER_SIZE_STATS);
STAT_TYPE(cluster_budget_stats, "cluster_budget", CLUSTER_BUDGET_STAT, CLUSTER_BUDGET_STATS);
STAT_TYPE(host_stats, "host", HOST_STAT, HOST_STATS);
STAT_TYPE(eds_stats, "eds", EDS_STAT, EDS_STATS);
STAT_TYPE(dns_stats, "dns", DNS_STAT, DNS_STATS);
STAT_TYPE(cluster_manager_stats, "cluster_manager", CLUSTER_MANAGER_STAT, CLUSTER_MANAGER_STATS);
STAT_TYPE(http_stats, "http", HTTP_STAT, HTTP_STATS);
STAT_TYPE(router_stats, "router", ROUTER_STAT, ROUTER_STATS);
STAT_TYPE(tracing_stats, "tracing", TRACING_STAT, TRACING_STATS);
STAT_TYPE(listener_http_stats, "listener_http", LISTENER_HTTP_STAT, LISTENER_HTTP_STATS);
STAT_TYPE(http1_stats, "http1", HTTP1_STAT, HTTP1_STATS);
STAT_TYPE(http2_stats, "http2", HTTP2_STAT, HTTP2_STATS);
STAT_TYPE(virtual_cluster_stats, "virtual_cluster", VIRTUAL_CLUSTER_STAT, VIRTUAL_CLUSTER_STATS);
STAT_TYPE(listener_stats, "listener", LISTENER_STAT, LISTENER_STATS);
STAT_TYPE(listener_worker_stats, "listener_worker", LISTENER_WORKER_STAT, LISTENER_WORKER_STATS);
STAT_TYPE(listener_manager_stats, "listener_manager", LISTENER_MANAGER_STAT,
	  LISTENER_MANAGER_STATS);
STAT_TYPE(tls_stats, "tls", TLS_STAT, TLS_STATS);
STAT_TYPE(tls_factory_stats, "tls_factory", TLS_FACTORY_STAT, TLS_FACTORY_STATS);
STAT_TYPE(tls_certificate_stats, "tls_certificate", TLS_CERTIFICATE_STAT, TLS_CERTIFICATE_STATS);
STAT_TYPE(tcp_stats, "tcp", TCP_STAT, TCP_STATS);
STAT_TYPE(rpc_stats, "rpc", RPC_STAT, RPC_STATS);
STAT_TYPE(sniffer_stats, "sniffer", SNIFFER_STAT, SNIFFER_STATS);
STAT_TYPE(call_time_stats, "call_time", CALL_TIME_STAT, CALL_TIME_STATS);
STAT_TYPE(network_local_ratelimit_stats, "network_local_ratelimit", NETWORK_LOCAL_RATELIMIT_STAT,
	  NETWORK_LOCAL_RATELIMIT_STATS);
STAT_TYPE(connection_limit_stats, "connection_limit", CONNECTION_LIMIT_STAT,
	  CONNECTION_LIMIT_STATS);
STAT_TYPE(tls_inspector_stats, "tls_inspector", TLS_INSPECTOR_STAT, TLS_INSPECTOR_STATS);
STAT_TYPE(http_inspector_stats, "http_inspector", HTTP_INSPECTOR_STAT, HTTP_INSPECTOR_STATS);
STAT_TYPE(proxy_proto_stats, "proxy_proto", PROXY_PROTO_STAT, PROXY_PROTO_STATS);
STAT_TYPE(proxy_proto_error_stats, "proxy_proto_error", PROXY_PROTO_ERROR_STAT,
	  PROXY_PROTO_ERROR_STATS);
STAT_TYPE(rbac_shadow_stats, "rbac_shadow", RBAC_SHADOW_STAT, RBAC_SHADOW_STATS);
STAT_TYPE(rbac_stats, "rbac", RBAC_STAT, RBAC_STATS);
STAT_TYPE(local_ratelimit_stats, "local_ratelimit", LOCAL_RATELIMIT_STAT, LOCAL_RATELIMIT_STATS);
STAT_TYPE(fault_stats, "fault", FAULT_STAT, FAULT_STATS);
STAT_TYPE(cors_stats, "cors", CORS_STAT, CORS_STATS);
STAT_TYPE(ext_authz_stats, "ext_authz", EXT_AUTHZ_STAT, EXT_AUTHZ_STATS);
STAT_TYPE(health_check_filter_stats, "health_check_filter", HEALTH_CHECK_FILTER_STAT,
	  HEALTH_CHECK_FILTER_STATS);
STAT_TYPE(lua_vm_stats, "lua_vm", LUA_VM_STAT, LUA_VM_STATS);
STAT_TYPE(lua_stats, "lua", LUA_STAT, LUA_STATS);
STAT_TYPE(server_stats, "server", SERVER_STAT, SERVER_STATS);
STAT_TYPE(drain_stats, "drain", DRAIN_STAT, DRAIN_STATS);
STAT_TYPE(runtime_stats, "runtime", RUNTIME_STAT, RUNTIME_STATS);
STAT_TYPE(filesystem_stats, "filesystem", FILESYSTEM_STAT, FILESYSTEM_STATS);
STAT_TYPE(watchdog_stats, "watchdog", WATCHDOG_STAT, WATCHDOG_STATS);
STAT_TYPE(subscription_stats, "subscription", SUBSCRIPTION_STAT, SUBSCRIPTION_STATS);
STAT_TYPE(cds_stats, "cds", CDS_STAT, CDS_STATS);
STAT_TYPE(rds_stats, "rds", RDS_STAT, RDS_STATS);
STAT_TYPE(ecds_stats, "ecds", ECDS_STAT, ECDS_STATS);
STAT_TYPE(control_plane_stats, "control_plane", CONTROL_PLANE_STAT, CONTROL_PLANE_STATS);
STAT_TYPE(overload_stats, "overload", OVERLOAD_STAT, OVERLOAD_STATS);
STAT_TYPE(clusters_inflated_stats, "clusters_inflated", CLUSTERS_INFLATED_STAT,
	  CLUSTERS_INFLATED_STATS);
STAT_TYPE(overload_action_stats, "overload_action", OVERLOAD_ACTION_STAT, OVERLOAD_ACTION_STATS);
STAT_TYPE(overload_resource_stats, "overload_resource", OVERLOAD_RESOURCE_STAT,
	  OVERLOAD_RESOURCE_STATS);
/* What stat_count_answer relies on. */
#define CHECK_ORDER(S)                                                                             \
	_Static_assert(S##_UPSTREAM_RQ_5XX == S##_UPSTREAM_RQ_1XX + 4 &&                           \
			       S##_UPSTREAM_RQ_COMPLETED == S##_UPSTREAM_RQ_1XX + 5 &&             \
			       S##_UPSTREAM_RQ_UNKNOWN == S##_UPSTREAM_RQ_1XX + 6 &&               \
			       S##_UPSTREAM_RQ_CODE == S##_UPSTREAM_RQ_1XX + 7,                    \
		       "order of codes")
CHECK_ORDER(CLUSTER_STAT);
CHECK_ORDER(CODE_STAT);
CHECK_ORDER(VIRTUAL_CLUSTER_STAT);
