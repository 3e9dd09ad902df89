#include "support/filter_yaml.h"

#include "unit/filters/filter_support.h"

const void *filter_yaml_load(const struct filter_type *type, struct stream_fixture *f,
			     struct arena *arena, struct sentinel_applications *sentinel,
			     const char *listener, const char *yaml)
{
	struct config_ordinals ordinals = {.object = slice_of(listener)};
	struct config_context context;
	struct diag diag = {.line = 0};
	const void *config;

	filter_context(&context, f, arena);
	context.ordinals = &ordinals;
	context.sentinel = sentinel;
	context.has_peer_names = true;
	if (type->config_load(&config, filter_message(arena, type->message, yaml), false, &context,
			      &diag))
		fail_msg("%s: %s\nin:\n%s", diag.path, diag.text, yaml);
	return config;
}

void filter_yaml_refused(const struct filter_type *type, const char *yaml, const char *path,
			 const char *reason)
{
	filter_refused(type, yaml, path, reason);
}

void filter_yaml_routes(struct stream_fixture *f, const char *routes)
{
	filter_routes(f, routes, NULL);
}

const char *filter_yaml_get(struct stream_fixture *f, const char *lines)
{
	return filter_get(f, lines);
}
