/* The server and the load generator of an RPC protocol with whole frames and many calls on a
 * connection; dubbo.c and bolt.c say what frames look like. */
#ifndef BENCH_RPC_H
#define BENCH_RPC_H
#include "util.h"

enum { RPC_IN = 512 * 1024 };

struct rpc_protocol {
	/* Whole length of the frame at p, 0 when more bytes are needed, SIZE_MAX when it is none.
	 */
	size_t (*frame_len)(const unsigned char *p, size_t len);
	/* Client: writes the seq-th call of its connection, whose answer names the slot. Its
	 * length, the same for all. */
	size_t (*call)(unsigned char *out, uint32_t seq, uint32_t slot);
	uint32_t (*slot_of)(const unsigned char *answer);
	bool (*is_good)(const unsigned char *answer, size_t len);
	/* Server: writes the answer to a message, if it wants one. */
	size_t (*answer)(const unsigned char *message, size_t len, unsigned char *out);
};

struct rpc_conn {
	int fd;
	size_t in_len, out_len;
	unsigned char *in, *out;
	uint64_t *due;       /* client: by slot */
	uint32_t *free_slot; /* client: stack */
	uint32_t n_free, seq;
};

static struct rpc_conn *rpc_conn_new(int fd)
{
	struct rpc_conn *c = calloc(1, sizeof *c);
	c->fd = fd;
	c->in = malloc(RPC_IN);
	c->out = malloc(2 * RPC_IN);
	return c;
}

static bool rpc_flush(struct rpc_conn *c)
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

static void rpc_drop_read(struct rpc_conn *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

/* --- server */

/* False: the connection is over. */
static bool rpc_serve_ready(struct rpc_conn *c, const struct rpc_protocol *protocol)
{
	ssize_t r = read(c->fd, c->in + c->in_len, RPC_IN - c->in_len);
	size_t pos = 0, len;
	bool good = r > 0;

	if (r < 0 && errno == EAGAIN)
		return true;
	c->in_len += good ? (size_t)r : 0;
	while (good && (len = protocol->frame_len(c->in + pos, c->in_len - pos))) {
		if (len == SIZE_MAX)
			return false;
		if (c->out_len > RPC_IN)
			rpc_flush(c);
		c->out_len += protocol->answer(c->in + pos, len, c->out + c->out_len);
		pos += len;
	}
	while (good && c->out_len) /* the peer reads all the time: waiting here is short */
		good = rpc_flush(c);
	rpc_drop_read(c, pos);
	return good;
}

static _Noreturn void rpc_serve(int port, const struct rpc_protocol *protocol)
{
	int lfd = tcp_listen(port), ep = epoll_create1(0);
	struct epoll_event evs[128];
	epoll_add(ep, lfd, EPOLLIN, NULL);
	for (;;) {
		int n = epoll_wait(ep, evs, 128, -1);
		for (int i = 0; i < n; i++) {
			struct rpc_conn *c = evs[i].data.ptr;
			int fd;
			if (!c) {
				while ((fd = tcp_accept(lfd)) >= 0)
					epoll_add(ep, fd, EPOLLIN, rpc_conn_new(fd));
			} else if (!rpc_serve_ready(c, protocol)) {
				close(c->fd);
				free(c->in);
				free(c->out);
				free(c);
			}
		}
	}
}

/* --- client */

struct rpc_load {
	const struct rpc_protocol *protocol;
	double rate; /* 0: closed loop */
	uint32_t depth;
	int live;
	uint64_t ok, errors, now;
	struct hist hist;
};

static void rpc_call(struct rpc_load *load, struct rpc_conn *c, uint64_t due)
{
	uint32_t slot = c->free_slot[--c->n_free];
	c->due[slot] = due;
	c->out_len += load->protocol->call(c->out + c->out_len, c->seq++, slot);
}

static void rpc_take_answer(struct rpc_load *load, struct rpc_conn *c, const unsigned char *frame,
			    size_t len)
{
	uint32_t slot = load->protocol->slot_of(frame);
	if (slot < load->depth && load->protocol->is_good(frame, len)) {
		load->ok++;
		hist_add(&load->hist, load->now - c->due[slot]);
	} else if (load->errors++ < 3) {
		fprintf(stderr, "no good answer of %zu bytes: ", len);
		for (size_t i = 0; i < len && i < 300; i++)
			fputc(frame[i] >= ' ' && frame[i] < 127 ? frame[i] : '.', stderr);
		fputc('\n', stderr);
	}
	c->free_slot[c->n_free++] = slot;
	if (load->rate == 0)
		rpc_call(load, c, load->now);
}

static void rpc_read_answers(struct rpc_load *load, struct rpc_conn *c)
{
	for (;;) {
		ssize_t r = read(c->fd, c->in + c->in_len, RPC_IN - c->in_len);
		size_t pos = 0, len = 0;
		if (r < 0 && errno == EAGAIN)
			return;
		c->in_len += r > 0 ? (size_t)r : 0;
		while (r > 0 && (len = load->protocol->frame_len(c->in + pos, c->in_len - pos))) {
			if (len == SIZE_MAX)
				break;
			rpc_take_answer(load, c, c->in + pos, len);
			pos += len;
		}
		if (r <= 0 || len == SIZE_MAX) {
			load->errors += load->depth - c->n_free;
			close(c->fd);
			c->fd = -1;
			load->live--;
			return;
		}
		rpc_drop_read(c, pos);
		if (c->in_len + (size_t)r < RPC_IN / 2)
			return;
	}
}

/* PORT CONNS DEPTH … SECS: rate 0 is a closed loop with depth calls in flight on every connection;
 * else an open loop over all of them, latency from when a call was due. */
static int rpc_generate(const struct rpc_protocol *protocol, int port, int conns, uint32_t depth,
			double secs, double rate)
{
	static struct rpc_load load;
	struct rpc_conn **all = calloc((size_t)conns, sizeof *all);
	uint64_t sent = 0, start = now_ns(), end = start + (uint64_t)(secs * 1e9);
	int turn = 0, ep = epoll_create1(0);

	load = (struct rpc_load){
		.protocol = protocol, .rate = rate, .depth = depth, .live = conns, .now = start};
	for (int i = 0; i < conns; i++) {
		int fd = tcp_connect(port);
		if (fd < 0)
			die("connect");
		struct rpc_conn *c = all[i] = rpc_conn_new(fd);
		c->due = calloc(depth, sizeof *c->due);
		c->free_slot = calloc(depth, sizeof *c->free_slot);
		for (uint32_t s = 0; s < depth; s++)
			c->free_slot[c->n_free++] = s;
		while (rate == 0 && c->n_free)
			rpc_call(&load, c, start);
		epoll_add(ep, fd, EPOLLIN | EPOLLOUT | EPOLLET, c);
	}
	struct epoll_event evs[128];
	while (load.now < end && load.live) {
		uint64_t wake = end;
		while (rate > 0) {
			uint64_t due = start + (uint64_t)((double)sent * 1e9 / rate);
			if (due > load.now) {
				wake = due < end ? due : end;
				break;
			}
			struct rpc_conn *c = all[turn++ % conns];
			sent++;
			if (c->fd < 0 || !c->n_free || c->out_len > RPC_IN) {
				load.errors++; /* beyond DEPTH in flight: shed, and said so */
				continue;
			}
			rpc_call(&load, c, due);
			rpc_flush(c);
		}
		int n = epoll_wait_until(ep, evs, 128, wake);
		load.now = now_ns();
		for (int i = 0; i < n; i++) {
			struct rpc_conn *c = evs[i].data.ptr;
			if (c->fd >= 0)
				rpc_read_answers(&load, c);
			if (c->fd >= 0)
				rpc_flush(c);
		}
	}
	report(&load.hist, load.ok, load.errors, now_ns() - start);
	return 0;
}
#endif
