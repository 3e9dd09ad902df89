#include "server/giving.h"

#include <stdlib.h>

#include "hotrestart/channel.h"
#include "hotrestart/handover.h"
#include "server/worker.h"

enum { WORKER_SHIFT = 48 }; /* of a connection's id: worker_context.next_id */

void giving_init(struct giving *giving)
{
	*giving = (struct giving){.channel = NULL};
	list_init(&giving->out);
}

void giving_begin(struct giving *giving, struct channel *channel, struct worker **workers,
		  unsigned worker_count)
{
	giving->channel = channel;
	giving->workers = workers;
	giving->worker_count = worker_count;
	for (unsigned i = 0; i < worker_count; i++)
		worker_post(workers[i], worker_giving_begin, NULL);
}

/* Its worker knows what to do with it. */
static void give_back(struct giving *giving, struct given *given,
		      void (*fn)(struct worker *worker, void *given))
{
	if (giving->workers) {
		worker_post(given->worker, fn, given);
		return;
	}
	handover_fini(&given->handover);
	free(given);
}

static void send_connection(struct giving *giving, const struct handover *handover)
{
	struct section_writer payload = {0};
	int fds[HANDOVER_SOCKETS];
	size_t count = 0;

	for (int i = 0; i < HANDOVER_SOCKETS; i++)
		if (handover->sockets[i].fd >= 0)
			fds[count++] = handover->sockets[i].fd;
	handover_pack(handover, &payload);
	channel_send(giving->channel, MESSAGE_CONNECTION, slice_make(payload.data, payload.len),
		     fds, count);
	section_writer_free(&payload);
}

void giving_take(struct giving *giving, struct given *given)
{
	if (!giving->channel || !giving->channel->is_open) {
		giving->returned++;
		give_back(giving, given, worker_giving_returned);
		return;
	}
	list_push_back(&giving->out, &given->link);
	send_connection(giving, &given->handover);
}

bool giving_end_one(struct giving *giving)
{
	return ++giving->over == giving->worker_count;
}

static struct given *take_out(struct giving *giving, uint64_t id)
{
	for (struct list_node *n = giving->out.next; n != &giving->out; n = n->next) {
		struct given *given = container_of(n, struct given, link);
		if (given->id != id)
			continue;
		list_remove(n);
		return given;
	}
	return NULL;
}

static void end_adopted(struct giving *giving, struct given *given)
{
	giving->adopted++;
	handover_fini(&given->handover);
	give_back(giving, given, worker_giving_adopted);
}

static void end_returned(struct giving *giving, struct given *given)
{
	giving->returned++;
	give_back(giving, given, worker_giving_returned);
}

/* It is out no more: its worker may have calls of it. */
static void end_void(struct giving *giving, uint64_t id)
{
	uint64_t worker = id >> WORKER_SHIFT;

	if (worker >= giving->worker_count || !giving->workers)
		return;
	struct given *given = calloc(1, sizeof *given);
	invariant(given);
	given->id = id;
	for (int i = 0; i < HANDOVER_SOCKETS; i++)
		given->handover.sockets[i].fd = -1;
	worker_post(giving->workers[worker], worker_giving_void, given);
}

bool giving_hear(struct giving *giving, const struct upgrade_message *message)
{
	enum handover_word word;
	uint64_t id;
	enum status status = handover_unpack_word(message, &word, &id);

	if (status == STATUS_UNSUPPORTED) /* of a later release */
		return true;
	if (status)
		return false;
	if (word == HANDOVER_CLOSED) {
		end_void(giving, id);
		return true;
	}
	if (word == HANDOVER_SETTLED)
		return false;
	struct given *given = take_out(giving, id);
	if (!given)
		return false;
	if (word == HANDOVER_ADOPTED)
		end_adopted(giving, given);
	else
		end_returned(giving, given);
	return true;
}

void giving_reclaim(struct giving *giving)
{
	giving->channel = NULL;
	if (giving->workers)
		for (unsigned i = 0; i < giving->worker_count; i++)
			worker_post(giving->workers[i], worker_giving_lost, NULL);
	while (!list_is_empty(&giving->out)) {
		struct given *given = container_of(giving->out.next, struct given, link);
		list_remove(&given->link);
		end_returned(giving, given);
	}
}

void giving_stop(struct giving *giving)
{
	giving->workers = NULL;
	giving->channel = NULL;
	while (!list_is_empty(&giving->out)) {
		struct given *given = container_of(giving->out.next, struct given, link);
		list_remove(&given->link);
		give_back(giving, given, NULL);
	}
}
