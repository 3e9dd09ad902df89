#include "filters/sentinel/ops/server_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "filters/sentinel/cluster/token_arbiter.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "filters/sentinel/ops/block_log.h"

enum { VALUE_MAX = BLOCK_KEY_MAX - 64 }; /* bytes of a value; the rest of it isn't told */

struct server_key {
	const char *what;
	int64_t id;
	uint32_t count;
};

static void count(struct block_log *log, struct server_key key, int64_t now_ms)
{
	char text[64];
	int len = snprintf(text, sizeof text, "%s|%" PRId64, key.what, key.id);

	block_log_count(log, 0, slice_make(text, (size_t)len), key.count, now_ms);
}

static void note_flow(struct block_log *log, const struct token_decision *decision, int64_t now_ms)
{
	const struct token_request *request = decision->request;
	int64_t id = request->flow_id;

	if (decision->status == TOKEN_SHOULD_WAIT)
		count(log, (struct server_key){"flow|waiting", id, 1}, now_ms);
	if (decision->status != TOKEN_BLOCKED)
		return;
	count(log, (struct server_key){"flow|block", id, (uint32_t)request->count}, now_ms);
	count(log, (struct server_key){"flow|block_request", id, 1}, now_ms);
	if (request->prioritized)
		count(log, (struct server_key){"flow|occupied_block", id, 1}, now_ms);
}

static void note_param(struct block_log *log, const struct token_decision *decision, int64_t now_ms)
{
	int64_t id = decision->request->flow_id;
	char key[BLOCK_KEY_MAX];

	if (!decision->refused) {
		count(log, (struct server_key){"param|pass", id, 1}, now_ms);
		return;
	}
	size_t len = (size_t)snprintf(key, sizeof key, "param|block|%" PRId64 "|", id);
	len += argument_format(decision->refused, key + len, VALUE_MAX);
	block_log_count(log, 0, slice_make(key, len), 1, now_ms);
}

void server_log_note(struct block_log *log, const struct token_decision *decision, int64_t now_ms)
{
	if (decision->kind == TOKEN_KIND_FLOW)
		note_flow(log, decision, now_ms);
	else
		note_param(log, decision, now_ms);
}
