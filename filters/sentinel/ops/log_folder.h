/* The folder of Sentinel's logs: ~/logs/csp unless told.
 *
 * Thread: any but a worker's. */
#ifndef SENTINEL_OPS_LOG_FOLDER_H
#define SENTINEL_OPS_LOG_FOLDER_H

#include "base/slice.h"
#include "base/status.h"

/* given: "" or with a '~' in front: below the home of who runs it. No '/' at its end. Returns
 * owned. */
char *log_folder_of(struct slice given);

/* Makes it, and what is above it. STATUS of mkdir. */
enum status MUST_CHECK log_folder_make(const char *folder);

#endif
