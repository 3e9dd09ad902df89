/* What the process does for its drain manager: its orders go to all workers. */
#include <stdlib.h>

#include "server/server.h"
#include "telemetry/stats_network.h"

static struct server *server_of(struct drain_manager *manager)
{
	return container_of(manager, struct server, drains);
}

static void to_workers(struct server *server, void (*fn)(struct worker *, void *), void *argument)
{
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_post(server->workers[i], fn, argument);
}

/* --- asked --- */

/* On the heap: one for each worker. */
struct ask {
	enum drain_scope scope;
	bool is_gradual;
	uint64_t time_ms;
};

static void worker_do_ask(struct worker *worker, void *argument)
{
	struct ask *ask = argument;

	worker_drain_ask(worker, ask->scope, ask->time_ms, ask->is_gradual);
	free(ask);
}

static void order_ask(struct drain_manager *manager, enum drain_scope scope, uint64_t time_ms,
		      bool is_gradual)
{
	struct server *server = server_of(manager);

	for (unsigned i = 0; i < server->worker_count; i++) {
		struct ask *ask = malloc(sizeof *ask);
		invariant(ask);
		*ask = (struct ask){scope, is_gradual, time_ms};
		worker_post(server->workers[i], worker_do_ask, ask);
	}
}

/* --- stopped --- */

static void worker_stop_inbound(struct worker *worker, void *argument)
{
	(void)argument;
	worker_drain_stop(worker, DRAIN_INBOUND);
}

static void worker_stop_all(struct worker *worker, void *argument)
{
	(void)argument;
	worker_drain_stop(worker, DRAIN_ALL);
}

static bool is_in(const struct listener *listener, enum drain_scope scope)
{
	return scope == DRAIN_ALL || listener->traffic_direction == LISTENER_INBOUND;
}

static uint64_t count_listeners(const struct server *server, enum drain_scope scope)
{
	const struct list_node *all = &server->listeners.records;
	uint64_t count = 0;

	for (const struct list_node *n = all->next; n != all; n = n->next)
		count += is_in(container_of(n, struct listener_record, link)->listener, scope);
	return count;
}

static void order_stop(struct drain_manager *manager, enum drain_scope scope)
{
	struct server *server = server_of(manager);
	uint64_t count = count_listeners(server, scope);

	if (scope == DRAIN_ALL && manager->sequences[DRAIN_INBOUND].is_stopped)
		count -= count_listeners(server, DRAIN_INBOUND);
	stat_add(stats_main_shard(server->stats), server->listeners.scope,
		 LISTENER_MANAGER_STAT_LISTENER_STOPPED, count);
	to_workers(server, scope == DRAIN_INBOUND ? worker_stop_inbound : worker_stop_all, NULL);
}

/* --- left --- */

static void worker_do_leave(struct worker *worker, void *keeps_sockets)
{
	worker_giving_end(worker, NULL);
	worker_drain_leave(worker, keeps_sockets);
}

static void order_leave(struct drain_manager *manager, bool keeps_sockets)
{
	struct server *server = server_of(manager);
	to_workers(server, worker_do_leave, keeps_sockets ? server : NULL);
}

static void worker_do_look(struct worker *worker, void *argument)
{
	(void)argument;
	worker_drain_look(worker);
}

static void order_look(struct drain_manager *manager)
{
	to_workers(server_of(manager), worker_do_look, NULL);
}

static void order_end(struct drain_manager *manager)
{
	struct server *server = server_of(manager);

	if (!upgrade_on_drained(&server->upgrade))
		server_stop(server);
}

static const struct drain_orders orders = {
	.ask = order_ask,
	.stop = order_stop,
	.leave = order_leave,
	.look = order_look,
	.end = order_end,
};

/* --- what asks for it --- */

void server_drain(struct server *server)
{
	/* Clients of others are asked to leave; the application goes on as long as it can. */
	bool is_sidecar = count_listeners(server, DRAIN_INBOUND);

	upgrade_on_drain(&server->upgrade);
	if (server->upgrade.was_replaced) {
		drain_manager_end(&server->drains, DRAIN_FOR_SUCCESSOR, DRAIN_ALL);
		return;
	}
	drain_manager_end(&server->drains, DRAIN_FOR_END, is_sidecar ? DRAIN_INBOUND : DRAIN_ALL);
	server->state = SERVER_DRAINING;
	server_show_state(server);
}

static void worker_do_fail(struct worker *worker, void *is_failing)
{
	worker_drain_fail(worker, is_failing);
}

void server_set_failing(struct server *server, bool is_failing)
{
	server->is_health_check_failing = is_failing;
	server_show_state(server);
	to_workers(server, worker_do_fail, is_failing ? server : NULL);
}

void server_stop(struct server *server)
{
	loop_stop(&server->loop);
}

void server_drain_init(struct server *server)
{
	const struct options *options = server->options;
	struct drain_times times = {
		.drain_ms = (uint64_t)options->drain_time_s * 1000,
		.min_drain_ms = (uint64_t)options->min_drain_time_s * 1000,
		.parent_shutdown_ms = (uint64_t)options->parent_shutdown_time_s * 1000,
		.is_gradual = options->is_drain_gradual,
	};

	drain_manager_init(&server->drains, &orders, &times, &server->loop.wheel, server->stats);
}
