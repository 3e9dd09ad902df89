/* A sentinel with one version of rules, and calls that take one line each. */
#ifndef TESTS_UNIT_SENTINEL_SUPPORT_H
#define TESTS_UNIT_SENTINEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/sph.h"

static const int64_t t0 = INT64_C(1700000000000);

struct fixture {
	struct sentinel *sentinel;
	struct rule_set *rules;
	struct rule_list list;
	int dropped;
	const char *reason; /* of the last one, until its rules are freed */
};

static inline void note_dropped(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	struct fixture *f = arg;

	(void)kind, (void)index;
	f->dropped++;
	f->reason = reason;
}

/* Replaces all rules by those of one kind. */
static inline void load(struct fixture *f, enum rule_kind kind, const char *json)
{
	struct rule_set *previous = f->rules;
	struct rule_set_options options = {.previous = previous};
	struct arena arena;

	arena_init(&arena, 1024);
	f->list = (struct rule_list){0};
	f->dropped = 0;
	f->reason = NULL;
	struct rule_json_reader reader = {.arena = &arena,
					  .seed = f->sentinel->options.seed,
					  .dropped = note_dropped,
					  .arg = f};
	assert_int_equal(rule_json_parse(&reader, kind, slice_of(json), &f->list), STATUS_OK);
	f->rules = rule_set_new(f->sentinel, &arena, &f->list, &options, note_dropped, f);
	rule_set_free(previous);
}

static inline void open_with(struct fixture *f, struct sentinel_options options)
{
	*f = (struct fixture){.sentinel = sentinel_new(&options, t0)};
	load(f, RULE_FLOW, "[]");
}

static inline void open_fixture(struct fixture *f)
{
	open_with(f, (struct sentinel_options){.seed = 7});
}

static inline void close_fixture(struct fixture *f)
{
	rule_set_free(f->rules);
	sentinel_free(f->sentinel);
}

static inline struct instant at(int64_t t_ms)
{
	return (struct instant){t0 + t_ms, (t0 + t_ms) * 1000000};
}

static inline struct entry_request request_of(struct fixture *f, const char *resource, int64_t t_ms)
{
	return (struct entry_request){
		.resource =
			sentinel_resource(f->sentinel, slice_of(resource), RESOURCE_RPC, t0 + t_ms),
		.context = sentinel_context(f->sentinel, SLICE("ctx")),
		.count = 1,
		.inbound = true,
	};
}

static inline enum entry_verdict enter(struct fixture *f, struct entry *entry, const char *resource,
				       int64_t t_ms)
{
	struct entry_request request = request_of(f, resource, t_ms);
	return sph_entry(f->sentinel, f->rules, 0, &request, at(t_ms), entry);
}

static inline void leave(struct fixture *f, struct entry *entry, int64_t t_ms, bool error)
{
	if (error)
		sph_trace(entry);
	sph_exit(entry, f->rules, at(t_ms));
}

/* A call that takes no time. */
static inline bool passes(struct fixture *f, const char *resource, int64_t t_ms, bool error)
{
	struct entry entry;
	bool ok = enter(f, &entry, resource, t_ms) == ENTRY_PASS;

	if (ok)
		leave(f, &entry, t_ms, error);
	return ok;
}

#endif
