/* tcpgen echo PORT                     server: sends back what it gets
 * tcpgen sink PORT                     server: drops what it gets, closes on end of stream
 * tcpgen pingpong PORT CONNS BYTES SECS   one message in flight on each connection
 * tcpgen stream PORT CONNS TOTAL_BYTES    sends, then waits until the far end has closed */
#include "util.h"

struct conn {
	int fd;
	size_t got;
	uint64_t left, sent_at;
};

static char buf[256 * 1024];

static _Noreturn void serve(int port, bool echo)
{
	int lfd = tcp_listen(port), ep = epoll_create1(0);
	struct epoll_event evs[256];
	epoll_add(ep, lfd, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(ep, evs, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = (int)(intptr_t)evs[i].data.ptr;
			if (!fd) {
				while ((fd = tcp_accept(lfd)) >= 0)
					epoll_add(ep, fd, EPOLLIN, (void *)(intptr_t)fd);
				continue;
			}
			ssize_t r = read(fd, buf, sizeof buf);
			if (r <= 0) {
				if (r == 0 || errno != EAGAIN)
					close(fd);
			} else if (echo && write(fd, buf, (size_t)r) != r) {
				close(fd); /* messages are far smaller than the socket buffer */
			}
		}
	}
}

int main(int argc, char **argv)
{
	static struct hist h;
	if (argc < 3)
		return fprintf(stderr, "usage: see the head of tcpgen.c\n"), 2;
	process_setup();
	const char *mode = argv[1];
	int port = atoi(argv[2]);
	if (!strcmp(mode, "echo") || !strcmp(mode, "sink"))
		serve(port, mode[0] == 'e');
	bool stream = !strcmp(mode, "stream");
	int conns = atoi(argv[3]), live = conns, ep = epoll_create1(0);
	uint64_t bytes = strtoull(argv[4], NULL, 10), ok = 0, errors = 0, start = now_ns();
	uint64_t end = stream ? start + 60000000000u : start + (uint64_t)(atof(argv[5]) * 1e9),
		 now = start;
	struct conn *all = calloc((size_t)conns, sizeof *all);
	struct epoll_event evs[256];
	for (int i = 0; i < conns; i++) {
		all[i].fd = tcp_connect(port);
		if (all[i].fd < 0)
			die("connect");
		all[i].left = stream ? bytes / (uint64_t)conns : 0;
		epoll_add(ep, all[i].fd, stream ? EPOLLIN | EPOLLOUT : EPOLLOUT, &all[i]);
	}
	while (live > 0 && now < end) {
		int n = epoll_wait_until(ep, evs, 256, end);
		now = now_ns();
		for (int i = 0; i < n; i++) {
			struct conn *c = evs[i].data.ptr;
			if (stream && c->left) {
				ssize_t w = write(c->fd, buf,
						  c->left < sizeof buf ? c->left : sizeof buf);
				if (w < 0 && errno != EAGAIN)
					errors++, live--, close(c->fd);
				else if (w > 0 && !(c->left -= (uint64_t)w)) {
					struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
					epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
					shutdown(c->fd, SHUT_WR);
				}
				continue;
			}
			if (!stream && !c->sent_at) {
				struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
				epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
			} else {
				ssize_t r = read(c->fd, buf, sizeof buf);
				if (r < 0 && errno == EAGAIN)
					continue;
				if (r <= 0) {
					ok += stream;
					errors += !stream;
					live--;
					close(c->fd);
					continue;
				}
				c->got += (size_t)r;
				if (stream || c->got < bytes)
					continue;
				hist_add(&h, now - c->sent_at);
				ok++;
			}
			c->got = 0;
			c->sent_at = now;
			if (write(c->fd, buf, bytes) != (ssize_t)bytes)
				errors++, live--, close(c->fd);
		}
	}
	report(&h, ok, errors, now_ns() - start);
	return 0;
}
