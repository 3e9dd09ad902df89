#include "filters/sentinel/nacos/nacos_http.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"

enum { READ_AT_ONCE = 64 << 10 };

/* --- the answer --- */

struct head {
	size_t end; /* behind the empty line */
	bool is_chunked, has_length;
	uint64_t length;
};

/* The line that begins at *at, without its end; moves on to the next. */
static struct slice next_line(struct slice text, size_t *at)
{
	size_t end = slice_find_char(text, '\n', *at);
	struct slice line = slice_sub(text, *at, end);

	*at = end < text.len ? end + 1 : end;
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static enum status read_field(struct slice line, struct head *head, struct nacos_answer *answer)
{
	size_t colon = slice_find_char(line, ':', 0);
	struct slice name = slice_sub(line, 0, colon), value;

	if (colon >= line.len)
		return STATUS_MALFORMED;
	value = slice_trim(slice_sub(line, colon + 1, line.len));
	if (slice_equal_nocase(name, SLICE("content-length"))) {
		head->has_length = true;
		return slice_to_uint64(value, &head->length) ? STATUS_OK : STATUS_MALFORMED;
	}
	if (slice_equal_nocase(name, SLICE("transfer-encoding"))) {
		head->is_chunked = slice_equal_nocase(value, SLICE("chunked"));
		return head->is_chunked ? STATUS_OK : STATUS_MALFORMED;
	}
	if (slice_equal_nocase(name, SLICE("content-md5")) && value.len == MD5_HEX_SIZE - 1)
		snprintf(answer->md5, sizeof answer->md5, "%.*s", SLICE_FMT(value));
	return STATUS_OK;
}

static enum status read_head(struct slice bytes, struct head *head, struct nacos_answer *answer)
{
	size_t at = 0;
	uint64_t status;
	struct slice line = next_line(bytes, &at);

	if (line.len < 12 || !slice_starts_with(line, SLICE("HTTP/1.")) || line.data[8] != ' ' ||
	    !slice_to_uint64(slice_sub(line, 9, 12), &status))
		return STATUS_MALFORMED;
	answer->status = (unsigned)status;
	while ((line = next_line(bytes, &at)).len) {
		enum status status_of = read_field(line, head, answer);
		if (status_of)
			return status_of;
	}
	head->end = at;
	return STATUS_OK;
}

/* Where the head's empty line ends; 0: it hasn't come. */
static size_t find_end(struct slice bytes)
{
	for (size_t at = 0; (at = slice_find_char(bytes, '\n', at)) < bytes.len; at++) {
		size_t next = at + 1;
		if (next < bytes.len && bytes.data[next] == '\r')
			next++;
		if (next < bytes.len && bytes.data[next] == '\n')
			return next + 1;
	}
	return 0;
}

static bool read_hex(struct slice line, uint64_t *number)
{
	size_t digits = 0;

	*number = 0;
	for (; digits < line.len; digits++) {
		char c = line.data[digits];
		unsigned digit;
		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (unsigned)((c | 32) - 'a' + 10);
		else
			break;
		*number = *number << 4 | digit;
	}
	return digits && digits <= 8 && (digits == line.len || line.data[digits] == ';');
}

/* Chunk by chunk; trailers are not looked at. */
static enum status read_chunks(struct slice rest, size_t body_max, struct text *body)
{
	size_t at = 0;

	for (;;) {
		uint64_t size;
		if (slice_find_char(rest, '\n', at) >= rest.len)
			return rest.len - at > NACOS_HEAD_MAX ? STATUS_MALFORMED : STATUS_AGAIN;
		if (!read_hex(next_line(rest, &at), &size))
			return STATUS_MALFORMED;
		if (!size)
			return STATUS_OK;
		if (size > body_max - body->len)
			return STATUS_TOO_LARGE;
		if (rest.len - at < size + 2)
			return STATUS_AGAIN;
		text_add(body, slice_sub(rest, at, at + size));
		at += size;
		if (next_line(rest, &at).len)
			return STATUS_MALFORMED;
	}
}

static enum status read_body(struct slice rest, bool is_end, size_t body_max,
			     const struct head *head, struct text *body)
{
	if (head->is_chunked)
		return read_chunks(rest, body_max, body);
	if (head->has_length ? head->length > body_max : rest.len > body_max)
		return STATUS_TOO_LARGE;
	if (head->has_length ? rest.len < head->length : !is_end)
		return STATUS_AGAIN;
	text_add(body, slice_sub(rest, 0, head->has_length ? head->length : rest.len));
	return STATUS_OK;
}

enum status nacos_answer_parse(struct slice bytes, bool is_end, size_t body_max,
			       struct nacos_answer *answer)
{
	struct head head = {.end = 0};
	enum status status = STATUS_AGAIN;
	size_t end = find_end(bytes);

	answer->body.len = 0;
	if (end > NACOS_HEAD_MAX || (!end && bytes.len > NACOS_HEAD_MAX))
		return STATUS_TOO_LARGE;
	if (end)
		status = read_head(slice_sub(bytes, 0, end), &head, answer);
	if (!status)
		status = read_body(slice_sub(bytes, end, bytes.len), is_end, body_max, &head,
				   &answer->body);
	return status == STATUS_AGAIN && is_end ? STATUS_MALFORMED : status;
}

/* --- the connection --- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* STATUS_OK: it is ready. */
static enum status wait_for(int fd, short events, const struct nacos_ask *ask, int64_t end_ms)
{
	for (;;) {
		struct pollfd fds[2] = {{.fd = ask->wake_fd, .events = POLLIN},
					{.fd = fd, .events = events}};
		int64_t left = end_ms - now_ms();
		int ready = left > 0 ? poll(fds, 2, (int)left) : 0;
		if (ready < 0 && errno != EINTR)
			return status_of_errno(errno);
		if (ready > 0 && fds[0].revents)
			return STATUS_AGAIN;
		if (ready > 0 && fds[1].revents)
			return STATUS_OK;
		if (!ready)
			return status_of_errno(ETIMEDOUT);
	}
}

static enum status connect_to(const struct addrinfo *addr, const struct nacos_ask *ask,
			      int64_t end_ms, int *fd)
{
	int error = 0;
	socklen_t size = sizeof error;
	enum status status = STATUS_OK;

	*fd = socket(addr->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return status_of_errno(errno);
	if (connect(*fd, addr->ai_addr, addr->ai_addrlen))
		status = errno == EINPROGRESS ? wait_for(*fd, POLLOUT, ask, end_ms)
					      : status_of_errno(errno);
	if (!status && !getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &size) && error)
		status = status_of_errno(error);
	if (status) {
		close(*fd);
		*fd = -1;
	}
	return status;
}

/* The first of the name's addresses that takes the connection. */
static enum status open_connection(const struct nacos_ask *ask, int64_t end_ms, int *fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	enum status status = status_of_errno(ENOENT);
	char port[8];

	snprintf(port, sizeof port, "%u", ask->server->port);
	if (getaddrinfo(ask->server->host, port, &hints, &found))
		return status;
	for (const struct addrinfo *addr = found; addr; addr = addr->ai_next) {
		status = connect_to(addr, ask, end_ms, fd);
		if (!status || status == STATUS_AGAIN)
			break;
	}
	freeaddrinfo(found);
	return status;
}

static enum status send_all(int fd, const struct nacos_ask *ask, int64_t end_ms)
{
	for (size_t sent = 0; sent < ask->request.len;) {
		ssize_t n =
			send(fd, ask->request.data + sent, ask->request.len - sent, MSG_NOSIGNAL);
		enum status status = STATUS_OK;
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			status = wait_for(fd, POLLOUT, ask, end_ms);
		else if (errno != EINTR)
			status = status_of_errno(errno);
		if (status)
			return status;
	}
	return STATUS_OK;
}

/* What comes, until that is an answer. */
static enum status receive(int fd, const struct nacos_ask *ask, int64_t end_ms,
			   struct nacos_answer *answer)
{
	struct text bytes = {0};
	char room[READ_AT_ONCE];
	enum status status = STATUS_AGAIN;

	while (status == STATUS_AGAIN) {
		/* before each: what comes without a pause must end in time, too */
		enum status waited = wait_for(fd, POLLIN, ask, end_ms);
		ssize_t n = waited ? 0 : recv(fd, room, sizeof room, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			waited = status_of_errno(errno);
		if (waited) {
			status = waited;
			break;
		}
		if (n > 0)
			text_add(&bytes, slice_make(room, (size_t)n));
		status = nacos_answer_parse(text_slice(&bytes), !n, ask->body_max, answer);
	}
	text_free(&bytes);
	return status;
}

enum status nacos_exchange(const struct nacos_ask *ask, struct nacos_answer *answer)
{
	int64_t end_ms = now_ms() + ask->timeout_ms;
	int fd;
	enum status status = open_connection(ask, end_ms, &fd);

	*answer = (struct nacos_answer){.status = 0};
	if (status)
		return status;
	status = send_all(fd, ask, end_ms);
	if (!status)
		status = receive(fd, ask, end_ms, answer);
	close(fd);
	return status;
}
