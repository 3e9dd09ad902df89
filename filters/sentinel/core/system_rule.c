#include "filters/sentinel/core/system_rule.h"

#include <math.h>
#include <stddef.h>

#include "filters/sentinel/core/node.h"

const char *system_rule_fault(const struct system_rule *rule)
{
	if (isnan(rule->highest_load) || isnan(rule->highest_cpu) || isnan(rule->qps))
		return "a limit is no number";
	return NULL;
}

void system_limits_init(struct system_limits *limits)
{
	*limits = (struct system_limits){
		.highest_load = HUGE_VAL,
		.highest_cpu = HUGE_VAL,
		.qps = HUGE_VAL,
		.avg_rt = INT64_MAX,
		.max_thread = INT64_MAX,
	};
}

static bool take_real(double *limit, double value)
{
	if (value < 0)
		return false;
	*limit = fmin(*limit, value);
	return true;
}

static bool take_integer(int64_t *limit, int64_t value)
{
	if (value < 0)
		return false;
	*limit = value < *limit ? value : *limit;
	return true;
}

void system_limits_add(struct system_limits *limits, const struct system_rule *rule)
{
	bool any = take_real(&limits->highest_load, rule->highest_load);

	if (rule->highest_cpu <= 1)
		any |= take_real(&limits->highest_cpu, rule->highest_cpu);
	any |= take_integer(&limits->avg_rt, rule->avg_rt);
	any |= take_integer(&limits->max_thread, rule->max_thread);
	any |= take_real(&limits->qps, rule->qps);
	limits->active = any;
}

/* BBR: the machine may be as loaded as it is while no more calls run than it has been seen to
 * finish. */
static bool bbr_allows(const struct node_load *load, int64_t threads)
{
	return threads <= 1 || (double)threads <= load->max_success_qps * load->min_rt / 1000;
}

enum system_limit system_limits_check(const struct system_limits *limits,
				      struct system_status status, struct node *entrance,
				      uint32_t window, uint32_t n)
{
	struct node_load load;

	if (node_pass_qps(entrance, window) + n > limits->qps)
		return SYSTEM_LIMIT_QPS;
	int64_t threads = node_threads(entrance);
	if (threads > limits->max_thread)
		return SYSTEM_LIMIT_THREAD;
	bool overloaded = status.load > limits->highest_load;
	if (limits->avg_rt != INT64_MAX || overloaded) {
		node_load(entrance, window, &load);
		if (load.avg_rt > (double)limits->avg_rt)
			return SYSTEM_LIMIT_RT;
		if (overloaded && !bbr_allows(&load, threads))
			return SYSTEM_LIMIT_LOAD;
	}
	return status.cpu > limits->highest_cpu ? SYSTEM_LIMIT_CPU : SYSTEM_LIMIT_NONE;
}

double system_limits_value(const struct system_limits *limits, enum system_limit limit)
{
	switch (limit) {
	case SYSTEM_LIMIT_QPS:
		return limits->qps;
	case SYSTEM_LIMIT_THREAD:
		return limits->max_thread < INT64_MAX ? (double)limits->max_thread : HUGE_VAL;
	case SYSTEM_LIMIT_RT:
		return limits->avg_rt < INT64_MAX ? (double)limits->avg_rt : HUGE_VAL;
	case SYSTEM_LIMIT_LOAD:
		return limits->highest_load;
	case SYSTEM_LIMIT_CPU:
		return limits->highest_cpu;
	case SYSTEM_LIMIT_NONE:
		break;
	}
	return HUGE_VAL;
}

const char *system_limit_name(enum system_limit limit)
{
	switch (limit) {
	case SYSTEM_LIMIT_QPS:
		return "qps";
	case SYSTEM_LIMIT_THREAD:
		return "thread";
	case SYSTEM_LIMIT_RT:
		return "rt";
	case SYSTEM_LIMIT_LOAD:
		return "load";
	case SYSTEM_LIMIT_CPU:
		return "cpu";
	case SYSTEM_LIMIT_NONE:
		break;
	}
	return "";
}
