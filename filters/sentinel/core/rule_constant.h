/* The numbers of Sentinel's rules and statistics, as its JSON and its documentation use them. */
#ifndef SENTINEL_CORE_RULE_CONSTANT_H
#define SENTINEL_CORE_RULE_CONSTANT_H

enum {
	SENTINEL_INTERVAL_MS = 1000, /* the second array: 2 windows of 500 ms */
	SENTINEL_WINDOW_MS = 500,
	SENTINEL_MINUTE_WINDOWS = 60, /* the minute array: of 1 s each */
	SENTINEL_OCCUPY_TIMEOUT_MS = 500,
	SENTINEL_RT_MAX = 5000, /* what an empty window says as its least response time */
	SENTINEL_COLD_FACTOR = 3,
	SENTINEL_RESOURCES_MAX = 6000,
	SENTINEL_CONTEXTS_MAX = 2000,
	SENTINEL_NAME_MAX = 2048, /* bytes of a resource's or a context's name */
};

enum flow_grade {
	FLOW_GRADE_THREAD = 0,
	FLOW_GRADE_QPS = 1,
};

enum flow_strategy {
	STRATEGY_DIRECT = 0,
	STRATEGY_RELATE = 1, /* checked against the reference's node */
	STRATEGY_CHAIN = 2,  /* only for calls by way of the context named */
};

enum control_behavior {
	CONTROL_DEFAULT = 0, /* reject */
	CONTROL_WARM_UP = 1,
	CONTROL_RATE_LIMITER = 2,
	CONTROL_WARM_UP_RATE_LIMITER = 3,
};

enum degrade_grade {
	DEGRADE_GRADE_RT = 0, /* ratio of slow calls */
	DEGRADE_GRADE_EXCEPTION_RATIO = 1,
	DEGRADE_GRADE_EXCEPTION_COUNT = 2,
};

enum authority_strategy {
	AUTHORITY_WHITE = 0,
	AUTHORITY_BLACK = 1,
};

#endif
