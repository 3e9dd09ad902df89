#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/conn.h"
#include "net/listener.h"

/* A connection over a socket pair, and what it told. */
struct party {
	struct conn conn;
	int peer;
	size_t takes; /* of what read shows */
	size_t shown; /* by the last read */
	unsigned blocked, unblocked, closed;
	enum status why;
	char seen[64];
};

static struct party *party_of(struct conn *conn)
{
	return container_of(conn, struct party, conn);
}

static size_t on_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct party *p = party_of(conn);
	size_t n = bytes.len < p->takes ? bytes.len : p->takes;

	(void)eof;
	p->shown = bytes.len;
	memcpy(p->seen, bytes.data, bytes.len < sizeof p->seen ? bytes.len : sizeof p->seen);
	return n;
}

static void on_blocked(struct conn *conn)
{
	party_of(conn)->blocked++;
}

static void on_unblocked(struct conn *conn)
{
	party_of(conn)->unblocked++;
}

static void on_closed(struct conn *conn, enum status why)
{
	party_of(conn)->closed++;
	party_of(conn)->why = why;
}

static const struct conn_events events = {
	.read = on_read,
	.blocked = on_blocked,
	.unblocked = on_unblocked,
	.closed = on_closed,
};

static void party_open(struct party *p, struct loop *loop)
{
	int fds[2];

	*p = (struct party){.takes = SIZE_MAX};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	p->peer = fds[1];
	conn_open(&p->conn, loop, fds[0], &plain_transport, &events);
}

static void party_end(struct party *p)
{
	if (p->conn.state != CONN_DEAD)
		conn_close(&p->conn, false);
	close(p->peer);
}

static void fill(struct party *p, size_t n)
{
	static const char zeros[65536];

	for (; n; n -= n < sizeof zeros ? n : sizeof zeros)
		buf_append_turn(&p->conn.out,
				slice_make(zeros, n < sizeof zeros ? n : sizeof zeros));
	conn_flush_later(&p->conn);
}

static size_t drain_peer(struct party *p)
{
	char bytes[65536];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(p->peer, bytes, sizeof bytes)) > 0)
		sum += (size_t)n;
	return sum;
}

/* --- the turn --- */

struct restless {
	struct io io;
	struct loop *loop;
	unsigned flushes, owns;
	bool is_freed;
	struct grave grave;
};

static void on_restless(struct io *io, int interest)
{
	struct restless *r = container_of(io, struct restless, io);

	if (interest & IO_OWN) {
		assert_false(r->is_freed); /* what it owns now may stand in what is freed then */
		r->owns++;
		return;
	}
	assert_int_equal(interest, IO_FLUSH);
	if (++r->flushes < 6)
		io_mark_dirty(r->loop, io);
}

static void on_freed(struct grave *grave)
{
	container_of(grave, struct restless, grave)->is_freed = true;
}

static void what_is_dirty_at_the_end_is_owned_before_graves_are_emptied(void **state)
{
	struct loop loop;
	struct restless r = {.loop = &loop};
	(void)state;

	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	io_init(&r.io, -1, on_restless);
	io_mark_dirty(&loop, &r.io);
	loop_bury(&loop, &r.grave, on_freed);
	loop_turn(&loop, false);
	assert_true(r.is_freed);
	assert_true(r.owns >= 1);
	r.is_freed = false;
	while (r.flushes < 6)
		loop_turn(&loop, false);
	loop_fini(&loop);
}

/* --- output --- */

static void closing_gives_up_a_peer_that_takes_nothing(void **state)
{
	struct loop loop;
	struct party p;
	(void)state;

	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	party_open(&p, &loop);
	fill(&p, 4 << 20);
	loop_turn(&loop, false);
	assert_true(p.conn.out.len);
	conn_close_flushed(&p.conn, 0);
	loop_turn(&loop, false);
	uint64_t closing_ms = loop_now_ms(&loop);
	timer_wheel_advance(&loop.wheel, closing_ms + CONN_STALL_MS - 1000);
	assert_int_equal(p.closed, 0);
	assert_true(drain_peer(&p) > 0);
	p.conn.io.ready(&p.conn.io, IO_WRITE); /* the peer took some: it has its time anew */
	p.conn.io.ready(&p.conn.io, IO_FLUSH);
	timer_wheel_advance(&loop.wheel, closing_ms + CONN_STALL_MS + 1000);
	assert_int_equal(p.closed, 0);
	timer_wheel_advance(&loop.wheel, closing_ms + 2 * CONN_STALL_MS);
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.why, STATUS_OK);
	party_end(&p);
	loop_fini(&loop);
}

static void closing_ends_when_all_is_sent(void **state)
{
	struct loop loop;
	struct party p;
	(void)state;

	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	party_open(&p, &loop);
	fill(&p, 1000);
	conn_close_flushed(&p.conn, 0);
	loop_turn(&loop, false);
	assert_int_equal(p.closed, 1);
	assert_int_equal(drain_peer(&p), 1000);
	party_end(&p);
	loop_fini(&loop);
}

static void output_that_the_turn_will_send_is_blocked_for_who_asks(void **state)
{
	struct loop loop;
	struct party p;
	(void)state;

	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	party_open(&p, &loop);
	fill(&p, CONN_DEFAULT_HIGH_MARK);
	conn_check_output(&p.conn);
	assert_int_equal(p.blocked, 0);
	fill(&p, 1);
	conn_check_output(&p.conn);
	conn_check_output(&p.conn);
	assert_int_equal(p.blocked, 1);
	loop_turn(&loop, false);
	assert_int_equal(p.conn.out.len, 0);
	assert_int_equal(p.unblocked, 1);
	party_end(&p);
	loop_fini(&loop);
}

static unsigned recvs;

static ssize_t count_recv(int fd, void *data, size_t size)
{
	recvs++;
	return sys_real.recv(fd, data, size);
}

/* The calls that take `len` bytes which the peer has sent at once, and what the last turn shows. */
static unsigned recvs_of(size_t len, bool reads_bulk, size_t *shown)
{
	static const char bytes[CONN_READ_SIZE_BULK];
	struct sys sys = sys_real;
	struct loop loop;
	struct party p;

	sys.recv = count_recv;
	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	loop.sys = &sys;
	party_open(&p, &loop);
	p.conn.reads_bulk = reads_bulk;
	recvs = 0;
	assert_int_equal(write(p.peer, bytes, len), len);
	for (int turn = 0; turn < 4; turn++)
		loop_turn(&loop, false);
	assert_int_equal(p.conn.bytes_read, len);
	*shown = p.shown;
	party_end(&p);
	loop_fini(&loop);
	return recvs;
}

static void what_is_sent_at_once_is_read_at_once_where_it_is_wanted(void **state)
{
	size_t shown;
	(void)state;

	assert_int_equal(recvs_of(CONN_READ_SIZE + 1000, true, &shown), 1);
	assert_int_equal(shown, CONN_READ_SIZE + 1000);
	assert_int_equal(recvs_of(CONN_READ_SIZE_BULK - 1, true, &shown), 1);
	assert_int_equal(shown, CONN_READ_SIZE_BULK - 1);
	assert_int_equal(recvs_of(CONN_READ_SIZE + 1000, false, &shown), 2);
	assert_int_equal(shown, 1000);
}

/* --- splice --- */

static uint64_t all_of_it(struct splice *splice)
{
	(void)splice;
	return UINT64_MAX;
}

static uint64_t moved;

static void on_moved(struct splice *splice, uint64_t n)
{
	(void)splice;
	moved += n;
}

static const struct splice_type splice_type = {.room = all_of_it, .moved = on_moved};

static int broken_to = -1; /* splicing to it fails */

static ssize_t splice_or_break(int from, int to, size_t size)
{
	return to == broken_to ? -EPIPE : sys_real.splice(from, to, size);
}

struct pair {
	struct loop loop;
	struct sys sys;
	struct party from, to;
	struct splice splice;
};

/* Joined, and `from` has bytes to read. */
static void pair_open(struct pair *pair)
{
	static char bytes[100000];

	assert_int_equal(loop_init(&pair->loop, NULL), STATUS_OK);
	pair->sys = sys_real;
	pair->sys.splice = splice_or_break;
	pair->loop.sys = &pair->sys;
	party_open(&pair->from, &pair->loop);
	party_open(&pair->to, &pair->loop);
	splice_join(&pair->splice, &splice_type, &pair->from.conn, &pair->to.conn);
	pair->from.conn.is_bulk = true;
	moved = 0;
	broken_to = -1;
	memset(bytes, 'x', sizeof bytes);
	assert_int_equal(write(pair->from.peer, bytes, sizeof bytes), sizeof bytes);
}

static void pair_end(struct pair *pair)
{
	party_end(&pair->from);
	party_end(&pair->to);
	loop_fini(&pair->loop);
}

static void a_splice_moves_bytes_unseen(void **state)
{
	struct pair pair;
	size_t got = 0;
	(void)state;

	pair_open(&pair);
	for (int turn = 0; turn < 100 && got < 100000; turn++) {
		loop_turn(&pair.loop, false);
		got += drain_peer(&pair.to);
	}
	assert_int_equal(got, 100000);
	assert_int_equal(moved, 100000);
	assert_int_equal(pair.from.seen[0], 0);
	pair_end(&pair);
}

static void what_a_long_burst_leaves_in_the_pipe_is_bounded(void **state)
{
	static char bytes[1 << 20];
	struct pair pair;
	(void)state;

	pair_open(&pair);
	pair.splice.burst = SPLICE_LONG_BURST + 1;
	for (int turn = 0; turn < 200; turn++) { /* the receiver takes nothing */
		while (write(pair.from.peer, bytes, sizeof bytes) > 0)
			;
		pair.loop.spliced_ns = 0;
		timer_cancel(&pair.loop.wheel, &pair.splice.rest);
		loop_turn(&pair.loop, false);
		assert_true(pair.splice.waiting <= SPLICE_CHUNK);
	}
	assert_true(pair.splice.waiting);
	pair_end(&pair);
}

static void a_broken_receiver_is_closed_and_its_sender_read_again(void **state)
{
	struct pair pair;
	(void)state;

	pair_open(&pair);
	broken_to = io_fd(&pair.to.conn.io);
	for (int turn = 0; turn < 10 && !pair.to.closed; turn++)
		loop_turn(&pair.loop, false);
	assert_int_equal(pair.to.closed, 1);
	assert_int_equal(pair.to.why, -EPIPE);
	assert_int_equal(pair.from.closed, 0);
	assert_int_equal(pair.from.conn.read_pauses, 0);
	assert_null(pair.from.conn.splice_out);
	pair_end(&pair);
}

static void a_splice_parted_while_bytes_wait_lets_its_sender_go(void **state)
{
	struct pair pair;
	(void)state;

	pair_open(&pair);
	broken_to = io_fd(&pair.to.conn.io);
	while (!pair.from.conn.read_pauses)
		loop_turn(&pair.loop, false);
	assert_true(pair.splice.waiting);
	splice_part(&pair.splice);
	splice_part(&pair.splice); /* nothing more */
	assert_int_equal(pair.from.conn.read_pauses, 0);
	assert_null(pair.to.conn.splice_in);
	assert_false(pair.splice.has_pipe);
	pair_end(&pair);
}

/* --- connecting --- */

static int option_of(const struct conn *conn, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	assert_int_equal(getsockopt(io_fd(&conn->io), level, option, &value, &len), 0);
	return value;
}

/* The address that the peer will see. */
static uint32_t source_of(const struct conn *conn)
{
	struct sockaddr_in name = {0};
	socklen_t len = sizeof name;

	assert_int_equal(getsockname(io_fd(&conn->io), (struct sockaddr *)&name, &len), 0);
	return ntohl(name.sin_addr.s_addr);
}

static void a_socket_is_set_up_before_it_connects(void **state)
{
	struct loop loop;
	struct party plain = {.peer = -1}, set = {.peer = -1}, odd = {.peer = -1};
	struct addr to, elsewhere;
	struct conn_options options = {
		.has_keepalive = true, .keepalive_time_s = 77, .keepalive_probes = 5};
	const struct conn_options none = {.source.family = ADDR_NONE};
	const struct listen_options listening = {.backlog = 4};
	(void)state;

	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	assert_int_equal(addr_parse_ip(SLICE("127.0.0.1"), 0, &to), STATUS_OK);
	assert_int_equal(addr_parse_ip(SLICE("127.0.0.9"), 0, &options.source), STATUS_OK);
	assert_int_equal(addr_parse_ip(SLICE("192.0.2.1"), 0, &elsewhere), STATUS_OK);
	int fd = listen_socket_open(&to, &listening);
	assert_true(fd >= 0);
	struct sockaddr_in name;
	socklen_t len = sizeof name;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	to.port = ntohs(name.sin_port);

	assert_int_equal(conn_connect(&plain.conn, &loop, &to, &none, 0, &plain_transport, &events),
			 STATUS_OK);
	assert_int_equal(option_of(&plain.conn, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(option_of(&plain.conn, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(source_of(&plain.conn), 0x7f000001);

	assert_int_equal(
		conn_connect(&set.conn, &loop, &to, &options, 0, &plain_transport, &events),
		STATUS_OK);
	assert_int_equal(option_of(&set.conn, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option_of(&set.conn, IPPROTO_TCP, TCP_KEEPIDLE), 77);
	assert_int_equal(option_of(&set.conn, IPPROTO_TCP, TCP_KEEPCNT), 5);
	assert_int_equal(option_of(&set.conn, IPPROTO_TCP, TCP_KEEPINTVL),
			 option_of(&plain.conn, IPPROTO_TCP, TCP_KEEPINTVL));
	assert_int_equal(source_of(&set.conn), 0x7f000009);

	options.source = elsewhere; /* no address of this machine */
	assert_int_equal(
		conn_connect(&odd.conn, &loop, &to, &options, 0, &plain_transport, &events),
		status_of_errno(EADDRNOTAVAIL));
	assert_int_equal(odd.conn.state, CONN_DEAD);
	conn_close(&plain.conn, false);
	conn_close(&set.conn, false);
	close(fd);
	loop_fini(&loop);
}

/* --- Unix sockets --- */

static void a_stale_socket_is_replaced_and_no_other_file(void **state)
{
	char folder[] = "/tmp/outrigger-XXXXXX", path[64];
	struct addr addr = {.family = ADDR_UNIX, .path = path};
	const struct listen_options options = {.backlog = 1};
	struct stat st;
	(void)state;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	int first = listen_socket_open(&addr, &options);
	int second = listen_socket_open(&addr, &options);
	assert_true(first >= 0 && second >= 0);
	close(first);
	close(second);
	assert_int_equal(unlink(path), 0);
	int file = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0);
	close(file);
	assert_int_equal(listen_socket_open(&addr, &options), -EADDRINUSE);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_dirty_at_the_end_is_owned_before_graves_are_emptied),
		cmocka_unit_test(closing_gives_up_a_peer_that_takes_nothing),
		cmocka_unit_test(closing_ends_when_all_is_sent),
		cmocka_unit_test(output_that_the_turn_will_send_is_blocked_for_who_asks),
		cmocka_unit_test(what_is_sent_at_once_is_read_at_once_where_it_is_wanted),
		cmocka_unit_test(a_splice_moves_bytes_unseen),
		cmocka_unit_test(what_a_long_burst_leaves_in_the_pipe_is_bounded),
		cmocka_unit_test(a_broken_receiver_is_closed_and_its_sender_read_again),
		cmocka_unit_test(a_splice_parted_while_bytes_wait_lets_its_sender_go),
		cmocka_unit_test(a_socket_is_set_up_before_it_connects),
		cmocka_unit_test(a_stale_socket_is_replaced_and_no_other_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
