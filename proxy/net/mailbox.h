/* Messages from any thread to one loop: a multi-producer, single-consumer queue.
 *
 *   post: push on the stack, wake the loop if it was empty
 *   drain: take the whole stack, turn it round, run each
 *
 * Owner: the receiving loop's owner; a message belongs to the mailbox from post until its run is
 * called, then to run. Thread: post any, drain the receiver's. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include <stdatomic.h>

struct loop;

struct message {
	struct message *next;
	/* Runs on the receiver's thread, in the order of the posts; owns the message from here. */
	void (*run)(struct message *message, void *receiver);
};

struct mailbox {
	_Atomic(struct message *) newest;
	struct message *oldest; /* the receiver's: taken from the stack, not run yet */
	struct loop *loop;
	void *receiver;
};

void mailbox_init(struct mailbox *mailbox, struct loop *loop, void *receiver);
/* Takes the message. */
void mailbox_post(struct mailbox *mailbox, struct message *message);
/* Runs all that is there; what comes meanwhile, from these runs too, is for the next drain. */
void mailbox_drain(struct mailbox *mailbox);
/* Runs count of them at most; the loop is woken for the others. */
void mailbox_drain_some(struct mailbox *mailbox, unsigned count);

#endif
