#include "upstream/config_values.h"

enum status config_ms(const Google__Protobuf__Duration *duration, const char *path, uint32_t *ms,
		      struct diag *diag)
{
	if (!duration)
		return STATUS_OK;
	if (duration->seconds < 0 || duration->nanos < 0)
		return diag_at(diag, path, "must not be negative");
	if (duration->seconds > UINT32_MAX / 1000 - 1)
		*ms = UINT32_MAX;
	else
		*ms = (uint32_t)duration->seconds * 1000u +
		      ((uint32_t)duration->nanos + 999999u) / 1000000u;
	return STATUS_OK;
}

enum status config_ms_positive(const Google__Protobuf__Duration *duration, const char *path,
			       uint32_t *ms, struct diag *diag)
{
	enum status status = config_ms(duration, path, ms, diag);
	if (!status && duration && !*ms)
		return diag_at(diag, path, "must be greater than 0s");
	return status;
}

enum status config_socket_address(const Envoy__Config__Core__V3__SocketAddress *address,
				  struct arena *arena, struct addr *addr, struct slice *host,
				  struct diag *diag)
{
	if (address->protocol != ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PROTOCOL__TCP)
		return diag_at(diag, "socket_address.protocol", "only TCP is supported");
	if (address->port_specifier_case ==
	    ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_NAMED_PORT)
		return diag_at(diag, "socket_address.named_port", "named ports are not supported");
	uint32_t port =
		address->port_specifier_case ==
				ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE
			? address->port_value
			: 0;
	if (port > UINT16_MAX)
		return diag_at(diag, "socket_address.port_value", "must be at most 65535");
	struct slice text = slice_of(address->address);
	if (!addr_parse_ip(text, (uint16_t)port, addr))
		return STATUS_OK;
	if (!text.len)
		return diag_at(diag, "socket_address.address", "must not be empty");
	if (!host)
		return diag_at(diag, "socket_address.address", "malformed IP address: %s",
			       address->address);
	*addr = (struct addr){.family = ADDR_NONE, .port = (uint16_t)port};
	*host = arena_slice(arena, text);
	return STATUS_OK;
}

enum status config_address(const Envoy__Config__Core__V3__Address *address, struct arena *arena,
			   struct addr *addr, struct slice *host, struct diag *diag)
{
	if (!address)
		return diag_at(diag, "address", "is required");
	if (address->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_PIPE) {
		struct slice path = slice_of(address->pipe->path);
		if (!path.len)
			return diag_at(diag, "address.pipe.path", "must not be empty");
		*addr = (struct addr){.family = ADDR_UNIX, .path = arena_string(arena, path)};
		return STATUS_OK;
	}
	if (address->address_case != ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS)
		return diag_at(diag, "address", "one of socket_address and pipe is required");
	enum status status =
		config_socket_address(address->socket_address, arena, addr, host, diag);
	if (status)
		diag_prefix(diag, "address");
	return status;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = slice_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum status config_payload(const Envoy__Config__Core__V3__HealthCheck__Payload *payload,
			   struct arena *arena, struct slice *bytes, struct diag *diag)
{
	if (payload->payload_case ==
	    ENVOY__CONFIG__CORE__V3__HEALTH_CHECK__PAYLOAD__PAYLOAD_BINARY) {
		*bytes = arena_slice(arena, slice_make(payload->binary.data, payload->binary.len));
		return STATUS_OK;
	}
	if (payload->payload_case != ENVOY__CONFIG__CORE__V3__HEALTH_CHECK__PAYLOAD__PAYLOAD_TEXT)
		return diag_at(diag, "payload", "is required");
	struct slice text = slice_of(payload->text);
	char *out = arena_alloc(arena, text.len / 2 + 1);
	if (!text.len || text.len % 2)
		return diag_at(diag, "text", "must be an even number of hexadecimal digits");
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
		if (high < 0 || low < 0)
			return diag_at(diag, "text", "must be hexadecimal digits");
		out[i / 2] = (char)(high * 16 + low);
	}
	*bytes = slice_make(out, text.len / 2);
	return STATUS_OK;
}

const void *config_any(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *type)
{
	const ProtobufCMessage *message =
		any && !any->value.len ? (const ProtobufCMessage *)(const void *)any->value.data
				       : NULL;
	return message && message->descriptor == type ? message : NULL;
}
