#include "filters/sentinel/cluster/doorbell.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/attributes.h"

/* All of them, the oldest first. */
static struct note *take_all(struct doorbell *bell)
{
	struct note *note = atomic_exchange_explicit(&bell->newest, NULL, memory_order_acquire);
	struct note *oldest = NULL;

	while (note) {
		struct note *next = note->next;
		note->next = oldest;
		oldest = note;
		note = next;
	}
	return oldest;
}

static void ready(struct io *io, int interest)
{
	struct doorbell *bell = container_of(io, struct doorbell, io);
	uint64_t rings;

	if (!(interest & IO_READ))
		return;
	if (read(io_fd(io), &rings, sizeof(rings)) < 0 && errno != EAGAIN)
		return;
	for (struct note *note = take_all(bell), *next; note; note = next) {
		next = note->next;
		bell->read(bell, note);
	}
}

enum status doorbell_open(struct doorbell *bell, struct loop *loop,
			  void (*read)(struct doorbell *bell, struct note *note))
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return STATUS_EXHAUSTED;
	bell->loop = loop;
	bell->read = read;
	atomic_init(&bell->newest, NULL);
	io_init(&bell->io, fd, ready);
	io_watch(loop, &bell->io, IO_READ);
	return STATUS_OK;
}

void doorbell_rest(struct doorbell *bell)
{
	io_watch(bell->loop, &bell->io, IO_NONE);
}

void doorbell_put(struct doorbell *bell, struct note *note)
{
	struct note *before = atomic_load_explicit(&bell->newest, memory_order_relaxed);
	uint64_t one = 1;

	do {
		note->next = before;
	} while (!atomic_compare_exchange_weak_explicit(
		&bell->newest, &before, note, memory_order_release, memory_order_relaxed));
	if (before)
		return;
	ssize_t n = write(io_fd(&bell->io), &one, sizeof(one));
	invariant(n == sizeof(one));
}

void doorbell_close(struct doorbell *bell, void (*fn)(struct note *note))
{
	for (struct note *note = take_all(bell), *next; note; note = next) {
		next = note->next;
		fn(note);
	}
	close(io_fd(&bell->io));
}
