/* What requests and calls are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/sentinel/names.h"

enum { NOW_MS = 1000000 };

static void types_are_those_of_get_name(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"I", "int"},
		{"ZBCDFIJSV", "boolean,byte,char,double,float,int,long,short,void"},
		{"Ljava/lang/String;", "java.lang.String"},
		{"Ljava/lang/String;I[Ljava/lang/String;[[J",
		 "java.lang.String,int,[Ljava.lang.String;,[[J"},
		{"La/B$C;Z", "a.B$C,boolean"},
		{"I[", "int"},                 /* an array of nothing */
		{"ILjava/lang/String", "int"}, /* without its end */
		{"I?J", "int"},                /* no descriptor */
	};
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice names = sentinel_type_names(slice_of(rows[i][0]), &arena);
		assert_string_equal(arena_string(&arena, names), rows[i][1]);
	}
	arena_free(&arena);
}

struct naming_test {
	struct arena arena;
	struct sentinel *core;
	struct sentinel_memo *memos;
};

static struct naming_test naming_test_new(uint32_t resources_max)
{
	struct naming_test t = {
		.core = sentinel_new(&(struct sentinel_options){.resources_max = resources_max},
				     NOW_MS),
		.memos = sentinel_memos_new(1),
	};
	arena_init(&t.arena, 1024);
	return t;
}

static struct sentinel_namer namer_of(struct naming_test *t, const struct sentinel_naming *naming)
{
	return (struct sentinel_namer){
		.core = t->core,
		.memo = t->memos,
		.naming = naming,
		.scratch = &t->arena,
		.now_ms = NOW_MS,
	};
}

static void naming_test_end(struct naming_test *t)
{
	sentinel_memos_free(t->memos, 1);
	sentinel_free(t->core);
	arena_free(&t->arena);
}

static const char *text(struct naming_test *t, struct slice name)
{
	return arena_string(&t->arena, name);
}

static void is_named(struct naming_test *t, struct sentinel_naming naming,
		     struct sentinel_call call, const char *outer, const char *inner,
		     const char *context)
{
	struct sentinel_names names[2];
	struct sentinel_namer namer = namer_of(t, &naming);

	for (int i = 0; i < 2; i++)
		sentinel_name_call(&names[i], &namer, &call);
	assert_true(names[0].resources[0] == names[1].resources[0] &&
		    names[0].resources[1] == names[1].resources[1] &&
		    names[0].context == names[1].context);
	assert_int_equal(names->count, 2);
	assert_string_equal(text(t, names->resources[0]->entry.name), outer);
	assert_string_equal(text(t, names->resources[1]->entry.name), inner);
	assert_string_equal(text(t, names->context->entry.name), context);
	assert_int_equal(names->resources[1]->type, RESOURCE_RPC);
}

static void calls_are_named_as_by_the_adapters(void **state)
{
	struct naming_test t = naming_test_new(0);
	const struct sentinel_call find = {.service = SLICE("com.x.Foo"),
					   .method = SLICE("find"),
					   .version = SLICE("1.0"),
					   .group = SLICE("g"),
					   .types = SLICE("Ljava/lang/String;I")};
	const struct sentinel_call plain = {
		.service = SLICE("com.x.Foo"), .method = SLICE("find"), .version = SLICE("0.0.0")};
	const struct sentinel_call bolt = {.service = SLICE("com.x.Foo"),
					   .method = SLICE("find"),
					   .types = SLICE("java.lang.String,int"),
					   .has_type_names = true,
					   .is_bolt = true};

	(void)state;
	is_named(&t, (struct sentinel_naming){.is_outbound = false}, find, "com.x.Foo",
		 "com.x.Foo:find(java.lang.String,int)", "com.x.Foo:find(java.lang.String,int)");
	is_named(&t, (struct sentinel_naming){.is_outbound = true}, find, "com.x.Foo",
		 "com.x.Foo:find(java.lang.String,int)", "sentinel_default_context");
	is_named(&t, (struct sentinel_naming){.has_prefix = true}, plain,
		 "dubbo:provider:com.x.Foo", "dubbo:provider:com.x.Foo:find()",
		 "dubbo:provider:com.x.Foo:find()");
	is_named(&t, (struct sentinel_naming){.is_outbound = true, .has_prefix = true}, plain,
		 "dubbo:consumer:com.x.Foo", "dubbo:consumer:com.x.Foo:find()",
		 "sentinel_default_context");
	is_named(&t, (struct sentinel_naming){.has_version_and_group = true}, find,
		 "com.x.Foo:1.0:g", "com.x.Foo:1.0:g:find(java.lang.String,int)",
		 "com.x.Foo:1.0:g:find(java.lang.String,int)");
	is_named(&t, (struct sentinel_naming){.has_version_and_group = true}, plain,
		 "com.x.Foo::", "com.x.Foo:::find()", "com.x.Foo:::find()");
	is_named(&t, (struct sentinel_naming){.has_prefix = true, .has_version_and_group = true},
		 bolt, "com.x.Foo", "com.x.Foo#find(java.lang.String,int)",
		 "com.x.Foo#find(java.lang.String,int)");
	naming_test_end(&t);
}

/* Through several sizes of the worker's table, past what it holds; each call has its own names. */
static void many_calls_are_told_apart(void **state)
{
	enum { CALLS = 9000 };
	struct naming_test t = naming_test_new(2 * CALLS);

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < CALLS; i++) {
			struct arena scratch;
			arena_init(&scratch, 1024);
			char *method = arena_printf(&scratch, "m%d", i);
			const struct sentinel_call call = {.service = SLICE("a.Svc"),
							   .method = slice_of(method)};
			const char *wanted = arena_printf(&scratch, "a.Svc:m%d()", i);
			struct sentinel_names names;
			struct sentinel_namer namer = namer_of(&t, &(struct sentinel_naming){0});
			namer.scratch = &scratch;
			sentinel_name_call(&names, &namer, &call);
			assert_true(slice_equal(names.resources[1]->entry.name, slice_of(wanted)));
			arena_free(&scratch);
		}
	naming_test_end(&t);
}

/* Services that have all in common but their beginnings, more than are looked at. */
static void calls_that_look_alike_are_told_apart(void **state)
{
	enum { CALLS = 300 };
	struct naming_test t = naming_test_new(2 * CALLS);
	struct arena scratch;

	(void)state;
	arena_init(&scratch, 1024);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < CALLS; i++) {
			char *service = arena_printf(&scratch, "com.shop%03d.a.long.end.of.Svc", i);
			const struct sentinel_call call = {.service = slice_of(service),
							   .method = SLICE("m")};
			struct sentinel_names names;
			struct sentinel_namer namer = namer_of(&t, &(struct sentinel_naming){0});
			namer.scratch = &scratch;
			sentinel_name_call(&names, &namer, &call);
			assert_true(slice_equal(names.resources[0]->entry.name, call.service));
		}
	assert_int_equal(t.core->next_resource, 2 * CALLS);
	arena_free(&scratch);
	naming_test_end(&t);
}

/* The text with the number in place of its "%d" or "%03d". */
static const char *numbered(struct arena *arena, const char *format, int n)
{
	const char *at = strchr(format, '%');

	if (!at)
		return format;
	return arena_printf(arena, "%.*s%0*d%s", (int)(at - format), format, at[1] == '0' ? 3 : 1,
			    n, strchr(at, 'd') + 1);
}

/* More versions and groups of one method than places are looked at: whoever has been named once
 * isn't put together again. */
static void versions_and_groups_are_remembered(void **state)
{
	static const char *const formats[][2] = {
		{"1.0.%d", ""},
		{"%03d.0.0-a-long-release", ""},
		{"1.0.0", "tenant-%03d"},
		{"", "%03d-of-a-long-group-name"},
	};
	enum { CALLS = 200 };
	struct naming_test t = naming_test_new(0);
	struct sentinel_namer namer = namer_of(&t, &(struct sentinel_naming){0});
	struct arena texts, scratch;

	(void)state;
	arena_init(&texts, 1024);
	for (size_t f = 0; f < COUNT_OF(formats); f++)
		for (int i = 0; i < 2 * CALLS; i++) {
			struct sentinel_call call = {.service = SLICE("a.Svc"),
						     .method = SLICE("m")};
			struct sentinel_names names;
			call.version = slice_of(numbered(&texts, formats[f][0], i % CALLS));
			call.group = slice_of(numbered(&texts, formats[f][1], i % CALLS));
			arena_init(&scratch, 1024);
			namer.scratch = &scratch;
			sentinel_name_call(&names, &namer, &call);
			assert_int_equal(!scratch.allocated, i >= CALLS);
			arena_free(&scratch);
		}
	arena_free(&texts);
	naming_test_end(&t);
}

static void one_too_many_has_no_resource(void **state)
{
	struct naming_test t = naming_test_new(1);
	const struct sentinel_call call = {.service = SLICE("a.Svc"), .method = SLICE("m")};
	struct sentinel_names names;

	(void)state;
	struct sentinel_namer namer = namer_of(&t, &(struct sentinel_naming){0});
	sentinel_name_call(&names, &namer, &call);
	assert_int_equal(names.count, 2);
	assert_non_null(names.resources[0]);
	assert_null(names.resources[1]);
	naming_test_end(&t);
}

static void requests_are_web(void **state)
{
	struct naming_test t = naming_test_new(0);
	struct sentinel_names names;

	(void)state;
	struct sentinel_namer in = namer_of(&t, &(struct sentinel_naming){0});
	sentinel_name_request(&names, &in, SLICE("GET:/a"), RESOURCE_WEB);
	assert_int_equal(names.count, 1);
	assert_string_equal(text(&t, names.resources[0]->entry.name), "GET:/a");
	assert_string_equal(text(&t, names.context->entry.name), "sentinel_spring_web_context");
	struct sentinel_namer out = namer_of(&t, &(struct sentinel_naming){.is_outbound = true});
	sentinel_name_request(&names, &out, SLICE("GET:/a"), RESOURCE_WEB);
	assert_string_equal(text(&t, names.context->entry.name), "sentinel_default_context");
	sentinel_name_request(&names, &in, SLICE("all"), RESOURCE_RPC);
	assert_string_equal(text(&t, names.context->entry.name), "all");
	naming_test_end(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_those_of_get_name),
		cmocka_unit_test(calls_are_named_as_by_the_adapters),
		cmocka_unit_test(many_calls_are_told_apart),
		cmocka_unit_test(calls_that_look_alike_are_told_apart),
		cmocka_unit_test(versions_and_groups_are_remembered),
		cmocka_unit_test(one_too_many_has_no_resource),
		cmocka_unit_test(requests_are_web),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
