#include <outrigger/filters/network/protocol_sniffer/v1/protocol_sniffer.pb-c.h>

#include "manager/sniffer.h"
#include "stream/config_context.h"
#include "telemetry/stats_network.h"
#include "upstream/config_values.h"
#include "xds/proto/any_message.h"

typedef Outrigger__Filters__Network__ProtocolSniffer__V1__ProtocolSniffer Sniffer;
typedef Outrigger__Filters__Network__ProtocolSniffer__V1__ProtocolSniffer__Handler Handler;

static enum status load_handler(struct sniff_handler *handler, const Handler *message,
				const struct config_context *context, struct diag *diag)
{
	const ProtobufCMessage *config = any_message(message->typed_config);

	handler->type = config ? context->conn_filter_type(config->descriptor) : NULL;
	if (!handler->type || !handler->type->serve)
		return diag_at(diag, "typed_config", "'%s' is no filter that ends a chain",
			       message->typed_config ? message->typed_config->type_url : "");
	if (handler->type == &protocol_sniffer_filter)
		return diag_at(diag, "typed_config", "a sniffer in a sniffer has nothing to tell");
	enum status status = handler->type->config_load(&handler->config, config, context, diag);
	if (status)
		diag_prefix(diag, "typed_config");
	return status;
}

static enum status assign(struct sniffer *sniffer, const Handler *message,
			  const struct sniff_handler *handler, struct diag *diag)
{
	if (!message->n_protocols)
		return diag_at(diag, "protocols", "at least one is required");
	for (size_t i = 0; i < message->n_protocols; i++) {
		unsigned protocol = message->protocols[i];
		if (protocol < SNIFFED_COUNT && !sniffer->handlers[protocol].type) {
			sniffer->handlers[protocol] = *handler;
			continue;
		}
		diag_set(diag, protocol < SNIFFED_COUNT ? "has a handler already"
							: "is no known protocol");
		diag_prefix(diag, "protocols[%zu]", i);
		return STATUS_INVALID;
	}
	return STATUS_OK;
}

static enum status sniffer_config_load(const void **loaded, const ProtobufCMessage *base,
				       const struct config_context *context, struct diag *diag)
{
	const Sniffer *message = (const Sniffer *)base;
	struct sniffer *sniffer = ARENA_NEW(context->arena, struct sniffer);
	uint32_t timeout_ms = SNIFF_TIMEOUT_MS;

	if (!message->stat_prefix[0])
		return diag_at(diag, "stat_prefix", "must not be empty");
	if (!message->n_handlers)
		return diag_at(diag, "handlers", "at least one is required");
	for (size_t i = 0; i < message->n_handlers; i++) {
		struct sniff_handler handler = {.type = NULL};
		enum status status = load_handler(&handler, message->handlers[i], context, diag);
		if (!status)
			status = assign(sniffer, message->handlers[i], &handler, diag);
		if (status) {
			diag_prefix(diag, "handlers[%zu]", i);
			return status;
		}
	}
	enum status status = config_ms(message->timeout, "timeout", &timeout_ms, diag);
	sniffer->timeout_ms = timeout_ms;
	sniffer->stats = config_scope(
		context, &sniffer_stats,
		slice_of(arena_printf(context->arena, "sniffer.%s", message->stat_prefix)));
	*loaded = sniffer;
	return status;
}

const struct conn_filter_type protocol_sniffer_filter = {
	.name = "outrigger.filters.network.protocol_sniffer",
	.message = &outrigger__filters__network__protocol_sniffer__v1__protocol_sniffer__descriptor,
	.config_load = sniffer_config_load,
	.serve = sniffer_serve,
	.adopt = sniffer_adopt,
};
