#include "filters/sentinel/nacos/nacos_listener.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/nacos/nacos_snapshot.h"

enum { REPEATS_MAX = 2 }; /* one may be: there and back again, meanwhile */

/* --- what it tells --- */

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes the text. */
static void tell(struct nacos_client *client, struct nacos_watch *watch, enum nacos_news what,
		 struct text text)
{
	struct nacos_note *news = malloc(sizeof *news);

	invariant(news);
	atomic_fetch_add(&watch->references, 1);
	*news = (struct nacos_note){.watch = watch, .what = what, .text = text};
	doorbell_put(&client->bell, &news->note);
}

/* It is as it was known, though it was said to have changed. */
static bool is_repeated(struct nacos_watch *watch, const char *md5)
{
	bool is_same = watch->is_known && !strcmp(watch->md5, md5);

	watch->repeats = is_same ? watch->repeats + 1 : 0;
	return is_same;
}

/* A server has said so. Takes the text. */
static void set_text(struct nacos_client *client, struct nacos_watch *watch, struct text text,
		     const char *md5)
{
	struct text copy = {0};

	if (is_repeated(watch, md5)) {
		text_free(&text);
		return;
	}
	text_add(&copy, text_slice(&text));
	memcpy(watch->md5, md5, sizeof watch->md5);
	watch->is_known = true;
	atomic_fetch_add(&client->counts.updates, 1);
	tell(client, watch, NACOS_TEXT, text); /* the disk may be slow */
	if (watch->snapshot)
		nacos_snapshot_write(watch->snapshot, text_slice(&copy));
	text_free(&copy);
}

static void set_none(struct nacos_client *client, struct nacos_watch *watch)
{
	if (is_repeated(watch, ""))
		return;
	watch->md5[0] = 0;
	watch->is_known = true;
	atomic_fetch_add(&client->counts.updates, 1);
	tell(client, watch, NACOS_NONE, (struct text){0});
	if (watch->snapshot)
		nacos_snapshot_remove(watch->snapshot);
}

/* --- what it asks --- */

/* One text, which may have gone. */
static enum status get(struct nacos_client *client, struct nacos_watch *watch)
{
	struct text text = {0};
	char md5[MD5_HEX_SIZE];
	enum status status = nacos_session_get(&client->session, &watch->name, &text, md5);

	if (!status)
		set_text(client, watch, text, md5);
	else if (status == STATUS_NOT_FOUND)
		set_none(client, watch);
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* The watches of one round: those there are, each with a reference. */
struct round {
	struct nacos_watch **watches;
	size_t count;
	bool is_first;  /* for one of them: nothing is known yet */
	int64_t end_ms; /* when one that is left out may be asked for again; 0: none is */
};

static void round_begin(struct round *round, struct nacos_client *client)
{
	size_t size = 0;
	uint64_t rings;

	/* What wakes from here on is not in the round. */
	if (read(client->wake_fd, &rings, sizeof rings) < 0)
		invariant(errno == EAGAIN || errno == EINTR);
	*round = (struct round){0};
	pthread_mutex_lock(&client->lock);
	for (struct list_node *n = client->watches.next; n != &client->watches; n = n->next)
		size++;
	round->watches = malloc((size + 1) * sizeof *round->watches);
	invariant(round->watches);
	for (struct list_node *n = client->watches.next; n != &client->watches; n = n->next) {
		struct nacos_watch *watch = container_of(n, struct nacos_watch, link);
		if (watch->retry_ms > clock_ms()) {
			if (!round->end_ms || watch->retry_ms < round->end_ms)
				round->end_ms = watch->retry_ms;
			continue;
		}
		atomic_fetch_add(&watch->references, 1);
		round->watches[round->count++] = watch;
		round->is_first |= !watch->is_known;
	}
	pthread_mutex_unlock(&client->lock);
}

static void round_end(struct round *round)
{
	for (size_t i = 0; i < round->count; i++)
		nacos_watch_drop(round->watches[i]);
	free(round->watches);
}

static uint32_t time_left(const struct round *round, uint32_t at_most_ms)
{
	int64_t left = round->end_ms - clock_ms();

	if (!round->end_ms || left >= at_most_ms)
		return at_most_ms;
	return left > 1 ? (uint32_t)left : 1;
}

/* Which of them changed. STATUS_AGAIN: it was given up, without fault. */
static enum status listen_to(struct nacos_client *client, const struct round *round,
			     struct text *changes)
{
	uint32_t long_poll_ms = client->options.long_poll_ms;
	uint32_t hang_ms = long_poll_ms + long_poll_ms / 2;
	uint32_t timeout_ms =
		round->is_first ? NACOS_REQUEST_TIMEOUT_MS : time_left(round, hang_ms);
	struct text list = {0};

	for (size_t i = 0; i < round->count; i++)
		nacos_listen_name(&list, &round->watches[i]->name,
				  slice_of(round->watches[i]->md5));
	enum status status = nacos_session_listen(&client->session, text_slice(&list),
						  !round->is_first, timeout_ms, changes);
	text_free(&list);
	if (status == status_of_errno(ETIMEDOUT) && !round->is_first && timeout_ms < hang_ms)
		return STATUS_AGAIN;
	return status;
}

/* A server that answers, but not with this text, or has it change without end: the others are asked
 * for meanwhile. */
static void put_off(struct nacos_client *client, struct nacos_watch *watch, const char *why)
{
	unsigned times = watch->refusals < 5 ? watch->refusals : 5;
	int64_t ms = (int64_t)NACOS_BACKOFF_MS << times;

	watch->retry_ms = clock_ms() + (ms < NACOS_BACKOFF_MAX_MS ? ms : NACOS_BACKOFF_MAX_MS);
	atomic_fetch_add(&client->counts.failures, 1);
	if (!watch->refusals++ && !atomic_load(&client->is_stopping))
		log_warn(SENTINEL, "Nacos %.*s doesn't give %.*s of %.*s: %s",
			 SLICE_FMT(client->options.servers), SLICE_FMT(watch->name.data_id),
			 SLICE_FMT(watch->name.group), why);
	if (!watch->is_known && !watch->was_doubted)
		tell(client, watch, NACOS_UNKNOWN, (struct text){0});
	watch->was_doubted = true;
}

/* Fails only with the server. */
static enum status get_changed(struct nacos_client *client, struct nacos_watch *watch)
{
	enum status status = get(client, watch);

	if (!status && watch->repeats < REPEATS_MAX) {
		watch->refusals = 0;
		return STATUS_OK;
	}
	if (status && status != status_of_errno(EACCES) && status != STATUS_INVALID &&
	    status != STATUS_MALFORMED && status != STATUS_TOO_LARGE)
		return status;
	put_off(client, watch, status ? status_text(status) : "as it says it has changed");
	return STATUS_OK;
}

/* It is as it was known. */
static void set_same(struct nacos_client *client, struct nacos_watch *watch)
{
	watch->repeats = 0;
	if (watch->is_known)
		return;
	watch->is_known = true;
	tell(client, watch, watch->md5[0] ? NACOS_SAME : NACOS_NONE, (struct text){0});
}

static enum status run_round(struct nacos_client *client, const struct round *round)
{
	struct text changes = {0};
	enum status status = nacos_session_login(&client->session);

	if (!status)
		status = listen_to(client, round, &changes);
	for (size_t i = 0; !status && i < round->count; i++) {
		if (nacos_has_changed(text_slice(&changes), &round->watches[i]->name))
			status = get_changed(client, round->watches[i]);
		else
			set_same(client, round->watches[i]);
	}
	text_free(&changes);
	return status;
}

/* --- how it goes on --- */

/* -1: until it is woken. */
static void rest(struct nacos_client *client, int64_t ms)
{
	struct pollfd wake = {.fd = client->wake_fd, .events = POLLIN};

	if (!atomic_load(&client->is_stopping))
		poll(&wake, 1, (int)ms);
}

static void note_success(struct nacos_client *client)
{
	if (client->was_told && !atomic_load(&client->is_stopping))
		log_info(SENTINEL, "Nacos %.*s answers again", SLICE_FMT(client->options.servers));
	client->was_told = false;
	client->failed = 0;
	atomic_store(&client->counts.is_connected, true);
}

/* The next server's turn; after the last one a rest. */
static void note_failure(struct nacos_client *client, const struct round *round, enum status status)
{
	const struct nacos_server *server = nacos_session_next(&client->session);
	unsigned server_count = client->session.server_count, rounds;

	atomic_fetch_add(&client->counts.failures, 1);
	if (!client->was_told && !atomic_load(&client->is_stopping))
		log_warn(SENTINEL, "Nacos %s:%u: %s", server->host, server->port,
			 status == STATUS_INVALID ? "it refuses" : status_text(status));
	if (++client->failed % server_count)
		return;
	client->was_told = true;
	atomic_store(&client->counts.is_connected, false);
	for (size_t i = 0; i < round->count; i++) {
		struct nacos_watch *watch = round->watches[i];
		if (!watch->is_known && !watch->was_doubted)
			tell(client, watch, NACOS_UNKNOWN, (struct text){0});
		watch->was_doubted = true;
	}
	rounds = client->failed / server_count;
	int64_t ms = rounds > 5 ? NACOS_BACKOFF_MAX_MS : (int64_t)NACOS_BACKOFF_MS << (rounds - 1);
	rest(client, ms < NACOS_BACKOFF_MAX_MS ? ms : NACOS_BACKOFF_MAX_MS);
}

void *nacos_listener_run(void *arg)
{
	struct nacos_client *client = arg;

	while (!atomic_load(&client->is_stopping)) {
		struct round round;
		enum status status = STATUS_AGAIN;
		round_begin(&round, client);
		if (!round.count)
			rest(client, round.end_ms ? (int64_t)time_left(&round, INT32_MAX) : -1);
		else
			status = run_round(client, &round);
		if (!status)
			note_success(client);
		else if (status != STATUS_AGAIN) /* else woken: there are other watches */
			note_failure(client, &round, status);
		round_end(&round);
	}
	nacos_client_drop(client);
	return NULL;
}
