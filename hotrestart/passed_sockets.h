/* Listening sockets on their way from old to new: one list, packed into LISTENERS there, claimed
 * by address here.
 *
 *   group 0: 10.0.0.1:80 reuse_port   fd fd fd fd      one a worker of old's
 *   group 1: /run/x.sock              fd
 *
 * A group is claimed whole: each of its sockets has a queue of its own, with connections in it.
 * With equal addresses (port 0) groups are claimed in the order in which they were opened.
 *
 * Owner: old: borrows the descriptors; new: owns those that nobody has claimed. Thread: main. */
#ifndef HOTRESTART_PASSED_SOCKETS_H
#define HOTRESTART_PASSED_SOCKETS_H

#include "base/addr.h"
#include "hotrestart/message.h"

struct channel;

enum passed_role {
	PASSED_LISTENER,
	PASSED_ADMIN,
	PASSED_COMMAND_CENTRE,
	PASSED_TOKEN_SERVER,
	PASSED_ROLES,
};

struct passed_socket {
	uint8_t role; /* enum passed_role */
	bool reuse_port, transparent;
	uint32_t group;
	int fd; /* -1: claimed */
	char address[ADDR_TEXT_MAX];
};

struct passed_sockets { /* start with {0} */
	struct passed_socket *items;
	size_t count, capacity;
	uint32_t group_count;
};

/* old: a socket of the group that was begun last. Nothing happens if fd is -1. */
void passed_sockets_begin_group(struct passed_sockets *sockets);
void passed_sockets_add(struct passed_sockets *sockets, enum passed_role role,
			const struct addr *addr, bool reuse_port, bool transparent, int fd);
/* Sends LISTENERS. STATUS_TOO_LARGE: there are more than one message may carry. */
enum status MUST_CHECK passed_sockets_send(const struct passed_sockets *sockets,
					   struct channel *channel);

/* new: takes the message's descriptors. STATUS_MALFORMED: nothing is taken. */
enum status MUST_CHECK passed_sockets_take(struct passed_sockets *sockets,
					   struct upgrade_message *message);
/* How many the next group of this role, address and options has; 0: there is none. */
size_t passed_sockets_find(const struct passed_sockets *sockets, enum passed_role role,
			   const struct addr *addr, bool reuse_port, bool transparent);
/* All of that group into fds (room for as many as find said): the caller's. */
void passed_sockets_claim(struct passed_sockets *sockets, enum passed_role role,
			  const struct addr *addr, bool reuse_port, bool transparent, int *fds);

/* Frees the list; closes: and what nobody has claimed. */
void passed_sockets_fini(struct passed_sockets *sockets, bool closes);

#endif
