#include "server/worker_drain.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/listener.h"
#include "server/worker.h"
#include "server/worker_listener.h"

/* The connections of one version, or of some of its filter chains. */
struct listener_drain {
	struct list_node link;
	struct served_drain served;
	struct worker *worker;
	struct timer timer; /* its end */
	uint64_t number;
	unsigned chains;
	char name[DRAIN_NAME_MAX];
};

/* --- all connections --- */

static void for_all(struct worker *worker,
		    void (*fn)(struct worker *worker, struct served *served, void *argument),
		    void *argument)
{
	const struct list_node *all = &worker->context.served;

	for (struct list_node *n = all->next, *next; n != all; n = next) {
		next = n->next;
		fn(worker, container_of(n, struct served, link), argument);
	}
}

static void review(struct worker *worker, struct served *served, void *argument)
{
	(void)worker;
	(void)argument;
	if (served->type->review)
		served->type->review(served);
}

static void drain(struct worker *worker, struct served *served, void *argument)
{
	(void)worker;
	(void)argument;
	served->type->drain(served);
}

static const struct listener *listener_of(const struct served *served)
{
	const struct pin *pin = served->type->origin(served).listener;
	return container_of(pin->object, struct listener, published);
}

static void set_asking(struct worker *worker)
{
	struct worker_context *context = &worker->context;

	context->is_asking = context->is_failing || context->is_leaving ||
			     context->drains[DRAIN_INBOUND].is_on ||
			     context->drains[DRAIN_ALL].is_on ||
			     !list_is_empty(&worker->drains.of_listeners);
}

/* --- what is still open --- */

static void look_at(const struct served *served, struct drain_look *look)
{
	struct served_look seen = served->type->look(served);

	look->open++;
	look->by_protocol[seen.protocol]++;
	look->by_wait[seen.wait]++;
	look->by_direction[listener_of(served)->traffic_direction % DRAIN_DIRECTIONS]++;
}

static bool is_to_leave(const struct worker_context *context, const struct served *served)
{
	return context->is_leaving || served->drain || context->drains[DRAIN_ALL].is_on ||
	       (context->drains[DRAIN_INBOUND].is_on &&
		listener_of(served)->traffic_direction == LISTENER_INBOUND);
}

static void look_if_leaving(struct worker *worker, struct served *served, void *look)
{
	if (is_to_leave(&worker->context, served))
		look_at(served, look);
}

void worker_drain_look(struct worker *worker)
{
	struct drain_look *look = calloc(1, sizeof *look);

	invariant(look);
	for_all(worker, look_if_leaving, look);
	worker_tell_main(worker, MAIN_DRAIN_LOOK, look);
}

/* --- main's words --- */

void worker_drain_init(struct worker *worker, uint64_t time_ms, bool is_gradual)
{
	worker->drains = (struct worker_drains){.time_ms = time_ms, .is_gradual = is_gradual};
	list_init(&worker->drains.of_listeners);
}

void worker_drain_ask(struct worker *worker, enum drain_scope scope, uint64_t time_ms,
		      bool is_gradual)
{
	drain_begin(&worker->context.drains[scope], loop_now_ms(&worker->loop), time_ms,
		    is_gradual);
	set_asking(worker);
	for_all(worker, review, NULL);
}

void worker_drain_fail(struct worker *worker, bool is_failing)
{
	worker->context.is_failing = is_failing;
	set_asking(worker);
	for_all(worker, review, NULL);
}

void worker_drain_stop(struct worker *worker, enum drain_scope scope)
{
	worker->drains.is_stopped[scope] = true;
	worker_listeners_stop(worker, scope, false);
}

void worker_drain_leave(struct worker *worker, bool keeps_sockets)
{
	worker->context.is_leaving = true;
	worker->drains.is_stopped[DRAIN_ALL] = true;
	set_asking(worker);
	worker_listeners_stop(worker, DRAIN_ALL, keeps_sockets);
	for_all(worker, drain, NULL);
	worker_drain_turn(worker);
}

void worker_drain_turn(struct worker *worker)
{
	if (!worker->context.is_leaving || worker->drains.has_told_empty ||
	    !list_is_empty(&worker->context.served))
		return;
	worker->drains.has_told_empty = true;
	worker_tell_main(worker, MAIN_DRAINED, worker);
}

bool worker_drain_accepts(const struct worker *worker, const struct listener *listener)
{
	const bool *is_stopped = worker->drains.is_stopped;

	return !is_stopped[DRAIN_ALL] &&
	       !(is_stopped[DRAIN_INBOUND] && listener->traffic_direction == LISTENER_INBOUND);
}

/* --- versions that are no more --- */

static void tell(struct listener_drain *drain, enum listener_drain_step step,
		 const struct drain_look *look)
{
	struct listener_drain_event *event = calloc(1, sizeof *event);

	invariant(event);
	event->number = drain->number;
	event->step = step;
	event->chains = drain->chains;
	if (look)
		event->look = *look;
	memcpy(event->name, drain->name, sizeof event->name);
	worker_tell_main(drain->worker, MAIN_LISTENER_DRAIN, event);
}

static void on_emptied(struct served_drain *served)
{
	struct listener_drain *drain = container_of(served, struct listener_drain, served);
	struct worker *worker = drain->worker;

	timer_cancel(&worker->loop.wheel, &drain->timer);
	list_remove(&drain->link);
	set_asking(worker);
	tell(drain, LISTENER_DRAIN_ENDED, NULL);
	free(drain);
}

struct closing {
	struct served_drain *drain;
	struct drain_look look;
};

static void look_if_its(struct worker *worker, struct served *served, void *closing)
{
	struct closing *c = closing;

	(void)worker;
	if (served->drain == c->drain)
		look_at(served, &c->look);
}

static void close_if_its(struct worker *worker, struct served *served, void *closing)
{
	(void)worker;
	if (served->drain == ((struct closing *)closing)->drain)
		served->type->close(served);
}

static void on_over(struct timer *timer)
{
	struct listener_drain *drain = container_of(timer, struct listener_drain, timer);
	struct closing closing = {.drain = &drain->served};

	for_all(drain->worker, look_if_its, &closing);
	tell(drain, LISTENER_DRAIN_OVERDUE, &closing.look);
	drain->served.open++; /* until the last of them is closed */
	for_all(drain->worker, close_if_its, &closing);
	invariant(drain->served.open == 1);
	on_emptied(&drain->served);
}

static struct listener_drain *drain_new(struct worker *worker, const struct listener *old,
					const struct listener *now)
{
	struct listener_drain *drain = calloc(1, sizeof *drain);
	const struct worker_drains *drains = &worker->drains;

	invariant(drain);
	drain->worker = worker;
	drain->served.emptied = on_emptied;
	drain->number = old->number;
	drain->chains = now && now->frame_hash == old->frame_hash ? now->lost_chains : 0;
	snprintf(drain->name, sizeof drain->name, "%.*s", SLICE_FMT(old->published.name));
	drain_begin(&drain->served.rule, loop_now_ms(&worker->loop), drains->time_ms,
		    drains->is_gradual);
	timer_init(&drain->timer, on_over);
	timer_start(&worker->loop.wheel, &drain->timer, drains->time_ms ? drains->time_ms : 1);
	list_push_back(&worker->drains.of_listeners, &drain->link);
	set_asking(worker);
	return drain;
}

/* The search for what a version leaves behind. */
struct leaving {
	const struct listener *old, *now; /* now: NULL: gone */
	struct listener_drain *drain;     /* NULL: none found yet */
	const struct slice *last_chain;   /* the connection before this one had it, … */
	bool is_last_kept;                /* … and stays */
	struct drain_look look;
};

static bool stays(struct leaving *leaving, const struct served_origin *origin)
{
	const struct listener *then =
		container_of(origin->listener->object, struct listener, published);
	const struct filter_chain *chain =
		container_of(origin->filter_chain_name, struct filter_chain, name);

	if (!leaving->now)
		return false;
	if (origin->filter_chain_name != leaving->last_chain) {
		leaving->last_chain = origin->filter_chain_name;
		leaving->is_last_kept = listener_keeps(leaving->now, then, chain);
	}
	return leaving->is_last_kept;
}

static void mark_if_leaving(struct worker *worker, struct served *served, void *argument)
{
	struct leaving *leaving = argument;
	struct served_origin origin = served->type->origin(served);

	if (served->drain || !origin.listener->is_retired ||
	    origin.listener->object->slot != leaving->old->published.slot ||
	    stays(leaving, &origin))
		return;
	if (!leaving->drain)
		leaving->drain = drain_new(worker, leaving->old, leaving->now);
	served->drain = &leaving->drain->served;
	served->drain->open++;
	look_at(served, &leaving->look);
}

static void review_if_its(struct worker *worker, struct served *served, void *drain)
{
	if (served->drain == drain)
		review(worker, served, NULL);
}

void worker_drain_version(struct worker *worker, const struct pin *old, const struct pin *current)
{
	struct leaving leaving = {
		.old = container_of(old->object, struct listener, published),
		.now = current ? container_of(current->object, struct listener, published) : NULL,
	};

	for_all(worker, mark_if_leaving, &leaving);
	if (!leaving.drain)
		return;
	tell(leaving.drain, LISTENER_DRAIN_BEGUN, &leaving.look);
	leaving.drain->served.open++; /* a review may end the last of them */
	for_all(worker, review_if_its, &leaving.drain->served);
	if (!--leaving.drain->served.open)
		on_emptied(&leaving.drain->served);
}
