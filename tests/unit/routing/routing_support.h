/* For tests of routing: tables from text, requests in a line. */
#ifndef TESTS_UNIT_ROUTING_ROUTING_SUPPORT_H
#define TESTS_UNIT_ROUTING_ROUTING_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"
#include "routing/rpc_match.h"
#include "routing/table.h"
#include "xds/yaml_message.h"

#define TABLE_TYPE (&envoy__config__route__v3__route_configuration__descriptor)
#define RPC_TABLE_TYPE                                                                             \
	(&envoy__extensions__filters__network__dubbo_proxy__v3__multiple_route_configuration__descriptor)

struct routing_fixture {
	struct arena arena;  /* messages and tables */
	struct arena stream; /* requests; emptied by `request` */
	struct headers headers;
	struct route_match_input input;
	struct route_hooks hooks;
	struct diag diag;
	char said[1200];
	uint64_t random;
};

static uint32_t fixture_cluster_slot(void *context, struct slice name)
{
	(void)context;
	return (uint32_t)name.len; /* something that tells them apart well enough */
}

static bool fixture_cluster_exists(void *context, struct slice name)
{
	(void)context;
	return !slice_equal(name, SLICE("nope"));
}

static inline int routing_setup(void **state)
{
	struct routing_fixture *f = calloc(1, sizeof *f);
	ProtobufCMessage *runtime;
	arena_init(&f->arena, 65536);
	arena_init(&f->stream, 4096);
	assert_int_equal(yaml_message_parse(
				 SLICE("layers: [{name: a, static_layer: {r.on: 100, r.off: 0}}]"),
				 NULL, &envoy__config__bootstrap__v3__layered_runtime__descriptor,
				 NULL, &f->arena, &runtime, &f->diag),
			 STATUS_OK);
	f->hooks = (struct route_hooks){
		.cluster_slot = fixture_cluster_slot,
		.cluster_exists = fixture_cluster_exists,
		.runtime = (const void *)runtime,
	};
	*state = f;
	return 0;
}

static inline int routing_teardown(void **state)
{
	struct routing_fixture *f = *state;
	arena_free(&f->stream);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static inline void *message_of(struct routing_fixture *f, const ProtobufCMessageDescriptor *type,
			       const char *yaml)
{
	ProtobufCMessage *message = NULL;
	if (yaml_message_parse(slice_of(yaml), "t.yaml", type, NULL, &f->arena, &message, &f->diag))
		fail_msg("%s\nin:\n%s", diag_format(&f->diag, f->said, sizeof f->said), yaml);
	return message;
}

/* A table, or NULL and the reason in f->said. */
static inline const struct route_table *table_try(struct routing_fixture *f, const char *yaml)
{
	struct route_table_options options = {&f->hooks, true};
	const struct route_table *table;
	f->diag = (struct diag){0};
	if (!route_table_load(&table, message_of(f, TABLE_TYPE, yaml), &options, &f->arena,
			      &f->diag))
		return table;
	diag_format(&f->diag, f->said, sizeof f->said);
	return NULL;
}

static inline const struct route_table *table_of(struct routing_fixture *f, const char *yaml)
{
	const struct route_table *table = table_try(f, yaml);
	if (!table)
		fail_msg("%s\nin:\n%s", f->said, yaml);
	return table;
}

/* One virtual host for all, with these routes (a YAML list in one line). */
static inline const struct route_table *table_of_routes(struct routing_fixture *f,
							const char *routes)
{
	return table_of(f, arena_printf(&f->arena,
					"virtual_hosts: [{name: v, domains: ['*'], routes: %s}]",
					routes));
}

static inline const struct route_table *rpc_table_try(struct routing_fixture *f, const char *yaml)
{
	struct route_table_options options = {&f->hooks, true};
	Envoy__Extensions__Filters__Network__DubboProxy__V3__MultipleRouteConfiguration *m =
		message_of(f, RPC_TABLE_TYPE, yaml);
	const struct route_table *table;
	f->diag = (struct diag){0};
	if (!route_table_load_rpc(&table, m->name, m->route_config, m->n_route_config, &options,
				  &f->arena, &f->diag))
		return table;
	diag_format(&f->diag, f->said, sizeof f->said);
	return NULL;
}

/* Fills f->headers: "GET /path" on host, and further "name: value" lines. */
static inline struct headers *request(struct routing_fixture *f, const char *line, const char *host,
				      const char *more)
{
	const char *space = strchr(line, ' ');
	arena_reset(&f->stream);
	headers_init(&f->headers, &f->stream, 4);
	headers_add_id(&f->headers, HEADER_METHOD, slice_make(line, (size_t)(space - line)));
	headers_add_id(&f->headers, HEADER_SCHEME, SLICE("http"));
	headers_add_id(&f->headers, HEADER_AUTHORITY, slice_of(host));
	headers_add_id(&f->headers, HEADER_PATH, slice_of(space + 1));
	while (more && *more) {
		const char *colon = strchr(more + 1, ':'), *end = strchrnul(more, '\n');
		struct slice value = slice_trim(slice_make(colon + 1, (size_t)(end - colon - 1)));
		headers_add(&f->headers, slice_make(more, (size_t)(colon - more)), value);
		more = *end ? end + 1 : end;
	}
	return &f->headers;
}

static inline const struct route *route_of(struct routing_fixture *f,
					   const struct route_table *table, const char *line,
					   const char *host, const char *more)
{
	route_match_input_init(&f->input, request(f, line, host, more), f->random);
	return route_table_match(table, &f->input, NULL);
}

/* The direct response's body of the route, "-" when none matches. */
static inline const char *answer(struct routing_fixture *f, const struct route_table *table,
				 const char *line, const char *host, const char *more)
{
	const struct route *route = route_of(f, table, line, host, more);
	if (!route)
		return "-";
	assert_int_equal(route->kind, ROUTE_DIRECT_RESPONSE);
	return route->direct_response->body.data;
}

/* The first value of a field, "-" if there is none, as a string. */
static inline const char *field(struct routing_fixture *f, const char *name)
{
	const struct header *h = headers_find(&f->headers, slice_of(name));
	return h ? arena_string(&f->stream, header_value(h)) : "-";
}

/* All values of a field, joined by '|', "-" if there is none. */
static inline const char *fields(struct routing_fixture *f, const char *name)
{
	const struct header *h = headers_find(&f->headers, slice_of(name));
	char *text = h ? arena_string(&f->stream, header_value(h)) : "-";
	while (h && (h = headers_find_next(&f->headers, h)))
		text = arena_printf(&f->stream, "%s|%.*s", text, SLICE_FMT(header_value(h)));
	return text;
}

#define ROUTING_TEST(name) cmocka_unit_test_setup_teardown(name, routing_setup, routing_teardown)

#endif
