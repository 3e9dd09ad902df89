#include "net/mailbox.h"

#include "net/loop.h"

void mailbox_init(struct mailbox *mailbox, struct loop *loop, void *receiver)
{
	atomic_init(&mailbox->newest, NULL);
	mailbox->oldest = NULL;
	mailbox->loop = loop;
	mailbox->receiver = receiver;
}

void mailbox_post(struct mailbox *mailbox, struct message *message)
{
	struct message *before = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);

	do {
		message->next = before;
	} while (!atomic_compare_exchange_weak_explicit(
		&mailbox->newest, &before, message, memory_order_release, memory_order_relaxed));
	/* From here the message is the receiver's, and may be gone. */
	if (!before)
		loop_wake(mailbox->loop);
}

/* The whole stack, turned round. */
static struct message *take_all(struct mailbox *mailbox)
{
	struct message *newest =
		atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acquire);
	struct message *oldest = NULL;

	while (newest) {
		struct message *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

static void run_oldest(struct mailbox *mailbox)
{
	struct message *message = mailbox->oldest;
	mailbox->oldest = message->next;
	message->run(message, mailbox->receiver);
}

void mailbox_drain(struct mailbox *mailbox)
{
	while (mailbox->oldest)
		run_oldest(mailbox);
	mailbox->oldest = take_all(mailbox);
	while (mailbox->oldest)
		run_oldest(mailbox);
}

void mailbox_drain_some(struct mailbox *mailbox, unsigned count)
{
	if (!mailbox->oldest)
		mailbox->oldest = take_all(mailbox);
	for (; mailbox->oldest && count; count--)
		run_oldest(mailbox);
	/* What came while there were some left has woken us for this turn already. */
	if (mailbox->oldest || atomic_load_explicit(&mailbox->newest, memory_order_relaxed))
		loop_wake(mailbox->loop);
}
