/* bolt PORT       A Bolt v1 server: every call is answered with a SofaResponse of 150 bytes. */
#include "bolt_frame.h"
#include "util.h"

enum { IN = 512 * 1024 };

struct conn {
	int fd;
	size_t in_len, out_len;
	unsigned char in[IN], out[2 * IN];
};

static bool flush(struct conn *c)
{
	size_t done = 0;
	while (done < c->out_len) { /* the peer reads all the time: waiting here is short */
		ssize_t n = write(c->fd, c->out + done, c->out_len - done);
		if (n < 0 && errno != EAGAIN)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	c->out_len = 0;
	return true;
}

/* False: the connection is over. */
static bool serve(struct conn *c)
{
	ssize_t n = read(c->fd, c->in + c->in_len, IN - c->in_len);
	size_t pos = 0, len;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->in_len += (size_t)n;
	while ((len = bolt_frame_len(c->in + pos, c->in_len - pos))) {
		if (len == SIZE_MAX)
			return false;
		if (c->in[pos + 1] == 1)
			c->out_len += bolt_make_answer(c->in + pos, c->out + c->out_len);
		pos += len;
	}
	memmove(c->in, c->in + pos, c->in_len - pos);
	c->in_len -= pos;
	return flush(c);
}

int main(int argc, char **argv)
{
	process_setup();
	if (argc != 2)
		return fprintf(stderr, "usage: bolt PORT\n"), 2;
	int lfd = tcp_listen(atoi(argv[1])), ep = epoll_create1(0);
	struct epoll_event events[128];
	epoll_add(ep, lfd, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(ep, events, 128, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;
			int fd;
			if (!c) {
				while ((fd = tcp_accept(lfd)) >= 0) {
					c = calloc(1, sizeof *c);
					c->fd = fd;
					epoll_add(ep, fd, EPOLLIN, c);
				}
			} else if (!serve(c)) {
				close(c->fd);
				free(c);
			}
		}
	}
}
