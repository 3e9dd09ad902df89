/* The message filters of a connection manager, from its http_filters, and those that are discovered
 * for it.
 *
 * Owner: the listener's arena; what is discovered is a published object. Thread: builder or main.
 */
#ifndef MANAGER_MESSAGE_FILTERS_H
#define MANAGER_MESSAGE_FILTERS_H

#include <stddef.h>

#include "base/diag.h"
#include "stream/chain.h"
#include "stream/config_context.h"

struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter;
struct Google__Protobuf__Any;
struct published;

/* Exactly the last one must be terminal. Diag's path begins with "http_filters[i]". */
enum status MUST_CHECK message_filters_load(
	struct chain_config *chain,
	struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter *const
		*messages,
	size_t message_count, const struct config_context *context, struct diag *diag);

/* What is published for a discovered one (stream/extension.h): a filter of that name, for an entry
 * with these types. outer: as it is where the chain stands; its arena isn't used. The slot is the
 * entry's. Diag's path begins inside the configuration; returns owned. */
enum status MUST_CHECK message_filter_build(const struct Google__Protobuf__Any *config,
					    struct slice name,
					    const struct discovered_filter *discovered,
					    const struct config_context *outer,
					    struct published **built, struct diag *diag);

#endif
