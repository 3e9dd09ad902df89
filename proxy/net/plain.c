#include <sys/socket.h>

#include "net/conn.h"
#include "net/transport.h"

static ssize_t plain_read(struct conn *conn, void *data, size_t size)
{
	ssize_t n = conn_loop(conn)->sys->read(io_fd(&conn->io), data, size);
	if (LIKELY(n > 0)) {
		if ((size_t)n < size)
			io_spent(&conn->io, false);
		return n;
	}
	if (n == 0)
		return STATUS_CLOSED;
	if (n == -EAGAIN)
		io_spent(&conn->io, true);
	return n == -EAGAIN || n == -EINTR ? STATUS_AGAIN : n;
}

static ssize_t plain_writev(struct conn *conn, const struct iovec *iov, int count)
{
	const struct sys *sys = conn_loop(conn)->sys;
	ssize_t n;

	do
		n = sys->writev(io_fd(&conn->io), iov, count);
	while (n == -EINTR);
	return n == -EAGAIN ? STATUS_AGAIN : n;
}

static void plain_shutdown(struct conn *conn)
{
	shutdown(io_fd(&conn->io), SHUT_WR);
}

static void plain_close(struct conn *conn)
{
	(void)conn;
}

const struct transport plain_transport = {
	.name = "raw_buffer",
	.read = plain_read,
	.writev = plain_writev,
	.shutdown = plain_shutdown,
	.close = plain_close,
	.has_fd_bytes = true,
};
