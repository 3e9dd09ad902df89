#include "filters/sentinel/core/core_transfer.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/core/core_running.h"
#include "filters/sentinel/core/node_transfer.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/rule_transfer.h"
#include "filters/sentinel/core/sentinel.h"

/* Fields. */
enum {
	NOW_WINDOW = 1,
	IS_OFF = 2,
	LOAD = 3,
	CPU = 4,
	OVERFLOWS = 5,
	CONTEXT = 6, /* its name; they have numbers from 0 in the order in which they stand */
	ENTRANCE = 7,
	RESOURCE = 8,
	RULES = 9,
};

/* Of a resource. Nodes without counts aren't there. */
enum {
	RESOURCE_NAME = 1,
	RESOURCE_TYPE = 2,
	RESOURCE_NODE = 3,
	RESOURCE_CONTEXT = 4, /* from the first that appeared to the last */
	RESOURCE_ORIGIN = 5,
};

/* Of a resource's context or origin. */
enum {
	PART_CONTEXT = 1, /* number */
	PART_ORIGIN = 2,  /* name */
	PART_NODE = 3,
	PART_IS_APART = 4, /* a context has a node of its own */
};

/* Of the rules of one resource. */
enum {
	RULES_NAME = 1,
	RULES_STATES = 2,
};

/* --- export --- */

struct export
{
	const struct sentinel *sentinel;
	struct section_writer *out;
	size_t values_end;
	uint32_t window;
	struct node_image image;
};

static void write_node(struct export *export, uint32_t field, const struct node *node)
{
	node_image_take(&export->image, node, export->window);
	if (node_image_is_empty(&export->image))
		return;
	size_t opened = field_open(export->out, field);
	node_image_write(&export->image, export->out);
	field_close(export->out, opened);
}

/* Entries of a table in the order of their numbers; some may be NULL. To be freed. */
static const struct name_entry **in_order(const struct name_table *table, uint32_t count,
					  uint32_t (*number)(const struct name_entry *entry))
{
	const struct name_entry **ordered = calloc((size_t)count + 1, sizeof *ordered);

	invariant(ordered);
	for (struct name_entry *e = NULL; (e = name_table_next(table, e));)
		if (number(e) < count)
			ordered[number(e)] = e;
	return ordered;
}

static uint32_t context_number(const struct name_entry *entry)
{
	return ((const struct context *)(const void *)entry)->id;
}

static uint32_t resource_number(const struct name_entry *entry)
{
	return ((const struct resource *)(const void *)entry)->id;
}

/* Every number has a name, so that contexts of resources are found by theirs. */
static void write_contexts(struct export *export)
{
	uint32_t count =
		atomic_load_explicit(&export->sentinel->next_context, memory_order_relaxed);
	const struct name_entry **contexts =
		in_order(&export->sentinel->contexts, count, context_number);

	for (uint32_t i = 0; i < count; i++)
		field_put_text(export->out, CONTEXT,
			       contexts[i] ? contexts[i]->name : (struct slice){0});
	free(contexts);
}

static void write_context(struct export *export, const struct default_node *node)
{
	const struct node *own = atomic_load_explicit(&node->node, memory_order_acquire);
	size_t opened = field_open(export->out, RESOURCE_CONTEXT);

	field_put_number(export->out, PART_CONTEXT, node->context->id);
	if (own) {
		field_put_number(export->out, PART_IS_APART, 1);
		write_node(export, PART_NODE, own);
	}
	field_close(export->out, opened);
}

/* The list has the last that appeared first. */
static void write_contexts_of(struct export *export, const struct resource *resource)
{
	const struct default_node *first =
		atomic_load_explicit(&resource->contexts, memory_order_acquire);
	size_t count = 0;

	for (const struct default_node *n = first; n; n = n->next)
		count++;
	const struct default_node **nodes = calloc(count + 1, sizeof *nodes);
	invariant(nodes);
	for (size_t i = count; first; first = first->next)
		nodes[--i] = first;
	for (size_t i = 0; i < count; i++)
		write_context(export, nodes[i]);
	free(nodes);
}

static void write_origins_of(struct export *export, const struct resource *resource)
{
	const struct name_table *origins =
		atomic_load_explicit(&resource->origins, memory_order_acquire);

	for (struct name_entry *e = NULL; origins && (e = name_table_next(origins, e));) {
		size_t opened = field_open(export->out, RESOURCE_ORIGIN);
		field_put_text(export->out, PART_ORIGIN, e->name);
		write_node(export, PART_NODE, ((struct origin_node *)(void *)e)->node);
		field_close(export->out, opened);
	}
}

static void write_resources(struct export *export)
{
	uint32_t count =
		atomic_load_explicit(&export->sentinel->next_resource, memory_order_relaxed);
	const struct name_entry **resources =
		in_order(&export->sentinel->resources, count, resource_number);

	for (uint32_t i = 0; i < count; i++) {
		const struct resource *resource =
			(const struct resource *)(const void *)resources[i];
		if (!resource)
			continue;
		size_t opened = field_open(export->out, RESOURCE);
		field_put_text(export->out, RESOURCE_NAME, resource->entry.name);
		field_put_number(export->out, RESOURCE_TYPE, resource->type);
		write_node(export, RESOURCE_NODE, resource->cluster);
		write_contexts_of(export, resource);
		write_origins_of(export, resource);
		field_close(export->out, opened);
	}
	free(resources);
}

static void write_rules(void *arg, struct slice name, const struct resource_rules *rules)
{
	const struct export *export = arg;
	struct section_writer *out = export->out;
	size_t before = out->len, opened = field_open(out, RULES);

	field_put_text(out, RULES_NAME, name);
	size_t states = field_open(out, RULES_STATES);
	rule_transfer_write(rules, export->values_end, out);
	if (out->len == states) {
		out->len = before; /* nothing to tell */
		return;
	}
	field_close(out, states);
	field_close(out, opened);
}

void sentinel_export(const struct sentinel *sentinel, const struct rule_set *rules,
		     struct instant now, size_t values_end, struct section_writer *out)
{
	struct export export = {.sentinel = sentinel,
				.out = out,
				.values_end = values_end,
				.window = leap_window(now.ms)};
	struct system_status status = sentinel_status(sentinel);

	field_put_number(out, NOW_WINDOW, export.window);
	field_put_number(out, IS_OFF, !sentinel_is_on(sentinel));
	field_put_double(out, LOAD, status.load);
	field_put_double(out, CPU, status.cpu);
	field_put_number(out, OVERFLOWS,
			 atomic_load_explicit(&sentinel->overflows, memory_order_relaxed));
	write_contexts(&export);
	write_node(&export, ENTRANCE, sentinel->entrance);
	write_resources(&export);
	if (rules)
		rule_set_each(rules, write_rules, &export);
}

/* --- import --- */

struct import {
	struct sentinel *sentinel;
	struct rule_set *rules;
	struct inheritance *inherited; /* NULL: the bytes are only looked over */
	struct instant now;
	uint32_t window;
	struct slice *contexts;
	uint32_t context_count, context_capacity;
	struct node_image image;
};

/* node NULL: it is only looked over. anew: it holds what is somebody else's. */
static const char *read_node(struct import *import, struct slice bytes, struct node *node,
			     bool anew)
{
	if (!node_image_read(&import->image, import->window, bytes))
		return "no windows";
	if (!node)
		return NULL;
	if (anew)
		node_image_give(&import->image, node);
	else
		node_image_add(&import->image, node);
	inheritance_add_threads(import->inherited, node, (int32_t)import->image.threads);
	return NULL;
}

static const char *read_context_name(struct import *import, struct slice name)
{
	if (import->context_count == import->context_capacity) {
		uint32_t capacity = import->context_capacity ? import->context_capacity * 2 : 64;
		import->contexts = realloc(import->contexts, capacity * sizeof(struct slice));
		invariant(import->contexts);
		import->context_capacity = capacity;
	}
	import->contexts[import->context_count++] = name;
	if (import->inherited && name.len)
		(void)sentinel_context(import->sentinel, name);
	return name.len > SENTINEL_NAME_MAX ? "a context's name is too long" : NULL;
}

struct part {
	uint64_t context;
	bool is_apart;
	struct slice origin, node;
};

static bool read_part(struct part *part, const struct field *given)
{
	struct section_reader in = field_reader(given);
	struct field field;

	*part = (struct part){.context = UINT64_MAX};
	while (field_next(&in, &field))
		switch (field.number) {
		case PART_CONTEXT:
			part->context = field.value;
			break;
		case PART_ORIGIN:
			part->origin = field.bytes;
			break;
		case PART_NODE:
			part->node = field.bytes;
			break;
		case PART_IS_APART:
			part->is_apart = field.value;
			break;
		default:
			break;
		}
	return !in.is_bad;
}

static const char *read_context(struct import *import, const struct field *given,
				struct resource *resource)
{
	const struct context *context = NULL;
	struct node *node = NULL;
	struct part part;

	if (!read_part(&part, given) || part.context >= import->context_count)
		return "no context of a resource";
	if (resource && import->contexts[part.context].len)
		context = sentinel_context(import->sentinel, import->contexts[part.context]);
	if (context) {
		struct default_node *own = resource_default_node(resource, context, import->window);
		if (part.is_apart)
			node = resource_part_default_node(resource, own);
	}
	if (node && !part.node.data) { /* it isn't what the resource has */
		import->image = (struct node_image){.window = import->window};
		node_image_give(&import->image, node);
	}
	return part.node.data ? read_node(import, part.node, node, true) : NULL;
}

static const char *read_origin(struct import *import, const struct field *given,
			       struct resource *resource)
{
	struct node *node = NULL;
	struct part part;

	if (!read_part(&part, given) || !part.origin.len)
		return "no origin of a resource";
	if (resource)
		node = resource_origin_node(resource, part.origin, import->window);
	return part.node.data ? read_node(import, part.node, node, false) : NULL;
}

/* Calls that run elsewhere end at each node that counts them: a copy that is made of the resource's
 * node later (resource.h) would keep them for ever. */
static void part_only_context(const struct import *import, const struct resource *resource)
{
	struct default_node *only = atomic_load_explicit(&resource->contexts, memory_order_acquire);
	int64_t threads = node_threads(resource->cluster);

	if (threads && only && !only->next &&
	    !atomic_load_explicit(&only->node, memory_order_acquire))
		inheritance_add_threads(import->inherited,
					resource_part_default_node(resource, only),
					(int32_t)threads);
}

/* A moment of the window in which the old process was left. */
static int64_t window_ms(const struct import *import)
{
	int32_t behind = (int32_t)(leap_window(import->now.ms) - import->window);

	return import->now.ms - behind * INT64_C(500);
}

static const char *read_resource(struct import *import, const struct field *given)
{
	struct section_reader in = field_reader(given), head = in;
	struct resource *resource = NULL;
	struct slice name = {0};
	uint64_t type = RESOURCE_COMMON;
	const char *fault = NULL;
	struct field field;

	while (field_next(&head, &field)) {
		if (field.number == RESOURCE_NAME)
			name = field.bytes;
		if (field.number == RESOURCE_TYPE)
			type = field.value;
	}
	if (head.is_bad || !name.len || name.len > SENTINEL_NAME_MAX || type > RESOURCE_DB_SQL)
		return "no resource";
	if (import->inherited)
		resource = sentinel_resource(import->sentinel, name, (enum resource_type)type,
					     window_ms(import));
	while (!fault && field_next(&in, &field)) {
		if (field.number == RESOURCE_NODE)
			fault = read_node(import, field.bytes, resource ? resource->cluster : NULL,
					  false);
		else if (field.number == RESOURCE_CONTEXT)
			fault = read_context(import, &field, resource);
		else if (field.number == RESOURCE_ORIGIN)
			fault = read_origin(import, &field, resource);
	}
	if (resource)
		part_only_context(import, resource);
	return fault;
}

static const char *read_rules(struct import *import, const struct field *given)
{
	struct section_reader in = field_reader(given);
	struct resource_rules previous = {0};
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
	arena_init(&arena, 4096);
	struct rule_transfer transfer = {
		.arena = &arena,
		.now = import->now,
		.workers = import->sentinel->options.workers,
		.cold_factor = import->sentinel->options.cold_factor,
	};
	section_reader_init(&in, states);
	const char *fault = rule_transfer_read(&transfer, &in, &previous);
	if (!fault && import->inherited && import->rules)
		rule_set_take_over(import->rules, name, &previous);
	resource_rules_unbind(&previous);
	arena_free(&arena);
	return fault;
}

/* What windows are numbered from can't be far from now. */
static bool is_window_now(uint64_t window, int64_t now_ms)
{
	enum { FAR = 2 * 3600 }; /* windows: a clock that was set */
	int32_t apart = (int32_t)((uint32_t)window - leap_window(now_ms));

	return window <= UINT32_MAX && apart > -FAR && apart < FAR;
}

/* Numbers of the process itself. */
struct facts {
	uint64_t window, is_off, overflows;
	struct system_status status;
};

static const char *read_field(struct import *import, const struct field *field, struct facts *facts)
{
	switch (field->number) {
	case NOW_WINDOW:
		facts->window = field->value;
		import->window = (uint32_t)field->value;
		return is_window_now(field->value, import->now.ms) ? NULL : "it is of another time";
	case IS_OFF:
		facts->is_off = field->value;
		return NULL;
	case LOAD:
		facts->status.load = field_double(field);
		return NULL;
	case CPU:
		facts->status.cpu = field_double(field);
		return NULL;
	case OVERFLOWS:
		facts->overflows = field->value;
		return NULL;
	case CONTEXT:
		return read_context_name(import, field->bytes);
	case ENTRANCE:
		return read_node(import, field->bytes,
				 import->inherited ? import->sentinel->entrance : NULL, false);
	case RESOURCE:
		return read_resource(import, field);
	case RULES:
		return read_rules(import, field);
	default:
		return NULL;
	}
}

static const char *read_all(struct import *import, struct slice bytes)
{
	struct facts facts = {.window = UINT64_MAX};
	struct section_reader in;
	const char *fault = NULL;
	struct field field;

	section_reader_init(&in, bytes);
	import->context_count = 0;
	import->window = leap_window(import->now.ms);
	while (!fault && field_next(&in, &field))
		fault = read_field(import, &field, &facts);
	if (fault || in.is_bad)
		return fault ? fault : "no fields";
	if (facts.window > UINT32_MAX)
		return "no window";
	if (!import->inherited)
		return NULL;
	sentinel_set_switch(import->sentinel, !facts.is_off);
	sentinel_set_status(import->sentinel, facts.status);
	atomic_store_explicit(&import->sentinel->overflows, facts.overflows, memory_order_relaxed);
	return NULL;
}

const char *sentinel_import(struct sentinel *sentinel, struct rule_set *rules, struct instant now,
			    struct slice bytes)
{
	struct import import = {.sentinel = sentinel, .rules = rules, .now = now};
	const char *fault = read_all(&import, bytes);

	if (!fault) {
		inheritance_free(sentinel->inherited);
		sentinel->inherited = import.inherited = inheritance_new();
		fault = read_all(&import, bytes);
		invariant(!fault);
		if (rules)
			inheritance_add_values(import.inherited, rules);
		inheritance_close(import.inherited);
	}
	free(import.contexts);
	return fault;
}
