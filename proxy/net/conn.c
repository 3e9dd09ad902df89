#include "net/conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* Timers: `timer` limits the connect, later the linger. Limits: high_mark on output,
 * CONN_LEFT_LIMIT on input. */

enum { FLUSH_IOVECS = 64 };

static void set_state(struct conn *conn, enum conn_state state)
{
	conn->state = (uint8_t)state;
}

static void left_drop(struct conn *conn)
{
	if (conn->left)
		buf_pool_give_late(&conn->loop->pool, conn->left);
	conn->left = NULL;
	conn->left_len = conn->left_size = 0;
}

/* Bytes wait in a pipe for this socket. */
static bool has_spliced(const struct conn *conn)
{
	return UNLIKELY(conn->splice_in != NULL) && conn->splice_in->waiting;
}

/* Watches for what this state needs. The read watcher stays on while idle: no system call a
 * request. */
static void update_interest(struct conn *conn)
{
	int interest = IO_NONE;
	switch ((enum conn_state)conn->state) {
	case CONN_CONNECTING:
		interest = IO_WRITE;
		break;
	case CONN_OPEN:
		interest = conn->read_pauses || conn->is_eof ? IO_NONE : IO_READ;
		if ((conn->out.len && !list_is_linked(&conn->dirty.link)) || has_spliced(conn))
			interest |= IO_WRITE;
		break;
	case CONN_CLOSING:
		interest = conn->out.len ? IO_WRITE : IO_NONE;
		break;
	case CONN_LINGERING:
		interest = IO_READ;
		break;
	case CONN_DEAD:
		break;
	}
	conn->is_write_watched = interest & IO_WRITE;
	io_watch(conn->loop, &conn->io, interest);
}

static void release(struct conn *conn, bool reset)
{
	if (conn->state == CONN_DEAD)
		return;
	set_state(conn, CONN_DEAD);
	timer_cancel(&conn->loop->wheel, &conn->timer);
	io_watch(conn->loop, &conn->io, IO_NONE);
	if (list_is_linked(&conn->dirty.link))
		list_remove(&conn->dirty.link);
	conn->transport->close(conn);
	if (conn->splice_out)
		splice_end(conn->splice_out);
	if (conn->splice_in)
		splice_end(conn->splice_in);
	if (reset) {
		struct linger linger = {.l_onoff = 1};
		setsockopt(io_fd(&conn->io), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	}
	conn->loop->sys->close(io_fd(&conn->io));
	if (!conn->keeps_unsent)
		buf_clear(&conn->out);
	left_drop(conn);
}

static void fail(struct conn *conn, enum status why)
{
	release(conn, false);
	conn->events->closed(conn, why);
}

static void on_timer(struct timer *timer)
{
	struct conn *conn = container_of(timer, struct conn, timer);
	fail(conn, conn->state == CONN_CONNECTING ? STATUS_AGAIN : STATUS_OK);
}

/* What read didn't consume is kept contiguous, in a block of its own that grows by doubling. */
static void left_keep(struct conn *conn, struct slice rest)
{
	size_t room;
	conn->left = buf_pool_take(&conn->loop->pool, rest.len, &room);
	conn->left_size = (uint32_t)room;
	conn->left_len = (uint32_t)rest.len;
	memcpy(conn->left, rest.data, rest.len);
}

/* Puts fresh bytes behind what was left. Slices of the old block are in no one's hands: nothing of
 * it was consumed. */
static void left_append(struct conn *conn, struct slice fresh)
{
	size_t total = conn->left_len + fresh.len;
	if (total > conn->left_size) {
		size_t room;
		char *grown = buf_pool_take(&conn->loop->pool, total * 2, &room);
		memcpy(grown, conn->left, conn->left_len);
		buf_pool_give(&conn->loop->pool, conn->left);
		conn->left = grown;
		conn->left_size = (uint32_t)room;
	}
	if (fresh.len)
		memcpy(conn->left + conn->left_len, fresh.data, fresh.len);
	conn->left_len = (uint32_t)total;
}

/* Shows `left` (if any) with `fresh` behind it, and keeps what isn't consumed. `fresh` lies in the
 * turn block. */
static void deliver(struct conn *conn, struct slice fresh, bool eof)
{
	struct slice bytes = fresh;

	if (conn->left) {
		if (conn->left_len + fresh.len > CONN_LEFT_LIMIT) {
			fail(conn, STATUS_TOO_LARGE);
			return;
		}
		left_append(conn, fresh);
		bytes = slice_make(conn->left, conn->left_len);
	}
	size_t consumed = conn->events->read(conn, bytes, eof);
	invariant(consumed <= bytes.len);
	if (conn->state != CONN_OPEN || (conn->left && !consumed))
		return;
	left_drop(conn);
	if (consumed < bytes.len)
		left_keep(conn, slice_sub(bytes, consumed, bytes.len));
}

/* Bulk bytes for another socket: they don't come up to us. False: read as always. */
static bool read_spliced(struct conn *conn)
{
	struct splice *splice = conn->splice_out;
	size_t moved;

	if (splice->to->out.len || splice->to->state != CONN_OPEN)
		return false;
	enum status status = splice_read(splice, &moved);
	if (status == STATUS_EXHAUSTED)
		return false;
	if (moved)
		conn->events->read(conn, slice_make("", 0), false);
	if (splice->waiting) {
		conn_read_pause(conn);
		update_interest(splice->to);
		return true;
	}
	conn->is_bulk = moved >= CONN_READ_SIZE_BULK;
	if (!conn->is_bulk)
		splice_end(splice);
	if (status == STATUS_CLOSED) {
		conn->is_eof = true;
		deliver(conn, slice_make("", 0), true);
		if (conn->state != CONN_DEAD)
			update_interest(conn);
	} else if (status && status != STATUS_AGAIN) {
		fail(conn, status);
	}
	return true;
}

/* The socket takes more of what waits in the pipe. */
static void write_spliced(struct conn *conn)
{
	struct splice *splice = conn->splice_in;

	if (!splice_drain(splice))
		return;
	update_interest(conn);
	conn_read_resume(splice->from);
}

static void read_some(struct conn *conn)
{
	struct buf_pool *pool = &conn->loop->pool;
	if (buf_turn_is_full(pool))
		return; /* level-triggered: comes again next turn */

	size_t room = conn->is_bulk ? CONN_READ_SIZE_BULK : CONN_READ_SIZE;
	char *data = buf_turn_reserve(pool, room);
	ssize_t n = conn->transport->read(conn, data, room);
	if (n > 0) {
		buf_turn_commit(pool, (size_t)n);
		conn->is_bulk = (size_t)n == room;
		conn->bytes_read += (uint64_t)n;
		deliver(conn, slice_make(data, (size_t)n), false);
	} else if (n == STATUS_CLOSED) {
		conn->is_eof = true;
		deliver(conn, slice_make(data, 0), true);
	} else if (n != STATUS_AGAIN) {
		fail(conn, (enum status)n);
		return;
	}
	if (conn->is_eof && conn->state != CONN_DEAD)
		update_interest(conn);
}

static void linger_read(struct conn *conn)
{
	char *data = buf_turn_reserve(&conn->loop->pool, CONN_READ_SIZE);
	ssize_t n = conn->transport->read(conn, data, CONN_READ_SIZE);
	if (n < 0 && n != STATUS_AGAIN)
		fail(conn, STATUS_OK);
}

static void on_connected(struct conn *conn)
{
	int error = 0;
	socklen_t len = sizeof error;

	getsockopt(io_fd(&conn->io), SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		fail(conn, status_of_errno(error));
		return;
	}
	timer_cancel(&conn->loop->wheel, &conn->timer);
	set_state(conn, CONN_OPEN);
	update_interest(conn);
	conn->events->connected(conn);
	if (conn->state == CONN_OPEN && conn->out.len)
		conn_flush_later(conn);
}

static void on_ready(struct io *io, int interest)
{
	struct conn *conn = container_of(io, struct conn, io);

	if (conn->state == CONN_CONNECTING) {
		on_connected(conn);
		return;
	}
	if (conn->state == CONN_LINGERING) {
		linger_read(conn);
		return;
	}
	if (interest & IO_WRITE && has_spliced(conn))
		write_spliced(conn);
	else if (interest & IO_WRITE)
		conn_flush_later(conn);
	if (!(interest & IO_READ) || conn->state != CONN_OPEN || conn->read_pauses || conn->is_eof)
		return;
	if (!conn->is_bulk || !conn->splice_out || !read_spliced(conn))
		read_some(conn);
}

static void linger(struct conn *conn)
{
	if (conn->is_eof || !timer_is_running(&conn->timer)) {
		fail(conn, STATUS_OK);
		return;
	}
	set_state(conn, CONN_LINGERING);
	update_interest(conn);
}

static void all_written(struct conn *conn)
{
	if (conn->state == CONN_CLOSING) {
		linger(conn);
		return;
	}
	if (conn->is_shutdown_wanted && !conn->is_shutdown) {
		conn->is_shutdown = true;
		conn->transport->shutdown(conn);
	}
	if (conn->is_blocked) {
		conn->is_blocked = false;
		if (conn->events->unblocked)
			conn->events->unblocked(conn);
	}
	if (conn->state == CONN_OPEN && conn->events->flushed)
		conn->events->flushed(conn);
}

static void check_marks(struct conn *conn)
{
	if (!conn->is_blocked && conn->out.len > conn->high_mark) {
		conn->is_blocked = true;
		if (conn->events->blocked)
			conn->events->blocked(conn);
	} else if (conn->is_blocked && conn->out.len <= conn->high_mark / 2) {
		conn->is_blocked = false;
		if (conn->events->unblocked)
			conn->events->unblocked(conn);
	}
}

/* One writev, or more while each takes all of its iovecs. What the kernel doesn't take is owned for
 * the next turn. */
static void write_out(struct conn *conn)
{
	struct iovec iov[FLUSH_IOVECS];

	while (conn->out.len) {
		int count = buf_iovec(&conn->out, iov, FLUSH_IOVECS);
		ssize_t n = conn->transport->writev(conn, iov, count);
		if (n == STATUS_AGAIN)
			break;
		if (n < 0) {
			fail(conn, (enum status)n);
			return;
		}
		size_t asked = 0;
		for (int i = 0; i < count; i++)
			asked += iov[i].iov_len;
		conn->has_written = true;
		conn->bytes_written += (uint64_t)n;
		if ((size_t)n == conn->out.len)
			buf_clear(&conn->out);
		else
			buf_drain(&conn->out, (size_t)n);
		if ((size_t)n < asked)
			break;
	}
	if (!conn->out.len) {
		all_written(conn);
	} else {
		buf_own(&conn->out);
		check_marks(conn);
	}
	if (conn->state != CONN_DEAD &&
	    (conn->out.len || conn->is_write_watched || conn->state != CONN_OPEN))
		update_interest(conn);
}

static void on_flush(struct dirty *dirty)
{
	struct conn *conn = container_of(dirty, struct conn, dirty);

	if (conn->is_rereading) {
		conn->is_rereading = false;
		if (conn->left && conn->state == CONN_OPEN && !conn->read_pauses)
			deliver(conn, slice_make("", 0), conn->is_eof);
	}
	switch ((enum conn_state)conn->state) {
	case CONN_CONNECTING:
		buf_own(&conn->out);
		break;
	case CONN_OPEN:
	case CONN_CLOSING:
		if (list_is_linked(&conn->dirty.link))
			list_remove(&conn->dirty.link);
		write_out(conn);
		break;
	case CONN_LINGERING:
	case CONN_DEAD:
		break;
	}
}

static void conn_init(struct conn *conn, struct loop *loop, int fd,
		      const struct transport *transport, const struct conn_events *events)
{
	memset(conn, 0, sizeof *conn);
	conn->loop = loop;
	conn->transport = transport;
	conn->events = events;
	conn->high_mark = CONN_DEFAULT_HIGH_MARK;
	conn->dirty.flush = on_flush;
	buf_init(&conn->out, &loop->pool);
	io_init(&conn->io, fd, on_ready);
	timer_init(&conn->timer, on_timer);
}

void conn_open(struct conn *conn, struct loop *loop, int fd, const struct transport *transport,
	       const struct conn_events *events)
{
	conn_init(conn, loop, fd, transport, events);
	set_state(conn, CONN_OPEN);
	update_interest(conn);
}

enum status conn_connect(struct conn *conn, struct loop *loop, const struct addr *to,
			 const struct addr *source, uint64_t timeout_ms,
			 const struct transport *transport, const struct conn_events *events)
{
	struct sockaddr_storage name;
	socklen_t len;
	enum status status = addr_to_sockaddr(to, &name, &len);
	if (status)
		return status;

	int fd = loop->sys->socket(name.ss_family, SOCK_STREAM, 0);
	if (fd < 0)
		return (enum status)fd;
	if (source) {
		struct sockaddr_storage from;
		socklen_t from_len;
		status = addr_to_sockaddr(source, &from, &from_len);
		if (!status && bind(fd, (struct sockaddr *)&from, from_len) < 0)
			status = status_of_errno(errno);
		if (status)
			goto close_fd;
	}
	if (to->family != ADDR_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	int n = loop->sys->connect(fd, (struct sockaddr *)&name, len);
	if (n < 0 && n != -EINPROGRESS) {
		status = (enum status)n;
		goto close_fd;
	}
	conn_init(conn, loop, fd, transport, events);
	set_state(conn, CONN_CONNECTING);
	if (timeout_ms)
		timer_start(&loop->wheel, &conn->timer, timeout_ms);
	update_interest(conn);
	return STATUS_OK;

close_fd:
	loop->sys->close(fd);
	return status;
}

void conn_read_pause(struct conn *conn)
{
	if (!conn->read_pauses++ && conn->state == CONN_OPEN)
		update_interest(conn);
}

void conn_read_resume(struct conn *conn)
{
	invariant(conn->read_pauses);
	if (--conn->read_pauses || conn->state != CONN_OPEN)
		return;
	update_interest(conn);
	if (conn->left)
		conn_read_again(conn);
}

void conn_read_again(struct conn *conn)
{
	conn->is_rereading = true;
	conn_flush_later(conn);
}

void conn_shutdown(struct conn *conn)
{
	conn->is_shutdown_wanted = true;
	conn_flush_later(conn);
}

void conn_close_flushed(struct conn *conn, uint64_t linger_ms)
{
	if (conn->state != CONN_OPEN && conn->state != CONN_CONNECTING)
		return;
	set_state(conn, CONN_CLOSING);
	left_drop(conn);
	if (linger_ms)
		timer_start(&conn->loop->wheel, &conn->timer, linger_ms);
	conn_flush_later(conn);
}

void conn_close(struct conn *conn, bool reset)
{
	release(conn, reset);
}
