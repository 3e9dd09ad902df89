/* What Sentinel's core costs a call, a resource and a reload.
 *
 *   micro_sentinel [--check] [CALLS]
 *
 *   free      no rules are loaded; statistics are kept
 *   by name   the same, with the resource and the context looked up by their names
 *   ruled     3 flow rules, 1 breaker, 1 hot-parameter rule (1,000 values), none of which blocks
 *   blocked   by the first of the 3 flow rules
 * An entry with its exit, on one thread and on four, which all use one resource, or each its own;
 * CPU time of the threads, and by how much four on their own resources are slower; calls of malloc
 * and its like, and of pthread_mutex_lock, once what there is to be made is made. Then bytes for
 * each of 10,000 resources with a flow rule, and a reload of these rules: from JSON text to a
 * version that can be asked, with the one before freed. Then what such reloads cost a worker that
 * calls all these resources, one after the other: the most that one call took.
 * --check: fails above limits far beyond what is promised (200 ns, 40 ns, 2 kB, 200 ms), for
 * machines that are busy or instrumented. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/attributes.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/sph.h"

enum {
	THREADS = 4,
	RESOURCES = 10000,
	VALUES = 1000,
	CALLS_A_MS = 1000, /* how fast time goes on */
	LIMIT_NS = 20000,
	LIMIT_BYTES = 2000,
	LIMIT_MS = 20000,
	RELOADS = 20,
	LIMIT_PAUSE_US = 1000, /* as promised */
	BUSY_FACTOR = UNDER_ASAN ? 20 : 1,
};

/* --- what a call must not do --- */

/* Calls of the heap and of locks, by the thread that looks. */
static _Thread_local unsigned long heap_calls, lock_calls;

#if !UNDER_ASAN && !UNDER_TSAN && defined(__GLIBC__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

void *malloc(size_t size)
{
	heap_calls++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	heap_calls++;
	return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	heap_calls++;
	return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	heap_calls++;
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	heap_calls++;
	*block = __libc_memalign(alignment, size);
	return *block ? 0 : ENOMEM;
}

void free(void *block)
{
	heap_calls++;
	__libc_free(block);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	int (*real)(pthread_mutex_t *);
	void *found = dlsym(RTLD_NEXT, "pthread_mutex_lock");

	memcpy(&real, &found, sizeof(real));
	lock_calls++;
	return real(mutex);
}
#endif

static const int64_t t0 = INT64_C(1700000000000);

static const char rules_of_ruled[] = "{\"resource\":\"ruled%d\",\"count\":1e9},"
				     "{\"resource\":\"ruled%d\",\"count\":100000,\"grade\":0},"
				     "{\"resource\":\"ruled%d\",\"count\":2e9,\"limitApp\":"
				     "\"default\",\"maxQueueingTimeMs\":7},";

struct bench {
	struct sentinel *sentinel;
	struct rule_set *rules;
	unsigned long calls;
	unsigned long heap_calls, lock_calls; /* of the last measurement */
	struct argument values[VALUES];
};

struct thread {
	struct bench *bench;
	const char *resource;
	unsigned worker;
	bool by_name;
	double ns;
	unsigned long passed, heap_calls, lock_calls;
};

static double cpu_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *call(void *arg)
{
	struct thread *t = arg;
	struct bench *bench = t->bench;
	struct sentinel *sentinel = bench->sentinel;
	struct slice name = slice_of(t->resource), context = SLICE("sentinel_default_context");
	struct entry_request request = {
		.resource = sentinel_resource(sentinel, name, RESOURCE_RPC, t0),
		.context = sentinel_context(sentinel, context),
		.args_count = 1,
		.count = 1,
		.inbound = true,
	};
	struct entry entry;
	unsigned long heap_before = heap_calls, locks_before = lock_calls;
	double began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);

	for (unsigned long i = 0; i < bench->calls; i++) {
		int64_t ms = t0 + (int64_t)(i / CALLS_A_MS);
		struct instant now = {ms, ms * 1000000};
		request.args = &bench->values[i % VALUES];
		if (t->by_name) {
			request.resource = sentinel_resource(sentinel, name, RESOURCE_RPC, ms);
			request.context = sentinel_context(sentinel, context);
		}
		if (sph_entry(sentinel, bench->rules, t->worker, &request, now, &entry) !=
		    ENTRY_PASS)
			continue;
		t->passed++;
		sph_exit(&entry, bench->rules, now);
	}
	t->ns = (cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (double)bench->calls;
	t->heap_calls = heap_calls - heap_before;
	t->lock_calls = lock_calls - locks_before;
	return NULL;
}

/* ns a call, on so many threads. own: each has a resource of its own. */
static double measure(struct bench *bench, const char *resource, unsigned threads, bool own,
		      bool by_name)
{
	struct thread thread[THREADS];
	pthread_t id[THREADS];
	char names[THREADS][32];
	double ns = 0;

	for (unsigned i = 0; i < threads; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%u", resource, own ? i : 0);
		thread[i] = (struct thread){
			.bench = bench, .resource = names[i], .worker = i, .by_name = by_name};
		invariant(!pthread_create(&id[i], NULL, call, &thread[i]));
	}
	bench->heap_calls = bench->lock_calls = 0;
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(id[i], NULL);
		ns += thread[i].ns / threads;
		bench->heap_calls += thread[i].heap_calls;
		bench->lock_calls += thread[i].lock_calls;
	}
	return ns;
}

static void load(struct bench *bench, enum rule_kind kind, struct rule_list *list,
		 struct arena *arena, const char *json)
{
	struct rule_json_reader reader = {.arena = arena, .seed = 1};

	invariant(!rule_json_parse(&reader, kind, slice_of(json), list));
	(void)bench;
}

static void make_rules(struct bench *bench)
{
	struct rule_list list = {0};
	struct rule_set_options options = {.previous = NULL};
	struct arena arena, text;
	char *flow, *degrade, *param;

	arena_init(&arena, 4096);
	arena_init(&text, 4096);
	flow = degrade = param = arena_string(&text, SLICE("["));
	for (int i = 0; i < THREADS; i++) {
		const char *end = i + 1 < THREADS ? "," : "]";
		char *three = arena_printf(&text, rules_of_ruled, i, i, i);
		flow = arena_printf(&text, "%s%s{\"resource\":\"blocked%d\",\"count\":0}%s", flow,
				    three, i, end);
		degrade = arena_printf(
			&text,
			"%s{\"resource\":\"ruled%d\",\"grade\":1,\"count\":0.5,\"timeWindow\":1}%s",
			degrade, i, end);
		param = arena_printf(&text,
				     "%s{\"resource\":\"ruled%d\",\"count\":1e9,\"paramIdx\":0}%s",
				     param, i, end);
	}
	load(bench, RULE_FLOW, &list, &arena, flow);
	load(bench, RULE_DEGRADE, &list, &arena, degrade);
	load(bench, RULE_PARAM_FLOW, &list, &arena, param);
	invariant(list.flow_count == 4 * THREADS && list.param_count == THREADS);
	bench->rules = rule_set_new(bench->sentinel, &arena, &list, &options, NULL, NULL);
	arena_free(&text);
}

static void make_values(struct bench *bench, struct arena *arena)
{
	for (int i = 0; i < VALUES; i++)
		bench->values[i] = (struct argument){
			.type = ARGUMENT_STRING,
			.string = slice_of(arena_printf(arena, "customer-%d", i)),
		};
}

static bool report(const char *what, double ns, double limit)
{
	printf("%s: %.1f ns\n", what, ns);
	return ns <= limit;
}

/* Four threads, on their own resources and on one. Returns by how many % the first are slower than
 * one alone. */
static double report_threads(struct bench *bench, const char *resource, double alone)
{
	char what[64];
	double own = measure(bench, resource, THREADS, true, false);

	snprintf(what, sizeof(what), "%s, 4 threads, own resources", resource);
	report(what, own, 0);
	snprintf(what, sizeof(what), "%s, 4 threads, one resource", resource);
	report(what, measure(bench, resource, THREADS, false, false), 0);
	return (own / alone - 1) * 100;
}

static bool measure_calls(unsigned long calls)
{
	struct sentinel_options options = {.workers = THREADS, .seed = 1};
	struct bench bench = {.sentinel = sentinel_new(&options, t0), .calls = calls};
	struct arena arena;
	bool ok = true;

	arena_init(&arena, 4096);
	make_values(&bench, &arena);
	make_rules(&bench);
	measure(&bench, "ruled", THREADS, true, false); /* what a value needs is taken once */
	ok &= report("free", measure(&bench, "free", 1, true, false), LIMIT_NS);
	ok &= report("free, by name", measure(&bench, "free", 1, true, true), LIMIT_NS);
	double free_ns = measure(&bench, "free", 1, true, false);
	double ruled_ns = measure(&bench, "ruled", 1, true, false);
	ok &= report("ruled", ruled_ns, LIMIT_NS);
	printf("heap calls a call: %.3f\n", (double)bench.heap_calls / (double)calls);
	printf("locks a call: %.3f\n", (double)bench.lock_calls / (double)calls);
	ok &= !bench.heap_calls && !bench.lock_calls;
	ok &= report("blocked", measure(&bench, "blocked", 1, true, false), LIMIT_NS);
	printf("loss by 4 threads: %.1f %%\n", report_threads(&bench, "free", free_ns));
	printf("loss by 4 threads, ruled: %.1f %%\n", report_threads(&bench, "ruled", ruled_ns));
	rule_set_free(bench.rules);
	sentinel_free(bench.sentinel);
	arena_free(&arena);
	return ok;
}

static char *many_rules(struct arena *arena)
{
	size_t size = (size_t)RESOURCES * 160, used = 1;
	char *json = arena_alloc(arena, size);

	json[0] = '[';
	for (int i = 0; i < RESOURCES; i++)
		used += (size_t)snprintf(
			json + used, size - used,
			"%s{\"resource\":\"com.example.order.OrderService:find%d(long)\","
			"\"limitApp\":\"default\",\"grade\":1,\"count\":%d}",
			i ? "," : "", i, 100 + i);
	json[used++] = ']';
	json[used] = 0;
	return json;
}

static struct rule_set *make_version(struct bench *bench, const char *json,
				     const struct rule_set *previous)
{
	struct rule_set_options options = {.previous = previous};
	struct rule_list list = {0};
	struct arena arena;

	arena_init(&arena, 65536);
	load(bench, RULE_FLOW, &list, &arena, json);
	return rule_set_new(bench->sentinel, &arena, &list, &options, NULL, NULL);
}

/* A version of all rules; the one before is freed. Returns ms. */
static double reload(struct bench *bench, const char *json)
{
	struct rule_set *previous = bench->rules;
	double began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);

	bench->rules = make_version(bench, json, previous);
	rule_set_free(previous);
	return (cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began) / 1e6;
}

static size_t heap(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static bool measure_many(unsigned workers)
{
	struct sentinel_options options = {.workers = workers, .resources_max = RESOURCES};
	struct bench bench = {.calls = 1};
	struct arena text;
	char name[80];
	double ms;

	arena_init(&text, 4096);
	char *json = many_rules(&text);
	size_t before = heap();
	bench.sentinel = sentinel_new(&options, t0);
	reload(&bench, json);
	for (int i = 0; i < RESOURCES; i++) {
		struct thread thread = {.bench = &bench, .resource = name};
		snprintf(name, sizeof(name), "com.example.order.OrderService:find%d(long)", i);
		call(&thread);
		invariant(thread.passed == 1);
	}
	size_t bytes = (heap() - before) / RESOURCES;
	ms = reload(&bench, json);
	printf("bytes a resource, %u worker%s: %zu\n", workers, workers > 1 ? "s" : "", bytes);
	printf("reload of %d rules: %.1f ms\n", RESOURCES, ms);
	rule_set_free(bench.rules);
	sentinel_free(bench.sentinel);
	arena_free(&text);
	return bytes <= LIMIT_BYTES && ms <= LIMIT_MS;
}

/* A worker that goes through all resources again and again, and notes its slowest call. */
struct caller {
	struct bench *bench;
	_Atomic(struct rule_set *) current, used; /* used: by its last call */
	_Atomic bool ends;
	double longest_ns;
	unsigned long passed;
};

static void call_one(struct caller *caller, const struct entry_request *request, struct instant now)
{
	struct rule_set *rules = atomic_load(&caller->current);
	double began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	struct entry entry;

	if (sph_entry(caller->bench->sentinel, rules, 0, request, now, &entry) == ENTRY_PASS) {
		sph_exit(&entry, rules, now);
		caller->passed++;
	}
	double ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	if (ns > caller->longest_ns)
		caller->longest_ns = ns;
	atomic_store(&caller->used, rules);
}

static void *call_all(void *arg)
{
	struct caller *caller = arg;
	struct sentinel *sentinel = caller->bench->sentinel;
	struct entry_request request = {
		.context = sentinel_context(sentinel, SLICE("sentinel_default_context")),
		.count = 1,
		.inbound = true,
	};
	char name[80];

	for (unsigned long i = 0; !atomic_load(&caller->ends); i++) {
		int64_t ms = t0 + 1000 + (int64_t)(i / CALLS_A_MS);
		snprintf(name, sizeof(name), "com.example.order.OrderService:find%lu(long)",
			 i % RESOURCES);
		request.resource = sentinel_resource(sentinel, slice_of(name), RESOURCE_RPC, ms);
		call_one(caller, &request, (struct instant){ms, ms * 1000000});
	}
	return NULL;
}

/* Reloads while the caller calls; each version is freed when the caller has left it. */
static bool measure_pause(void)
{
	struct sentinel_options options = {.workers = 1, .resources_max = RESOURCES};
	struct bench bench = {.sentinel = sentinel_new(&options, t0)};
	struct caller caller = {.bench = &bench};
	struct arena text;
	pthread_t thread;

	arena_init(&text, 4096);
	char *json = many_rules(&text);
	reload(&bench, json);
	atomic_init(&caller.current, bench.rules);
	invariant(!pthread_create(&thread, NULL, call_all, &caller));
	for (int i = 0; i < RELOADS; i++) {
		struct rule_set *previous = bench.rules;
		bench.rules = make_version(&bench, json, previous);
		atomic_store(&caller.current, bench.rules);
		while (atomic_load(&caller.used) != bench.rules)
			nanosleep(&(struct timespec){0, 100000}, NULL);
		rule_set_free(previous);
	}
	atomic_store(&caller.ends, true);
	pthread_join(thread, NULL);
	printf("longest call during reloads: %.1f us (of %lu, %d reloads)\n",
	       caller.longest_ns / 1e3, caller.passed, RELOADS);
	rule_set_free(bench.rules);
	sentinel_free(bench.sentinel);
	arena_free(&text);
	return caller.longest_ns / 1e3 <= LIMIT_PAUSE_US * BUSY_FACTOR;
}

int main(int argc, char **argv)
{
	bool check = argc > 1 && !strcmp(argv[1], "--check");
	const char *calls = argc > 1 + check ? argv[1 + check] : "5000000";
	bool ok = measure_calls(strtoul(calls, NULL, 10));

	ok &= measure_many(1);
	ok &= measure_many(4);
	ok &= measure_pause();
	return check && !ok ? 1 : 0;
}
