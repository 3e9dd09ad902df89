#include "filters/rbac/rbac.h"

#include "stream/worker_context.h"
#include "telemetry/stats_network.h"

/* The same for requests and connections. stats: where it is counted. */
static bool decide(const struct rbac_config *config, const struct rbac_config *stats,
		   const struct rbac_input *input, struct stats_shard *shard,
		   const struct rbac_policy **policy)
{
	const struct rbac_policy *shadow_policy;

	*policy = NULL;
	if (config->shadow)
		stat_inc(shard, stats->shadow_stats,
			 rbac_allows(config->shadow, input, &shadow_policy)
				 ? RBAC_SHADOW_STAT_ALLOWED
				 : RBAC_SHADOW_STAT_DENIED);
	if (!config->rules)
		return true;
	bool is_allowed = rbac_allows(config->rules, input, policy);
	stat_inc(shard, stats->stats, is_allowed ? RBAC_STAT_ALLOWED : RBAC_STAT_DENIED);
	return is_allowed;
}

/* "rbac_access_denied_matched_policy[name]", without spaces. */
static struct slice denial(struct filter *f, const struct rbac_policy *policy)
{
	if (!policy)
		return reply_reasons[REPLY_RBAC_DENIED].details;
	char *text = arena_printf(filter_arena(f), "rbac_access_denied_matched_policy[%.*s]",
				  SLICE_FMT(policy->name));
	for (char *c = text; *c; c++)
		if (*c == ' ' || (*c >= '\t' && *c <= '\r'))
			*c = '_';
	return slice_of(text);
}

enum filter_status rbac_request_headers(struct filter *f, struct headers *headers, bool end)
{
	const struct stream_info *info = filter_info(f);
	const struct rbac_policy *policy;
	struct rbac_input input = {
		.headers = headers,
		.metadata = info->metadata,
		.direct_remote = info->downstream_direct_remote,
		.remote = info->downstream_remote,
		.local = info->downstream_local,
		.server_name = info->requested_server_name,
	};

	(void)end;
	if (decide(f->config, filter_chain_config(f), &input, filter_stats(f), &policy))
		return FILTER_CONTINUE;
	filter_reply_with(f, REPLY_RBAC_DENIED, 0, -1, reply_reasons[REPLY_RBAC_DENIED].text,
			  denial(f, policy));
	return FILTER_REPLIED;
}

bool rbac_admit(const void *config, struct accepted *accepted)
{
	const struct rbac_policy *policy;
	struct rbac_input input = {
		.direct_remote = &accepted->remote,
		.remote = &accepted->remote,
		.local = &accepted->local,
	};
	return decide(config, config, &input, accepted->worker->stats, &policy);
}
