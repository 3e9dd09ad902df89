#include "net/splice.h"

#include <fcntl.h>
#include <unistd.h>

#include "net/conn.h"

static void set_patient(struct splice *splice, bool is_patient)
{
	int mark = is_patient ? SPLICE_PATIENCE : 1;

	splice->is_patient = is_patient;
	setsockopt(io_fd(&splice->from->io), SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

/* While `from` may be read, that is. */
static void expect_more(struct splice *splice)
{
	struct timer_wheel *wheel = &conn_loop(splice->from)->wheel;

	if (splice->is_patient && !splice->waiting)
		timer_start(wheel, &splice->tail, SPLICE_PATIENCE_MS);
	else
		timer_cancel(wheel, &splice->tail);
}

/* No wake-up for a while: what there is, may be all there is. A read that brings little ends the
 * burst. */
static void on_tail(struct timer *timer)
{
	struct splice *splice = container_of(timer, struct splice, tail);
	struct conn *from = splice->from;

	if (from->read_pauses) /* whoever ends the pause is to be woken by the first byte */
		set_patient(splice, false);
	else
		from->io.watcher.ready(&from->io, IO_READ);
}

void splice_join(struct splice *splice, const struct splice_type *type, struct conn *from,
		 struct conn *to)
{
	*splice = (struct splice){.type = type, .from = from, .to = to};
	timer_init(&splice->tail, on_tail);
	from->splice_out = splice;
	to->splice_in = splice;
}

void splice_part(struct splice *splice)
{
	struct conn *from = splice->from;

	if (!from)
		return;
	splice_end(splice);
	from->splice_out = NULL;
	splice->to->splice_in = NULL;
	splice->from = splice->to = NULL;
	if (splice->has_paused)
		conn_read_resume(from);
	splice->has_paused = false;
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
	splice->burst = splice->is_patient ? SPLICE_LONG_BURST - SPLICE_REGAIN : 0;
	splice->ended_ms = loop_now_ms(loop);
	if (splice->is_patient)
		set_patient(splice, false);
	timer_cancel(&loop->wheel, &splice->tail);
	close(splice->pipe[0]);
	close(splice->pipe[1]);
	splice->has_pipe = false;
	splice->waiting = 0;
}

enum status splice_drain(struct splice *splice)
{
	struct conn *to = splice->to;

	while (splice->waiting) {
		ssize_t n = conn_loop(to)->sys->splice(splice->pipe[0], io_fd(&to->io),
						       splice->waiting);
		if (n <= 0)
			return n == -EAGAIN || n == -EINTR || !n ? STATUS_AGAIN : (enum status)n;
		splice->waiting -= (size_t)n;
		splice->untold += (size_t)n;
		to->bytes_written += (uint64_t)n;
	}
	expect_more(splice);
	return STATUS_OK;
}

void splice_tell(struct splice *splice)
{
	size_t n = splice->untold;

	splice->untold = 0;
	if (n)
		splice->type->moved(splice, n);
}

static enum status read_rounds(struct splice *splice, uint64_t room, size_t *moved)
{
	struct conn *from = splice->from;

	for (int round = 0; round < SPLICE_ROUNDS && *moved < room; round++) {
		uint64_t left = room - *moved;
		ssize_t n = conn_loop(from)->sys->splice(io_fd(&from->io), splice->pipe[1],
							 left < SPLICE_CHUNK ? (size_t)left
									     : SPLICE_CHUNK);
		if (n == 0)
			return STATUS_CLOSED;
		if (n == -EAGAIN || n == -EINTR)
			return *moved ? STATUS_OK : STATUS_AGAIN;
		if (n < 0)
			return (enum status)n;
		*moved += (size_t)n;
		from->bytes_read += (uint64_t)n;
		splice->waiting += (size_t)n;
		if (splice_drain(splice))
			break;
	}
	return STATUS_OK;
}

enum status splice_read(struct splice *splice, size_t *moved)
{
	uint64_t room = splice->type->room(splice);

	*moved = 0;
	if (!room || !take_pipe(splice))
		return STATUS_EXHAUSTED;
	enum status status = read_rounds(splice, room, moved);
	splice->burst += *moved;
	bool is_long = splice->burst > SPLICE_LONG_BURST && room - *moved > SPLICE_PATIENCE;
	if (splice->is_patient != is_long)
		set_patient(splice, is_long);
	expect_more(splice);
	return status;
}
