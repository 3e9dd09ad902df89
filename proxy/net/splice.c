#include "net/splice.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"

static void pause_reading(struct splice *splice)
{
	splice->has_paused = true;
	conn_read_pause(splice->from);
}

static void resume_reading(struct splice *splice)
{
	if (!splice->has_paused)
		return;
	splice->has_paused = false;
	conn_read_resume(splice->from);
}

static bool is_long(const struct splice *splice)
{
	return splice->burst > SPLICE_LONG_BURST;
}

static void start_rest(struct splice *splice)
{
	timer_start(&conn_loop(splice->from)->wheel, &splice->rest, SPLICE_REST_MS);
}

bool splice_is_early(struct splice *splice)
{
	struct loop *loop = conn_loop(splice->from);

	if (!is_long(splice))
		return false;
	if (loop->spliced_ns != loop->now_ns && loop->spliced_ns / 1000000 == loop_now_ms(loop)) {
		start_rest(splice);
		return true;
	}
	loop->spliced_ns = loop->now_ns;
	return false;
}

static void on_rested(struct timer *timer)
{
	struct splice *splice = container_of(timer, struct splice, rest);
	struct conn *from = splice->from, *to = splice->to;

	if (splice->waiting) {
		to->io.ready(&to->io, IO_WRITE);
		return;
	}
	resume_reading(splice);
	from->io.ready(&from->io, IO_READ);
}

void splice_join(struct splice *splice, const struct splice_type *type, struct conn *from,
		 struct conn *to)
{
	*splice = (struct splice){.type = type, .from = from, .to = to};
	timer_init(&splice->rest, on_rested);
	from->splice_out = splice;
	to->splice_in = splice;
}

void splice_part(struct splice *splice)
{
	if (!splice->from)
		return;
	splice_end(splice);
	splice->from->splice_out = NULL;
	splice->to->splice_in = NULL;
	resume_reading(splice);
	splice->from = splice->to = NULL;
}

static bool take_pipe(struct splice *splice)
{
	if (!splice->has_pipe && !pipe2(splice->pipe, O_NONBLOCK | O_CLOEXEC)) {
		splice->has_pipe = true;
		fcntl(splice->pipe[1], F_SETPIPE_SZ, SPLICE_PIPE_SIZE);
		if (loop_now_ms(conn_loop(splice->from)) - splice->ended_ms > SPLICE_PAUSE_MS)
			splice->burst = 0;
	}
	return splice->has_pipe;
}

void splice_end(struct splice *splice)
{
	if (!splice->has_pipe)
		return;
	struct loop *loop = conn_loop(splice->from);
	splice->ended_ms = loop_now_ms(loop);
	timer_cancel(&loop->wheel, &splice->rest);
	splice->run = 0;
	close(splice->pipe[0]);
	close(splice->pipe[1]);
	splice->has_pipe = false;
	splice->waiting = 0;
}

void splice_unload(struct splice *splice)
{
	char bytes[CONN_READ_SIZE];

	while (splice->waiting) {
		ssize_t n = read(splice->pipe[0], bytes, sizeof bytes);
		if (n <= 0)
			break;
		buf_append_owned(&splice->to->out, slice_make(bytes, (size_t)n));
		splice->waiting -= (size_t)n < splice->waiting ? (size_t)n : splice->waiting;
	}
	splice_end(splice);
}

enum status splice_drain(struct splice *splice)
{
	struct conn *to = splice->to;
	size_t taken = 0;

	while (splice->waiting) {
		ssize_t n = conn_loop(to)->sys->splice(splice->pipe[0], io_fd(&to->io),
						       splice->waiting);
		if (n == -EAGAIN || n == -EINTR || !n) {
			if (taken >= SPLICE_BRISK && is_long(splice))
				start_rest(splice);
			return STATUS_AGAIN;
		}
		if (n < 0)
			return (enum status)n;
		taken += (size_t)n;
		splice->waiting -= (size_t)n;
		splice->untold += (size_t)n;
		to->bytes_written += (uint64_t)n;
	}
	resume_reading(splice);
	return STATUS_OK;
}

void splice_tell(struct splice *splice)
{
	size_t n = splice->untold;

	splice->untold = 0;
	if (n)
		splice->type->moved(splice, n);
}

/* Few large moves cost less than many small ones, but what `to` doesn't take waits in the pipe: in
 * a long burst it is asked how much that is. */
static size_t chunk_size(const struct splice *splice)
{
	int fd = io_fd(&splice->to->io), queued, room;
	socklen_t len = sizeof room;

	if (!is_long(splice) || ioctl(fd, SIOCOUTQ, &queued) ||
	    getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &len) || room - queued <= SPLICE_CHUNK)
		return SPLICE_CHUNK;
	return room - queued < SPLICE_LONG_CHUNK ? (size_t)(room - queued) : SPLICE_LONG_CHUNK;
}

static enum status read_rounds(struct splice *splice, uint64_t room)
{
	struct conn *from = splice->from;

	for (int round = 0; round < SPLICE_ROUNDS && room; round++) {
		size_t chunk = chunk_size(splice);
		ssize_t n = conn_loop(from)->sys->splice(io_fd(&from->io), splice->pipe[1],
							 room < chunk ? (size_t)room : chunk);
		if (n == 0)
			return STATUS_CLOSED;
		if (n == -EAGAIN || n == -EINTR)
			return STATUS_AGAIN;
		if (n < 0)
			return (enum status)n;
		room -= (uint64_t)n;
		splice->burst += (uint64_t)n;
		splice->run += (uint64_t)n;
		from->bytes_read += (uint64_t)n;
		splice->waiting += (size_t)n;
		if (splice_drain(splice))
			break;
	}
	return STATUS_OK;
}

enum status splice_read(struct splice *splice, bool *is_bulk)
{
	uint64_t room = splice->type->room(splice);

	if (!room || !take_pipe(splice))
		return STATUS_EXHAUSTED;
	if (splice_is_early(splice)) {
		*is_bulk = true;
		pause_reading(splice);
		return STATUS_OK;
	}
	enum status status = read_rounds(splice, room);
	*is_bulk = splice->run >= CONN_READ_SIZE_BULK;
	if (status == STATUS_AGAIN)
		splice->run = 0;
	bool rests = status == STATUS_AGAIN && *is_bulk;
	if (is_long(splice) && (splice->waiting || rests))
		start_rest(splice);
	if (splice->waiting || (rests && is_long(splice)))
		pause_reading(splice);
	return status;
}
