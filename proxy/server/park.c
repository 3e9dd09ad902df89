#include "server/park.h"

#include "server/worker.h"

void park_init(struct park *park)
{
	*park = (struct park){.round = 0};
	pthread_mutex_init(&park->lock, NULL);
	pthread_cond_init(&park->released, NULL);
}

void park_fini(struct park *park)
{
	pthread_mutex_destroy(&park->lock);
	pthread_cond_destroy(&park->released);
}

/* On the worker's thread, when everything it had to write is written. */
static void stand_still(struct worker *worker, void *arg)
{
	struct park *park = arg;
	void (*fn)(struct worker * worker, void *arg) = NULL;
	void *fn_arg = NULL;

	pthread_mutex_lock(&park->lock);
	if (park->is_on) {
		unsigned round = park->round;
		park->parked++;
		worker_tell_main(worker, MAIN_PARKED, park);
		while (park->round == round)
			pthread_cond_wait(&park->released, &park->lock);
		fn = park->fn;
		fn_arg = park->arg;
	}
	pthread_mutex_unlock(&park->lock);
	if (fn)
		fn(worker, fn_arg);
}

/* The message of a round that is over serves the one that is on, if there is one. */
static void at_turn_end(struct worker *worker, void *park)
{
	if (!worker->turn_end)
		worker_at_turn_end(worker, stand_still, park);
}

void park_all(struct park *park, struct worker **workers, unsigned count)
{
	pthread_mutex_lock(&park->lock);
	park->is_on = true;
	park->workers = count;
	pthread_mutex_unlock(&park->lock);
	for (unsigned i = 0; i < count; i++)
		worker_post(workers[i], at_turn_end, park);
}

bool park_is_complete(struct park *park)
{
	bool is_complete;

	pthread_mutex_lock(&park->lock);
	is_complete = park->is_on && park->parked == park->workers;
	pthread_mutex_unlock(&park->lock);
	return is_complete;
}

void park_release(struct park *park, void (*fn)(struct worker *worker, void *arg), void *arg)
{
	pthread_mutex_lock(&park->lock);
	if (!park->is_on) {
		pthread_mutex_unlock(&park->lock);
		return;
	}
	park->is_on = false;
	park->round++;
	park->parked = 0;
	park->fn = fn;
	park->arg = arg;
	pthread_cond_broadcast(&park->released);
	pthread_mutex_unlock(&park->lock);
}
