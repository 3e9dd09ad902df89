#include "server/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/server.h"
#include "server/worker_listener.h"
#include "base/date.h"
#include "manager/rpc_away.h"
#include "manager/rpc_manager.h"
#include "net/served.h"
#include "stream/stream.h"
#include "telemetry/access_log.h"
#include "upstream/upstream_worker.h"

enum { LOG_FLUSH_CHECK_MS = 1000 };

/* --- messages --- */

struct main_message {
	struct message message;
	enum main_event event;
	void *subject;
};

static void on_main(struct message *message, void *receiver)
{
	struct main_message *m = container_of(message, struct main_message, message);
	server_on_worker_event(receiver, m->event, m->subject);
	free(m);
}

void worker_tell_main(struct worker *worker, enum main_event event, void *subject)
{
	struct main_message *m = malloc(sizeof *m);
	invariant(m);
	*m = (struct main_message){.message.run = on_main, .event = event, .subject = subject};
	mailbox_post(worker->main_mailbox, &m->message);
}

struct call_message {
	struct message message;
	void (*fn)(struct worker *worker, void *arg);
	void *arg;
};

static void on_call(struct message *message, void *receiver)
{
	struct call_message *m = container_of(message, struct call_message, message);
	m->fn(receiver, m->arg);
	free(m);
}

void worker_post(struct worker *worker, void (*fn)(struct worker *worker, void *arg), void *arg)
{
	struct call_message *m = malloc(sizeof *m);
	invariant(m);
	*m = (struct call_message){.message.run = on_call, .fn = fn, .arg = arg};
	mailbox_post(&worker->mailbox, &m->message);
}

/* --- life --- */

static void give_back(struct pin_table *table, struct published *object)
{
	struct worker *worker = container_of(table, struct worker, context.pins);
	worker_tell_main(worker, MAIN_REFERENCE_BACK, object);
}

static void on_woken(struct loop *loop)
{
	struct worker *worker = container_of(loop, struct worker, loop);
	mailbox_drain(&worker->mailbox);
}

static void on_turn_end(struct loop *loop)
{
	struct worker *worker = container_of(loop, struct worker, loop);

	if (UNLIKELY(worker->giving.is_on))
		worker_giving_turn(worker);
	if (UNLIKELY(worker->context.is_leaving))
		worker_drain_turn(worker);
}

static void on_last_of_turn(struct loop *loop)
{
	struct worker *worker = container_of(loop, struct worker, loop);
	void (*fn)(struct worker * worker, void *arg) = worker->turn_end;

	loop->turn_end = on_turn_end;
	worker->turn_end = NULL;
	on_turn_end(loop);
	fn(worker, worker->turn_end_arg);
}

void worker_at_turn_end(struct worker *worker, void (*fn)(struct worker *worker, void *arg),
			void *arg)
{
	invariant(!worker->turn_end);
	worker->turn_end = fn;
	worker->turn_end_arg = arg;
	worker->loop.turn_end = on_last_of_turn;
}

static void on_report(struct upstream_worker *upstream, const struct host_report *report)
{
	struct host_report *copy = malloc(sizeof *copy);

	invariant(copy);
	*copy = *report;
	worker_tell_main(upstream->owner, MAIN_HOST_REPORT, copy);
}

static void init_upstream(struct worker *worker)
{
	struct worker_context *context = &worker->context;

	context->upstream = upstream_worker_new(context->loop, &context->pins, context->stats,
						&context->random);
	context->upstream->report = on_report;
	context->upstream->owner = worker;
}

struct worker *worker_new(unsigned index, struct mailbox *main_mailbox, struct stats *stats)
{
	struct worker *worker = calloc(1, sizeof *worker);

	invariant(worker);
	if (loop_init(&worker->loop, worker)) {
		free(worker);
		return NULL;
	}
	worker->main_mailbox = main_mailbox;
	worker->loop.woken = on_woken;
	worker->loop.turn_end = on_turn_end;
	mailbox_init(&worker->mailbox, &worker->loop, worker);

	struct worker_context *context = &worker->context;
	context->loop = &worker->loop;
	context->index = index;
	context->next_id = (uint64_t)index << 48;
	context->stats = stats_add_shard(stats);
	pin_table_init(&context->pins, give_back);
	random_init(&context->random,
		    worker->loop.now_ns ^ (uint64_t)index << 56 ^ worker->loop.wall_ns);
	list_init(&context->served);
	worker_drain_init(worker, 0, false);
	list_init(&context->handover.away);
	list_init(&context->handover.owed);
	worker_giving_init(worker);
	worker->adopting.socket = -1;
	rpc_call_init_spares(context);
	dubbo_heads_init(&context->dubbo_heads);
	bolt_heads_init(&context->bolt_heads);
	init_upstream(worker);
	return worker;
}

static void on_flush_logs(struct timer *timer)
{
	struct worker *worker = container_of(timer, struct worker, flush_timer);

	log_worker_flush(worker->context.logs, loop_now_ms(&worker->loop));
	timer_start(&worker->loop.wheel, timer, LOG_FLUSH_CHECK_MS);
}

static void *run(void *arg)
{
	struct worker *worker = arg;

	timer_init(&worker->flush_timer, on_flush_logs);
	timer_start(&worker->loop.wheel, &worker->flush_timer, LOG_FLUSH_CHECK_MS);
	loop_run(&worker->loop);
	return NULL;
}

enum status worker_start(struct worker *worker)
{
	sigset_t all, old;

	sigfillset(&all); /* signals are main's */
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int error = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	worker->is_started = !error;
	if (!error) {
		char name[16];
		snprintf(name, sizeof name, "worker:%u", worker->context.index % 10000);
		pthread_setname_np(worker->thread, name);
	}
	return error ? status_of_errno(error) : STATUS_OK;
}

static void close_all(struct worker *worker)
{
	worker->is_over = true;
	while (!list_is_empty(&worker->context.served)) {
		struct served *served =
			container_of(worker->context.served.next, struct served, link);
		served->type->close(served);
	}
	worker_drain_forget(worker);
	worker_listeners_free(worker);
}

static void stop(struct worker *worker, void *arg)
{
	(void)arg;
	close_all(worker);
	loop_stop(&worker->loop);
}

void worker_stop(struct worker *worker)
{
	if (!worker->is_started)
		return;
	worker_post(worker, stop, NULL);
	pthread_join(worker->thread, NULL);
	worker->is_started = false;
}

void worker_free(struct worker *worker)
{
	worker->is_over = true;
	do
		mailbox_drain(&worker->mailbox);
	while (worker->publications);
	close_all(worker);
	upstream_worker_free(worker->context.upstream);
	loop_settle(&worker->loop);
	pin_table_fini(&worker->context.pins);
	stream_free_spares(&worker->context);
	rpc_call_free_spares(&worker->context);
	rpc_away_forget(&worker->context);
	worker_giving_fini(worker);
	dubbo_heads_fini(&worker->context.dubbo_heads);
	bolt_heads_fini(&worker->context.bolt_heads);
	loop_fini(&worker->loop);
	slab_fini(&worker->context.http_sessions);
	slab_fini(&worker->context.rpc_sessions);
	slab_fini(&worker->context.tcp_sessions);
	free(worker);
}

/* --- configuration --- */

void worker_apply(struct worker *worker, const struct publication_change *change)
{
	worker->context.config_epoch++;
	pin_table_set(&worker->context.pins, change->kind, change->slot, change->object);
	switch (change->kind) {
	case PUBLISHED_HOST_SET:
	case PUBLISHED_CLUSTER:
		upstream_worker_changed(worker->context.upstream, change->kind, change->slot);
		break;
	case PUBLISHED_LISTENER:
		worker_listener_update(worker, change->slot);
		break;
	case PUBLISHED_RULES:
	case PUBLISHED_EXTENSION:
	case PUBLISHED_ROUTES:
	case PUBLISHED_KINDS:
		break;
	}
}

/* --- what stream/worker_context.h promises --- */

void worker_make_date(struct worker_context *worker)
{
	uint64_t now_s = worker->loop->wall_ns / UINT64_C(1000000000);

	date_format_http((int64_t)now_s, worker->date);
	worker->date_ns = now_s * UINT64_C(1000000000);
}
