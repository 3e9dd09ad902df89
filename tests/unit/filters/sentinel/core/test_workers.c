/* Several workers at once. Time stands still within a round; rounds begin together. */
#include <pthread.h>

#include "filters/sentinel/core/core_running.h"
#include "filters/sentinel/core/core_transfer.h"
#include "sentinel_support.h"

enum {
	WORKERS = 4,
	ROUNDS = 40,
	ROUND_MS = 100,
	CALLS = 100,  /* of each worker in a round */
	RUNNING = 20, /* at a take-over */
};

struct crowd {
	struct fixture f, next; /* next: who takes over from f */
	pthread_barrier_t barrier;
	void (*work)(struct crowd *crowd, unsigned worker, int round);
	void (*between)(struct crowd *crowd, int round); /* on one thread, the others wait */
	_Atomic uint32_t passed[ROUNDS];
	_Atomic uint32_t begun, ended;
	struct entry running[RUNNING]; /* in f, when next took over */
};

struct worker {
	struct crowd *crowd;
	unsigned number;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct crowd *crowd = worker->crowd;

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&crowd->barrier);
		crowd->work(crowd, worker->number, round);
		pthread_barrier_wait(&crowd->barrier);
		if (!worker->number && crowd->between)
			crowd->between(crowd, round);
	}
	return NULL;
}

static void run(struct crowd *crowd)
{
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];

	pthread_barrier_init(&crowd->barrier, NULL, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){crowd, i};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd->barrier);
}

static void open_crowd(struct crowd *crowd)
{
	*crowd = (struct crowd){0};
	open_with(&crowd->f, (struct sentinel_options){.workers = WORKERS, .seed = 3});
}

static enum entry_verdict enter_as(struct crowd *crowd, unsigned worker, struct entry *entry,
				   struct entry_request *request, int round)
{
	return sph_entry(crowd->f.sentinel, crowd->f.rules, worker, request, at(round * ROUND_MS),
			 entry);
}

static void call_limited(struct crowd *crowd, unsigned worker, int round)
{
	struct entry_request request = request_of(&crowd->f, "r", 0);
	struct entry entry;

	for (int i = 0; i < CALLS; i++) {
		if (enter_as(crowd, worker, &entry, &request, round) != ENTRY_PASS)
			continue;
		crowd->passed[round]++;
		sph_exit(&entry, crowd->f.rules, at(round * ROUND_MS));
	}
}

static void a_limit_holds_for_all_workers_together(void **state)
{
	enum { LIMIT = 1000, SECOND = 1000 / ROUND_MS };
	struct crowd crowd;
	(void)state;

	open_crowd(&crowd);
	load(&crowd.f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":1000}]");
	crowd.work = call_limited;
	run(&crowd);
	for (int begin = 0; begin + SECOND <= ROUNDS; begin += SECOND / 2) {
		uint32_t passed = 0;
		for (int i = 0; i < SECOND; i++)
			passed += crowd.passed[begin + i];
		assert_in_range(passed, LIMIT - 2 * WORKERS, LIMIT);
	}
	close_fixture(&crowd.f);
}

static void call_threads(struct crowd *crowd, unsigned worker, int round)
{
	struct entry_request request = request_of(&crowd->f, "r", 0);
	struct entry entry;

	for (int i = 0; i < CALLS; i++) {
		if (enter_as(crowd, worker, &entry, &request, round) != ENTRY_PASS)
			continue;
		assert_in_range(atomic_fetch_add(&crowd->begun, 1), 0, 1);
		crowd->passed[round]++;
		atomic_fetch_sub(&crowd->begun, 1);
		sph_exit(&entry, crowd->f.rules, at(round * ROUND_MS));
	}
}

static void no_more_calls_run_than_a_rule_on_threads_lets(void **state)
{
	struct crowd crowd;
	(void)state;

	open_crowd(&crowd);
	load(&crowd.f, RULE_FLOW, "[{\"resource\":\"r\",\"grade\":0,\"count\":2}]");
	crowd.work = call_threads;
	run(&crowd);
	assert_true(crowd.passed[0] > 0);
	close_fixture(&crowd.f);
}

static void call_all(struct crowd *crowd, unsigned worker, int round)
{
	static const char *const origins[] = {"", "app1", "app2", "app3"};
	static const char *const contexts[] = {"in1", "in2", "in3"};
	struct argument argument = {.type = ARGUMENT_INTEGER};
	struct entry entry;
	char name[16];

	for (int i = 0; i < CALLS; i++) {
		snprintf(name, sizeof(name), "r%d", (i + round) % 50);
		struct entry_request request = request_of(&crowd->f, name, round * ROUND_MS);
		request.origin = slice_of(origins[i % 4]);
		request.context = sentinel_context(crowd->f.sentinel, slice_of(contexts[i % 3]));
		request.prioritized = i % 5 == 0;
		request.args = &argument;
		request.args_count = 1;
		argument.integer = i % 17;
		enum entry_verdict verdict = enter_as(crowd, worker, &entry, &request, round);
		while (verdict == ENTRY_WAIT)
			verdict = sph_resume(&entry, crowd->f.rules, at(round * ROUND_MS));
		if (verdict == ENTRY_BLOCK)
			continue;
		crowd->begun++;
		entry.error = i % 7 == 0;
		sph_exit(&entry, crowd->f.rules, at(round * ROUND_MS + i % 3));
		crowd->ended++;
	}
}

static void change_rules(struct crowd *crowd, int round)
{
	static const char flow[] =
		"[{\"resource\":\"r.*\",\"regex\":true,\"count\":40},"
		"{\"resource\":\"r1\",\"count\":9,\"controlBehavior\":1,\"warmUpPeriodSec\":1},"
		"{\"resource\":\"r2\",\"count\":5000,\"controlBehavior\":2,"
		"\"maxQueueingTimeMs\":5},"
		"{\"resource\":\"r3\",\"count\":2,\"limitApp\":\"app1\"},"
		"{\"resource\":\"r4\",\"grade\":0,\"count\":2,\"strategy\":2,\"refResource\":"
		"\"in1\"}]";
	static const char degrade[] =
		"[{\"resource\":\"*\",\"grade\":1,\"count\":0.1,\"timeWindow\":1,"
		"\"minRequestAmount\":1}]";
	static const char param[] =
		"[{\"resource\":\"r.*\",\"regex\":true,\"count\":3,\"paramIdx\":-1},"
		"{\"resource\":\"r5\",\"count\":1,\"grade\":0,\"paramIdx\":0}]";

	if (round % 3 == 0)
		load(&crowd->f, RULE_FLOW, flow);
	else if (round % 3 == 1)
		load(&crowd->f, RULE_DEGRADE, degrade);
	else
		load(&crowd->f, RULE_PARAM_FLOW, param);
}

static void what_all_workers_do_adds_up(void **state)
{
	struct crowd crowd;
	struct node_view view;
	uint64_t success = 0;
	(void)state;

	open_crowd(&crowd);
	crowd.work = call_all;
	crowd.between = change_rules;
	run(&crowd);
	assert_int_equal(crowd.f.sentinel->overflows, 0);
	for (struct name_entry *e = NULL; (e = name_table_next(&crowd.f.sentinel->resources, e));) {
		node_view(((struct resource *)(void *)e)->cluster, t0 + ROUNDS * ROUND_MS, &view);
		assert_int_equal(view.threads, 0);
		success += view.minute_success;
	}
	assert_int_equal(success, crowd.ended);
	node_view(crowd.f.sentinel->entrance, t0 + ROUNDS * ROUND_MS, &view);
	assert_int_equal(view.threads, 0);
	assert_int_equal(view.minute_success, crowd.ended);
	assert_int_equal(view.minute_success + view.minute_block, ROUNDS * WORKERS * CALLS);
	close_fixture(&crowd.f);
}

static struct entry_request request_with(struct fixture *f, const char *context,
					 const struct argument *argument)
{
	struct entry_request request = request_of(f, "r", 0);

	request.context = sentinel_context(f->sentinel, slice_of(context));
	request.args = argument;
	request.args_count = 1;
	return request;
}

static void tell(struct crowd *crowd)
{
	struct section_writer out = {0};

	sentinel_export_running(crowd->f.sentinel, crowd->f.rules, &out);
	assert_null(sentinel_import_running(crowd->next.sentinel, crowd->next.rules,
					    slice_make(out.data, out.len)));
	section_writer_free(&out);
}

/* Worker 0 ends what ran and tells of the rest, while the others call in both. */
static void call_both(struct crowd *crowd, unsigned worker, int round)
{
	static const char *const contexts[] = {"ctx", "in1", "in2"};

	if (!worker) {
		if (round < RUNNING)
			sph_exit(&crowd->running[round], crowd->f.rules, at(round * ROUND_MS));
		tell(crowd);
		return;
	}
	for (int i = 0; i < CALLS; i++) {
		struct fixture *f = i % 2 ? &crowd->f : &crowd->next;
		struct argument argument = {.type = ARGUMENT_LONG, .integer = i % 7};
		struct entry_request request = request_with(f, contexts[i % 3], &argument);
		struct entry entry;
		assert_int_equal(sph_entry(f->sentinel, f->rules, worker, &request,
					   at(round * ROUND_MS), &entry),
				 ENTRY_PASS);
		sph_exit(&entry, f->rules, at(round * ROUND_MS));
	}
}

static void count_words(void *arg, const struct value_at *value)
{
	*(uint64_t *)arg += value->word;
}

static void assert_running(struct fixture *f, int64_t threads, uint64_t words)
{
	const struct resource *resource = sentinel_find_resource(f->sentinel, SLICE("r"));
	const struct resource_rules *rules = rule_set_of(f->rules, resource);
	uint64_t counted = 0;

	assert_int_equal(node_threads(f->sentinel->entrance), threads);
	assert_int_equal(node_threads(resource->cluster), threads);
	assert_int_equal(rules->param_count, 1);
	value_table_each(&rules->param[0].metric->values, count_words, &counted);
	assert_int_equal(counted, words);
}

static void what_runs_elsewhere_is_told_while_all_call(void **state)
{
	static const char rules[] =
		"[{\"resource\":\"r\",\"paramIdx\":0,\"grade\":0,\"count\":1000}]";
	struct section_writer out = {0};
	struct argument arguments[RUNNING];
	struct crowd crowd;
	(void)state;

	open_crowd(&crowd);
	open_with(&crowd.next, (struct sentinel_options){.workers = WORKERS, .seed = 3});
	load(&crowd.f, RULE_PARAM_FLOW, rules);
	load(&crowd.next, RULE_PARAM_FLOW, rules);
	for (int i = 0; i < RUNNING; i++) {
		arguments[i] = (struct argument){.type = ARGUMENT_LONG, .integer = i % 5};
		struct entry_request request = request_with(&crowd.f, "ctx", &arguments[i]);
		assert_int_equal(enter_as(&crowd, 0, &crowd.running[i], &request, 0), ENTRY_PASS);
	}
	sentinel_export(crowd.f.sentinel, crowd.f.rules, at(0), SIZE_MAX, &out);
	assert_null(sentinel_import(crowd.next.sentinel, crowd.next.rules, at(0),
				    slice_make(out.data, out.len)));
	section_writer_free(&out);
	assert_running(&crowd.next, RUNNING, RUNNING);
	crowd.work = call_both;
	run(&crowd);
	tell(&crowd);
	assert_running(&crowd.f, 0, 0);
	assert_running(&crowd.next, 0, 0);
	sentinel_import_end(crowd.next.sentinel, crowd.next.rules);
	assert_running(&crowd.next, 0, 0);
	close_fixture(&crowd.f);
	close_fixture(&crowd.next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_holds_for_all_workers_together),
		cmocka_unit_test(no_more_calls_run_than_a_rule_on_threads_lets),
		cmocka_unit_test(what_all_workers_do_adds_up),
		cmocka_unit_test(what_runs_elsewhere_is_told_while_all_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
