/* httpgen -p PORT [-c CONNS] [-r RATE] [-d SECS] [-x] [-t TIMEOUT_MS] [-o FILE] [-s WALL_MS]
 *   RATE > 0: open loop. A request is due every 1/RATE s; latency counts from when it was due, so a
 * stall of the proxy shows in every request it delayed. RATE 0: closed loop on CONNS connections.
 *   -x: a new connection for every request ("Connection: close").
 *   -o: one line for each request: due_us latency_us code (see enum code) status.
 *   -s: the first is due when the wall clock says so, in milliseconds.
 *   On stderr: {errors by kind, "reconnects": connections opened in place of one that had ended
 * (without -x)}. httpgen -p PORT -I N [-2] opens N connections, one request on each (HTTP/2 with
 * prior knowledge if -2), prints READY, and holds them until its standard input ends. */
#include "util.h"

enum code { OK, ERR_CONNECT, ERR_RESET, ERR_PARTIAL, ERR_STATUS, ERR_TIMEOUT, CODES };
enum state { NONE, CONNECTING, IDLE, BUSY };

struct conn {
	int fd;
	enum state state;
	bool writable, close_after, was_open;
	uint64_t due;
	size_t head_len, body_left;
	bool in_body;
	int status;
	char head[4096];
	struct conn *next;
};

static int port, ep;
static bool fresh, h2;
static struct conn *idle_list, *closed_list;
static uint64_t codes[CODES], reconnects, start, timeout_ns = 3000000000u;
static struct hist h;
static FILE *samples;
static int busy;
static const char *request;
static size_t request_len;
static char big[256 * 1024];
static uint64_t stop_at;
static bool closed_loop;

static const char req_keep[] =
	"GET /bench HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: httpgen\r\nAccept: */*\r\n\r\n";
static const char req_close[] =
	"GET /bench HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: httpgen\r\nAccept: */*\r\n"
	"Connection: close\r\n\r\n";
/* preface, empty SETTINGS, SETTINGS ack, HEADERS: GET http / with authority "bench" */
static const char req_h2[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0"
			     "\0\0\12\1\5\0\0\0\1\x82\x86\x84\x41\5bench";

static void submit(struct conn *c, uint64_t due);

static void shut(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->state ==
	    IDLE) { /* unlink: the server closed an unused connection, which is no failure */
		struct conn **p = &idle_list;
		while (*p && *p != c)
			p = &(*p)->next;
		if (*p)
			*p = c->next;
	}
	c->state = NONE;
	c->next = closed_list;
	closed_list = c;
}

static void finish(struct conn *c, enum code code)
{
	uint64_t now = now_ns(), lat = now - c->due;
	codes[code]++;
	if (code == OK)
		hist_add(&h, lat);
	if (samples)
		fprintf(samples, "%llu %llu %d %d\n", (unsigned long long)((c->due - start) / 1000),
			(unsigned long long)(lat / 1000), code, c->status);
	busy--;
	if ((code != OK && code != ERR_STATUS) || fresh || c->close_after) {
		shut(c);
	} else {
		c->state = IDLE;
		c->next = idle_list;
		idle_list = c;
	}
	if (closed_loop && now < stop_at) {
		struct conn *n = idle_list ? idle_list : closed_list;
		if (n == idle_list)
			idle_list = n->next;
		else
			closed_list = n->next;
		submit(n, now);
	}
}

static void send_request(struct conn *c)
{
	c->state = BUSY;
	c->head_len = c->body_left = 0;
	c->in_body = c->close_after = false;
	c->status = 0;
	if (write(c->fd, request, request_len) != (ssize_t)request_len)
		finish(c, ERR_RESET);
}

static void submit(struct conn *c, uint64_t due)
{
	c->due = due;
	busy++;
	if (c->fd >= 0) {
		send_request(c);
		return;
	}
	c->state = CONNECTING;
	c->fd = tcp_connect(port);
	if (c->fd < 0) {
		c->state = BUSY;
		closed_loop = false; /* avoid endless recursion when nothing listens */
		finish(c, ERR_CONNECT);
		return;
	}
	reconnects += c->was_open && !fresh;
	c->was_open = true;
	epoll_add(ep, c->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c);
}

static void on_event(struct conn *c, uint32_t events)
{
	if (c->state == NONE)
		return;
	if (c->state == CONNECTING) {
		int err = 0;
		socklen_t len = sizeof err;
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
		if (err)
			finish(c, ERR_CONNECT);
		else if (events & EPOLLOUT)
			send_request(c);
		if (c->state != BUSY)
			return;
	}
	for (;;) {
		bool body = c->in_body;
		char *to = body ? big : c->head + c->head_len;
		size_t room = body ? sizeof big : sizeof c->head - 1 - c->head_len;
		ssize_t n = read(c->fd, to, room);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (c->state == BUSY)
				finish(c, c->head_len ? ERR_PARTIAL : ERR_RESET);
			else
				shut(c);
			return;
		}
		if (c->state != BUSY)
			continue;
		if (body) {
			c->body_left -= (size_t)n < c->body_left ? (size_t)n : c->body_left;
		} else {
			c->head_len += (size_t)n;
			if (h2) { /* any HEADERS frame on stream 1 is the answer */
				size_t pos = 0;
				while (pos + 9 <= c->head_len) {
					const unsigned char *f = (unsigned char *)c->head + pos;
					if (f[3] == 1) {
						finish(c, OK);
						return;
					}
					pos += 9 + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
				}
				continue;
			}
			c->head[c->head_len] = 0;
			char *end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
			if (!end)
				continue;
			const char *cl = strcasestr(c->head, "\ncontent-length:");
			c->status = strncmp(c->head, "HTTP/1.1 ", 9) ? 0 : atoi(c->head + 9);
			const char *cc = strcasestr(c->head, "\nconnection: close");
			c->close_after = cc && cc < end;
			size_t total = cl && cl < end ? strtoul(cl + 16, NULL, 10) : 0;
			size_t have = c->head_len - (size_t)(end + 4 - c->head);
			c->body_left = total > have ? total - have : 0;
			c->in_body = true;
		}
		if (c->in_body && !c->body_left) {
			int fd = c->fd;
			finish(c, c->status == 200 ? OK : ERR_STATUS);
			if (c->state != IDLE || c->fd != fd)
				return;
			if (!(events & (EPOLLRDHUP | EPOLLHUP)))
				return;
		}
	}
}

static void hold_idle(int n)
{
	struct epoll_event evs[256];
	struct conn *all = calloc((size_t)n, sizeof *all);
	int next = 0;
	while (codes[OK] < (uint64_t)n) {
		while (next < n && busy < 64) {
			all[next].fd = -1;
			submit(&all[next++], now_ns());
		}
		int k = epoll_wait_until(ep, evs, 256, now_ns() + 5000000000u);
		if (!k)
			break;
		for (int i = 0; i < k; i++)
			on_event(evs[i].data.ptr, evs[i].events);
	}
	printf("READY %llu of %d, errors %llu\n", (unsigned long long)codes[OK], n,
	       (unsigned long long)(codes[1] + codes[2] + codes[3] + codes[4]));
	fflush(stdout);
	while (read(0, big, sizeof big) > 0)
		;
}

int main(int argc, char **argv)
{
	int conns = 32, opt, idle = 0;
	double rate = 0, secs = 5;
	uint64_t from_ms = 0;
	process_setup();
	while ((opt = getopt(argc, argv, "p:c:r:d:xt:o:I:2s:")) != -1) {
		switch (opt) {
		case 'p':
			port = atoi(optarg);
			break;
		case 'c':
			conns = atoi(optarg);
			break;
		case 'r':
			rate = atof(optarg);
			break;
		case 'd':
			secs = atof(optarg);
			break;
		case 'x':
			fresh = true;
			break;
		case 't':
			timeout_ns = strtoull(optarg, NULL, 10) * 1000000;
			break;
		case 'o':
			samples = fopen(optarg, "w");
			break;
		case 's':
			from_ms = strtoull(optarg, NULL, 10);
			break;
		case 'I':
			idle = atoi(optarg);
			break;
		case '2':
			h2 = true;
			break;
		default:
			return 2;
		}
	}
	request = h2 ? req_h2 : fresh ? req_close : req_keep;
	request_len = h2 ? sizeof req_h2 - 1 : fresh ? sizeof req_close - 1 : sizeof req_keep - 1;
	ep = epoll_create1(EPOLL_CLOEXEC);
	start = now_ns();
	if (from_ms * 1000 > wall_us())
		start += (from_ms * 1000 - wall_us()) * 1000;
	if (samples)
		fprintf(samples, "# %llu\n", (unsigned long long)start);
	if (idle) {
		hold_idle(idle);
		return 0;
	}
	struct conn *all = calloc((size_t)conns, sizeof *all);
	for (int i = conns - 1; i >= 0; i--) {
		all[i].fd = -1;
		all[i].next = closed_list;
		closed_list = &all[i];
	}
	stop_at = start + (uint64_t)(secs * 1e9);
	struct epoll_event evs[256];
	uint64_t sent = 0, now = now_ns(), total = (uint64_t)(rate * secs);
	if (rate == 0) {
		closed_loop = true;
		for (int i = 0; i < conns; i++) {
			struct conn *c = closed_list;
			closed_list = c->next;
			submit(c, now_ns());
		}
	}
	bool linger = false;
	while (now < stop_at + (linger ? timeout_ns : 0) || (!linger && (linger = true))) {
		uint64_t wake = now < stop_at ? stop_at : stop_at + timeout_ns;
		if (rate > 0) {
			while (sent < total) {
				uint64_t due = start + (uint64_t)((double)sent * 1e9 / rate);
				if (due > now) {
					wake = due;
					break;
				}
				struct conn *c = idle_list;
				if (c)
					idle_list = c->next;
				else if ((c = closed_list))
					closed_list = c->next;
				else
					break; /* all busy: the request stays due, and its latency
						  grows */
				sent++;
				submit(c, due);
			}
		}
		if (now >= stop_at && !busy && (rate == 0 || sent == total))
			break;
		int n = epoll_wait_until(ep, evs, 256, wake);
		for (int i = 0; i < n; i++)
			on_event(evs[i].data.ptr, evs[i].events);
		now = now_ns();
	}
	if (rate > 0)
		codes[ERR_TIMEOUT] = total - (codes[0] + codes[1] + codes[2] + codes[3] + codes[4]);
	uint64_t errors = codes[1] + codes[2] + codes[3] + codes[4] + codes[5];
	fprintf(stderr,
		"{\"connect\": %llu, \"reset\": %llu, \"partial\": %llu, \"status\": %llu, "
		"\"timeout\": %llu, \"reconnects\": %llu}\n",
		(unsigned long long)codes[1], (unsigned long long)codes[2],
		(unsigned long long)codes[3], (unsigned long long)codes[4],
		(unsigned long long)codes[5], (unsigned long long)reconnects);
	uint64_t elapsed = (now < stop_at || rate > 0 ? stop_at : now) - start;
	report(&h, codes[OK], errors, elapsed);
	if (samples)
		fclose(samples);
	return 0;
}
