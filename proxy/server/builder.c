#include "server/builder.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/slice.h"

enum { BUILDER_NICE = 5 };

static void on_done(struct message *message, void *receiver)
{
	struct builder_job *job = container_of(message, struct builder_job, message);

	(void)receiver;
	job->done(job);
}

static void give_back(struct builder *builder, struct builder_job *job)
{
	job->message.run = on_done;
	mailbox_post(builder->mailbox, &job->message);
}

/* NULL: it is to end. */
static struct builder_job *next_job(struct builder *builder)
{
	pthread_mutex_lock(&builder->lock);
	while (!builder->first && !builder->is_stopping)
		pthread_cond_wait(&builder->woken, &builder->lock);
	struct builder_job *job = builder->is_stopping ? NULL : builder->first;
	if (job)
		builder->first = job->next;
	if (!builder->first)
		builder->last = NULL;
	pthread_mutex_unlock(&builder->lock);
	return job;
}

/* Calls go before configuration where there aren't enough processors: of a thread alone, as Linux
 * has it. */
static void be_nice(void)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), BUILDER_NICE);
}

static void *run(void *arg)
{
	struct builder *builder = arg;
	struct builder_job *job;

	be_nice();
	while ((job = next_job(builder))) {
		job->run(job);
		give_back(builder, job);
	}
	return NULL;
}

void builder_init(struct builder *builder, struct mailbox *mailbox)
{
	*builder = (struct builder){.mailbox = mailbox};
	pthread_mutex_init(&builder->lock, NULL);
	pthread_cond_init(&builder->woken, NULL);
}

/* Signals are main's. */
static enum status start(struct builder *builder)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&builder->thread, NULL, run, builder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	builder->is_started = !error;
	if (!error)
		pthread_setname_np(builder->thread, "builder");
	return error ? status_of_errno(error) : STATUS_OK;
}

enum status builder_post(struct builder *builder, struct builder_job *job)
{
	enum status status = STATUS_OK;

	if (!builder->is_started)
		status = builder->is_stopping ? STATUS_CLOSED : start(builder);
	if (status)
		return status;
	job->next = NULL;
	pthread_mutex_lock(&builder->lock);
	if (builder->last)
		builder->last->next = job;
	else
		builder->first = job;
	builder->last = job;
	pthread_cond_signal(&builder->woken);
	pthread_mutex_unlock(&builder->lock);
	return STATUS_OK;
}

struct burial {
	struct builder_job job;
	void (*free)(void *object);
	void *object; /* NULL: freed */
};

static void burial_run(struct builder_job *job)
{
	struct burial *burial = container_of(job, struct burial, job);

	burial->free(burial->object);
	burial->object = NULL;
}

/* The builder may have stopped before it came to it. */
static void burial_done(struct builder_job *job)
{
	struct burial *burial = container_of(job, struct burial, job);

	if (burial->object)
		burial->free(burial->object);
	free(burial);
}

void builder_bury(struct builder *builder, void (*free_object)(void *object), void *object)
{
	struct burial *burial = malloc(sizeof *burial);

	invariant(burial);
	*burial = (struct burial){.job = {.run = burial_run, .done = burial_done},
				  .free = free_object,
				  .object = object};
	if (builder_post(builder, &burial->job))
		burial_done(&burial->job);
}

void builder_stop(struct builder *builder)
{
	pthread_mutex_lock(&builder->lock);
	builder->is_stopping = true;
	pthread_mutex_unlock(&builder->lock);
	if (builder->is_started) {
		pthread_mutex_lock(&builder->lock);
		pthread_cond_signal(&builder->woken);
		pthread_mutex_unlock(&builder->lock);
		pthread_join(builder->thread, NULL);
		builder->is_started = false;
	}
	while (builder->first) {
		struct builder_job *job = builder->first;
		builder->first = job->next;
		give_back(builder, job);
	}
	builder->last = NULL;
	pthread_mutex_destroy(&builder->lock);
	pthread_cond_destroy(&builder->woken);
}
