#include "codec/http1_error.h"

static const struct {
	enum reply_reason reason;
	struct slice details;
} rows[] = {
#define HTTP1_ERROR_ROW(name, reason, details)                                                     \
	[HTTP1_ERROR_##name] = {REPLY_##reason, {details, sizeof(details) - 1}},
	HTTP1_ERROR_TABLE(HTTP1_ERROR_ROW)
#undef HTTP1_ERROR_ROW
};

enum reply_reason http1_error_reason(enum http1_error error)
{
	return rows[error].reason;
}

struct slice http1_error_details(enum http1_error error)
{
	return rows[error].details;
}
