/* The way of a message through the filters of its stream.
 *
 *   a filter holds:   [seen: headers data trailers end] ─CONTINUE or resume─> next filter
 *   while paused:     [unseen: data trailers end] ─resume─> shown to it, in order
 *
 * Request events run from filter 0 up, response events from the last one down; past the last they
 * go to the sink (request: nowhere, the router has taken them; response: session_send_*). A paused
 * hold pauses its direction of the stream, by count. Owner: the stream's arena. Thread: its worker.
 * Limit: stream->buffer_limit on held bytes (413, 500). */
#ifndef STREAM_CHAIN_H
#define STREAM_CHAIN_H

#include <stdbool.h>

#include "stream/filter.h"

struct discovered_filter;
struct stream;

enum { CHAIN_FILTERS_MAX = 255 }; /* a stream counts its filters in a byte */

/* One filter of a configured chain. */
struct chain_entry {
	const struct filter_type *type; /* NULL: as it is discovered */
	const void *config;             /* the listener's */
	struct slice name;              /* as configured: typed_per_filter_config refers to it */
	bool is_disabled;
	const struct discovered_filter *discovered; /* NULL: it is all here (extension.h) */
};

/* A configured chain, and what its filters need and want. */
struct chain_config {
	const struct chain_entry *entries;
	unsigned count;
	size_t states_size; /* of all filters, their states included */
	bool is_single;     /* nothing but the terminal filter, which holds nothing here */
	bool has_discovered;
	/* Some filter has (one that is discovered: may have) a callback for it (of requests: but
	 * the terminal one). */
	bool has_request_data;
	bool has_policies; /* some filter is one (filter_type.policy), not only on demand */
	bool has_authority, has_limiter;
	bool asks_attachments[2]; /* by direction: some filter but the terminal one may */
	bool has_response_headers, has_response_data, has_response_trailers, has_log;
};

/* Borrows the entries, at most CHAIN_FILTERS_MAX. */
void chain_config_init(struct chain_config *chain, const struct chain_entry *entries,
		       unsigned count);

/* Makes the stream's filters, with the most specific configuration of its route. */
void chain_open(struct stream *s, const struct chain_config *chain);
/* Runs log, then close, of all filters, and drops what they hold. */
void chain_close(struct stream *s);

/* An event enters at its first filter, or at the sink if there is none. */
void chain_headers(struct stream *s, enum direction direction, struct headers *headers, bool end);
void chain_data(struct stream *s, enum direction direction, struct buf *data, bool end);
void chain_trailers(struct stream *s, enum direction direction, struct headers *trailers);

/* No filter sees, holds or has still to get data of this direction. */
bool chain_passes_data(const struct stream *s, enum direction direction);

/* A message made by filter `from` itself: shown to the filters after it only. */
void chain_headers_from(struct stream *s, enum direction direction, unsigned from,
			struct headers *headers, bool end);
void chain_data_from(struct stream *s, enum direction direction, unsigned from, struct buf *data,
		     bool end);

/* Drops what is held in the direction; events in progress there are void. */
void chain_cancel(struct stream *s, enum direction direction);

#endif
