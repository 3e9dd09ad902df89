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
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { NONE, READ, WRITEV, ACCEPT, SOCKET, CONNECT, SPLICE, CALLS };

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

static long read_or_not(int fd, void *data, size_t size)
{
	int error = is_socket(fd) ? fault(READ) : 0;
	if (error > 0)
		FAIL(error);
	return REAL(syscall)(SYS_read, fd, data, error == SHORT && size ? 1 : size);
}

static long writev_or_not(int fd, const struct iovec *iov, int count)
{
	int error = is_socket(fd) ? fault(WRITEV) : 0;
	if (error > 0)
		FAIL(error);
	struct iovec one = count > 0 ? iov[0] : (struct iovec){0};
	if (error != SHORT || !one.iov_len)
		return REAL(syscall)(SYS_writev, fd, iov, count);
	one.iov_len = 1;
	return REAL(syscall)(SYS_writev, fd, &one, 1);
}

/* The data path reads and writes this way, without the cancellation points of read() and writev().
 */
long syscall(long number, ...)
{
	long a[6];
	va_list list;
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_read)
		return read_or_not((int)a[0], (void *)a[1], (size_t)a[2]);
	if (number == SYS_write) {
		struct iovec iov = {(void *)a[1], (size_t)a[2]};
		return writev_or_not((int)a[0], &iov, 1);
	}
	if (number == SYS_writev)
		return writev_or_not((int)a[0], (const struct iovec *)a[1], (int)a[2]);
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t size, unsigned flags)
{
	int error = fault(SPLICE);
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
