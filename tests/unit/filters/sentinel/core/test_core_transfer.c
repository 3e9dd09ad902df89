/* A core that takes over decides as the one before would have: the rest of this is shown by the
 * recorded scenarios, in which cores take over at random moments (tests/sentinel/run.py). */
#include <stdio.h>

#include "base/random.h"
#include "base/section_fields.h"
#include "filters/sentinel/core/core_running.h"
#include "filters/sentinel/core/core_transfer.h"
#include "sentinel_support.h"

/* The same rules in a fresh core, which knows what f's knows. */
static void take_over(struct fixture *f, struct fixture *next, unsigned workers,
		      enum rule_kind kind, const char *json, int64_t t_ms)
{
	struct section_writer out = {0};

	sentinel_export(f->sentinel, f->rules, at(t_ms), SIZE_MAX, &out);
	open_with(next, (struct sentinel_options){.workers = workers, .seed = 7});
	load(next, kind, json);
	const char *fault = sentinel_import(next->sentinel, next->rules, at(t_ms),
					    slice_make(out.data, out.len));
	if (fault)
		fail_msg("%s", fault);
	section_writer_free(&out);
}

static bool enters(struct fixture *f, struct entry *entry, unsigned worker, int64_t t_ms)
{
	struct entry_request request = request_of(f, "r", t_ms);
	return sph_entry(f->sentinel, f->rules, worker, &request, at(t_ms), entry) == ENTRY_PASS;
}

/* 4 -> 2 -> 8 workers: what has passed counts, wherever. */
static void test_a_limit_holds_over_other_numbers_of_workers(void **state)
{
	static const char rules[] = "[{\"resource\":\"r\",\"count\":30}]";
	static const unsigned workers[] = {4, 2, 8};
	struct fixture f[3];
	unsigned passed = 0;

	(void)state;
	open_with(&f[0], (struct sentinel_options){.workers = 4, .seed = 7});
	load(&f[0], RULE_FLOW, rules);
	for (unsigned i = 0; i < 3; i++) {
		if (i)
			take_over(&f[i - 1], &f[i], workers[i], RULE_FLOW, rules, i * 200);
		for (unsigned k = 0; k < 20; k++) {
			struct entry entry;
			if (!enters(&f[i], &entry, k % workers[i], i * 200))
				continue;
			passed++;
			sph_exit(&entry, f[i].rules, at(i * 200));
		}
	}
	assert_int_equal(passed, 30);
	struct node_view view;
	node_view(sentinel_find_resource(f[2].sentinel, SLICE("r"))->cluster, t0 + 400, &view);
	assert_int_equal(view.minute_pass, 30);
	assert_int_equal(view.minute_block, 30);
	assert_int_equal(view.threads, 0);
	for (int i = 0; i < 3; i++)
		close_fixture(&f[i]);
}

static const char *tell_running(const struct fixture *f, struct fixture *next)
{
	struct section_writer out = {0};

	sentinel_export_running(f->sentinel, f->rules, &out);
	const char *fault =
		sentinel_import_running(next->sentinel, next->rules, slice_make(out.data, out.len));
	section_writer_free(&out);
	return fault;
}

static void test_calls_that_run_elsewhere_count_until_the_end(void **state)
{
	static const char rules[] = "[{\"resource\":\"r\",\"grade\":0,\"count\":3}]";
	struct fixture f, next;
	struct entry running[2], entry;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_FLOW, rules);
	assert_true(enters(&f, &running[0], 0, 0));
	assert_true(enters(&f, &running[1], 0, 0));
	take_over(&f, &next, 2, RULE_FLOW, rules, 10);
	assert_true(enters(&next, &entry, 1, 20));
	assert_false(enters(&next, &running[0], 1, 20));
	/* one of them ends there */
	struct section_writer out = {0};
	leave(&f, &running[1], 25, false);
	assert_null(tell_running(&f, &next));
	assert_null(tell_running(&f, &next));
	sentinel_export_running(f.sentinel, f.rules, &out);
	assert_non_null(sentinel_import_running(next.sentinel, next.rules,
						slice_make(out.data, out.len - 1)));
	section_writer_free(&out);
	assert_true(enters(&next, &running[1], 1, 25));
	assert_false(enters(&next, &running[0], 1, 25));
	leave(&next, &running[1], 25, false);
	sentinel_import_end(next.sentinel, next.rules);
	sentinel_import_end(next.sentinel, next.rules);
	assert_true(enters(&next, &running[0], 1, 30));
	assert_true(enters(&next, &running[1], 0, 30));
	assert_false(enters(&next, &entry, 0, 30));
	close_fixture(&f);
	close_fixture(&next);
}

static int64_t threads_by(struct fixture *f, const char *context)
{
	struct resource *resource = sentinel_find_resource(f->sentinel, SLICE("r"));
	const struct context *known = sentinel_context(f->sentinel, slice_of(context));
	return node_threads(
		default_node_of(resource, resource_default_node(resource, known, leap_window(t0))));
}

/* What begins as a copy of the resource's node has no calls of the old process that never end. */
static void test_calls_that_run_elsewhere_end_in_every_context(void **state)
{
	static const char rules[] = "[{\"resource\":\"r\",\"grade\":0,\"count\":30}]";
	struct fixture f, next;
	struct entry running[3], entry;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_FLOW, rules);
	for (int i = 0; i < 3; i++)
		assert_true(enters(&f, &running[i], 0, 0));
	take_over(&f, &next, 2, RULE_FLOW, rules, 10);
	struct entry_request request = request_of(&next, "r", 20);
	request.context = sentinel_context(next.sentinel, SLICE("another"));
	assert_int_equal(sph_entry(next.sentinel, next.rules, 1, &request, at(20), &entry),
			 ENTRY_PASS);
	assert_int_equal(threads_by(&next, "ctx"), 3);
	assert_int_equal(threads_by(&next, "another"), 1);
	leave(&f, &running[0], 30, false);
	assert_null(tell_running(&f, &next));
	assert_int_equal(threads_by(&next, "ctx"), 2);
	sentinel_import_end(next.sentinel, next.rules);
	assert_int_equal(threads_by(&next, "ctx"), 0);
	assert_int_equal(threads_by(&next, "another"), 1);
	leave(&next, &entry, 40, false);
	leave(&f, &running[1], 40, false);
	leave(&f, &running[2], 40, false);
	close_fixture(&f);
	close_fixture(&next);
}

static int64_t threads_of(const struct fixture *f, const char *resource)
{
	return node_threads(sentinel_find_resource(f->sentinel, slice_of(resource))->cluster);
}

/* Each of many resources has as many as run of its own. */
static void test_calls_of_many_resources_run_elsewhere(void **state)
{
	enum { RESOURCES = 60 };
	struct entry running[RESOURCES][3];
	struct fixture f, next;
	char name[16];

	(void)state;
	open_fixture(&f);
	for (int i = 0; i < RESOURCES; i++)
		for (int k = 0; k < i % 4; k++) {
			snprintf(name, sizeof name, "r%d", i);
			assert_int_equal(enter(&f, &running[i][k], name, 0), ENTRY_PASS);
		}
	take_over(&f, &next, 3, RULE_FLOW, "[]", 10);
	for (int i = 0; i < RESOURCES; i++)
		if (i % 4 && i % 3)
			leave(&f, &running[i][0], 20, false);
	assert_null(tell_running(&f, &next));
	for (int i = 0; i < RESOURCES; i++) {
		snprintf(name, sizeof name, "r%d", i);
		if (i % 4)
			assert_int_equal(threads_of(&next, name), threads_of(&f, name));
	}
	sentinel_import_end(next.sentinel, next.rules);
	for (int i = 1; i < RESOURCES; i += 4) {
		snprintf(name, sizeof name, "r%d", i);
		assert_int_equal(threads_of(&next, name), 0);
	}
	assert_int_equal(node_threads(next.sentinel->entrance), 0);
	close_fixture(&f);
	close_fixture(&next);
}

static void test_a_probe_that_runs_elsewhere(void **state)
{
	static const char rules[] = "[{\"resource\":\"r\",\"grade\":2,\"count\":0,\"timeWindow\":1,"
				    "\"minRequestAmount\":1}]";
	struct fixture f, next;
	struct entry probe;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_DEGRADE, rules);
	assert_true(passes(&f, "r", 0, true));
	assert_false(passes(&f, "r", 100, false));
	assert_true(enters(&f, &probe, 0, 1100));
	take_over(&f, &next, 3, RULE_DEGRADE, rules, 1200);
	assert_false(passes(&next, "r", 1300, false)); /* the probe may still say something */
	sentinel_import_probes(next.rules);
	assert_true(passes(&next, "r", 1400, false)); /* another probe */
	assert_true(passes(&next, "r", 1500, false));
	close_fixture(&f);
	close_fixture(&next);
}

/* As over a reload: a rule that is there still goes on, one that changed begins anew. */
static void test_rules_that_changed_in_between(void **state)
{
	static const char before[] =
		"[{\"resource\":\"r\",\"count\":2,\"controlBehavior\":2,\"maxQueueingTimeMs\":400},"
		"{\"resource\":\"s\",\"count\":2,\"controlBehavior\":2,\"maxQueueingTimeMs\":400}]";
	static const char after[] =
		"[{\"resource\":\"s\",\"count\":2,\"controlBehavior\":2,\"maxQueueingTimeMs\":401},"
		"{\"resource\":\"r\",\"count\":2,\"controlBehavior\":2,\"maxQueueingTimeMs\":400}]";
	struct fixture f, next;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_FLOW, before);
	assert_true(passes(&f, "r", 0, false));
	assert_true(passes(&f, "s", 0, false));
	take_over(&f, &next, 1, RULE_FLOW, after, 50);
	assert_false(passes(&next, "r", 60, false)); /* 440 ms too early */
	assert_true(passes(&next, "s", 60, false));
	assert_true(passes(&next, "r", 500, false));
	close_fixture(&f);
	close_fixture(&next);
}

/* arg: as long as the entry. */
static enum entry_verdict enter_with(struct fixture *f, struct entry *entry,
				     const struct argument *arg, int64_t t_ms)
{
	struct entry_request request = request_of(f, "r", t_ms);

	request.args = arg;
	request.args_count = 1;
	return sph_entry(f->sentinel, f->rules, 0, &request, at(t_ms), entry);
}

static enum entry_verdict ask_value(struct fixture *f, uint32_t value, int64_t t_ms)
{
	struct argument arg = {.type = ARGUMENT_LONG, .integer = value};
	struct entry entry;
	enum entry_verdict verdict = enter_with(f, &entry, &arg, t_ms);

	if (verdict == ENTRY_PASS)
		sph_exit(&entry, f->rules, at(t_ms));
	return verdict;
}

/* More values than there is room for: those that are forgotten are the same ones. */
static void test_values_are_forgotten_in_the_same_order(void **state)
{
	static const char rules[] = "[{\"resource\":\"r\",\"paramIdx\":0,\"count\":1}]";
	struct fixture f, next;
	struct random random;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW, rules);
	random_init(&random, 3);
	for (int64_t i = 0; i < 12000; i++)
		ask_value(&f, random_below(&random, 9000), i / 100);
	take_over(&f, &next, 2, RULE_PARAM_FLOW, rules, 130);
	for (int64_t i = 0; i < 12000; i++) {
		uint32_t value = random_below(&random, 9000);
		assert_int_equal(ask_value(&f, value, 140 + i / 100),
				 ask_value(&next, value, 140 + i / 100));
	}
	close_fixture(&f);
	close_fixture(&next);
}

/* A rule on threads, two calls of one value and one of another, in the process before. */
static void test_values_that_run_elsewhere(void **state)
{
	static const char rules[] = "[{\"resource\":\"r\",\"paramIdx\":0,\"grade\":0,\"count\":2}]";
	const struct argument a = {.type = ARGUMENT_LONG, .integer = 5},
			      b = {.type = ARGUMENT_LONG, .integer = 6};
	struct fixture f, next;
	struct entry running[3], entry[2];

	(void)state;
	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW, rules);
	assert_int_equal(enter_with(&f, &running[0], &a, 0), ENTRY_PASS);
	assert_int_equal(enter_with(&f, &running[1], &a, 0), ENTRY_PASS);
	assert_int_equal(enter_with(&f, &running[2], &b, 0), ENTRY_PASS);
	take_over(&f, &next, 2, RULE_PARAM_FLOW, rules, 10);
	assert_int_equal(ask_value(&next, 5, 20), ENTRY_BLOCK);
	leave(&f, &running[0], 30, false);
	leave(&f, &running[2], 30, false);
	assert_null(tell_running(&f, &next));
	assert_null(tell_running(&f, &next));
	/* the rules are loaded anew meanwhile: what is known goes on */
	load(&next, RULE_PARAM_FLOW, rules);
	assert_int_equal(enter_with(&next, &entry[0], &a, 40), ENTRY_PASS);
	assert_int_equal(ask_value(&next, 5, 40), ENTRY_BLOCK);
	assert_int_equal(enter_with(&next, &entry[1], &b, 40), ENTRY_PASS);
	assert_int_equal(ask_value(&next, 6, 40), ENTRY_PASS);
	leave(&f, &running[1], 50, false);
	assert_null(tell_running(&f, &next)); /* of nothing */
	assert_int_equal(ask_value(&next, 5, 50), ENTRY_PASS);
	sentinel_import_end(next.sentinel, next.rules);
	/* those of this process are counted still */
	leave(&next, &entry[0], 60, false);
	assert_int_equal(enter_with(&next, &entry[0], &b, 60), ENTRY_PASS);
	assert_int_equal(ask_value(&next, 6, 60), ENTRY_BLOCK);
	leave(&next, &entry[0], 70, false);
	leave(&next, &entry[1], 70, false);
	close_fixture(&f);
	close_fixture(&next);
}

static void test_rules_with_values_need_the_same_seed(void **state)
{
	static const char rules[] =
		"[{\"resource\":\"r\",\"paramIdx\":0,\"count\":1,\"paramFlowItemList\":[{"
		"\"object\":\"5\",\"classType\":\"long\",\"count\":2}]}]";
	struct section_writer out = {0};
	struct fixture f, next;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW, rules);
	assert_int_equal(ask_value(&f, 1, 0), ENTRY_PASS);
	sentinel_export(f.sentinel, f.rules, at(10), SIZE_MAX, &out);
	open_with(&next, (struct sentinel_options){.seed = 8});
	load(&next, RULE_PARAM_FLOW, rules);
	assert_null(
		sentinel_import(next.sentinel, next.rules, at(10), slice_make(out.data, out.len)));
	assert_int_equal(ask_value(&f, 1, 20), ENTRY_BLOCK);
	assert_int_equal(ask_value(&next, 1, 20), ENTRY_PASS); /* as new */
	assert_int_equal(ask_value(&next, 5, 20), ENTRY_PASS);
	assert_int_equal(ask_value(&next, 5, 20), ENTRY_PASS);
	section_writer_free(&out);
	close_fixture(&f);
	close_fixture(&next);
}

/* Too many values: they go first, of one rule after the other, and nothing else does. */
static void test_values_are_left_out_when_they_are_too_many(void **state)
{
	enum { VALUES = 100, ROOM_OF_ONE = 5000 };
	static const char rules[] = "[{\"resource\":\"r\",\"paramIdx\":0,\"count\":1},"
				    "{\"resource\":\"r\",\"paramIdx\":0,\"count\":1,"
				    "\"durationInSec\":2}]";
	struct section_writer out[3] = {{0}};
	struct fixture f, next;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW, rules);
	for (uint32_t i = 0; i < VALUES; i++)
		assert_int_equal(ask_value(&f, i, 0), ENTRY_PASS);
	sentinel_export(f.sentinel, f.rules, at(10), 0, &out[0]);
	sentinel_export(f.sentinel, f.rules, at(10), ROOM_OF_ONE, &out[1]);
	sentinel_export(f.sentinel, f.rules, at(10), SIZE_MAX, &out[2]);
	assert_in_range(out[1].len, out[0].len + VALUES * 10, ROOM_OF_ONE);
	assert_in_range(out[2].len, out[1].len + VALUES * 10, 2 * ROOM_OF_ONE);
	for (int i = 0; i < 3; i++) {
		open_fixture(&next);
		load(&next, RULE_PARAM_FLOW, rules);
		assert_null(sentinel_import(next.sentinel, next.rules, at(10),
					    slice_make(out[i].data, out[i].len)));
		assert_int_equal(ask_value(&next, 5, 20), i ? ENTRY_BLOCK : ENTRY_PASS);
		assert_int_equal(leap_array_pass(&sentinel_find_resource(next.sentinel, SLICE("r"))
							  ->cluster->windows,
						 leap_window(t0)),
				 i ? VALUES : VALUES + 1);
		close_fixture(&next);
		section_writer_free(&out[i]);
	}
	close_fixture(&f);
}

/* Windows numbered from another time would end all counting: whichever says so. */
static void test_every_moment_is_looked_at(void **state)
{
	enum { NOW_WINDOW = 1, FAR = 100000 };
	struct section_writer out = {0};
	struct fixture f, next;

	(void)state;
	open_fixture(&f);
	passes(&f, "r", 0, false);
	field_put_number(&out, NOW_WINDOW, leap_window(t0) + FAR);
	size_t begin = out.len;
	sentinel_export(f.sentinel, f.rules, at(0), SIZE_MAX, &out);
	open_fixture(&next);
	assert_non_null(
		sentinel_import(next.sentinel, next.rules, at(0), slice_make(out.data, out.len)));
	assert_null(sentinel_import(next.sentinel, next.rules, at(0),
				    slice_make(out.data + begin, out.len - begin)));
	section_writer_free(&out);
	close_fixture(&f);
	close_fixture(&next);
}

/* All or nothing, and never beyond the end. */
static void test_damage(void **state)
{
	static const char flow[] = "[{\"resource\":\"r\",\"count\":5,\"controlBehavior\":2,"
				   "\"maxQueueingTimeMs\":50}]";
	struct section_writer out = {0};
	struct fixture f, next;
	struct random random;
	unsigned refused = 0;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_FLOW, flow);
	for (int i = 0; i < 50; i++)
		passes(&f, i % 3 ? "r" : "s", i * 30, i % 7 == 0);
	sentinel_export(f.sentinel, f.rules, at(1500), SIZE_MAX, &out);
	random_init(&random, 11);
	for (int i = 0; i < 1000; i++) {
		size_t len = out.len;
		char *bytes = malloc(len);
		assert_non_null(bytes);
		memcpy(bytes, out.data, len);
		if (i % 2)
			len = random_below(&random, (uint32_t)len);
		else
			bytes[random_below(&random, (uint32_t)len)] = (char)random_next(&random);
		open_fixture(&next);
		load(&next, RULE_FLOW, flow);
		if (sentinel_import(next.sentinel, next.rules, at(1500), slice_make(bytes, len))) {
			refused++;
			assert_null(sentinel_find_resource(next.sentinel, SLICE("r")));
		}
		passes(&next, "r", 1600, false);
		close_fixture(&next);
		free(bytes);
	}
	assert_in_range(refused, 200, 1000);
	section_writer_free(&out);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_limit_holds_over_other_numbers_of_workers),
		cmocka_unit_test(test_calls_that_run_elsewhere_count_until_the_end),
		cmocka_unit_test(test_calls_that_run_elsewhere_end_in_every_context),
		cmocka_unit_test(test_calls_of_many_resources_run_elsewhere),
		cmocka_unit_test(test_a_probe_that_runs_elsewhere),
		cmocka_unit_test(test_rules_that_changed_in_between),
		cmocka_unit_test(test_values_are_forgotten_in_the_same_order),
		cmocka_unit_test(test_values_that_run_elsewhere),
		cmocka_unit_test(test_rules_with_values_need_the_same_seed),
		cmocka_unit_test(test_values_are_left_out_when_they_are_too_many),
		cmocka_unit_test(test_every_moment_is_looked_at),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests_name("core_transfer", tests, NULL, NULL);
}
