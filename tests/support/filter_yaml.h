/* What unit/filters/filter_support.h does, for tests of filters whose own headers don't go together
 * with those of xds/ and routing/.
 *
 * A failure fails the test. */
#ifndef SUPPORT_FILTER_YAML_H
#define SUPPORT_FILTER_YAML_H

#include "stream/filter.h"
#include "support/stream_fixture.h"

struct sentinel_applications;

/* A filter's configuration in that listener, loaded into the arena. */
const void *filter_yaml_load(const struct filter_type *type, struct stream_fixture *f,
			     struct arena *arena, struct sentinel_applications *sentinel,
			     const char *listener, const char *yaml);
/* config_load must refuse this, with a text that has the reason in it. */
void filter_yaml_refused(const struct filter_type *type, const char *yaml, const char *path,
			 const char *reason);
/* One virtual host for all; routes: a YAML list. */
void filter_yaml_routes(struct stream_fixture *f, const char *routes);
/* The trace of a request without a body, answered with 200 where it comes through. */
const char *filter_yaml_get(struct stream_fixture *f, const char *lines);

#endif
