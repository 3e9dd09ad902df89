/* A request as it is kept for later: all that its sending takes, in one run of bytes.
 *
 *   [version 1][protocol][serialization][0]  cluster  service  service version  method
 *   [count u16] (name value) …  body                      texts: [length u32] bytes; the body: the
 *                                                         rest
 *
 * Little endian. What is read was written by this program or a predecessor, and is checked all the
 * same. Pure. */
#ifndef FILTERS_TRAFFIC_CLASS_STORED_REQUEST_H
#define FILTERS_TRAFFIC_CLASS_STORED_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/status.h"
#include "message/headers.h"
#include "message/rpc_head.h"

struct stored_request {
	struct slice cluster;
	struct headers headers; /* ->rpc: NULL, or &rpc */
	struct rpc_head rpc; /* of a Dubbo call: what its sending takes; it waits for an answer */
	struct slice body;   /* read: borrowed */
};

/* The bytes before the body. */
size_t stored_request_size(struct slice cluster, const struct headers *headers);
/* Writes them; the body follows. */
void stored_request_write(char *out, struct slice cluster, const struct headers *headers);

/* Borrows bytes; items in the arena. STATUS_MALFORMED, STATUS_UNSUPPORTED (a version to come). */
enum status MUST_CHECK stored_request_read(struct stored_request *request, struct slice bytes,
					   struct arena *arena);

#endif
