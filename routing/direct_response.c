#include "routing/direct_response.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "message/data_source_config.h"
#include "message/format_config.h"

enum status direct_response_load(struct direct_response *response,
				 const Envoy__Config__Route__V3__DirectResponseAction *message,
				 size_t body_max, struct arena *arena, struct diag *diag)
{
	enum status status = STATUS_OK;

	if (message->status < 200 || message->status >= 600)
		return diag_at(diag, "status", "must be 200 to 599");
	*response = (struct direct_response){
		.status = (uint16_t)message->status,
		.body = SLICE(""),
		.content_type = SLICE(""),
	};
	if (message->body) {
		status = data_source_load(&response->body, message->body, body_max, arena, diag);
		if (status)
			diag_prefix(diag, "body");
	}
	if (!status && message->body_format) {
		status = format_load(message->body_format, arena, &response->body_format, diag);
		response->content_type =
			arena_slice(arena, slice_of(message->body_format->content_type));
		if (status)
			diag_prefix(diag, "body_format");
	}
	return status;
}
