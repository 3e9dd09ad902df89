/* What 100,000 rules for calls cost: to build, to keep, to match.
 *
 *   micro_call_rules [--check] [MATCHES [KIND]]
 *
 * 10,000 interfaces with five methods each, two rules a method: calls whose first argument (of
 * every fifth: whose attachment) says so go to one place, the others to the interface's usual one.
 *   shared    two clusters an interface, as subsets or canaries have it
 *   distinct  each rule leads to a cluster of its own
 *   one       all rules are for one method and ask for different texts of its argument
 * Matches are of calls to interfaces, methods and arguments drawn at random over all of the table,
 * so that it doesn't stay in the near caches. A call itself has just been received and lies in
 * them: so calls are made BATCH at a time, right before they are matched, in the same few KiB;
 * making them isn't timed. Times are of the CPU (asking for it, twice a batch, is timed: some 5 ns
 * a match). What a call's body holds is given at once: reading it is the codec's cost.
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
	BATCH = 64,
	LIMIT_NS = 10000,
	LIMIT_MS = 20000,
	LIMIT_BYTES = 1000,
};

typedef Outrigger__Config__Route__V1__RpcRouteConfiguration table_message;
typedef Outrigger__Config__Route__V1__RpcService service_message;
typedef Outrigger__Config__Route__V1__RpcRoute route_message;
typedef Outrigger__Config__Route__V1__ValueMatch value_message;

static struct arena arena;  /* messages */
static struct arena tables; /* what is built of them */

/* A call that has been received. */
struct call {
	struct headers headers;
	struct header items[2];
	struct argument_value argument;
	char path[80], text[16];
};
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

static unsigned below(unsigned n)
{
	static uint64_t seed = 88172645463325252;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 32) * n >> 32);
}

static void make_call(struct call *call, bool is_one, struct arena *scratch)
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
	unsigned i = is_one ? 0 : below(INTERFACES);
	int len = snprintf(call->path, sizeof call->path, "/com.example.module%u.api.Service%u/%s",
			   i % 100, i, methods[is_one ? 1 : below(METHODS)]);

	headers_init_items(&call->headers, scratch, call->items, COUNT_OF(call->items));
	headers_add_id(&call->headers, HEADER_PATH, slice_make(call->path, (size_t)len));
	call->headers.rpc = &head;
	if (is_one)
		len = snprintf(call->text, sizeof call->text, "user-%u", below(RULES));
	else
		len = snprintf(call->text, sizeof call->text, "%s", below(2) ? "gold" : "silver");
	call->argument = (struct argument_value){.kind = ARGUMENT_STRING,
						 .text = slice_make(call->text, (size_t)len)};
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

/* Matches each call of a batch; how many had a route. */
static unsigned match_batch(const struct route_table *table, const struct call *calls,
			    struct arena *scratch)
{
	unsigned found = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		struct route_match_input input;
		route_match_input_init(&input, &calls[i].headers, i);
		input.read_call = read_call;
		input.read_context = (void *)(uintptr_t)&calls[i].argument;
		found += route_table_match(table, &input, NULL) != NULL;
		arena_reset(scratch);
	}
	return found;
}

static double run(const struct route_table *table, unsigned long matches, bool is_one)
{
	static struct call calls[BATCH];
	unsigned long count = 0, found = 0;
	struct arena scratch; /* as a stream's */
	double spent = 0;

	arena_init(&scratch, 4096);
	for (; count < matches; count += BATCH) {
		for (unsigned i = 0; i < BATCH; i++)
			make_call(&calls[i], is_one, &scratch);
		double from = seconds();
		found += match_batch(table, calls, &scratch);
		spent += seconds() - from;
	}
	invariant(found == count);
	arena_free(&scratch);
	return spent * 1e9 / (double)count;
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
		run(table, matches / 4, kind == 2);
		double ns = run(table, matches, kind == 2),
		       bytes = (double)tables.allocated / RULES;
		printf("%-8s %6.0f ns a match   built in %5.0f ms   %4.0f bytes a rule\n",
		       kinds[kind], ns, built, bytes);
		is_bad |= checks && (ns > LIMIT_NS || built > LIMIT_MS || bytes > LIMIT_BYTES);
		arena_free(&tables);
		arena_free(&arena);
	}
	return is_bad;
}
