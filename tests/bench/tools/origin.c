/* origin [-a FILE] [-f FROM_MS:UNTIL_MS] PORT BODY_BYTES [SERVICE_TIME_US]
 * HTTP/1.1 origin, one thread: a fixed 200 with BODY_BYTES bytes; keep-alive, pipelining, request
 * bodies by Content-Length. With a service time each answer waits that long (one FIFO, as the wait
 * is the same).
 *   -a: a line for each request, when it came in microseconds of the wall clock.
 *   -f: while the wall clock is between these milliseconds each answer is a 500 without a body. */
#include "util.h"

struct conn {
	int fd;
	uint32_t gen;
	size_t in_len, skip; /* skip: request body bytes still to drop */
	char in[16384];
	char *out;
	size_t out_off, out_len;
	bool closing;
	struct conn *next_free;
};

struct due {
	uint64_t at;
	struct conn *c;
	uint32_t gen;
	bool close;
};

static char *answer, *answers; /* one response; and many in a row, for pipelines */
static size_t answer_len;
static FILE *arrivals;
static uint64_t fails_from_ms, fails_until_ms;
enum { BATCH = 64, RING = 1 << 16 };
static struct due ring[RING];
static uint32_t ring_head, ring_tail;
static struct conn *free_conns;

static void drop(struct conn *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	c->gen++;
	free(c->out);
	c->out = NULL;
	c->out_len = 0;
	c->next_free = free_conns;
	free_conns = c;
}

static void send_bytes(struct conn *c, const char *p, size_t len)
{
	ssize_t n = 0;
	if (!c->out_len) {
		n = write(c->fd, p, len);
		if (n < 0) {
			if (errno != EAGAIN) {
				drop(c);
				return;
			}
			n = 0;
		}
	}
	if ((size_t)n < len) {
		size_t rest = len - (size_t)n;
		char *grown = malloc(c->out_len + rest);
		memcpy(grown, c->out ? c->out + c->out_off : "", c->out_len);
		memcpy(grown + c->out_len, p + n, rest);
		free(c->out);
		c->out = grown;
		c->out_off = 0;
		c->out_len += rest;
	} else if (c->closing && !c->out_len) {
		drop(c);
	}
}

/* Parses one head; returns its length, or 0 when it is not whole yet. */
static size_t parse(const char *p, size_t len, size_t *body, bool *close_after)
{
	const char *end = memmem(p, len, "\r\n\r\n", 4), *line = p;
	*body = 0;
	*close_after = false;
	if (!end)
		return 0;
	while ((line = memchr(line, '\n', (size_t)(end + 2 - line))) && ++line < end) {
		if ((*line | 32) != 'c')
			continue;
		if (!strncasecmp(line, "content-length:", 15))
			*body = strtoul(line + 15, NULL, 10);
		else if (!strncasecmp(line, "connection: close", 17))
			*close_after = true;
	}
	return (size_t)(end + 4 - p);
}

/* A request came. True: it is one of those that fail, and was answered. */
static bool fails(struct conn *c)
{
	static const char failure[] =
		"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
	uint64_t now_us = arrivals || fails_until_ms ? wall_us() : 0;

	if (arrivals)
		fprintf(arrivals, "%llu\n", (unsigned long long)now_us);
	if (now_us / 1000 < fails_from_ms || now_us / 1000 >= fails_until_ms)
		return false;
	send_bytes(c, failure, sizeof failure - 1);
	return true;
}

static void on_readable(struct conn *c, uint64_t service_ns)
{
	uint32_t gen = c->gen;
	for (;;) {
		ssize_t n = read(c->fd, c->in + c->in_len, sizeof c->in - c->in_len);
		if (n <= 0) {
			if (n == 0 || errno != EAGAIN)
				drop(c);
			return;
		}
		bool full = (size_t)n == sizeof c->in - c->in_len;
		c->in_len += (size_t)n;
		size_t pos = 0;
		unsigned ready = 0;
		bool close_after = false;
		while (pos < c->in_len && !close_after) {
			if (c->skip) {
				size_t k = c->skip < c->in_len - pos ? c->skip : c->in_len - pos;
				c->skip -= k;
				pos += k;
				if (c->skip)
					break;
			} else {
				size_t head =
					parse(c->in + pos, c->in_len - pos, &c->skip, &close_after);
				if (!head)
					break;
				pos += head;
				if (c->skip && !close_after) {
					size_t k = c->skip < c->in_len - pos ? c->skip
									     : c->in_len - pos;
					c->skip -= k;
					pos += k;
				}
			}
			if (!c->skip && !fails(c)) {
				if (service_ns) {
					ring[ring_tail++ % RING] = (struct due){
						now_ns() + service_ns, c, c->gen, close_after};
				} else if (++ready == BATCH) {
					send_bytes(c, answers, ready * answer_len);
					ready = 0;
				}
			}
			if (c->gen != gen)
				return;
		}
		memmove(c->in, c->in + pos, c->in_len - pos);
		c->in_len -= pos;
		if (!service_ns && close_after)
			c->closing = true;
		if (ready)
			send_bytes(c, answers, ready * answer_len);
		if (c->gen != gen || !full)
			return;
	}
}

int main(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "a:f:")) != -1) {
		if (opt == 'a' && (arrivals = fopen(optarg, "w")))
			setvbuf(arrivals, NULL, _IOLBF, 0);
		else if (opt == 'f' && strchr(optarg, ':'))
			fails_until_ms = strtoull(strchr(optarg, ':') + 1, NULL, 10);
		else
			return 2;
		if (opt == 'f')
			fails_from_ms = strtoull(optarg, NULL, 10);
	}
	argc -= optind - 1;
	argv += optind - 1;
	if (argc < 3)
		return fprintf(stderr, "usage: see the head of origin.c\n"), 2;
	process_setup();
	size_t body = strtoul(argv[2], NULL, 10);
	uint64_t service_ns = argc > 3 ? strtoull(argv[3], NULL, 10) * 1000 : 0;
	answer = malloc(body + 256);
	answer_len =
		(size_t)sprintf(answer,
				"HTTP/1.1 200 OK\r\nserver: origin\r\ncontent-type: text/plain\r\n"
				"content-length: %zu\r\n\r\n",
				body);
	memset(answer + answer_len, 'x', body);
	answer_len += body;
	answers = malloc(answer_len * BATCH);
	for (int i = 0; i < BATCH; i++)
		memcpy(answers + (size_t)i * answer_len, answer, answer_len);

	int lfd = tcp_listen(atoi(argv[1])), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event evs[256];
	epoll_add(ep, lfd, EPOLLIN, NULL);
	for (;;) {
		uint64_t next = ring_head != ring_tail ? ring[ring_head % RING].at : 0;
		int n = epoll_wait_until(ep, evs, 256, next);
		for (int i = 0; i < n; i++) {
			struct conn *c = evs[i].data.ptr;
			if (!c) {
				int fd;
				while ((fd = tcp_accept(lfd)) >= 0) {
					if ((c = free_conns))
						free_conns = c->next_free;
					else
						c = calloc(1, sizeof *c);
					c->fd = fd;
					c->in_len = c->skip = 0;
					c->closing = false;
					epoll_add(ep, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
						  c);
				}
				continue;
			}
			if (c->fd < 0)
				continue;
			if (c->out_len && (evs[i].events & EPOLLOUT)) {
				ssize_t w = write(c->fd, c->out + c->out_off, c->out_len);
				if (w > 0) {
					c->out_off += (size_t)w;
					c->out_len -= (size_t)w;
				}
				if (!c->out_len && c->closing) {
					drop(c);
					continue;
				}
			}
			if (evs[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
				on_readable(c, service_ns);
			if (c->fd >= 0 && (evs[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) &&
			    !c->out_len && !service_ns)
				drop(c);
		}
		uint64_t now = ring_head != ring_tail ? now_ns() : 0;
		while (ring_head != ring_tail && ring[ring_head % RING].at <= now) {
			struct due *d = &ring[ring_head++ % RING];
			if (d->c->gen != d->gen)
				continue;
			d->c->closing = d->close;
			send_bytes(d->c, answer, answer_len);
		}
	}
}
