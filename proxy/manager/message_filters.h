/* The message filters of a connection manager, from its http_filters.
 *
 * Owner: the listener's arena. Thread: builder or main. */
#ifndef MANAGER_MESSAGE_FILTERS_H
#define MANAGER_MESSAGE_FILTERS_H

#include <stddef.h>

#include "base/diag.h"
#include "stream/chain.h"
#include "stream/config_context.h"

struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter;

/* Exactly the last one must be terminal. Diag's path begins with "http_filters[i]". */
enum status MUST_CHECK message_filters_load(
	struct chain_config *chain,
	struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter *const
		*messages,
	size_t message_count, const struct config_context *context, struct diag *diag);

#endif
