#include "routing/duration.h"

#include "google/protobuf/duration.pb-c.h"

enum status duration_load(uint32_t *ms, uint32_t unset, const Google__Protobuf__Duration *message,
			  const char *field, struct diag *diag)
{
	*ms = unset;
	if (!message)
		return STATUS_OK;
	if (message->seconds < 0 || message->nanos < 0 || message->nanos > 999999999)
		return diag_at(diag, field, "must not be negative");
	if (message->seconds >= UINT32_MAX / 1000)
		*ms = UINT32_MAX - 1;
	else
		*ms = (uint32_t)message->seconds * 1000 + (uint32_t)message->nanos / 1000000;
	return STATUS_OK;
}
