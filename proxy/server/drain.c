/* How clients are asked to leave and listeners stop: SIGTERM, /drain_listeners, a failing health
 * check. */
#include "base/log.h"
#include "net/served.h"
#include "server/server.h"
#include "server/worker_listener.h"
#include "telemetry/stats_network.h"

static void start_drain_time(struct worker *worker, const struct options *options)
{
	worker->context.drain_start_ms = loop_now_ms(&worker->loop);
	worker->context.drain_time_ms = (uint64_t)options->drain_time_s * 1000;
}

static void worker_do_drain(struct worker *worker, void *arg)
{
	start_drain_time(worker, arg);
	worker_drain(worker);
}

/* Clients whose protocol has a word for it are told at once; others with their next answer. */
static void review_served(struct worker *worker)
{
	const struct list_node *all = &worker->context.served;

	for (struct list_node *n = all->next, *next; n != all; n = next) {
		struct served *served = container_of(n, struct served, link);
		next = n->next;
		if (served->type->review)
			served->type->review(served);
	}
}

static void worker_ask_to_leave(struct worker *worker, const struct options *options,
				bool inbound_only)
{
	if (worker->is_ending)
		return;
	start_drain_time(worker, options);
	worker->context.is_draining = true;
	worker->context.is_drain_inbound = inbound_only;
	review_served(worker);
}

static void worker_ask_inbound(struct worker *worker, void *arg)
{
	worker_ask_to_leave(worker, arg, true);
}

static void worker_ask_all(struct worker *worker, void *arg)
{
	worker_ask_to_leave(worker, arg, false);
}

static void worker_stop_inbound(struct worker *worker, void *arg)
{
	(void)arg;
	worker_listeners_stop(worker, true);
	worker->context.is_inbound_stopped = true;
	review_served(worker);
}

static void worker_stop_all(struct worker *worker, void *arg)
{
	(void)arg;
	worker_listeners_stop(worker, false);
	worker->context.is_stopped = true;
	review_served(worker);
}

static void to_workers(struct server *server, void (*fn)(struct worker *, void *))
{
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_post(server->workers[i], fn, (void *)(uintptr_t)server->options);
}

static void stop_listeners(struct server *server, bool inbound_only)
{
	const struct list_node *all = &server->listeners.records;

	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct listener *listener =
			container_of(n, struct listener_record, link)->listener;
		if (!inbound_only || listener->traffic_direction == LISTENER_INBOUND)
			stat_inc(stats_main_shard(server->stats), server->listeners.scope,
				 LISTENER_MANAGER_STAT_LISTENER_STOPPED);
	}
	to_workers(server, inbound_only ? worker_stop_inbound : worker_stop_all);
}

static void on_listeners_drained(struct timer *timer)
{
	struct server *server = container_of(timer, struct server, listeners_timer);
	stop_listeners(server, server->drains_inbound_only);
}

void server_drain_listeners(struct server *server, bool inbound_only, bool graceful)
{
	if (!graceful) {
		stop_listeners(server, inbound_only);
		return;
	}
	server->drains_inbound_only = inbound_only;
	to_workers(server, inbound_only ? worker_ask_inbound : worker_ask_all);
	timer_start(&server->loop.wheel, &server->listeners_timer,
		    (uint64_t)server->options->drain_time_s * 1000);
}

static void worker_fail(struct worker *worker, void *arg)
{
	worker->context.is_failing = arg;
	review_served(worker);
}

void server_set_failing(struct server *server, bool is_failing)
{
	server->is_health_check_failing = is_failing;
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_post(server->workers[i], worker_fail, is_failing ? server : NULL);
}

void server_drain(struct server *server)
{
	if (server->state == SERVER_DRAINING) {
		server_stop(server);
		return;
	}
	log_info(MAIN, "draining");
	server->state = SERVER_DRAINING;
	to_workers(server, worker_do_drain);
	timer_start(&server->loop.wheel, &server->drain_timer,
		    (uint64_t)server->options->drain_time_s * 1000);
}

static void on_drain_deadline(struct timer *timer)
{
	server_stop(container_of(timer, struct server, drain_timer));
}

void server_stop(struct server *server)
{
	loop_stop(&server->loop);
}

void server_drain_init(struct server *server)
{
	timer_init(&server->drain_timer, on_drain_deadline);
	timer_init(&server->listeners_timer, on_listeners_drained);
}
