#include "routing/retry_policy.h"

#include "base/diag.h"
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "envoy/extensions/retry/host/omit_canary_hosts/v3/omit_canary_hosts.pb-c.h"
#include "envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config.pb-c.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb-c.h"
#include "envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "routing/duration.h"
#include "xds/proto/any_message.h"

#define PREVIOUS_HOSTS                                                                             \
	&envoy__extensions__retry__host__previous_hosts__v3__previous_hosts_predicate__descriptor
#define OMIT_CANARY                                                                                \
	&envoy__extensions__retry__host__omit_canary_hosts__v3__omit_canary_hosts_predicate__descriptor

enum { BASE_INTERVAL_MS = 25, RESET_MAX_INTERVAL_MS = 300000 };

typedef Envoy__Config__Route__V3__RetryPolicy policy_message;
typedef Envoy__Extensions__Retry__Host__OmitHostMetadata__V3__OmitHostMetadataConfig
	omit_metadata_message;
typedef Envoy__Extensions__Retry__Priority__PreviousPriorities__V3__PreviousPrioritiesConfig
	priorities_message;

const struct retry_policy retry_policy_default = {
	.retries = 1,
	.base_interval_ms = BASE_INTERVAL_MS,
	.max_interval_ms = 10 * BASE_INTERVAL_MS,
	.host_attempts = 1,
	.reset_max_interval_ms = RESET_MAX_INTERVAL_MS,
};

/* Cuts the next item off a comma-separated list, without blanks. */
static struct slice next_item(struct slice *rest)
{
	size_t end = slice_find_char(*rest, ',', 0);
	struct slice item = slice_trim(slice_sub(*rest, 0, end));

	*rest = slice_sub(*rest, end + (end < rest->len), rest->len);
	return item;
}

/* The bits that each of the request's two fields may set. */
#define RETRY_ON_BITS(name, ...) RETRY_ON(name) |
#define GRPC_CONDITIONS (RETRY_ON_GRPC_TABLE(RETRY_ON_BITS) UINT32_C(0))

uint32_t retry_on_parse(struct slice text)
{
	static const struct slice names[] = {
#define RETRY_ON_NAME(name, text, ...) {text, sizeof(text) - 1},
		RETRY_ON_TABLE(RETRY_ON_NAME) RETRY_ON_GRPC_TABLE(RETRY_ON_NAME)
#undef RETRY_ON_NAME
	};
	uint32_t on = 0;

	while (text.len) {
		struct slice item = next_item(&text);
		for (unsigned i = 0; i < COUNT_OF(names); i++)
			if (slice_equal(item, names[i]))
				on |= UINT32_C(1) << i;
	}
	return on;
}

static enum status load_intervals(struct retry_policy *policy, const policy_message *message,
				  struct diag *diag)
{
	enum status status = duration_load(&policy->per_try_timeout_ms, 0, message->per_try_timeout,
					   "per_try_timeout", diag);
	if (!status)
		status = duration_load(&policy->per_try_idle_timeout_ms, 0,
				       message->per_try_idle_timeout, "per_try_idle_timeout", diag);
	if (status || !message->retry_back_off)
		return status;
	status = duration_load(&policy->base_interval_ms, 0, message->retry_back_off->base_interval,
			       "retry_back_off.base_interval", diag);
	if (status)
		return status;
	if (!policy->base_interval_ms)
		return diag_at(diag, "retry_back_off.base_interval", "must be at least 1 ms");
	uint32_t max = policy->base_interval_ms > UINT32_MAX / 10 ? UINT32_MAX - 1
								  : 10 * policy->base_interval_ms;
	status = duration_load(&policy->max_interval_ms, max, message->retry_back_off->max_interval,
			       "retry_back_off.max_interval", diag);
	if (!status && policy->max_interval_ms < policy->base_interval_ms)
		return diag_at(diag, "retry_back_off.max_interval",
			       "must be at least base_interval");
	return status;
}

static enum status load_statuses(struct retry_policy *policy, const policy_message *message,
				 struct arena *arena, struct diag *diag)
{
	uint16_t *statuses = ARENA_NEW_ARRAY(arena, uint16_t, message->n_retriable_status_codes);

	for (size_t i = 0; i < message->n_retriable_status_codes; i++) {
		if (message->retriable_status_codes[i] > 999) {
			diag_set(diag, "must be a status code");
			diag_prefix(diag, "retriable_status_codes[%zu]", i);
			return STATUS_INVALID;
		}
		statuses[i] = (uint16_t)message->retriable_status_codes[i];
	}
	policy->statuses = statuses;
	policy->status_count = (uint32_t)message->n_retriable_status_codes;
	return STATUS_OK;
}

static enum status
load_host_predicate(struct retry_policy *policy,
		    const Envoy__Config__Route__V3__RetryPolicy__RetryHostPredicate *message,
		    const struct route_hooks *hooks, struct arena *arena, struct diag *diag)
{
	const Google__Protobuf__Any *any = message->typed_config;
	struct slice name = slice_of(message->name);
	enum status status = STATUS_OK;

	if (any_message_of(any, PREVIOUS_HOSTS) ||
	    (!any && slice_equal(name, SLICE("envoy.retry_host_predicates.previous_hosts")))) {
		policy->avoids_previous_hosts = true;
		return STATUS_OK;
	}
	if (any_message_of(any, OMIT_CANARY) ||
	    (!any && slice_equal(name, SLICE("envoy.retry_host_predicates.omit_canary_hosts")))) {
		policy->avoids_canary_hosts = true;
		return STATUS_OK;
	}
	const omit_metadata_message *omit = any_message_of(
		any,
		&envoy__extensions__retry__host__omit_host_metadata__v3__omit_host_metadata_config__descriptor);
	if (!omit)
		return diag_at(diag, "typed_config", "unknown retry host predicate \"%s\"",
			       any ? any->type_url : message->name);
	if (omit->metadata_match && hooks && hooks->load_metadata)
		status = hooks->load_metadata(hooks->context, omit->metadata_match, arena,
					      &policy->avoided_metadata, diag);
	return status;
}

static enum status load_hosts(struct retry_policy *policy, const policy_message *message,
			      const struct route_hooks *hooks, struct arena *arena,
			      struct diag *diag)
{
	for (size_t i = 0; i < message->n_retry_host_predicate; i++) {
		enum status status = load_host_predicate(policy, message->retry_host_predicate[i],
							 hooks, arena, diag);
		if (status) {
			diag_prefix(diag, "retry_host_predicate[%zu]", i);
			return status;
		}
	}
	if (message->host_selection_retry_max_attempts < 0 ||
	    message->host_selection_retry_max_attempts > 100000)
		return diag_at(diag, "host_selection_retry_max_attempts", "must be 0 to 100000");
	if (message->host_selection_retry_max_attempts)
		policy->host_attempts = (uint32_t)message->host_selection_retry_max_attempts;
	if (!message->retry_priority)
		return STATUS_OK;

	const priorities_message *priorities = any_message_of(
		message->retry_priority->typed_config,
		&envoy__extensions__retry__priority__previous_priorities__v3__previous_priorities_config__descriptor);
	if (!priorities)
		return diag_at(diag, "retry_priority.typed_config", "unknown retry priority \"%s\"",
			       message->retry_priority->name);
	int frequency = (int)priorities->update_frequency;
	if (frequency <= 0)
		return diag_at(diag, "retry_priority.update_frequency", "must be > 0");
	policy->priority_update_frequency = (uint32_t)frequency;
	return STATUS_OK;
}

static enum status load_reset_headers(struct retry_policy *policy, const policy_message *message,
				      struct arena *arena, struct diag *diag)
{
	const Envoy__Config__Route__V3__RetryPolicy__RateLimitedRetryBackOff *m =
		message->rate_limited_retry_back_off;

	if (!m)
		return STATUS_OK;
	if (!m->n_reset_headers)
		return diag_at(diag, "rate_limited_retry_back_off.reset_headers", "is required");
	struct retry_reset_header *headers =
		ARENA_NEW_ARRAY(arena, struct retry_reset_header, m->n_reset_headers);
	for (size_t i = 0; i < m->n_reset_headers; i++) {
		if (!m->reset_headers[i]->name[0])
			return diag_at(diag, "rate_limited_retry_back_off.reset_headers",
				       "a name must not be empty");
		headers[i].name = header_name_of_config(m->reset_headers[i]->name, arena);
		headers[i].is_timestamp =
			m->reset_headers[i]->format ==
			ENVOY__CONFIG__ROUTE__V3__RETRY_POLICY__RESET_HEADER_FORMAT__UNIX_TIMESTAMP;
	}
	policy->reset_headers = headers;
	policy->reset_header_count = (uint32_t)m->n_reset_headers;
	return duration_load(&policy->reset_max_interval_ms, RESET_MAX_INTERVAL_MS, m->max_interval,
			     "rate_limited_retry_back_off.max_interval", diag);
}

enum status retry_policy_load(struct retry_policy *policy, const policy_message *message,
			      const struct route_hooks *hooks, struct arena *arena,
			      struct diag *diag)
{
	*policy = retry_policy_default;
	policy->on = retry_on_parse(slice_of(message->retry_on));
	if (message->num_retries)
		policy->retries = message->num_retries->value;
	if (message->n_retry_options_predicates) {
		diag_at(diag, "retry_options_predicates", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	enum status status = load_intervals(policy, message, diag);
	if (!status)
		status = load_statuses(policy, message, arena, diag);
	if (!status)
		status = header_matches_load(&policy->response_headers, "retriable_headers",
					     message->retriable_headers,
					     message->n_retriable_headers, arena, diag);
	if (!status)
		status = header_matches_load(&policy->request_headers, "retriable_request_headers",
					     message->retriable_request_headers,
					     message->n_retriable_request_headers, arena, diag);
	if (!status)
		status = load_hosts(policy, message, hooks, arena, diag);
	if (!status)
		status = load_reset_headers(policy, message, arena, diag);
	return status;
}

static bool one_matches(const struct header_matches *matches, const struct headers *headers)
{
	for (uint32_t i = 0; i < matches->count; i++)
		if (header_match_test(&matches->items[i], headers))
			return true;
	return false;
}

/* The field's value, and the field is gone. */
static struct slice take(struct headers *headers, enum header_id id)
{
	struct slice value = headers_get(headers, id);
	if (value.data)
		headers_remove_id(headers, id);
	return value;
}

static const struct header_ids asked_names = {{RETRY_ASKED_NAMES(0), RETRY_ASKED_NAMES(1)}};

static COLD void take_numbers_and_names(struct retry_plan *plan, struct headers *request)
{
	uint64_t number;

	if (slice_to_uint64(take(request, HEADER_X_ENVOY_MAX_RETRIES), &number) && plan->on)
		plan->left = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
	struct slice codes = take(request, HEADER_X_ENVOY_RETRIABLE_STATUS_CODES);
	while (codes.len && plan->status_count < RETRY_HEADER_STATUSES_MAX)
		if (slice_to_uint64(next_item(&codes), &number) && number <= 999)
			plan->statuses[plan->status_count++] = (uint16_t)number;
	struct slice names = take(request, HEADER_X_ENVOY_RETRIABLE_HEADER_NAMES);
	if (names.len)
		plan->header_names = names;
}

void retry_plan_init(struct retry_plan *plan, const struct retry_policy *policy,
		     struct headers *request)
{
	bool has_asked = headers_has_any(request, &asked_names);

	if (!policy)
		policy = &retry_policy_default;
	*plan = (struct retry_plan){
		.policy = policy,
		.on = policy->on,
		.left = policy->retries,
		.header_names = {"", 0},
	};
	if (UNLIKELY(has_asked)) {
		plan->on |=
			retry_on_parse(take(request, HEADER_X_ENVOY_RETRY_ON)) & ~GRPC_CONDITIONS;
		plan->on |= retry_on_parse(take(request, HEADER_X_ENVOY_RETRY_GRPC_ON)) &
			    GRPC_CONDITIONS;
	}
	if (policy->request_headers.count && !one_matches(&policy->request_headers, request))
		plan->on = 0;
	if (UNLIKELY(has_asked))
		take_numbers_and_names(plan, request);
}

static bool has_status(const struct retry_plan *plan, uint64_t status)
{
	for (uint32_t i = 0; i < plan->policy->status_count; i++)
		if (plan->policy->statuses[i] == status)
			return true;
	for (unsigned i = 0; i < plan->status_count; i++)
		if (plan->statuses[i] == status)
			return true;
	return false;
}

/* One of the names that the request itself listed. */
static bool has_named_header(const struct retry_plan *plan, const struct headers *response)
{
	struct slice rest = plan->header_names;

	while (rest.len) {
		struct slice item = next_item(&rest);
		for (struct header *h = NULL; (h = headers_next(response, h));)
			if (slice_equal_nocase(header_name(h), item))
				return true;
	}
	return false;
}

static uint32_t grpc_bit(uint64_t status)
{
	switch (status) {
#define RETRY_ON_CASE(name, text, code)                                                            \
	case code:                                                                                 \
		return RETRY_ON(name);
		RETRY_ON_GRPC_TABLE(RETRY_ON_CASE)
#undef RETRY_ON_CASE
	}
	return 0;
}

bool retry_plan_wants_response(const struct retry_plan *plan, const struct headers *response)
{
	uint32_t on = plan->on;
	uint64_t status, grpc;

	if (LIKELY(!on))
		return false;
	if (headers_has(response, HEADER_X_ENVOY_RATELIMITED))
		return on & RETRY_ON(ENVOY_RATELIMITED);
	if (!slice_to_uint64(headers_get(response, HEADER_STATUS), &status))
		status = 0;
	if ((on & RETRY_ON(5XX)) && status >= 500 && status < 600)
		return true;
	if ((on & RETRY_ON(GATEWAY_ERROR)) && status >= 502 && status <= 504)
		return true;
	if ((on & RETRY_ON(RETRIABLE_4XX)) && status == 409)
		return true;
	if ((on & RETRY_ON(RETRIABLE_STATUS_CODES)) && has_status(plan, status))
		return true;
	if ((on & RETRY_ON(RETRIABLE_HEADERS)) &&
	    (one_matches(&plan->policy->response_headers, response) ||
	     has_named_header(plan, response)))
		return true;
	return slice_to_uint64(headers_get(response, HEADER_GRPC_STATUS), &grpc) &&
	       (on & grpc_bit(grpc));
}

bool retry_plan_wants_reset(const struct retry_plan *plan, const struct retry_reset *reset)
{
	uint32_t on = plan->on;
	bool is_connect_failure =
		reset->reason == REPLY_CONNECT_FAILURE || reset->reason == REPLY_CONNECT_TIMEOUT;

	if (!on || reset->reason == REPLY_OVERFLOW)
		return false;
	if ((on & RETRY_ON(RESET_BEFORE_REQUEST)) && !reset->was_request_sent)
		return true;
	if (on & (RETRY_ON(5XX) | RETRY_ON(GATEWAY_ERROR) | RETRY_ON(RESET)))
		return true;
	if ((on & RETRY_ON(REFUSED_STREAM)) && reset->was_refused)
		return true;
	return (on & RETRY_ON(CONNECT_FAILURE)) && is_connect_failure;
}

/* What the server said, with up to half of it on top so that clients don't return all at once. */
static bool delay_of_server(const struct retry_policy *policy, const struct headers *response,
			    uint64_t now_unix_s, uint64_t random, uint32_t *ms)
{
	for (uint32_t i = 0; response && i < policy->reset_header_count; i++) {
		const struct header *h = headers_find(response, policy->reset_headers[i].name);
		uint64_t seconds;
		if (!h || !slice_to_uint64(header_value(h), &seconds))
			continue;
		if (policy->reset_headers[i].is_timestamp)
			seconds = seconds > now_unix_s ? seconds - now_unix_s : 0;
		if (!seconds || seconds > policy->reset_max_interval_ms / 1000)
			continue;
		uint64_t delay = seconds * 1000;
		delay += random % (delay / 2 + 1);
		*ms = delay < UINT32_MAX ? (uint32_t)delay : UINT32_MAX;
		return true;
	}
	return false;
}

uint32_t retry_plan_take(struct retry_plan *plan, const struct headers *response,
			 uint64_t now_unix_s, uint64_t random)
{
	const struct retry_policy *policy = plan->policy;
	uint32_t done = plan->done++, ms;

	plan->left--;
	plan->was_server_asked = delay_of_server(policy, response, now_unix_s, random, &ms);
	if (plan->was_server_asked)
		return ms;
	uint64_t interval = policy->base_interval_ms;
	while (done-- && interval < policy->max_interval_ms)
		interval *= 2;
	if (interval > policy->max_interval_ms)
		interval = policy->max_interval_ms;
	return (uint32_t)(random % interval);
}
