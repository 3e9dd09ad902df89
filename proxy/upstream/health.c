#include "upstream/health.h"

#include "base/random.h"
#include "upstream/host.h"

static uint32_t succeed(struct health *health, const struct health_check_config *config,
			bool is_degraded, uint32_t flags)
{
	health->failures = 0;
	if (flags & HOST_FAILED_ACTIVE_CHECK) {
		health->successes++;
		health->is_pending =
			health->is_checked && health->successes < config->healthy_threshold;
		if (!health->is_pending)
			flags &= ~(uint32_t)(HOST_FAILED_ACTIVE_CHECK | HOST_CHECK_TIMEOUT |
					     HOST_EXCLUDED);
	}
	return is_degraded ? flags | HOST_DEGRADED_ACTIVE_CHECK
			   : flags & ~(uint32_t)HOST_DEGRADED_ACTIVE_CHECK;
}

static uint32_t fail(struct health *health, const struct health_check_config *config,
		     enum health_result result, uint32_t flags)
{
	bool counts_at_once = result == HEALTH_REFUSED || result == HEALTH_PASSIVE;

	health->successes = 0;
	if (result == HEALTH_PASSIVE)
		flags |= HOST_EXCLUDED;
	if (flags & HOST_FAILED_ACTIVE_CHECK)
		return flags;
	health->failures++;
	health->is_pending = !counts_at_once && health->failures < config->unhealthy_threshold;
	if (health->is_pending)
		return flags;
	return flags | HOST_FAILED_ACTIVE_CHECK |
	       (result == HEALTH_TIMEOUT ? HOST_CHECK_TIMEOUT : 0);
}

uint32_t health_judge(struct health *health, const struct health_check_config *config,
		      enum health_result result, uint32_t flags)
{
	health->is_pending = false;
	switch (result) {
	case HEALTH_SUCCESS:
	case HEALTH_DEGRADED:
		flags = succeed(health, config, result == HEALTH_DEGRADED, flags);
		break;
	case HEALTH_REFUSED:
	case HEALTH_RETRIABLE:
	case HEALTH_NETWORK:
	case HEALTH_TIMEOUT:
	case HEALTH_PASSIVE:
		flags = fail(health, config, result, flags);
		break;
	}
	health->is_checked = true;
	return flags & ~(uint32_t)HOST_PENDING_ACTIVE_CHECK;
}

uint32_t health_delay_ms(const struct health *health, const struct health_check_config *config,
			 uint32_t flags, bool has_traffic, struct random *random)
{
	bool is_failing =
		health->failures || (flags & HOST_FAILED_ACTIVE_CHECK && !health->successes);
	uint64_t ms;

	if (!has_traffic)
		ms = is_failing ? config->no_traffic_interval_ms
				: config->no_traffic_healthy_interval_ms;
	else if (is_failing)
		ms = health->is_pending ? config->unhealthy_edge_interval_ms
					: config->unhealthy_interval_ms;
	else
		ms = health->is_pending ? config->healthy_edge_interval_ms : config->interval_ms;
	uint64_t jitter = ms * config->jitter_percent / 100;
	if (jitter)
		ms += random_below(random, jitter > UINT32_MAX ? UINT32_MAX : (uint32_t)jitter);
	if (config->interval_jitter_ms)
		ms += random_below(random, config->interval_jitter_ms);
	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static bool is_within(const struct status_range *ranges, uint32_t count, unsigned status)
{
	for (uint32_t i = 0; i < count; i++)
		if ((int64_t)status >= ranges[i].start && (int64_t)status < ranges[i].end)
			return true;
	return false;
}

enum health_result health_of_status(const struct health_check_config *config, unsigned status)
{
	if (config->expected_count ? is_within(config->expected, config->expected_count, status)
				   : status == 200)
		return HEALTH_SUCCESS;
	return is_within(config->retriable, config->retriable_count, status) ? HEALTH_RETRIABLE
									     : HEALTH_REFUSED;
}

bool health_has_payloads(const struct health_check_config *config, struct slice bytes)
{
	size_t at = 0;

	if (!bytes.len)
		return !config->receive_count;
	for (uint32_t i = 0; i < config->receive_count; i++) {
		const char *hit = memmem(bytes.data + at, bytes.len - at, config->receive[i].data,
					 config->receive[i].len);
		if (!hit)
			return false;
		at = (size_t)(hit - bytes.data) + config->receive[i].len;
	}
	return true;
}
