/* A text that the configuration holds or points at: in line, a file, a variable of the environment
 * (envoy.config.core.v3.DataSource).
 *
 * Owner: the text is in the arena given. Thread: main or builder; reading a file blocks it. */
#ifndef MESSAGE_DATA_SOURCE_CONFIG_H
#define MESSAGE_DATA_SOURCE_CONFIG_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

struct Envoy__Config__Core__V3__DataSource;

/* *text has a NUL behind it. STATUS_INVALID, and a diag with the path from the message on: more
 * than limit bytes, no such file or variable, no source at all. */
enum status MUST_CHECK data_source_load(struct slice *text,
					const struct Envoy__Config__Core__V3__DataSource *source,
					size_t limit, struct arena *arena, struct diag *diag);

#endif
