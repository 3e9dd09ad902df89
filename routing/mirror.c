#include "routing/mirror.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "routing/header_match.h"

typedef Envoy__Config__Route__V3__RouteAction__RequestMirrorPolicy mirror_message;

static enum status load(struct mirror *mirror, const mirror_message *message, bool validates,
			const struct route_hooks *hooks, struct arena *arena, struct diag *diag)
{
	if (!message->cluster[0] == !message->cluster_header[0])
		return diag_set(diag, "one of cluster, cluster_header is required");
	if (message->n_request_headers_mutations) {
		diag_at(diag, "request_headers_mutations", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	mirror->cluster = arena_slice(arena, slice_of(message->cluster));
	mirror->from_header = header_name_of_config(message->cluster_header, arena);
	mirror->slot = CLUSTER_SLOT_NONE;
	mirror->fraction = (struct fraction){100, 100};
	if (message->runtime_fraction)
		mirror->fraction = fraction_load_runtime(message->runtime_fraction,
							 hooks ? hooks->runtime : NULL);
	mirror->keeps_host = message->disable_shadow_host_suffix_append;
	mirror->host_rewrite = arena_slice(arena, slice_of(message->host_rewrite_literal));
	if (!mirror->cluster.len || !hooks)
		return STATUS_OK;
	if (validates && hooks->cluster_exists &&
	    !hooks->cluster_exists(hooks->context, mirror->cluster))
		return diag_at(diag, "cluster", "unknown cluster '%s'", message->cluster);
	if (hooks->cluster_slot)
		mirror->slot = hooks->cluster_slot(hooks->context, mirror->cluster);
	return STATUS_OK;
}

enum status mirrors_load(struct mirrors *mirrors, mirror_message *const *messages, size_t count,
			 bool validates, const struct route_hooks *hooks, struct arena *arena,
			 struct diag *diag)
{
	struct mirror *items = ARENA_NEW_ARRAY(arena, struct mirror, count);

	if (count > MIRRORS_MAX)
		return diag_at(diag, "request_mirror_policies", "at most %d", MIRRORS_MAX);
	for (size_t i = 0; i < count; i++) {
		enum status status = load(&items[i], messages[i], validates, hooks, arena, diag);
		if (status) {
			diag_prefix(diag, "request_mirror_policies[%zu]", i);
			return status;
		}
	}
	*mirrors = (struct mirrors){items, (uint32_t)count};
	return STATUS_OK;
}
