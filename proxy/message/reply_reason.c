#include "message/reply_reason.h"

const struct reply_reason_row reply_reasons[REPLY_REASON_COUNT] = {
#define REPLY_REASON_ROW(name_, http_, grpc_, dubbo_, bolt_, flag_, details_, text_)               \
	[REPLY_##name_] = {.http = (http_),                                                        \
			   .grpc = (grpc_),                                                        \
			   .dubbo = (dubbo_),                                                      \
			   .bolt = (bolt_),                                                        \
			   .name = {#name_, sizeof #name_ - 1},                                    \
			   .flag = {flag_, sizeof flag_ - 1},                                      \
			   .details = {details_, sizeof details_ - 1},                             \
			   .text = {text_, sizeof text_ - 1}},
	REPLY_REASON_TABLE(REPLY_REASON_ROW)
#undef REPLY_REASON_ROW
};
