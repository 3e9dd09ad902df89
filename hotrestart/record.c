#include "hotrestart/record.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"

void record_write_head(const struct record *record, char head[RECORD_HEAD])
{
	head[0] = 'O';
	head[1] = 'U';
	head[2] = RECORD_FORMAT;
	head[3] = (char)record->kind;
	head[4] = (char)record->flags;
	head[5] = (char)record->fd_count;
	head[6] = head[7] = 0;
	for (unsigned i = 0; i < 4; i++)
		head[8 + i] = (char)(record->message_len >> 8 * i & 0xff);
}

enum status record_read(struct slice datagram, struct record *record)
{
	const uint8_t *at = (const uint8_t *)datagram.data;

	if (datagram.len < RECORD_HEAD || datagram.len > RECORD_MAX || at[0] != 'O' ||
	    at[1] != 'U' || at[2] != RECORD_FORMAT || !at[3] || at[4] & ~RECORD_FLAGS ||
	    at[5] > RECORD_FDS_MAX || at[6] || at[7])
		return STATUS_MALFORMED;
	*record = (struct record){
		.kind = at[3],
		.flags = at[4],
		.fd_count = at[5],
		.message_len = at[8] | (uint32_t)at[9] << 8 | (uint32_t)at[10] << 16 |
			       (uint32_t)at[11] << 24,
		.bytes = slice_sub(datagram, RECORD_HEAD, datagram.len),
	};
	return record->bytes.len <= record->message_len ? STATUS_OK : STATUS_MALFORMED;
}

/* Room for the descriptors of a record, aligned as the kernel wants it. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(RECORD_FDS_MAX * sizeof(int))];
};

enum status record_send(int socket, const struct record *record, const int *fds)
{
	char head[RECORD_HEAD];
	union control control;
	struct iovec parts[2] = {
		{head, sizeof head},
		{(void *)(uintptr_t)record->bytes.data, record->bytes.len},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = record->bytes.len ? 2 : 1};

	invariant(record->fd_count <= RECORD_FDS_MAX && record->bytes.len <= RECORD_BYTES_MAX);
	record_write_head(record, head);
	if (record->fd_count) {
		size_t len = record->fd_count * sizeof *fds;
		memset(&control, 0, sizeof control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(len);
		memcpy(CMSG_DATA(&control.header), fds, len);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(len);
	}
	for (;;) {
		if (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return STATUS_OK;
		if (errno == EINTR)
			continue;
		/* ETOOMANYREFS: too many descriptors are on their way; the peer takes them out */
		bool is_full = errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS;
		return is_full ? STATUS_AGAIN : status_of_errno(errno);
	}
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* All descriptors that came, as many as fds has room for (the control buffer has no more). */
static size_t take_fds(struct msghdr *message, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (count < RECORD_FDS_MAX)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

enum status record_receive(int socket, char *data, struct record *record, int *fds)
{
	union control control;
	struct iovec part = {data, RECORD_MAX};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	ssize_t n;

	/* ECONNRESET: the peer has gone with something unread; it is told once, and what the peer
	 * had said before is still there */
	do
		n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EAGAIN ? STATUS_AGAIN : status_of_errno(errno);
	size_t count = take_fds(&message, fds);
	enum status status = STATUS_OK;
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		status = STATUS_TOO_LARGE;
	else if (!n)
		status = STATUS_CLOSED;
	else
		status = record_read(slice_make(data, (size_t)n), record);
	if (!status && count != record->fd_count)
		status = STATUS_MALFORMED;
	if (status)
		close_all(fds, count);
	return status;
}
