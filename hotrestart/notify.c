#include "hotrestart/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"

bool notify_address(const char *name, struct sockaddr_un *address, socklen_t *len)
{
	size_t n = strlen(name);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof address->sun_path)
		return false;
	memcpy(address->sun_path, name, n);
	if (name[0] == '@')
		address->sun_path[0] = 0;
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] == '/' ? 1 : 0));
	return true;
}

static enum status send_from(int fd, const char *name, const char *text)
{
	const struct timeval patience = {.tv_usec = NOTIFY_WAIT_MS * 1000};
	struct sockaddr_un address;
	socklen_t len;

	if (!notify_address(name, &address, &len))
		return STATUS_INVALID;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
	    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, len) <
		    0)
		return status_of_errno(errno);
	return STATUS_OK;
}

bool notify_send_to(const char *name, const char *text)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enum status status = fd < 0 ? status_of_errno(errno) : send_from(fd, name, text);

	bool is_full = status == status_of_errno(EAGAIN) || status == status_of_errno(ENOBUFS);

	if (status && !is_full)
		log_warn(HOTRESTART, NOTIFY_VARIABLE " '%s' can't be told: %s", name,
			 status_text(status));
	if (fd >= 0)
		close(fd);
	return !is_full;
}

bool notify_send(const char *text)
{
	const char *name = getenv(NOTIFY_VARIABLE);

	return !name || !*name || notify_send_to(name, text);
}

enum status notify_name_of(int fd, char *name, size_t size)
{
	const size_t before = offsetof(struct sockaddr_un, sun_path) + 1; /* its NUL */
	struct sockaddr_un address;
	socklen_t len = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return status_of_errno(errno);
	if (address.sun_family != AF_UNIX || len <= before || address.sun_path[0])
		return STATUS_INVALID;
	snprintf(name, size, "@%.*s", (int)(len - before), address.sun_path + 1);
	return STATUS_OK;
}

static enum status listen_on(int fd, char *name, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int on = 1;

	/* an address without a name: the kernel finds one */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof address.sun_family) < 0)
		return status_of_errno(errno);
	return notify_name_of(fd, name, size);
}

int notify_listen(char *name, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	enum status status = listen_on(fd, name, size);
	if (!status)
		return fd;
	close(fd);
	return (int)status;
}

static int sender_of(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct ucred who;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&who, CMSG_DATA(c), sizeof who);
		return who.pid;
	}
	return 0;
}

enum status notify_receive(int fd, unsigned *words, int *sender)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text[NOTIFY_MAX];
	struct iovec part = {text, sizeof text};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN ? STATUS_AGAIN : status_of_errno(errno);
	*sender = sender_of(&message);
	*words = notify_parse(slice_make(text, (size_t)n));
	return STATUS_OK;
}

unsigned notify_parse(struct slice text)
{
	unsigned words = 0;

	while (text.len) {
		const char *newline = memchr(text.data, '\n', text.len);
		size_t len = newline ? (size_t)(newline - text.data) : text.len;
		struct slice line = slice_make(text.data, len);
		if (slice_equal(line, SLICE("READY=1")))
			words |= NOTIFY_IS_READY;
		else if (slice_equal(line, SLICE(NOTIFY_REPLACED)))
			words |= NOTIFY_IS_REPLACED;
		text = slice_sub(text, newline ? len + 1 : len, text.len);
	}
	return words;
}
