#include "filters/sentinel/core/traffic_shaping.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/core/java_number.h"
#include "filters/sentinel/core/node.h"

static const int64_t ns_per_ms = 1000000;

static bool has_no_whole_ms(double count)
{
	int64_t rounded = java_round(count);

	return rounded <= 0 || SENTINEL_INTERVAL_MS % rounded || count / SENTINEL_INTERVAL_MS > 1;
}

struct traffic_shaping *traffic_shaping_new(const struct flow_rule *rule, int32_t cold_factor)
{
	if (rule->grade != FLOW_GRADE_QPS || rule->control_behavior == CONTROL_DEFAULT ||
	    rule->control_behavior > CONTROL_WARM_UP_RATE_LIMITER)
		return NULL;

	struct traffic_shaping *shaping = calloc(1, sizeof(*shaping));
	double seconds = rule->warm_up_period_sec, count = rule->count;
	invariant(shaping && cold_factor > 1);
	atomic_init(&shaping->references, 1);
	shaping->behavior = rule->control_behavior;
	shaping->in_nanoseconds =
		rule->control_behavior == CONTROL_RATE_LIMITER && has_no_whole_ms(count);
	shaping->max_queueing_time_ms = rule->max_queueing_time_ms;
	shaping->cold_factor = cold_factor;
	shaping->count = count;
	shaping->warning_token = java_int(seconds * count) / (cold_factor - 1);
	shaping->max_token =
		shaping->warning_token + java_int(2 * seconds * count / (1.0 + cold_factor));
	shaping->slope =
		(cold_factor - 1.0) / count / (double)(shaping->max_token - shaping->warning_token);
	atomic_init(&shaping->latest_passed, -1);
	return shaping;
}

struct traffic_shaping *traffic_shaping_take(struct traffic_shaping *shaping)
{
	if (shaping)
		atomic_fetch_add_explicit(&shaping->references, 1, memory_order_relaxed);
	return shaping;
}

void traffic_shaping_drop(struct traffic_shaping *shaping)
{
	if (shaping &&
	    atomic_fetch_sub_explicit(&shaping->references, 1, memory_order_acq_rel) == 1)
		free(shaping);
}

/* What is there when the second `now_ms` begins, before what passed in the one before is taken. */
static int64_t cool_down(const struct traffic_shaping *shaping, int64_t stored, int64_t last_ms,
			 int64_t now_ms, int64_t previous)
{
	int64_t next = stored;

	if (stored < shaping->warning_token ||
	    (stored > shaping->warning_token &&
	     previous < java_int(shaping->count) / shaping->cold_factor))
		next = java_long((double)stored +
				 (double)(now_ms - last_ms) * shaping->count / 1000);
	return next < shaping->max_token ? next : shaping->max_token;
}

/* The first that comes in a second fills and takes for all. */
static void sync_tokens(struct traffic_shaping *shaping, const struct node *node, int64_t now_ms)
{
	int64_t second_ms = now_ms - now_ms % 1000;
	int64_t last_ms = atomic_load_explicit(&shaping->last_filled_ms, memory_order_relaxed);

	if (second_ms <= last_ms ||
	    !atomic_compare_exchange_strong_explicit(&shaping->last_filled_ms, &last_ms, second_ms,
						     memory_order_relaxed, memory_order_relaxed))
		return;
	int64_t previous = (int64_t)node_previous_pass(node, leap_window(now_ms));
	int64_t stored = atomic_load_explicit(&shaping->stored_tokens, memory_order_relaxed);
	int64_t left = cool_down(shaping, stored, last_ms, second_ms, previous) - previous;
	atomic_store_explicit(&shaping->stored_tokens, left > 0 ? left : 0, memory_order_relaxed);
}

/* The rate that holds now. */
static double warm_up_qps(const struct traffic_shaping *shaping)
{
	int64_t rest = atomic_load_explicit(&shaping->stored_tokens, memory_order_relaxed);

	if (rest < shaping->warning_token)
		return shaping->count;
	return java_next_up(1.0 / ((double)(rest - shaping->warning_token) * shaping->slope +
				   1.0 / shaping->count));
}

/* One call after the other, `cost` apart, none later than `longest` from now. */
static bool queue(struct traffic_shaping *shaping, int64_t now, int64_t cost, int64_t longest,
		  int64_t *wait)
{
	int64_t latest = atomic_load_explicit(&shaping->latest_passed, memory_order_relaxed), next;

	do {
		if (__builtin_add_overflow(latest, cost, &next))
			return false;
		*wait = next - now;
		if (*wait > longest)
			return false;
		if (*wait <= 0)
			*wait = 0, next = now;
	} while (!atomic_compare_exchange_weak_explicit(&shaping->latest_passed, &latest, next,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static bool queue_ms(struct traffic_shaping *shaping, int64_t now_ms, double cost, int64_t *wait_ns)
{
	int64_t wait_ms;

	if (!queue(shaping, now_ms, java_round(cost), shaping->max_queueing_time_ms, &wait_ms))
		return false;
	*wait_ns = wait_ms * ns_per_ms;
	return true;
}

static bool rate_limiter_can_pass(struct traffic_shaping *shaping, struct instant now, uint32_t n,
				  int64_t *wait_ns)
{
	if (!n)
		return true;
	if (shaping->count <= 0)
		return false;
	double cost = 1.0 * SENTINEL_INTERVAL_MS * n / shaping->count;
	if (!shaping->in_nanoseconds)
		return queue_ms(shaping, now.ms, cost, wait_ns);
	cost = 1.0 * (double)ns_per_ms * SENTINEL_INTERVAL_MS * n / shaping->count;
	return queue(shaping, now.ns, java_round(cost), shaping->max_queueing_time_ms * ns_per_ms,
		     wait_ns);
}

bool traffic_shaping_can_pass(struct traffic_shaping *shaping, struct node *node,
			      struct instant now, uint32_t n, int64_t *wait_ns)
{
	*wait_ns = 0;
	if (shaping->behavior == CONTROL_RATE_LIMITER)
		return rate_limiter_can_pass(shaping, now, n, wait_ns);
	sync_tokens(shaping, node, now.ms);
	double qps = warm_up_qps(shaping);
	if (shaping->behavior == CONTROL_WARM_UP_RATE_LIMITER)
		return queue_ms(shaping, now.ms, 1.0 * n / qps * 1000, wait_ns);
	return node_pass_qps(node, leap_window(now.ms)) + n <= qps;
}
