/* What clients of a token server may send, over time: frames are questions to an arbiter with rules
 * of every kind; no flow id grants more than its limit, and what is borrowed is paid back.
 *
 * Input: 2 bytes of time for each frame, then the frame. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_arbiter.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "filters/sentinel/cluster/token_metric.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 5 };

static const char flow_rules[] =
	"[{\"resource\":\"a\",\"count\":5,\"clusterMode\":true,\"clusterConfig\":{\"flowId\":1,"
	"\"thresholdType\":1}},{\"resource\":\"b\",\"count\":5,\"clusterMode\":true,"
	"\"clusterConfig\":{\"flowId\":2,\"thresholdType\":0,\"sampleCount\":3,"
	"\"windowIntervalMs\":999}}]";
static const char param_rules[] =
	"[{\"resource\":\"p\",\"count\":5,\"paramIdx\":0,\"clusterMode\":true,\"clusterConfig\":{"
	"\"flowId\":1,\"thresholdType\":1}}]";

static void set(struct token_arbiter *arbiter, enum token_kind kind, const char *text)
{
	struct token_rules *rules;

	invariant(!token_rules_parse(kind, slice_of(text), 7, &rules) && !rules->rejected);
	invariant(token_arbiter_set_rules(arbiter, SLICE("default"), rules));
}

static void check(struct token_arbiter *arbiter, const struct token_response *response,
		  int64_t now_ms)
{
	for (struct list_node *n = arbiter->flows.list.next; n != &arbiter->flows.list;
	     n = n->next) {
		struct token_flow *flow = container_of(n, struct token_flow, link);
		/* twice: what was granted, and what is borrowed of one window ahead */
		if (flow->metric)
			invariant(token_metric_average(flow->metric, TOKEN_EVENT_PASS, now_ms) <=
				  2 * LIMIT + 0.1);
	}
	invariant(response->status >= TOKEN_BAD_REQUEST &&
		  response->status <= TOKEN_NO_RULE_EXISTS);
	invariant((response->wait_ms > 0) == (response->status == TOKEN_SHOULD_WAIT));
	invariant(response->remaining >= -1 && response->remaining < LIMIT);
}

static void take(struct token_arbiter *arbiter, struct token_name_space **joined,
		 struct slice payload, int64_t now_ms)
{
	static struct token_request request;
	struct token_response response;

	if (token_read_request(payload, &request))
		return;
	if (request.type == TOKEN_PING) {
		struct token_name_space *other = token_arbiter_join(arbiter, request.name_space);
		if (other && *joined)
			token_arbiter_leave(arbiter, *joined);
		*joined = other ? other : *joined;
		return;
	}
	token_arbiter_ask(arbiter, &request, now_ms, &response);
	check(arbiter, &response, now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make((const char *)data, size), payload;
	struct token_name_space *joined = NULL;
	struct token_arbiter arbiter;
	int64_t now_ms = INT64_C(1700000000000);

	token_arbiter_init(&arbiter, 7);
	set(&arbiter, TOKEN_KIND_FLOW, flow_rules);
	set(&arbiter, TOKEN_KIND_PARAM, param_rules);
	while (rest.len > 2) {
		now_ms += ((uint8_t)rest.data[0] << 8 | (uint8_t)rest.data[1]) % 1500;
		rest = slice_sub(rest, 2, rest.len);
		ssize_t taken = token_read_frame(rest, &payload);
		if (taken <= 0)
			break;
		char *copy = malloc(payload.len ? payload.len : 1);
		invariant(copy);
		memcpy(copy, payload.data, payload.len);
		take(&arbiter, &joined, slice_make(copy, payload.len), now_ms);
		free(copy);
		rest = slice_sub(rest, (size_t)taken, rest.len);
	}
	if (joined)
		token_arbiter_leave(&arbiter, joined);
	token_arbiter_fini(&arbiter);
	return 0;
}
