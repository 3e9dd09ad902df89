#include "net/splice.h"

#include <fcntl.h>
#include <unistd.h>

#include "net/conn.h"

void splice_join(struct splice *splice, struct conn *from, struct conn *to)
{
	*splice = (struct splice){.from = from, .to = to};
	from->splice_out = splice;
	to->splice_in = splice;
}

static bool take_pipe(struct splice *splice)
{
	if (!splice->has_pipe && !pipe2(splice->pipe, O_NONBLOCK | O_CLOEXEC)) {
		splice->has_pipe = true;
		fcntl(splice->pipe[1], F_SETPIPE_SZ, SPLICE_PIPE_SIZE);
	}
	return splice->has_pipe;
}

void splice_end(struct splice *splice)
{
	if (!splice->has_pipe)
		return;
	close(splice->pipe[0]);
	close(splice->pipe[1]);
	splice->has_pipe = false;
	splice->waiting = 0;
}

bool splice_drain(struct splice *splice)
{
	struct conn *to = splice->to;

	while (splice->waiting) {
		ssize_t n = conn_loop(to)->sys->splice(splice->pipe[0], io_fd(&to->io),
						       splice->waiting);
		if (n <= 0)
			return n != -EAGAIN; /* a broken socket shows itself when it is written or
						read */
		splice->waiting -= (size_t)n;
		to->bytes_written += (uint64_t)n;
	}
	return true;
}

enum status splice_read(struct splice *splice, size_t *moved)
{
	struct conn *from = splice->from;

	*moved = 0;
	if (!take_pipe(splice))
		return STATUS_EXHAUSTED;
	for (int round = 0; round < SPLICE_ROUNDS; round++) {
		ssize_t n = conn_loop(from)->sys->splice(io_fd(&from->io), splice->pipe[1],
							 SPLICE_PIPE_SIZE);
		if (n == 0)
			return STATUS_CLOSED;
		if (n == -EAGAIN || n == -EINTR)
			return *moved ? STATUS_OK : STATUS_AGAIN;
		if (n < 0)
			return (enum status)n;
		*moved += (size_t)n;
		from->bytes_read += (uint64_t)n;
		splice->waiting += (size_t)n;
		if (!splice_drain(splice))
			break;
	}
	return STATUS_OK;
}
