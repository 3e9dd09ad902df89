#include "filters/sentinel/core/core_running.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/hash.h"
#include "base/section_fields.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/rule_transfer.h"
#include "filters/sentinel/core/sentinel.h"

/* Of calls that run, alone: of one node. Without a resource it is the entrance, with neither
 * context nor origin the resource's own. */
enum {
	RUNNING = 1,
	RUNNING_RULES = 2,

	RUNNING_RESOURCE = 1,
	RUNNING_CONTEXT = 2,
	RUNNING_ORIGIN = 3,
	RUNNING_COUNT = 4,
};

/* Of the hot-parameter rules of one resource. */
enum {
	RULES_NAME = 1,
	RULES_STATES = 2, /* rule_transfer.h */
};

/* Both begin with what they are found by. */
struct inherited_threads {
	struct node *node;
	int32_t threads;
	int32_t still; /* of them, while it is read what runs */
};

struct inherited_values { /* of a hot-parameter rule on threads */
	struct parameter_metric *metric;
	struct value_at *values;
	size_t count, capacity;
	bool is_told; /* while it is read what runs: something of it does */
};

struct inheritance {
	struct inherited_threads *nodes;  /* once closed, sorted by address */
	struct inherited_values *metrics; /* likewise */
	size_t node_count, node_capacity, metric_count, metric_capacity;
};

struct inheritance *inheritance_new(void)
{
	struct inheritance *inherited = calloc(1, sizeof *inherited);

	invariant(inherited);
	return inherited;
}

void inheritance_free(struct inheritance *inherited)
{
	if (!inherited)
		return;
	for (size_t i = 0; i < inherited->metric_count; i++) {
		parameter_metric_drop(inherited->metrics[i].metric);
		free(inherited->metrics[i].values);
	}
	free(inherited->metrics);
	free(inherited->nodes);
	free(inherited);
}

static void *more(void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity ? *capacity * 2 : 16;
	items = realloc(items, *capacity * size);
	invariant(items);
	return items;
}

void inheritance_add_threads(struct inheritance *inherited, struct node *node, int32_t threads)
{
	if (!threads)
		return;
	inherited->nodes = more(inherited->nodes, inherited->node_count, &inherited->node_capacity,
				sizeof *inherited->nodes);
	inherited->nodes[inherited->node_count++] = (struct inherited_threads){node, threads, 0};
}

static void inherit_value(void *arg, const struct value_at *value)
{
	struct inherited_values *values = arg;

	if (!value->word)
		return;
	values->values =
		more(values->values, values->count, &values->capacity, sizeof *values->values);
	values->values[values->count++] = *value;
}

static void inherit_values(void *arg, struct slice name, const struct resource_rules *rules)
{
	struct inheritance *inherited = arg;

	(void)name;
	for (uint32_t i = 0; i < rules->param_count; i++) {
		const struct param_binding *param = &rules->param[i];
		struct inherited_values values = {.metric = param->metric};
		if (param->rule->grade == FLOW_GRADE_THREAD)
			value_table_each(&param->metric->values, inherit_value, &values);
		if (!values.count)
			continue;
		parameter_metric_take(param->metric);
		inherited->metrics = more(inherited->metrics, inherited->metric_count,
					  &inherited->metric_capacity, sizeof *inherited->metrics);
		inherited->metrics[inherited->metric_count++] = values;
	}
}

void inheritance_add_values(struct inheritance *inherited, const struct rule_set *rules)
{
	rule_set_each(rules, inherit_values, inherited);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t left, right;

	memcpy(&left, a, sizeof left);
	memcpy(&right, b, sizeof right);
	return left < right ? -1 : left > right;
}

/* Of items that begin with a pointer, and are sorted by it. */
static void *find_in(void *items, size_t count, size_t size, const void *pointer)
{
	return count ? bsearch(&pointer, items, count, size, by_address) : NULL;
}

/* A rule that is bound twice has its values once. */
static void merge_metrics(struct inheritance *inherited)
{
	size_t kept = 0;

	for (size_t i = 0; i < inherited->metric_count; i++) {
		struct inherited_values *values = &inherited->metrics[i];
		if (kept && inherited->metrics[kept - 1].metric == values->metric) {
			parameter_metric_drop(values->metric);
			free(values->values);
		} else {
			inherited->metrics[kept++] = *values;
		}
	}
	inherited->metric_count = kept;
}

void inheritance_close(struct inheritance *inherited)
{
	size_t kept = 0;

	if (inherited->node_count)
		qsort(inherited->nodes, inherited->node_count, sizeof *inherited->nodes,
		      by_address);
	for (size_t i = 0; i < inherited->node_count; i++) {
		struct inherited_threads *last = kept ? &inherited->nodes[kept - 1] : NULL;
		const struct inherited_threads *next = &inherited->nodes[i];
		if (last && last->node == next->node)
			last->threads =
				(int32_t)((uint32_t)last->threads + (uint32_t)next->threads);
		else
			inherited->nodes[kept++] = *next;
	}
	inherited->node_count = kept;
	if (inherited->metric_count)
		qsort(inherited->metrics, inherited->metric_count, sizeof *inherited->metrics,
		      by_address);
	merge_metrics(inherited);
}

/* --- what runs still --- */

static void write_running(struct section_writer *out, const struct node *node,
			  struct slice resource, struct slice context, struct slice origin)
{
	int64_t threads = node_threads(node);

	if (threads <= 0)
		return;
	size_t opened = field_open(out, RUNNING);
	if (resource.len)
		field_put_text(out, RUNNING_RESOURCE, resource);
	if (context.len)
		field_put_text(out, RUNNING_CONTEXT, context);
	if (origin.len)
		field_put_text(out, RUNNING_ORIGIN, origin);
	field_put_number(out, RUNNING_COUNT, (uint64_t)threads);
	field_close(out, opened);
}

static void write_running_rules(void *arg, struct slice name, const struct resource_rules *rules)
{
	struct section_writer *out = arg;
	size_t before = out->len, opened = field_open(out, RUNNING_RULES);

	field_put_text(out, RULES_NAME, name);
	size_t states = field_open(out, RULES_STATES);
	rule_transfer_write_running(rules, out);
	if (out->len == states) {
		out->len = before; /* nothing runs */
		return;
	}
	field_close(out, states);
	field_close(out, opened);
}

void sentinel_export_running(const struct sentinel *sentinel, const struct rule_set *rules,
			     struct section_writer *out)
{
	const struct slice none = {0};

	write_running(out, sentinel->entrance, none, none, none);
	for (struct name_entry *e = NULL; (e = name_table_next(&sentinel->resources, e));) {
		const struct resource *resource = (const struct resource *)(const void *)e;
		const struct name_table *origins =
			atomic_load_explicit(&resource->origins, memory_order_acquire);
		const struct default_node *by_context =
			atomic_load_explicit(&resource->contexts, memory_order_acquire);
		write_running(out, resource->cluster, e->name, none, none);
		/* even if it is the only one: the successor may have parted it */
		for (; by_context; by_context = by_context->next)
			write_running(out, default_node_of(resource, by_context), e->name,
				      by_context->context->entry.name, none);
		for (struct name_entry *o = NULL; origins && (o = name_table_next(origins, o));)
			write_running(out, ((struct origin_node *)(void *)o)->node, e->name, none,
				      o->name);
	}
	if (rules)
		rule_set_each(rules, write_running_rules, out);
}

struct running {
	struct slice resource, context, origin;
	uint64_t count;
};

static bool read_running(struct running *running, const struct field *given)
{
	struct section_reader in = field_reader(given);
	struct field field;

	*running = (struct running){.count = 0};
	while (field_next(&in, &field))
		switch (field.number) {
		case RUNNING_RESOURCE:
			running->resource = field.bytes;
			break;
		case RUNNING_CONTEXT:
			running->context = field.bytes;
			break;
		case RUNNING_ORIGIN:
			running->origin = field.bytes;
			break;
		case RUNNING_COUNT:
			running->count = field.value;
			break;
		default:
			break;
		}
	return !in.is_bad;
}

static struct node *context_node(const struct resource *resource, struct slice context)
{
	struct default_node *node = atomic_load_explicit(&resource->contexts, memory_order_acquire);

	while (node && !slice_equal(node->context->entry.name, context))
		node = node->next;
	return node ? atomic_load_explicit(&node->node, memory_order_acquire) : NULL;
}

/* The node that is meant, or NULL. */
static struct node *running_node(const struct sentinel *sentinel, const struct running *running)
{
	const struct resource *resource =
		running->resource.len ? sentinel_find_resource(sentinel, running->resource) : NULL;

	if (!running->resource.len)
		return sentinel->entrance;
	if (!resource)
		return NULL;
	if (running->context.len)
		return context_node(resource, running->context);
	if (!running->origin.len)
		return resource->cluster;
	const struct name_table *origins =
		atomic_load_explicit(&resource->origins, memory_order_acquire);
	struct name_entry *entry =
		origins ? name_table_find(origins, running->origin, hash_bytes(running->origin))
			: NULL;
	return entry ? ((struct origin_node *)(void *)entry)->node : NULL;
}

static void note_still(struct inheritance *inherited, const struct node *node, uint64_t count)
{
	struct inherited_threads *known =
		node ? find_in(inherited->nodes, inherited->node_count, sizeof *known, node) : NULL;

	if (known && known->threads > 0)
		known->still = count < (uint64_t)known->threads ? (int32_t)count : known->threads;
}

/* So many of the value's calls are over. */
static void end_value(struct parameter_metric *metric, uint64_t fingerprint, uint64_t ended)
{
	_Atomic uint64_t *word = value_table_find(&metric->values, fingerprint);
	uint64_t seen = word ? atomic_load_explicit(word, memory_order_relaxed) : 0, next;

	if (!word || !ended)
		return;
	do
		next = seen > ended ? seen - ended : 0;
	while (!atomic_compare_exchange_weak_explicit(word, &seen, next, memory_order_relaxed,
						      memory_order_relaxed));
}

/* told: what runs still; NULL: nothing does. */
static void end_values(struct inherited_values *values, const struct value_table *told)
{
	for (size_t i = 0; i < values->count; i++) {
		struct value_at *value = &values->values[i];
		const _Atomic uint64_t *word =
			told ? value_table_find(told, value->fingerprint) : NULL;
		uint64_t still = word ? atomic_load_explicit(word, memory_order_relaxed) : 0;
		if (still >= value->word)
			continue;
		end_value(values->metric, value->fingerprint, value->word - still);
		value->word = still;
	}
	values->is_told = true;
}

/* What this process has of a rule that the other one tells of; NULL: nothing. */
static struct inherited_values *values_of(struct inheritance *inherited,
					  const struct resource_rules *rules,
					  const struct param_binding *told)
{
	for (uint32_t i = 0; i < rules->param_count; i++) {
		const struct param_binding *own = &rules->param[i];
		if (own->metric->seed == told->metric->seed &&
		    param_flow_rule_is_equal(own->rule, told->rule))
			return find_in(inherited->metrics, inherited->metric_count,
				       sizeof *inherited->metrics, own->metric);
	}
	return NULL;
}

/* inherited NULL: the bytes are only looked over. */
static const char *read_running_rules(const struct sentinel *sentinel, struct rule_set *rules,
				      const struct field *given, struct inheritance *inherited)
{
	struct section_reader in = field_reader(given);
	struct resource_rules told = {0};
	struct slice name = {0}, states = {0};
	struct arena arena;
	struct field field;

	while (field_next(&in, &field)) {
		if (field.number == RULES_NAME)
			name = field.bytes;
		if (field.number == RULES_STATES)
			states = field.bytes;
	}
	if (in.is_bad || !name.len)
		return "no rules of a resource";
	const struct resource *resource =
		inherited && rules ? sentinel_find_resource(sentinel, name) : NULL;
	if (inherited && !resource)
		return NULL;
	arena_init(&arena, 4096);
	struct rule_transfer transfer = {
		.arena = &arena,
		.workers = sentinel->options.workers,
		.cold_factor = sentinel->options.cold_factor,
	};
	section_reader_init(&in, states);
	const char *fault = rule_transfer_read(&transfer, &in, &told);
	for (uint32_t i = 0; !fault && resource && i < told.param_count; i++) {
		struct inherited_values *values =
			values_of(inherited, rule_set_of(rules, resource), &told.param[i]);
		if (values)
			end_values(values, &told.param[i].metric->values);
	}
	resource_rules_unbind(&told);
	arena_free(&arena);
	return fault;
}

static const char *look_over(const struct sentinel *sentinel, struct section_reader in)
{
	struct running running;
	struct field field;

	while (field_next(&in, &field)) {
		const char *fault = NULL;
		if (field.number == RUNNING && !read_running(&running, &field))
			fault = "no calls that run";
		if (field.number == RUNNING_RULES)
			fault = read_running_rules(sentinel, NULL, &field, NULL);
		if (fault)
			return fault;
	}
	return in.is_bad ? "no fields" : NULL;
}

const char *sentinel_import_running(struct sentinel *sentinel, struct rule_set *rules,
				    struct slice bytes)
{
	struct inheritance *inherited = sentinel->inherited;
	struct section_reader in;
	struct running running;
	struct field field;

	section_reader_init(&in, bytes);
	const char *fault = look_over(sentinel, in);
	if (fault || !inherited)
		return fault;
	for (size_t i = 0; i < inherited->node_count; i++)
		inherited->nodes[i].still = 0;
	for (size_t i = 0; i < inherited->metric_count; i++)
		inherited->metrics[i].is_told = false;
	while (field_next(&in, &field)) {
		if (field.number == RUNNING && read_running(&running, &field))
			note_still(inherited, running_node(sentinel, &running), running.count);
		if (field.number == RUNNING_RULES)
			fault = read_running_rules(sentinel, rules, &field, inherited);
	}
	for (size_t i = 0; i < inherited->node_count; i++) {
		struct inherited_threads *known = &inherited->nodes[i];
		node_add_threads(known->node, 0, known->still - known->threads);
		known->threads = known->still;
	}
	for (size_t i = 0; i < inherited->metric_count; i++)
		if (!inherited->metrics[i].is_told)
			end_values(&inherited->metrics[i], NULL);
	return fault;
}

/* --- the end of it --- */

static void end_probes(void *arg, struct slice name, const struct resource_rules *rules)
{
	(void)arg, (void)name;
	for (uint32_t i = 0; i < rules->degrade_count + rules->idle_count; i++) {
		struct circuit_breaker *breaker = rules->degrade[i].breaker;
		uint32_t half = BREAKER_HALF_OPEN;
		if (atomic_load_explicit(&breaker->probe, memory_order_relaxed) ==
		    &rule_transfer_probe)
			atomic_compare_exchange_strong_explicit(&breaker->state, &half,
								BREAKER_OPEN, memory_order_acq_rel,
								memory_order_relaxed);
	}
}

void sentinel_import_probes(const struct rule_set *rules)
{
	rule_set_each(rules, end_probes, NULL);
}

void sentinel_import_end(struct sentinel *sentinel, const struct rule_set *rules)
{
	struct inheritance *inherited = sentinel->inherited;

	if (!inherited)
		return;
	for (size_t i = 0; i < inherited->node_count; i++)
		node_add_threads(inherited->nodes[i].node, 0, -inherited->nodes[i].threads);
	for (size_t i = 0; i < inherited->metric_count; i++)
		end_values(&inherited->metrics[i], NULL);
	if (rules)
		sentinel_import_probes(rules);
	sentinel->inherited = NULL;
	inheritance_free(inherited);
}
