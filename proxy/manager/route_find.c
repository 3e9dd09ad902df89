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

void route_find(struct stream *s, const struct route_table *own, uint32_t slot)
{
	struct route_match_input input;

	route_match_input_init(&input, s->request, s->random);
	input.metadata = s->info.metadata;
	s->routes = own ? own : pinned_table(s, slot);
	s->route = s->routes ? route_table_match(s->routes, &input, NULL) : NULL;
	s->virtual_host = s->route ? s->route->virtual_host : NULL;
	if (!s->route)
		return;
	s->info.route_name = s->route->name;
	s->info.virtual_host_name = s->virtual_host->name;
}
