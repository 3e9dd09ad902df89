/* Names and tags as Envoy 1.40 shows them, and what its regular expressions get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "telemetry/stats_tags.h"

#include "support/test_arena.h"

struct row {
	const char *prefix, *name;
	unsigned code;
	const char *expected;
};

static void check(const struct row *row)
{
	struct stat_sample sample = {
		.prefix = slice_of(row->prefix), .name = slice_of(row->name), .code = row->code};
	struct stat_tags tags;
	char text[512];
	stat_tags_extract(&sample, stat_full_name(&sample, &arena), NULL, &arena, &tags);
	int len = snprintf(text, sizeof text, "%.*s{", SLICE_FMT(tags.metric));
	for (unsigned i = 0; i < tags.count; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "%s%.*s=%.*s", i ? "," : "",
				SLICE_FMT(tags.tags[i].name), SLICE_FMT(tags.tags[i].value));
	snprintf(text + len, sizeof text - (size_t)len, "}");
	assert_string_equal(text, row->expected);
}

static void tags_are_envoys(void **state)
{
	static const struct row rows[] = {
		{"cluster.c1.", "upstream_rq_total", 0,
		 "cluster.upstream_rq_total{envoy_cluster_name=c1}"},
		{"cluster.c2.", "upstream_rq_", 503,
		 "cluster.upstream_rq{envoy_response_code=503,envoy_cluster_name=c2}"},
		{"cluster.c2.internal.", "upstream_rq_5xx", 0,
		 "cluster.internal.upstream_rq_xx{envoy_response_code_class=5,envoy_cluster_name="
		 "c2}"},
		{"cluster.c1.", "circuit_breakers.default.cx_open", 0,
		 "cluster.circuit_breakers.default.cx_open{envoy_cluster_name=c1}"},
		{"cluster.a.b_c.endpoint.127.0.0.1_19909.", "cx_total", 0,
		 "cluster.endpoint.cx_total{envoy_cluster_name=a.b_c,"
		 "envoy_endpoint_address=127.0.0.1:19909}"},
		{"sentinel.a.b.", "pass", 0, "sentinel.pass{outrigger_sentinel_application=a.b}"},
		{"sentinel.a.b.resource.x.Svc_m(int).rbac.", "pass", 0,
		 "sentinel.resource.pass{outrigger_sentinel_application=a.b,"
		 "outrigger_sentinel_resource=x.Svc_m(int).rbac}"},
		{"sentinel.a.b.rule.x.y.flow_7.", "blocked", 0,
		 "sentinel.rule.blocked{outrigger_sentinel_application=a.b,"
		 "outrigger_sentinel_resource=x.y,outrigger_sentinel_rule=flow_7}"},
		{"sentinel.a.b.resource.x.rule.y.z.", "pass", 0,
		 "sentinel.resource.pass{outrigger_sentinel_application=a.b,"
		 "outrigger_sentinel_resource=x.rule.y.z}"},
		{"sentinel.a.b.token_server.", "ok", 0,
		 "sentinel.token_server.ok{outrigger_sentinel_application=a.b}"},
		{"sentinel.a.b.token_server.flow.101.", "pass", 0,
		 "sentinel.token_server.flow.pass{outrigger_sentinel_application=a.b,"
		 "outrigger_sentinel_flow_id=101}"},
		{"cluster_manager.", "cluster_added", 0, "cluster_manager.cluster_added{}"},
		{"http.ingress.", "downstream_rq_2xx", 0,
		 "http.downstream_rq_xx{envoy_response_code_class=2,"
		 "envoy_http_conn_manager_prefix=ingress}"},
		{"http.ingress.tracing.", "health_check", 0,
		 "http.tracing.health_check{envoy_http_conn_manager_prefix=ingress}"},
		{"http.ingress.fault.", "aborts_injected", 0,
		 "http.fault.aborts_injected{envoy_http_conn_manager_prefix=ingress}"},
		{"listener.127.0.0.1_19902.http.dr.", "downstream_rq_1xx", 0,
		 "listener.http.downstream_rq_xx{envoy_response_code_class=1,"
		 "envoy_http_conn_manager_prefix=dr,envoy_listener_address=127.0.0.1_19902}"},
		{"listener.127.0.0.1_19902.worker_0.", "downstream_cx_total", 0,
		 "listener.worker_downstream_cx_total{envoy_worker_id=0,"
		 "envoy_listener_address=127.0.0.1_19902}"},
		{"listener.[__1]_80.", "downstream_cx_total", 0,
		 "listener.downstream_cx_total{envoy_listener_address=[__1]_80}"},
		{"listener.one.ssl.certificate.c_1.", "expiration_unix_time_seconds", 0,
		 "listener.ssl.certificate.expiration_unix_time_seconds{envoy_tls_certificate=c_1,"
		 "envoy_listener_address=one}"},
		{"listener.one.ssl.", "ciphers.TLS_AES_128_GCM_SHA256", 0,
		 "listener.ssl.ciphers{envoy_ssl_cipher=TLS_AES_128_GCM_SHA256,"
		 "envoy_listener_address=one}"},
		{"listener.admin.", "downstream_cx_total", 0,
		 "listener.admin.downstream_cx_total{}"},
		{"listener.admin.http.admin.", "downstream_rq_completed", 0,
		 "listener.admin.http.downstream_rq_completed{envoy_http_conn_manager_prefix="
		 "admin}"},
		{"listener.admin.main_thread.", "downstream_cx_total", 0,
		 "listener.admin.main_thread.downstream_cx_total{}"},
		{"vhost.vh.vcluster.reads.", "upstream_rq_", 200,
		 "vhost.vcluster.upstream_rq{envoy_response_code=200,envoy_virtual_cluster=reads,"
		 "envoy_virtual_host=vh}"},
		{"vhost.vh.route.rsp.", "upstream_rq_2xx", 0,
		 "vhost.route.upstream_rq_xx{envoy_response_code_class=2,envoy_virtual_host=vh,"
		 "envoy_route=rsp}"},
		{"tcp.tp.", "downstream_cx_total", 0,
		 "tcp.downstream_cx_total{envoy_tcp_prefix=tp}"},
		{"dubbo.dp.", "request", 0, "dubbo.dp.request{}"},
		{"lrl.http_local_rate_limit.", "ok", 0,
		 "http_local_rate_limit.ok{envoy_local_http_ratelimit_prefix=lrl}"},
		{"local_rate_limit.nlrl.", "rate_limited", 0,
		 "local_rate_limit.rate_limited{envoy_local_network_ratelimit_prefix=nlrl}"},
		{"connection_limit.clim.", "limited_connections", 0,
		 "connection_limit.limited_connections{envoy_connection_limit_prefix=clim}"},
		{"nrb.rbac.", "denied", 0, "rbac.denied{envoy_rbac_prefix=nrb}"},
		{"server.worker_1.", "watchdog_miss", 0,
		 "server.worker_watchdog_miss{envoy_worker_id=1}"},
		{"", "anything", 0, "anything{}"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(&rows[i]);
}

static void a_name_with_dots_is_one_value(void **state)
{
	static const struct row rows[] = {
		{"cluster.outbound|80||a.ns.svc.cluster.local.", "upstream_cx_total", 0,
		 "cluster.upstream_cx_total{envoy_cluster_name=outbound|80||a.ns.svc.cluster."
		 "local}"},
		{"cluster.a.ssl.b.external.", "upstream_rq_completed", 0,
		 "cluster.external.upstream_rq_completed{envoy_cluster_name=a.ssl.b}"},
		{"listener.mine.x.http.in.gress.", "downstream_rq_5xx", 0,
		 "listener.http.downstream_rq_xx{envoy_response_code_class=5,"
		 "envoy_http_conn_manager_prefix=in.gress,envoy_listener_address=mine.x}"},
		{"http.in.gress.rds.rc.1.", "update_success", 0,
		 "http.rds.update_success{envoy_http_conn_manager_prefix=in.gress,"
		 "envoy_rds_route_config=rc.1}"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_envoys),
		cmocka_unit_test(a_name_with_dots_is_one_value),
	};
	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
