/* What the process does for Sentinel's applications: a place for their rules among what is
 * published, watches on their files, errands to the workers, and the page /sentinel. */
#include "server/server.h"

#include <stdlib.h>

#include "base/log.h"
#include "server/command_centre.h"
#include "filters/sentinel/page.h"
#include "message/percent.h"
#include "server/admin_pages.h"

static uint32_t slot(void *owner, struct slice name)
{
	struct server *server = owner;
	struct arena arena;

	arena_init(&arena, 256);
	/* a 0 stands in no name of Dubbo's rules, which have slots of the same kind */
	const char *text = arena_printf(&arena, "%c%.*s", 0, SLICE_FMT(name));
	uint32_t found =
		publisher_slot(&server->publisher, PUBLISHED_RULES, slice_make(text, 1 + name.len));
	arena_free(&arena);
	return found;
}

static void publish(void *owner, uint32_t at, struct published *object)
{
	struct server *server = owner;

	if (object)
		publisher_add(&server->publisher, object);
	else if (!server->dynamic.is_stopped)
		publisher_remove(&server->publisher, PUBLISHED_RULES, at);
}

static void send_all(void *owner)
{
	struct server *server = owner;
	dynamic_settle(&server->dynamic);
}

/* --- files --- */

struct watched {
	struct file_watch_entry entry;
	void (*changed)(void *arg);
	void *arg;
};

static void on_changed(struct file_watch_entry *entry)
{
	struct watched *watched = container_of(entry, struct watched, entry);
	watched->changed(watched->arg);
}

static void *watch(void *owner, const char *path, void (*changed)(void *arg), void *arg)
{
	struct server *server = owner;
	struct watched *watched;
	struct diag diag = {.line = 0};

	if (server->options->mode != MODE_SERVE)
		return NULL;
	watched = calloc(1, sizeof *watched);
	invariant(watched);
	watched->changed = changed;
	watched->arg = arg;
	if (subscriptions_watch(&server->dynamic.subscriptions, &watched->entry, path, on_changed,
				&diag)) {
		log_warn(CONFIG, "%s isn't watched: %s", path, diag.text);
		free(watched);
		return NULL;
	}
	return watched;
}

static void unwatch(void *owner, void *handle)
{
	struct server *server = owner;
	struct watched *watched = handle;

	file_watch_remove(&server->dynamic.subscriptions.watch, &watched->entry);
	free(watched);
}

static void await(void *owner, bool is_awaited)
{
	struct server *server = owner;

	if (is_awaited)
		server->dynamic.subscriptions.due++;
	else
		server->dynamic.subscriptions.due--;
}

/* --- errands to all workers --- */

struct sentinel_errand {
	void (*fn)(void *arg, unsigned worker, struct loop *loop);
	void (*done)(void *arg);
	void *arg;
	unsigned left; /* workers that haven't told main yet; main's */
};

static void run_errand(struct worker *worker, void *data)
{
	struct sentinel_errand *errand = data;

	errand->fn(errand->arg, worker->context.index, &worker->loop);
	worker_tell_main(worker, MAIN_ERRAND_DONE, errand);
}

void server_sentinel_errand_done(struct sentinel_errand *errand)
{
	if (--errand->left)
		return;
	errand->done(errand->arg);
	free(errand);
}

static void on_workers(void *owner, void (*fn)(void *arg, unsigned worker, struct loop *loop),
		       void (*done)(void *arg), void *arg)
{
	struct server *server = owner;
	struct sentinel_errand *errand;

	if (!server->workers) {
		done(arg);
		return;
	}
	errand = malloc(sizeof *errand);
	invariant(errand);
	*errand = (struct sentinel_errand){fn, done, arg, server->worker_count};
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_post(server->workers[i], run_errand, errand);
}

static struct command_centre *open_centre(void *owner, struct sentinel_ops *ops)
{
	return command_centre_open(owner, ops);
}

void server_sentinel_stop(struct server *server)
{
	for (struct list_node *n = server->command_centres.next; n != &server->command_centres;
	     n = n->next)
		command_centre_stop(container_of(n, struct command_centre, link));
	sentinel_applications_close(&server->sentinel);
	loop_settle(&server->loop);
}

void server_sentinel_init(struct server *server)
{
	static const struct sentinel_services services = {
		slot,       publish, send_all, watch, unwatch, open_centre, command_centre_close,
		on_workers, await};

	list_init(&server->command_centres);
	sentinel_applications_init(&server->sentinel, &services, server, server->stats,
				   &server->loop.wall_ns);
	server->sentinel.is_serving = server->options->mode == MODE_SERVE;
	server->sentinel.loop = server->sentinel.is_serving ? &server->loop : NULL;
}

void admin_fill_sentinel(struct admin_request *request)
{
	struct sentinel_page_options options = {.names = NULL};
	struct arena arena;

	arena_init(&arena, 1024);
	struct slice application = admin_query(request, SLICE("application"));
	if (application.data)
		options.application = percent_decode(application, &arena);
	if (!admin_regex(request, SLICE("filter"), &arena, &options.names)) {
		bool is_html = slice_equal(admin_query(request, SLICE("format")), SLICE("html"));
		const struct sentinel_applications *all = &request->server->sentinel;
		if (is_html)
			sentinel_page_write_html(&request->body, all, &options);
		else
			sentinel_page_write(&request->body, all, &options);
		request->content_type = is_html ? "text/html; charset=UTF-8" : "application/json";
	}
	arena_free(&arena);
}
