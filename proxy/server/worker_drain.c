#include "server/worker_drain.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/listener.h"
#include "server/worker.h"
#include "server/worker_listener.h"

enum { OVER_PAUSE_MS = 100 }; /* at least, between two looks for what is overdue */

/* Stands in for a filter chain that has gone, for those connections that came by it. */
struct drained_chain {
	struct drained_chain *next;
	const struct served_chain *was;
	struct served_chain now; /* its name is the listener's: each of them has taken that */
};

/* The connections of one version, or of some of its filter chains. */
struct listener_drain {
	struct list_node link;
	struct served_drain served;
	struct worker *worker;
	struct drained_chain *gone;
	struct drain_look look; /* is_overdue: at what is closed */
	uint64_t number;
	unsigned chains;
	bool is_overdue;
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

static struct served_drain *drain_of(struct served *served)
{
	return (*served->type->origin(served).chain)->drain;
}

static const struct listener *listener_of(struct served *served)
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

static void look_at(struct served *served, struct drain_look *look)
{
	struct served_look seen = served->type->look(served);

	look->open++;
	look->by_protocol[seen.protocol]++;
	look->by_wait[seen.wait]++;
	look->by_direction[listener_of(served)->traffic_direction % DRAIN_DIRECTIONS]++;
}

static bool is_to_leave(const struct worker_context *context, struct served *served)
{
	return context->is_leaving || context->drains[DRAIN_ALL].is_on || drain_of(served) ||
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

static void on_over(struct timer *timer);

void worker_drain_init(struct worker *worker, uint64_t time_ms, bool is_gradual)
{
	worker->drains = (struct worker_drains){.time_ms = time_ms, .is_gradual = is_gradual};
	timer_init(&worker->drains.over_timer, on_over);
	list_init(&worker->drains.of_listeners);
	list_init(&worker->drains.changes);
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

static void stop_all(struct worker *worker, bool keeps_sockets)
{
	worker->drains.is_stopped[DRAIN_ALL] = true;
	worker->drains.keeps_sockets = keeps_sockets;
	worker_listeners_stop(worker, DRAIN_ALL, keeps_sockets);
}

void worker_drain_give_sockets(struct worker *worker)
{
	stop_all(worker, true);
}

void worker_drain_leave(struct worker *worker, bool keeps_sockets)
{
	worker->context.is_leaving = true;
	set_asking(worker);
	stop_all(worker, keeps_sockets);
	for_all(worker, drain, NULL);
	worker_drain_turn(worker);
}

void worker_drain_turn(struct worker *worker)
{
	if (worker->drains.has_told_empty || !list_is_empty(&worker->context.served) ||
	    worker_giving_holds(worker))
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

	list_remove(&drain->link);
	if (list_is_empty(&worker->drains.of_listeners))
		timer_cancel(&worker->loop.wheel, &worker->drains.over_timer);
	set_asking(worker);
	tell(drain, LISTENER_DRAIN_ENDED, NULL);
	for (struct drained_chain *next; drain->gone; drain->gone = next) {
		next = drain->gone->next;
		free(drain->gone);
	}
	free(drain);
}

static struct listener_drain *oldest(const struct worker_drains *drains)
{
	return container_of(drains->of_listeners.next, struct listener_drain, link);
}

static uint64_t rest_ms(const struct listener_drain *drain)
{
	uint64_t passed_ms = loop_now_ms(&drain->worker->loop) - drain->served.rule.start_ms;
	uint64_t time_ms = drain->served.rule.time_ms;

	return time_ms > passed_ms ? time_ms - passed_ms : 0;
}

/* All have as long: the one that has begun first ends first. */
static void wait_for_oldest(struct worker *worker, uint64_t least_ms)
{
	struct worker_drains *drains = &worker->drains;

	if (list_is_empty(&drains->of_listeners) || timer_is_running(&drains->over_timer))
		return;
	uint64_t delay_ms = rest_ms(oldest(drains));
	timer_start(&worker->loop.wheel, &drains->over_timer,
		    delay_ms > least_ms ? delay_ms : least_ms);
}

/* Held until the last of its connections is closed. False: none is overdue. */
static bool mark_overdue(struct worker *worker)
{
	struct list_node *all = &worker->drains.of_listeners;
	bool is_any = false;

	for (struct list_node *n = all->next; n != all; n = n->next) {
		struct listener_drain *drain = container_of(n, struct listener_drain, link);
		if (rest_ms(drain))
			break;
		drain->is_overdue = is_any = true;
		drain->served.open++;
	}
	return is_any;
}

static void close_if_overdue(struct worker *worker, struct served *served, void *argument)
{
	struct served_drain *its = drain_of(served);

	(void)worker;
	(void)argument;
	if (!its)
		return;
	struct listener_drain *drain = container_of(its, struct listener_drain, served);
	if (!drain->is_overdue)
		return;
	look_at(served, &drain->look);
	served->type->close(served);
}

static void on_over(struct timer *timer)
{
	struct worker *worker = container_of(timer, struct worker, drains.over_timer);
	struct worker_drains *drains = &worker->drains;

	if (mark_overdue(worker))
		for_all(worker, close_if_overdue, NULL);
	while (!list_is_empty(&drains->of_listeners) && oldest(drains)->is_overdue) {
		struct listener_drain *drain = oldest(drains);
		tell(drain, LISTENER_DRAIN_OVERDUE, &drain->look);
		invariant(drain->served.open == 1);
		on_emptied(&drain->served);
	}
	wait_for_oldest(worker, OVER_PAUSE_MS);
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
	drain->chains = now ? listener_lost_chains(now, old) : 0;
	snprintf(drain->name, sizeof drain->name, "%.*s", SLICE_FMT(old->published.name));
	drain_begin(&drain->served.rule, loop_now_ms(&worker->loop), drains->time_ms,
		    drains->is_gradual);
	list_push_back(&worker->drains.of_listeners, &drain->link);
	wait_for_oldest(worker, 1);
	set_asking(worker);
	return drain;
}

/* A version that was replaced or removed in this turn. */
struct listener_change {
	struct list_node link;
	struct pin *old_pin, *now_pin;    /* taken; now_pin: NULL: gone */
	const struct listener *old, *now; /* theirs */
	struct listener_drain *drain;     /* NULL: nothing is left behind, so far */
	const struct served_chain *last;  /* the connection before this one came by it, … */
	bool is_last_kept;                /* … and stays */
	struct drain_look look;           /* at what is left behind */
};

static const struct listener *version_of(const struct pin *pin)
{
	return pin ? container_of(pin->object, struct listener, published) : NULL;
}

static void set_now(struct listener_change *change, struct pin *now)
{
	if (change->now_pin)
		pin_drop(change->now_pin);
	change->now_pin = now ? pin_take(now) : NULL;
	change->now = version_of(now);
}

static void forget(struct listener_change *change)
{
	list_remove(&change->link);
	set_now(change, NULL);
	pin_drop(change->old_pin);
	free(change);
}

void worker_drain_forget(struct worker *worker)
{
	struct list_node *changes = &worker->drains.changes;

	while (!list_is_empty(changes))
		forget(container_of(changes->next, struct listener_change, link));
}

static bool stays(struct listener_change *change, const struct pin *listener,
		  const struct served_chain *chain)
{
	if (!change->now)
		return false;
	if (chain != change->last) {
		change->last = chain;
		change->is_last_kept =
			listener_keeps(change->now, version_of(listener),
				       container_of(chain, struct filter_chain, served));
	}
	return change->is_last_kept;
}

static const struct served_chain *stand_in(struct listener_drain *drain,
					   const struct served_chain *chain)
{
	struct drained_chain *gone = drain->gone;

	while (gone && gone->was != chain)
		gone = gone->next;
	if (!gone) {
		gone = malloc(sizeof *gone);
		invariant(gone);
		*gone = (struct drained_chain){
			.next = drain->gone, .was = chain, .now = {chain->name, &drain->served}};
		drain->gone = gone;
	}
	return &gone->now;
}

static void mark_if_left_behind(struct worker *worker, struct served *served, void *by_slot)
{
	struct served_origin origin = served->type->origin(served);

	if ((*origin.chain)->drain || !origin.listener->is_retired)
		return;
	struct listener_change *change =
		((struct listener_change **)by_slot)[origin.listener->object->slot];
	if (!change || stays(change, origin.listener, *origin.chain))
		return;
	if (!change->drain)
		change->drain = drain_new(worker, change->old, change->now);
	*origin.chain = stand_in(change->drain, *origin.chain);
	change->drain->served.open++;
	look_at(served, &change->look);
}

static void review_if_draining(struct worker *worker, struct served *served, void *argument)
{
	if (drain_of(served))
		review(worker, served, argument);
}

/* So that a review may end the last connection of a drain that is still looked at. */
static void hold(struct listener_change *change)
{
	if (!change->drain)
		return;
	change->drain->served.open++;
	tell(change->drain, LISTENER_DRAIN_BEGUN, &change->look);
}

static void let_go(struct listener_change *change)
{
	if (change->drain && !--change->drain->served.open)
		on_emptied(&change->drain->served);
}

/* All that a batch has changed, in one look at the connections. */
static void drain_left_behind(struct worker *worker, void *argument)
{
	struct list_node *changes = &worker->drains.changes;

	(void)argument;
	if (list_is_empty(changes)) /* the worker has ended */
		return;
	struct listener_change **by_slot = calloc(worker->listener_size, sizeof *by_slot);
	invariant(by_slot);
	for (struct list_node *n = changes->next; n != changes; n = n->next) {
		struct listener_change *change = container_of(n, struct listener_change, link);
		by_slot[change->old->published.slot] = change;
	}
	for_all(worker, mark_if_left_behind, by_slot);
	free(by_slot);
	for (struct list_node *n = changes->next; n != changes; n = n->next)
		hold(container_of(n, struct listener_change, link));
	for_all(worker, review_if_draining, NULL);
	for (struct list_node *n = changes->next; n != changes; n = n->next)
		let_go(container_of(n, struct listener_change, link));
	worker_drain_forget(worker);
}

void worker_drain_version(struct worker *worker, struct pin *old, struct pin *current)
{
	struct list_node *changes = &worker->drains.changes;
	struct listener_change *change;

	if (worker->is_over)
		return;
	for (struct list_node *n = changes->next; n != changes; n = n->next) {
		change = container_of(n, struct listener_change, link);
		if (change->old->published.slot != old->object->slot)
			continue;
		set_now(change, current);
		return;
	}
	change = calloc(1, sizeof *change);
	invariant(change);
	change->old_pin = pin_take(old);
	change->old = version_of(old);
	set_now(change, current);
	if (list_is_empty(changes))
		worker_post(worker, drain_left_behind, NULL);
	list_push_back(changes, &change->link);
}
