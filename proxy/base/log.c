/* Limits: a line 2,032 bytes, the ring 256 lines, one line a second from a limited place. */
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/log_format.h"

enum {
	RING_LINES = 256,
	WRITER_PATIENCE_MS = 1000, /* how long a drain waits for a file that takes no bytes */
};

static const uint64_t site_pause_ns = 1000000000;

/* A slot's turn tells who may touch it: at lap n of the ring 2n is "free", 2n + 1 "filled". So
 * memory of zeros is an empty ring. */
struct slot {
	_Atomic uint64_t turn;
	uint32_t len;
	char text[LOG_LINE_MAX];
};

struct ring {
	struct slot *slots;     /* NULL: lines are written directly */
	_Atomic uint64_t tail;  /* next to fill */
	uint64_t head;          /* next to write; the draining thread's */
	_Atomic uint32_t asked; /* wake was called and no drain has begun since */
	void (*wake)(void *arg);
	void *wake_arg;
};

#define LEVEL_AT_START(name, text) LOG_LEVEL_INFO,
_Atomic uint8_t log_levels[LOG_COMPONENT_COUNT] = {LOG_COMPONENTS(LEVEL_AT_START)};
#undef LEVEL_AT_START

static struct log_format line_format = {LOG_DEFAULT_FORMAT, sizeof LOG_DEFAULT_FORMAT - 1};
static struct ring ring;
static _Atomic int log_fd = STDERR_FILENO;
static _Atomic int32_t utc_offset_s;
static _Atomic bool zone_is_known;
static _Atomic uint64_t dropped;
static uint64_t dropped_reported; /* the draining thread's */

static const struct {
	const char *name, *letter;
} levels[LOG_LEVEL_COUNT] = {
	[LOG_LEVEL_TRACE] = {"trace", "T"}, [LOG_LEVEL_DEBUG] = {"debug", "D"},
	[LOG_LEVEL_INFO] = {"info", "I"},   [LOG_LEVEL_WARN] = {"warning", "W"},
	[LOG_LEVEL_ERROR] = {"error", "E"}, [LOG_LEVEL_CRITICAL] = {"critical", "C"},
	[LOG_LEVEL_OFF] = {"off", "O"},
};

static const char *const components[LOG_COMPONENT_COUNT] = {
#define COMPONENT_TEXT(name, text) [LOG_COMPONENT_##name] = text,
	LOG_COMPONENTS(COMPONENT_TEXT)
#undef COMPONENT_TEXT
};

#define COMPONENT_IN_LIST(name, text) " " text
#define ALL_COMPONENTS LOG_COMPONENTS(COMPONENT_IN_LIST)

/* --- levels */

const char *log_level_name(enum log_level level)
{
	return level < LOG_LEVEL_COUNT ? levels[level].name : "unknown";
}

bool log_level_parse(struct slice text, enum log_level *level)
{
	if (slice_equal(text, SLICE("warn")))
		text = SLICE("warning");
	for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
		if (slice_equal(text, slice_of(levels[i].name))) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

const char *log_component_name(enum log_component component)
{
	return component < LOG_COMPONENT_COUNT ? components[component] : "unknown";
}

bool log_component_parse(struct slice text, enum log_component *component)
{
	for (int i = 0; i < LOG_COMPONENT_COUNT; i++) {
		if (slice_equal(text, slice_of(components[i]))) {
			*component = (enum log_component)i;
			return true;
		}
	}
	return false;
}

void log_set_component_level(enum log_component component, enum log_level level)
{
	atomic_store_explicit(&log_levels[component], (uint8_t)level, memory_order_relaxed);
}

void log_set_level(enum log_level level)
{
	for (int i = 0; i < LOG_COMPONENT_COUNT; i++)
		log_set_component_level((enum log_component)i, level);
}

enum log_level log_level_of(enum log_component component)
{
	return (enum log_level)atomic_load_explicit(&log_levels[component], memory_order_relaxed);
}

enum status log_set_component_levels(struct slice list, struct diag *diag)
{
	enum log_level found[LOG_COMPONENT_COUNT];

	for (int i = 0; i < LOG_COMPONENT_COUNT; i++)
		found[i] = log_level_of((enum log_component)i);
	while (list.len) {
		size_t end = slice_find_char(list, ',', 0);
		struct slice item = slice_sub(list, 0, end);
		size_t colon = slice_find_char(item, ':', 0);
		enum log_component component;
		enum log_level level;
		if (colon == item.len)
			return diag_set(diag, "'%.*s' is not component:level", SLICE_FMT(item));
		if (!log_component_parse(slice_sub(item, 0, colon), &component))
			return diag_set(diag,
					"'%.*s' is no log component; there are" ALL_COMPONENTS,
					(int)colon, item.data);
		if (!log_level_parse(slice_sub(item, colon + 1, item.len), &level))
			return diag_set(diag,
					"'%.*s' has no known log level; there are trace debug info "
					"warning error critical off",
					SLICE_FMT(item));
		found[component] = level;
		list = slice_sub(list, end + (end < list.len), list.len);
	}
	for (int i = 0; i < LOG_COMPONENT_COUNT; i++)
		log_set_component_level((enum log_component)i, found[i]);
	return STATUS_OK;
}

/* --- set-up */

void log_set_fd(int fd)
{
	atomic_store(&log_fd, fd);
}

enum status log_set_format(struct slice format, struct diag *diag)
{
	struct log_format parsed;
	char bad;

	if (!log_format_parse(&parsed, format, &bad)) {
		if (bad == '%')
			return diag_set(diag, "log format: a lone %% at the end; write %%%%");
		if (bad)
			return diag_set(diag,
					"log format: %%%c is not known; there are %%v %%_ %%j %%l "
					"%%L %%n %%t %%P %%g %%s %%# %%%% and %%YmdHMSTDefFEz",
					bad);
		return diag_set(diag, "log format: longer than %d bytes", LOG_FORMAT_MAX);
	}
	line_format = parsed;
	return STATUS_OK;
}

/* localtime_r takes a lock and may read files: workers use what the writer found. */
static void find_zone(void)
{
	time_t now = time(NULL);
	struct tm local;

	if (localtime_r(&now, &local))
		atomic_store_explicit(&utc_offset_s, (int32_t)local.tm_gmtoff,
				      memory_order_relaxed);
	atomic_store_explicit(&zone_is_known, true, memory_order_relaxed);
}

void log_queue_begin(void (*wake)(void *arg), void *arg)
{
	struct slot *slots = calloc(RING_LINES, sizeof *slots);

	invariant(slots && !ring.slots);
	find_zone();
	ring = (struct ring){.slots = slots, .wake = wake, .wake_arg = arg};
}

void log_queue_end(void)
{
	if (!ring.slots)
		return;
	log_drain();
	free(ring.slots);
	ring.slots = NULL;
}

uint64_t log_dropped(void)
{
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}

/* --- lines */

static void drop(void)
{
	atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}

static void ring_push(const char *text, size_t len)
{
	uint64_t at = atomic_load_explicit(&ring.tail, memory_order_relaxed);
	struct slot *slot;

	for (;;) {
		slot = &ring.slots[at % RING_LINES];
		uint64_t free_turn = at / RING_LINES * 2;
		uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
		if (turn < free_turn) { /* last lap's line is still there */
			drop();
			return;
		}
		if (turn > free_turn)
			at = atomic_load_explicit(&ring.tail, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(&ring.tail, &at, at + 1,
							       memory_order_relaxed,
							       memory_order_relaxed))
			break;
	}
	memcpy(slot->text, text, len);
	slot->len = (uint32_t)len;
	atomic_store_explicit(&slot->turn, at / RING_LINES * 2 + 1, memory_order_release);
	if (ring.wake && !atomic_exchange(&ring.asked, 1))
		ring.wake(ring.wake_arg);
}

/* One write a line, so that lines of several processes don't mix. False when the file takes no
 * bytes for too long. */
static bool write_line(const char *text, size_t len, int patience_ms)
{
	int fd = atomic_load(&log_fd);

	while (len) {
		ssize_t n = write(fd, text, len);
		if (n > 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		if (n < 0 && errno == EAGAIN && patience_ms && poll(&wait, 1, patience_ms) > 0)
			continue;
		return false;
	}
	return true;
}

static size_t render_line(const struct log_place *place, struct slice message, char *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!atomic_load_explicit(&zone_is_known, memory_order_relaxed))
		find_zone();
	const struct log_record record = {
		.seconds = now.tv_sec,
		.nanoseconds = (uint32_t)now.tv_nsec,
		.utc_offset_s = atomic_load_explicit(&utc_offset_s, memory_order_relaxed),
		.pid = getpid(),
		.tid = gettid(),
		.level = levels[place->level].name,
		.level_letter = levels[place->level].letter,
		.component = components[place->component],
		.file = place->file,
		.line = place->line,
		.message = message,
	};
	return log_format_line(&line_format, &record, out, LOG_LINE_MAX);
}

static void log_line(const struct log_place *place, struct slice message)
{
	char text[LOG_LINE_MAX];
	size_t len = render_line(place, message, text);

	if (ring.slots)
		ring_push(text, len);
	else if (!write_line(text, len, 0))
		drop();
}

static size_t format_message(char *out, size_t size, const char *format, va_list args)
{
	int len = vsnprintf(out, size, format, args);

	return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
}

void log_write(const struct log_place *place, const char *format, ...)
{
	char message[LOG_LINE_MAX];
	va_list args;

	va_start(args, format);
	size_t len = format_message(message, sizeof message, format, args);
	va_end(args);
	log_line(place, slice_make(message, len));
}

/* True when the site may log now; *left_out is then what it had to leave out before. */
static bool site_open(struct log_site *site, uint32_t *left_out)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	uint64_t next_ns = atomic_load_explicit(&site->next_ns, memory_order_relaxed);

	if (now_ns < next_ns || !atomic_compare_exchange_strong_explicit(
					&site->next_ns, &next_ns, now_ns + site_pause_ns,
					memory_order_relaxed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&site->left_out, 1, memory_order_relaxed);
		return false;
	}
	*left_out = atomic_exchange_explicit(&site->left_out, 0, memory_order_relaxed);
	return true;
}

void log_write_limited(const struct log_place *place, struct log_site *site, const char *format,
		       ...)
{
	char message[LOG_LINE_MAX];
	uint32_t left_out;
	va_list args;

	if (!site_open(site, &left_out))
		return;
	va_start(args, format);
	size_t len = format_message(message, sizeof message, format, args);
	va_end(args);
	if (left_out) {
		size_t room = sizeof message - len;
		int more = snprintf(message + len, room, " (%u more like this before)", left_out);
		len += (size_t)more < room ? (size_t)more : room - 1;
	}
	log_line(place, slice_make(message, len));
}

/* --- the writer's side */

/* Written at once: put into the ring it could drop, and ask for its own report. */
static void report_dropped(void)
{
	uint64_t count = log_dropped() - dropped_reported;
	char message[64], text[LOG_LINE_MAX];

	if (!count)
		return;
	int len = snprintf(message, sizeof message, "%llu log lines were dropped",
			   (unsigned long long)count);
	size_t size = render_line(LOG_PLACE(WARN, MAIN), slice_make(message, (size_t)len), text);
	if (write_line(text, size, 0))
		dropped_reported += count;
}

unsigned log_drain(void)
{
	unsigned count = 0;
	int patience_ms = WRITER_PATIENCE_MS;

	if (!ring.slots)
		return 0;
	atomic_store(&ring.asked, 0);
	find_zone();
	for (;; ring.head++, count++) {
		struct slot *slot = &ring.slots[ring.head % RING_LINES];
		uint64_t filled = ring.head / RING_LINES * 2 + 1;
		if (atomic_load_explicit(&slot->turn, memory_order_acquire) != filled)
			break;
		if (!write_line(slot->text, slot->len, patience_ms)) {
			drop();
			patience_ms = 0;
		}
		atomic_store_explicit(&slot->turn, filled + 1, memory_order_release);
	}
	if (count)
		report_dropped();
	return count;
}
