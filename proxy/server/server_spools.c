/* What the process does for what is kept for later: errands to workers, and how busy the machine
 * is. */
#include "server/server.h"

#include <stdlib.h>

#include "base/shared.h"
#include "base/shared_load.h"

struct errand {
	struct message message;
	void (*fn)(struct worker_context *worker, void *arg);
	void *arg;
};

static void run(struct message *message, void *receiver)
{
	struct errand *errand = container_of(message, struct errand, message);
	struct worker *worker = receiver;

	errand->fn(&worker->context, errand->arg);
	free(errand);
}

static void post(void *owner, unsigned worker, void (*fn)(struct worker_context *worker, void *arg),
		 void *arg)
{
	const struct server *server = owner;
	struct errand *errand = malloc(sizeof *errand);

	invariant(errand);
	*errand = (struct errand){.message.run = run, .fn = fn, .arg = arg};
	mailbox_post(&server->workers[worker]->mailbox, &errand->message);
}

void server_spools_init(struct server *server)
{
	spools_init(&server->spools, server->stats);
	server->spools.post = post;
	server->spools.owner = server;
	server->load = shared_load_take();
}

void server_spools_tick(struct server *server)
{
	spools_tick(&server->spools);
	if (!shared_load_is_wanted(server->load))
		return;
	struct system_status status =
		system_sampler_read(&server->load_sampler, server->loop.wall_ns);
	shared_load_set(server->load, (uint32_t)(status.cpu * 1000));
}

void server_spools_fini(struct server *server)
{
	spools_fini(&server->spools);
	shared_drop(server->load);
}
