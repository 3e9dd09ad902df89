#include "hotrestart/passed_sockets.h"

#include <stdlib.h>
#include <unistd.h>

#include <outrigger/hotrestart/v1/upgrade.pb-c.h>

#include "base/attributes.h"
#include "hotrestart/channel.h"

typedef Outrigger__Hotrestart__V1__Listeners Listeners;
typedef Outrigger__Hotrestart__V1__ListenSocket ListenSocket;

static struct passed_socket *append(struct passed_sockets *sockets)
{
	if (sockets->count == sockets->capacity) {
		sockets->capacity = sockets->capacity ? 2 * sockets->capacity : 16;
		sockets->items =
			realloc(sockets->items, sockets->capacity * sizeof *sockets->items);
		invariant(sockets->items);
	}
	struct passed_socket *item = &sockets->items[sockets->count++];
	memset(item, 0, sizeof *item);
	return item;
}

void passed_sockets_begin_group(struct passed_sockets *sockets)
{
	sockets->group_count++;
}

void passed_sockets_add(struct passed_sockets *sockets, enum passed_role role,
			const struct addr *addr, bool reuse_port, bool transparent, int fd)
{
	if (fd < 0)
		return;
	struct passed_socket *item = append(sockets);
	item->role = (uint8_t)role;
	item->reuse_port = reuse_port;
	item->transparent = transparent;
	item->group = sockets->group_count - 1;
	item->fd = fd;
	addr_format(addr, item->address);
}

enum status passed_sockets_send(const struct passed_sockets *sockets, struct channel *channel)
{
	Listeners message = OUTRIGGER__HOTRESTART__V1__LISTENERS__INIT;
	size_t count = sockets->count;

	if (count > MESSAGE_LISTENER_FDS_MAX)
		return STATUS_TOO_LARGE;
	ListenSocket *items = calloc(count + 1, sizeof *items);
	ListenSocket **pointers = calloc(count + 1, sizeof *pointers);
	int *fds = calloc(count + 1, sizeof *fds);
	invariant(items && pointers && fds);
	for (size_t i = 0; i < count; i++) {
		struct passed_socket *from = &sockets->items[i];
		outrigger__hotrestart__v1__listen_socket__init(&items[i]);
		items[i].role = (Outrigger__Hotrestart__V1__SocketRole)from->role;
		items[i].group = from->group;
		items[i].address = from->address;
		items[i].reuse_port = from->reuse_port;
		items[i].transparent = from->transparent;
		pointers[i] = &items[i];
		fds[i] = from->fd;
	}
	message.n_sockets = count;
	message.sockets = pointers;
	enum status status = STATUS_OK;
	if (protobuf_c_message_get_packed_size(&message.base) > MESSAGE_CONTROL_MAX)
		status = STATUS_TOO_LARGE;
	else
		channel_send_message(channel, MESSAGE_LISTENERS, &message.base, fds, count);
	free(items);
	free(pointers);
	free(fds);
	return status;
}

static bool is_well_formed(const Listeners *message, size_t fd_count)
{
	if (message->n_sockets != fd_count)
		return false;
	for (size_t i = 0; i < fd_count; i++)
		if (strlen(message->sockets[i]->address) >= ADDR_TEXT_MAX)
			return false;
	return true;
}

enum status passed_sockets_take(struct passed_sockets *sockets, struct upgrade_message *message)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__listeners__descriptor);
	Listeners *listeners = (Listeners *)(void *)unpacked;
	bool is_ok = listeners && is_well_formed(listeners, message->fd_count);

	for (size_t i = 0; is_ok && i < message->fd_count; i++) {
		const ListenSocket *from = listeners->sockets[i];
		struct passed_socket *item = append(sockets);
		/* a role of a later release: nobody will claim it */
		item->role = from->role >= 0 && (int)from->role < PASSED_ROLES ? (uint8_t)from->role
									       : PASSED_ROLES;
		item->group = from->group;
		item->reuse_port = from->reuse_port;
		item->transparent = from->transparent;
		memcpy(item->address, from->address, strlen(from->address) + 1);
		item->fd = message->fds[i];
		message->fds[i] = -1;
	}
	if (unpacked)
		protobuf_c_message_free_unpacked(unpacked, NULL);
	return is_ok ? STATUS_OK : STATUS_MALFORMED;
}

/* The first unclaimed socket that is the one asked for, or count. */
static size_t first_of(const struct passed_sockets *sockets, enum passed_role role,
		       const struct addr *addr, bool reuse_port, bool transparent)
{
	char text[ADDR_TEXT_MAX];
	size_t i = 0;

	addr_format(addr, text);
	for (; i < sockets->count; i++) {
		const struct passed_socket *item = &sockets->items[i];
		if (item->fd >= 0 && item->role == role && item->reuse_port == reuse_port &&
		    item->transparent == transparent && !strcmp(item->address, text))
			break;
	}
	return i;
}

static bool is_of_group(const struct passed_socket *item, const struct passed_socket *first)
{
	return item->fd >= 0 && item->role == first->role && item->group == first->group;
}

size_t passed_sockets_find(const struct passed_sockets *sockets, enum passed_role role,
			   const struct addr *addr, bool reuse_port, bool transparent)
{
	size_t first = first_of(sockets, role, addr, reuse_port, transparent), found = 0;

	for (size_t i = first; i < sockets->count; i++)
		found += is_of_group(&sockets->items[i], &sockets->items[first]);
	return found;
}

void passed_sockets_claim(struct passed_sockets *sockets, enum passed_role role,
			  const struct addr *addr, bool reuse_port, bool transparent, int *fds)
{
	size_t first = first_of(sockets, role, addr, reuse_port, transparent), claimed = 0;

	for (size_t i = sockets->count; i-- > first;)
		if (is_of_group(&sockets->items[i], &sockets->items[first])) {
			fds[claimed++] = sockets->items[i].fd;
			if (i != first)
				sockets->items[i].fd = -1;
		}
	if (first < sockets->count)
		sockets->items[first].fd = -1;
}

void passed_sockets_fini(struct passed_sockets *sockets, bool closes)
{
	for (size_t i = 0; closes && i < sockets->count; i++)
		if (sockets->items[i].fd >= 0)
			close(sockets->items[i].fd);
	free(sockets->items);
	*sockets = (struct passed_sockets){0};
}
