#include "manager/route_find.h"

#include "manager/routes.h"
#include "routing/virtual_host.h"
#include "stream/stream.h"

static const struct route_table *pinned_table(struct stream *s, uint32_t slot)
{
	struct pin *pin = s->routes_pin;

	if (!pin) {
		pin = pin_find(&s->worker->pins, PUBLISHED_ROUTES, slot);
		if (!pin)
			return NULL;
		s->routes_pin = pin_take(pin);
	}
	return routes_table(pin->object);
}

void route_find_table(struct stream *s, const struct route_table *own, uint32_t slot)
{
	s->routes = own ? own : pinned_table(s, slot);
}

void route_found(struct stream *s, const struct route *route)
{
	s->route = route;
	s->virtual_host = route ? route->virtual_host : NULL;
	if (!route)
		return;
	s->info.route_name = route->name;
	s->info.virtual_host_name = s->virtual_host->name;
}

void route_find(struct stream *s, const struct route_table *own, uint32_t slot)
{
	struct route_match_input input;

	if (!s->routes)
		route_find_table(s, own, slot);
	route_match_input_init(&input, s->request, s->random);
	input.metadata = s->info.metadata;
	route_found(s, s->routes ? route_table_match(s->routes, &input, NULL) : NULL);
}
