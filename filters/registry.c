#include "filters/registry.h"

#include "base/attributes.h"
#include "filters/buffer/buffer.h"
#include "filters/connection_limit/connection_limit.h"
#include "filters/cors/cors.h"
#include "filters/fault/fault.h"
#include "filters/header_mutation/header_mutation.h"
#include "filters/local_ratelimit/connection.h"
#include "filters/local_ratelimit/local_ratelimit.h"
#include "filters/local_service/local_service.h"
#include "filters/rbac/rbac.h"
#include "manager/http_manager.h"
#include "manager/router.h"
#include "manager/rpc_manager.h"
#include "manager/tcp_manager.h"
#include "net/conn_filter.h"
#include "stream/filter.h"

/* clang-format off */
static const struct filter_type *const filter_types[] = {
	&buffer_filter,
	&cors_filter,
	&fault_filter,
	&header_mutation_filter,
	&local_ratelimit_filter,
	&rbac_filter,
	&router_filter,
};

static const struct conn_filter_type *const conn_filter_types[] = {
	&connection_limit_filter,
	&direct_response_filter,
	&dubbo_proxy_filter,
	&echo_filter,
	&http_connection_manager_filter,
	&rbac_connection_filter,
	&tcp_proxy_filter,
};
/* clang-format on */

const struct filter_type *filter_type_find(const struct ProtobufCMessageDescriptor *message)
{
	for (unsigned i = 0; i < COUNT_OF(filter_types); i++)
		if (filter_types[i]->message == message || filter_types[i]->per_route == message)
			return filter_types[i];
	return NULL;
}

const struct conn_filter_type *
conn_filter_type_find(const struct ProtobufCMessageDescriptor *message)
{
	for (unsigned i = 0; i < COUNT_OF(conn_filter_types); i++)
		if (conn_filter_types[i]->message == message)
			return conn_filter_types[i];
	return NULL;
}
