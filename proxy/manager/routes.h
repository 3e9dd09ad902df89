/* Route tables and the configuration around them: how routing asks the rest of the house, and
 * tables that RDS publishes.
 *
 * Owner: a table in line is its listener's; a published one its references'. Thread: built by
 * builder or main, freed on main. */
#ifndef MANAGER_ROUTES_H
#define MANAGER_ROUTES_H

#include "base/published.h"
#include "routing/table.h"
#include "stream/config_context.h"

struct Envoy__Config__Route__V3__RouteConfiguration;
struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__Rds;

struct routes {
	struct published published; /* kind PUBLISHED_ROUTES, named as the RouteConfiguration */
	const struct route_table *table;
};

/* Fills the hooks; context must outlive them. */
void routes_hooks(struct route_hooks *hooks, const struct config_context *context);

/* Has the table that a manager names published, and gives its slot. Diag's path begins with "rds".
 */
enum status MUST_CHECK routes_load_rds(
	const struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__Rds *message,
	const struct config_context *context, uint32_t *slot, struct diag *diag);

/* Builds a table to be published. STATUS_INVALID with path and reason. */
enum status MUST_CHECK
routes_build(const struct Envoy__Config__Route__V3__RouteConfiguration *message,
	     const struct config_context *context, struct routes **routes, struct diag *diag);

static inline const struct route_table *routes_table(const struct published *object)
{
	return container_of(object, struct routes, published)->table;
}

#endif
