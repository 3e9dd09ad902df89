/* What a token server, or a token client, may send: frames are taken apart in pieces as in one go,
 * answers and questions that are understood are written again, and read as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_response(struct slice payload)
{
	struct token_response response, again;
	char frame[TOKEN_FRAME_MAX];
	struct slice own;

	if (token_read_response(payload, &response))
		return;
	size_t size = token_write_response(frame, &response);
	invariant(token_read_frame(slice_make(frame, size), &own) == (ssize_t)size);
	invariant(!token_read_response(own, &again));
	invariant(response.xid == again.xid && response.type == again.type);
	invariant(response.status == again.status && response.wait_ms == again.wait_ms);
	invariant(response.remaining == again.remaining);
}

static bool is_same(const struct token_request *a, const struct token_request *b)
{
	if (a->flow_id != b->flow_id || a->count != b->count || a->prioritized != b->prioritized ||
	    a->values_count != b->values_count)
		return false;
	for (uint32_t i = 0; i < a->values_count; i++)
		if (argument_fingerprint(&a->values[i], 1) !=
		    argument_fingerprint(&b->values[i], 1))
			return false;
	return true;
}

static void check_request(struct slice payload)
{
	static struct token_request request, again;
	char frame[TOKEN_FRAME_MAX];
	struct slice own;

	if (token_read_request(payload, &request) || request.type == TOKEN_PING)
		return;
	struct token_ask ask = {
		.flow_id = request.flow_id,
		.count = (uint32_t)request.count,
		.prioritized = request.prioritized,
		.is_param = request.type == TOKEN_PARAM_FLOW,
		.params = request.values,
		.params_count = request.values_count,
	};
	size_t size = token_write_question(frame, request.xid, &ask);
	if (!size)
		return; /* a server refuses it */
	invariant(token_read_frame(slice_make(frame, size), &own) == (ssize_t)size);
	invariant(!token_read_request(own, &again));
	invariant(again.xid == request.xid && is_same(&request, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make(data, size), payload, part;
	ssize_t taken;

	while ((taken = token_read_frame(rest, &payload)) > 0) {
		for (size_t n = 0; n < (size_t)taken; n++)
			invariant(!token_read_frame(slice_make(rest.data, n), &part));
		/* in memory of its own, so that reading beyond it is seen */
		char *copy = malloc(payload.len + 1);
		invariant(copy);
		memcpy(copy, payload.data, payload.len);
		copy = realloc(copy, payload.len ? payload.len : 1);
		invariant(copy);
		check_response(slice_make(copy, payload.len));
		check_request(slice_make(copy, payload.len));
		free(copy);
		rest = slice_sub(rest, (size_t)taken, rest.len);
	}
	invariant(taken == 0 || taken == STATUS_TOO_LARGE);
	return 0;
}
