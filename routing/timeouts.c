#include "routing/timeouts.h"

#include "message/grpc.h"
#include "routing/action.h"

bool grpc_timeout_parse(struct slice text, uint64_t *ms)
{
	uint64_t n;

	if (text.len < 2 || text.len > 9 || !slice_to_uint64(slice_sub(text, 0, text.len - 1), &n))
		return false;
	switch (text.data[text.len - 1]) {
	case 'H':
		*ms = n * 3600000;
		return true;
	case 'M':
		*ms = n * 60000;
		return true;
	case 'S':
		*ms = n * 1000;
		return true;
	case 'm':
		*ms = n;
		return true;
	case 'u':
		*ms = (n + 999) / 1000;
		return true;
	case 'n':
		*ms = (n + 999999) / 1000000;
		return true;
	}
	return false;
}

static bool is_grpc(const struct headers *request)
{
	return grpc_is_content_type(headers_get(request, HEADER_CONTENT_TYPE));
}

/* What the client asked for by grpc-timeout, within the route's limit. 0: no limit. */
static uint64_t grpc_timeout(const struct headers *request, uint32_t limit_ms, uint32_t offset_ms)
{
	uint64_t ms;

	if (!grpc_timeout_parse(headers_get(request, HEADER_GRPC_TIMEOUT), &ms))
		ms = 0;
	if (offset_ms != DURATION_UNSET && offset_ms < ms)
		ms -= offset_ms;
	if (limit_ms && (!ms || ms > limit_ms))
		ms = limit_ms;
	return ms;
}

/* 8 digits are the most that the field may have. */
static void set_grpc_timeout(struct headers *request, uint64_t ms)
{
	const unsigned max = 99999999;

	headers_set_id(
		request, HEADER_GRPC_TIMEOUT,
		slice_of(arena_printf(request->arena, "%um", ms < max ? (unsigned)ms : max)));
}

static const struct header_ids asked_names = {{TIMEOUT_ASKED_NAMES(0), TIMEOUT_ASKED_NAMES(1)}};

/* The field's number, and the field is gone. */
static bool take_number(struct headers *request, enum header_id id, uint64_t *number)
{
	bool is_number = slice_to_uint64(headers_get(request, id), number);

	headers_remove_id(request, id);
	return is_number;
}

/* Takes the request's own words, which are gone then. */
static COLD void take_asked(struct request_timeouts *timeouts, struct headers *request)
{
	uint64_t number;
	struct slice hedge = headers_get(request, HEADER_X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT);

	if (hedge.data)
		timeouts->hedges_per_try = slice_equal(hedge, SLICE("true"));
	timeouts->alt_response =
		headers_has(request, HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE);
	headers_remove_id(request, HEADER_X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT);
	headers_remove_id(request, HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE);
	if (take_number(request, HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS, &number))
		timeouts->total_ms = number;
	if (take_number(request, HEADER_X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS, &number))
		timeouts->per_try_ms = number;
}

void request_timeouts_init(struct request_timeouts *timeouts, const struct route_action *action,
			   const struct retry_policy *retry, struct headers *request,
			   bool writes_expected)
{
	*timeouts = (struct request_timeouts){
		.total_ms = action->timeout_ms,
		.per_try_ms = retry ? retry->per_try_timeout_ms : 0,
		.per_try_idle_ms = retry ? retry->per_try_idle_timeout_ms : 0,
		.hedges_per_try = action->hedge && action->hedge->on_per_try_timeout,
	};
	if (action->has_stream_duration)
		timeouts->total_ms = 0; /* the whole stream has a limit instead */
	else if (action->max_grpc_timeout_ms != DURATION_UNSET && is_grpc(request))
		timeouts->total_ms = grpc_timeout(request, action->max_grpc_timeout_ms,
						  action->grpc_timeout_offset_ms);
	if (UNLIKELY(headers_has_any(request, &asked_names)))
		take_asked(timeouts, request);
	if (timeouts->total_ms && timeouts->per_try_ms >= timeouts->total_ms)
		timeouts->per_try_ms = 0;
	request_timeouts_write(timeouts, action, request, 0, writes_expected);
}

void request_timeouts_write(const struct request_timeouts *timeouts,
			    const struct route_action *action, struct headers *request,
			    uint64_t elapsed_ms, bool writes_expected)
{
	uint64_t expected = timeouts->per_try_ms;

	if (!expected || timeouts->hedges_per_try)
		expected = timeouts->total_ms;
	if (!expected)
		return;
	if (timeouts->total_ms) {
		uint64_t left =
			elapsed_ms < timeouts->total_ms ? timeouts->total_ms - elapsed_ms : 1;
		if (expected > left)
			expected = left;
	}
	if (writes_expected)
		headers_set_id(request, HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
			       expected == action->timeout_ms
				       ? action->timeout_text
				       : arena_number(request->arena, expected));
	if (action->max_grpc_timeout_ms != DURATION_UNSET && !action->has_stream_duration &&
	    is_grpc(request))
		set_grpc_timeout(request, expected);
}

/* In ms; DURATION_UNSET: the listener's holds, 0: none. */
static uint32_t max_duration(const struct route_action *action, const struct headers *request)
{
	uint32_t max = action->grpc_timeout_header_max_ms;
	uint32_t offset = action->grpc_timeout_header_offset_ms;
	uint64_t ms;

	if (max == DURATION_UNSET ||
	    !grpc_timeout_parse(headers_get(request, HEADER_GRPC_TIMEOUT), &ms))
		return action->max_stream_duration_ms;
	if (max && ms > max)
		ms = max;
	if (offset != DURATION_UNSET)
		ms = offset < ms ? ms - offset : 0;
	if (!ms) /* the time is up already */
		return 1;
	return ms < DURATION_UNSET ? (uint32_t)ms : DURATION_UNSET - 1;
}

uint32_t request_max_duration(const struct route_action *action, struct headers *request)
{
	uint32_t ms = max_duration(action, request);

	if (ms && ms != DURATION_UNSET && is_grpc(request))
		set_grpc_timeout(request, ms);
	return ms;
}
