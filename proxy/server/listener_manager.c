#include "server/listener_manager.h"

#include <stdlib.h>

#include <envoy/config/listener/v3/listener.pb-c.h>

#include "server/listen_sockets.h"
#include "telemetry/stats.h"
#include "telemetry/stats_network.h"

void listener_manager_init(struct listener_manager *manager, struct publisher *publisher,
			   struct stats *stats)
{
	manager->publisher = publisher;
	manager->stats = stats;
	manager->scope = stat_scope_take(stats, &listener_manager_stats, SLICE("listener_manager"));
	list_init(&manager->records);
	list_init(&manager->sockets);
	map_init(&manager->by_name, NULL);
}

static void record_free(struct listener_record *record)
{
	list_remove(&record->link);
	origin_fini(&record->origin);
	free(record);
}

void listener_manager_fini(struct listener_manager *manager)
{
	while (!list_is_empty(&manager->records)) {
		struct listener_record *record =
			container_of(manager->records.next, struct listener_record, link);
		if (record->listener->sockets)
			listen_sockets_drop(record->listener->sockets);
		record_free(record);
	}
	map_free(&manager->by_name);
	stat_scope_drop(manager->stats, manager->scope);
}

static void count(struct listener_manager *manager, unsigned id)
{
	stat_inc(stats_main_shard(manager->stats), manager->scope, id);
}

static void show_active(struct listener_manager *manager)
{
	uint64_t active = 0;

	for (struct list_node *n = manager->records.next; n != &manager->records; n = n->next)
		active++;
	stat_gauge_set(stats_main_shard(manager->stats), manager->scope,
		       LISTENER_MANAGER_STAT_TOTAL_LISTENERS_ACTIVE, active);
}

/* One reference of main's and one for each worker that will get this version. */
static enum status take_sockets(struct listener_manager *manager, struct listener *listener,
				struct diag *diag)
{
	unsigned workers = manager->publisher->worker_count;

	if (!listener->is_bound)
		return STATUS_OK;
	const struct listen_source source = {&manager->sockets, manager->passed,
					     manager->publisher};
	listener->sockets = listen_sockets_take(&source, listener->addrs, listener->addr_count,
						&listener->options, diag);
	if (!listener->sockets)
		return STATUS_INVALID;
	listener->sockets->references += workers;
	return STATUS_OK;
}

static void replace(struct listener_manager *manager, struct listener_record *record,
		    struct listener *listener)
{
	struct listener *old = record->listener;

	if (old) {
		map_remove(&manager->by_name, record->name);
		if (old->sockets)
			listen_sockets_drop(old->sockets);
	}
	record->listener = listener;
	record->name = listener->published.name;
	map_set(&manager->by_name, record->name, record);
	publisher_add(manager->publisher, &listener->published);
}

static bool has_address(const struct listener *listener, const struct addr *addr)
{
	for (unsigned i = 0; i < listener->addr_count; i++)
		if (addr_equal(&listener->addrs[i], addr) &&
		    (addr->port || addr->family == ADDR_UNIX))
			return true;
	return false;
}

/* Two listeners with one socket: who would get the connections? */
static enum status check_addresses(const struct listener_manager *manager,
				   const struct listener_record *own,
				   const struct listener *listener, struct diag *diag)
{
	char text[ADDR_TEXT_MAX];

	for (const struct list_node *n = manager->records.next; n != &manager->records;
	     n = n->next) {
		const struct listener_record *record =
			container_of(n, struct listener_record, link);
		if (record == own || !record->listener->is_bound || !listener->is_bound)
			continue;
		for (unsigned i = 0; i < listener->addr_count; i++) {
			if (!has_address(record->listener, &listener->addrs[i]))
				continue;
			addr_format(&listener->addrs[i], text);
			return diag_at(diag, "address",
				       "'%s' is the address of the listener '%.*s'", text,
				       SLICE_FMT(record->name));
		}
	}
	return STATUS_OK;
}

enum status listener_manager_put(struct listener_manager *manager,
				 const Envoy__Config__Listener__V3__Listener *message,
				 const struct config_context *context, uint64_t hash,
				 bool is_static, bool opens, struct diag *diag)
{
	struct listener_record *record = map_get(&manager->by_name, slice_of(message->name));
	struct listener *listener;

	if (record && record->is_static && !is_static)
		return STATUS_EXISTS;
	if (record && is_static && message->name[0])
		return diag_at(diag, "name", "there is another listener '%s'", message->name);
	if (record && record->hash == hash)
		return STATUS_OK;
	enum status status = listener_build(message, context, &listener, diag);
	if (!status) {
		status = check_addresses(manager, record, listener, diag);
		if (status)
			listener_free(&listener->published);
	}
	if (!status && opens) {
		status = take_sockets(manager, listener, diag);
		count(manager, status ? LISTENER_MANAGER_STAT_LISTENER_CREATE_FAILURE
				      : LISTENER_MANAGER_STAT_LISTENER_CREATE_SUCCESS);
		if (status)
			listener_free(&listener->published);
	}
	if (status)
		return status;
	count(manager, record ? LISTENER_MANAGER_STAT_LISTENER_MODIFIED
			      : LISTENER_MANAGER_STAT_LISTENER_ADDED);
	if (!record) {
		record = calloc(1, sizeof *record);
		invariant(record);
		list_push_back(&manager->records, &record->link);
	}
	record->slot = listener->published.slot;
	if (record->listener && record->listener->frame_hash == listener->frame_hash)
		count(manager, LISTENER_MANAGER_STAT_LISTENER_IN_PLACE_UPDATED);
	listener->number = ++manager->version_count;
	record->hash = hash;
	record->is_static = is_static;
	replace(manager, record, listener);
	show_active(manager);
	return STATUS_OK;
}

void listener_manager_complete(struct listener_manager *manager)
{
	manager->passed = NULL;
	for (struct list_node *n = manager->sockets.next; n != &manager->sockets; n = n->next)
		listen_sockets_complete(container_of(n, struct listen_sockets, link));
}

void listener_manager_remove(struct listener_manager *manager, struct slice name)
{
	struct listener_record *record = map_get(&manager->by_name, name);

	if (!record || record->is_static)
		return;
	map_remove(&manager->by_name, record->name);
	if (record->listener->sockets)
		listen_sockets_drop(record->listener->sockets);
	publisher_remove(manager->publisher, PUBLISHED_LISTENER, record->slot);
	record_free(record);
	count(manager, LISTENER_MANAGER_STAT_LISTENER_REMOVED);
	show_active(manager);
}
