/* What one hot-parameter rule of one resource remembers of each value (ParameterMetric).
 *
 *   QPS, reject:    ms of the last filling (32 bits) | tokens left (32 bits)
 *   QPS, throttle:  ms at which the last call goes
 *   threads:        calls that are running
 *
 * Owner: counted; every version of the rules that has the rule. Thread: any, without locks. */
#ifndef SENTINEL_CORE_PARAMETER_METRIC_H
#define SENTINEL_CORE_PARAMETER_METRIC_H

#include <stdbool.h>

#include "filters/sentinel/core/param_flow_rule.h"
#include "filters/sentinel/core/value_table.h"

struct parameter_metric {
	_Atomic uint32_t references;
	/* Of the argument; below 0 until a call shows how many there are. Not for rules that share
	 * it. */
	_Atomic int32_t index;
	/* Its rule is gone, and rule_set_options.forgets_values: a call that was waiting at the
	 * rule passes; one that comes to it now finds it as new. */
	atomic_bool forgotten;
	uint64_t seed; /* of the fingerprints */
	struct value_table values;
};

/* Returns owned, one reference. */
struct parameter_metric *parameter_metric_new(const struct param_flow_rule *rule, uint64_t seed);
struct parameter_metric *parameter_metric_take(struct parameter_metric *metric);
/* NULL is fine. */
void parameter_metric_drop(struct parameter_metric *metric);

static inline bool parameter_metric_is_forgotten(const struct parameter_metric *metric)
{
	return atomic_load_explicit(&metric->forgotten, memory_order_relaxed);
}

/* Of a forgotten one: it knows no values, and is not forgotten any more. */
void parameter_metric_begin_anew(struct parameter_metric *metric);

/* The index of the argument, for a call with so many: an index from the end is settled by the
 * first call for good, as in Java. */
uint32_t parameter_metric_index(struct parameter_metric *metric, const struct param_flow_rule *rule,
				uint32_t args_count);

/* The same as far as calls have settled it; below 0: none has. */
int32_t parameter_metric_settled_index(struct parameter_metric *metric,
				       const struct param_flow_rule *rule);

/* Whether a call of n with NULL in its list is blocked: by a rule that lets no such call pass. */
bool parameter_metric_blocks_null(const struct param_flow_rule *rule, uint32_t n);

/* Whether a call of n with that value (not NULL) passes, and after how many ms (*wait_ms, 0: at
 * once). */
bool parameter_metric_can_pass(struct parameter_metric *metric, const struct param_flow_rule *rule,
			       const struct argument *value, int64_t now_ms, uint32_t n,
			       int64_t *wait_ms);

/* A call that passed begins or ends: counts its values for rules on threads, of a list those up to
 * the first NULL. */
void parameter_metric_begin(struct parameter_metric *metric, const struct param_flow_rule *rule,
			    const struct argument *args, uint32_t args_count, int64_t now_ms);
void parameter_metric_end(struct parameter_metric *metric, const struct param_flow_rule *rule,
			  const struct argument *args, uint32_t args_count);

#endif
