/* SystemRule: limits on all inbound traffic of the process, so that the machine stays alive.
 *
 * Several rules are one: the least of each limit. */
#ifndef SENTINEL_CORE_SYSTEM_RULE_H
#define SENTINEL_CORE_SYSTEM_RULE_H

#include "filters/sentinel/core/rule.h"

struct node;

/* Below 0: not set. */
struct system_rule {
	struct rule rule; /* no resource */
	double highest_load;
	double highest_cpu; /* 0 to 1; above it counts as not set */
	double qps;
	int64_t avg_rt;
	int64_t max_thread;
};

/* All rules together; HUGE_VAL and INT64_MAX: no limit. */
struct system_limits {
	bool active;
	double highest_load, highest_cpu, qps;
	int64_t avg_rt, max_thread;
};

/* What the machine says; sampled once a second by whoever can. */
struct system_status {
	double load; /* average over 1 minute */
	double cpu;  /* 0 to 1, of the process or the machine, whichever is more */
};

enum system_limit {
	SYSTEM_LIMIT_NONE,
	SYSTEM_LIMIT_QPS,
	SYSTEM_LIMIT_THREAD,
	SYSTEM_LIMIT_RT,
	SYSTEM_LIMIT_LOAD,
	SYSTEM_LIMIT_CPU,
};

enum { SYSTEM_LIMITS = SYSTEM_LIMIT_CPU + 1 };

/* NULL if the rule may be used, and otherwise why not. */
const char *system_rule_fault(const struct system_rule *rule);

void system_limits_init(struct system_limits *limits);

/* As Java does: whether there is any check at all is decided by the last rule of the list. */
void system_limits_add(struct system_limits *limits, const struct system_rule *rule);

/* HUGE_VAL: it isn't set. */
double system_limits_value(const struct system_limits *limits, enum system_limit limit);

/* Which limit an inbound entry of n would break. entrance: all inbound traffic. */
enum system_limit system_limits_check(const struct system_limits *limits,
				      struct system_status status, struct node *entrance,
				      uint32_t window, uint32_t n);

/* "qps", as block logs and exceptions name it. */
const char *system_limit_name(enum system_limit limit);

#endif
