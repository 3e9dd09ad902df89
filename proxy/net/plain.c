#include <string.h>
#include <sys/socket.h>

#include "net/conn.h"
#include "net/transport.h"

static ssize_t plain_read(struct conn *conn, void *data, size_t size)
{
	ssize_t n = conn_loop(conn)->sys->recv(io_fd(&conn->io), data, size);
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

/* Up to so many bytes, copying them costs a quarter of what the kernel takes for the second of two
 * pieces. */
enum { GATHER_SIZE = 2048 };

static ssize_t send_pieces(const struct sys *sys, int fd, const struct iovec *iov, int count)
{
	char bytes[GATHER_SIZE];
	size_t len = 0;

	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len > sizeof bytes - len)
			return sys->send(fd, iov, count);
		memcpy(bytes + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	return sys->send(fd, &(struct iovec){.iov_base = bytes, .iov_len = len}, 1);
}

static ssize_t plain_writev(struct conn *conn, const struct iovec *iov, int count)
{
	const struct sys *sys = conn_loop(conn)->sys;
	int fd = io_fd(&conn->io);
	ssize_t n;

	do
		n = count == 1 ? sys->send(fd, iov, 1) : send_pieces(sys, fd, iov, count);
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
