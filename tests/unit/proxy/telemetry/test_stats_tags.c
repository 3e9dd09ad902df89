/* Names and tags as Envoy 1.40 shows them, and what its regular expressions get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "telemetry/stats_tags.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void check(const char *prefix, const char *name, unsigned code, const char *expected)
{
	struct stat_sample sample = {
		.prefix = slice_of(prefix), .name = slice_of(name), .code = code};
	struct stat_tags tags;
	char text[512];
	stat_tags_extract(&sample, stat_full_name(&sample, &arena), NULL, &arena, &tags);
	int len = snprintf(text, sizeof text, "%.*s{", SLICE_FMT(tags.metric));
	for (unsigned i = 0; i < tags.count; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "%s%.*s=%.*s", i ? "," : "",
				SLICE_FMT(tags.tags[i].name), SLICE_FMT(tags.tags[i].value));
	snprintf(text + len, sizeof text - (size_t)len, "}");
	assert_string_equal(text, expected);
}

static void tags_are_envoys(void **state)
{
	(void)state;
	check("cluster.c1.", "upstream_rq_total", 0,
	      "cluster.upstream_rq_total{envoy_cluster_name=c1}");
	check("cluster.c2.", "upstream_rq_", 503,
	      "cluster.upstream_rq{envoy_response_code=503,envoy_cluster_name=c2}");
	check("cluster.c2.internal.", "upstream_rq_5xx", 0,
	      "cluster.internal.upstream_rq_xx{envoy_response_code_class=5,envoy_cluster_name=c2}");
	check("cluster.c1.", "circuit_breakers.default.cx_open", 0,
	      "cluster.circuit_breakers.default.cx_open{envoy_cluster_name=c1}");
	check("cluster.a.b_c.endpoint.127.0.0.1_19909.", "cx_total", 0,
	      "cluster.endpoint.cx_total{envoy_cluster_name=a.b_c,"
	      "envoy_endpoint_address=127.0.0.1:19909}");
	check("sentinel.a.b.", "pass", 0, "sentinel.pass{outrigger_sentinel_application=a.b}");
	check("sentinel.a.b.resource.x.Svc_m(int).rbac.", "pass", 0,
	      "sentinel.resource.pass{outrigger_sentinel_application=a.b,"
	      "outrigger_sentinel_resource=x.Svc_m(int).rbac}");
	check("sentinel.a.b.rule.x.y.flow_7.", "blocked", 0,
	      "sentinel.rule.blocked{outrigger_sentinel_application=a.b,"
	      "outrigger_sentinel_resource=x.y,outrigger_sentinel_rule=flow_7}");
	check("sentinel.a.b.resource.x.rule.y.z.", "pass", 0,
	      "sentinel.resource.pass{outrigger_sentinel_application=a.b,"
	      "outrigger_sentinel_resource=x.rule.y.z}");
	check("sentinel.a.b.token_server.", "ok", 0,
	      "sentinel.token_server.ok{outrigger_sentinel_application=a.b}");
	check("sentinel.a.b.token_server.flow.101.", "pass", 0,
	      "sentinel.token_server.flow.pass{outrigger_sentinel_application=a.b,"
	      "outrigger_sentinel_flow_id=101}");
	check("cluster_manager.", "cluster_added", 0, "cluster_manager.cluster_added{}");
	check("http.ingress.", "downstream_rq_2xx", 0,
	      "http.downstream_rq_xx{envoy_response_code_class=2,"
	      "envoy_http_conn_manager_prefix=ingress}");
	check("http.ingress.tracing.", "health_check", 0,
	      "http.tracing.health_check{envoy_http_conn_manager_prefix=ingress}");
	check("http.ingress.fault.", "aborts_injected", 0,
	      "http.fault.aborts_injected{envoy_http_conn_manager_prefix=ingress}");
	check("listener.127.0.0.1_19902.http.dr.", "downstream_rq_1xx", 0,
	      "listener.http.downstream_rq_xx{envoy_response_code_class=1,"
	      "envoy_http_conn_manager_prefix=dr,envoy_listener_address=127.0.0.1_19902}");
	check("listener.127.0.0.1_19902.worker_0.", "downstream_cx_total", 0,
	      "listener.worker_downstream_cx_total{envoy_worker_id=0,"
	      "envoy_listener_address=127.0.0.1_19902}");
	check("listener.[__1]_80.", "downstream_cx_total", 0,
	      "listener.downstream_cx_total{envoy_listener_address=[__1]_80}");
	check("listener.one.ssl.certificate.c_1.", "expiration_unix_time_seconds", 0,
	      "listener.ssl.certificate.expiration_unix_time_seconds{envoy_tls_certificate=c_1,"
	      "envoy_listener_address=one}");
	check("listener.one.ssl.", "ciphers.TLS_AES_128_GCM_SHA256", 0,
	      "listener.ssl.ciphers{envoy_ssl_cipher=TLS_AES_128_GCM_SHA256,"
	      "envoy_listener_address=one}");
	check("listener.admin.", "downstream_cx_total", 0, "listener.admin.downstream_cx_total{}");
	check("listener.admin.http.admin.", "downstream_rq_completed", 0,
	      "listener.admin.http.downstream_rq_completed{envoy_http_conn_manager_prefix=admin}");
	check("listener.admin.main_thread.", "downstream_cx_total", 0,
	      "listener.admin.main_thread.downstream_cx_total{}");
	check("vhost.vh.vcluster.reads.", "upstream_rq_", 200,
	      "vhost.vcluster.upstream_rq{envoy_response_code=200,envoy_virtual_cluster=reads,"
	      "envoy_virtual_host=vh}");
	check("vhost.vh.route.rsp.", "upstream_rq_2xx", 0,
	      "vhost.route.upstream_rq_xx{envoy_response_code_class=2,envoy_virtual_host=vh,"
	      "envoy_route=rsp}");
	check("tcp.tp.", "downstream_cx_total", 0, "tcp.downstream_cx_total{envoy_tcp_prefix=tp}");
	check("dubbo.dp.", "request", 0, "dubbo.dp.request{}");
	check("lrl.http_local_rate_limit.", "ok", 0,
	      "http_local_rate_limit.ok{envoy_local_http_ratelimit_prefix=lrl}");
	check("local_rate_limit.nlrl.", "rate_limited", 0,
	      "local_rate_limit.rate_limited{envoy_local_network_ratelimit_prefix=nlrl}");
	check("connection_limit.clim.", "limited_connections", 0,
	      "connection_limit.limited_connections{envoy_connection_limit_prefix=clim}");
	check("nrb.rbac.", "denied", 0, "rbac.denied{envoy_rbac_prefix=nrb}");
	check("server.worker_1.", "watchdog_miss", 0,
	      "server.worker_watchdog_miss{envoy_worker_id=1}");
	check("", "anything", 0, "anything{}");
}

static void a_name_with_dots_is_one_value(void **state)
{
	(void)state;
	check("cluster.outbound|80||a.ns.svc.cluster.local.", "upstream_cx_total", 0,
	      "cluster.upstream_cx_total{envoy_cluster_name=outbound|80||a.ns.svc.cluster.local}");
	check("cluster.a.ssl.b.external.", "upstream_rq_completed", 0,
	      "cluster.external.upstream_rq_completed{envoy_cluster_name=a.ssl.b}");
	check("listener.mine.x.http.in.gress.", "downstream_rq_5xx", 0,
	      "listener.http.downstream_rq_xx{envoy_response_code_class=5,"
	      "envoy_http_conn_manager_prefix=in.gress,envoy_listener_address=mine.x}");
	check("http.in.gress.rds.rc.1.", "update_success", 0,
	      "http.rds.update_success{envoy_http_conn_manager_prefix=in.gress,"
	      "envoy_rds_route_config=rc.1}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tags_are_envoys),
		TEST(a_name_with_dots_is_one_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
