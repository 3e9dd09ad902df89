/* The process's own log: what operators read, apart from access logs.
 *
 *   any thread: log_warn(UPSTREAM, "…") ─ level check (one byte) ─ format ─┐
 *       ┌──────────────────────────────────────────────────────────────────┘
 *       ├─ before log_queue_begin ─> write(2)
 *       └─ ring of 256 lines ─> writer thread: log_drain ─> write(2)
 *
 * Levels and the default format are Envoy's. A message is one line: control characters in it leave
 * as \n or \x1b. Lines are cut at LOG_LINE_MAX. A full ring drops lines and counts them; a
 * worker never waits.
 *
 * Owner: the process (levels, format, file and ring are its only globals). Thread: any, but for
 * the set-up calls (main, before threads start) and log_drain (one thread). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

struct diag;

enum log_level {
	LOG_LEVEL_TRACE,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_CRITICAL,
	LOG_LEVEL_OFF,
	LOG_LEVEL_COUNT,
};

#define LOG_COMPONENTS(X)                                                                          \
	X(MAIN, "main")                                                                            \
	X(ADMIN, "admin")                                                                          \
	X(BOLT, "bolt")                                                                            \
	X(CLIENT, "client")                                                                        \
	X(CONFIG, "config")                                                                        \
	X(CONNECTION, "connection")                                                                \
	X(DNS, "dns")                                                                              \
	X(DUBBO, "dubbo")                                                                          \
	X(EXT_AUTHZ, "ext_authz")                                                                  \
	X(FILTER, "filter")                                                                        \
	X(GRPC, "grpc")                                                                            \
	X(HEALTH, "hc")                                                                            \
	X(HOTRESTART, "hotrestart")                                                                \
	X(HTTP, "http")                                                                            \
	X(HTTP2, "http2")                                                                          \
	X(INTERCEPT, "intercept")                                                                  \
	X(JWT, "jwt")                                                                              \
	X(LUA, "lua")                                                                              \
	X(OUTLIER, "outlier")                                                                      \
	X(POOL, "pool")                                                                            \
	X(RATELIMIT, "ratelimit")                                                                  \
	X(RBAC, "rbac")                                                                            \
	X(ROUTER, "router")                                                                        \
	X(SECRET, "secret")                                                                        \
	X(SENTINEL, "sentinel")                                                                    \
	X(STATS, "stats")                                                                          \
	X(TRACING, "tracing")                                                                      \
	X(UPSTREAM, "upstream")

enum log_component {
#define LOG_COMPONENT_ENUM(name, text) LOG_COMPONENT_##name,
	LOG_COMPONENTS(LOG_COMPONENT_ENUM)
#undef LOG_COMPONENT_ENUM
		LOG_COMPONENT_COUNT,
};

enum { LOG_LINE_MAX = 2032 };

#define LOG_DEFAULT_FORMAT "[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v"

/* --- to log */

/* log_info(CONFIG, "lds: %s", name). Arguments are evaluated only when the level is on. */
#define log_trace(component, ...) LOG_AT(TRACE, component, __VA_ARGS__)
#define log_debug(component, ...) LOG_AT(DEBUG, component, __VA_ARGS__)
#define log_info(component, ...) LOG_AT(INFO, component, __VA_ARGS__)
#define log_warn(component, ...) LOG_AT(WARN, component, __VA_ARGS__)
#define log_error(component, ...) LOG_AT(ERROR, component, __VA_ARGS__)
#define log_critical(component, ...) LOG_AT(CRITICAL, component, __VA_ARGS__)

/* At most one line a second from this place in the source; the next one says how many were left
 * out. For whatever a peer can provoke. */
#define log_debug_limited(component, ...) LOG_LIMITED(DEBUG, component, __VA_ARGS__)
#define log_info_limited(component, ...) LOG_LIMITED(INFO, component, __VA_ARGS__)
#define log_warn_limited(component, ...) LOG_LIMITED(WARN, component, __VA_ARGS__)
#define log_error_limited(component, ...) LOG_LIMITED(ERROR, component, __VA_ARGS__)

/* --- to set up */

/* Lines go to this descriptor from now on (at first: standard error). Borrows it. */
void log_set_fd(int fd);

/* A format in Envoy's terms: %v %l %L %n %t %P %g %s %# %Y %m %d %H %M %S %T %D %e %f %F %E %z %%
 * (%_ is %v; %j escapes for a JSON string). STATUS_INVALID for others, or over 255 bytes. Before
 * threads start. */
enum status MUST_CHECK log_set_format(struct slice format, struct diag *diag);

/* All components. Any thread. */
void log_set_level(enum log_level level);
void log_set_component_level(enum log_component component, enum log_level level);
enum log_level log_level_of(enum log_component component);

/* "upstream:debug,http:trace". Changes nothing when STATUS_INVALID. */
enum status MUST_CHECK log_set_component_levels(struct slice list, struct diag *diag);

/* trace debug info warning|warn error critical off. */
bool log_level_parse(struct slice text, enum log_level *level);
const char *log_level_name(enum log_level level);
bool log_component_parse(struct slice text, enum log_component *component);
const char *log_component_name(enum log_component component);

/* From now on lines wait in the ring. wake (may be NULL) is called, on the thread that logged, when
 * a line was put into an empty ring. */
void log_queue_begin(void (*wake)(void *arg), void *arg);

/* Writes out what is there, and returns how many lines that were. One thread at a time. */
unsigned log_drain(void);

/* Drains, and writes directly again. No other thread may log meanwhile. */
void log_queue_end(void);

/* Lines dropped since the start, because the ring was full or the file took no bytes. */
uint64_t log_dropped(void);

/* --- behind the macros */

extern _Atomic uint8_t log_levels[LOG_COMPONENT_COUNT];

struct log_site { /* one a limited call in the source */
	_Atomic uint64_t next_ns;
	_Atomic uint32_t left_out;
};

static inline bool log_is_on(enum log_level level, enum log_component component)
{
	return level >= atomic_load_explicit(&log_levels[component], memory_order_relaxed);
}

struct log_place {
	const char *file;
	unsigned line;
	uint8_t level, component;
};

PRINTF_LIKE(2, 3) COLD void log_write(const struct log_place *place, const char *format, ...);
PRINTF_LIKE(3, 4)
COLD void log_write_limited(const struct log_place *place, struct log_site *site,
			    const char *format, ...);

#define LOG_PLACE(level_, component_)                                                              \
	(&(const struct log_place){__FILE__, __LINE__, LOG_LEVEL_##level_,                         \
				   LOG_COMPONENT_##component_})

#define LOG_AT(level, component, ...)                                                              \
	do {                                                                                       \
		if (UNLIKELY(log_is_on(LOG_LEVEL_##level, LOG_COMPONENT_##component)))             \
			log_write(LOG_PLACE(level, component), __VA_ARGS__);                       \
	} while (0)

#define LOG_LIMITED(level, component, ...)                                                         \
	do {                                                                                       \
		static struct log_site log_site_;                                                  \
		if (UNLIKELY(log_is_on(LOG_LEVEL_##level, LOG_COMPONENT_##component)))             \
			log_write_limited(LOG_PLACE(level, component), &log_site_, __VA_ARGS__);   \
	} while (0)

#endif
