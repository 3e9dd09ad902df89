#include "net/conn.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

/* Timers: `timer` limits the connect, then what the owner waits for, then the last flush and the
 * linger. Limits: high_mark on output, CONN_LEFT_LIMIT on input, CONN_STALL_MS. */

enum { FLUSH_IOVECS = 64 };

_Static_assert(sizeof(struct conn) <= 176, "there are thousands of idle ones");

static void set_state(struct conn *conn, enum conn_state state)
{
	conn->state = (uint8_t)state;
}

static void left_drop(struct conn *conn)
{
	if (conn->left)
		buf_pool_give_late(conn->out.pool, (char *)conn->left);
	conn->left = NULL;
}

/* Bytes wait in a pipe for this socket. */
static bool has_spliced(const struct conn *conn)
{
	return UNLIKELY(conn->splice_in != NULL) && conn->splice_in->waiting;
}

static bool wants_spliced(const struct conn *conn)
{
	return has_spliced(conn) && !timer_is_running(&conn->splice_in->rest);
}

/* While a splice rests the kernel needn't wake us for its bytes. */
static void rest_spliced(struct conn *conn)
{
	struct io *io = &conn->io;

	if (conn->splice_in && timer_is_running(&conn->splice_in->rest))
		io_rest(conn_loop(conn), io, IO_WRITE & ~io->wanted);
	if (conn->splice_out && timer_is_running(&conn->splice_out->rest))
		io_rest(conn_loop(conn), io, IO_READ & ~io->wanted);
}

/* Watches for what this state needs. */
static void update_interest(struct conn *conn)
{
	int interest = IO_NONE;
	switch ((enum conn_state)conn->state) {
	case CONN_CONNECTING:
		interest = IO_WRITE;
		break;
	case CONN_OPEN:
		interest = conn->read_pauses || conn->is_eof ? IO_NONE : IO_READ;
		if ((conn->out.len && !list_is_linked(&conn->io.dirty)) || wants_spliced(conn))
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
	io_watch(conn_loop(conn), &conn->io, interest);
	rest_spliced(conn);
}

static void release(struct conn *conn, bool reset)
{
	if (conn->state == CONN_DEAD)
		return;
	set_state(conn, CONN_DEAD);
	timer_cancel(&conn_loop(conn)->wheel, &conn->timer);
	io_forget(conn_loop(conn), &conn->io);
	io_unmark_dirty(&conn->io);
	conn->transport->close(conn);
	if (conn->splice_out)
		splice_part(conn->splice_out);
	if (conn->splice_in)
		splice_part(conn->splice_in);
	if (reset) {
		struct linger linger = {.l_onoff = 1};
		setsockopt(io_fd(&conn->io), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	}
	if (LIKELY(io_fd(&conn->io) >= 0)) /* conn_exchange: it has none */
		conn_loop(conn)->sys->close(io_fd(&conn->io));
	if (!conn->keeps_unsent)
		buf_clear(&conn->out);
	left_drop(conn);
}

static void fail(struct conn *conn, enum status why)
{
	release(conn, false);
	conn->events->closed(conn, why);
}

static struct conn_left *left_take(struct conn *conn, size_t size)
{
	size_t room;
	struct conn_left *left =
		(void *)buf_pool_take(conn->out.pool, sizeof(struct conn_left) + size, &room);

	left->room = (uint32_t)(room - sizeof(struct conn_left));
	return left;
}

/* What read didn't consume is kept contiguous, in a block of its own that grows by doubling. */
static void left_keep(struct conn *conn, struct slice rest)
{
	conn->left = left_take(conn, rest.len);
	conn->left->len = (uint32_t)rest.len;
	memcpy(conn->left->bytes, rest.data, rest.len);
}

/* Puts fresh bytes behind what was left. Slices of the old block are in no one's hands: nothing of
 * it was consumed. */
static void left_append(struct conn *conn, struct slice fresh)
{
	struct conn_left *left = conn->left;
	size_t total = left->len + fresh.len;

	if (total > left->room) {
		conn->left = left_take(conn, total * 2);
		memcpy(conn->left->bytes, left->bytes, left->len);
		conn->left->len = left->len;
		buf_pool_give(conn->out.pool, (char *)left);
		left = conn->left;
	}
	if (fresh.len)
		memcpy(left->bytes + left->len, fresh.data, fresh.len);
	left->len = (uint32_t)total;
}

/* Shows `left` (if any) with `fresh` behind it, and keeps what isn't consumed. `fresh` lies in the
 * turn block. */
static inline void deliver(struct conn *conn, struct slice fresh, bool eof)
{
	struct slice bytes = fresh;

	if (conn->left) {
		if (conn->left->len + fresh.len > CONN_LEFT_LIMIT) {
			fail(conn, STATUS_TOO_LARGE);
			return;
		}
		left_append(conn, fresh);
		bytes = slice_make(conn->left->bytes, conn->left->len);
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
	bool is_bulk;

	if (conn->left || splice->to->out.len || splice->to->state != CONN_OPEN) {
		splice_end(splice);
		return false;
	}
	enum status status = splice_read(splice, &is_bulk);
	if (status == STATUS_EXHAUSTED)
		return false;
	if (status == STATUS_AGAIN)
		io_spent(&conn->io, true);
	if (splice->waiting) {
		update_interest(splice->to);
		splice_tell(splice);
		return true;
	}
	conn->is_bulk = is_bulk;
	if (!is_bulk)
		splice_end(splice);
	splice_tell(splice);
	if (conn->state != CONN_OPEN)
		return true;
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

/* The socket takes more of what waits in the pipe, or shows that it is broken. */
static void write_spliced(struct conn *conn)
{
	struct splice *splice = conn->splice_in;

	if (splice_is_early(splice)) {
		update_interest(conn);
		return;
	}
	enum status status = splice_drain(splice);

	if (status && status != STATUS_AGAIN) {
		fail(conn, status);
		return;
	}
	update_interest(conn);
	splice_tell(splice);
}

static void read_some(struct conn *conn)
{
	struct buf_pool *pool = conn->out.pool;
	if (buf_turn_is_full(pool))
		return; /* comes again next turn */

	size_t room = conn->is_bulk || conn->reads_bulk ? CONN_READ_SIZE_BULK : CONN_READ_SIZE;
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
	char *data = buf_turn_reserve(conn->out.pool, CONN_READ_SIZE);
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
	timer_cancel(&conn_loop(conn)->wheel, &conn->timer);
	set_state(conn, CONN_OPEN);
	update_interest(conn);
	conn->events->connected(conn);
	if (conn->state == CONN_OPEN && conn->out.len)
		conn_flush_later(conn);
}

/* Timers come before sockets in a turn: a worker that was late itself has yet to see that the peer
 * was not. */
static bool has_settled(const struct conn *conn)
{
	struct pollfd fd = {.fd = io_fd(&conn->io), .events = POLLOUT};

	return poll(&fd, 1, 0) > 0;
}

static void on_timer(struct timer *timer)
{
	struct conn *conn = container_of(timer, struct conn, timer);

	if (conn->state == CONN_OPEN)
		conn->events->timed_out(conn);
	else if (conn->state == CONN_CONNECTING && has_settled(conn))
		on_connected(conn);
	else
		fail(conn, conn->state == CONN_CONNECTING ? STATUS_AGAIN : STATUS_OK);
}

static void linger(struct conn *conn)
{
	if (conn->is_eof) {
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

/* One writev, or more while one can't be offered all. What the kernel doesn't take is owned for
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
		if (UNLIKELY(conn->state == CONN_CLOSING && conn->is_eof))
			timer_start(&conn_loop(conn)->wheel, &conn->timer, CONN_STALL_MS);
		conn->bytes_written += (uint64_t)n;
		if (LIKELY((size_t)n == conn->out.len)) {
			buf_clear(&conn->out);
			break;
		}
		buf_drain(&conn->out, (size_t)n);
		if (count < FLUSH_IOVECS) /* it was offered all */
			break;
	}
	if (LIKELY(!conn->out.len)) {
		all_written(conn);
	} else {
		buf_own(&conn->out);
		check_marks(conn);
	}
	if (conn->state != CONN_DEAD &&
	    (conn->out.len || conn->io.wanted & IO_WRITE || conn->state != CONN_OPEN))
		update_interest(conn);
}

static void flush(struct conn *conn)
{
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
		io_unmark_dirty(&conn->io);
		write_out(conn);
		break;
	case CONN_LINGERING:
	case CONN_DEAD:
		break;
	}
}

static void on_ready(struct io *io, int interest)
{
	struct conn *conn = container_of(io, struct conn, io);

	if (interest & IO_FLUSH) {
		flush(conn);
		return;
	}
	if (UNLIKELY(interest & IO_OWN)) {
		buf_own(&conn->out);
		return;
	}
	if (UNLIKELY(interest & IO_BROKEN)) {
		fail(conn, STATUS_EXHAUSTED);
		return;
	}
	if (UNLIKELY(conn->state == CONN_CONNECTING)) {
		on_connected(conn);
		return;
	}
	if (UNLIKELY(conn->state == CONN_LINGERING)) {
		linger_read(conn);
		return;
	}
	if (UNLIKELY(interest & IO_WRITE)) {
		if (has_spliced(conn))
			write_spliced(conn);
		else
			conn_flush_later(conn);
	}
	if (!(interest & IO_READ) || conn->state != CONN_OPEN || conn->read_pauses || conn->is_eof)
		return;
	if (!conn->is_bulk || !conn->splice_out || !read_spliced(conn))
		read_some(conn);
}

static void conn_init(struct conn *conn, struct loop *loop, const struct transport *transport,
		      const struct conn_events *events)
{
	memset(conn, 0, sizeof *conn);
	conn->transport = transport;
	conn->events = events;
	conn->high_mark = CONN_DEFAULT_HIGH_MARK;
	buf_init(&conn->out, &loop->pool);
	timer_init(&conn->timer, on_timer);
}

static void conn_start(struct conn *conn, int fd, enum conn_state state)
{
	io_init_edge(&conn->io, fd, on_ready);
	set_state(conn, state);
	update_interest(conn);
}

void conn_open(struct conn *conn, struct loop *loop, int fd, const struct transport *transport,
	       const struct conn_events *events)
{
	conn_init(conn, loop, transport, events);
	conn_start(conn, fd, CONN_OPEN);
}

static void set_if_given(int fd, int option, uint32_t value)
{
	int number = value > INT_MAX ? INT_MAX : (int)value;

	if (number)
		setsockopt(fd, IPPROTO_TCP, option, &number, sizeof number);
}

static void set_keepalive(int fd, const struct conn_options *options)
{
	if (!options->has_keepalive)
		return;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
	set_if_given(fd, TCP_KEEPCNT, options->keepalive_probes);
	set_if_given(fd, TCP_KEEPIDLE, options->keepalive_time_s);
	set_if_given(fd, TCP_KEEPINTVL, options->keepalive_interval_s);
}

static enum status bind_source(int fd, const struct addr *source)
{
	struct sockaddr_storage name;
	socklen_t len;

	if (source->family == ADDR_NONE)
		return STATUS_OK;
	/* Its port is chosen with the peer in view: as many as there are, for each peer. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	enum status status = addr_to_sockaddr(source, &name, &len);
	if (!status && bind(fd, (struct sockaddr *)&name, len) < 0)
		status = status_of_errno(errno);
	return status;
}

static enum status set_up(int fd, const struct conn_options *options)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	set_keepalive(fd, options);
	return bind_source(fd, &options->source);
}

enum status conn_connect(struct conn *conn, struct loop *loop, const struct addr *to,
			 const struct conn_options *options, uint64_t timeout_ms,
			 const struct transport *transport, const struct conn_events *events)
{
	struct sockaddr_storage name;
	socklen_t len;
	enum status status = addr_to_sockaddr(to, &name, &len);

	conn_init(conn, loop, transport, events);
	set_state(conn, CONN_DEAD);
	if (status)
		return status;

	int fd = loop->sys->socket(name.ss_family, SOCK_STREAM, 0);
	if (fd < 0)
		return (enum status)fd;
	if (to->family != ADDR_UNIX)
		status = set_up(fd, options);
	if (status)
		goto close_fd;
	int n = loop->sys->connect(fd, (struct sockaddr *)&name, len);
	if (n < 0 && n != -EINPROGRESS) {
		status = (enum status)n;
		goto close_fd;
	}
	if (timeout_ms)
		timer_start(&loop->wheel, &conn->timer, timeout_ms);
	conn_start(conn, fd, CONN_CONNECTING);
	return STATUS_OK;

close_fd:
	loop->sys->close(fd);
	return status;
}

void conn_check_output(struct conn *conn)
{
	check_marks(conn);
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
	conn->is_eof = conn->is_eof || !linger_ms;
	timer_start(&conn_loop(conn)->wheel, &conn->timer, linger_ms ? linger_ms : CONN_STALL_MS);
	conn_flush_later(conn);
}

void conn_close(struct conn *conn, bool reset)
{
	release(conn, reset);
}

int conn_exchange(struct conn *conn, int fd, const struct transport *transport)
{
	int before = io_fd(&conn->io);

	invariant(conn->state == CONN_OPEN && !conn->splice_out && !conn->splice_in);
	timer_cancel(&conn_loop(conn)->wheel, &conn->timer);
	io_release(conn_loop(conn), &conn->io);
	conn->transport = transport;
	conn->io.fd = fd;
	if (fd >= 0)
		update_interest(conn);
	return before;
}

void conn_set_timer(struct conn *conn, uint64_t delay_ms)
{
	struct timer_wheel *wheel = &conn_loop(conn)->wheel;

	invariant(conn->state == CONN_OPEN);
	if (delay_ms)
		timer_start(wheel, &conn->timer, delay_ms);
	else
		timer_cancel(wheel, &conn->timer);
}
