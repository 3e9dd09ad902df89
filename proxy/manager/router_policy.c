#include "manager/router_private.h"
#include "routing/policy.h"
#include "stream/reply.h"

static bool refuse(struct router *r, const struct policy_choice *choice)
{
	const struct reply_reason_row *row = &reply_reasons[choice->reason];
	struct local_reply reply = {
		.reason = choice->reason,
		.http_status = (uint16_t)(choice->http_status ? choice->http_status : row->http),
		.grpc_status = -1,
		.text = choice->text.len ? choice->text : row->text};

	reply_send_details(r->stream, &reply, choice->details);
	return false;
}

static bool ask(struct router *r, const struct route_policy *policy, const void *config,
		struct policy_facts *facts, bool *is_moved)
{
	struct policy_choice choice = {.is_refused = false};

	policy->choose(config, facts, &choice);
	if (choice.is_refused)
		return refuse(r, &choice);
	if (choice.wish_count || choice.rule)
		narrowing_add(&r->narrowing, &choice, facts->arena);
	if (choice.cluster.len && !*is_moved) { /* what hosts must hold was said of the other one */
		r->pick.name = choice.cluster;
		r->pick.slot = choice.cluster_slot;
		r->pick.metadata_match = NULL;
		*is_moved = true;
	}
	return true;
}

bool router_ask_policies(struct router *r)
{
	struct stream *s = r->stream;
	struct policy_facts facts;
	bool is_moved = false;

	stream_facts(s, &facts);
	facts.route = r->route;
	for (unsigned i = 0; i < s->filter_count; i++) {
		const struct filter *f = &s->filters[i];
		facts.state = f->state;
		if (f->type->policy && (s->asks_policies || !f->type->is_policy_on_demand) &&
		    !ask(r, f->type->policy, f->config, &facts, &is_moved))
			return false;
	}
	facts.state = NULL;
	const struct policy_use *use = r->route->policy;
	return !use || ask(r, use->policy, use->config, &facts, &is_moved);
}
