#include "filters/fault/fault.h"

#include "base/shared_count.h"
#include "telemetry/stats_filters.h"

/* Statistics are the chain's filter's, whichever route is in force. */
static const struct fault_config *chain_config(const struct filter *f)
{
	return filter_chain_config(f);
}

static void count(struct filter *f, unsigned id)
{
	stat_inc(filter_stats(f), chain_config(f)->stats, id);
}

/* --- what applies to a request --- */

static bool header_number(const struct headers *headers, struct slice name, uint64_t *number)
{
	const struct header *h = headers_find(headers, name);
	return h && slice_to_uint64(header_value(h), number);
}

/* The configured share, which a header may lower. */
static bool is_chosen(struct filter *f, struct fraction share, enum fault_source source,
		      const struct headers *headers, struct slice percentage)
{
	uint64_t asked;

	if (source == FAULT_BY_HEADER && header_number(headers, percentage, &asked) &&
	    asked < share.numerator)
		share.numerator = (uint32_t)asked;
	return fraction_takes(share, filter_random(f));
}

static uint64_t delay_of(struct filter *f, const struct headers *headers)
{
	const struct fault_config *config = f->config;
	uint64_t delay_ms = config->delay_ms;

	if (config->delay == FAULT_NONE ||
	    (config->delay == FAULT_BY_HEADER &&
	     !header_number(headers, SLICE("x-envoy-fault-delay-request"), &delay_ms)) ||
	    !delay_ms ||
	    !is_chosen(f, config->delay_share, config->delay, headers,
		       SLICE("x-envoy-fault-delay-request-percentage")))
		return 0;
	return delay_ms < UINT32_MAX ? delay_ms : UINT32_MAX;
}

struct abort {
	unsigned http_status;
	int grpc_status; /* -1: by the HTTP status */
};

static bool abort_asked(const struct headers *headers, struct abort *abort)
{
	uint64_t number;

	if (header_number(headers, SLICE("x-envoy-fault-abort-request"), &number) &&
	    number >= 200 && number < 600) {
		*abort = (struct abort){(unsigned)number, -1};
		return true;
	}
	if (!header_number(headers, SLICE("x-envoy-fault-abort-grpc-request"), &number) ||
	    number > INT32_MAX)
		return false;
	*abort = (struct abort){200, (int)number};
	return true;
}

static bool abort_of(struct filter *f, const struct headers *headers, struct abort *abort)
{
	const struct fault_config *config = f->config;

	switch ((enum fault_source)config->abort) {
	case FAULT_NONE:
		return false;
	case FAULT_FIXED:
		*abort = config->http_status ? (struct abort){config->http_status, -1}
					     : (struct abort){200, (int)config->grpc_status};
		break;
	case FAULT_BY_HEADER:
		if (!abort_asked(headers, abort))
			return false;
		break;
	}
	return is_chosen(f, config->abort_share, config->abort, headers,
			 SLICE("x-envoy-fault-abort-request-percentage"));
}

/* --- faults under way --- */

static bool take_active(struct filter *f)
{
	const struct fault_config *config = f->config;
	struct fault *own = f->state;

	if (own->is_active)
		return true;
	if (config->active && !shared_count_take(config->active, config->max_active)) {
		count(f, FAULT_STAT_FAULTS_OVERFLOW);
		return false;
	}
	own->is_active = true;
	stat_gauge_inc(filter_stats(f), chain_config(f)->stats, FAULT_STAT_ACTIVE_FAULTS);
	return true;
}

static bool abort_request(struct filter *f, const struct headers *headers)
{
	struct abort abort = {0};

	if (!abort_of(f, headers, &abort) || !take_active(f))
		return false;
	count(f, FAULT_STAT_ABORTS_INJECTED);
	filter_reply_with(f, REPLY_FAULT_ABORT, abort.http_status, abort.grpc_status,
			  SLICE("fault filter abort"), SLICE("fault_filter_abort"));
	return true;
}

static void delay_over(struct filter *f)
{
	if (!abort_request(f, filter_info(f)->request))
		filter_resume(f, DIRECTION_REQUEST);
}

enum filter_status fault_request_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct fault_config *config = f->config;
	struct fault *own = f->state;

	(void)end;
	if ((config->cluster.len && !slice_equal(filter_cluster_name(f), config->cluster)) ||
	    !header_matches_test(&config->headers, headers))
		return FILTER_CONTINUE;
	uint64_t delay_ms = delay_of(f, headers);
	if (delay_ms && take_active(f)) {
		count(f, FAULT_STAT_DELAYS_INJECTED);
		stream_info_flag(filter_info(f), RESPONSE_FLAG_DELAY_INJECTED);
		filter_timer_start(&own->timer, f, delay_ms, delay_over);
		return FILTER_PAUSE;
	}
	return abort_request(f, headers) ? FILTER_REPLIED : FILTER_CONTINUE;
}

void fault_close(struct filter *f)
{
	const struct fault_config *config = f->config;
	struct fault *own = f->state;

	if (!own->is_active)
		return;
	own->is_active = false;
	if (config->active)
		shared_count_drop(config->active);
	stat_gauge_dec(filter_stats(f), chain_config(f)->stats, FAULT_STAT_ACTIVE_FAULTS);
}
