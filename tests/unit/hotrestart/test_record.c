#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"
#include "hotrestart/record.h"

struct pair {
	int a, b;
	char *data;
};

static struct pair pair_new(void)
{
	int fds[2];
	struct pair pair = {.data = malloc(RECORD_MAX)};

	assert_non_null(pair.data);
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	pair.a = fds[0];
	pair.b = fds[1];
	return pair;
}

static void pair_free(struct pair *pair)
{
	close(pair->a);
	close(pair->b);
	free(pair->data);
}

/* Descriptors that this process has open. */
static unsigned open_count(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void send_raw(int fd, const void *data, size_t len, const int *fds, size_t fd_count)
{
	char control[CMSG_SPACE(253 * sizeof(int))] = {0};
	struct iovec part = {(void *)(uintptr_t)data, len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd_count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, 0), len);
}

static void a_record_arrives_with_its_descriptors(void **state)
{
	struct pair pair = pair_new();
	const int sent[2] = {pair.a, pair.b};
	const struct record out = {.kind = 3,
				   .flags = RECORD_FIRST,
				   .fd_count = 2,
				   .message_len = 70000,
				   .bytes = SLICE("ab")};
	struct record in;
	int fds[RECORD_FDS_MAX];

	(void)state;
	assert_int_equal(record_send(pair.a, &out, sent), STATUS_OK);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_OK);
	assert_int_equal(in.kind, 3);
	assert_int_equal(in.flags, RECORD_FIRST);
	assert_int_equal(in.message_len, 70000);
	assert_true(slice_equal(in.bytes, SLICE("ab")));
	assert_int_equal(in.fd_count, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(fds[i]);
	}
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_AGAIN);
	pair_free(&pair);
}

static void the_largest_record_passes(void **state)
{
	struct pair pair = pair_new();
	char *bytes = calloc(1, RECORD_BYTES_MAX);
	int many[RECORD_FDS_MAX], fds[RECORD_FDS_MAX];
	struct record in;
	unsigned before = open_count();

	(void)state;
	assert_non_null(bytes);
	for (int i = 0; i < RECORD_FDS_MAX; i++)
		many[i] = pair.b;
	const struct record out = {.kind = 1,
				   .flags = RECORD_FIRST | RECORD_LAST,
				   .fd_count = RECORD_FDS_MAX,
				   .message_len = RECORD_BYTES_MAX,
				   .bytes = slice_make(bytes, RECORD_BYTES_MAX)};
	assert_int_equal(record_send(pair.a, &out, many), STATUS_OK);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_OK);
	assert_int_equal(in.bytes.len, RECORD_BYTES_MAX);
	assert_int_equal(in.fd_count, RECORD_FDS_MAX);
	assert_int_equal(open_count(), before + RECORD_FDS_MAX);
	for (int i = 0; i < RECORD_FDS_MAX; i++)
		close(fds[i]);
	free(bytes);
	pair_free(&pair);
}

static void a_full_socket_says_so(void **state)
{
	struct pair pair = pair_new();
	const struct record out = {
		.kind = 1, .flags = RECORD_FIRST, .message_len = 1, .bytes = SLICE("x")};
	enum status status;
	unsigned sent = 0;

	(void)state;
	while (!(status = record_send(pair.a, &out, NULL)))
		assert_true(++sent < 100000);
	assert_int_equal(status, STATUS_AGAIN);
	close(pair.b);
	pair.b = -1;
	status = record_send(pair.a, &out, NULL); /* the first time it is that nobody has read */
	assert_true(status == (enum status)(-ECONNRESET) || status == (enum status)(-EPIPE));
	assert_int_equal(record_send(pair.a, &out, NULL), -EPIPE);
	pair_free(&pair);
}

static void the_peers_end_is_told(void **state)
{
	struct pair pair = pair_new();
	struct record in;
	int fds[RECORD_FDS_MAX];

	(void)state;
	close(pair.a);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_CLOSED);
	close(pair.b);
	free(pair.data);
}

/* It ends with something unread, which its kernel tells as a reset: what it had said counts. */
static void what_a_peer_said_before_it_died_is_read(void **state)
{
	struct pair pair = pair_new();
	const struct record sent = {.kind = 1, .flags = RECORD_FIRST | RECORD_LAST};
	struct record received;
	int fds[RECORD_FDS_MAX];

	(void)state;
	assert_int_equal(record_send(pair.b, &sent, NULL), STATUS_OK);
	assert_int_equal(record_send(pair.a, &sent, NULL), STATUS_OK);
	close(pair.a);
	assert_int_equal(record_receive(pair.b, pair.data, &received, fds), STATUS_OK);
	assert_int_equal(received.kind, 1);
	assert_int_equal(record_receive(pair.b, pair.data, &received, fds), STATUS_CLOSED);
	pair.a = open("/dev/null", O_RDONLY);
	pair_free(&pair);
}

static void good_head(char head[RECORD_HEAD])
{
	record_write_head(&(struct record){.kind = 1, .flags = RECORD_FIRST, .message_len = 4},
			  head);
}

static void garbage_is_refused(void **state)
{
	char bytes[RECORD_HEAD + 4] = {0};
	struct record record;

	(void)state;
	good_head(bytes);
	assert_int_equal(record_read(slice_make(bytes, sizeof bytes), &record), STATUS_OK);
	for (size_t len = 0; len < RECORD_HEAD; len++)
		assert_int_equal(record_read(slice_make(bytes, len), &record), STATUS_MALFORMED);
	/* magic, format, kind, flags, count of descriptors, and the two that are 0 */
	static const struct {
		unsigned at;
		char value;
	} wrong[] = {{0, 'o'}, {1, 'u'},       {2, 2}, {2, 0}, {3, 0},
		     {4, 8},   {5, (char)251}, {6, 1}, {7, 1}};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		good_head(bytes);
		bytes[wrong[i].at] = wrong[i].value;
		assert_int_equal(record_read(slice_make(bytes, sizeof bytes), &record),
				 STATUS_MALFORMED);
	}
	/* more bytes than the whole message has */
	good_head(bytes);
	bytes[8] = 3;
	assert_int_equal(record_read(slice_make(bytes, sizeof bytes), &record), STATUS_MALFORMED);
}

/* Whatever comes in a wrong way, no descriptor of it stays open. */
static void refused_descriptors_are_closed(void **state)
{
	struct pair pair = pair_new();
	char head[RECORD_HEAD];
	int many[253], fds[RECORD_FDS_MAX];
	struct record in;

	(void)state;
	for (int i = 0; i < 253; i++)
		many[i] = pair.a;
	unsigned before = open_count();
	/* two come, none are said to */
	good_head(head);
	send_raw(pair.a, head, sizeof head, many, 2);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_MALFORMED);
	/* none come, two are said to */
	head[5] = 2;
	send_raw(pair.a, head, sizeof head, NULL, 0);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_MALFORMED);
	/* with garbage */
	send_raw(pair.a, "garbage", 7, many, 5);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_MALFORMED);
	/* as many as the kernel lets through, which is more than there is room for */
	good_head(head);
	send_raw(pair.a, head, sizeof head, many, 253);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_TOO_LARGE);
	assert_int_equal(open_count(), before);
	pair_free(&pair);
}

static void a_datagram_over_the_limit_is_refused(void **state)
{
	struct pair pair = pair_new();
	char *bytes = calloc(1, RECORD_MAX + 1);
	struct record in;
	int fds[RECORD_FDS_MAX];

	(void)state;
	assert_non_null(bytes);
	good_head(bytes);
	memset(bytes + 8, 0x7f, 4);
	send_raw(pair.a, bytes, RECORD_MAX + 1, NULL, 0);
	assert_int_equal(record_receive(pair.b, pair.data, &in, fds), STATUS_TOO_LARGE);
	free(bytes);
	pair_free(&pair);
}

/* The receiver has no descriptor left: the kernel cuts, and nothing leaks. */
static void exhaustion_of_descriptors_is_refused(void **state)
{
	struct pair pair = pair_new();
	struct rlimit limit, low;
	int sent[4] = {pair.a, pair.a, pair.a, pair.a}, fds[RECORD_FDS_MAX];
	const struct record out = {
		.kind = 1, .flags = RECORD_FIRST, .fd_count = 4, .message_len = 9};
	struct record in;
	unsigned before = open_count();

	(void)state;
	assert_int_equal(record_send(pair.a, &out, sent), STATUS_OK);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	int next = dup(pair.a); /* the lowest number that is free */
	assert_true(next >= 0);
	close(next);
	low.rlim_cur = (rlim_t)next + 2;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &low), 0);
	enum status status = record_receive(pair.b, pair.data, &in, fds);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(status, STATUS_TOO_LARGE);
	assert_int_equal(open_count(), before);
	pair_free(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_arrives_with_its_descriptors),
		cmocka_unit_test(the_largest_record_passes),
		cmocka_unit_test(a_full_socket_says_so),
		cmocka_unit_test(the_peers_end_is_told),
		cmocka_unit_test(what_a_peer_said_before_it_died_is_read),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(refused_descriptors_are_closed),
		cmocka_unit_test(a_datagram_over_the_limit_is_refused),
		cmocka_unit_test(exhaustion_of_descriptors_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
