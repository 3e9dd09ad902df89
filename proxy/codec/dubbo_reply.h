/* The proxy's own answers, as a stock Dubbo consumer reads them.
 *
 *   status 20:    an exception object, which stock consumers throw at once and don't try again
 *   other status: one string; stock consumers try the next provider
 *
 * A stock consumer takes no answer in a serialization other than its request's: one of fastjson2 is
 * answered in JSONB, those of dubbo_foreign.h in theirs, by a text only (status 70 instead of an
 * exception). All others get Hessian2, which lets them fail at once. Pure functions; memory from
 * the arena. */
#ifndef CODEC_DUBBO_REPLY_H
#define CODEC_DUBBO_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "message/rpc_head.h"

struct dubbo_reply {
	struct slice body;
	uint8_t serialization, status;
	enum rpc_result result;
};

/* Status 20 makes an exception with the text as its message. `serialization` and `version` are the
 * request's; a version outside 2.0.2 to 2.0.99 gets no attachments. Texts over DUBBO_REPLY_TEXT
 * bytes (DUBBO_FOREIGN_TEXT in what dubbo_foreign.h writes) are cut. */
void dubbo_reply_make(struct dubbo_reply *reply, uint8_t status, uint8_t serialization,
		      struct slice version, struct slice text, struct arena *arena);

/* A good answer without a value: status 20 and null, in Hessian2 or fastjson2. */
void dubbo_reply_make_null(struct dubbo_reply *reply, uint8_t serialization, struct arena *arena);

/* Whether a consumer of that protocol version (2.0.2 to 2.0.99) reads attachments behind an
 * answer's value. */
bool dubbo_knows_answer_attachments(struct slice version);

enum { DUBBO_REPLY_TEXT = 65536 };

#endif
