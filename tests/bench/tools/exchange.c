/* exchange http|dubbo|dubbo-order|dubbo-orders|bolt|bolt-same|tcp PORT CONNS ROUNDS [WARM]
 * In lockstep: each round writes one message on every connection, then reads one answer on every
 * connection. Always the same work for the proxy, whatever the machine does besides: for counting
 * instructions and allocations. Prints how many exchanges there were. An answer that isn't a
 * success ends it with code 1. */
#include "bolt_frame.h"
#include "dubbo_frame.h"
#include "util.h"

enum { ROOM = 128 * 1024 };

static const char http_request[] =
	"GET /bench HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: exchange\r\nAccept: */*\r\n"
	"Accept-Encoding: gzip, deflate\r\nAccept-Language: en\r\nX-Trace: 0123456789abcdef\r\n"
	"Cookie: session=0123456789\r\nX-Tenant: demo\r\nX-App: bench\r\n\r\n";

struct protocol {
	const char *name;
	size_t (*message)(unsigned char *out, uint64_t seq);
	/* The length of the answer that p starts with; 0: incomplete; SIZE_MAX: no success. */
	size_t (*answer)(const unsigned char *p, size_t len);
};

static size_t http_message(unsigned char *out, uint64_t seq)
{
	(void)seq;
	memcpy(out, http_request, sizeof http_request - 1);
	return sizeof http_request - 1;
}

static size_t http_answer(const unsigned char *p, size_t len)
{
	const unsigned char *end = memmem(p, len, "\r\n\r\n", 4);
	if (!end)
		return 0;
	if (memcmp(p, "HTTP/1.1 200 ", 13))
		return SIZE_MAX;
	for (const unsigned char *line = p; line < end;
	     line = (unsigned char *)memchr(line, '\n', (size_t)(end + 2 - line)) + 1)
		if (!strncasecmp((const char *)line, "content-length:", 15)) {
			size_t total =
				(size_t)(end + 4 - p) + strtoul((const char *)line + 15, NULL, 10);
			return total <= len ? total : 0;
		}
	return SIZE_MAX;
}

static size_t dubbo_message(unsigned char *out, uint64_t seq)
{
	size_t len = make_request(out, 100, NULL);
	put_header(out, 0xc2, 0, seq, len - HEADER);
	return len;
}

/* Two of three calls are for the place that the argument and the attachment lead to. */
static size_t order_message(unsigned char *out, uint64_t seq)
{
	size_t len = make_order(out, seq % 3 ? "gold" : "silver", 0);
	put_header(out, 0xc2, 0, seq, len - HEADER);
	return len;
}

/* The same of orders that differ, each with a trace id of its own. */
static size_t orders_message(unsigned char *out, uint64_t seq)
{
	size_t len = make_order(out, seq % 3 ? "gold" : "silver", 2 * (uint32_t)seq + 1);
	put_trace_id(out, len, seq);
	put_header(out, 0xc2, 0, seq, len - HEADER);
	return len;
}

static size_t dubbo_answer(const unsigned char *p, size_t len)
{
	size_t total = frame_len(p, len);
	return total && total != SIZE_MAX && p[3] != 20 ? SIZE_MAX : total;
}

/* Equal but for their ids. */
static size_t bolt_same_message(unsigned char *out, uint64_t seq)
{
	return bolt_make_request(out, 350, (uint32_t)seq);
}

static size_t bolt_message(unsigned char *out, uint64_t seq)
{
	size_t len = bolt_same_message(out, seq);
	bolt_put_trace(out, seq);
	return len;
}

static size_t bolt_answer(const unsigned char *p, size_t len)
{
	size_t total = bolt_frame_len(p, len);
	return total && total != SIZE_MAX && bolt_get(p + 10, 2) ? SIZE_MAX : total;
}

static size_t tcp_message(unsigned char *out, uint64_t seq)
{
	memset(out, 'p', 64);
	memcpy(out, &seq, sizeof seq);
	return 64;
}

static size_t tcp_answer(const unsigned char *p, size_t len)
{
	(void)p;
	return len < 64 ? 0 : 64;
}

static const struct protocol protocols[] = {
	{"http", http_message, http_answer},
	{"dubbo", dubbo_message, dubbo_answer},
	{"dubbo-order", order_message, dubbo_answer},
	{"dubbo-orders", orders_message, dubbo_answer},
	{"bolt", bolt_message, bolt_answer},
	{"bolt-same", bolt_same_message, bolt_answer},
	{"tcp", tcp_message, tcp_answer},
};

static void send_all(int fd, const unsigned char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n <= 0)
			die("write");
		p += n;
		len -= (size_t)n;
	}
}

static void await_answer(int fd, const struct protocol *protocol)
{
	static unsigned char in[ROOM];
	size_t len = 0, total;

	do {
		ssize_t n = read(fd, in + len, sizeof in - len);
		if (n <= 0)
			die("read");
		len += (size_t)n;
		total = protocol->answer(in, len);
		if (total == SIZE_MAX) {
			fprintf(stderr, "no success: %.*s\n", (int)(len < 300 ? len : 300), in);
			exit(1);
		}
	} while (!total);
	if (total != len) {
		fprintf(stderr, "%zu bytes after the answer\n", len - total);
		exit(1);
	}
}

static uint64_t run_rounds(const struct protocol *protocol, const int *fds, int conns,
			   uint64_t rounds)
{
	static unsigned char out[ROOM];
	uint64_t seq = 0;

	for (uint64_t r = 0; r < rounds; r++) {
		for (int i = 0; i < conns; i++)
			send_all(fds[i], out, protocol->message(out, ++seq));
		for (int i = 0; i < conns; i++)
			await_answer(fds[i], protocol);
	}
	return seq;
}

static void say_and_wait(const char *word)
{
	puts(word);
	fflush(stdout);
	while (getchar() != '\n')
		if (feof(stdin))
			exit(1);
}

int main(int argc, char **argv)
{
	const struct protocol *protocol = NULL;

	for (size_t i = 0; (argc == 5 || argc == 6) && i < sizeof protocols / sizeof *protocols;
	     i++)
		if (!strcmp(argv[1], protocols[i].name))
			protocol = &protocols[i];
	if (!protocol)
		return fprintf(stderr, "usage: exchange "
				       "http|dubbo|dubbo-order|dubbo-orders|bolt|bolt-same|tcp "
				       "PORT CONNS ROUNDS [WARM]\n"),
		       2;
	process_setup();
	int conns = atoi(argv[3]), *fds = calloc((size_t)conns, sizeof *fds);
	uint64_t rounds = strtoull(argv[4], NULL, 10), done;

	for (int i = 0; i < conns; i++) {
		struct sockaddr_in sa = loopback(atoi(argv[2]));
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		nodelay(fds[i]);
		if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&sa, sizeof sa))
			die("connect");
	}
	if (argc == 6) {
		run_rounds(protocol, fds, conns, strtoull(argv[5], NULL, 10));
		say_and_wait("warm");
	}
	done = run_rounds(protocol, fds, conns, rounds);
	if (argc == 6)
		say_and_wait("done");
	printf("%llu\n", (unsigned long long)done);
	return 0;
}
