#include <envoy/extensions/filters/http/fault/v3/fault.pb-c.h>
#include <envoy/type/v3/percent.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "base/shared.h"
#include "base/shared_count.h"
#include "filters/fault/fault.h"
#include "routing/duration.h"
#include "telemetry/stats_filters.h"

typedef Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault Message;
typedef Envoy__Extensions__Filters__Http__Fault__V3__FaultAbort FaultAbort;
typedef Envoy__Extensions__Filters__Common__Fault__V3__FaultDelay FaultDelay;

#define ABORT(kind) ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE_##kind
#define DELAY(kind)                                                                                \
	ENVOY__EXTENSIONS__FILTERS__COMMON__FAULT__V3__FAULT_DELAY__FAULT_DELAY_SECIFIER_##kind

static const struct shared_type count_type = {.name = "fault", .init = shared_count_init};

static enum status load_delay(struct fault_config *config, const FaultDelay *message,
			      struct diag *diag)
{
	if (!message)
		return STATUS_OK;
	config->delay_share = fraction_load(message->percentage);
	switch (message->fault_delay_secifier_case) {
	case DELAY(FIXED_DELAY):
		config->delay = FAULT_FIXED;
		return duration_load(&config->delay_ms, 0, message->fixed_delay, "fixed_delay",
				     diag);
	case DELAY(HEADER_DELAY):
		config->delay = FAULT_BY_HEADER;
		return STATUS_OK;
	case ENVOY__EXTENSIONS__FILTERS__COMMON__FAULT__V3__FAULT_DELAY__FAULT_DELAY_SECIFIER__NOT_SET:
	case _ENVOY__EXTENSIONS__FILTERS__COMMON__FAULT__V3__FAULT_DELAY__FAULT_DELAY_SECIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_at(diag, "fixed_delay", "fixed_delay or header_delay is required");
}

static enum status load_abort(struct fault_config *config, const FaultAbort *message,
			      struct diag *diag)
{
	if (!message)
		return STATUS_OK;
	config->abort_share = fraction_load(message->percentage);
	config->abort = FAULT_FIXED;
	switch (message->error_type_case) {
	case ABORT(HTTP_STATUS):
		if (message->http_status < 200 || message->http_status >= 600)
			return diag_at(diag, "http_status", "must be in [200, 600)");
		config->http_status = (uint16_t)message->http_status;
		return STATUS_OK;
	case ABORT(GRPC_STATUS):
		config->grpc_status = message->grpc_status;
		return STATUS_OK;
	case ABORT(HEADER_ABORT):
		config->abort = FAULT_BY_HEADER;
		return STATUS_OK;
	case ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE__NOT_SET:
	case _ENVOY__EXTENSIONS__FILTERS__HTTP__FAULT__V3__FAULT_ABORT__ERROR_TYPE__CASE_IS_INT_SIZE:
		break;
	}
	return diag_at(diag, "http_status", "http_status, grpc_status or header_abort is required");
}

static void load_limit(struct fault_config *config, const Message *message,
		       const struct config_context *context)
{
	if (!message->max_active_faults)
		return;
	config->max_active = message->max_active_faults->value;
	config->active = shared_take_for(
		context->arena, &count_type,
		config_state_name(context, context->stat_prefix, config->max_active),
		config->max_active, sizeof(struct shared_count), NULL);
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct fault_config *config = ARENA_NEW(context->arena, struct fault_config);
	enum status status;

	if ((status = load_delay(config, message->delay, diag))) {
		diag_prefix(diag, "delay");
		return status;
	}
	if ((status = load_abort(config, message->abort, diag))) {
		diag_prefix(diag, "abort");
		return status;
	}
	if ((status = header_matches_load(&config->headers, "headers", message->headers,
					  message->n_headers, context->arena, diag)))
		return status;
	config->cluster = arena_slice(context->arena, slice_of(message->upstream_cluster));
	load_limit(config, message, context);
	if (!is_per_route)
		config->stats =
			config_scope(context, &fault_stats,
				     slice_of(arena_printf(context->arena, "%.*sfault",
							   SLICE_FMT(context->stat_prefix))));
	*loaded = config;
	return STATUS_OK;
}

const struct filter_type fault_filter = {
	.name = "envoy.filters.http.fault",
	.message = &envoy__extensions__filters__http__fault__v3__httpfault__descriptor,
	.state_size = sizeof(struct fault),
	.config_load = config_load,
	.request_headers = fault_request_headers,
	.close = fault_close,
};
