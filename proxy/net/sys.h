/* The system calls of the data path, as a table, so that tests can make the nth one fail.
 *
 * Each entry returns what the call returns (bytes, an fd, 0) or a negated errno; never -1 with
 * errno. Constant tables; a loop holds the one in force. */
#ifndef NET_SYS_H
#define NET_SYS_H

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sys {
	ssize_t (*recv)(int fd, void *data, size_t size);
	ssize_t (*peek)(int fd, void *data, size_t size);            /* it stays there */
	ssize_t (*send)(int fd, const struct iovec *iov, int count); /* no SIGPIPE */
	ssize_t (*splice)(int from, int to, size_t size); /* non-blocking, one end a pipe */
	int (*accept)(int fd, struct sockaddr_storage *peer,
		      socklen_t *len);                     /* non-blocking, close-on-exec */
	int (*socket)(int domain, int type, int protocol); /* likewise */
	int (*connect)(int fd, const struct sockaddr *to, socklen_t len);
	int (*close)(int fd);
	int (*epoll_ctl)(int set, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(int set, struct epoll_event *events, int room, int timeout_ms);
};

extern const struct sys sys_real;

#endif
