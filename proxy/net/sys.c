#include "net/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By syscall(2): the library's own calls are cancellation points, which costs as much as they do.
 * A socket's own calls, not read and write: these look for what a file may have first (70 ns). */

static ssize_t real_recv(int fd, void *data, size_t size)
{
	ssize_t n = syscall(SYS_recvfrom, fd, data, size, 0, NULL, NULL);
	return n < 0 ? -errno : n;
}

static ssize_t real_peek(int fd, void *data, size_t size)
{
	ssize_t n = recv(fd, data, size, MSG_PEEK | MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static ssize_t real_send(int fd, const struct iovec *iov, int count)
{
	ssize_t n;

	if (count == 1) {
		n = syscall(SYS_sendto, fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL, NULL, 0);
	} else {
		struct msghdr message = {.msg_iov = (struct iovec *)iov,
					 .msg_iovlen = (size_t)count};
		n = syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
	}
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
	.recv = real_recv,
	.peek = real_peek,
	.send = real_send,
	.splice = real_splice,
	.accept = real_accept,
	.socket = real_socket,
	.connect = real_connect,
	.close = real_close,
	.epoll_ctl = real_epoll_ctl,
	.epoll_wait = real_epoll_wait,
};
