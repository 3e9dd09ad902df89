/* How many tokens of one flow id each value of a hot parameter was granted lately
 * (ClusterParamMetric).
 *
 *   value ─ fingerprint ─> entry: text, a count for each window        newest … oldest
 *                                                                 used last ─┘       └ goes first
 *
 * Up to capacity every value seen within the interval is known; beyond it the one that was used the
 * longest ago goes. (Java keeps 4,000 values a window.)
 *
 * Size: 92 bytes a value, and 16 for each window. Owner: a flow of the arbiter. Thread:
 * one at a time. Pure: the time is an argument. */
#ifndef SENTINEL_CLUSTER_TOKEN_VALUES_H
#define SENTINEL_CLUSTER_TOKEN_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "filters/sentinel/core/argument.h"

struct token_values;

enum {
	TOKEN_VALUE_TEXT_MAX = 64, /* of a value that is shown: longer ones are cut */
	TOKEN_VALUES_A_WINDOW = 4000,
	TOKEN_VALUES_KNOWN_MAX = 40000,   /* of all windows together … */
	TOKEN_VALUE_COUNTS_MAX = 4000000, /* … and this many counts */
};

struct token_top_value {
	char text[TOKEN_VALUE_TEXT_MAX];
	double average;
};

/* Windows that token_metric_can_be. Returns owned. */
struct token_values *token_values_new(int32_t samples, int32_t interval_ms);
/* NULL is fine. */
void token_values_free(struct token_values *values);

/* Of the interval that ends with this window; a second. */
double token_values_average(struct token_values *values, uint64_t fingerprint, int64_t now_ms);
/* Counts n of the value. */
void token_values_add(struct token_values *values, const struct argument *value,
		      uint64_t fingerprint, int64_t n, int64_t now_ms);

/* Those with the highest averages, at most room of them, the highest first. Returns how many. */
size_t token_values_top(const struct token_values *values, int64_t now_ms,
			struct token_top_value *top, size_t room);

#endif
