#include "filters/registry.h"

#include <stddef.h>

#include "net/conn_filter.h"
#include "stream/filter.h"

/* A filter is registered by a line here; X(name) is the type name_filter of its folder. */
/* clang-format off */
#define MESSAGE_FILTERS(X) \
	X(buffer) \
	X(cors) \
	X(dubbo_rules) \
	X(fault) \
	X(header_mutation) \
	X(header_to_metadata) \
	X(lane) \
	X(local_ratelimit) \
	X(rbac) \
	X(router) \
	X(sentinel) \
	X(traffic_class) \
	X(unit)

#define CONNECTION_FILTERS(X) \
	X(bolt_proxy) \
	X(connection_limit) \
	X(direct_response) \
	X(dubbo_proxy) \
	X(echo) \
	X(http_connection_manager) \
	X(local_ratelimit_connection) \
	X(protocol_sniffer) \
	X(rbac_connection) \
	X(rpc_proxy) \
	X(tcp_proxy)
/* clang-format on */

/* As the header of each folder declares it. */
#define DECLARE_MESSAGE_FILTER(name) extern const struct filter_type name##_filter;
#define DECLARE_CONNECTION_FILTER(name) extern const struct conn_filter_type name##_filter;
MESSAGE_FILTERS(DECLARE_MESSAGE_FILTER)
CONNECTION_FILTERS(DECLARE_CONNECTION_FILTER)

#define ADDRESS_OF(name) &name##_filter,
const struct filter_type *const filter_types[] = {MESSAGE_FILTERS(ADDRESS_OF) NULL};
const struct conn_filter_type *const conn_filter_types[] = {CONNECTION_FILTERS(ADDRESS_OF) NULL};

const struct filter_type *filter_type_find(const struct ProtobufCMessageDescriptor *message)
{
	for (const struct filter_type *const *type = filter_types; *type; type++)
		if ((*type)->message == message || (*type)->per_route == message)
			return *type;
	return NULL;
}

const struct conn_filter_type *
conn_filter_type_find(const struct ProtobufCMessageDescriptor *message)
{
	for (const struct conn_filter_type *const *type = conn_filter_types; *type; type++)
		if ((*type)->message == message)
			return *type;
	return NULL;
}

bool filter_ends_chain(const struct ProtobufCMessageDescriptor *message)
{
	const struct filter_type *type = filter_type_find(message);
	const struct conn_filter_type *conn_type = conn_filter_type_find(message);

	return (type && type->is_terminal) || (conn_type && conn_type->serve);
}
