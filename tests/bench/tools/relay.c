/* relay LISTEN_PORT UPSTREAM_PORT
 * One thread, one epoll set, no knowledge of the bytes: what a proxy in user space cannot beat
 * without splicing in the kernel. Edge-triggered, so a request costs no epoll_ctl: per direction
 * one epoll_wait (shared by what is ready), one read, one write. */
#include "util.h"

struct side {
	int fd;
	struct side *peer;
	char *pending; /* bytes for this fd which it did not take yet */
	size_t off, len;
	bool eof;      /* this fd will give no more */
	bool shut;     /* we told this fd that no more comes */
	bool readable; /* an edge was seen and not yet drained */
	bool dead;
	struct side *next_dead;
};

static char scratch[256 * 1024];
static struct side *dead_list;

static void bury(struct side *s)
{
	struct side *both[2] = {s, s->peer};
	if (s->dead)
		return;
	for (int i = 0; i < 2; i++) {
		close(both[i]->fd);
		both[i]->dead = true;
		both[i]->next_dead = dead_list;
		dead_list = both[i];
	}
}

static bool flush_to(struct side *to)
{
	while (to->len) {
		ssize_t n = write(to->fd, to->pending + to->off, to->len);
		if (n < 0)
			return errno == EAGAIN || errno == ENOTCONN;
		to->off += (size_t)n;
		to->len -= (size_t)n;
	}
	return true;
}

/* Moves what `from` has to its peer until one of them would block. False: the pair is broken. */
static bool pump(struct side *from, bool until_eof)
{
	struct side *to = from->peer;
	if (!flush_to(to))
		return false;
	while (from->readable && !from->eof && !to->len) {
		ssize_t n = read(from->fd, scratch, sizeof scratch);
		if (n < 0) {
			if (errno != EAGAIN)
				return false;
			from->readable = false;
			break;
		}
		if (n == 0) {
			from->eof = true;
			break;
		}
		if ((size_t)n < sizeof scratch && !until_eof)
			from->readable =
				false; /* a short read drained it; the next arrival is a new edge */
		ssize_t w = write(to->fd, scratch, (size_t)n);
		if (w < 0) {
			if (errno != EAGAIN && errno != ENOTCONN)
				return false;
			w = 0;
		}
		if (w < n) {
			if (!to->pending && !(to->pending = malloc(sizeof scratch)))
				die("malloc");
			to->off = 0;
			to->len = (size_t)(n - w);
			memcpy(to->pending, scratch + w, to->len);
		}
	}
	if (from->eof && !to->len && !to->shut) {
		shutdown(to->fd, SHUT_WR);
		to->shut = true;
	}
	return !(from->shut && to->shut);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return fprintf(stderr, "usage: relay LISTEN_PORT UPSTREAM_PORT\n"), 2;
	process_setup();
	int lfd = tcp_listen(atoi(argv[1])), up = atoi(argv[2]), ep = epoll_create1(EPOLL_CLOEXEC);
	const uint32_t edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	struct epoll_event evs[256];
	epoll_add(ep, lfd, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(ep, evs, 256, -1);
		for (int i = 0; i < n; i++) {
			struct side *s = evs[i].data.ptr;
			if (!s) {
				int fd;
				while ((fd = tcp_accept(lfd)) >= 0) {
					int ufd = tcp_connect(up);
					if (ufd < 0) {
						close(fd);
						continue;
					}
					struct side *d = calloc(1, sizeof *d),
						    *u = calloc(1, sizeof *u);
					d->fd = fd, u->fd = ufd, d->peer = u, u->peer = d;
					epoll_add(ep, fd, edges, d);
					epoll_add(ep, ufd, edges, u);
				}
				continue;
			}
			if (s->dead)
				continue;
			if (evs[i].events & EPOLLERR) {
				bury(s);
				continue;
			}
			if (evs[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
				s->readable = true;
			bool ok = true;
			if (s->readable)
				ok = pump(s, evs[i].events & (EPOLLRDHUP | EPOLLHUP));
			if (ok && (evs[i].events & EPOLLOUT) &&
			    (s->len || s->peer->readable || s->peer->eof))
				ok = pump(s->peer, s->peer->readable);
			if (!ok)
				bury(s);
		}
		while (dead_list) {
			struct side *s = dead_list;
			dead_list = s->next_dead;
			free(s->pending);
			free(s);
		}
	}
}
