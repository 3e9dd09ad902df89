/* What a pooled connection must know of its protocol beyond the client codec: one const row for
 * each, in upstream_dialects.c. The connection's own files know none of them by name.
 *
 * Thread: constant; the functions run on the connection's worker. */
#ifndef UPSTREAM_UPSTREAM_DIALECT_H
#define UPSTREAM_UPSTREAM_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/codec.h"
#include "message/stream_info.h"

enum {
	UPSTREAM_DUBBO_ALONE = STREAM_PROTOCOL_BOLT + 1, /* a connection for each call in parts */
	UPSTREAM_PROTOCOLS,
};

struct upstream_conn;
struct upstream_worker;

struct upstream_dialect {
	bool is_multiplexed; /* many requests on a connection at a time */
	/* The peer's word that it drains is its host's: the connection stays, to hear that it is
	 * taken back (Dubbo's READONLY). Otherwise the connection drains. */
	bool is_draining_of_host;
	uint32_t max_in_flight; /* multiplexed: requests on a connection, as its codec has it */
	uint16_t ok_status;     /* RPC: of an answer that is no error of the provider */
	uint32_t heartbeat_ms;  /* a silent peer is asked so often at least; 0: as configured */

	/* Opens the client codec inside the connection, with upstream_codec_events and the
	 * connection's output. */
	struct codec *(*open)(struct upstream_conn *uc);
	/* Sends a whole frame on as it came, but for its id, and attaches the exchange; there is
	 * room. The frame lies in turn memory, and is written to. NULL: no frame passes. */
	void (*pass)(struct codec *codec, struct exchange *exchange, struct slice frame);
};

/* By enum stream_protocol, or UPSTREAM_DUBBO_ALONE; NULL: none that an upstream speaks. */
extern const struct upstream_dialect *const upstream_dialects[UPSTREAM_PROTOCOLS];

/* What the worker's client codecs share. */
void upstream_dialects_init(struct upstream_worker *upstream);

#endif
