/* What clients of Sentinel's command centre may send: a target, a line feed, a form. Every command
 * answers, with one of Java's statuses; rules that are to be set are a JSON array. */
#include "base/attributes.h"
#include "filters/sentinel/cluster/token_server.h"
#include "filters/sentinel/cluster_server.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/sph.h"
#include "filters/sentinel/ops/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t t0 = INT64_C(1700000000000);

static void call(struct sentinel *sentinel, struct rule_set *rules, struct slice name)
{
	struct entry_request request = {
		.resource = sentinel_resource(sentinel, name, RESOURCE_RPC, t0),
		.context = sentinel_context(sentinel, SLICE("context")),
		.origin = SLICE("app"),
		.count = 1,
		.inbound = true,
	};
	struct instant now = {t0, t0 * 1000000};
	struct entry entry;

	if (sph_entry(sentinel, rules, 0, &request, now, &entry) == ENTRY_PASS)
		sph_exit(&entry, rules, now);
}

static void dropped(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	(void)arg, (void)kind, (void)index, (void)reason;
}

static void check(const struct command_answer *answer)
{
	struct rule_list list = {0};
	struct arena arena;

	invariant(answer->status == 200 || answer->status == 400 || answer->status == 500);
	if (answer->change && answer->change->what == CLUSTER_CHANGE_RULES)
		invariant(answer->change->rules && answer->change->name.len);
	if (!answer->sets_rules)
		return;
	arena_init(&arena, 4096);
	struct rule_json_reader reader = {.arena = &arena, .seed = 7, .dropped = dropped};
	invariant(!rule_json_parse(&reader, answer->kind,
				   slice_make(answer->rules_text.data, answer->rules_text.len),
				   &list));
	arena_free(&arena);
}

/* A token server that is off: it is looked into. */
static struct token_server *tokens(void)
{
	static struct token_server *server;
	struct token_rules *rules;

	if (server)
		return server;
	server = token_server_new(7);
	invariant(server);
	token_server_serve(server, SLICE("app"), NULL, 0);
	invariant(!token_rules_parse(TOKEN_KIND_FLOW,
				     SLICE("[{\"resource\":\"r\",\"count\":1,\"clusterMode\":true,"
					   "\"clusterConfig\":{\"flowId\":1}}]"),
				     7, &rules));
	invariant(token_arbiter_set_rules(&server->arbiter, SLICE("app"), rules));
	return server;
}

static void run(struct sentinel *sentinel, struct slice target, struct slice body)
{
	const struct command_context context = {
		.sentinel = sentinel,
		.metric_folder = "/nowhere",
		.metric_base = "a-metrics.log",
		.hostname = "vm",
		.ip = "192.0.2.2",
		.cluster = {.is_available = true,
			    .is_server_available = true,
			    .tokens = tokens(),
			    .application = SLICE("app")},
		.now_ms = t0,
	};
	struct command_request request;
	struct command_answer answer;
	struct arena arena;

	arena_init(&arena, 1024);
	if (!command_parse(&arena, target, body, &request)) {
		command_run(&context, &request, &answer);
		check(&answer);
		command_answer_free(&answer);
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sentinel *sentinel = sentinel_new(&(struct sentinel_options){.seed = 7}, t0);
	struct slice input = slice_make(data, size);
	size_t end = slice_find_char(input, '\n', 0);
	struct arena arena;

	arena_init(&arena, 1024);
	struct rule_set *rules = rule_set_new(sentinel, &arena, &(struct rule_list){0},
					      &(struct rule_set_options){0}, dropped, NULL);
	call(sentinel, rules, SLICE("com.x.Foo"));
	call(sentinel, rules, SLICE("com.x.Foo:bar(int)"));
	run(sentinel, slice_sub(input, 0, end),
	    end < size ? slice_sub(input, end + 1, size) : SLICE(""));
	rule_set_free(rules);
	sentinel_free(sentinel);
	return 0;
}
