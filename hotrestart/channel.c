#include "hotrestart/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct outgoing {
	struct list_node link;
	struct message_cursor cursor;
	size_t size, fd_count;
	int *fds;
	char bytes[];
};

static void drop(struct channel *channel, struct outgoing *outgoing)
{
	channel->queued -= outgoing->size;
	list_remove(&outgoing->link);
	for (size_t i = 0; i < outgoing->fd_count; i++)
		close(outgoing->fds[i]);
	free(outgoing->fds);
	free(outgoing);
}

static struct outgoing *oldest(const struct channel *channel)
{
	return list_is_empty(&channel->out)
		       ? NULL
		       : container_of(channel->out.next, struct outgoing, link);
}

/* STATUS_AGAIN: the kernel has no room; STATUS_OK: nothing is left, or it is enough for a turn. */
static enum status send_some(struct channel *channel, unsigned records)
{
	struct outgoing *first;

	while ((first = oldest(channel)) && records--) {
		struct record record;
		message_cursor_peek(&first->cursor, &record);
		enum status status = record_send(io_fd(&channel->io), &record, first->cursor.fds);
		if (status)
			return status;
		message_cursor_step(&first->cursor);
		if (first->cursor.is_done)
			drop(channel, first);
	}
	return STATUS_OK;
}

static void watch(struct channel *channel)
{
	io_watch(channel->loop, &channel->io, oldest(channel) ? IO_READ | IO_WRITE : IO_READ);
}

static void finish(struct channel *channel)
{
	channel->is_open = false;
	io_watch(channel->loop, &channel->io, IO_NONE);
	while (oldest(channel))
		drop(channel, oldest(channel));
	message_reader_fini(&channel->reader);
	free(channel->room);
	channel->room = NULL;
	close(io_fd(&channel->io));
}

static void fail(struct channel *channel, enum status why)
{
	finish(channel);
	channel->events->closed(channel, why);
}

/* STATUS_OK: there may be more. */
static enum status receive_one(struct channel *channel)
{
	struct record record;
	struct upgrade_message message;
	int fds[RECORD_FDS_MAX];
	enum status status = record_receive(io_fd(&channel->io), channel->room, &record, fds);

	if (!status)
		status = message_reader_add(&channel->reader, &record, fds, &message);
	else
		return status;
	if (status == STATUS_AGAIN)
		return STATUS_OK; /* the message goes on */
	if (status)
		return status;
	if (message.kind < MESSAGE_KIND_COUNT)
		channel->events->received(channel, &message);
	message_fini(&message);
	return STATUS_OK;
}

static void on_ready(struct io *io, int interest)
{
	struct channel *channel = container_of(io, struct channel, io);
	enum status status = STATUS_OK;

	if (interest & IO_WRITE) {
		status = send_some(channel, CHANNEL_RECORDS_A_TURN);
		/* its last words may still be there to be read */
		if (status && status != STATUS_AGAIN)
			io_watch(channel->loop, io, IO_READ);
		else
			watch(channel);
	}
	status = STATUS_OK;
	for (unsigned i = 0; !status && channel->is_open && i < CHANNEL_RECORDS_A_TURN; i++)
		status = receive_one(channel);
	if (channel->is_open && status && status != STATUS_AGAIN)
		fail(channel, status);
}

void channel_init(struct channel *channel)
{
	*channel = (struct channel){.is_open = false};
	list_init(&channel->out);
}

void channel_open(struct channel *channel, struct loop *loop, int fd,
		  const struct channel_events *events)
{
	channel_init(channel);
	channel->loop = loop;
	channel->events = events;
	channel->room = malloc(RECORD_MAX);
	invariant(channel->room);
	channel->is_open = true;
	io_init(&channel->io, fd, on_ready);
	io_watch(loop, &channel->io, IO_READ);
}

void channel_close(struct channel *channel)
{
	if (!channel->is_open)
		return;
	if (send_some(channel, UINT32_MAX)) /* what doesn't fit now is lost with it */
		message_reader_fini(&channel->reader);
	finish(channel);
}

static int *copy_fds(const int *fds, size_t count)
{
	int *copies = malloc(count * sizeof *copies);

	invariant(copies);
	for (size_t i = 0; i < count; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (copies[i] >= 0)
			continue;
		while (i--)
			close(copies[i]);
		free(copies);
		return NULL;
	}
	return copies;
}

void channel_send(struct channel *channel, enum message_kind kind, struct slice bytes,
		  const int *fds, size_t fd_count)
{
	struct outgoing *outgoing;

	if (!channel->is_open)
		return;
	outgoing = malloc(sizeof *outgoing + bytes.len);
	invariant(outgoing);
	*outgoing = (struct outgoing){.size = bytes.len, .fd_count = fd_count};
	if (bytes.len)
		memcpy(outgoing->bytes, bytes.data, bytes.len);
	if (fd_count && !(outgoing->fds = copy_fds(fds, fd_count))) {
		/* no descriptor is left: the peer sees the end, and so do we */
		free(outgoing);
		shutdown(io_fd(&channel->io), SHUT_RDWR);
		return;
	}
	message_cursor_init(&outgoing->cursor, kind, slice_make(outgoing->bytes, bytes.len),
			    outgoing->fds, fd_count);
	bool was_empty = !oldest(channel);
	list_push_back(&channel->out, &outgoing->link);
	channel->queued += bytes.len;
	/* an error shows when it is read from */
	if (was_empty && !send_some(channel, CHANNEL_RECORDS_A_TURN) && !oldest(channel))
		return;
	watch(channel);
}

void channel_send_message(struct channel *channel, enum message_kind kind,
			  const ProtobufCMessage *message, const int *fds, size_t fd_count)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	char *bytes = malloc(len ? len : 1);

	invariant(bytes);
	protobuf_c_message_pack(message, (uint8_t *)bytes);
	channel_send(channel, kind, slice_make(bytes, len), fds, fd_count);
	free(bytes);
}

void channel_wait(struct channel *channel, int ms)
{
	struct pollfd poll_fd = {.fd = io_fd(&channel->io),
				 .events = (short)(oldest(channel) ? POLLIN | POLLOUT : POLLIN)};

	if (poll(&poll_fd, 1, ms) > 0)
		on_ready(&channel->io, IO_READ | (poll_fd.revents & POLLOUT ? IO_WRITE : 0));
}

bool channel_is_hung_up(const struct channel *channel)
{
	struct pollfd poll_fd = {.fd = io_fd(&channel->io), .events = POLLRDHUP};

	return !channel->is_open ||
	       (poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLHUP | POLLRDHUP | POLLERR));
}
