/* Clients that stay, and providers that remember: what an upgrade must not disturb.
 *
 * steady serve dubbo|bolt PORT
 *   Answers each call after the delay that it names. At the end of its standard input it prints
 * what it has seen: {"calls", "distinct", "duplicates"}. steady calls dubbo|bolt PORT CONNS RATE
 * SECS [SLOW_SHARE SLOW_MS] [FILE] RATE calls a second, open loop, each with an id of its own and a
 * delay: SLOW_SHARE of them (0.02) up to SLOW_MS (3000), the others none. FILE: as httpgen -o, of
 * calls without a delay. Prints
 *   {"ok", "errors", "lost", "wrong", "twice", "ends", "reconnects", "shed", ...}: answered well,
 * answered with an error, not answered when their connection ended or at the end of the run,
 * answered with what belongs to another call, answered more than once. steady streams PORT CONNS
 * RATE SECS RATE messages a second over all connections to an echo server (tcpgen echo), of 1 to
 * 8192 bytes of a random sequence of each stream's own; what comes back is held against it by a
 * hash of each KiB and, at the end, of the whole. Prints {"bytes", "mismatches", "ends", "short"}.
 */
#include "bolt_frame.h"
#include "dubbo_frame.h"
#include "util.h"

enum {
	ROOM = 256 * 1024,
	ARGUMENT = 28, /* "ID DELAY" as make_request's argument: 16 hexadecimal digits, 5 digits */
	WHEEL = 8192,  /* ms */
	MAX_CALLS = 1 << 22,
	IN_FLIGHT = 1 << 16,
};

struct conn {
	int fd;
	bool is_connecting;
	size_t in_len;
	unsigned char *in;
	/* streams */
	uint64_t sent_state, seen_state, sent, seen;
};

static bool is_bolt;

static uint64_t mix(uint64_t *state)
{
	uint64_t x = *state;
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return *state = x;
}

static size_t frame_len_of(const unsigned char *p, size_t len)
{
	return is_bolt ? bolt_frame_len(p, len) : frame_len(p, len);
}

static struct conn *conn_new(int fd)
{
	struct conn *c = calloc(1, sizeof *c);
	c->fd = fd;
	c->in = malloc(ROOM);
	return c;
}

/* Sends all of it: messages are far smaller than the socket's buffer, so waiting is rare and short.
 */
static bool send_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			usleep(200);
			continue;
		}
		if (n <= 0)
			return false;
		p += n, len -= (size_t)n;
	}
	return true;
}

/* Reads what is there. False: the connection has ended. */
static bool read_some(struct conn *c, bool *is_reset)
{
	ssize_t n = read(c->fd, c->in + c->in_len, ROOM - c->in_len);
	*is_reset = n < 0 && errno == ECONNRESET;
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	c->in_len += (size_t)n;
	return true;
}

static void drop_read(struct conn *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

/* --- the argument */

static void put_argument(unsigned char *at, uint64_t id, unsigned delay_ms)
{
	char text[ARGUMENT + 1];
	snprintf(text, sizeof text, "<%016llx %05u >xx", (unsigned long long)id, delay_ms);
	memcpy(at, text, ARGUMENT - 1);
}

/* Finds it in a frame. */
static bool get_argument(const unsigned char *frame, size_t len, uint64_t *id, unsigned *delay_ms)
{
	const unsigned char *end = frame + (len > 24 ? len - 24 : 0);
	for (const unsigned char *p = frame; (p = memchr(p, '<', p < end ? (size_t)(end - p) : 0));
	     p++)
		if (p[17] == ' ' && p[23] == ' ' && p[24] == '>') {
			*id = strtoull((const char *)p + 1, NULL, 16);
			*delay_ms = (unsigned)strtoul((const char *)p + 18, NULL, 10);
			return true;
		}
	return false;
}

/* --- provider */

struct waiting {
	struct waiting *next;
	struct conn *c;
	uint64_t generation; /* the connection's; another one: it has ended */
	size_t len;
	unsigned char frame[];
};

struct provider {
	struct waiting *wheel[WHEEL];
	uint64_t now_ms;
	unsigned char *seen; /* a bit for each id */
	uint64_t calls, distinct, duplicates;
};

static struct provider provider;

static size_t make_answer(const unsigned char *call, size_t len, unsigned char *out)
{
	if (!is_bolt)
		return make_response(call, len, out, 4);
	size_t total = bolt_make_answer(call, out);
	if (bolt_get(call + 2, 2) == 1) { /* the call's content again */
		size_t content = bolt_get(call + 18, 4);
		memcpy(out + total - content, call + len - content, content);
	}
	return total;
}

static void answer_waiting(uint64_t ms)
{
	static unsigned char out[BOLT_MAX_FRAME];
	for (; provider.now_ms < ms; provider.now_ms++) {
		struct waiting **slot = &provider.wheel[provider.now_ms % WHEEL], *next;
		for (struct waiting *w = *slot; w; w = next) {
			next = w->next;
			if (w->c->sent == w->generation)
				send_all(w->c->fd, out, make_answer(w->frame, w->len, out));
			free(w);
		}
		*slot = NULL;
	}
}

static void take_call(struct conn *c, const unsigned char *frame, size_t len)
{
	static unsigned char out[BOLT_MAX_FRAME];
	uint64_t id;
	unsigned delay_ms;
	bool is_event = is_bolt ? bolt_get(frame + 2, 2) != 1 : (frame[2] & 0x20) != 0;

	if (is_event) {
		if (is_bolt || (frame[2] & 0x40))
			send_all(c->fd, out, make_answer(frame, len, out));
		return;
	}
	if (!get_argument(frame, len, &id, &delay_ms) || id >= MAX_CALLS)
		die("a call without an argument");
	provider.calls++;
	if (provider.seen[id / 8] & 1 << id % 8)
		provider.duplicates++;
	else
		provider.distinct++;
	provider.seen[id / 8] |= (unsigned char)(1 << id % 8);
	if (!delay_ms) {
		send_all(c->fd, out, make_answer(frame, len, out));
		return;
	}
	struct waiting *w = malloc(sizeof *w + len);
	struct waiting **slot = &provider.wheel[(provider.now_ms + delay_ms) % WHEEL];
	*w = (struct waiting){.next = *slot, .c = c, .generation = c->sent, .len = len};
	memcpy(w->frame, frame, len);
	*slot = w;
}

/* Connections are kept when they have ended, as calls may wait for them; `sent` is their number. */
static void serve_ready(struct conn *c)
{
	bool is_reset, lives = read_some(c, &is_reset);
	size_t pos = 0, len = 0;
	while ((len = frame_len_of(c->in + pos, c->in_len - pos)) && len != SIZE_MAX) {
		take_call(c, c->in + pos, len);
		pos += len;
	}
	drop_read(c, pos);
	if (!lives || len == SIZE_MAX) {
		close(c->fd);
		c->sent++;
	}
}

static int serve(int port)
{
	int lfd = tcp_listen(port), ep = epoll_create1(0);
	struct epoll_event evs[128];
	char word;

	provider.seen = calloc(1, MAX_CALLS / 8);
	provider.now_ms = now_ns() / 1000000;
	epoll_add(ep, lfd, EPOLLIN, NULL);
	epoll_add(ep, 0, EPOLLIN, &word);
	for (;;) {
		int n = epoll_wait(ep, evs, 128, 1);
		answer_waiting(now_ns() / 1000000);
		for (int i = 0; i < n; i++) {
			int fd;
			if (evs[i].data.ptr == &word) {
				if (read(0, &word, 1) <= 0)
					goto end;
			} else if (evs[i].data.ptr) {
				serve_ready(evs[i].data.ptr);
			} else {
				while ((fd = tcp_accept(lfd)) >= 0)
					epoll_add(ep, fd, EPOLLIN, conn_new(fd));
			}
		}
	}
end:
	printf("{\"calls\": %llu, \"distinct\": %llu, \"duplicates\": %llu}\n",
	       (unsigned long long)provider.calls, (unsigned long long)provider.distinct,
	       (unsigned long long)provider.duplicates);
	return 0;
}

/* --- consumer */

struct call {
	uint64_t due;
	struct conn *c;
	bool is_open, is_slow;
};

struct consumer {
	int port, ep;
	struct call *calls; /* by id */
	uint64_t count, start, now;
	uint64_t ok, errors, lost, wrong, twice, ends, resets, reconnects, shed, open;
	unsigned char tmpl[BOLT_MAX_FRAME];
	size_t tmpl_len, argument_at;
	FILE *samples;
	struct hist fast, slow;
};

static struct consumer consumer;

static void connect_to(struct conn *c)
{
	c->fd = tcp_connect(consumer.port);
	c->in_len = 0;
	if (c->fd < 0)
		die("connect");
	epoll_add(consumer.ep, c->fd, EPOLLIN, c);
}

/* Its calls are lost; a new one in its place. */
static void connection_ended(struct conn *c, bool is_reset)
{
	consumer.ends++;
	consumer.resets += is_reset;
	for (uint64_t id = consumer.count > IN_FLIGHT ? consumer.count - IN_FLIGHT : 0;
	     id < consumer.count; id++)
		if (consumer.calls[id].is_open && consumer.calls[id].c == c) {
			consumer.calls[id].is_open = false;
			consumer.lost++;
			consumer.open--;
		}
	close(c->fd);
	connect_to(c);
	consumer.reconnects++;
}

static void take_answer(struct conn *c, const unsigned char *frame, size_t len)
{
	uint64_t wire_id = is_bolt ? bolt_get(frame + 5, 4) : frame_id(frame), id;
	unsigned delay_ms;

	if (!is_bolt && (frame[2] & 0x20))
		return; /* an event: READONLY is answered by nothing */
	if (wire_id >= consumer.count) {
		consumer.wrong++;
		return;
	}
	struct call *call = &consumer.calls[wire_id];
	if (!call->is_open) {
		consumer.twice++;
		return;
	}
	call->is_open = false;
	consumer.open--;
	if (is_bolt ? bolt_get(frame + 10, 2) != 0 : frame[3] != 20) {
		if (consumer.errors++ < 5)
			fprintf(stderr, "call %llu: status %u after %llu ms\n",
				(unsigned long long)wire_id,
				is_bolt ? bolt_get(frame + 10, 2) : frame[3],
				(unsigned long long)((consumer.now - call->due) / 1000000));
	} else if (call->c != c || !get_argument(frame, len, &id, &delay_ms) || id != wire_id) {
		consumer.wrong++;
	} else {
		consumer.ok++;
		hist_add(call->is_slow ? &consumer.slow : &consumer.fast, consumer.now - call->due);
		if (consumer.samples && !call->is_slow)
			fprintf(consumer.samples, "%llu %llu 0 0\n",
				(unsigned long long)((call->due - consumer.start) / 1000),
				(unsigned long long)((consumer.now - call->due) / 1000));
	}
}

static void read_answers(struct conn *c)
{
	bool is_reset, lives = read_some(c, &is_reset);
	size_t pos = 0, len;
	while ((len = frame_len_of(c->in + pos, c->in_len - pos)) && len != SIZE_MAX) {
		take_answer(c, c->in + pos, len);
		pos += len;
	}
	drop_read(c, pos);
	if (!lives || len == SIZE_MAX)
		connection_ended(c, is_reset);
}

static void send_call(struct conn *c, uint64_t due, unsigned delay_ms)
{
	uint64_t id = consumer.count++;

	consumer.calls[id] =
		(struct call){.due = due, .c = c, .is_open = true, .is_slow = delay_ms > 0};
	consumer.open++;
	put_argument(consumer.tmpl + consumer.argument_at, id, delay_ms);
	if (is_bolt) {
		bolt_put_header(consumer.tmpl, 1, 1, (uint32_t)id);
		bolt_put(consumer.tmpl + 10, 20000, 4);
	} else {
		put_header(consumer.tmpl, 0xc2, 0, id, consumer.tmpl_len - HEADER);
	}
	if (!send_all(c->fd, consumer.tmpl, consumer.tmpl_len))
		connection_ended(c, errno == ECONNRESET);
}

static void make_template(void)
{
	size_t len;
	if (is_bolt) {
		consumer.tmpl_len = len = bolt_make_request(consumer.tmpl, ARGUMENT, 0);
		consumer.argument_at = len - ARGUMENT;
		return;
	}
	consumer.tmpl_len = len = make_request(consumer.tmpl, ARGUMENT, NULL);
	unsigned char *at = memmem(consumer.tmpl, len, "aaaaaaaaaaaaaaaa", 16);
	consumer.argument_at = (size_t)(at - consumer.tmpl);
}

static int calls(int port, int conns, double rate, double secs, double slow_share, unsigned slow_ms)
{
	struct consumer *k = &consumer;
	struct conn **all = calloc((size_t)conns, sizeof *all);
	struct epoll_event evs[128];
	uint64_t total = (uint64_t)(rate * secs), chance = 88172645463325252u;

	if (total > MAX_CALLS)
		return fprintf(stderr, "too many calls\n"), 2;
	k->port = port, k->ep = epoll_create1(0);
	k->calls = calloc(total, sizeof *k->calls);
	make_template();
	for (int i = 0; i < conns; i++)
		connect_to(all[i] = conn_new(-1));
	k->start = k->now = now_ns();
	if (k->samples)
		fprintf(k->samples, "# %llu\n", (unsigned long long)k->start);
	uint64_t end = k->start + (uint64_t)(secs * 1e9), last = end + 20000000000u;
	while (k->now < end || (k->open && k->now < last)) {
		uint64_t wake = k->now < end ? end : last;
		while (k->count + k->shed < total) {
			uint64_t due =
				k->start + (uint64_t)((double)(k->count + k->shed) * 1e9 / rate);
			if (due > k->now) {
				wake = due;
				break;
			}
			bool is_slow = (double)(mix(&chance) >> 40) < slow_share * (1 << 24);
			if (k->open >= IN_FLIGHT)
				k->shed++;
			else
				send_call(all[(mix(&chance) >> 20) % (unsigned)conns], due,
					  is_slow ? 1 + (unsigned)(mix(&chance) >> 20) % slow_ms
						  : 0);
		}
		int n = epoll_wait_until(k->ep, evs, 128, wake);
		k->now = now_ns();
		for (int i = 0; i < n; i++)
			read_answers(evs[i].data.ptr);
	}
	k->lost += k->open;
	printf("{\"calls\": %llu, \"ok\": %llu, \"errors\": %llu, \"lost\": %llu, \"wrong\": %llu, "
	       "\"twice\": %llu, \"ends\": %llu, \"resets\": %llu, \"reconnects\": %llu, \"shed\": "
	       "%llu, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"slow\": %llu, "
	       "\"slow_max_ms\": "
	       "%.1f}\n",
	       (unsigned long long)k->count, (unsigned long long)k->ok,
	       (unsigned long long)k->errors, (unsigned long long)k->lost,
	       (unsigned long long)k->wrong, (unsigned long long)k->twice,
	       (unsigned long long)k->ends, (unsigned long long)k->resets,
	       (unsigned long long)k->reconnects, (unsigned long long)k->shed,
	       (double)hist_quantile(&k->fast, .5) / 1e3,
	       (double)hist_quantile(&k->fast, .99) / 1e3, (double)k->fast.max / 1e3,
	       (unsigned long long)k->slow.n, (double)k->slow.max / 1e6);
	if (k->samples)
		fclose(k->samples);
	return 0;
}

/* --- streams */

/* The next len bytes of a sequence: a word of `state` for each eight. */
static void sequence(uint64_t *state, uint64_t *at, unsigned char *out, size_t len)
{
	for (size_t i = 0; i < len; i++, (*at)++) {
		if (*at % 8 == 0)
			mix(state);
		out[i] = (unsigned char)(*state >> *at % 8 * 8);
	}
}

static int streams(int port, int conns, double rate, double secs)
{
	struct conn **all = calloc((size_t)conns, sizeof *all);
	static unsigned char out[8192], expected[ROOM];
	struct epoll_event evs[256];
	uint64_t sent = 0, mismatches = 0, ends = 0, resets = 0, bytes = 0, missing = 0;
	uint64_t chance = 0x9e3779b97f4a7c15u, start = now_ns(), now = start;
	uint64_t end = start + (uint64_t)(secs * 1e9), last = end + 10000000000u;
	int ep = epoll_create1(0), live = conns;

	for (int i = 0; i < conns; i++) {
		struct conn *c = all[i] = conn_new(tcp_connect(port));
		if (c->fd < 0)
			die("connect");
		c->sent_state = c->seen_state = mix(&chance);
		epoll_add(ep, c->fd, EPOLLIN, c);
	}
	bool is_owed = true;
	while (live && (now < end || (is_owed && now < last))) {
		uint64_t wake = now < end ? end : last;
		while (now < end) {
			uint64_t due = start + (uint64_t)((double)sent * 1e9 / rate);
			if (due > now) {
				wake = due;
				break;
			}
			struct conn *c = all[sent++ % (unsigned)conns];
			size_t len = 1 + (mix(&chance) >> 20) % sizeof out;
			if (c->fd < 0)
				continue;
			sequence(&c->sent_state, &c->sent, out, len);
			send_all(c->fd, out, len); /* its end is seen when it is read */
		}
		int n = epoll_wait_until(ep, evs, 256, wake);
		now = now_ns();
		for (int i = 0; i < n; i++) {
			struct conn *c = evs[i].data.ptr;
			bool is_reset;
			if (!read_some(c, &is_reset)) {
				ends++;
				resets += is_reset;
				close(c->fd);
				c->fd = -1;
				live--;
				continue;
			}
			sequence(&c->seen_state, &c->seen, expected, c->in_len);
			mismatches += memcmp(expected, c->in, c->in_len) != 0;
			bytes += c->in_len;
			c->in_len = 0;
		}
		if (now >= end) {
			is_owed = false;
			for (int i = 0; i < conns && !is_owed; i++)
				is_owed = all[i]->fd >= 0 && all[i]->seen < all[i]->sent;
		}
	}
	for (int i = 0; i < conns; i++)
		missing += all[i]->sent - all[i]->seen;
	printf("{\"streams\": %d, \"bytes\": %llu, \"missing\": %llu, \"mismatches\": %llu, "
	       "\"ends\": %llu, "
	       "\"resets\": %llu}\n",
	       conns, (unsigned long long)bytes, (unsigned long long)missing,
	       (unsigned long long)mismatches, (unsigned long long)ends,
	       (unsigned long long)resets);
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	process_setup();
	is_bolt = argc > 2 && !strcmp(argv[2], "bolt");
	if (argc == 4 && !strcmp(mode, "serve"))
		return serve(atoi(argv[3]));
	if (argc == 6 && !strcmp(mode, "streams"))
		return streams(atoi(argv[2]), atoi(argv[3]), atof(argv[4]), atof(argv[5]));
	if (argc < 7 || strcmp(mode, "calls"))
		return fprintf(stderr, "usage: see the head of steady.c\n"), 2;
	if (argc > 9)
		consumer.samples = fopen(argv[9], "w");
	return calls(atoi(argv[3]), atoi(argv[4]), atof(argv[5]), atof(argv[6]),
		     argc > 8 ? atof(argv[7]) : .02, argc > 8 ? (unsigned)atoi(argv[8]) : 3000);
}
