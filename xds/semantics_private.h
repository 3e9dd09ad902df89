/* The checks behind semantics.h: one for each type that has one. */
#ifndef XDS_SEMANTICS_PRIVATE_H
#define XDS_SEMANTICS_PRIVATE_H

#include <stdint.h>

#include "base/attributes.h"
#include "field_path.h"
#include "semantics.h"

/* Writes the fault, at `path` plus `below` ("" or "a.b[1]"), and returns false. */
PRINTF_LIKE(4, 5)
bool semantics_fault(struct diag *diag, const struct field_path *path, const char *below,
		     const char *format, ...);

/* True if two of hashes[count] are equal: then the indexes of the first such pair. */
bool semantics_find_equal(const uint64_t *hashes, size_t count, size_t *earlier, size_t *later);

/* Each looks at one message, not at those inside it, and returns false after a fault. */
typedef bool semantics_check_fn(const ProtobufCMessage *message, const struct field_path *path,
				struct diag *diag);

semantics_check_fn semantics_bootstrap, semantics_references, semantics_runtime, semantics_cluster,
	semantics_ring, semantics_maglev, semantics_ring_policy, semantics_maglev_policy,
	semantics_routes, semantics_route_action, semantics_weighted_cluster,
	semantics_retry_back_off, semantics_core_back_off, semantics_listener,
	semantics_filter_chain, semantics_http_manager, semantics_token_bucket_http,
	semantics_token_bucket_network, semantics_dubbo_match;

/* "host" and pseudo-headers can't be added or removed by configuration. */
bool semantics_headers(const ProtobufCMessage *message, const struct field_path *path,
		       struct diag *diag);

#endif
