/* Clusters by weight and header, hashes, time limits, rate limit descriptors, filter
 * configurations. Expectations are what Envoy does. */
#include "base/addr.h"
#include "base/hash.h"
#include "routing/timeouts.h"
#include "routing_support.h"
#include "xds/proto/any_message.h"

static const struct route *forward(struct routing_fixture *f, const char *action, const char *line,
				   const char *more)
{
	const struct route_table *t = table_of_routes(
		f, arena_printf(&f->arena, "[{match: {prefix: /}, route: {%s}}]", action));
	const struct route *route = route_of(f, t, line, "h", more);
	assert_non_null(route);
	return route;
}

static const char *cluster(struct routing_fixture *f, const char *action, const char *more,
			   uint64_t random, const uint64_t *hash)
{
	struct cluster_pick pick;
	const struct route *route = forward(f, action, "GET /", more);
	if (!route_pick_cluster(route, &f->headers, random, hash, &pick))
		return "-";
	if (pick.slot != CLUSTER_SLOT_NONE)
		assert_int_equal(pick.slot, pick.name.len); /* fixture_cluster_slot */
	return arena_string(&f->stream, pick.name);
}

static void weights(void **state)
{
	struct routing_fixture *f = *state;
	const char *three = "weighted_clusters: {clusters: [{name: a, weight: 900}, {name: b, "
			    "weight: 0}, {name: c, weight: 100}]}";
	const char *by_header = "weighted_clusters: {header_name: X-Pick, clusters: [{name: a, "
				"weight: 50}, {name: b, weight: 50}]}";
	assert_string_equal(cluster(f, three, "", 0, NULL), "a");
	assert_string_equal(cluster(f, three, "", 899, NULL), "a");
	assert_string_equal(cluster(f, three, "", 900, NULL), "c");
	assert_string_equal(cluster(f, three, "", 999, NULL), "c");
	assert_string_equal(cluster(f, three, "", 1000, NULL), "a");
	assert_string_equal(cluster(f, by_header, "x-pick: 49", 99, NULL), "a");
	assert_string_equal(cluster(f, by_header, "x-pick: 150", 0, NULL), "b");
	assert_string_equal(cluster(f, by_header, "x-pick: abc", 60, NULL), "b");
	assert_string_equal(cluster(f, by_header, "", 60, NULL), "b");
	assert_string_equal(cluster(f, by_header, "x-pick: 1\nx-pick: 1", 60, NULL), "b");
	uint64_t hash = 70;
	assert_string_equal(cluster(f,
				    "hash_policy: [{header: {header_name: a}}], weighted_clusters: "
				    "{use_hash_policy: true, clusters: [{name: a, weight: 50}, "
				    "{name: b, weight: 50}]}",
				    "", 1, &hash),
			    "b");
}

static void named_by_header(void **state)
{
	struct routing_fixture *f = *state;
	const char *weighted = "weighted_clusters: {clusters: [{cluster_header: x-to, weight: 1}]}";
	assert_string_equal(cluster(f, "cluster_header: X-To", "x-to: c2", 0, NULL), "c2");
	assert_string_equal(cluster(f, "cluster_header: x-to", "", 0, NULL), "-");
	assert_string_equal(cluster(f, "cluster_header: x-to", "x-to:", 0, NULL), "-");
	assert_string_equal(cluster(f, weighted, "x-to: c2", 0, NULL), "c2");
	assert_string_equal(cluster(f, weighted, "", 0, NULL), "-");
	assert_int_equal(
		forward(f, "cluster: c1, cluster_not_found_response_code: NOT_FOUND", "GET /", "")
			->forward->cluster_not_found_status,
		404);
}

static struct hash_result hash_of(struct routing_fixture *f, const char *policies, const char *line,
				  const char *more)
{
	const struct route *route = forward(
		f, arena_printf(&f->arena, "cluster: c1, hash_policy: %s", policies), line, more);
	struct addr client, local;
	assert_int_equal(addr_parse(SLICE("10.0.0.7:4000"), &client), STATUS_OK);
	assert_int_equal(addr_parse(SLICE("10.0.0.8:80"), &local), STATUS_OK);
	const struct hash_input input = {&f->headers, f->input.query, &client, &local, &f->stream};
	return hash_policies_hash(&route->forward->hash_policies, &input);
}

#define HASH(text) hash_bytes(SLICE(text))

static void hashes(void **state)
{
	struct routing_fixture *f = *state;
	const char *header = "[{header: {header_name: X-Key}}]";
	struct hash_result r = hash_of(f, header, "GET /", "x-key: a");
	assert_true(r.is_found);
	assert_true(r.hash == HASH("a"));
	assert_false(hash_of(f, header, "GET /", "").is_found);
	r = hash_of(f, header, "GET /", "x-key: b\nx-key: a");
	assert_true(r.hash == hash_seeded(SLICE("b"), HASH("a")));
	r = hash_of(f,
		    "[{header: {header_name: x-key, regex_rewrite: {pattern: {regex: "
		    "'^(u-[a-z])-.*'}, substitution: '\\1'}}}]",
		    "GET /", "x-key: u-a-1");
	assert_true(r.hash == HASH("u-a"));
	r = hash_of(f, "[{cookie: {name: sid}}]", "GET /", "cookie: other=1; sid=k; z=2");
	assert_true(r.hash == HASH("k"));
	assert_false(hash_of(f, "[{cookie: {name: sid}}]", "GET /", "cookie: z=2").is_found);
	r = hash_of(f, "[{query_parameter: {name: k}}]", "GET /?K=a&k=b&k=c", "");
	assert_true(r.hash == HASH("b"));
	r = hash_of(f, "[{connection_properties: {source_ip: true}}]", "GET /", "");
	assert_true(r.hash == HASH("10.0.0.7"));
	const char *two = "[{header: {header_name: a}, terminal: %s}, {header: {header_name: b}}]";
	uint64_t a = HASH("1"), b = HASH("2");
	r = hash_of(f, arena_printf(&f->arena, two, "false"), "GET /", "a: 1\nb: 2");
	assert_true(r.hash == (((a << 1) | (a >> 63)) ^ b));
	r = hash_of(f, arena_printf(&f->arena, two, "true"), "GET /", "a: 1\nb: 2");
	assert_true(r.hash == a);
	r = hash_of(f, arena_printf(&f->arena, two, "true"), "GET /", "b: 2");
	assert_true(r.hash == b);
}

static void made_cookies(void **state)
{
	struct routing_fixture *f = *state;
	const char *policy = "[{cookie: {name: sid, ttl: 60s, path: /p, attributes: [{name: "
			     "SameSite, value: Lax}, {name: Secure}]}}]";
	struct hash_result r = hash_of(f, policy, "GET /", "cookie: sid=");
	char expected[160];
	snprintf(expected, sizeof expected,
		 "sid=\"%016llx\"; Max-Age=60; Path=/p; SameSite=Lax; Secure; HttpOnly",
		 (unsigned long long)HASH("10.0.0.7:400010.0.0.8:80"));
	assert_string_equal(arena_string(&f->stream, r.cookies->set_cookie), expected);
	assert_null(r.cookies->next);
	assert_true(r.hash == hash_bytes(slice_sub(r.cookies->set_cookie, 5, 21)));
	assert_true(r.hash == hash_of(f, policy, "GET /", "").hash);
	r = hash_of(f, "[{cookie: {name: sid, ttl: 0s}}]", "GET /", "");
	assert_null(strstr(arena_string(&f->stream, r.cookies->set_cookie), "Max-Age"));
	assert_null(hash_of(f, policy, "GET /", "cookie: sid=x").cookies);
	r = hash_of(f, "[{cookie: {name: a, ttl: 9s}}, {cookie: {name: b, ttl: 9s}}]", "GET /", "");
	assert_true(slice_starts_with(r.cookies->set_cookie, SLICE("a=")));
	assert_true(slice_starts_with(r.cookies->next->set_cookie, SLICE("b=")));
	assert_null(r.cookies->next->next);
}

static struct request_timeouts timeouts_of(struct routing_fixture *f, const char *action,
					   const char *more)
{
	const struct route *route =
		forward(f, arena_printf(&f->arena, "cluster: c1%s%s", *action ? ", " : "", action),
			"POST /", more);
	struct request_timeouts timeouts;
	request_timeouts_init(&timeouts, route->forward, route_retry_policy(route), &f->headers,
			      true);
	return timeouts;
}

#define EXPECTED "x-envoy-expected-rq-timeout-ms"

static void timeouts(void **state)
{
	struct routing_fixture *f = *state;
	assert_int_equal(timeouts_of(f, "", "").total_ms, 15000);
	assert_string_equal(field(f, EXPECTED), "15000");
	assert_int_equal(timeouts_of(f, "timeout: 0s", "").total_ms, 0);
	assert_string_equal(field(f, EXPECTED), "-");
	struct request_timeouts t =
		timeouts_of(f, "timeout: 5s, retry_policy: {per_try_timeout: 0.2s}", "");
	assert_int_equal(t.per_try_ms, 200);
	assert_string_equal(field(f, EXPECTED), "200");
	t = timeouts_of(f, "timeout: 0.3s, retry_policy: {per_try_timeout: 0.5s}", "");
	assert_int_equal(t.per_try_ms, 0);
	assert_string_equal(field(f, EXPECTED), "300");
	t = timeouts_of(f, "timeout: 5s",
			"x-envoy-upstream-rq-timeout-ms: 100\n"
			"x-envoy-upstream-rq-per-try-timeout-ms: 40\n"
			"x-envoy-upstream-rq-timeout-alt-response: 1");
	assert_int_equal(t.total_ms, 100);
	assert_int_equal(t.per_try_ms, 40);
	assert_true(t.alt_response);
	assert_string_equal(field(f, "x-envoy-upstream-rq-timeout-ms"), "-");
	assert_string_equal(field(f, "x-envoy-upstream-rq-timeout-alt-response"), "-");
	t = timeouts_of(f,
			"timeout: 5s, hedge_policy: {hedge_on_per_try_timeout: true}, "
			"retry_policy: {per_try_timeout: 1s}",
			"");
	assert_true(t.hedges_per_try);
	assert_string_equal(field(f, EXPECTED), "5000");
	t = timeouts_of(f, "timeout: 3s, max_stream_duration: {max_stream_duration: 5s}", "");
	assert_int_equal(t.total_ms, 0);
	assert_string_equal(field(f, EXPECTED), "-");
}

static void timeouts_of_grpc(void **state)
{
	struct routing_fixture *f = *state;
	const char *action = "timeout: 3s, max_grpc_timeout: 2s, grpc_timeout_offset: 0.1s";
	const char *grpc = "content-type: application/grpc";
	assert_int_equal(timeouts_of(f, action, grpc).total_ms, 2000);
	assert_string_equal(field(f, "grpc-timeout"), "2000m");
	assert_int_equal(
		timeouts_of(f, action, "content-type: application/grpc\ngrpc-timeout: 1S").total_ms,
		900);
	assert_string_equal(field(f, "grpc-timeout"), "900m");
	/* gRPC-Web is another protocol */
	const char *web = "content-type: application/grpc-web\ngrpc-timeout: 1S";
	assert_int_equal(timeouts_of(f, action, web).total_ms, 3000);
	assert_int_equal(timeouts_of(f, action, "content-type: application/grpc\ngrpc-timeout: 10S")
				 .total_ms,
			 2000);
	assert_int_equal(timeouts_of(f, action, "").total_ms, 3000);
	assert_int_equal(timeouts_of(f, "max_grpc_timeout: 0s", grpc).total_ms, 0);
	assert_string_equal(field(f, "grpc-timeout"), "-");
	const struct route *route =
		forward(f,
			"cluster: c1, max_stream_duration: {max_stream_duration: 7s, "
			"grpc_timeout_header_max: 5s, grpc_timeout_header_offset: 1s}",
			"POST /", "grpc-timeout: 4S");
	assert_int_equal(request_max_duration(route->forward, &f->headers), 3000);
	headers_set_id(&f->headers, HEADER_GRPC_TIMEOUT, SLICE("9S"));
	assert_int_equal(request_max_duration(route->forward, &f->headers), 4000);
	headers_set_id(&f->headers, HEADER_GRPC_TIMEOUT, SLICE("1S")); /* nothing is left, not 0 */
	assert_int_equal(request_max_duration(route->forward, &f->headers), 1);
	assert_string_equal(field(f, "grpc-timeout"), "1S");
	headers_set_id(&f->headers, HEADER_CONTENT_TYPE, SLICE("application/grpc"));
	headers_set_id(&f->headers, HEADER_GRPC_TIMEOUT, SLICE("9S"));
	assert_int_equal(request_max_duration(route->forward, &f->headers), 4000);
	assert_string_equal(field(f, "grpc-timeout"), "4000m");
	headers_remove_id(&f->headers, HEADER_GRPC_TIMEOUT);
	assert_int_equal(request_max_duration(route->forward, &f->headers), 7000);
}

static void grpc_timeout_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
		bool ok;
	} cases[] = {
		{"1H", 3600000, true}, {"2M", 120000, true},     {"3S", 3000, true},
		{"4m", 4, true},       {"1500u", 2, true},       {"1n", 1, true},
		{"5", 0, false},       {"S", 0, false},          {"1x", 0, false},
		{"-1S", 0, false},     {"123456789S", 0, false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t ms = 0;
		assert_int_equal(grpc_timeout_parse(slice_of(cases[i].text), &ms), cases[i].ok);
		assert_int_equal(ms, cases[i].ms);
	}
}

static const char *described(struct routing_fixture *f, const char *actions, const char *line,
			     const char *more)
{
	const struct route *route = forward(
		f, arena_printf(&f->arena, "cluster: c1, rate_limits: [{actions: %s}]", actions),
		line, more);
	struct rate_limit_entry entries[RATE_LIMIT_ACTIONS_MAX];
	unsigned count;
	struct addr client;
	char *text = "";
	assert_int_equal(addr_parse(SLICE("10.1.2.3:4000"), &client), STATUS_OK);
	const struct rate_limit_input input = {&f->headers, f->input.query, &client,
					       SLICE("me"), SLICE("c1"),    &f->stream};
	if (!rate_limit_describe(&route->forward->rate_limits.items[0], &input, entries, &count))
		return "-";
	for (unsigned i = 0; i < count; i++)
		text = arena_printf(&f->stream, "%s%.*s=%.*s ", text, SLICE_FMT(entries[i].key),
				    SLICE_FMT(entries[i].value));
	return text;
}

static void rate_limit_descriptors(void **state)
{
	struct routing_fixture *f = *state;
	const char *user = "{request_headers: {header_name: X-User, descriptor_key: user%s}}";
	const char *list = arena_printf(&f->arena, "[%s, {generic_key: {descriptor_value: g}}]",
					arena_printf(&f->arena, user, ""));
	assert_string_equal(described(f, list, "GET /", "x-user: a"), "user=a generic_key=g ");
	assert_string_equal(described(f, list, "GET /", ""), "-");
	list = arena_printf(&f->arena,
			    "[%s, {generic_key: {descriptor_key: k, descriptor_value: g}}]",
			    arena_printf(&f->arena, user, ", skip_if_absent: true"));
	assert_string_equal(described(f, list, "GET /", ""), "k=g ");
	assert_string_equal(described(f,
				      "[{remote_address: {}}, {masked_remote_address: "
				      "{v4_prefix_mask_len: 16}}, {source_cluster: {}}, "
				      "{destination_cluster: {}}]",
				      "GET /", ""),
			    "remote_address=10.1.2.3 masked_remote_address=10.1.0.0/16 "
			    "source_cluster=me destination_cluster=c1 ");
	assert_string_equal(described(f,
				      "[{query_parameters: {query_parameter_name: q, "
				      "descriptor_key: k}}]",
				      "GET /?q=7", ""),
			    "k=7 ");
	const char *match = "[{header_value_match: {descriptor_value: v, expect_match: false, "
			    "headers: [{name: x}]}}]";
	assert_string_equal(described(f, match, "GET /", ""), "header_match=v ");
	assert_string_equal(described(f, match, "GET /", "x: 1"), "-");
}

/* Keeps the type's name. */
static enum status load_filter_config(void *context, struct filter_config *config,
				      const Google__Protobuf__Any *message, struct arena *arena,
				      struct diag *diag)
{
	(void)context, (void)arena, (void)diag;
	config->config = any_message(message)->descriptor->short_name;
	return STATUS_OK;
}

static void filter_configurations(void **state)
{
	struct routing_fixture *f = *state;
	struct slice fault = SLICE("envoy.filters.http.fault"),
		     cors = SLICE("envoy.filters.http.cors");
	f->hooks.load_filter_config = load_filter_config;
#define FAULT "'@type': type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
	const struct route_table *t = table_of(
		f,
		"typed_per_filter_config: {envoy.filters.http.fault: {" FAULT
		"}}\nvirtual_hosts: [{name: v, domains: ['*'], cors: {allow_methods: GET}, routes: "
		"[{match: {prefix: /off}, route: {cluster: c1}, typed_per_filter_config: "
		"{envoy.filters.http.fault: {'@type': "
		"type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}}}, "
		"{match: {prefix: /}, route: {cluster: c1}}]}]");
	const struct route *route = route_of(f, t, "GET /off", "h", "");
	assert_true(route_filter_config(route, NULL, fault)->is_disabled);
	const struct filter_config *all[ROUTE_FILTER_CONFIGS_MAX];
	assert_int_equal(route_filter_configs(route, NULL, fault, all), 2);
	assert_string_equal(all[0]->config, "HTTPFault");
	route = route_of(f, t, "GET /", "h", "");
	assert_string_equal(route_filter_config(route, NULL, fault)->config, "HTTPFault");
	assert_string_equal(route_filter_config(route, NULL, cors)->config, "CorsPolicy");
	assert_null(route_filter_config(route, NULL, SLICE("other")));
}

/* The context says what becomes of it. */
static enum status refuse_filter_config(void *context, struct filter_config *config,
					const Google__Protobuf__Any *message, struct arena *arena,
					struct diag *diag)
{
	(void)message, (void)arena, (void)config;
	diag_at(diag, "inner", "won't do");
	return *(const enum status *)context;
}

/* Only a filter that isn't there may be left out. */
static void optional_filters(void **state)
{
	struct routing_fixture *f = *state;
	enum status status = STATUS_UNSUPPORTED;
	const char *route = "{match: {prefix: /}, route: {cluster: c1}, typed_per_filter_config: "
			    "{x: {'@type': type.googleapis.com/envoy.config.route.v3.FilterConfig, "
			    "is_optional: %s, config: {" FAULT "}}}}";
	const char *yes = arena_printf(&f->arena, route, "true"),
		   *no = arena_printf(&f->arena, route, "false");
	const char *hosts = "virtual_hosts: [{name: v, domains: ['*'], routes: [%s]}]";
	f->hooks.load_filter_config = refuse_filter_config;
	f->hooks.context = &status;
	const struct route_table *t = table_of(f, arena_printf(&f->arena, hosts, yes));
	const struct route *found = route_of(f, t, "GET /", "h", "");
	assert_null(route_filter_config(found, NULL, SLICE("x"))->config);
	assert_false(diag_is_set(&f->diag) || f->diag.path[0]);
	assert_null(table_try(f, arena_printf(&f->arena, hosts, no)));
	status = STATUS_INVALID;
	assert_null(table_try(f, arena_printf(&f->arena, hosts, yes)));
	assert_non_null(strstr(f->said, "typed_per_filter_config[\"x\"].config.inner: won't do"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(weights),
		ROUTING_TEST(named_by_header),
		ROUTING_TEST(hashes),
		ROUTING_TEST(made_cookies),
		ROUTING_TEST(timeouts),
		ROUTING_TEST(timeouts_of_grpc),
		ROUTING_TEST(grpc_timeout_units),
		ROUTING_TEST(rate_limit_descriptors),
		ROUTING_TEST(filter_configurations),
		ROUTING_TEST(optional_filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
