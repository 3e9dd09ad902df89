/* A message filter that comes by discovery (ECDS): its type and configuration are a published
 * object of its own, which changes without the listener.
 *
 *   chain entry ─ discovered: slot, types ─> the worker's pin ─> extension.entry ─> filter
 *                                             └─ none: a filter that answers 500
 *
 * A stream takes what is in force when it begins and keeps it. Owner: the publisher; a stream pins.
 * Thread: its worker; extension_entry is called by chain_open alone. */
#ifndef STREAM_EXTENSION_H
#define STREAM_EXTENSION_H

#include "base/published.h"
#include "stream/chain.h"

/* What is published in a slot of PUBLISHED_EXTENSION. */
struct extension {
	struct published published;
	struct chain_entry entry; /* of a filter that is no longer discovered */
};

/* What a chain knows beforehand. Lives in the listener's arena. */
struct discovered_filter {
	uint32_t slot;
	const struct filter_type *const *types; /* that it may have: type_urls. At least one */
	unsigned type_count;
};

static inline struct extension *extension_of(struct published *object)
{
	return container_of(object, struct extension, published);
}

bool discovered_filter_may_be(const struct discovered_filter *discovered,
			      const struct filter_type *type);

/* What is in force for a discovered entry, pinned: *pin is to be dropped with the stream. If there
 * is nothing, or nothing of its types: a filter that answers REPLY_NO_FILTER_CONFIG, and no pin. */
const struct chain_entry *extension_entry(const struct chain_entry *entry,
					  const struct pin_table *pins, struct pin **pin);

#endif
