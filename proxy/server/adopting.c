#include "server/adopting.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "hotrestart/channel.h"
#include "hotrestart/handover.h"
#include "server/worker.h"

void adopting_init(struct adopting *adopting)
{
	*adopting = (struct adopting){.socket = -1};
}

static void to_all(struct adopting *adopting, void (*fn)(struct worker *worker, void *arg),
		   void *arg)
{
	for (unsigned i = 0; i < adopting->worker_count; i++)
		worker_post(adopting->workers[i], fn, arg);
}

void adopting_begin(struct adopting *adopting, const struct channel *channel,
		    struct worker **workers, unsigned worker_count)
{
	if (!channel->is_open)
		return;
	adopting->workers = workers;
	adopting->worker_count = worker_count;
	adopting->socket = fcntl(io_fd(&channel->io), F_DUPFD_CLOEXEC, 0);
	to_all(adopting, worker_adopting_begin, &adopting->socket);
}

/* Ids count up, from each worker's own start: mixed, they fall evenly. */
static struct worker *worker_of(const struct adopting *adopting, uint64_t id)
{
	return adopting
		->workers[(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) % adopting->worker_count];
}

static bool take_connection(struct adopting *adopting, struct upgrade_message *message)
{
	struct handover *handover = calloc(1, sizeof *handover);

	invariant(handover);
	if (handover_unpack(message, message->fds, message->fd_count, handover)) {
		free(handover);
		return false;
	}
	adopting->connections++;
	worker_post(worker_of(adopting, handover->id), worker_adopt, handover);
	return true;
}

static bool pass_on(struct adopting *adopting, struct upgrade_message *message, uint64_t id,
		    void (*fn)(struct worker *worker, void *message))
{
	struct upgrade_message *copy = malloc(sizeof *copy);

	invariant(copy);
	*copy = *message;
	*message = (struct upgrade_message){0};
	worker_post(worker_of(adopting, id), fn, copy);
	return true;
}

static void note_connection(void *id, const struct handover_answer *answer)
{
	*(uint64_t *)id = answer->connection;
}

bool adopting_hear(struct adopting *adopting, struct upgrade_message *message)
{
	enum handover_word word;
	enum status status;
	uint64_t id = 0;

	if (!adopting->workers)
		return false;
	if (message->kind == MESSAGE_CONNECTION)
		return take_connection(adopting, message);
	if (message->kind == MESSAGE_ANSWER)
		return !handover_unpack_answer(message, note_connection, &id) &&
		       pass_on(adopting, message, id, worker_take_answer);
	status = handover_unpack_word(message, &word, &id);
	if (status == STATUS_UNSUPPORTED) /* of a later release */
		return true;
	return !status && word == HANDOVER_SETTLED &&
	       pass_on(adopting, message, id, worker_take_word);
}

void adopting_end(struct adopting *adopting)
{
	if (!adopting->workers)
		return;
	to_all(adopting, worker_adopting_end, NULL);
	adopting->workers = NULL;
}

void adopting_end_one(struct adopting *adopting)
{
	if (++adopting->over == adopting->worker_count)
		adopting_fini(adopting);
}

void adopting_fini(struct adopting *adopting)
{
	if (adopting->socket >= 0)
		close(adopting->socket);
	adopting->socket = -1;
}
