#include "server/worker_giving.h"

#include <stdlib.h>

#include "base/log.h"
#include "manager/rpc_away.h"
#include "net/served.h"
#include "server/worker.h"
#include "server/worker_listener.h"
#include "server/worker_saying.h"

static struct worker *worker_of(struct relay_sink *relay)
{
	return container_of(relay, struct worker, giving.relay);
}

static void on_answer(struct relay_sink *relay, const struct handover_answer *answer)
{
	worker_say_answer(worker_of(relay), answer);
}

static void on_settled(struct relay_sink *relay, uint64_t connection)
{
	worker_say_word(worker_of(relay), true, HANDOVER_SETTLED, connection, "");
}

/* --- rounds --- */

static bool was_returned(const struct worker_giving *giving, const struct served *served)
{
	for (size_t i = 0; i < giving->returned_count; i++)
		if (giving->returned[i] == served)
			return true;
	return false;
}

static void send_off(struct worker *worker, const struct handover *handover)
{
	struct given *given = calloc(1, sizeof *given);

	invariant(given);
	given->worker = worker;
	given->id = handover->id;
	given->handover = *handover;
	worker->giving.out++;
	worker_tell_main(worker, MAIN_GIVEN, given);
}

static void ask(struct worker *worker, struct served *served)
{
	struct worker_giving *giving = &worker->giving;
	struct handover handover;

	if (!served->type->give || was_returned(giving, served))
		return;
	enum status status = served->type->give(served, &giving->relay, &handover);
	if (!status)
		send_off(worker, &handover);
	else if (status == STATUS_AGAIN)
		giving->waiting++;
}

static void on_posted(struct worker *worker, void *unused);

/* Whoever stays goes to the list's end: at its head are those that were not asked in this round. */
static void ask_some(struct worker *worker)
{
	struct worker_giving *giving = &worker->giving;
	struct list_node *all = &worker->context.served;

	for (unsigned n = 0; n < GIVING_TURN && giving->to_ask && giving->out < GIVING_OUT_MAX;
	     n++) {
		if (list_is_empty(all)) {
			giving->to_ask = 0;
			return;
		}
		struct served *served = container_of(all->next, struct served, link);
		giving->to_ask--;
		list_remove(&served->link);
		list_push_back(all, &served->link);
		ask(worker, served);
	}
}

static void go_on(struct worker *worker)
{
	struct worker_giving *giving = &worker->giving;

	if (!giving->is_on || giving->is_posted)
		return;
	ask_some(worker);
	if (giving->to_ask && giving->out < GIVING_OUT_MAX) {
		giving->is_posted = true;
		worker_post(worker, on_posted, NULL);
	} else if (!giving->to_ask && !giving->waiting) {
		worker_giving_end(worker, NULL);
	}
}

static void on_posted(struct worker *worker, void *unused)
{
	(void)unused;
	worker->giving.is_posted = false;
	go_on(worker);
}

static void begin_round(struct worker *worker)
{
	struct worker_giving *giving = &worker->giving;
	const struct list_node *all = &worker->context.served;

	worker->context.handover.has_boundary = false;
	giving->to_ask = giving->waiting = 0;
	for (const struct list_node *n = all->next; n != all; n = n->next)
		giving->to_ask++;
	go_on(worker);
}

void worker_giving_turn(struct worker *worker)
{
	if (list_is_empty(&worker->context.served))
		worker_giving_end(worker, NULL);
	else if (worker->context.handover.has_boundary && !worker->giving.to_ask)
		begin_round(worker);
}

/* --- its beginning and its end --- */

static void on_time_over(struct timer *timer)
{
	worker_giving_end(container_of(timer, struct worker, giving.timer), NULL);
}

void worker_giving_init(struct worker *worker)
{
	worker->giving = (struct worker_giving){.relay = {on_answer, on_settled}};
	timer_init(&worker->giving.timer, on_time_over);
}

void worker_giving_fini(struct worker *worker)
{
	free(worker->giving.returned);
	worker->giving.returned = NULL;
	worker->giving.returned_count = 0;
}

void worker_giving_begin(struct worker *worker, void *unused)
{
	(void)unused;
	if (worker->is_over)
		return;
	worker->giving.is_on = true;
	timer_start(&worker->loop.wheel, &worker->giving.timer, GIVING_MS);
	begin_round(worker);
}

void worker_giving_end(struct worker *worker, void *unused)
{
	struct worker_giving *giving = &worker->giving;
	const struct list_node *all = &worker->context.served;

	(void)unused;
	if (!giving->is_on)
		return;
	giving->is_on = false;
	giving->to_ask = giving->waiting = 0;
	timer_cancel(&worker->loop.wheel, &giving->timer);
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		struct served *served = container_of(n, struct served, link);
		if (served->type->keep)
			served->type->keep(served);
	}
	worker_giving_fini(worker);
	worker_tell_main(worker, MAIN_GIVING_OVER, worker);
}

/* --- what has become of them --- */

static void given_free(struct given *given)
{
	handover_fini(&given->handover);
	free(given);
}

void worker_giving_adopted(struct worker *worker, void *arg)
{
	struct given *given = arg;

	worker->giving.out--;
	if (!worker->is_over)
		rpc_away_adopted(&worker->context, given->id);
	given_free(given);
	go_on(worker);
}

static void note_returned(struct worker_giving *giving, struct served *served)
{
	giving->returned =
		realloc(giving->returned, (giving->returned_count + 1) * sizeof *giving->returned);
	invariant(giving->returned);
	giving->returned[giving->returned_count++] = served;
}

/* Nothing of it was under way: it is adopted where it came from. */
static enum status serve_again(struct worker *worker, struct handover *handover)
{
	const struct list_node *all = &worker->context.served;
	const struct list_node *last = all->prev;
	enum status status = worker_listener_adopt(worker, handover);

	if (status || all->prev == last || all->prev == all) /* it may have ended at once */
		return status;
	struct served *served = container_of(all->prev, struct served, link);
	if (worker->giving.is_on)
		note_returned(&worker->giving, served);
	served->type->drain(served);
	return STATUS_OK;
}

static void take_back(struct worker *worker, struct handover *handover)
{
	enum status status = rpc_away_return(&worker->context, handover);

	if (status == STATUS_NOT_FOUND)
		status = serve_again(worker, handover);
	if (status)
		log_warn_limited(
			HOTRESTART,
			"a connection that the successor doesn't take can't go on here: %s",
			status_text(status));
}

void worker_giving_returned(struct worker *worker, void *arg)
{
	struct given *given = arg;

	worker->giving.out--;
	if (!worker->is_over)
		take_back(worker, &given->handover);
	given_free(given);
	go_on(worker);
}

void worker_giving_void(struct worker *worker, void *arg)
{
	struct given *given = arg;

	if (!worker->is_over)
		rpc_away_void(&worker->context, given->id);
	given_free(given);
}

void worker_giving_lost(struct worker *worker, void *unused)
{
	(void)unused;
	if (worker->is_over)
		return;
	worker_giving_end(worker, NULL);
	rpc_away_end(&worker->context);
}

bool worker_giving_holds(const struct worker *worker)
{
	return worker->giving.out || !list_is_empty(&worker->context.handover.away);
}
