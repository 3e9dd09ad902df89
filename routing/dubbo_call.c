#include "routing/dubbo_call.h"

#include <stdio.h>

struct slice dubbo_consumer_parameter(const struct dubbo_consumer *consumer,
				      const struct dubbo_call *call, struct slice name)
{
	for (uint32_t i = 0; i < consumer->parameter_count; i++)
		if (slice_equal(consumer->parameters[i].name, name))
			return consumer->parameters[i].value;
	if (consumer->application.len && slice_equal(name, SLICE("application")))
		return consumer->application;
	if (consumer->host.len && slice_equal(name, SLICE("host")))
		return consumer->host;
	if (!call)
		return (struct slice){0};
	if (slice_equal(name, SLICE("interface")) || slice_equal(name, SLICE("path")))
		return call->interface;
	if (call->version.len && slice_equal(name, SLICE("version")))
		return call->version;
	if (call->group.len && slice_equal(name, SLICE("group")))
		return call->group;
	return (struct slice){0};
}

struct slice dubbo_provider_parameter(const struct host_facts *providers, uint32_t i,
				      struct slice name, char room[DUBBO_PARAMETER_ROOM])
{
	bool is_host = slice_equal(name, SLICE("host")), is_port = slice_equal(name, SLICE("port"));
	struct addr addr;

	if (!is_host && !is_port && !slice_equal(name, SLICE("address")))
		return providers->label(providers->context, i, name);
	providers->address(providers->context, i, &addr);
	if (is_port)
		return slice_make(room, (size_t)snprintf(room, DUBBO_PARAMETER_ROOM, "%u",
							 (unsigned)addr.port));
	return slice_make(room, is_host ? addr_format_ip(&addr, room) : addr_format(&addr, room));
}
