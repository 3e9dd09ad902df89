/* What a route, virtual host and table carry for others: mirrors, upgrades, internal redirects,
 * metadata, limits, names. */
#include "google/protobuf/struct.pb-c.h"
#include "message/format.h"
#include "routing_support.h"

/* Keeps what was asked for as "namespace.key=text ". */
static enum status load_metadata(void *context,
				 const struct Envoy__Config__Core__V3__Metadata *message,
				 struct arena *arena, const void **metadata, struct diag *diag)
{
	char *text = "";
	(void)context, (void)diag;
	for (size_t i = 0; i < message->n_filter_metadata; i++)
		for (size_t k = 0; k < message->filter_metadata[i]->value->n_fields; k++) {
			const Google__Protobuf__Struct__FieldsEntry *entry =
				message->filter_metadata[i]->value->fields[k];
			text = arena_printf(arena, "%s%s.%s=%s ", text,
					    message->filter_metadata[i]->key, entry->key,
					    entry->value->string_value);
		}
	*metadata = text;
	return STATUS_OK;
}

static void metadata(void **state)
{
	struct routing_fixture *f = *state;
	struct cluster_pick pick;
	f->hooks.load_metadata = load_metadata;
	const struct route_table *t = table_of_routes(
		f, "[{match: {prefix: /}, metadata: {filter_metadata: {lua: {k: v}}}, route: "
		   "{metadata_match: {filter_metadata: {envoy.lb: {a: r, b: r}, other: {z: r}}}, "
		   "weighted_clusters: {clusters: [{name: c1, weight: 1, metadata_match: "
		   "{filter_metadata: {envoy.lb: {b: w, c: w}}}}, {name: c2, weight: 1}]}}}]");
	const struct route *route = route_of(f, t, "GET /", "h", "");
	assert_string_equal(route->extras->metadata, "lua.k=v ");
	assert_true(route_pick_cluster(route, &f->headers, 0, NULL, &pick));
	assert_string_equal(pick.metadata_match, "envoy.lb.b=w envoy.lb.c=w envoy.lb.a=r ");
	assert_true(route_pick_cluster(route, &f->headers, 1, NULL, &pick));
	assert_string_equal(pick.metadata_match, "envoy.lb.a=r envoy.lb.b=r other.z=r ");
}

static const char *mirror_of(struct routing_fixture *f, const struct route_table *t,
			     const char *line)
{
	const struct mirrors *mirrors = route_mirrors(route_of(f, t, line, "h", ""));
	return mirrors->count ? arena_string(&f->stream, mirrors->items[0].cluster) : "-";
}

static void mirrors(void **state)
{
	struct routing_fixture *f = *state;
#define MIRROR(name) "request_mirror_policies: [{cluster: " name "}]"
	const struct route_table *t = table_of(
		f, MIRROR("table") "\nvirtual_hosts: [{name: v, domains: ['*'], " MIRROR(
			   "vhost") ", routes: [{match: {path: /own}, route: {cluster: c1, "
				    "request_mirror_policies: [{cluster: own, runtime_fraction: "
				    "{default_value: {numerator: 5}, runtime_key: r.off}, "
				    "disable_shadow_host_suffix_append: true}, {cluster_header: "
				    "X-To}]}}, {match: {prefix: /}, route: {cluster: c1}}]}]");
	assert_string_equal(mirror_of(f, t, "GET /own"), "own");
	const struct mirror *items = route_mirrors(route_of(f, t, "GET /own", "h", ""))->items;
	assert_int_equal(items[0].slot, 3);
	assert_true(items[0].keeps_host);
	assert_false(fraction_takes(items[0].fraction, 0));
	assert_true(slice_equal(items[1].from_header, SLICE("x-to")));
	assert_true(fraction_takes(items[1].fraction, 99));
	assert_string_equal(mirror_of(f, t, "GET /"), "vhost");
	t = table_of(f, MIRROR("table") "\nvirtual_hosts: [{name: v, domains: ['*'], routes: "
					"[{match: {prefix: /}, route: {cluster: c1}}]}]");
	assert_string_equal(mirror_of(f, t, "GET /"), "table");
}

static void actions(void **state)
{
	struct routing_fixture *f = *state;
#define ANY(type) "{'@type': type.googleapis.com/envoy.extensions.internal_redirect." type
	const struct route_table *t = table_of_routes(
		f,
		"[{match: {prefix: /}, name: r1, stat_prefix: s, request_body_buffer_limit: 9, "
		"decorator: {operation: op, propagate: false}, tracing: {random_sampling: "
		"{numerator: 5}, operation: '%REQ(:path)%'}, route: {cluster: c1, priority: "
		"HIGH, idle_timeout: 0s, upgrade_configs: [{upgrade_type: websocket}, "
		"{upgrade_type: CONNECT, enabled: false, connect_config: {allow_post: true}}], "
		"hedge_policy: {hedge_on_per_try_timeout: true, initial_requests: 2}, "
		"internal_redirect_policy: {max_internal_redirects: 4, "
		"redirect_response_codes: [301, 307, 404], allow_cross_scheme_redirect: true, "
		"response_headers_to_copy: [X-C], predicates: [{name: a, typed_config: " ANY(
			"previous_routes.v3.PreviousRoutesConfig}") "}, {name: b, "
								    "typed_config: " ANY(
									    "safe_cross_scheme.v3."
									    "SafeCrossSchemeConfig"
									    "}") "}, {name: c, "
										 "typed_config:"
										 " " ANY("allow_"
											 "listed_"
											 "routes."
											 "v3."
											 "AllowList"
											 "edRoutesC"
											 "onfig, "
											 "allowed_"
											 "route_"
											 "names: "
											 "[r2]}") "}]}}}]");
	const struct route *route = route_of(f, t, "GET /", "h", "");
	const struct route_action *a = route->forward;
	assert_true(slice_equal(route->name, SLICE("r1")));
	assert_true(slice_equal(route->extras->stat_prefix, SLICE("s")));
	assert_true(slice_equal(route->extras->decorator, SLICE("op")));
	assert_false(route->extras->decorator_propagates);
	assert_true(fraction_takes(route->extras->tracing->random_sampling, 4));
	assert_false(fraction_takes(route->extras->tracing->random_sampling, 5));
	assert_true(fraction_takes(route->extras->tracing->client_sampling, 99));
	assert_non_null(route->extras->tracing->operation);
	assert_int_equal(route->extras->body_buffer_limit, 9);
	assert_true(a->is_high_priority);
	assert_int_equal(a->idle_timeout_ms, 0);
	assert_int_equal(a->flush_timeout_ms, DURATION_UNSET);
	assert_int_equal(a->upgrade_count, 2);
	assert_true(a->upgrades[0].is_enabled && !a->upgrades[0].terminates_connect);
	assert_true(!a->upgrades[1].is_enabled && a->upgrades[1].terminates_connect);
	assert_true(a->upgrades[1].allows_post);
	assert_true(route_hedge_policy(route)->on_per_try_timeout);
	assert_int_equal(route_hedge_policy(route)->initial_requests, 2);
	assert_true(a->internal_redirect.is_enabled);
	assert_int_equal(a->internal_redirect.max, 4);
	assert_int_equal(a->internal_redirect.status_count, 2);
	assert_int_equal(a->internal_redirect.statuses[1], 307);
	assert_true(slice_equal(a->internal_redirect.copied_headers[0], SLICE("x-c")));
	assert_true(a->internal_redirect.forbids_previous_routes);
	assert_true(a->internal_redirect.allows_only_safe_cross_scheme);
	assert_true(slice_equal(a->internal_redirect.allowed_routes[0], SLICE("r2")));
	t = table_of_routes(f, "[{match: {prefix: /}, route: {cluster: c1, "
			       "internal_redirect_action: HANDLE_INTERNAL_REDIRECT}}]");
	route = route_of(f, t, "GET /", "h", "");
	assert_true(route->forward->internal_redirect.is_enabled);
	assert_int_equal(route->forward->internal_redirect.max, 1);
	assert_int_equal(route->forward->internal_redirect.statuses[0], 302);
	assert_int_equal(route->extras->body_buffer_limit, UINT64_MAX);
}

static void virtual_host(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of(
		f,
		"internal_only_headers: [X-In]\nvirtual_hosts: [{name: v, domains: ['*'], "
		"include_request_attempt_count: true, include_attempt_count_in_response: true, "
		"include_is_timeout_retry_header: true, per_request_buffer_limit_bytes: 7, "
		"hedge_policy: {hedge_on_per_try_timeout: true}, rate_limits: [{stage: 2, "
		"actions: [{remote_address: {}}]}], virtual_clusters: [{name: put, headers: "
		"[{name: ':method', string_match: {exact: PUT}}]}], routes: [{match: {prefix: "
		"/}, route: {cluster: c1, rate_limits: [{actions: [{remote_address: {}}]}]}}]}]");
	const struct route *route = route_of(f, t, "PUT /", "h", "");
	const struct virtual_host *host = route->virtual_host;
	assert_true(host->table == t);
	assert_true(host->includes_attempt_count && host->includes_attempt_count_in_response);
	assert_true(host->includes_is_timeout_retry);
	assert_int_equal(host->body_buffer_limit, 7);
	assert_int_equal(route->extras->body_buffer_limit, 7);
	assert_true(route_hedge_policy(route)->on_per_try_timeout);
	assert_int_equal(host->rate_limits.items[0].stage, 2);
	assert_false(route->forward->includes_host_rate_limits);
	assert_true(slice_equal(virtual_host_cluster_name(host, &f->headers), SLICE("put")));
	route_of(f, t, "GET /", "h", "");
	assert_true(slice_equal(virtual_host_cluster_name(host, &f->headers), SLICE("")));
	assert_true(slice_equal(t->internal_only_headers[0], SLICE("x-in")));
	t = table_of_routes(f, "[{match: {prefix: /}, route: {cluster: c1}}]");
	route = route_of(f, t, "GET /", "h", "");
	assert_int_equal(virtual_host_cluster_name(route->virtual_host, &f->headers).len, 0);
	assert_true(route->forward->includes_host_rate_limits);
	assert_null(route_retry_policy(route));
	assert_null(route_hedge_policy(route));
}

static void direct_responses(void **state)
{
	struct routing_fixture *f = *state;
	char room[64];
	const struct route_table *t = table_of_routes(
		f, "[{match: {path: /f}, direct_response: {status: 200, body: {filename: "
		   ".gitignore}}}, "
		   "{match: {path: /b}, direct_response: {status: 200, body: {inline_bytes: "
		   "aGk=}}}, {match: {path: /j}, direct_response: {status: 418, body_format: "
		   "{json_format: {k: v}, content_type: a/b}}}, {match: {prefix: /}, "
		   "non_forwarding_action: {}}]");
	assert_non_null(strstr(answer(f, t, "GET /f", "h", ""), "/build/"));
	assert_string_equal(answer(f, t, "GET /b", "h", ""), "hi");
	const struct direct_response *json = route_of(f, t, "GET /j", "h", "")->direct_response;
	assert_int_equal(json->status, 418);
	assert_true(slice_equal(json->content_type, SLICE("a/b")));
	size_t len = format_write(json->body_format, NULL, room, sizeof room);
	assert_true(slice_equal(slice_make(room, len), SLICE("{\"k\":\"v\"}\n")));
	assert_int_equal(route_of(f, t, "GET /", "h", "")->kind, ROUTE_NON_FORWARDING);
}

static void tries(void **state)
{
	struct routing_fixture *f = *state;
	struct literal_trie_key keys[] = {
		{SLICE("abc"), 0}, {SLICE("a"), 1}, {SLICE("abd"), 2},
		{SLICE("x"), 3},   {SLICE(""), 4},
	};
	struct literal_trie trie;
	bool is_whole;
	literal_trie_build(&trie, keys, COUNT_OF(keys), false, &f->arena);
	assert_int_equal(trie.depth, 3);
	uint32_t at = literal_trie_find(&trie, SLICE("abcd"), &is_whole);
	assert_int_equal(trie.nodes[at].value, 0);
	assert_false(is_whole);
	at = trie.nodes[at].shorter;
	assert_int_equal(trie.nodes[at].value, 1);
	at = trie.nodes[at].shorter;
	assert_int_equal(trie.nodes[at].value, 4);
	assert_int_equal(trie.nodes[at].shorter, LITERAL_TRIE_NONE);
	at = literal_trie_find(&trie, SLICE("ab"), &is_whole);
	assert_int_equal(trie.nodes[at].value, 1);
	assert_false(is_whole);
	at = literal_trie_find(&trie, SLICE("abd"), &is_whole);
	assert_int_equal(trie.nodes[at].value, 2);
	assert_true(is_whole);
	at = literal_trie_find(&trie, SLICE(""), &is_whole);
	assert_int_equal(trie.nodes[at].value, 4);
	assert_true(is_whole);

	struct literal_trie_key ends[] = {{SLICE(".b.c"), 0}, {SLICE(".c"), 1}, {SLICE("x.c"), 2}};
	literal_trie_build(&trie, ends, COUNT_OF(ends), true, &f->arena);
	at = literal_trie_find(&trie, SLICE("a.b.c"), &is_whole);
	assert_int_equal(trie.nodes[at].value, 0);
	assert_int_equal(trie.nodes[trie.nodes[at].shorter].value, 1);
	assert_int_equal(literal_trie_find(&trie, SLICE("c"), &is_whole), LITERAL_TRIE_NONE);
	literal_trie_build(&trie, ends, 0, true, &f->arena);
	assert_int_equal(literal_trie_find(&trie, SLICE("c"), &is_whole), LITERAL_TRIE_NONE);
}

static void name_maps(void **state)
{
	struct routing_fixture *f = *state;
	struct name_map map;
	char lower[40];
	name_map_init(&map, 1000, &f->arena);
	assert_int_equal(name_map_find(&map, SLICE("a")), NAME_MAP_NONE);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(
			name_map_add(&map, slice_of(arena_printf(&f->arena, "%*u", i % 37, i)), i),
			i);
	for (uint32_t i = 0; i < 1000; i++) {
		struct slice name = slice_of(arena_printf(&f->arena, "%*u", i % 37, i));
		assert_int_equal(name_map_find(&map, name), i);
		assert_int_equal(name_map_add(&map, name, 7), i);
	}
	assert_int_equal(name_map_find(&map, SLICE("1000")), NAME_MAP_NONE);
	const char *mixed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ[@`{-abc";
	const char *expected = "abcdefghijklmnopqrstuvwxyz[@`{-abc";
	for (size_t len = 0; len <= strlen(mixed); len++) {
		uint32_t hash = name_hash_lower(lower, slice_make(mixed, len));
		assert_memory_equal(lower, expected, len);
		assert_int_equal(hash, name_hash(slice_make(expected, len)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(metadata),     ROUTING_TEST(mirrors),          ROUTING_TEST(actions),
		ROUTING_TEST(virtual_host), ROUTING_TEST(direct_responses), ROUTING_TEST(tries),
		ROUTING_TEST(name_maps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
