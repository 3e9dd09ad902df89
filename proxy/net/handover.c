#include "net/handover.h"

#include <stdlib.h>
#include <unistd.h>

static void socket_fini(struct handover_socket *socket)
{
	if (socket->fd >= 0)
		close(socket->fd);
	free(socket->unread);
	free(socket->unsent);
	*socket = (struct handover_socket){.fd = -1};
}

static void addr_fini(struct addr *addr)
{
	if (addr->family == ADDR_UNIX)
		free((char *)(uintptr_t)addr->path);
}

void handover_fini(struct handover *handover)
{
	free(handover->protocol);
	free(handover->listener);
	free(handover->filter_chain);
	free(handover->cluster);
	free(handover->host);
	free(handover->calls);
	free(handover->state);
	addr_fini(&handover->remote);
	addr_fini(&handover->local);
	for (int i = 0; i < HANDOVER_SOCKETS; i++)
		socket_fini(&handover->sockets[i]);
	*handover = (struct handover){.sockets = {{.fd = -1}, {.fd = -1}}};
}
