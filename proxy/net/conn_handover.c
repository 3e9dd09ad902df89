#include "net/conn_handover.h"

#include <stdlib.h>

#include "net/conn_filter.h"
#include "net/served.h"

char *handover_text(struct slice text)
{
	char *copy = strndup(text.data ? text.data : "", text.len);

	invariant(copy);
	return copy;
}

static struct addr copy_addr(const struct addr *addr)
{
	struct addr copy = *addr;

	if (copy.family == ADDR_UNIX)
		copy.path = handover_text(slice_of(addr->path));
	return copy;
}

void handover_begin(struct handover *handover, const char *protocol,
		    const struct accepted *accepted)
{
	*handover = (struct handover){
		.protocol = handover_text(slice_of(protocol)),
		.version = HANDOVER_STATE_VERSION,
		.listener = handover_text(accepted->listener->object->name),
		.filter_chain = handover_text(accepted->chain->name),
		.remote = copy_addr(&accepted->remote),
		.local = copy_addr(&accepted->local),
		.sockets = {{.fd = -1}, {.fd = -1}},
	};
}

bool conn_may_move(const struct conn *conn)
{
	return conn_is_open(conn) && conn->transport == &plain_transport && io_fd(&conn->io) >= 0 &&
	       conn->out.len <= HANDOVER_BYTES_MAX &&
	       (!conn->left || conn->left->len <= HANDOVER_BYTES_MAX);
}

static char *bytes_new(size_t len)
{
	char *bytes = malloc(len);

	invariant(bytes);
	return bytes;
}

static void unload_left(struct conn *conn, struct handover_socket *socket)
{
	struct conn_left *left = conn->left;

	if (!left)
		return;
	socket->unread = bytes_new(left->len);
	socket->unread_len = left->len;
	memcpy(socket->unread, left->bytes, left->len);
	conn->left = NULL;
	buf_pool_give_late(conn->out.pool, (char *)left);
}

void conn_unload(struct conn *conn, struct handover_socket *socket)
{
	unload_left(conn, socket);
	if (conn->out.len) {
		socket->unsent = bytes_new(conn->out.len);
		socket->unsent_len = buf_peek(&conn->out, socket->unsent, conn->out.len);
		buf_clear(&conn->out);
	}
	socket->is_read_eof = conn->is_eof;
	socket->is_write_shut = conn->is_shutdown_wanted;
}

void conn_move_out(struct conn *conn, struct handover_socket *socket)
{
	conn_unload(conn, socket);
	socket->fd = conn_exchange(conn, -1, conn->transport);
	conn_close(conn, false);
}

void conn_load(struct conn *conn, const struct handover_socket *socket)
{
	size_t room;

	if (socket->unread_len) {
		struct conn_left *left = (void *)buf_pool_take(
			conn->out.pool, sizeof(struct conn_left) + socket->unread_len, &room);
		left->room = (uint32_t)(room - sizeof(struct conn_left));
		left->len = (uint32_t)socket->unread_len;
		memcpy(left->bytes, socket->unread, socket->unread_len);
		conn->left = left;
		conn_read_again(conn);
	}
	if (socket->unsent_len) {
		buf_append_owned(&conn->out, slice_make(socket->unsent, socket->unsent_len));
		conn_flush_later(conn);
	}
	if (socket->is_write_shut)
		conn_shutdown(conn);
}
