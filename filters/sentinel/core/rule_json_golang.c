#include "filters/sentinel/core/rule_json_golang.h"

#include <math.h>
#include <stddef.h>

enum {
	GO_DIRECT = 0,
	GO_WARM_UP = 1,
	GO_REJECT = 0,
	GO_THROTTLING = 1,
	GO_ASSOCIATED = 1,
	GO_BBR = 1,
	GO_INTERVAL_MS = 1000,
};

static void read_common(struct json_members *members, struct rule *rule)
{
	rule->id = json_members_integer(members, "id", 0);
	rule->resource = json_members_string(members, "resource", SLICE(""));
	rule->regex = json_members_bool(members, "regex", false);
	rule_set_limit_app(rule, SLICE("default"));
}

static const char *read_isolation(struct json_members *members, struct flow_rule *rule)
{
	rule->grade = FLOW_GRADE_THREAD;
	rule->count = json_members_real(members, "threshold", 0);
	if (json_members_int(members, "metricType", 0) != 0)
		return "metricType: must be 0 (concurrency)";
	return flow_rule_fault(rule);
}

static const char *read_behavior(struct json_members *members, struct flow_rule *rule)
{
	int32_t strategy = json_members_int(members, "tokenCalculateStrategy", GO_DIRECT);
	int32_t behavior = json_members_int(members, "controlBehavior", GO_REJECT);
	int32_t cold_factor = json_members_int(members, "warmUpColdFactor", 0);

	if (strategy != GO_DIRECT && strategy != GO_WARM_UP)
		return "tokenCalculateStrategy: must be 0 (direct) or 1 (warm-up)";
	if (behavior != GO_REJECT && behavior != GO_THROTTLING)
		return "controlBehavior: must be 0 (reject) or 1 (throttling)";
	if (strategy == GO_WARM_UP && cold_factor && cold_factor != SENTINEL_COLD_FACTOR)
		return "warmUpColdFactor: must be 3";
	rule->control_behavior = behavior == GO_THROTTLING ? CONTROL_RATE_LIMITER : CONTROL_DEFAULT;
	if (strategy == GO_WARM_UP)
		rule->control_behavior =
			behavior == GO_THROTTLING ? CONTROL_WARM_UP_RATE_LIMITER : CONTROL_WARM_UP;
	return NULL;
}

const char *golang_read_flow(struct json_members *members, struct flow_rule *rule)
{
	read_common(members, &rule->rule);
	if (json_members_value(members, "metricType"))
		return read_isolation(members, rule);
	int32_t interval_ms = json_members_int(members, "statIntervalInMs", 0);
	rule->grade = FLOW_GRADE_QPS;
	rule->count = json_members_real(members, "threshold", 0);
	rule->warm_up_period_sec = json_members_int(members, "warmUpPeriodSec", 0);
	rule->max_queueing_time_ms = json_members_int(members, "maxQueueingTimeMs", 0);
	rule->ref_resource = json_members_text(members, "refResource");
	if (json_members_int(members, "relationStrategy", 0) == GO_ASSOCIATED)
		rule->strategy = STRATEGY_RELATE;
	if (interval_ms && interval_ms != GO_INTERVAL_MS)
		return "statIntervalInMs: must be 1000";
	const char *fault = read_behavior(members, rule);
	return fault ? fault : flow_rule_fault(rule);
}

const char *golang_read_breaker(struct json_members *members, struct degrade_rule *rule)
{
	double threshold = json_members_real(members, "threshold", 0);
	int32_t strategy = json_members_int(members, "strategy", 0);
	int32_t retry_ms = json_members_int(members, "retryTimeoutMs", 0);

	read_common(members, &rule->rule);
	rule->grade = strategy >= 0 && strategy < UINT8_MAX ? (uint8_t)strategy : UINT8_MAX;
	rule->time_window_sec = retry_ms / 1000;
	rule->min_request_amount = json_members_int(members, "minRequestAmount", 0);
	rule->stat_interval_ms = json_members_int(members, "statIntervalMs", 0);
	if (rule->min_request_amount < 1)
		rule->min_request_amount = 1; /* as Go counts: any call may trip it */
	if (retry_ms % 1000)
		return "retryTimeoutMs: must be whole seconds";
	if (json_members_int(members, "probeNum", 0) > 1)
		return "probeNum: must be 0 or 1";
	if (json_members_int(members, "statSlidingWindowBucketCount", 1) > 1)
		return "statSlidingWindowBucketCount: must be 0 or 1";
	if (!(threshold > 0))
		return "threshold: must be > 0";
	double below = nextafter(threshold, 0);
	rule->count = rule->grade == DEGRADE_GRADE_EXCEPTION_COUNT ? ceil(threshold) - 1 : below;
	if (rule->grade == DEGRADE_GRADE_RT) {
		rule->count = json_members_real(members, "maxAllowedRtMs", 0);
		rule->slow_ratio_threshold = below;
	}
	return degrade_rule_fault(rule);
}

const char *golang_read_system(struct json_members *members, struct system_rule *rule)
{
	double trigger = json_members_real(members, "triggerCount", -1);
	bool is_bbr = json_members_int(members, "strategy", -1) == GO_BBR;

	read_common(members, &rule->rule);
	rule->highest_load = rule->highest_cpu = rule->qps = -1;
	rule->avg_rt = rule->max_thread = -1;
	if (!(trigger >= 0 && trigger < 1e15))
		return "triggerCount: must be a number >= 0";
	switch (json_members_int(members, "metricType", 0)) {
	case 0:
		rule->highest_load = trigger;
		return is_bbr ? system_rule_fault(rule) : "strategy: load is limited with BBR only";
	case 1:
		rule->avg_rt = (int64_t)trigger;
		break;
	case 2:
		rule->max_thread = (int64_t)trigger;
		break;
	case 3:
		rule->qps = trigger;
		break;
	case 4:
		rule->highest_cpu = trigger;
		return is_bbr ? "strategy: the CPU is limited without BBR only"
			      : system_rule_fault(rule);
	default:
		return "metricType: must be 0 to 4";
	}
	return system_rule_fault(rule);
}

const char *golang_read_hotspot(struct json_members *members, struct param_flow_rule *rule)
{
	int32_t behavior = json_members_int(members, "controlBehavior", GO_REJECT);
	struct slice key = json_members_string(members, "paramKey", SLICE(""));

	read_common(members, &rule->rule);
	rule->grade = json_members_int(members, "metricType", FLOW_GRADE_THREAD);
	rule->count = json_members_real(members, "threshold", 0);
	rule->has_param_idx = true;
	rule->param_idx = json_members_int(members, "paramIndex", 0);
	rule->control_behavior = behavior == GO_THROTTLING ? CONTROL_RATE_LIMITER : CONTROL_DEFAULT;
	rule->max_queueing_time_ms = json_members_int(members, "maxQueueingTimeMs", 0);
	rule->burst_count = json_members_int(members, "burstCount", 0);
	rule->duration_sec = json_members_int(members, "durationInSec", 0);
	if (rule->grade == FLOW_GRADE_THREAD && !rule->duration_sec)
		rule->duration_sec = 1; /* counts nothing over time */
	if (key.len)
		return "paramKey: only paramIndex is known";
	if (rule->grade != FLOW_GRADE_THREAD && rule->grade != FLOW_GRADE_QPS)
		return "metricType: must be 0 (concurrency) or 1 (QPS)";
	if (behavior != GO_REJECT && behavior != GO_THROTTLING)
		return "controlBehavior: must be 0 (reject) or 1 (throttling)";
	return param_flow_rule_fault(rule);
}

void golang_read_item(struct json_members *members, struct param_flow_item *item)
{
	static const char *const kinds[] = {"int", "java.lang.String", "boolean", "double"};
	int32_t kind = json_members_int(members, "valKind", -1);

	item->count = json_members_int(members, "threshold", -1);
	if (kind < 0 || kind >= (int32_t)(sizeof(kinds) / sizeof(*kinds)))
		return; /* no text: no item */
	item->text = json_members_string(members, "valStr", (struct slice){0});
	item->class_type = slice_of(kinds[kind]);
}
