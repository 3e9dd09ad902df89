#include "filters/sentinel/nacos/nacos_client.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/nacos/nacos_listener.h"
#include "filters/sentinel/nacos/nacos_snapshot.h"

/* --- ends --- */

void nacos_client_drop(struct nacos_client *client)
{
	if (atomic_fetch_sub(&client->references, 1) > 1)
		return;
	invariant(list_is_empty(&client->watches));
	doorbell_close(&client->bell, nacos_note_free);
	close(client->wake_fd);
	pthread_mutex_destroy(&client->lock);
	explicit_bzero(client->memory.data, client->memory.len);
	text_free(&client->memory);
	nacos_session_fini(&client->session);
	free(client);
}

void nacos_watch_drop(struct nacos_watch *watch)
{
	if (atomic_fetch_sub(&watch->references, 1) > 1)
		return;
	free((char *)(uintptr_t)watch->name.data_id.data);
	free(watch->snapshot);
	free(watch);
}

void nacos_note_free(struct note *note)
{
	struct nacos_note *news = container_of(note, struct nacos_note, note);

	nacos_watch_drop(news->watch);
	text_free(&news->text);
	free(news);
}

/* --- the owner's --- */

static void read_news(struct doorbell *bell, struct note *note)
{
	const struct nacos_note *news = container_of(note, struct nacos_note, note);
	struct nacos_watch *watch = news->watch;

	(void)bell;
	if (watch->changed)
		watch->changed(watch->arg, news->what, text_slice(&news->text));
	nacos_note_free(note);
}

static void wake(struct nacos_client *client)
{
	eventfd_write(client->wake_fd, 1);
}

struct nacos_watch *nacos_watch(struct nacos_client *client, struct slice data_id,
				struct slice group, struct slice md5,
				void (*changed)(void *arg, enum nacos_news news, struct slice text),
				void *arg)
{
	struct nacos_watch *watch = calloc(1, sizeof *watch);
	const struct nacos_options *options = &client->options;
	char *names = malloc(data_id.len + group.len + 1);

	invariant(watch && names && md5.len < sizeof watch->md5);
	memcpy(names, data_id.data, data_id.len);
	memcpy(names + data_id.len, group.data, group.len);
	atomic_init(&watch->references, 1);
	watch->client = client;
	watch->name = (struct nacos_name){slice_make(names, data_id.len),
					  slice_make(names + data_id.len, group.len),
					  options->name_space};
	if (options->snapshot_folder.len)
		watch->snapshot = nacos_snapshot_path(options->snapshot_folder, options->servers,
						      &watch->name);
	watch->changed = changed;
	watch->arg = arg;
	if (md5.len)
		memcpy(watch->md5, md5.data, md5.len);
	atomic_fetch_add(&client->references, 1);
	pthread_mutex_lock(&client->lock);
	list_push_back(&client->watches, &watch->link);
	pthread_mutex_unlock(&client->lock);
	wake(client);
	return watch;
}

void nacos_unwatch(struct nacos_watch *watch)
{
	struct nacos_client *client = watch->client;

	pthread_mutex_lock(&client->lock);
	list_remove(&watch->link);
	pthread_mutex_unlock(&client->lock);
	watch->changed = NULL;
	nacos_watch_drop(watch);
	wake(client);
	nacos_client_drop(client);
}

static struct slice keep(struct text *memory, struct slice text)
{
	size_t at = memory->len;

	text_add(memory, text);
	return slice_make(memory->data + at, text.len);
}

static void copy_options(struct nacos_client *client, const struct nacos_options *given)
{
	struct nacos_options *own = &client->options;
	struct text *memory = &client->memory;

	*own = *given;
	memory->capacity = given->servers.len + given->context_path.len + given->name_space.len +
			   given->username.len + given->password.len + given->snapshot_folder.len +
			   1;
	memory->data = malloc(memory->capacity); /* it doesn't move */
	invariant(memory->data);
	own->servers = keep(memory, given->servers);
	own->context_path = keep(memory, given->context_path);
	own->name_space = keep(memory, given->name_space);
	own->username = keep(memory, given->username);
	own->password = keep(memory, given->password);
	own->snapshot_folder = keep(memory, given->snapshot_folder);
}

static struct nacos_client *client_new(struct loop *loop, const struct nacos_options *options)
{
	struct nacos_client *client = calloc(1, sizeof *client);

	invariant(client);
	client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->wake_fd < 0 || doorbell_open(&client->bell, loop, read_news)) {
		log_warn(SENTINEL, "no descriptors to ask Nacos %.*s", SLICE_FMT(options->servers));
		if (client->wake_fd >= 0)
			close(client->wake_fd);
		free(client);
		return NULL;
	}
	atomic_init(&client->references, 2);
	pthread_mutex_init(&client->lock, NULL);
	list_init(&client->watches);
	copy_options(client, options);
	nacos_session_init(&client->session, &client->options, client->wake_fd);
	return client;
}

struct nacos_client *nacos_client_start(struct loop *loop, const struct nacos_options *options)
{
	struct nacos_client *client = client_new(loop, options);
	sigset_t all, before;
	pthread_t thread;

	if (!client)
		return NULL;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, NULL, nacos_listener_run, client);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		log_warn(SENTINEL, "no thread to ask Nacos: %s",
			 status_text(status_of_errno(error)));
		doorbell_rest(&client->bell);
		nacos_client_drop(client);
		nacos_client_drop(client);
		return NULL;
	}
	pthread_setname_np(thread, "nacos");
	pthread_detach(thread);
	return client;
}

void nacos_client_stop(struct nacos_client *client)
{
	if (!client)
		return;
	atomic_store(&client->is_stopping, true);
	doorbell_rest(&client->bell);
	wake(client);
	nacos_client_drop(client);
}

const struct nacos_counts *nacos_client_counts(const struct nacos_client *client)
{
	return &client->counts;
}
