/* Conditions under which an exchange is logged, or a local reply is rewritten (the mappers of
 * local_reply_config): a tree of tests on a stream_info.
 *
 * Owner: the arena it was loaded into; immutable. Thread: any. */
#ifndef TELEMETRY_ACCESS_LOG_FILTER_H
#define TELEMETRY_ACCESS_LOG_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/status.h"

struct Envoy__Config__Accesslog__V3__AccessLogFilter;
struct Envoy__Config__Bootstrap__V3__LayeredRuntime;
struct access_log_filter;
struct stream_info;

/* What a layer of runtime (NULL: none) has under a key of the message counts instead of its
 * default. *filter is NULL for a NULL message. STATUS_INVALID and a diag for an empty, unknown or
 * wrong filter. */
enum status MUST_CHECK access_log_filter_load(
	const struct Envoy__Config__Accesslog__V3__AccessLogFilter *message,
	const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime, struct arena *arena,
	const struct access_log_filter **filter, struct diag *diag);

/* random: for filters that sample when there is no request id. A NULL filter passes all. */
bool access_log_filter_test(const struct access_log_filter *filter, const struct stream_info *info,
			    uint64_t random);

#endif
