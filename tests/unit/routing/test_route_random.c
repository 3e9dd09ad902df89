/* Random tables and requests against a matcher that reads the configuration itself and tries
 * everything in order. */
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "routing_support.h"

#define SEEDS 300

typedef Envoy__Config__Route__V3__RouteConfiguration table_message;
typedef Envoy__Config__Route__V3__VirtualHost host_message;
typedef Envoy__Config__Route__V3__Route route_message;
typedef Envoy__Config__Route__V3__RouteMatch match_message;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteConfiguration service_message;

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

/* A short text over few letters, so that keys nest and meet. */
static char *word(struct arena *arena, const char *letters, unsigned most)
{
	unsigned len = below(most + 1);
	char *text = arena_alloc(arena, len + 1);
	for (unsigned i = 0; i < len; i++)
		text[i] = letters[below((unsigned)strlen(letters))];
	text[len] = 0;
	return text;
}

static bool starts(const char *text, size_t len, const char *prefix, bool ignore_case)
{
	size_t n = strlen(prefix);
	return len >= n &&
	       (ignore_case ? !strncasecmp(text, prefix, n) : !strncmp(text, prefix, n));
}

static bool oracle_path(const match_message *m, const char *path)
{
	size_t len = strcspn(path, "?");
	bool ignore = m->case_sensitive && !m->case_sensitive->value;
	switch ((int)m->path_specifier_case) {
	case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX:
		return starts(path, len, m->prefix, ignore);
	case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH:
		return len == strlen(m->path) && starts(path, len, m->path, ignore);
	case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX:
		return starts(path, len, m->path_separated_prefix, ignore) &&
		       (len == strlen(m->path_separated_prefix) ||
			path[strlen(m->path_separated_prefix)] == '/');
	}
	return false;
}

static bool oracle_route(const route_message *r, const char *path, bool has_header)
{
	return oracle_path(r->match, path) && (!r->match->n_headers || has_header);
}

/* Length of the wildcard's fixed part when the domain matches; SIZE_MAX for an exact one. 0: no. */
static size_t oracle_domain(const char *domain, const char *host)
{
	size_t d = strlen(domain), h = strlen(host);
	if (!strcasecmp(domain, host))
		return SIZE_MAX;
	if (!strcmp(domain, "*"))
		return 1;
	if (domain[0] == '*' && h > d - 1 && !strcasecmp(host + h - (d - 1), domain + 1))
		return 2000 + d; /* suffixes come before prefixes */
	if (domain[0] != '*' && domain[d - 1] == '*' && h > d - 1 &&
	    !strncasecmp(host, domain, d - 1))
		return 1000 + d;
	return 0;
}

static const route_message *oracle(const table_message *t, const char *host, const char *path,
				   bool has_header)
{
	const host_message *best = NULL;
	size_t best_score = 0;
	for (size_t i = 0; i < t->n_virtual_hosts; i++)
		for (size_t k = 0; k < t->virtual_hosts[i]->n_domains; k++) {
			size_t score = oracle_domain(t->virtual_hosts[i]->domains[k], host);
			if (score > best_score) {
				best_score = score;
				best = t->virtual_hosts[i];
			}
		}
	for (size_t i = 0; best && i < best->n_routes; i++)
		if (oracle_route(best->routes[i], path, has_header))
			return best->routes[i];
	return NULL;
}

static route_message *random_route(struct arena *a, unsigned number)
{
	static Google__Protobuf__BoolValue no = GOOGLE__PROTOBUF__BOOL_VALUE__INIT;
	route_message *r = ARENA_NEW(a, route_message);
	match_message *m = ARENA_NEW(a, match_message);
	envoy__config__route__v3__route__init(r);
	envoy__config__route__v3__route_match__init(m);
	r->match = m;
	r->name = arena_printf(a, "%u", number);
	r->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_NON_FORWARDING_ACTION;
	char *path = arena_printf(a, "/%s", word(a, "aB/", 4));
	switch (below(4)) {
	case 0:
		m->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH;
		m->path = path;
		break;
	case 1:
		path = arena_printf(a, "%sa", path);
		m->path_specifier_case =
			ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX;
		m->path_separated_prefix = path;
		break;
	default:
		m->path_specifier_case =
			ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
		m->prefix = below(20) ? path : "";
	}
	if (!below(8))
		m->case_sensitive = &no;
	if (!below(3)) {
		Envoy__Config__Route__V3__HeaderMatcher *h =
			ARENA_NEW(a, Envoy__Config__Route__V3__HeaderMatcher);
		envoy__config__route__v3__header_matcher__init(h);
		h->name = "x-a";
		m->headers = ARENA_NEW_ARRAY(a, Envoy__Config__Route__V3__HeaderMatcher *, 1);
		m->headers[0] = h;
		m->n_headers = 1;
	}
	return r;
}

static char *random_domain(struct arena *a)
{
	switch (below(6)) {
	case 0:
		return arena_printf(a, "*%s", word(a, "a.b", 4));
	case 1:
		return arena_printf(a, "%s*", word(a, "aB.", 4));
	default:
		return arena_printf(a, "%sa", word(a, "a.b", 4));
	}
}

static table_message *random_table(struct arena *a)
{
	table_message *t = ARENA_NEW(a, table_message);
	unsigned number = 0, hosts = 1 + below(12), domains = 0;
	const char *seen[64];
	envoy__config__route__v3__route_configuration__init(t);
	t->virtual_hosts = ARENA_NEW_ARRAY(a, host_message *, hosts);
	for (unsigned i = 0; i < hosts; i++) {
		host_message *v = t->virtual_hosts[t->n_virtual_hosts] = ARENA_NEW(a, host_message);
		unsigned routes = below(30);
		envoy__config__route__v3__virtual_host__init(v);
		v->name = "v";
		v->domains = ARENA_NEW_ARRAY(a, char *, 4);
		for (unsigned k = below(4) + 1; k; k--) {
			char *domain = random_domain(a);
			bool is_new = true;
			for (unsigned s = 0; s < domains; s++)
				is_new &= strcasecmp(seen[s], domain) != 0;
			if (is_new)
				v->domains[v->n_domains++] = (char *)(seen[domains++] = domain);
		}
		t->n_virtual_hosts += v->n_domains > 0;
		v->routes = ARENA_NEW_ARRAY(a, route_message *, routes);
		for (unsigned k = 0; k < routes; k++)
			v->routes[v->n_routes++] = random_route(a, number++);
	}
	return t;
}

static void http_tables(void **state)
{
	struct routing_fixture *f = *state;
	unsigned found = 0;
	for (unsigned n = 1; n <= SEEDS; n++) {
		struct route_table_options options = {NULL, false};
		const struct route_table *table;
		struct diag diag = {0};
		seed = n * UINT64_C(0x9e3779b97f4a7c15);
		const table_message *message = random_table(&f->arena);
		if (route_table_load(&table, message, &options, &f->arena, &diag))
			fail_msg("seed %u: %s: %s", n, diag.path, diag.text);
		for (unsigned i = 0; i < 100; i++) {
			const char *host = word(&f->arena, "aA.bB", 6);
			const char *path =
				arena_printf(&f->arena, "/%s%s", word(&f->arena, "aB/b", 6),
					     below(4) ? "" : "?a/B");
			bool has_header = below(2);
			const route_message *expected = oracle(message, host, path, has_header);
			const struct route *route =
				route_of(f, table, arena_printf(&f->arena, "GET %s", path), host,
					 has_header ? "x-a: 1" : "");
			found += route != NULL;
			if (!route != !expected ||
			    (route && !slice_equal(route->name, slice_of(expected->name))))
				fail_msg("seed %u: %s%s: %.*s, not %s", n, host, path,
					 route ? (int)route->name.len : 1,
					 route ? route->name.data : "-",
					 expected ? expected->name : "-");
		}
		arena_reset(&f->arena);
	}
	assert_true(found > SEEDS * 10);
}

/* --- RPC --- */

static bool oracle_interface(const char *pattern, const char *name)
{
	size_t p = strlen(pattern), n = strlen(name);
	if (!strcmp(pattern, "*") || !strcmp(pattern, name))
		return true;
	if (pattern[0] == '*')
		return n > p - 1 && !strcmp(name + n - (p - 1), pattern + 1);
	return pattern[p - 1] == '*' && n > p - 1 && !strncmp(name, pattern, p - 1);
}

static service_message *random_service(struct arena *a, unsigned number)
{
	service_message *s = ARENA_NEW(a, service_message);
	envoy__extensions__filters__network__dubbo_proxy__v3__route_configuration__init(s);
	s->name = arena_printf(a, "%u", number);
	s->interface = below(10) ? random_domain(a) : "*";
	if (!below(4))
		s->version = "1";
	unsigned routes = below(3);
	s->routes = ARENA_NEW_ARRAY(a, Envoy__Extensions__Filters__Network__DubboProxy__V3__Route *,
				    routes);
	for (unsigned i = 0; i < routes; i++) {
		Envoy__Extensions__Filters__Network__DubboProxy__V3__Route *r =
			ARENA_NEW(a, Envoy__Extensions__Filters__Network__DubboProxy__V3__Route);
		envoy__extensions__filters__network__dubbo_proxy__v3__route__init(r);
		r->match = ARENA_NEW(
			a, Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteMatch);
		envoy__extensions__filters__network__dubbo_proxy__v3__route_match__init(r->match);
		r->match->method = ARENA_NEW(
			a, Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch);
		envoy__extensions__filters__network__dubbo_proxy__v3__method_match__init(
			r->match->method);
		r->match->method->name = ARENA_NEW(a, Envoy__Type__Matcher__V3__StringMatcher);
		envoy__type__matcher__v3__string_matcher__init(r->match->method->name);
		r->match->method->name->match_pattern_case =
			ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX;
		r->match->method->name->prefix = arena_printf(a, "%sa", word(a, "ab", 1));
		r->route = ARENA_NEW(
			a, Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteAction);
		envoy__extensions__filters__network__dubbo_proxy__v3__route_action__init(r->route);
		r->route->cluster_specifier_case =
			ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
		r->route->cluster = arena_printf(a, "%u", i);
		s->routes[s->n_routes++] = r;
	}
	return s;
}

static const char *oracle_rpc(struct arena *a, service_message *const *services, unsigned count,
			      const char *interface, const char *method, bool has_version)
{
	for (unsigned i = 0; i < count; i++) {
		if (!oracle_interface(services[i]->interface, interface) ||
		    (services[i]->version[0] && !has_version))
			continue;
		for (size_t k = 0; k < services[i]->n_routes; k++) {
			const char *prefix = services[i]->routes[k]->match->method->name->prefix;
			if (!strncmp(method, prefix, strlen(prefix)))
				return arena_printf(a, "%u.%zu", i, k);
		}
	}
	return "-";
}

static void rpc_tables(void **state)
{
	struct routing_fixture *f = *state;
	unsigned found = 0;
	for (unsigned n = 1; n <= SEEDS; n++) {
		struct route_table_options options = {NULL, false};
		const struct route_table *table;
		struct diag diag = {0};
		service_message *services[40];
		seed = n * UINT64_C(0x9e3779b97f4a7c15);
		unsigned count = below(COUNT_OF(services));
		for (unsigned i = 0; i < count; i++)
			services[i] = random_service(&f->arena, i);
		if (route_table_load_rpc(&table, "t", services, count, &options, &f->arena, &diag))
			fail_msg("seed %u: %s: %s", n, diag.path, diag.text);
		for (unsigned i = 0; i < 100; i++) {
			const char *interface =
				arena_printf(&f->arena, "%sa", word(&f->arena, "aB.b", 5));
			const char *method = word(&f->arena, "ab", 3);
			bool has_version = below(2);
			const char *expected = oracle_rpc(&f->arena, services, count, interface,
							  method, has_version);
			const struct route *route = route_of(
				f, table, arena_printf(&f->arena, "POST /%s/%s", interface, method),
				"x", has_version ? "tri-service-version: 1" : "");
			const char *got =
				route ? arena_printf(&f->arena, "%.*s.%.*s", SLICE_FMT(route->name),
						     SLICE_FMT(route->cluster.name))
				      : "-";
			found += route != NULL;
			if (strcmp(got, expected) != 0)
				fail_msg("seed %u: %s/%s: %s, not %s", n, interface, method, got,
					 expected);
		}
		arena_reset(&f->arena);
	}
	assert_true(found > SEEDS * 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(http_tables),
		ROUTING_TEST(rpc_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
