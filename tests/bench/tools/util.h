/* Small helpers shared by the load generators and servers. All sockets are on 127.0.0.1. */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t wall_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000;
}

static inline void process_setup(void)
{
	struct rlimit rl = {200000, 200000};
	if (setrlimit(RLIMIT_NOFILE, &rl)) {
		getrlimit(RLIMIT_NOFILE, &rl);
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGPIPE, SIG_IGN);
}

static inline struct sockaddr_in loopback(int port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sa;
}

static inline void nodelay(int fd)
{
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline int tcp_listen(int port)
{
	struct sockaddr_in sa = loopback(port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa))
		die("bind");
	if (listen(fd, 4096))
		die("listen");
	return fd;
}

/* Starts a non-blocking connect. Returns the socket, or -1 with errno set. */
static inline int tcp_connect(int port)
{
	struct sockaddr_in sa = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	nodelay(fd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) && errno != EINPROGRESS) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

static inline int tcp_accept(int lfd)
{
	int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		nodelay(fd);
	return fd;
}

static inline void epoll_add(int ep, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = {.events = events, .data.ptr = ptr};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

/* Waits until `deadline` (ns, monotonic) at most; 0 waits without end. */
static inline int epoll_wait_until(int ep, struct epoll_event *evs, int max, uint64_t deadline)
{
	struct timespec ts, *tp = NULL;
	if (deadline) {
		uint64_t now = now_ns(), left = deadline > now ? deadline - now : 0;
		ts.tv_sec = (time_t)(left / 1000000000u);
		ts.tv_nsec = (long)(left % 1000000000u);
		tp = &ts;
	}
	int n = epoll_pwait2(ep, evs, max, tp, NULL);
	if (n < 0 && errno != EINTR)
		die("epoll_pwait2");
	return n < 0 ? 0 : n;
}

/* Log-linear histogram of nanoseconds, 64 steps to each power of two (1.6 %). */
#define HIST_SUB 64u
struct hist {
	uint64_t n, max, sum;
	uint32_t bucket[58 * HIST_SUB];
};

static inline unsigned hist_index(uint64_t v)
{
	if (v < HIST_SUB)
		return (unsigned)v;
	unsigned exp = 63u - (unsigned)__builtin_clzll(v) - 6u; /* v >> exp is in [64, 128) */
	return (exp + 1) * HIST_SUB + (unsigned)(v >> exp) - HIST_SUB;
}

static inline void hist_add(struct hist *h, uint64_t v)
{
	h->n++;
	h->sum += v;
	if (v > h->max)
		h->max = v;
	h->bucket[hist_index(v)]++;
}

static inline uint64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->n), seen = 0;
	for (unsigned i = 0; i < sizeof h->bucket / sizeof *h->bucket; i++) {
		seen += h->bucket[i];
		if (seen > want)
			return i < HIST_SUB
				       ? i
				       : (uint64_t)(HIST_SUB + i % HIST_SUB) << (i / HIST_SUB - 1);
	}
	return h->max;
}

/* One JSON line, the interface of every generator here to the driver. */
static inline void report(const struct hist *h, uint64_t ok, uint64_t errors, uint64_t elapsed_ns)
{
	double s = (double)elapsed_ns / 1e9;
	printf("{\"ok\": %llu, \"errors\": %llu, \"secs\": %.4f, \"rps\": %.1f, \"p50_us\": %.1f, "
	       "\"p90_us\": %.1f, "
	       "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
	       (unsigned long long)ok, (unsigned long long)errors, s, (double)ok / s,
	       (double)hist_quantile(h, .5) / 1e3, (double)hist_quantile(h, .9) / 1e3,
	       (double)hist_quantile(h, .99) / 1e3, (double)hist_quantile(h, .999) / 1e3,
	       (double)h->max / 1e3);
	fflush(stdout);
}
#endif
