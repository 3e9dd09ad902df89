#include "filters/sentinel/ops/heartbeat.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/ops/java_text.h"

/* --- what is said, and to whom --- */

static bool read_dashboard(struct slice item, struct dashboard *dashboard)
{
	uint64_t port = 80;

	if (slice_starts_with(item, SLICE("https://")))
		return false;
	if (slice_starts_with(item, SLICE("http://")))
		item = slice_sub(item, 7, item.len);
	if (item.len && item.data[item.len - 1] == '/')
		item.len--;
	size_t colon = slice_find_char(item, ':', 0);
	if (!colon ||
	    (colon < item.len && !slice_to_uint64(slice_sub(item, colon + 1, item.len), &port)))
		return false;
	*dashboard = (struct dashboard){slice_sub(item, 0, colon), (uint16_t)port};
	return port > 0 && port <= UINT16_MAX;
}

unsigned heartbeat_dashboards(struct slice list,
			      struct dashboard dashboards[HEARTBEAT_DASHBOARDS_MAX])
{
	unsigned count = 0;

	for (size_t at = 0; at < list.len;) {
		size_t end = slice_find_char(list, ',', at);
		struct slice item = slice_trim(slice_sub(list, at, end));
		at = end + 1;
		if (!item.len)
			continue;
		if (count < HEARTBEAT_DASHBOARDS_MAX && read_dashboard(item, &dashboards[count]))
			count++;
		else
			log_warn(SENTINEL, "dashboard '%.*s' can't be told of this machine",
				 SLICE_FMT(item));
	}
	return count;
}

static void field(struct text *body, const char *name, struct slice value)
{
	text_printf(body, "%s%s=", body->len ? "&" : "", name);
	java_url_encode(body, value);
}

static void number_field(struct text *body, const char *name, int64_t value)
{
	text_printf(body, "%s%s=%" PRId64, body->len ? "&" : "", name, value);
}

void heartbeat_request(struct text *out, const struct heartbeat_options *options, struct slice host,
		       uint16_t port, int64_t now_ms)
{
	struct slice path = options->path.len ? options->path : SLICE("/registry/machine");
	struct text body = {0};

	field(&body, "app", options->application);
	field(&body, "hostname", options->hostname);
	number_field(&body, "app_type", options->application_type);
	number_field(&body, "port", port);
	field(&body, "v", SLICE("1.8.9"));
	field(&body, "ip", options->ip);
	number_field(&body, "version", now_ms);
	text_printf(out,
		    "POST %.*s HTTP/1.1\r\n"
		    "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
		    "Host: %.*s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
		    SLICE_FMT(path), SLICE_FMT(host), body.len);
	text_add(out, text_slice(&body));
	text_free(&body);
}

/* --- the thread --- */

struct heartbeat {
	atomic_int references; /* the owner's, the thread's */
	atomic_bool is_stopping;
	_Atomic uint16_t port;
	int wake_fd;
	struct heartbeat_options options; /* texts are in memory */
	struct text memory;
	struct dashboard dashboards[HEARTBEAT_DASHBOARDS_MAX];
	bool was_told[HEARTBEAT_DASHBOARDS_MAX]; /* the last time */
	unsigned count;
};

static void drop(struct heartbeat *heartbeat)
{
	if (atomic_fetch_sub(&heartbeat->references, 1) > 1)
		return;
	close(heartbeat->wake_fd);
	text_free(&heartbeat->memory);
	free(heartbeat);
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One connection: */
struct beat {
	int fd; /* -1: over */
	struct text request;
	size_t sent;
	char answer[16]; /* its beginning: "HTTP/1.1 200" */
	size_t received;
};

static void begin(struct beat *beat, const struct heartbeat *heartbeat, unsigned index)
{
	const struct dashboard *dashboard = &heartbeat->dashboards[index];
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char host[256], port[8];

	*beat = (struct beat){.fd = -1};
	snprintf(host, sizeof host, "%.*s", SLICE_FMT(dashboard->host));
	snprintf(port, sizeof port, "%u", dashboard->port);
	if (getaddrinfo(host, port, &hints, &found))
		return;
	beat->fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (beat->fd >= 0 && connect(beat->fd, found->ai_addr, found->ai_addrlen) &&
	    errno != EINPROGRESS) {
		close(beat->fd);
		beat->fd = -1;
	}
	freeaddrinfo(found);
	heartbeat_request(&beat->request, &heartbeat->options, dashboard->host,
			  atomic_load(&heartbeat->port), clock_ms(CLOCK_REALTIME));
}

/* False: it is over. */
static bool go_on(struct beat *beat)
{
	ssize_t n;

	if (beat->sent < beat->request.len) {
		n = send(beat->fd, beat->request.data + beat->sent, beat->request.len - beat->sent,
			 MSG_NOSIGNAL);
		beat->sent += n > 0 ? (size_t)n : 0;
		return n >= 0 || errno == EAGAIN || errno == EINTR;
	}
	n = recv(beat->fd, beat->answer + beat->received, sizeof beat->answer - beat->received, 0);
	beat->received += n > 0 ? (size_t)n : 0;
	return n > 0 ? beat->received < sizeof beat->answer
		     : n < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool is_accepted(const struct beat *beat)
{
	return beat->received >= 12 && !memcmp(beat->answer, "HTTP/1.", 7) &&
	       !memcmp(beat->answer + 8, " 200", 4);
}

/* Until all are over, or time is. */
static void go_on_with_all(struct heartbeat *heartbeat, struct beat *beats)
{
	int64_t end = clock_ms(CLOCK_MONOTONIC) + HEARTBEAT_TIMEOUT_MS;

	for (;;) {
		struct pollfd fds[HEARTBEAT_DASHBOARDS_MAX + 1] = {
			{.fd = heartbeat->wake_fd, .events = POLLIN}};
		int64_t left = end - clock_ms(CLOCK_MONOTONIC);
		bool any = false;
		for (unsigned i = 0; i < heartbeat->count; i++) {
			short event = beats[i].sent < beats[i].request.len ? POLLOUT : POLLIN;
			fds[1 + i] = (struct pollfd){.fd = beats[i].fd, .events = event};
			any |= beats[i].fd >= 0;
		}
		if (!any || left <= 0 || atomic_load(&heartbeat->is_stopping) ||
		    poll(fds, 1 + heartbeat->count, (int)left) <= 0)
			return;
		for (unsigned i = 0; i < heartbeat->count; i++)
			if (beats[i].fd >= 0 && fds[1 + i].revents && !go_on(&beats[i])) {
				close(beats[i].fd);
				beats[i].fd = -1;
			}
	}
}

static void send_all(struct heartbeat *heartbeat)
{
	struct beat beats[HEARTBEAT_DASHBOARDS_MAX];

	for (unsigned i = 0; i < heartbeat->count; i++)
		begin(&beats[i], heartbeat, i);
	go_on_with_all(heartbeat, beats);
	for (unsigned i = 0; i < heartbeat->count; i++) {
		bool is_told = is_accepted(&beats[i]);
		if (is_told != heartbeat->was_told[i] && !atomic_load(&heartbeat->is_stopping))
			log_info(SENTINEL, "dashboard %.*s:%u %s",
				 SLICE_FMT(heartbeat->dashboards[i].host),
				 heartbeat->dashboards[i].port,
				 is_told ? "knows of this machine" : "can't be reached any more");
		heartbeat->was_told[i] = is_told;
		if (beats[i].fd >= 0)
			close(beats[i].fd);
		text_free(&beats[i].request);
	}
}

static void *run(void *arg)
{
	struct heartbeat *heartbeat = arg;
	int64_t next = clock_ms(CLOCK_MONOTONIC) + heartbeat->options.first_ms;

	while (!atomic_load(&heartbeat->is_stopping)) {
		struct pollfd wake = {.fd = heartbeat->wake_fd, .events = POLLIN};
		int64_t left = next - clock_ms(CLOCK_MONOTONIC);
		if (left > 0) {
			poll(&wake, 1, (int)left);
			continue;
		}
		if (atomic_load(&heartbeat->port))
			send_all(heartbeat);
		next = clock_ms(CLOCK_MONOTONIC) + heartbeat->options.interval_ms;
	}
	drop(heartbeat);
	return NULL;
}

/* --- its owner's --- */

static struct slice keep(struct heartbeat *heartbeat, size_t *at, struct slice text)
{
	char *copy = heartbeat->memory.data + *at;

	if (text.len)
		memcpy(copy, text.data, text.len);
	*at += text.len;
	return slice_make(copy, text.len);
}

static void copy_options(struct heartbeat *heartbeat, const struct heartbeat_options *given)
{
	struct heartbeat_options *own = &heartbeat->options;
	size_t at = 0;

	*own = *given;
	heartbeat->memory.data =
		malloc(given->dashboards.len + given->path.len + given->application.len +
		       given->hostname.len + given->ip.len + 1);
	invariant(heartbeat->memory.data);
	own->dashboards = keep(heartbeat, &at, given->dashboards);
	own->path = keep(heartbeat, &at, given->path);
	own->application = keep(heartbeat, &at, given->application);
	own->hostname = keep(heartbeat, &at, given->hostname);
	own->ip = keep(heartbeat, &at, given->ip);
	if (!own->first_ms)
		own->first_ms = HEARTBEAT_FIRST_MS;
	if (!own->interval_ms)
		own->interval_ms = HEARTBEAT_INTERVAL_MS;
}

struct heartbeat *heartbeat_start(const struct heartbeat_options *options)
{
	struct heartbeat *heartbeat = calloc(1, sizeof *heartbeat);
	sigset_t all, before;
	pthread_t thread;

	invariant(heartbeat);
	atomic_init(&heartbeat->references, 2);
	heartbeat->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	invariant(heartbeat->wake_fd >= 0);
	copy_options(heartbeat, options);
	heartbeat->count =
		heartbeat_dashboards(heartbeat->options.dashboards, heartbeat->dashboards);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = heartbeat->count ? pthread_create(&thread, NULL, run, heartbeat) : ENOENT;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		if (heartbeat->count)
			log_warn(SENTINEL, "no thread for heartbeats: %s",
				 status_text(status_of_errno(error)));
		drop(heartbeat);
		drop(heartbeat);
		return NULL;
	}
	pthread_setname_np(thread, "heartbeat");
	pthread_detach(thread);
	return heartbeat;
}

void heartbeat_set_port(struct heartbeat *heartbeat, uint16_t port)
{
	atomic_store(&heartbeat->port, port);
}

void heartbeat_stop(struct heartbeat *heartbeat)
{
	if (!heartbeat)
		return;
	atomic_store(&heartbeat->is_stopping, true);
	eventfd_write(heartbeat->wake_fd, 1);
	drop(heartbeat);
}
