#include "server/admin_hosts.h"

#include <stdlib.h>

#include "server/server.h"

/* One worker's answer. */
struct host_answer {
	struct message message;
	struct host_query *query;
	uint32_t count, size;
	struct host_query_item *items;
};

static void add(struct host_query_item **items, uint32_t *count, uint32_t *size,
		const struct host_query_item *item)
{
	if (*count == *size) {
		*size = *size ? *size * 2 : 64;
		*items = realloc(*items, *size * sizeof **items);
		invariant(*items);
	}
	(*items)[(*count)++] = *item;
}

/* --- on main --- */

static int by_host(const void *left, const void *right)
{
	const struct host_query_item *a = left, *b = right;
	return a->host < b->host ? -1 : a->host > b->host;
}

static void add_counts(struct host_counts *to, const struct host_counts *from)
{
	to->cx_total += from->cx_total;
	to->cx_connect_fail += from->cx_connect_fail;
	to->rq_total += from->rq_total;
	to->rq_success += from->rq_success;
	to->rq_error += from->rq_error;
	to->rq_timeout += from->rq_timeout;
	to->cx_active += from->cx_active;
	to->rq_active += from->rq_active;
	to->rq_pending += from->rq_pending;
}

static void drop(const struct host *host)
{
	host_drop((struct host *)(uintptr_t)host);
}

void host_query_merge(struct host_query *query)
{
	uint32_t kept = 0;

	if (!query->count)
		return;
	qsort(query->items, query->count, sizeof *query->items, by_host);
	for (uint32_t i = 1; i < query->count; i++) {
		if (query->items[i].host == query->items[kept].host) {
			add_counts(&query->items[kept].counts, &query->items[i].counts);
			drop(query->items[i].host);
		} else {
			query->items[++kept] = query->items[i];
		}
	}
	query->count = kept + 1;
}

void host_query_free(struct host_query *query)
{
	list_remove(&query->link);
	for (uint32_t i = 0; i < query->count; i++)
		drop(query->items[i].host);
	free(query->items);
	free(query);
}

struct host_counts host_query_find(const struct host_query *query, const struct host *host)
{
	const struct host_query_item key = {.host = host}, *found = NULL;

	if (query->count)
		found = bsearch(&key, query->items, query->count, sizeof key, by_host);
	return found ? found->counts : (struct host_counts){0};
}

static void on_answer(struct message *message, void *receiver)
{
	struct host_answer *answer = container_of(message, struct host_answer, message);
	struct host_query *query = answer->query;

	(void)receiver;
	for (uint32_t i = 0; i < answer->count; i++)
		add(&query->items, &query->count, &query->size, &answer->items[i]);
	free(answer->items);
	free(answer);
	if (--query->waiting)
		return;
	if (query->owner)
		query->done(query);
	else
		host_query_free(query);
}

/* --- on a worker --- */

static void copy(void *context, const struct worker_host *wh)
{
	struct host_answer *answer = context;
	const struct host_query_item item = {host_take(wh->host), worker_host_counts(wh)};

	add(&answer->items, &answer->count, &answer->size, &item);
}

static void answer_query(struct worker *worker, void *arg)
{
	struct host_answer *answer = calloc(1, sizeof *answer);

	invariant(answer);
	answer->message.run = on_answer;
	answer->query = arg;
	upstream_worker_each_host(worker->context.upstream, copy, answer);
	mailbox_post(worker->main_mailbox, &answer->message);
}

struct host_query *host_query_start(struct server *server, void (*done)(struct host_query *query),
				    void *owner)
{
	struct host_query *query = calloc(1, sizeof *query);

	invariant(query);
	query->done = done;
	query->owner = owner;
	query->waiting = server->worker_count;
	list_push_back(&server->admin.queries, &query->link);
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_post(server->workers[i], answer_query, query);
	return query;
}
