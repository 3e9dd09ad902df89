/* The Sentinel filter between a client and the sink, with a process around it that is the test. */
#ifndef TESTS_UNIT_FILTERS_SENTINEL_FILTER_SUPPORT_H
#define TESTS_UNIT_FILTERS_SENTINEL_FILTER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "filters/sentinel/sentinel.h"
#include "message/rpc_head.h"
#include "support/filter_yaml.h"

enum { START_MS = 1700000000 }; /* in seconds: the windows begin with the test */

struct sentinel_test {
	struct stream_fixture *f;
	struct sentinel_applications applications;
	struct rpc_head rpc;    /* of the requests to come, if is_call */
	struct rpc_head answer; /* of their answers */
	bool is_call;
	const struct peer_names *peer; /* of their client; NULL: it shows no certificate */
	unsigned published;
	void (*changed)(void *arg); /* of the file that is watched */
	void *changed_arg;
};

static inline void test_give_back(struct pin_table *table, struct published *object)
{
	(void)table;
	if (!--object->references)
		object->free(object);
}

static inline uint32_t test_slot(void *owner, struct slice name)
{
	(void)owner;
	return (uint32_t)name.len;
}

static inline void test_publish(void *owner, uint32_t slot, struct published *object)
{
	struct sentinel_test *t = owner;

	t->published++;
	pin_table_set(&t->f->worker.pins, PUBLISHED_RULES, slot, object);
}

static inline void test_send(void *owner)
{
	(void)owner;
}

static inline void *test_watch(void *owner, const char *path, void (*changed)(void *arg), void *arg)
{
	struct sentinel_test *t = owner;

	(void)path;
	t->changed = changed;
	t->changed_arg = arg;
	return t;
}

static inline void test_unwatch(void *owner, void *watch)
{
	struct sentinel_test *t = owner;

	assert_ptr_equal(t, watch);
	t->changed = NULL;
}

static const struct sentinel_services test_services = {
	test_slot, test_publish, test_send, test_watch, test_unwatch, NULL, NULL, NULL, NULL};

/* What the codec would have told of a call: a filter before the one that is tried. */
static inline enum filter_status dress_request(struct filter *f, struct headers *headers, bool end)
{
	struct sentinel_test *const *t = f->config;

	(void)end;
	if ((*t)->is_call)
		headers->rpc = &(*t)->rpc;
	filter_info(f)->peer = (*t)->peer;
	return FILTER_CONTINUE;
}

/* … and of its answer, which comes by it last. */
static inline enum filter_status dress_answer(struct filter *f, struct headers *headers, bool end)
{
	struct sentinel_test *const *t = f->config;

	(void)end;
	if ((*t)->is_call)
		headers->rpc = &(*t)->answer;
	return FILTER_CONTINUE;
}

static const struct filter_type dresser = {
	.name = "dresser",
	.request_headers = dress_request,
	.response_headers = dress_answer,
};

static inline void sentinel_test_fini_pins(void *pins)
{
	pin_table_fini(pins);
}

/* A configuration of that listener: its first, or a newer version. */
static inline const void *sentinel_test_load(struct sentinel_test *t, struct arena *arena,
					     const char *listener, const char *yaml)
{
	return filter_yaml_load(&sentinel_filter, t->f, arena, &t->applications, listener, yaml);
}

static inline struct sentinel_test *sentinel_test_new(const char *yaml)
{
	struct sentinel_test *t = calloc(1, sizeof *t);
	struct chain_entry entries[2] = {{.type = &dresser, .name = SLICE("dresser")},
					 {.type = &sentinel_filter, .name = SLICE("it")}};

	assert_non_null(t);
	t->f = stream_fixture_new(entries, 2);
	t->f->loop.wall_ns = UINT64_C(1000000000) * START_MS;
	pin_table_init(&t->f->worker.pins, test_give_back);
	arena_defer(&t->f->arena, sentinel_test_fini_pins, &t->f->worker.pins);
	sentinel_applications_init(&t->applications, &test_services, t, t->f->stats,
				   &t->f->loop.wall_ns);
	struct sentinel_test **self = ARENA_NEW(&t->f->arena, struct sentinel_test *);
	*self = t;
	t->f->entries[0].config = self;
	t->f->entries[1].config = sentinel_test_load(t, &t->f->arena, "l", yaml);
	return t;
}

static inline void sentinel_test_free(struct sentinel_test *t)
{
	stream_fixture_free(t->f);
	sentinel_applications_fini(&t->applications);
	free(t);
}

static inline void sentinel_test_advance(struct sentinel_test *t, uint64_t ms)
{
	t->f->loop.wall_ns += ms * 1000000;
	fixture_advance(t->f, ms);
}

static inline uint64_t sentinel_counted(struct sentinel_test *t, enum sentinel_stat id)
{
	struct slice name = SLICE("sentinel.this");
	struct stat_scope *scope = stat_scope_take(t->f->stats, &sentinel_stats, name);
	uint64_t value = stat_value(t->f->stats, scope, id);
	stat_scope_drop(t->f->stats, scope);
	return value;
}

static inline const struct sentinel_config *sentinel_test_config(const struct sentinel_test *t)
{
	return t->f->entries[1].config;
}

static inline struct sentinel *sentinel_test_core(const struct sentinel_test *t)
{
	return sentinel_test_config(t)->application->core;
}

/* What a resource has counted, as of now. */
static inline struct node_view sentinel_test_view(struct sentinel_test *t, const char *name)
{
	const struct resource *resource =
		sentinel_find_resource(sentinel_test_core(t), slice_of(name));
	struct node_view view;

	if (!resource)
		fail_msg("there is no resource %s", name);
	node_view(resource->cluster, (int64_t)(t->f->loop.wall_ns / 1000000), &view);
	return view;
}

#endif
