#include "manager/local_replies.h"

enum status local_replies_load(
	const struct local_replies **replies,
	const struct
	Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__LocalReplyConfig *message,
	const struct config_context *context, struct diag *diag)
{
	(void)context;
	*replies = NULL;
	if (message)
		return diag_at(diag, "local_reply_config", "is not supported yet");
	return STATUS_OK;
}
