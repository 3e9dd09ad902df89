#include "manager/sniff.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/conn_filter.h"
#include "net/conn_handover.h"
#include "net/loop.h"
#include "net/served.h"
#include "stream/worker_context.h"

/* --- pure --- */

static bool is_method(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool begins_like(struct slice bytes, const char *with, size_t len)
{
	return !memcmp(bytes.data, with, bytes.len < len ? bytes.len : len);
}

enum sniffed sniff_bytes(struct slice bytes, size_t *needs)
{
	*needs = 0;
	if (!bytes.len) {
		*needs = 1;
		return SNIFFED_OTHER;
	}
	uint8_t first = (uint8_t)bytes.data[0];
	if (begins_like(bytes, "\xda\xbb", 2)) {
		*needs = bytes.len < 2 ? 2 : 0;
		return SNIFFED_DUBBO;
	}
	if (begins_like(bytes, "\x16\x03", 2)) { /* a handshake of any version */
		*needs = bytes.len < 2 ? 2 : 0;
		return SNIFFED_TLS;
	}
	if (first == 1 || first == 2) /* Bolt's versions */
		return SNIFFED_BOLT;
	if (begins_like(bytes, "PRI ", 4)) { /* no other method of HTTP/1 */
		*needs = bytes.len < 4 ? 4 : 0;
		return SNIFFED_HTTP2;
	}
	return is_method(first) || first == '\r' || first == '\n' ? SNIFFED_HTTP1 : SNIFFED_OTHER;
}

/* --- waiting --- */

enum {
	AGAIN_MS = 10,  /* until the next look at a socket that knows no low mark */
	LAST_MS = 1000, /* for its first bytes, while it is being drained */
};

enum look {
	LOOK_DECIDED,
	LOOK_TOO_FEW,
	LOOK_OVER, /* the peer has left without a byte, or something broke */
};

struct sniff {
	struct io io;
	struct served served;
	struct timer timer; /* `until`, or the next look */
	struct accepted accepted;
	sniff_found *found;
	const void *config;
	uint64_t until_ms; /* UINT64_MAX: no limit */
	size_t mark;       /* so many bytes wake it */
	bool is_deaf;      /* the socket knows no low mark: it is looked at now and then */
	bool is_leaving;   /* nobody waits for it longer than that */
};

static enum look look(const struct accepted *accepted, enum sniffed *protocol, size_t *needs)
{
	char bytes[SNIFF_BYTES];
	ssize_t n = accepted->worker->loop->sys->peek(accepted->fd, bytes, sizeof bytes);

	*protocol = SNIFFED_OTHER;
	*needs = 1;
	if (n == -EAGAIN || n == -EINTR)
		return LOOK_TOO_FEW;
	if (n <= 0)
		return LOOK_OVER;
	*protocol = sniff_bytes(slice_make(bytes, (size_t)n), needs);
	return *needs ? LOOK_TOO_FEW : LOOK_DECIDED;
}

static bool has_ended(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};
	return poll(&poll_fd, 1, 0) > 0;
}

static void set_mark(int fd, size_t bytes)
{
	int mark = (int)bytes;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

static void refuse(const struct accepted *accepted)
{
	accepted->worker->loop->sys->close(accepted->fd);
	accepted_ended(accepted->end, 0);
}

static void sniff_free(struct grave *grave)
{
	free(container_of(grave, struct sniff, io.grave));
}

/* It waits no more. */
static void stop(struct sniff *sniff)
{
	struct loop *loop = sniff->accepted.worker->loop;

	io_watch(loop, &sniff->io, IO_NONE);
	timer_cancel(&loop->wheel, &sniff->timer);
	io_bury(loop, &sniff->io, sniff_free);
}

static void give_up(struct sniff *sniff)
{
	stop(sniff);
	served_end(&sniff->served, sniff->accepted.chain);
	refuse(&sniff->accepted);
	pin_drop(sniff->accepted.listener);
}

static void hand_on(struct sniff *sniff, enum sniffed protocol)
{
	const struct accepted *accepted = &sniff->accepted;

	stop(sniff);
	if (sniff->mark > 1)
		set_mark(accepted->fd, 1);
	if (!sniff->found(sniff->config, protocol, accepted))
		refuse(accepted);
	served_end(&sniff->served, accepted->chain); /* found has taken the chain over */
	pin_drop(accepted->listener);
}

static void set_timer(struct sniff *sniff, uint64_t at_ms)
{
	struct loop *loop = sniff->accepted.worker->loop;
	uint64_t now_ms = loop_now_ms(loop);

	timer_cancel(&loop->wheel, &sniff->timer);
	if (at_ms != UINT64_MAX)
		timer_start(&loop->wheel, &sniff->timer, at_ms > now_ms ? at_ms - now_ms : 1);
}

/* At `until`, or for the next look. */
static void set_next_timer(struct sniff *sniff)
{
	uint64_t look_ms = loop_now_ms(sniff->accepted.worker->loop) + AGAIN_MS;

	set_timer(sniff, sniff->is_deaf && look_ms < sniff->until_ms ? look_ms : sniff->until_ms);
}

/* Waits for so many bytes; woken for fewer, it looks again after a while. */
static void wait_for(struct sniff *sniff, size_t needs)
{
	sniff->is_deaf = sniff->mark == needs;
	if (sniff->mark != needs && needs > 1)
		set_mark(sniff->accepted.fd, needs);
	sniff->mark = needs;
	io_watch(sniff->accepted.worker->loop, &sniff->io, sniff->is_deaf ? IO_NONE : IO_READ);
	set_next_timer(sniff);
}

static void look_again(struct sniff *sniff)
{
	enum sniffed protocol;
	size_t needs;

	switch (look(&sniff->accepted, &protocol, &needs)) {
	case LOOK_DECIDED:
		hand_on(sniff, protocol);
		break;
	case LOOK_TOO_FEW:
		if (needs == sniff->mark && has_ended(sniff->accepted.fd))
			give_up(sniff);
		else
			wait_for(sniff, needs);
		break;
	case LOOK_OVER:
		give_up(sniff);
		break;
	}
}

static void on_readable(struct io *io, int interest)
{
	(void)interest;
	look_again(container_of(io, struct sniff, io));
}

/* What has come by now counts, though nobody was woken for it. */
static void end_waiting(struct sniff *sniff)
{
	enum sniffed protocol;
	size_t needs;

	if (look(&sniff->accepted, &protocol, &needs) == LOOK_DECIDED)
		hand_on(sniff, protocol);
	else if (sniff->is_leaving)
		give_up(sniff);
	else
		hand_on(sniff, SNIFFED_OTHER);
}

static void on_timer(struct timer *timer)
{
	struct sniff *sniff = container_of(timer, struct sniff, timer);

	if (loop_now_ms(sniff->accepted.worker->loop) < sniff->until_ms)
		look_again(sniff);
	else
		end_waiting(sniff);
}

/* It has sent nothing yet, but may just have begun. */
static void served_drain(struct served *served)
{
	struct sniff *sniff = container_of(served, struct sniff, served);
	uint64_t last_ms = loop_now_ms(sniff->accepted.worker->loop) + LAST_MS;

	sniff->is_leaving = true;
	if (last_ms < sniff->until_ms)
		sniff->until_ms = last_ms;
	set_next_timer(sniff);
}

static void served_close(struct served *served)
{
	give_up(container_of(served, struct sniff, served));
}

static struct served_look served_look(const struct served *served)
{
	(void)served;
	return (struct served_look){SERVED_OTHER, SERVED_IDLE_WAIT};
}

static struct served_origin served_origin(struct served *served)
{
	struct accepted *accepted = &container_of(served, struct sniff, served)->accepted;
	return (struct served_origin){accepted->listener, &accepted->chain};
}

static enum status served_give(struct served *served, struct relay_sink *relay,
			       struct handover *handover)
{
	struct sniff *sniff = container_of(served, struct sniff, served);
	const struct accepted *accepted = &sniff->accepted;

	(void)relay;
	stop(sniff);
	if (sniff->mark > 1)
		set_mark(accepted->fd, 1);
	handover_begin(handover, SNIFF_PROTOCOL, accepted);
	handover->id = ++accepted->worker->next_id;
	handover->sockets[0].fd = accepted->fd;
	served_end(&sniff->served, accepted->chain);
	accepted_ended(accepted->end, ACCEPTED_GIVEN_AWAY);
	pin_drop(accepted->listener);
	return STATUS_OK;
}

static const struct served_type served_type = {
	.drain = served_drain,
	.close = served_close,
	.look = served_look,
	.origin = served_origin,
	.give = served_give,
};

static void begin_to_wait(const struct accepted *accepted, size_t needs, uint64_t timeout_ms,
			  sniff_found *found, const void *config)
{
	struct sniff *sniff = calloc(1, sizeof *sniff);
	struct worker_context *worker = accepted->worker;

	invariant(sniff);
	sniff->accepted = *accepted;
	sniff->accepted.listener = pin_take(accepted->listener);
	sniff->found = found;
	sniff->config = config;
	sniff->until_ms = timeout_ms ? loop_now_ms(worker->loop) + timeout_ms : UINT64_MAX;
	served_begin(&sniff->served, &served_type, &worker->served, accepted->chain);
	timer_init(&sniff->timer, on_timer);
	io_init(&sniff->io, accepted->fd, on_readable);
	wait_for(sniff, needs);
	if (UNLIKELY(worker->is_leaving))
		served_drain(&sniff->served);
}

bool sniff_takes(struct handover *handover)
{
	bool is_new = handover_is(handover, SNIFF_PROTOCOL);

	if (is_new)
		handover->sockets[0].fd = -1;
	return is_new;
}

void sniff_start(const struct accepted *accepted, uint64_t timeout_ms, sniff_found *found,
		 const void *config)
{
	enum sniffed protocol;
	size_t needs;

	switch (look(accepted, &protocol, &needs)) {
	case LOOK_DECIDED:
		if (!found(config, protocol, accepted))
			refuse(accepted);
		break;
	case LOOK_TOO_FEW:
		begin_to_wait(accepted, needs, timeout_ms, found, config);
		break;
	case LOOK_OVER:
		refuse(accepted);
		break;
	}
}
