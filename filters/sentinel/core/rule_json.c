#include "filters/sentinel/core/rule_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/core/json_members.h"
#include "filters/sentinel/core/rule_json_golang.h"

static void drop(const struct rule_json_reader *reader, enum rule_kind kind, uint32_t index,
		 const char *reason)
{
	if (reader->dropped)
		reader->dropped(reader->arg, kind, index, reason);
}

/* Most say "default", which takes no memory. */
static struct slice read_limit_app(struct json_members *members)
{
	const char *text = json_string_value(json_members_value(members, "limitApp"));

	return text && !strcmp(text, "default")
		       ? SLICE("default")
		       : json_members_string(members, "limitApp", SLICE(""));
}

static void read_common(struct json_members *members, struct rule *rule)
{
	rule->id = json_members_integer(members, "id", 0);
	rule->resource = json_members_string(members, "resource", SLICE(""));
	rule_set_limit_app(rule, read_limit_app(members));
	rule->regex = json_members_bool(members, "regex", false);
}

static void default_limit_app(struct rule *rule)
{
	if (rule_is_blank(rule->limit_app))
		rule_set_limit_app(rule, SLICE("default"));
}

/* A number of an enumeration; what no rule knows is 255. */
static uint8_t small(int32_t n)
{
	return n >= 0 && n < UINT8_MAX ? (uint8_t)n : UINT8_MAX;
}

static struct cluster_config read_cluster(struct json_members *cluster, bool falls_back)
{
	return (struct cluster_config){
		.flow_id = json_members_integer(cluster, "flowId", 0),
		.threshold_type = json_members_int(cluster, "thresholdType", 0),
		.sample_count = json_members_int(cluster, "sampleCount", 10),
		.window_interval_ms = json_members_int(cluster, "windowIntervalMs", 1000),
		.fallback_to_local_when_fail =
			json_members_bool(cluster, "fallbackToLocalWhenFail", falls_back),
	};
}

/* The fault of an object in the rule is the rule's. */
static void pass_fault(struct json_members *rule, const struct json_members *inner)
{
	if (!inner->fault || rule->fault)
		return;
	rule->fault = inner->fault;
	rule->fault_member = inner->fault_member;
}

static const struct cluster_flow_config *read_flow_cluster(struct json_members *rule)
{
	const json_t *json = json_members_value(rule, "clusterConfig");
	struct json_members members = {.object = json, .arena = rule->arena};

	if (!json_is_object(json))
		return NULL;
	struct cluster_flow_config *cluster = ARENA_NEW(rule->arena, struct cluster_flow_config);
	*cluster = (struct cluster_flow_config){
		.common = read_cluster(&members, true),
		.strategy = json_members_int(&members, "strategy", 0),
		.resource_timeout_ms = json_members_integer(&members, "resourceTimeout", 2000),
		.resource_timeout_strategy =
			json_members_int(&members, "resourceTimeoutStrategy", 0),
		.acquire_refuse_strategy = json_members_int(&members, "acquireRefuseStrategy", 0),
		.client_offline_time_ms = json_members_integer(&members, "clientOfflineTime", 2000),
	};
	pass_fault(rule, &members);
	return cluster;
}

static const char *read_flow(const struct rule_json_reader *reader, struct json_members *members,
			     void *slot)
{
	struct flow_rule *rule = slot;
	int32_t strategy, behavior;

	if (reader->dialect == RULE_DIALECT_GOLANG)
		return golang_read_flow(members, rule);
	read_common(members, &rule->rule);
	default_limit_app(&rule->rule);
	rule->grade = small(json_members_int(members, "grade", FLOW_GRADE_QPS));
	rule->count = json_members_real(members, "count", 0);
	strategy = json_members_int(members, "strategy", STRATEGY_DIRECT);
	behavior = json_members_int(members, "controlBehavior", CONTROL_DEFAULT);
	rule->strategy = small(strategy);
	rule->control_behavior = small(behavior);
	rule->ref_resource = json_members_text(members, "refResource");
	rule->warm_up_period_sec = json_members_int(members, "warmUpPeriodSec", 10);
	rule->max_queueing_time_ms = json_members_int(members, "maxQueueingTimeMs", 500);
	rule->cluster_mode = json_members_bool(members, "clusterMode", false);
	rule->cluster = read_flow_cluster(members);
	if (strategy < 0 || behavior < 0)
		return "strategy, controlBehavior: must be >= 0";
	return flow_rule_fault(rule);
}

static const char *read_degrade(const struct rule_json_reader *reader, struct json_members *members,
				void *slot)
{
	struct degrade_rule *rule = slot;

	if (reader->dialect == RULE_DIALECT_GOLANG)
		return golang_read_breaker(members, rule);
	read_common(members, &rule->rule);
	default_limit_app(&rule->rule);
	rule->grade = small(json_members_int(members, "grade", DEGRADE_GRADE_RT));
	rule->count = json_members_real(members, "count", 0);
	rule->slow_ratio_threshold = json_members_real(members, "slowRatioThreshold", 1.0);
	rule->time_window_sec = json_members_int(members, "timeWindow", 0);
	rule->min_request_amount = json_members_int(members, "minRequestAmount", 5);
	rule->stat_interval_ms = json_members_int(members, "statIntervalMs", 1000);
	return degrade_rule_fault(rule);
}

static const char *read_system(const struct rule_json_reader *reader, struct json_members *members,
			       void *slot)
{
	struct system_rule *rule = slot;

	if (reader->dialect == RULE_DIALECT_GOLANG)
		return golang_read_system(members, rule);
	read_common(members, &rule->rule);
	rule->highest_load = json_members_real(members, "highestSystemLoad", -1);
	rule->highest_cpu = json_members_real(members, "highestCpuUsage", -1);
	rule->qps = json_members_real(members, "qps", -1);
	rule->avg_rt = json_members_integer(members, "avgRt", -1);
	rule->max_thread = json_members_integer(members, "maxThread", -1);
	if (rule->highest_cpu > 1)
		drop(reader, RULE_SYSTEM, rule->rule.index,
		     "highestCpuUsage: over 1, so this limit doesn't hold");
	return system_rule_fault(rule);
}

static const char *read_authority(const struct rule_json_reader *reader,
				  struct json_members *members, void *slot)
{
	struct authority_rule *rule = slot;
	int32_t strategy = json_members_int(members, "strategy", AUTHORITY_WHITE);

	(void)reader;
	read_common(members, &rule->rule);
	rule->strategy = small(strategy);
	return strategy < 0 ? "strategy: must be >= 0" : authority_rule_fault(rule);
}

static int compare_items(const void *a, const void *b)
{
	const struct param_flow_item *x = a, *y = b;
	return (x->fingerprint > y->fingerprint) - (x->fingerprint < y->fingerprint);
}

static void read_item(struct json_members *members, struct param_flow_item *item)
{
	item->text = json_members_string(members, "object", (struct slice){0});
	item->class_type = json_members_string(members, "classType", SLICE(""));
	item->count = json_members_int(members, "count", -1);
}

/* Items that are none are left out alone, as Java does. */
static void read_items(const struct rule_json_reader *reader, struct json_members *rule_members,
		       struct param_flow_rule *rule)
{
	bool is_golang = reader->dialect == RULE_DIALECT_GOLANG;
	const char *name = is_golang ? "specificItems" : "paramFlowItemList";
	const json_t *json = json_members_value(rule_members, name), *value;
	struct param_flow_item *items =
		ARENA_NEW_ARRAY(reader->arena, struct param_flow_item, json_array_size(json));
	size_t i;

	json_array_foreach(json, i, value)
	{
		struct json_members members = {.object = value, .arena = reader->arena};
		struct param_flow_item *item = &items[rule->item_count];
		if (is_golang)
			golang_read_item(&members, item);
		else
			read_item(&members, item);
		if (!json_is_object(value) || members.fault || !item->text.data ||
		    item->count < 0 ||
		    !argument_parse(item->text, item->class_type, &item->value)) {
			drop(reader, RULE_PARAM_FLOW, rule->rule.index,
			     is_golang ? "specificItems: an item is no value with a count >= 0"
				       : "paramFlowItemList: an item is no value with a count >= "
					 "0");
			continue;
		}
		item->fingerprint = argument_fingerprint(&item->value, reader->seed);
		rule->item_count++;
	}
	if (rule->item_count)
		qsort(items, rule->item_count, sizeof(*items), compare_items);
	rule->items = items;
}

static const struct cluster_config *read_param_cluster(struct json_members *rule)
{
	const json_t *json = json_members_value(rule, "clusterConfig");
	struct json_members members = {.object = json, .arena = rule->arena};

	if (!json_is_object(json))
		return NULL;
	struct cluster_config *cluster = ARENA_NEW(rule->arena, struct cluster_config);
	*cluster = read_cluster(&members, false);
	pass_fault(rule, &members);
	return cluster;
}

static const char *read_param(const struct rule_json_reader *reader, struct json_members *members,
			      void *slot)
{
	struct param_flow_rule *rule = slot;

	if (reader->dialect == RULE_DIALECT_GOLANG) {
		const char *fault = golang_read_hotspot(members, rule);
		read_items(reader, members, rule);
		return fault;
	}
	read_common(members, &rule->rule);
	default_limit_app(&rule->rule);
	rule->grade = json_members_int(members, "grade", FLOW_GRADE_QPS);
	rule->count = json_members_real(members, "count", 0);
	rule->has_param_idx = json_members_value(members, "paramIdx") != NULL;
	rule->param_idx = json_members_int(members, "paramIdx", 0);
	rule->control_behavior = json_members_int(members, "controlBehavior", CONTROL_DEFAULT);
	rule->max_queueing_time_ms = json_members_int(members, "maxQueueingTimeMs", 0);
	rule->burst_count = json_members_int(members, "burstCount", 0);
	rule->duration_sec = json_members_int(members, "durationInSec", 1);
	rule->cluster_mode = json_members_bool(members, "clusterMode", false);
	rule->cluster = read_param_cluster(members);
	read_items(reader, members, rule);
	return param_flow_rule_fault(rule);
}

/* The dashboard's own records of hot-parameter and authority rules have the rule inside, beside
 * what it notes down of the machine. */
static const json_t *rule_of(const json_t *value)
{
	const json_t *inner = json_object_get(value, "rule");
	return json_is_object(inner) ? inner : value;
}

typedef const char *read_rule(const struct rule_json_reader *reader, struct json_members *members,
			      void *slot);

/* Reads each object into the next element of `rules`. Returns how many are valid. */
static size_t read_all(const struct rule_json_reader *reader, enum rule_kind kind,
		       const json_t *json, read_rule *read, void *rules, size_t size)
{
	size_t count = 0, i;
	const json_t *value;

	json_array_foreach(json, i, value)
	{
		struct json_members members = {.object = rule_of(value), .arena = reader->arena};
		char *slot = (char *)rules + count * size;
		memset(slot, 0, size);
		((struct rule *)(void *)slot)->index = (uint32_t)i;
		const char *reason =
			json_is_object(value) ? read(reader, &members, slot) : "must be an object";
		if (members.fault)
			reason = arena_printf(reader->arena, "%s: %s", members.fault_member,
					      members.fault);
		if (reason)
			drop(reader, kind, (uint32_t)i, reason);
		else
			count++;
	}
	return count;
}

#define READ(member, type, read)                                                                   \
	{                                                                                          \
		type *rules = ARENA_NEW_ARRAY(reader->arena, type, json_array_size(json));         \
		list->member##_count = read_all(reader, kind, json, read, rules, sizeof(type));    \
		list->member = rules;                                                              \
		break;                                                                             \
	}

enum status rule_json_read(const struct rule_json_reader *reader, enum rule_kind kind,
			   const json_t *json, struct rule_list *list)
{
	if (!json_is_array(json) && !json_is_null(json))
		return STATUS_INVALID;
	switch (kind) {
	case RULE_FLOW:
		READ(flow, struct flow_rule, read_flow)
	case RULE_DEGRADE:
		READ(degrade, struct degrade_rule, read_degrade)
	case RULE_SYSTEM:
		READ(system, struct system_rule, read_system)
	case RULE_AUTHORITY:
		READ(authority, struct authority_rule, read_authority)
	case RULE_PARAM_FLOW:
		READ(param, struct param_flow_rule, read_param)
	case RULE_KINDS:
		break;
	}
	return STATUS_OK;
}

enum status rule_json_parse(const struct rule_json_reader *reader, enum rule_kind kind,
			    struct slice text, struct rule_list *list)
{
	json_error_t error;
	json_t *json = json_loadb(text.data, text.len, JSON_DECODE_ANY, &error);
	if (!json && json_error_code(&error) == json_error_numeric_overflow)
		json = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL,
				  &error);
	enum status status = json ? rule_json_read(reader, kind, json, list) : STATUS_MALFORMED;

	json_decref(json);
	return status;
}
