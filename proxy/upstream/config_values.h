/* Small readers of protobuf values that the configuration of clusters and hosts shares: wrappers
 * with defaults, durations, addresses, payloads.
 *
 * Pure. What they return lives in the arena given. Thread: the builder's. */
#ifndef UPSTREAM_CONFIG_VALUES_H
#define UPSTREAM_CONFIG_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include <envoy/config/core/v3/address.pb-c.h>
#include <envoy/config/core/v3/health_check.pb-c.h>
#include <envoy/type/v3/percent.pb-c.h>
#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"

static inline uint32_t config_u32(const Google__Protobuf__UInt32Value *value, uint32_t otherwise)
{
	return value ? value->value : otherwise;
}

static inline uint64_t config_u64(const Google__Protobuf__UInt64Value *value, uint64_t otherwise)
{
	return value ? value->value : otherwise;
}

static inline bool config_bool(const Google__Protobuf__BoolValue *value, bool otherwise)
{
	return value ? value->value : otherwise;
}

static inline double config_percent(const Envoy__Type__V3__Percent *value, double otherwise)
{
	return value ? value->value : otherwise;
}

/* Milliseconds, rounded up, at most UINT32_MAX. STATUS_INVALID when negative. NULL message: *ms
 * stays. */
enum status MUST_CHECK config_ms(const Google__Protobuf__Duration *duration, const char *path,
				 uint32_t *ms, struct diag *diag);

/* The same, but 0 is refused too. */
enum status MUST_CHECK config_ms_positive(const Google__Protobuf__Duration *duration,
					  const char *path, uint32_t *ms, struct diag *diag);

static inline struct slice config_text(struct arena *arena, const char *text)
{
	return arena_slice(arena, slice_of(text));
}

/* An address. When it is no IP and `host` isn't NULL, the name goes to *host and addr is left
 * ADDR_NONE with the port.
 */
enum status MUST_CHECK config_address(const Envoy__Config__Core__V3__Address *address,
				      struct arena *arena, struct addr *addr, struct slice *host,
				      struct diag *diag);
enum status MUST_CHECK config_socket_address(const Envoy__Config__Core__V3__SocketAddress *address,
					     struct arena *arena, struct addr *addr,
					     struct slice *host, struct diag *diag);

/* Hexadecimal text or binary. */
enum status MUST_CHECK config_payload(const Envoy__Config__Core__V3__HealthCheck__Payload *payload,
				      struct arena *arena, struct slice *bytes, struct diag *diag);

/* The message inside an Any (decoded already where the configuration was read: value is empty and
 * its data points at the message), if it is of this type; else NULL. Borrowed. */
const void *config_any(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *type);

#endif
