/* Routing tables and requests out of one text: the index must find what trying all routes in order
 * finds, and nothing that is made of a request may be out of bounds.
 *
 *   first line: host     second: path     then, one a line:
 *   D*.example.com  a domain (and a new virtual host)
 *   P/prefix  E/exact  S/segments  I/prefix without case  R regex  T/uri/{template}
 *   hname=value  a header of the request       mname=text  a header matcher of the last route */
#include <stdint.h>
#include <stdlib.h>

#include "envoy/config/route/v3/route.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "routing/path_template.h"
#include "routing/table.h"
#include "routing/timeouts.h"

enum { HOSTS_MAX = 32, ROUTES_MAX = 64, MATCHERS_MAX = 4, LINE_MAX_LEN = 300 };

#define PATH(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_##kind

typedef Envoy__Config__Route__V3__RouteConfiguration table_message;
typedef Envoy__Config__Route__V3__VirtualHost host_message;
typedef Envoy__Config__Route__V3__Route route_message;
typedef Envoy__Config__Route__V3__RouteMatch match_message;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static struct slice next_line(struct slice *rest)
{
	size_t end = slice_find_char(*rest, '\n', 0);
	struct slice line = slice_sub(*rest, 0, end < LINE_MAX_LEN ? end : LINE_MAX_LEN);

	*rest = slice_sub(*rest, end + (end < rest->len), rest->len);
	return line;
}

static host_message *add_host(table_message *table, const char *domain)
{
	host_message *host = ARENA_NEW(&arena, host_message);

	envoy__config__route__v3__virtual_host__init(host);
	host->name = "v";
	host->domains = ARENA_NEW_ARRAY(&arena, char *, 1);
	host->domains[host->n_domains++] = (char *)domain;
	host->routes = ARENA_NEW_ARRAY(&arena, route_message *, ROUTES_MAX);
	table->virtual_hosts[table->n_virtual_hosts++] = host;
	return host;
}

/* False for a line that is none of a route. */
static bool set_path(match_message *match, char kind, char *text)
{
	static Google__Protobuf__BoolValue no = GOOGLE__PROTOBUF__BOOL_VALUE__INIT;
	struct path_template template;
	struct diag diag = {0};

	match->prefix = text; /* the union's texts lie at one place */
	switch (kind) {
	case 'I':
		match->case_sensitive = &no;
		/* fall through */
	case 'P':
		match->path_specifier_case = PATH(PREFIX);
		return true;
	case 'E':
		match->path_specifier_case = PATH(PATH);
		return true;
	case 'S':
		match->path_specifier_case = PATH(PATH_SEPARATED_PREFIX);
		return true;
	case 'T':
		if (path_template_parse(slice_of(text), &arena, &template, &diag))
			return false;
		text = arena_string(&arena, template.regex);
		/* fall through */
	case 'R':
		match->path_specifier_case = PATH(SAFE_REGEX);
		match->safe_regex = ARENA_NEW(&arena, Envoy__Type__Matcher__V3__RegexMatcher);
		envoy__type__matcher__v3__regex_matcher__init(match->safe_regex);
		match->safe_regex->regex = text;
		return true;
	}
	return false;
}

static route_message *add_route(host_message *host, char kind, char *text)
{
	route_message *route = ARENA_NEW(&arena, route_message);

	envoy__config__route__v3__route__init(route);
	route->match = ARENA_NEW(&arena, match_message);
	envoy__config__route__v3__route_match__init(route->match);
	if (!set_path(route->match, kind, text))
		return NULL;
	route->match->headers =
		ARENA_NEW_ARRAY(&arena, Envoy__Config__Route__V3__HeaderMatcher *, MATCHERS_MAX);
	route->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_REDIRECT;
	route->redirect = ARENA_NEW(&arena, Envoy__Config__Route__V3__RedirectAction);
	envoy__config__route__v3__redirect_action__init(route->redirect);
	route->redirect->path_rewrite_specifier_case =
		ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PREFIX_REWRITE;
	route->redirect->prefix_rewrite = "/new";
	route->redirect->port_redirect = (uint32_t)strlen(text);
	host->routes[host->n_routes++] = route;
	return route;
}

static void add_matcher(match_message *match, struct slice name, struct slice value)
{
	Envoy__Config__Route__V3__HeaderMatcher *matcher =
		ARENA_NEW(&arena, Envoy__Config__Route__V3__HeaderMatcher);

	envoy__config__route__v3__header_matcher__init(matcher);
	matcher->name = arena_string(&arena, name);
	matcher->header_match_specifier_case =
		ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_CONTAINS_MATCH;
	matcher->contains_match = arena_string(&arena, value);
	matcher->invert_match = value.len % 2;
	match->headers[match->n_headers++] = matcher;
}

/* Reads the lines after the first two. */
static void read_lines(struct slice rest, table_message *table, struct headers *request)
{
	host_message *host = NULL;
	route_message *route = NULL;

	table->virtual_hosts = ARENA_NEW_ARRAY(&arena, host_message *, HOSTS_MAX);
	while (rest.len) {
		struct slice line = next_line(&rest);
		if (!line.len)
			continue;
		char kind = line.data[0],
		     *text = arena_string(&arena, slice_sub(line, 1, line.len));
		size_t equals = slice_find_char(line, '=', 1);
		struct slice name = slice_sub(line, 1, equals);
		struct slice value = slice_sub(line, equals + (equals < line.len), line.len);
		if (kind == 'D' && table->n_virtual_hosts < HOSTS_MAX)
			host = add_host(table, text);
		else if (kind == 'h' && request->count < 64)
			headers_add(request, name, value);
		else if (kind == 'm' && route && route->match->n_headers < MATCHERS_MAX)
			add_matcher(route->match, name, value);
		else if (host && host->n_routes < ROUTES_MAX)
			route = add_route(host, kind, text);
	}
}

static void check(const struct route_table *table, const struct headers *request, struct slice host)
{
	struct route_match_input input;
	uint64_t ms;

	route_match_input_init(&input, request, 1);
	const struct route *found = route_table_match(table, &input, NULL);
	const struct virtual_host *v = route_table_find_host(table, request);
	const struct route *expected = NULL;
	for (uint32_t i = 0; v && i < v->routes.count && !expected; i++)
		if (route_matcher_test(&v->routes.matchers[i], &input))
			expected = &v->routes.routes[i];
	invariant(found == expected);
	if (found) {
		struct slice to =
			redirect_location(found->redirect, found->matcher, request, request->arena);
		invariant(memmem(to.data, to.len, "://", 3));
	}
	(void)grpc_timeout_parse(host, &ms);
	(void)retry_on_parse(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	table_message message = ENVOY__CONFIG__ROUTE__V3__ROUTE_CONFIGURATION__INIT;
	const struct route_table_options options = {NULL, false};
	const struct route_table *table;
	struct slice rest = slice_make(data, size);
	struct headers request;
	struct diag diag = {0};

	arena_init(&arena, 4096);
	headers_init(&request, &arena, 8);
	struct slice host = next_line(&rest);
	headers_add_id(&request, HEADER_AUTHORITY, host);
	headers_add_id(&request, HEADER_PATH, next_line(&rest));
	read_lines(rest, &message, &request);
	message.ignore_port_in_host_matching = size % 2;
	message.ignore_path_parameters_in_path_matching = size % 3 == 0;
	if (!route_table_load(&table, &message, &options, &arena, &diag))
		check(table, &request, host);
	else
		invariant(diag_is_set(&diag));
	arena_free(&arena);
	return 0;
}
