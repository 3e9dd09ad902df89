#include "stream/filter.h"

#include "routing/policy.h"
#include "routing/route.h"
#include "stream/chain.h"
#include "stream/session.h"
#include "stream/stream.h"

const struct route *filter_route(const struct filter *f)
{
	struct stream *s = f->stream;
	if (s->is_route_stale) {
		s->is_route_stale = false;
		s->session->config->type->find_route(s);
	}
	return s->route;
}

void filter_clear_route(struct filter *f)
{
	f->stream->is_route_stale = true;
}

struct slice filter_cluster_name(const struct filter *f)
{
	const struct stream *s = f->stream;
	const struct route *route = filter_route(f);
	struct cluster_pick pick;

	if (!route || route->kind != ROUTE_FORWARD ||
	    !route_pick_cluster(route, s->request, s->random, NULL, &pick))
		return (struct slice){0};
	return pick.name;
}

void filter_facts(const struct filter *f, struct policy_facts *facts)
{
	stream_facts(f->stream, facts);
	facts->route = filter_route(f);
	facts->state = f->state;
}

const void *filter_chain_config(const struct filter *f)
{
	return f->entry->config;
}

unsigned filter_route_configs(const struct filter *f, const struct filter_config **configs)
{
	const struct route *route = filter_route(f);
	unsigned count = route ? route_filter_configs(route, NULL, f->entry->name, configs) : 0;
	unsigned used = 0;

	for (unsigned i = 0; i < count; i++) /* of another filter's type: as if it weren't there */
		if (!configs[i]->type || configs[i]->type == f->type)
			configs[used++] = configs[i];
	return used;
}

void filter_ask_policy(struct filter *f)
{
	f->stream->asks_policies = true;
}

struct headers *filter_request(const struct filter *f)
{
	return f->stream->request;
}

void filter_set_buffer_limit(struct filter *f, uint32_t limit)
{
	f->stream->buffer_limit = limit;
}

struct arena *filter_arena(const struct filter *f)
{
	return &f->stream->arena;
}

struct scope *filter_scope(const struct filter *f)
{
	return &f->stream->scope;
}

struct stream_info *filter_info(const struct filter *f)
{
	return &f->stream->info;
}

bool filter_is_replied(const struct filter *f)
{
	return f->stream->is_replied;
}

struct worker_context *filter_worker(const struct filter *f)
{
	return f->stream->worker;
}

uint64_t filter_now_ms(const struct filter *f)
{
	return loop_now_ms(f->stream->worker->loop);
}

uint64_t filter_now_ns(const struct filter *f)
{
	return f->stream->worker->loop->now_ns;
}

uint64_t filter_random(struct filter *f)
{
	return random_next(&f->stream->worker->random);
}

struct stats_shard *filter_stats(const struct filter *f)
{
	return f->stream->worker->stats;
}

static void on_fire(struct timer *timer)
{
	struct filter_timer *t = container_of(timer, struct filter_timer, timer);
	scope_remove(&t->item);
	t->fire(t->filter);
}

static void on_cancel(struct scope_item *item)
{
	struct filter_timer *t = container_of(item, struct filter_timer, item);
	timer_cancel(&t->filter->stream->worker->loop->wheel, &t->timer);
}

void filter_timer_start(struct filter_timer *timer, struct filter *f, uint64_t delay_ms,
			void (*fire)(struct filter *f))
{
	if (!timer->filter)
		timer_init(&timer->timer, on_fire);
	timer->filter = f;
	timer->fire = fire;
	if (!list_is_linked(&timer->item.link))
		scope_add(&f->stream->scope, &timer->item, on_cancel);
	timer_start(&f->stream->worker->loop->wheel, &timer->timer, delay_ms);
}

void filter_timer_cancel(struct filter_timer *timer)
{
	if (!timer->filter)
		return;
	scope_remove(&timer->item);
	timer_cancel(&timer->filter->stream->worker->loop->wheel, &timer->timer);
}
