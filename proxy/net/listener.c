#include "net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static enum status set_options(int fd, const struct addr *addr,
			       const struct listen_options *options)
{
	static const int on = 1;
	bool is_ok = true;

	if (addr->family != ADDR_UNIX) {
		is_ok = !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		is_ok = is_ok && !setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	}
	if (is_ok && options->reuse_port)
		is_ok = !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (is_ok && addr->family == ADDR_IPV6) {
		int v6only = !options->ipv4_compat;
		is_ok = !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
	}
	if (is_ok && options->transparent)
		is_ok = !setsockopt(fd, addr->family == ADDR_IPV6 ? IPPROTO_IPV6 : IPPROTO_IP,
				    addr->family == ADDR_IPV6 ? IPV6_TRANSPARENT : IP_TRANSPARENT,
				    &on, sizeof on);
	if (is_ok && options->freebind)
		is_ok = !setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
	return is_ok ? STATUS_OK : status_of_errno(errno);
}

/* A socket's file outlives its process. What else stands there is someone's: bind refuses. */
static void remove_stale_socket(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
}

int listen_socket_open(const struct addr *addr, const struct listen_options *options)
{
	struct sockaddr_storage name;
	socklen_t len;
	enum status status = addr_to_sockaddr(addr, &name, &len);
	if (status)
		return status;

	int fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	bool is_file = addr->family == ADDR_UNIX && addr->path[0] != '@';
	if (is_file)
		remove_stale_socket(addr->path);
	status = set_options(fd, addr, options);
	if (!status &&
	    (bind(fd, (struct sockaddr *)&name, len) < 0 ||
	     (is_file && options->unix_mode && chmod(addr->path, options->unix_mode) < 0) ||
	     listen(fd, options->backlog ? options->backlog : SOMAXCONN) < 0))
		status = status_of_errno(errno);
	if (status) {
		close(fd);
		return status;
	}
	return fd;
}

static bool is_passing(int error)
{
	switch (error) {
	case -ECONNABORTED:
	case -EINTR:
	case -EPROTO:
	case -ENETDOWN:
	case -ENOPROTOOPT:
	case -EHOSTDOWN:
	case -ENONET:
	case -EHOSTUNREACH:
	case -EOPNOTSUPP:
	case -ENETUNREACH:
		return true;
	default:
		return false;
	}
}

/* False: nothing more waits, or can be had. */
static bool accept_some(struct acceptor *acceptor)
{
	struct io *io = &acceptor->io;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof peer;
		int fd = acceptor->loop->sys->accept(io_fd(io), &peer, &len);
		if (fd == -EAGAIN)
			return false;
		if (fd < 0 && is_passing(fd))
			continue;
		if (fd < 0) { /* EMFILE, ENFILE, ENOBUFS, ENOMEM: trying at once can't help */
			acceptor->accept_errors++;
			io_watch(acceptor->loop, io, IO_NONE);
			timer_start(&acceptor->loop->wheel, &acceptor->rest, ACCEPT_REST_MS);
			return false;
		}
		struct addr remote;
		addr_from_sockaddr(&peer, len, &remote, NULL);
		acceptor->accepted(acceptor, fd, &remote);
	}
	return true;
}

static void on_acceptable(struct io *io, int interest)
{
	(void)interest;
	accept_some(container_of(io, struct acceptor, io));
}

static void on_rested(struct timer *timer)
{
	struct acceptor *acceptor = container_of(timer, struct acceptor, rest);
	io_watch(acceptor->loop, &acceptor->io, IO_READ);
}

void acceptor_start(struct acceptor *acceptor, struct loop *loop, int fd,
		    void (*accepted)(struct acceptor *acceptor, int fd, const struct addr *remote))
{
	acceptor->loop = loop;
	acceptor->accepted = accepted;
	timer_init(&acceptor->rest, on_rested);
	io_init(&acceptor->io, fd, on_acceptable);
	io_watch(loop, &acceptor->io, IO_READ);
}

void acceptor_finish(struct acceptor *acceptor)
{
	for (int i = 0; i < ACCEPT_LAST_BATCHES && accept_some(acceptor); i++)
		continue;
	acceptor_stop(acceptor);
}

void acceptor_stop(struct acceptor *acceptor)
{
	timer_cancel(&acceptor->loop->wheel, &acceptor->rest);
	io_watch(acceptor->loop, &acceptor->io, IO_NONE);
}
