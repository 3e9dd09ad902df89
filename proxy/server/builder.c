#include "server/builder.h"

#include <signal.h>

#include "base/slice.h"

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

static void *run(void *arg)
{
	struct builder *builder = arg;
	struct builder_job *job;

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
	enum status status = builder->is_started ? STATUS_OK : start(builder);

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

void builder_stop(struct builder *builder)
{
	if (builder->is_started) {
		pthread_mutex_lock(&builder->lock);
		builder->is_stopping = true;
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
