#include "filters/sentinel/ops/rule_text.h"

#include <inttypes.h>
#include <math.h>

#include "filters/sentinel/ops/java_text.h"

static void begin(struct text *out, const char *name)
{
	char last = out->data[out->len - 1];

	text_printf(out, "%s\"%s\":", last == '{' ? "" : ",", name);
}

static void integer(struct text *out, const char *name, int64_t value)
{
	begin(out, name);
	text_printf(out, "%" PRId64, value);
}

static void real(struct text *out, const char *name, double value)
{
	begin(out, name);
	java_text_double(out, value);
}

static void boolean(struct text *out, const char *name, bool value)
{
	begin(out, name);
	text_add(out, value ? SLICE("true") : SLICE("false"));
}

static void string(struct text *out, const char *name, struct slice value)
{
	if (!value.data)
		return;
	begin(out, name);
	text_add_json(out, value);
}

static void id(struct text *out, const struct rule *rule)
{
	if (rule->id)
		integer(out, "id", rule->id);
}

static void open_object(struct text *out)
{
	bool is_next = out->len && out->data[out->len - 1] == '}';

	text_add(out, is_next ? SLICE(",{") : SLICE("{"));
}

static void put_flow_cluster(struct text *out, const struct cluster_flow_config *config)
{
	begin(out, "clusterConfig");
	text_add(out, SLICE("{"));
	integer(out, "acquireRefuseStrategy", config->acquire_refuse_strategy);
	integer(out, "clientOfflineTime", config->client_offline_time_ms);
	boolean(out, "fallbackToLocalWhenFail", config->common.fallback_to_local_when_fail);
	integer(out, "flowId", config->common.flow_id);
	integer(out, "resourceTimeout", config->resource_timeout_ms);
	integer(out, "resourceTimeoutStrategy", config->resource_timeout_strategy);
	integer(out, "sampleCount", config->common.sample_count);
	integer(out, "strategy", config->strategy);
	integer(out, "thresholdType", config->common.threshold_type);
	integer(out, "windowIntervalMs", config->common.window_interval_ms);
	text_add(out, SLICE("}"));
}

static void put_flow(struct text *out, const struct flow_rule *rule)
{
	open_object(out);
	if (rule->cluster)
		put_flow_cluster(out, rule->cluster);
	boolean(out, "clusterMode", rule->cluster_mode);
	integer(out, "controlBehavior", rule->control_behavior);
	real(out, "count", rule->count);
	integer(out, "grade", rule->grade);
	id(out, &rule->rule);
	string(out, "limitApp", rule->rule.limit_app);
	integer(out, "maxQueueingTimeMs", rule->max_queueing_time_ms);
	if (rule->ref_resource)
		string(out, "refResource", *rule->ref_resource);
	boolean(out, "regex", rule->rule.regex);
	string(out, "resource", rule->rule.resource);
	integer(out, "strategy", rule->strategy);
	integer(out, "warmUpPeriodSec", rule->warm_up_period_sec);
	text_add(out, SLICE("}"));
}

static void put_degrade(struct text *out, const struct degrade_rule *rule)
{
	open_object(out);
	real(out, "count", rule->count);
	integer(out, "grade", rule->grade);
	id(out, &rule->rule);
	string(out, "limitApp", rule->rule.limit_app);
	integer(out, "minRequestAmount", rule->min_request_amount);
	boolean(out, "regex", rule->rule.regex);
	string(out, "resource", rule->rule.resource);
	real(out, "slowRatioThreshold", rule->slow_ratio_threshold);
	integer(out, "statIntervalMs", rule->stat_interval_ms);
	integer(out, "timeWindow", rule->time_window_sec);
	text_add(out, SLICE("}"));
}

static void put_authority(struct text *out, const struct authority_rule *rule)
{
	open_object(out);
	id(out, &rule->rule);
	string(out, "limitApp", rule->rule.limit_app);
	boolean(out, "regex", rule->rule.regex);
	string(out, "resource", rule->rule.resource);
	integer(out, "strategy", rule->strategy);
	text_add(out, SLICE("}"));
}

void rule_text_put_limit(struct text *out, enum system_limit limit, double value)
{
	open_object(out);
	integer(out, "avgRt", limit == SYSTEM_LIMIT_RT ? (int64_t)value : -1);
	real(out, "highestCpuUsage", limit == SYSTEM_LIMIT_CPU ? value : -1);
	real(out, "highestSystemLoad", limit == SYSTEM_LIMIT_LOAD ? value : -1);
	integer(out, "maxThread", limit == SYSTEM_LIMIT_THREAD ? (int64_t)value : -1);
	real(out, "qps", limit == SYSTEM_LIMIT_QPS ? value : -1);
	boolean(out, "regex", false);
	text_add(out, SLICE("}"));
}

static void put_system(struct text *out, const struct rule_list *rules)
{
	static const enum system_limit order[] = {SYSTEM_LIMIT_LOAD, SYSTEM_LIMIT_CPU,
						  SYSTEM_LIMIT_RT, SYSTEM_LIMIT_THREAD,
						  SYSTEM_LIMIT_QPS};
	struct system_limits limits = rule_list_limits(rules);

	for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
		double value = system_limits_value(&limits, order[i]);
		if (value < HUGE_VAL)
			rule_text_put_limit(out, order[i], value);
	}
}

static void put_param_cluster(struct text *out, const struct cluster_config *config)
{
	begin(out, "clusterConfig");
	text_add(out, SLICE("{"));
	boolean(out, "fallbackToLocalWhenFail", config->fallback_to_local_when_fail);
	integer(out, "flowId", config->flow_id);
	integer(out, "sampleCount", config->sample_count);
	integer(out, "thresholdType", config->threshold_type);
	integer(out, "windowIntervalMs", config->window_interval_ms);
	text_add(out, SLICE("}"));
}

static void put_items(struct text *out, const struct param_flow_rule *rule)
{
	begin(out, "paramFlowItemList");
	text_add(out, SLICE("["));
	for (uint32_t i = 0; i < rule->item_count; i++) {
		const struct param_flow_item *item = &rule->items[i];
		open_object(out);
		string(out, "classType", item->class_type);
		integer(out, "count", item->count);
		string(out, "object", item->text);
		text_add(out, SLICE("}"));
	}
	text_add(out, SLICE("]"));
}

static void put_param(struct text *out, const struct param_flow_rule *rule)
{
	open_object(out);
	integer(out, "burstCount", rule->burst_count);
	if (rule->cluster)
		put_param_cluster(out, rule->cluster);
	boolean(out, "clusterMode", rule->cluster_mode);
	integer(out, "controlBehavior", rule->control_behavior);
	real(out, "count", rule->count);
	integer(out, "durationInSec", rule->duration_sec);
	integer(out, "grade", rule->grade);
	id(out, &rule->rule);
	string(out, "limitApp", rule->rule.limit_app);
	integer(out, "maxQueueingTimeMs", rule->max_queueing_time_ms);
	put_items(out, rule);
	integer(out, "paramIdx", rule->param_idx);
	boolean(out, "regex", rule->rule.regex);
	string(out, "resource", rule->rule.resource);
	text_add(out, SLICE("}"));
}

void rule_text_put_rule(struct text *out, enum rule_kind kind, const struct rule *rule)
{
	const void *whole = rule;

	switch (kind) {
	case RULE_FLOW:
		put_flow(out, whole);
		break;
	case RULE_DEGRADE:
		put_degrade(out, whole);
		break;
	case RULE_AUTHORITY:
		put_authority(out, whole);
		break;
	case RULE_PARAM_FLOW:
		put_param(out, whole);
		break;
	case RULE_SYSTEM:
	case RULE_KINDS:
		break;
	}
}

void rule_text_put(struct text *out, enum rule_kind kind, const struct rule_list *rules)
{
	static const struct rule_list none;
	struct rule_array array = rule_list_of(rules ? rules : &none, kind);

	text_add(out, SLICE("["));
	if (kind == RULE_SYSTEM)
		put_system(out, rules ? rules : &none);
	for (size_t i = 0; i < array.count; i++)
		rule_text_put_rule(out, kind, rule_array_at(&array, i));
	text_add(out, SLICE("]"));
}
