/* dubbo server PORT [RESPONSE_TYPE]       Dubbo 2 echo server (response type 4 by default; 1: no
 * attachments) dubbo client PORT CONNS DEPTH ARG_BYTES SECS [RATE [GROUP]] RATE 0: closed loop,
 * DEPTH calls in flight on every connection. RATE > 0: open loop over all connections, latency from
 * when the call was due. Body: hessian2, sayHello(String) of org.apache.dubbo.demo.DemoService;
 * with "order" for ARG_BYTES, place(Order, Order, Order, String) of OrderService. */
#include "dubbo_frame.h"
#include "util.h"

enum { IN = 512 * 1024 };

struct conn {
	int fd;
	size_t in_len, out_len;
	bool readable;
	unsigned char *in, *out;
	uint64_t *due;       /* client: by slot */
	uint32_t *free_slot; /* client: stack */
	uint32_t n_free, seq;
};

static struct conn *new_conn(int fd)
{
	struct conn *c = calloc(1, sizeof *c);
	c->fd = fd;
	c->in = malloc(IN);
	c->out = malloc(2 * IN);
	return c;
}

static bool flush(struct conn *c)
{
	if (!c->out_len)
		return true;
	ssize_t n = write(c->fd, c->out, c->out_len);
	if (n < 0)
		return errno == EAGAIN;
	c->out_len -= (size_t)n;
	memmove(c->out, c->out + n, c->out_len);
	return true;
}

static _Noreturn void server(int port, unsigned type)
{
	int lfd = tcp_listen(port), ep = epoll_create1(0);
	struct epoll_event evs[128];
	epoll_add(ep, lfd, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(ep, evs, 128, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = evs[i].data.ptr;
			int fd;
			if (!c) {
				while ((fd = tcp_accept(lfd)) >= 0)
					epoll_add(ep, fd, EPOLLIN, new_conn(fd));
				continue;
			}
			ssize_t r = read(c->fd, c->in + c->in_len, IN - c->in_len);
			if (r < 0 && errno == EAGAIN)
				continue;
			bool bad = r <= 0;
			size_t pos = 0, len;
			c->in_len += r > 0 ? (size_t)r : 0;
			while (!bad && (len = frame_len(c->in + pos, c->in_len - pos))) {
				if ((bad = len == SIZE_MAX))
					break;
				if (c->out_len > IN)
					flush(c);
				if ((c->in[pos + 2] & 0x80) && (c->in[pos + 2] & 0x40))
					c->out_len += make_response(c->in + pos, len,
								    c->out + c->out_len, type);
				pos += len;
			}
			while (!bad && c->out_len)
				bad = !flush(
					c); /* the peer reads all the time: waiting here is short */
			if (bad) {
				close(c->fd);
				free(c->in);
				free(c->out);
				free(c);
				continue;
			}
			memmove(c->in, c->in + pos, c->in_len - pos);
			c->in_len -= pos;
		}
	}
}

static unsigned char tmpl[MAX_FRAME];
static size_t tmpl_len;

static void queue_call(struct conn *c, uint64_t due)
{
	uint32_t slot = c->free_slot[--c->n_free];
	unsigned char *p = c->out + c->out_len;
	memcpy(p, tmpl, tmpl_len);
	put_header(p, 0xc2, 0, (uint64_t)c->seq++ << 16 | slot, tmpl_len - HEADER);
	c->due[slot] = due;
	c->out_len += tmpl_len;
}

int main(int argc, char **argv)
{
	static struct hist h;
	process_setup();
	if (argc >= 3 && !strcmp(argv[1], "server"))
		server(atoi(argv[2]), argc > 3 ? (unsigned)atoi(argv[3]) : 4);
	if (argc < 7 || strcmp(argv[1], "client"))
		return fprintf(stderr, "usage: see the head of dubbo.c\n"), 2;
	int port = atoi(argv[2]), conns = atoi(argv[3]), ep = epoll_create1(0);
	uint32_t depth = (uint32_t)atoi(argv[4]);
	double secs = atof(argv[6]), rate = argc > 7 ? atof(argv[7]) : 0;
	tmpl_len = !strcmp(argv[5], "order") ? make_order(tmpl, "gold")
					     : make_request(tmpl, strtoul(argv[5], NULL, 10),
							    argc > 8 ? argv[8] : NULL);
	struct conn **all = calloc((size_t)conns, sizeof *all);
	uint64_t ok = 0, errors = 0, sent = 0, start = now_ns(),
		 end = start + (uint64_t)(secs * 1e9), now = start;
	int live = conns, turn = 0;
	for (int i = 0; i < conns; i++) {
		int fd = tcp_connect(port);
		if (fd < 0)
			die("connect");
		struct conn *c = all[i] = new_conn(fd);
		c->due = calloc(depth, sizeof *c->due);
		c->free_slot = calloc(depth, sizeof *c->free_slot);
		for (uint32_t s = 0; s < depth; s++)
			c->free_slot[c->n_free++] = s;
		while (rate == 0 && c->n_free)
			queue_call(c, now);
		epoll_add(ep, fd, EPOLLIN | EPOLLOUT | EPOLLET, c);
	}
	struct epoll_event evs[128];
	while (now < end && live) {
		uint64_t wake = end;
		while (rate > 0) {
			uint64_t due = start + (uint64_t)((double)sent * 1e9 / rate);
			if (due > now) {
				wake = due < end ? due : end;
				break;
			}
			struct conn *c = all[turn++ % conns];
			sent++;
			if (c->fd < 0 || !c->n_free || c->out_len + tmpl_len > 2 * IN) {
				errors++; /* beyond DEPTH in flight: shed, and said so */
				continue;
			}
			queue_call(c, due);
			flush(c);
		}
		int n = epoll_wait_until(ep, evs, 128, wake);
		now = now_ns();
		for (int i = 0; i < n; i++) {
			struct conn *c = evs[i].data.ptr;
			if (c->fd < 0)
				continue;
			for (;;) {
				ssize_t r = read(c->fd, c->in + c->in_len, IN - c->in_len);
				size_t pos = 0, len;
				if (r < 0 && errno == EAGAIN)
					break;
				bool bad = r <= 0;
				c->in_len += r > 0 ? (size_t)r : 0;
				while (!bad && (len = frame_len(c->in + pos, c->in_len - pos))) {
					if ((bad = len == SIZE_MAX))
						break;
					const unsigned char *f = c->in + pos;
					uint32_t slot = frame_id(f) & 0xffff;
					if (f[3] == 20 && slot < depth && len > HEADER &&
					    (f[16] == 0x94 || f[16] == 0x91)) {
						ok++;
						hist_add(&h, now - c->due[slot]);
					} else if (errors++ < 3) {
						fprintf(stderr, "status %u, body: %.*s\n", f[3],
							(int)(len - HEADER), f + HEADER);
					}
					c->free_slot[c->n_free++] = slot;
					if (rate == 0)
						queue_call(c, now);
					pos += len;
				}
				memmove(c->in, c->in + pos, c->in_len - pos);
				c->in_len -= pos;
				if (bad) {
					errors += depth - c->n_free;
					close(c->fd);
					c->fd = -1;
					live--;
					break;
				}
				if (c->in_len + (size_t)r < IN / 2)
					break;
			}
			if (c->fd >= 0)
				flush(c);
		}
	}
	report(&h, ok, errors, now_ns() - start);
	return 0;
}
