/* Sentinel's rules as a file, a configuration centre or setRules may bring them. The first byte
 * chooses the kind and the dialect. Whatever is read can be bound to a version of the rules after
 * another one with the same, and asked by calls; each rule that is dropped has a reason. */
#include "base/attributes.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/sph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALLS = 20, ASKS_MAX = 1000 };

static const int64_t t0 = INT64_C(1700000000000);

static void dropped(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	(void)arg, (void)index;
	invariant(kind < RULE_KINDS && reason && *reason);
}

static struct rule_set *load(struct sentinel *sentinel, uint8_t choice, struct slice text,
			     const struct rule_set *previous)
{
	enum rule_kind kind = (enum rule_kind)(choice % RULE_KINDS);
	struct rule_set_options options = {.previous = previous};
	struct rule_list list = {0};
	struct arena arena;

	arena_init(&arena, 4096);
	struct rule_json_reader reader = {
		.arena = &arena,
		.seed = 7,
		.dropped = dropped,
		.dialect = choice / RULE_KINDS % 2 ? RULE_DIALECT_GOLANG : RULE_DIALECT_JAVA,
	};
	if (rule_json_parse(&reader, kind, text, &list)) {
		arena_free(&arena);
		return NULL;
	}
	return rule_set_new(sentinel, &arena, &list, &options, dropped, NULL);
}

static void call(struct sentinel *sentinel, struct rule_set *rules, struct slice name, int64_t t_ms)
{
	static const struct argument args[] = {
		{.type = ARGUMENT_STRING, .string = {"a", 1}},
		{.type = ARGUMENT_INTEGER, .integer = 7},
	};
	struct entry_request request = {
		.resource = sentinel_resource(sentinel, name, RESOURCE_RPC, t0),
		.context = sentinel_context(sentinel, SLICE("context")),
		.origin = t_ms & 1 ? SLICE("app1") : SLICE(""),
		.args = args,
		.args_count = 2,
		.count = 1 + (uint32_t)(t_ms & 1),
		.inbound = true,
		.prioritized = t_ms & 2,
	};
	struct instant now = {t0 + t_ms, (t0 + t_ms) * 1000000};
	struct entry entry;
	char limit_app[64];
	enum entry_verdict verdict = sph_entry(sentinel, rules, 0, &request, now, &entry);

	for (int i = 0; verdict == ENTRY_WAIT && i < ASKS_MAX; i++)
		verdict = sph_resume(&entry, rules, now);
	if (verdict == ENTRY_WAIT)
		sph_cancel(&entry);
	else if (verdict == ENTRY_PASS)
		sph_exit(&entry, rules, now);
	else
		block_limit_app(&entry, limit_app, sizeof(limit_app));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sentinel_options options = {.seed = 7, .resources_max = 8};

	if (!size)
		return 0;
	struct slice text = slice_make(data + 1, size - 1);
	struct sentinel *sentinel = sentinel_new(&options, t0);
	struct rule_set *rules = load(sentinel, data[0], text, NULL);
	for (int i = 0; rules && i < CALLS; i++)
		call(sentinel, rules, i & 1 ? SLICE("r") : SLICE("s"), i * 100);
	struct rule_set *next = load(sentinel, data[0], text, rules);
	invariant(!next == !rules);
	rule_set_free(rules);
	for (int i = 0; next && i < CALLS; i++)
		call(sentinel, next, i & 1 ? SLICE("r") : SLICE("s"), 2000 + i * 100);
	rule_set_free(next);
	sentinel_free(sentinel);
	return 0;
}
