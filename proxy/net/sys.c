#include "net/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By syscall(2): the library's own calls are cancellation points, which costs as much as they do.
 */

static ssize_t real_read(int fd, void *data, size_t size)
{
	ssize_t n = syscall(SYS_read, fd, data, size);
	return n < 0 ? -errno : n;
}

static ssize_t real_peek(int fd, void *data, size_t size)
{
	ssize_t n = recv(fd, data, size, MSG_PEEK | MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static ssize_t real_writev(int fd, const struct iovec *iov, int count)
{
	ssize_t n = count == 1 ? syscall(SYS_write, fd, iov->iov_base, iov->iov_len)
			       : syscall(SYS_writev, fd, iov, count);
	return n < 0 ? -errno : n;
}

static ssize_t real_splice(int from, int to, size_t size)
{
	ssize_t n = splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	return n < 0 ? -errno : n;
}

static int real_accept(int fd, struct sockaddr_storage *peer, socklen_t *len)
{
	int accepted = accept4(fd, (struct sockaddr *)peer, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return accepted < 0 ? -errno : accepted;
}

static int real_socket(int domain, int type, int protocol)
{
	int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : fd;
}

static int real_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	return connect(fd, to, len) < 0 ? -errno : 0;
}

static int real_close(int fd)
{
	return close(fd) < 0 ? -errno : 0;
}

static int real_epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	return epoll_ctl(set, op, fd, event) < 0 ? -errno : 0;
}

static int real_epoll_wait(int set, struct epoll_event *events, int room, int timeout_ms)
{
	long n = syscall(SYS_epoll_pwait, set, events, room, timeout_ms, NULL, 0);
	return n < 0 ? -errno : (int)n;
}

const struct sys sys_real = {
	.read = real_read,
	.peek = real_peek,
	.writev = real_writev,
	.splice = real_splice,
	.accept = real_accept,
	.socket = real_socket,
	.connect = real_connect,
	.close = real_close,
	.epoll_ctl = real_epoll_ctl,
	.epoll_wait = real_epoll_wait,
};
