/* An answer that the table itself holds.
 *
 * Owner: the table's arena; immutable. Thread: any. Limit: max_direct_response_body_size_bytes of
 * the table (4096 unless set). */
#ifndef ROUTING_DIRECT_RESPONSE_H
#define ROUTING_DIRECT_RESPONSE_H

#include <stdint.h>

#include "routing/route_hooks.h"

struct format;
struct Envoy__Config__Route__V3__DirectResponseAction;

struct direct_response {
	uint16_t status;
	struct slice body;                /* when body_format is NULL */
	const struct format *body_format; /* renders the body */
	struct slice content_type;        /* "" : text/plain */
};

/* STATUS_INVALID or STATUS_UNSUPPORTED, and a diag with the path from inside
 * `direct_response` on. */
enum status MUST_CHECK
direct_response_load(struct direct_response *response,
		     const struct Envoy__Config__Route__V3__DirectResponseAction *message,
		     size_t body_max, struct arena *arena, struct diag *diag);

#endif
