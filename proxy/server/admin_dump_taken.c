#include "server/admin_dump_taken.h"

#include <stdlib.h>

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>

#include "server/dynamic_named.h"
#include "server/server.h"
#include "upstream/host_set.h"

static size_t count_nodes(const struct list_node *all)
{
	size_t count = 0;

	for (const struct list_node *n = all->next; n != all; n = n->next)
		count++;
	return count;
}

static void items_init(struct dump_items *items, const struct list_node *all, struct arena *arena)
{
	items->items = ARENA_NEW_ARRAY(arena, struct dump_item, count_nodes(all));
}

static struct dump_item *add(struct dump_items *items, struct slice name,
			     const struct origin *origin, struct arena *arena)
{
	struct dump_item *item = &items->items[items->count++];

	item->name = arena_slice(arena, name);
	item->origin = *origin;
	if (origin->file)
		resource_file_take(origin->file);
	if (origin->version_info)
		item->origin.version_info = arena_string(arena, slice_of(origin->version_info));
	return item;
}

static void take_clusters(struct dump_taken *taken, const struct list_node *all)
{
	items_init(&taken->clusters, all, &taken->arena);
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct cluster_record *record = container_of(n, struct cluster_record, link);
		struct dump_item *item =
			add(&taken->clusters, record->name, &record->origin, &taken->arena);
		item->is_static = record->is_static;
		item->is_warming = record->is_warming;
		item->cluster = record->cluster;
		item->cluster->published.references++;
		item->hosts = record->hosts;
		if (item->hosts)
			item->hosts->published.references++;
	}
}

static void take_listeners(struct dump_taken *taken, const struct list_node *all)
{
	items_init(&taken->listeners, all, &taken->arena);
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct listener_record *record =
			container_of(n, struct listener_record, link);
		add(&taken->listeners, record->name, &record->origin, &taken->arena)->is_static =
			record->is_static;
	}
}

static void take_refusals(struct dump_taken *taken, const struct list_node *all)
{
	items_init(&taken->refusals, all, &taken->arena);
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct dynamic_refusal *refusal =
			container_of(n, struct dynamic_refusal, link);
		add(&taken->refusals, slice_of(refusal->name), &refusal->origin, &taken->arena)
			->details = arena_string(&taken->arena, slice_of(refusal->details));
	}
}

static void take_named(struct dump_items *items, const struct dynamic_named_kind *kind,
		       const struct list_node *all, struct arena *arena)
{
	items_init(items, all, arena);
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct dynamic_named *named = container_of(n, struct dynamic_named, link);
		const struct subscription *subscription = named->subscription;
		if (named->kind != kind || (!named->is_in_force && !subscription->refusal))
			continue;
		struct dump_item *item = add(items, subscription->name, &named->origin, arena);
		if (subscription->refusal)
			item->details = arena_string(arena, slice_of(subscription->refusal));
		item->refused_wall_ns = subscription->refused_wall_ns;
	}
}

static const char *version_of(const struct subscription *subscription, struct arena *arena)
{
	return subscription ? arena_string(arena, slice_of(subscription->version_info)) : "";
}

struct dump_taken *dump_take(const struct server *server)
{
	const struct dynamic *dynamic = &server->dynamic;
	struct arena arena;

	arena_init(&arena, 16384);
	struct dump_taken *taken = ARENA_NEW(&arena, struct dump_taken);
	taken->arena = arena;
	taken->bootstrap = &server->bootstrap.message->base;
	taken->start_wall_ns = server->start_wall_ns;
	taken->clusters_version = version_of(dynamic->clusters, &taken->arena);
	taken->listeners_version = version_of(dynamic->listeners, &taken->arena);
	take_clusters(taken, &server->clusters.records);
	take_listeners(taken, &server->listeners.records);
	take_refusals(taken, &dynamic->refusals);
	take_named(&taken->routes, &dynamic_routes_kind, &dynamic->named, &taken->arena);
	take_named(&taken->rules, &dynamic_rules_kind, &dynamic->named, &taken->arena);
	take_named(&taken->extensions, &dynamic_extensions_kind, &dynamic->named, &taken->arena);
	return taken;
}

static void give_back(struct dump_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		struct dump_item *item = &items->items[i];
		resource_file_drop(item->origin.file);
		if (item->hosts)
			published_drop(&item->hosts->published);
		if (item->cluster)
			published_drop(&item->cluster->published);
	}
}

void dump_give_back(struct dump_taken *taken)
{
	struct arena arena = taken->arena; /* it stands in it itself */

	give_back(&taken->clusters);
	give_back(&taken->listeners);
	give_back(&taken->refusals);
	give_back(&taken->routes);
	give_back(&taken->rules);
	give_back(&taken->extensions);
	arena_free(&arena);
}

static int by_name(const void *left, const void *right)
{
	const struct dump_item *a = left, *b = right;
	return slice_compare(a->name, b->name);
}

void dump_sort(struct dump_items *items)
{
	if (items->count)
		qsort(items->items, items->count, sizeof *items->items, by_name);
}

const struct dump_item *dump_find(const struct dump_items *items, struct slice name)
{
	for (size_t i = 0; i < items->count; i++)
		if (slice_equal(items->items[i].name, name))
			return &items->items[i];
	return NULL;
}
