/* What another process says of its Sentinel: any bytes are taken in whole or refused, none makes
 * the reader look beyond them; what was taken in goes on deciding, and can be told again. */
#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/core/core_running.h"
#include "filters/sentinel/core/core_transfer.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/sph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t now_ms = INT64_C(1700000000000);

struct rules_text {
	enum rule_kind kind;
	const char *json;
};

static const struct rules_text texts[] = {
	{RULE_FLOW, "[{\"resource\":\"r\",\"count\":10,\"controlBehavior\":2,"
		    "\"maxQueueingTimeMs\":500},{\"resource\":\"r\",\"count\":20,"
		    "\"controlBehavior\":1,\"warmUpPeriodSec\":10}]"},
	{RULE_DEGRADE, "[{\"resource\":\"*\",\"grade\":1,\"count\":0.5,\"timeWindow\":1,"
		       "\"minRequestAmount\":2},{\"resource\":\"s\",\"grade\":0,\"count\":10,"
		       "\"timeWindow\":2,\"slowRatioThreshold\":0.5}]"},
	{RULE_PARAM_FLOW, "[{\"resource\":\"r\",\"paramIdx\":0,\"count\":5},"
			  "{\"resource\":\"s\",\"paramIdx\":-1,\"count\":3,\"grade\":0},"
			  "{\"resource\":\".*\",\"regex\":true,\"paramIdx\":-1,\"count\":5}]"},
};

static struct rule_set *make_rules(struct sentinel *sentinel)
{
	struct rule_list list = {0};
	struct arena arena;

	arena_init(&arena, 4096);
	struct rule_json_reader reader = {.arena = &arena, .seed = 7};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		invariant(!rule_json_parse(&reader, texts[i].kind, slice_of(texts[i].json), &list));
	return rule_set_new(sentinel, &arena, &list, &(struct rule_set_options){0}, NULL, NULL);
}

static void call(struct sentinel *sentinel, struct rule_set *rules, const char *name, int64_t t_ms)
{
	struct instant now = {now_ms + t_ms, (now_ms + t_ms) * 1000000};
	struct argument args[] = {{.type = ARGUMENT_STRING, .string = SLICE("value")}};
	struct entry_request request = {
		.resource = sentinel_resource(sentinel, slice_of(name), RESOURCE_RPC, now.ms),
		.context = sentinel_context(sentinel, SLICE("context")),
		.origin = SLICE("origin"),
		.args = args,
		.args_count = 1,
		.count = 1,
		.inbound = true,
	};
	struct entry entry;

	switch (sph_entry(sentinel, rules, (unsigned)t_ms % 3, &request, now, &entry)) {
	case ENTRY_PASS:
		sph_exit(&entry, rules, now);
		break;
	case ENTRY_WAIT:
		sph_cancel(&entry);
		break;
	case ENTRY_BLOCK:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sentinel_options options = {.workers = 3, .seed = 7, .resources_max = 100};
	struct sentinel *sentinel = sentinel_new(&options, now_ms);
	struct rule_set *rules = make_rules(sentinel);
	struct instant now = {now_ms, now_ms * 1000000};
	struct section_writer out = {0};
	const char *fault;

	if (!sentinel_import(sentinel, rules, now, slice_make(data, size))) {
		for (int64_t t_ms = 0; t_ms < 3000; t_ms += 100) {
			call(sentinel, rules, "r", t_ms);
			call(sentinel, rules, "s", t_ms);
			call(sentinel, rules, "t", t_ms);
		}
		now.ms += 3000;
		sentinel_export(sentinel, rules, now, SIZE_MAX, &out);
		struct sentinel *next = sentinel_new(&options, now.ms);
		struct rule_set *next_rules = make_rules(next);
		invariant(!sentinel_import(next, next_rules, now, slice_make(out.data, out.len)));
		sentinel_import_end(next, next_rules);
		rule_set_free(next_rules);
		sentinel_free(next);
	}
	fault = sentinel_import_running(sentinel, rules, slice_make(data, size));
	invariant(!fault || *fault);
	sentinel_import_end(sentinel, rules);
	section_writer_free(&out);
	rule_set_free(rules);
	sentinel_free(sentinel);
	return 0;
}
