#include "server/command_centre.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "hotrestart/passed_sockets.h"
#include "server/command_session.h"
#include "server/server.h"

static void on_accepted(struct acceptor *acceptor, int fd, const struct addr *remote)
{
	struct command_centre *centre = container_of(acceptor, struct command_centre, acceptor);

	(void)remote;
	if (centre->session_count >= COMMAND_SESSIONS_MAX)
		close(fd);
	else
		command_session_open(centre, fd);
}

static void listen_on(struct command_centre *centre)
{
	char text[ADDR_TEXT_MAX];

	addr_format(&centre->addr, text);
	log_info(SENTINEL, "command centre listens on %s", text);
	acceptor_start(&centre->acceptor, &centre->server->loop, centre->fd, on_accepted);
	sentinel_ops_set_port(centre->ops, centre->addr.port);
}

/* What the system has chosen, if any would do. */
static void find_port(struct command_centre *centre)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof own;

	if (!getsockname(centre->fd, (struct sockaddr *)&own, &len))
		addr_from_sockaddr(&own, len, &centre->addr, NULL);
}

/* The predecessor's, or a new one. */
static int open_socket(struct command_centre *centre)
{
	const struct listen_options options = {.backlog = COMMAND_SESSIONS_MAX};
	struct passed_sockets *passed = centre->server->listeners.passed;
	const struct addr *addr = &centre->addr;
	int fd;

	/* a group of this role has one */
	if (!passed || passed_sockets_find(passed, PASSED_COMMAND_CENTRE, addr, false, false) != 1)
		return listen_socket_open(addr, &options);
	passed_sockets_claim(passed, PASSED_COMMAND_CENTRE, addr, false, false, &fd);
	return fd;
}

static void try_to_bind(struct command_centre *centre)
{
	unsigned port = sentinel_ops_command_port(centre->ops) + centre->tries / COMMAND_BIND_TRIES;

	if (port > UINT16_MAX) {
		log_warn(SENTINEL, "command centre: no port from %u on is free",
			 sentinel_ops_command_port(centre->ops));
		return;
	}
	centre->addr.port = (uint16_t)port;
	centre->fd = open_socket(centre);
	centre->tries++;
	if (centre->fd >= 0) {
		find_port(centre);
		listen_on(centre);
	} else {
		timer_start(&centre->server->loop.wheel, &centre->bind_timer, COMMAND_BIND_MS);
	}
}

static void on_bind_timer(struct timer *timer)
{
	try_to_bind(container_of(timer, struct command_centre, bind_timer));
}

struct command_centre *command_centre_open(struct server *server, struct sentinel_ops *ops)
{
	struct command_centre *centre = calloc(1, sizeof *centre);

	invariant(centre);
	centre->server = server;
	centre->ops = ops;
	centre->fd = -1;
	timer_init(&centre->bind_timer, on_bind_timer);
	list_init(&centre->sessions);
	if (addr_parse_ip(slice_of(sentinel_ops_command_address(ops)), 0, &centre->addr)) {
		log_warn(SENTINEL, "command centre: '%s' is no address",
			 sentinel_ops_command_address(ops));
		free(centre);
		return NULL;
	}
	list_push_back(&server->command_centres, &centre->link);
	if (!upgrade_is_taking(&server->upgrade))
		try_to_bind(centre);
	return centre;
}

void command_centres_start(struct server *server)
{
	const struct list_node *all = &server->command_centres;

	for (struct list_node *n = all->next; n != all; n = n->next)
		try_to_bind(container_of(n, struct command_centre, link));
}

void command_centre_pause(struct command_centre *centre)
{
	if (centre->fd >= 0)
		acceptor_stop(&centre->acceptor);
}

void command_centre_resume(struct command_centre *centre)
{
	if (centre->fd >= 0)
		acceptor_start(&centre->acceptor, &centre->server->loop, centre->fd, on_accepted);
}

void command_centre_stop(struct command_centre *centre)
{
	timer_cancel(&centre->server->loop.wheel, &centre->bind_timer);
	if (centre->fd >= 0) {
		sentinel_ops_set_port(centre->ops, 0);
		acceptor_stop(&centre->acceptor);
		close(centre->fd);
		centre->fd = -1;
	}
	while (!list_is_empty(&centre->sessions))
		command_session_close(
			container_of(centre->sessions.next, struct command_session, link));
}

void command_centre_close(struct command_centre *centre)
{
	if (!centre)
		return;
	command_centre_stop(centre);
	list_remove(&centre->link);
	free(centre);
}
