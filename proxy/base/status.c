#include "base/status.h"

#include <string.h>

const char *status_text(enum status status)
{
	if (status < 0 && status > -1000)
		return strerror(-(int)status);
	switch (status) {
	case STATUS_OK:
		return "ok";
#define STATUS_CASE(name, value, text)                                                             \
	case STATUS_##name:                                                                        \
		return text;
		STATUS_TABLE(STATUS_CASE)
#undef STATUS_CASE
	}
	return "unknown status";
}
