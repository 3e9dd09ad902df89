/* LD_PRELOAD: makes the nth of the calls below fail, or do less than asked, when the file that
 * $FAULTS names says so.
 *
 * The file is one struct plan, mapped by the program under test and by the test. Sockets only: what
 * the program reads and writes elsewhere isn't counted. With `call` 0 all are counted and none
 * fails. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { NONE, RECV, SEND, ACCEPT, SOCKET, CONNECT, SPLICE, CALLS };

enum { SHORT = -1 }; /* instead of an errno: one byte is taken */

struct plan {
	_Atomic int armed; /* 0: nothing is counted */
	_Atomic int call;
	_Atomic int nth; /* 1 is the first since `counts` was cleared */
	_Atomic int error;
	_Atomic int fired;
	_Atomic int counts[CALLS];
};

static struct plan *plan;

__attribute__((constructor)) static void setup(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *p = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		plan = p;
}

/* Counts the call. Returns 0, or what shall happen instead of it: an errno or SHORT. */
static int fault(enum call call)
{
	if (!plan || !plan->armed)
		return 0;
	int n = ++plan->counts[call];
	if (plan->call != (int)call || plan->nth != n)
		return 0;
	plan->fired = 1;
	return plan->error;
}

static int is_socket(int fd)
{
	struct stat about;
	return plan && plan->armed && !fstat(fd, &about) && S_ISSOCK(about.st_mode);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(error)                                                                                \
	do {                                                                                       \
		errno = (error);                                                                   \
		return -1;                                                                         \
	} while (0)

/* Whoever was told that nothing more can be read or written waits for an event. The kernel, which
 * said no such thing, has none; setting these options makes it tell anew. */
static void tell_anew(int fd)
{
	int low_mark = 1, size = 0;
	socklen_t len = sizeof size;

	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_mark, sizeof low_mark);
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len);
	size /= 2; /* the kernel doubles it */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static long recv_or_not(const long a[6])
{
	int fd = (int)a[0];
	int error = is_socket(fd) ? fault(RECV) : 0;
	if (error > 0) {
		tell_anew(fd);
		FAIL(error);
	}
	bool is_short = error == SHORT && a[2];
	long n = REAL(syscall)(SYS_recvfrom, fd, a[1], is_short ? 1 : a[2], a[3], a[4], a[5]);
	if (is_short)
		tell_anew(fd);
	return n;
}

static long send_or_not(int fd, const struct iovec *iov, size_t count, long flags)
{
	struct iovec one = count ? iov[0] : (struct iovec){0};
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = count};
	int error = is_socket(fd) ? fault(SEND) : 0;
	if (error > 0) {
		tell_anew(fd);
		FAIL(error);
	}
	bool is_short = error == SHORT && one.iov_len;
	if (is_short) {
		one.iov_len = 1;
		message.msg_iov = &one;
		message.msg_iovlen = 1;
	}
	long n = REAL(syscall)(SYS_sendmsg, fd, &message, flags);
	if (is_short)
		tell_anew(fd);
	return n;
}

/* The data path calls this way, without the cancellation points of recv() and send(). */
long syscall(long number, ...)
{
	long a[6];
	va_list list;
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_recvfrom)
		return recv_or_not(a);
	if (number == SYS_sendto) {
		struct iovec iov = {(void *)a[1], (size_t)a[2]};
		return send_or_not((int)a[0], &iov, 1, a[3]);
	}
	if (number == SYS_sendmsg) {
		const struct msghdr *message = (const struct msghdr *)a[1];
		return send_or_not((int)a[0], message->msg_iov, message->msg_iovlen, a[2]);
	}
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t size, unsigned flags)
{
	int error = fault(SPLICE);
	if (error) { /* one of them is a socket */
		tell_anew(from);
		tell_anew(to);
	}
	if (error > 0)
		FAIL(error);
	return REAL(splice)(from, from_offset, to, to_offset, error == SHORT && size ? 1 : size,
			    flags);
}

int accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
	int error = fault(ACCEPT);
	if (error > 0)
		FAIL(error);
	return REAL(accept4)(fd, peer, len, flags);
}

int socket(int domain, int type, int protocol)
{
	int error = fault(SOCKET);
	if (error > 0)
		FAIL(error);
	return REAL(socket)(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	int error = fault(CONNECT);
	if (error > 0)
		FAIL(error);
	return REAL(connect)(fd, to, len);
}
