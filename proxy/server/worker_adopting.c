#include "server/worker_adopting.h"

#include <stdlib.h>

#include "base/log.h"
#include "hotrestart/handover.h"
#include "manager/rpc_owed.h"
#include "server/worker.h"
#include "server/worker_listener.h"
#include "server/worker_saying.h"

static void on_void(struct worker_context *context, uint64_t connection)
{
	struct worker *worker = container_of(context, struct worker, context);

	if (!worker->adopting.is_over && !worker->is_over)
		worker_say_word(worker, false, HANDOVER_CLOSED, connection, "");
}

void worker_adopting_begin(struct worker *worker, void *socket)
{
	worker->adopting.socket = *(const int *)socket;
	worker->context.handover.owed_is_void = on_void;
}

void worker_adopting_end(struct worker *worker, void *unused)
{
	(void)unused;
	if (worker->publications && !worker->is_over) { /* behind those that wait for them, too */
		worker_post(worker, worker_adopting_end, NULL);
		return;
	}
	worker->adopting.is_over = true;
	worker->adopting.socket = -1;
	if (!worker->is_over)
		rpc_owed_end(&worker->context);
	worker_tell_main(worker, MAIN_ADOPTING_OVER, worker);
}

/* If it can't be told the process before has ended: then nobody but this one has it. */
static void say_adopted(struct worker *worker, uint64_t id)
{
	enum status status = STATUS_AGAIN;

	if (worker->adopting.socket >= 0)
		status = handover_say(worker->adopting.socket, HANDOVER_ADOPTED, id);
	if (status == STATUS_AGAIN)
		worker_say_word(worker, false, HANDOVER_ADOPTED, id, "");
}

static void refuse(struct worker *worker, uint64_t id, enum status why)
{
	log_warn_limited(HOTRESTART, "a connection stays with the process before: %s",
			 status_text(why));
	worker_say_word(worker, false, HANDOVER_REFUSED, id, status_text(why));
}

void worker_adopt(struct worker *worker, void *arg)
{
	struct handover *handover = arg;
	uint64_t id = handover->id;

	if (worker->publications && !worker->is_over) { /* its listener may be among them */
		worker_post(worker, worker_adopt, handover);
		return;
	}
	if (!worker->is_over) {
		enum status status = worker_listener_adopt(worker, handover);
		if (status)
			refuse(worker, id, status);
		else
			say_adopted(worker, id);
	}
	handover_fini(handover);
	free(handover);
}

static void message_free(struct upgrade_message *message)
{
	message_fini(message);
	free(message);
}

static void on_answer(void *worker, const struct handover_answer *answer)
{
	rpc_owed_answer(&((struct worker *)worker)->context, answer);
}

/* One that can't be read leaves its calls owed: they are answered as lost. */
void worker_take_answer(struct worker *worker, void *message)
{
	enum status status =
		worker->is_over ? STATUS_OK : handover_unpack_answer(message, on_answer, worker);

	if (status)
		log_warn(HOTRESTART, "an answer of the process before can't be read: %s",
			 status_text(status));
	message_free(message);
}

void worker_take_word(struct worker *worker, void *message)
{
	enum handover_word word;
	uint64_t connection;

	if (!worker->is_over && !handover_unpack_word(message, &word, &connection) &&
	    word == HANDOVER_SETTLED)
		rpc_owed_settled(&worker->context, connection);
	message_free(message);
}
