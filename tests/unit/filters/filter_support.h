/* One filter between a client and the sink, configured by YAML, with routes if need be. */
#ifndef TESTS_UNIT_FILTERS_FILTER_SUPPORT_H
#define TESTS_UNIT_FILTERS_FILTER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "envoy/config/route/v3/route.pb-c.h"
#include "filters/registry.h"
#include "manager/routes.h"
#include "support/stream_fixture.h"
#include "xds/yaml_message.h"

static inline uint32_t filter_slot(const struct config_context *context, enum published_kind kind,
				   struct slice name)
{
	(void)context, (void)kind;
	return (uint32_t)name.len;
}

static inline bool filter_is_known(const struct config_context *context, enum published_kind kind,
				   struct slice name)
{
	(void)context, (void)kind, (void)name;
	return true;
}

static inline void filter_context(struct config_context *context, struct stream_fixture *f,
				  struct arena *arena)
{
	*context = (struct config_context){
		.arena = arena,
		.stats = f->stats,
		.stat_prefix = SLICE("http.test."),
		.service_cluster = SLICE("this"),
		.slot = filter_slot,
		.is_known = filter_is_known,
		.filter_type = filter_type_find,
	};
}

/* Without the rules of xds/constraints: what config_load gets to see is for it to judge. */
static inline void *filter_message(struct arena *arena, const ProtobufCMessageDescriptor *type,
				   const char *yaml)
{
	struct diag diag = {.line = 0};
	ProtobufCMessage *message = NULL;
	char said[1200];

	if (yaml_message_parse(slice_of(yaml), "t.yaml", type, NULL, arena, &message, &diag))
		fail_msg("%s\nin:\n%s", diag_format(&diag, said, sizeof said), yaml);
	return message;
}

/* A chain of this filter, named "it". */
static inline struct stream_fixture *filter_new(const struct filter_type *type, const char *yaml)
{
	struct chain_entry entry = {.type = type, .name = SLICE("it")};
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	struct config_context context;
	struct diag diag = {.line = 0};

	filter_context(&context, f, &f->arena);
	if (type->config_load(&f->entries[0].config, filter_message(&f->arena, type->message, yaml),
			      false, &context, &diag))
		fail_msg("%s: %s\nin:\n%s", diag.path, diag.text, yaml);
	return f;
}

/* One virtual host for all; routes: a YAML list in one line. host: more of the host, or NULL. */
static inline void filter_routes(struct stream_fixture *f, const char *routes, const char *host)
{
	struct config_context context;
	struct route_hooks hooks;
	struct route_table_options options = {.hooks = &hooks};
	struct diag diag = {.line = 0};

	filter_context(&context, f, &f->arena);
	routes_hooks(&hooks, &context);
	const char *yaml =
		arena_printf(&f->arena, "virtual_hosts: [{name: v, domains: ['*'], %s routes: %s}]",
			     host ? host : "", routes);
	if (route_table_load(
		    &f->routes,
		    filter_message(&f->arena,
				   &envoy__config__route__v3__route_configuration__descriptor,
				   yaml),
		    &options, &f->arena, &diag))
		fail_msg("%s: %s\nin:\n%s", diag.path, diag.text, yaml);
}

/* config_load must refuse this, with a text that has the reason in it. */
static inline void filter_refused(const struct filter_type *type, const char *yaml,
				  const char *path, const char *reason)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config;

	filter_context(&context, f, &f->arena);
	if (!type->config_load(&config, filter_message(&f->arena, type->message, yaml), false,
			       &context, &diag))
		fail_msg("accepted: %s", yaml);
	assert_string_equal(diag.path, path);
	if (!strstr(diag.text, reason))
		fail_msg("'%s' is not in '%s'", reason, diag.text);
	stream_fixture_free(f);
}

/* The trace of a request without a body, answered with 200 where it comes through. */
static inline const char *filter_get(struct stream_fixture *f, const char *lines)
{
	fixture_headers(f, lines, true);
	if (f->stream)
		fixture_answer_headers(f, "200", true);
	fixture_settle(f);
	return fixture_take(f);
}

/* The value of a header of the request as the filter left it, "-" for none. While the stream is
 * open: before it is answered. */
static inline const char *filter_asked(struct stream_fixture *f, const char *name)
{
	if (!f->stream)
		fail_msg("%s: the stream is over, and its headers with it", name);
	const struct header *h = headers_find(f->request, slice_of(name));
	return h ? arena_string(&f->arena, header_value(h)) : "-";
}

/* Whether the answer sent has the field ("name=value"). */
static inline bool filter_answered(struct stream_fixture *f, const char *field)
{
	return strstr(fixture_sent_headers(f), field);
}

/* A statistic's value; scope_name: as config_scope was given it, "http.test." before what is a
 * chain's. */
static inline uint64_t filter_counted(struct stream_fixture *f, const struct stat_type *type,
				      const char *scope_name, unsigned id)
{
	struct stat_scope *scope = stat_scope_take(f->stats, type, slice_of(scope_name));
	uint64_t value = stat_value(f->stats, scope, id);
	stat_scope_drop(f->stats, scope);
	return value;
}

#endif
