/* What 100,000 rules for calls cost: to build, to keep, to match.
 *
 *   micro_call_rules [--check] [MATCHES [KIND]]
 *
 * 10,000 interfaces with five methods each, two rules a method: calls whose first argument (of
 * every fifth: whose attachment) says so go to one place, the others to the interface's usual one.
 *   shared    two clusters an interface, as subsets or canaries have it
 *   distinct  each rule leads to a cluster of its own
 *   one       all rules are for one method and ask for different texts of its argument
 * Matches are of calls spread over all of the table, so that it doesn't stay in the near caches.
 * Times are of the CPU. What a call's body holds is given at once: reading it is the codec's cost.
 * --check: fails above limits far beyond what is promised (500 ns, 1 s, 300 bytes a rule), for
 * machines that are busy or instrumented. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "message/rpc_head.h"
#include "outrigger/config/route/v1/rpc_route.pb-c.h"
#include "routing/table.h"

enum {
	INTERFACES = 10000,
	METHODS = 5,
	RULES = INTERFACES * METHODS * 2,
	REQUESTS = 16384,
	LIMIT_NS = 10000,
	LIMIT_MS = 20000,
	LIMIT_BYTES = 1000,
	AHEAD = 8, /* requests whose bytes are fetched beforehand: they have just been read */
};

typedef Outrigger__Config__Route__V1__RpcRouteConfiguration table_message;
typedef Outrigger__Config__Route__V1__RpcService service_message;
typedef Outrigger__Config__Route__V1__RpcRoute route_message;
typedef Outrigger__Config__Route__V1__ValueMatch value_message;

static struct arena arena;  /* messages and requests */
static struct arena tables; /* what is built of them */
static struct headers requests[REQUESTS];
static struct argument_value arguments[REQUESTS];
static const char *paths[REQUESTS];
static const char *const methods[METHODS] = {"findById", "findByName", "create", "update",
					     "remove"};

static value_message *exact(const char *text)
{
	value_message *v = ARENA_NEW(&arena, value_message);
	outrigger__config__route__v1__value_match__init(v);
	v->match_pattern_case = OUTRIGGER__CONFIG__ROUTE__V1__VALUE_MATCH__MATCH_PATTERN_EXACT;
	v->exact = (char *)(uintptr_t)text;
	return v;
}

static route_message *new_rule(const char *method, const char *cluster)
{
	route_message *rule = ARENA_NEW(&arena, route_message);
	outrigger__config__route__v1__rpc_route__init(rule);
	rule->match = ARENA_NEW(&arena, Outrigger__Config__Route__V1__RpcMatch);
	outrigger__config__route__v1__rpc_match__init(rule->match);
	rule->match->method = exact(method);
	rule->action_case = OUTRIGGER__CONFIG__ROUTE__V1__RPC_ROUTE__ACTION_ROUTE;
	rule->route = ARENA_NEW(&arena, Envoy__Config__Route__V3__RouteAction);
	envoy__config__route__v3__route_action__init(rule->route);
	rule->route->cluster_specifier_case =
		ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
	rule->route->cluster = (char *)(uintptr_t)cluster;
	return rule;
}

static void ask_argument(route_message *rule, const char *text)
{
	typedef Outrigger__Config__Route__V1__ArgumentMatch argument_message;
	rule->match->arguments = ARENA_NEW_ARRAY(&arena, argument_message *, 1);
	rule->match->n_arguments = 1;
	rule->match->arguments[0] = ARENA_NEW(&arena, argument_message);
	outrigger__config__route__v1__argument_match__init(rule->match->arguments[0]);
	rule->match->arguments[0]->path = "0";
	rule->match->arguments[0]->value = exact(text);
}

static void ask_attachment(route_message *rule)
{
	typedef Outrigger__Config__Route__V1__AttachmentMatch attachment_message;
	rule->match->attachments = ARENA_NEW_ARRAY(&arena, attachment_message *, 1);
	rule->match->n_attachments = 1;
	rule->match->attachments[0] = ARENA_NEW(&arena, attachment_message);
	outrigger__config__route__v1__attachment_match__init(rule->match->attachments[0]);
	rule->match->attachments[0]->name = "x-user-level";
	rule->match->attachments[0]->value = exact("gold");
}

static service_message *new_service(const char *interface, size_t rules)
{
	service_message *service = ARENA_NEW(&arena, service_message);
	outrigger__config__route__v1__rpc_service__init(service);
	service->interface = (char *)(uintptr_t)interface;
	service->routes = ARENA_NEW_ARRAY(&arena, route_message *, rules);
	return service;
}

static char *cluster_of(unsigned i, unsigned rule, bool is_distinct)
{
	return is_distinct ? arena_printf(&arena, "outbound|20880|v%u|service-%u", rule, i)
			   : arena_printf(&arena, "outbound|20880|%s|service-%u",
					  rule % 2 ? "stable" : "gray", i);
}

static void make_table(table_message *table, bool is_distinct)
{
	outrigger__config__route__v1__rpc_route_configuration__init(table);
	table->name = "t";
	table->services = ARENA_NEW_ARRAY(&arena, service_message *, INTERFACES);
	for (unsigned i = 0; i < INTERFACES; i++) {
		service_message *service = table->services[table->n_services++] = new_service(
			arena_printf(&arena, "com.example.module%u.api.Service%u", i % 100, i),
			2 * METHODS);
		for (unsigned m = 0; m < METHODS; m++) {
			route_message *asks =
				new_rule(methods[m], cluster_of(i, 2 * m, is_distinct));
			if (m)
				ask_argument(asks, "gold");
			else
				ask_attachment(asks);
			service->routes[service->n_routes++] = asks;
			service->routes[service->n_routes++] =
				new_rule(methods[m], cluster_of(i, 2 * m + 1, is_distinct));
		}
	}
}

static void make_one(table_message *table)
{
	outrigger__config__route__v1__rpc_route_configuration__init(table);
	table->name = "t";
	table->services = ARENA_NEW_ARRAY(&arena, service_message *, 1);
	service_message *service = table->services[table->n_services++] =
		new_service("com.example.module0.api.Service0", RULES);
	while (service->n_routes < RULES) {
		unsigned n = (unsigned)service->n_routes;
		route_message *rule = new_rule(methods[1], cluster_of(n % 100, 0, false));
		ask_argument(rule, arena_printf(&arena, "user-%u", n));
		service->routes[service->n_routes++] = rule;
	}
}

static void make_requests(bool is_one)
{
	static struct rpc_attachment attachments[] = {
		{{"path", 4}, {"x", 1}},
		{{"interface", 9}, {"x", 1}},
		{{"x-user-level", 12}, {"silver", 6}},
	};
	static struct rpc_head head = {.protocol = RPC_DUBBO,
				       .has_attachments = true,
				       .attachment_count = COUNT_OF(attachments),
				       .attachments = attachments};
	for (unsigned n = 0; n < REQUESTS; n++) {
		unsigned i = is_one ? 0 : n * 7919 % INTERFACES;
		struct headers *h = &requests[n];
		headers_init(h, &arena, 4);
		headers_add_id(
			h, HEADER_PATH,
			slice_of(arena_printf(&arena, "/com.example.module%u.api.Service%u/%s",
					      i % 100, i, methods[is_one ? 1 : n % METHODS])));
		paths[n] = headers_get(h, HEADER_PATH).data;
		h->rpc = &head;
		arguments[n] = (struct argument_value){
			.kind = ARGUMENT_STRING,
			.text = slice_of(is_one  ? arena_printf(&arena, "user-%u", n * 7919 % RULES)
					 : n % 2 ? "gold"
						 : "silver")};
	}
}

static void read_call(void *context, const struct call_needs *needs, struct argument_value *values)
{
	if (needs->path_count)
		values[0] = *(const struct argument_value *)context;
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double run(const struct route_table *table, unsigned long matches)
{
	unsigned long found = 0;
	double from = seconds();
	struct arena scratch; /* as a stream's */

	arena_init(&scratch, 4096);
	for (unsigned long i = 0; i < matches; i++) {
		unsigned n = (unsigned)(i % REQUESTS);
		const struct headers *next = &requests[(n + AHEAD) % REQUESTS];
		struct route_match_input input;
		__builtin_prefetch(next);
		__builtin_prefetch(&arguments[(n + AHEAD) % REQUESTS]);
		__builtin_prefetch(next->items);
		__builtin_prefetch(paths[(n + AHEAD) % REQUESTS]);
		requests[n].arena = &scratch;
		route_match_input_init(&input, &requests[n], i);
		input.read_call = read_call;
		input.read_context = &arguments[n];
		found += route_table_match(table, &input, NULL) != NULL;
		arena_reset(&scratch);
	}
	invariant(found == matches);
	arena_free(&scratch);
	return (seconds() - from) * 1e9 / (double)matches;
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"shared", "distinct", "one"};
	const struct route_hooks hooks = {.can_read_arguments = true};
	const struct route_table_options options = {&hooks, false};
	bool checks = argc > 1 && !strcmp(argv[1], "--check"), is_bad = false;
	unsigned long matches = argc > 1 + checks ? strtoul(argv[1 + checks], NULL, 10) : 2000000;

	for (unsigned kind = 0; kind < COUNT_OF(kinds); kind++) {
		const struct route_table *table;
		struct diag diag = {0};
		table_message message;
		if (argc > 2 + checks && strcmp(argv[2 + checks], kinds[kind]) != 0)
			continue;
		arena_init(&arena, 1 << 20);
		arena_init(&tables, 65536);
		if (kind == 2)
			make_one(&message);
		else
			make_table(&message, kind == 1);
		double from = seconds();
		if (route_table_load_calls(&table, &message, &options, &tables, &diag)) {
			fprintf(stderr, "%s: %s\n", diag.path, diag.text);
			return 1;
		}
		double built = (seconds() - from) * 1000;
		make_requests(kind == 2);
		run(table, matches / 4);
		double ns = run(table, matches), bytes = (double)tables.allocated / RULES;
		printf("%-8s %6.0f ns a match   built in %5.0f ms   %4.0f bytes a rule\n",
		       kinds[kind], ns, built, bytes);
		is_bad |= checks && (ns > LIMIT_NS || built > LIMIT_MS || bytes > LIMIT_BYTES);
		arena_free(&tables);
		arena_free(&arena);
	}
	return is_bad;
}
