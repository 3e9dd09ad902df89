#include "server/worker_saying.h"

#include <stdlib.h>

#include "hotrestart/handover.h"
#include "server/worker.h"

static struct worker_saying *saying_new(enum message_kind kind, bool to_successor)
{
	struct worker_saying *saying = calloc(1, sizeof *saying);

	invariant(saying);
	saying->kind = kind;
	saying->to_successor = to_successor;
	return saying;
}

void worker_say_answer(struct worker *worker, const struct handover_answer *answer)
{
	struct worker_saying *saying = saying_new(MESSAGE_ANSWER, true);

	handover_pack_answer(answer, &saying->payload);
	worker_tell_main(worker, MAIN_SAYS, saying);
}

void worker_say_word(struct worker *worker, bool to_successor, enum handover_word word,
		     uint64_t connection, const char *reason)
{
	struct worker_saying *saying = saying_new(MESSAGE_CONNECTION_WORD, to_successor);

	handover_pack_word(word, connection, slice_of(reason), &saying->payload);
	worker_tell_main(worker, MAIN_SAYS, saying);
}

void worker_saying_free(struct worker_saying *saying)
{
	section_writer_free(&saying->payload);
	free(saying);
}
