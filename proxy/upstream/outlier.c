#include "upstream/outlier.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "telemetry/stats.h"
#include "telemetry/stats_hosts.h"
#include "upstream/host_memory.h"
#include "upstream/host_set.h"

/* --- workers --- */

static void clear(uint16_t *errors)
{
	if (__atomic_load_n(errors, __ATOMIC_RELAXED))
		__atomic_store_n(errors, 0, __ATOMIC_RELAXED);
}

/* One more in the row; true when it has just reached the threshold. Errors are rare, so this may
 * cost a read-modify-write. */
static bool count(uint16_t *errors, uint32_t threshold)
{
	uint16_t before = __atomic_load_n(errors, __ATOMIC_RELAXED);
	do {
		if (before == UINT16_MAX)
			return false;
	} while (!__atomic_compare_exchange_n(errors, &before, (uint16_t)(before + 1), true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return before + 1u == threshold;
}

unsigned outlier_note_slow(struct host *host, const struct outlier_config *config,
			   enum outlier_event event)
{
	unsigned causes = 0;

	switch (event) {
	case OUTLIER_SUCCESS:
		clear(&host->errors_5xx);
		clear(&host->errors_gateway);
		if (!config->splits_local)
			clear(&host->errors_local);
		break;
	case OUTLIER_LOCAL_SUCCESS:
		if (config->splits_local)
			clear(&host->errors_local);
		break;
	case OUTLIER_5XX:
		clear(&host->errors_gateway);
		causes |= (unsigned)count(&host->errors_5xx, config->consecutive_5xx)
			  << OUTLIER_CAUSE_5XX;
		break;
	case OUTLIER_LOCAL_FAILURE:
		if (config->splits_local) {
			causes |= (unsigned)count(&host->errors_local, config->consecutive_local)
				  << OUTLIER_CAUSE_LOCAL;
			break;
		}
		/* Counted as if the host had answered 503. */
		causes |= (unsigned)count(&host->errors_gateway, config->consecutive_gateway)
			  << OUTLIER_CAUSE_GATEWAY;
		causes |= (unsigned)count(&host->errors_5xx, config->consecutive_5xx)
			  << OUTLIER_CAUSE_5XX;
		break;
	case OUTLIER_GATEWAY:
		causes |= (unsigned)count(&host->errors_gateway, config->consecutive_gateway)
			  << OUTLIER_CAUSE_GATEWAY;
		causes |= (unsigned)count(&host->errors_5xx, config->consecutive_5xx)
			  << OUTLIER_CAUSE_5XX;
		break;
	}
	return causes;
}

/* --- main --- */

static void bump(const struct outlier *outlier, unsigned id)
{
	stat_inc(outlier->shard, outlier->stats, id);
}

static void forget_errors(struct host *host)
{
	__atomic_store_n(&host->errors_5xx, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&host->errors_gateway, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&host->errors_local, 0, __ATOMIC_RELAXED);
}

uint64_t outlier_ejection_ms(const struct outlier_config *config, uint32_t times)
{
	uint64_t ms = (uint64_t)config->base_ejection_ms * times;
	return ms < config->max_ejection_ms ? ms : config->max_ejection_ms;
}

void outlier_init(struct outlier *outlier, struct stats_shard *shard, struct random *random)
{
	*outlier = (struct outlier){.shard = shard, .random = random};
	map_init(&outlier->by_host, NULL);
}

static struct slice key_of(struct host *const *host)
{
	return slice_make(host, sizeof *host);
}

static struct outlier_host *find(const struct outlier *outlier, struct host *host)
{
	return map_get(&outlier->by_host, key_of(&host));
}

static struct outlier_host *get(struct outlier *outlier, struct host *host)
{
	struct outlier_host *h = find(outlier, host);
	if (h)
		return h;
	h = calloc(1, sizeof *h);
	invariant(h);
	h->host = host_take(host);
	h->next = outlier->hosts;
	map_set(&outlier->by_host, key_of(&h->host), h);
	return outlier->hosts = h;
}

static void put_back(struct outlier *outlier, struct outlier_host *h, uint64_t now_ms)
{
	forget_errors(h->host);
	host_health_set(h->host, 0, HOST_FAILED_OUTLIER_CHECK);
	h->is_ejected = false;
	h->returned_ms = now_ms;
	outlier->ejected--;
	stat_gauge_dec(outlier->shard, outlier->stats, OUTLIER_STAT_EJECTIONS_ACTIVE);
}

static void forget(struct outlier *outlier, struct outlier_host **at)
{
	struct outlier_host *h = *at;
	*at = h->next;
	map_remove(&outlier->by_host, key_of(&h->host));
	if (h->is_ejected)
		put_back(outlier, h, 0);
	host_drop(h->host);
	free(h);
}

void outlier_fini(struct outlier *outlier)
{
	while (outlier->hosts)
		forget(outlier, &outlier->hosts);
	map_free(&outlier->by_host);
}

void outlier_configure(struct outlier *outlier, const struct outlier_config *config,
		       const struct stat_scope *stats)
{
	if (!config)
		outlier_fini(outlier); /* while the stats are at hand */
	outlier->config = config;
	outlier->stats = stats;
}

static bool is_enforced(struct outlier *outlier, enum outlier_cause cause)
{
	const struct outlier_config *config = outlier->config;
	uint32_t percent[OUTLIER_CAUSES] = {config->enforcing_5xx, config->enforcing_gateway,
					    config->enforcing_local, config->enforcing_success_rate,
					    config->enforcing_failure_percentage};
	return random_below(outlier->random, 100) < percent[cause];
}

/* One more host out would still be within max_ejection_percent of all. */
static bool has_room(const struct outlier *outlier, uint32_t host_count)
{
	if (outlier->config->always_ejects_one && !outlier->ejected)
		return true;
	return (outlier->ejected + UINT64_C(1)) * 100 <=
	       (uint64_t)outlier->config->max_ejection_percent * host_count;
}

static void count_ejection(struct outlier *outlier, enum outlier_cause cause)
{
	static const unsigned enforced[OUTLIER_CAUSES] = {
		OUTLIER_STAT_EJECTIONS_ENFORCED_CONSECUTIVE_5XX,
		OUTLIER_STAT_EJECTIONS_ENFORCED_CONSECUTIVE_GATEWAY_FAILURE,
		OUTLIER_STAT_EJECTIONS_ENFORCED_CONSECUTIVE_LOCAL_ORIGIN_FAILURE,
		OUTLIER_STAT_EJECTIONS_ENFORCED_SUCCESS_RATE,
		OUTLIER_STAT_EJECTIONS_ENFORCED_FAILURE_PERCENTAGE};

	bump(outlier, OUTLIER_STAT_EJECTIONS_TOTAL);
	bump(outlier, OUTLIER_STAT_EJECTIONS_ENFORCED_TOTAL);
	bump(outlier, enforced[cause]);
	if (cause == OUTLIER_CAUSE_5XX)
		bump(outlier, OUTLIER_STAT_EJECTIONS_CONSECUTIVE_5XX);
	stat_gauge_inc(outlier->shard, outlier->stats, OUTLIER_STAT_EJECTIONS_ACTIVE);
}

static void eject(struct outlier *outlier, struct host *host, uint64_t now_ms)
{
	struct outlier_host *h = get(outlier, host);

	h->is_ejected = true;
	h->ejected_ms = now_ms;
	h->times++;
	h->jitter_ms = outlier->config->ejection_jitter_ms
			       ? random_below(outlier->random, outlier->config->ejection_jitter_ms)
			       : 0;
	outlier->ejected++;
	host_health_set(host, HOST_FAILED_OUTLIER_CHECK, 0);
}

bool outlier_trip(struct outlier *outlier, struct host *host, enum outlier_cause cause,
		  uint32_t host_count, uint64_t now_ms)
{
	static const unsigned detected[OUTLIER_CAUSES] = {
		OUTLIER_STAT_EJECTIONS_DETECTED_CONSECUTIVE_5XX,
		OUTLIER_STAT_EJECTIONS_DETECTED_CONSECUTIVE_GATEWAY_FAILURE,
		OUTLIER_STAT_EJECTIONS_DETECTED_CONSECUTIVE_LOCAL_ORIGIN_FAILURE,
		OUTLIER_STAT_EJECTIONS_DETECTED_SUCCESS_RATE,
		OUTLIER_STAT_EJECTIONS_DETECTED_FAILURE_PERCENTAGE};

	if (!outlier->config)
		return false;
	forget_errors(host); /* the row starts anew, whether or not it leads to an ejection */
	if (host_health(host) & HOST_FAILED_OUTLIER_CHECK)
		return false;
	bump(outlier, detected[cause]);
	if (!is_enforced(outlier, cause))
		return false;
	if (!has_room(outlier, host_count)) {
		bump(outlier, OUTLIER_STAT_EJECTIONS_OVERFLOW);
		return false;
	}
	eject(outlier, host, now_ms);
	count_ejection(outlier, cause);
	return true;
}

/* --- success rates --- */

void outlier_count(struct outlier *outlier, struct host *host, uint64_t requests,
		   uint64_t successes)
{
	if (!outlier->config)
		return;
	struct outlier_host *h = get(outlier, host);
	h->requests += requests;
	h->successes += successes;
}

static double success_percent(const struct outlier_host *h)
{
	return 100.0 * (double)h->successes / (double)h->requests;
}

static bool has_volume(const struct outlier_host *h, uint32_t volume)
{
	return !h->is_ejected && h->requests && h->requests >= volume;
}

/* Below this rate a host is too far from the mean of all; negative when too few have enough
 * requests to tell. */
static double success_threshold(const struct outlier *outlier)
{
	const struct outlier_config *config = outlier->config;
	uint32_t count = 0;
	double sum = 0, squares = 0;

	for (const struct outlier_host *h = outlier->hosts; h; h = h->next)
		if (has_volume(h, config->success_rate_request_volume)) {
			count++;
			sum += success_percent(h);
		}
	if (!count || count < config->success_rate_minimum_hosts)
		return -1;
	double mean = sum / count;
	for (const struct outlier_host *h = outlier->hosts; h; h = h->next)
		if (has_volume(h, config->success_rate_request_volume)) {
			double distance = success_percent(h) - mean;
			squares += distance * distance;
		}
	return mean - config->success_rate_stdev_factor / 1000.0 * sqrt(squares / count);
}

static bool eject_by_success(struct outlier *outlier, uint32_t host_count, uint64_t now_ms)
{
	double threshold = success_threshold(outlier);
	bool any = false;

	for (struct outlier_host *h = outlier->hosts; h; h = h->next)
		if (has_volume(h, outlier->config->success_rate_request_volume) &&
		    success_percent(h) < threshold)
			any |= outlier_trip(outlier, h->host, OUTLIER_CAUSE_SUCCESS_RATE,
					    host_count, now_ms);
	return any;
}

static bool eject_by_failure(struct outlier *outlier, uint32_t host_count, uint64_t now_ms)
{
	const struct outlier_config *config = outlier->config;
	uint32_t count = 0;
	bool any = false;

	for (const struct outlier_host *h = outlier->hosts; h; h = h->next)
		count += has_volume(h, config->failure_percentage_request_volume);
	if (count < config->failure_percentage_minimum_hosts)
		return false;
	for (struct outlier_host *h = outlier->hosts; h; h = h->next)
		if (has_volume(h, config->failure_percentage_request_volume) &&
		    100.0 - success_percent(h) >= config->failure_percentage_threshold)
			any |= outlier_trip(outlier, h->host, OUTLIER_CAUSE_FAILURE_PERCENTAGE,
					    host_count, now_ms);
	return any;
}

/* --- the interval --- */

static bool take_back(struct outlier *outlier, uint64_t now_ms)
{
	const struct outlier_config *config = outlier->config;
	bool any = false;

	for (struct outlier_host *h = outlier->hosts; h; h = h->next) {
		if (h->is_ejected &&
		    now_ms - h->ejected_ms > outlier_ejection_ms(config, h->times) + h->jitter_ms) {
			put_back(outlier, h, now_ms);
			any = true;
		} else if (!h->is_ejected && h->times &&
			   now_ms - h->returned_ms >= config->interval_ms) {
			h->times--;
		}
	}
	return any;
}

/* The next interval counts anew; a host with nothing to remember is forgotten. */
static void begin_interval(struct outlier *outlier)
{
	for (struct outlier_host **at = &outlier->hosts; *at;) {
		struct outlier_host *h = *at;
		bool is_idle = !h->requests && !h->is_ejected && !h->times;
		h->requests = h->successes = 0;
		if (is_idle)
			forget(outlier, at);
		else
			at = &h->next;
	}
}

bool outlier_tick(struct outlier *outlier, uint32_t host_count, uint64_t now_ms)
{
	if (!outlier->config)
		return false;
	bool any = take_back(outlier, now_ms);
	any |= eject_by_success(outlier, host_count, now_ms);
	any |= eject_by_failure(outlier, host_count, now_ms);
	begin_interval(outlier);
	return any;
}

bool outlier_checked(struct outlier *outlier, struct host *host, uint64_t now_ms)
{
	struct outlier_host *h = outlier->config && outlier->config->unejects_on_health_check
					 ? find(outlier, host)
					 : NULL;

	if (!h || !h->is_ejected)
		return false;
	put_back(outlier, h, now_ms);
	return true;
}

static uint64_t at_most(uint64_t n, uint64_t most)
{
	return n < most ? n : most;
}

bool outlier_remember(struct outlier *outlier, struct host *host, struct host_finding *finding,
		      uint64_t now_ms)
{
	if (!finding->was_ejected || !outlier->config || find(outlier, host))
		return false;
	struct outlier_host *h = get(outlier, host);
	finding->was_ejected = false;
	h->times = (uint32_t)at_most(finding->times, UINT16_MAX);
	h->jitter_ms = (uint32_t)at_most(finding->jitter_ms, outlier->config->ejection_jitter_ms);
	h->ejected_ms = at_most(finding->ejected_ms, now_ms);
	h->returned_ms = at_most(finding->returned_ms, now_ms);
	if (!finding->is_ejected || host_health(host) & HOST_FAILED_OUTLIER_CHECK)
		return false;
	h->is_ejected = true;
	outlier->ejected++;
	host_health_set(host, HOST_FAILED_OUTLIER_CHECK, 0);
	stat_gauge_inc(outlier->shard, outlier->stats, OUTLIER_STAT_EJECTIONS_ACTIVE);
	return true;
}

void outlier_keep(struct outlier *outlier, const struct host_set *set)
{
	for (struct outlier_host **at = &outlier->hosts; *at;) {
		if (host_is_in((*at)->host, set->generation))
			at = &(*at)->next;
		else
			forget(outlier, at);
	}
}
