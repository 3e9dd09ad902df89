/* A compiled access log: private to access_log.c (writes) and access_log_config.c (builds).
 *
 * Owner: the arena of the listener; immutable. Thread: any. */
#ifndef TELEMETRY_ACCESS_LOG_PRIVATE_H
#define TELEMETRY_ACCESS_LOG_PRIVATE_H

#include "message/format.h"
#include "telemetry/access_log.h"
#include "telemetry/access_log_filter.h"

struct logger {
	const struct access_log_filter *filter; /* NULL: everything */
	const struct format *format;
	struct log_file *file;
};

struct access_log {
	unsigned count;
	struct logger loggers[];
};

#endif
