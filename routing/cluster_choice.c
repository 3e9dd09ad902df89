#include "routing/cluster_choice.h"

#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/route/v3/route_components.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "routing/header_match.h"

#define SPECIFIER(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_##kind
#define RANDOM(kind) ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__RANDOM_VALUE_SPECIFIER_##kind
#define HOST(kind)                                                                                 \
	ENVOY__CONFIG__ROUTE__V3__WEIGHTED_CLUSTER__CLUSTER_WEIGHT__HOST_REWRITE_SPECIFIER_##kind
#define SUBSET_NAMESPACE "envoy.lb"

typedef Envoy__Config__Route__V3__WeightedCluster weighted_message;
typedef Envoy__Config__Route__V3__WeightedCluster__ClusterWeight weight_message;
typedef Envoy__Config__Core__V3__Metadata metadata_message;

enum status route_metadata_load(const void **metadata, const metadata_message *message,
				const struct route_build *build, struct diag *diag)
{
	*metadata = NULL;
	if (!message || !build->hooks || !build->hooks->load_metadata)
		return STATUS_OK;
	return build->hooks->load_metadata(build->hooks->context, message, build->arena, metadata,
					   diag);
}

/* The fields of the load balancer's namespace, or NULL. */
static const Google__Protobuf__Struct *subset_of(const metadata_message *metadata)
{
	for (size_t i = 0; metadata && i < metadata->n_filter_metadata; i++)
		if (!strcmp(metadata->filter_metadata[i]->key, SUBSET_NAMESPACE))
			return metadata->filter_metadata[i]->value;
	return NULL;
}

static bool has_field(const Google__Protobuf__Struct *fields, const char *key)
{
	for (size_t i = 0; fields && i < fields->n_fields; i++)
		if (!strcmp(fields->fields[i]->key, key))
			return true;
	return false;
}

/* What the weighted cluster asks of hosts, and of the route's demands those that it doesn't repeat.
 */
static enum status load_merged(const void **metadata, const metadata_message *route,
			       const metadata_message *own, const struct route_build *build,
			       struct diag *diag)
{
	const Google__Protobuf__Struct *base = subset_of(route), *over = subset_of(own);
	Google__Protobuf__Struct fields = GOOGLE__PROTOBUF__STRUCT__INIT;
	Envoy__Config__Core__V3__Metadata__FilterMetadataEntry entry =
		ENVOY__CONFIG__CORE__V3__METADATA__FILTER_METADATA_ENTRY__INIT;
	Envoy__Config__Core__V3__Metadata__FilterMetadataEntry *entries = &entry;
	metadata_message merged = ENVOY__CONFIG__CORE__V3__METADATA__INIT;

	if (!own || !route)
		return route_metadata_load(metadata, own ? own : route, build, diag);
	fields.fields = ARENA_NEW_ARRAY(build->arena, Google__Protobuf__Struct__FieldsEntry *,
					(base ? base->n_fields : 0) + (over ? over->n_fields : 0));
	for (size_t i = 0; over && i < over->n_fields; i++)
		fields.fields[fields.n_fields++] = over->fields[i];
	for (size_t i = 0; base && i < base->n_fields; i++)
		if (!has_field(over, base->fields[i]->key))
			fields.fields[fields.n_fields++] = base->fields[i];
	entry.key = SUBSET_NAMESPACE;
	entry.value = &fields;
	merged.n_filter_metadata = 1;
	merged.filter_metadata = &entries;
	return route_metadata_load(metadata, &merged, build, diag);
}

static enum status load_name(struct slice *name, uint32_t *slot, const char *text,
			     const struct route_build *build, struct diag *diag)
{
	const struct route_hooks *hooks = build->hooks;

	*name = arena_slice(build->arena, slice_of(text));
	*slot = CLUSTER_SLOT_NONE;
	if (!hooks)
		return STATUS_OK;
	if (build->validates_clusters && hooks->cluster_exists &&
	    !hooks->cluster_exists(hooks->context, *name))
		return diag_set(diag, "unknown cluster '%s'", text);
	if (hooks->cluster_slot)
		*slot = hooks->cluster_slot(hooks->context, *name);
	return STATUS_OK;
}

static enum status load_weight(struct weighted_cluster *cluster, const weight_message *message,
			       const metadata_message *route_metadata,
			       const struct route_build *build, struct diag *diag)
{
	struct filter_config_message *filters = ARENA_NEW_ARRAY(
		build->arena, struct filter_config_message, message->n_typed_per_filter_config);
	enum status status = STATUS_OK;

	if (!message->name[0] == !message->cluster_header[0])
		return diag_set(diag, "one of name, cluster_header is required");
	if (!message->weight)
		return diag_at(diag, "weight", "is required");
	cluster->weight = message->weight->value;
	cluster->slot = CLUSTER_SLOT_NONE;
	if (message->name[0])
		status = load_name(&cluster->name, &cluster->slot, message->name, build, diag);
	if (status) {
		diag_prefix(diag, "name");
		return status;
	}
	cluster->from_header = header_name_of_config(message->cluster_header, build->arena);
	cluster->host_rewrite = SLICE("");
	if (message->host_rewrite_specifier_case == HOST(HOST_REWRITE_LITERAL))
		cluster->host_rewrite =
			arena_slice(build->arena, slice_of(message->host_rewrite_literal));
	status = HEADER_MUTATIONS_LOAD(&cluster->request, request, message, build->arena, diag);
	if (!status)
		status = HEADER_MUTATIONS_LOAD(&cluster->response, response, message, build->arena,
					       diag);
	FILTER_CONFIG_MESSAGES_READ(filters, message)
	if (!status)
		status = filter_configs_load(&cluster->filter_configs, filters,
					     message->n_typed_per_filter_config, NULL, build->hooks,
					     build->arena, diag);
	if (status)
		return status;
	status = load_merged(&cluster->metadata_match, route_metadata, message->metadata_match,
			     build, diag);
	if (status)
		diag_prefix(diag, "metadata_match");
	return status;
}

static enum status load_weights(struct cluster_choice *choice, const weighted_message *message,
				const metadata_message *metadata, const struct route_build *build,
				struct diag *diag)
{
	struct weighted_clusters *weighted = ARENA_NEW(build->arena, struct weighted_clusters);
	struct weighted_cluster *items =
		ARENA_NEW_ARRAY(build->arena, struct weighted_cluster, message->n_clusters);
	uint64_t total = 0;

	if (!message->n_clusters)
		return diag_at(diag, "clusters", "at least one is required");
	for (size_t i = 0; i < message->n_clusters; i++) {
		enum status status =
			load_weight(&items[i], message->clusters[i], metadata, build, diag);
		if (status) {
			diag_prefix(diag, "clusters[%zu]", i);
			return status;
		}
		total += items[i].weight;
	}
	if (!total)
		return diag_at(diag, "clusters", "the sum of all weights must be > 0");
	if (total > UINT32_MAX)
		return diag_at(diag, "clusters", "the sum of all weights exceeds 4294967295");
	weighted->items = items;
	weighted->count = (uint32_t)message->n_clusters;
	weighted->total_weight = (uint32_t)total;
	weighted->header = SLICE("");
	if (message->random_value_specifier_case == RANDOM(HEADER_NAME))
		weighted->header = header_name_of_config(message->header_name, build->arena);
	if (message->random_value_specifier_case == RANDOM(USE_HASH_POLICY))
		weighted->by_hash = message->use_hash_policy->value;
	choice->kind = CLUSTER_WEIGHTED;
	choice->slot = CLUSTER_SLOT_NONE;
	choice->weighted = weighted;
	return STATUS_OK;
}

static enum status load_match(struct cluster_choice *choice, const metadata_message *message,
			      const struct route_build *build, struct diag *diag)
{
	enum status status = route_metadata_load(&choice->metadata_match, message, build, diag);

	if (status)
		diag_prefix(diag, "metadata_match");
	return status;
}

enum status cluster_choice_load_named(struct cluster_choice *choice, const char *name,
				      const metadata_message *metadata_match,
				      const struct route_build *build, struct diag *diag)
{
	if (!name[0])
		return diag_at(diag, "cluster", "must not be empty");
	choice->kind = CLUSTER_NAMED;
	enum status status = load_name(&choice->name, &choice->slot, name, build, diag);
	if (status) {
		diag_prefix(diag, "cluster");
		return status;
	}
	return load_match(choice, metadata_match, build, diag);
}

enum status cluster_choice_load_weighted(struct cluster_choice *choice,
					 const weighted_message *message,
					 const metadata_message *metadata_match,
					 const struct route_build *build, struct diag *diag)
{
	enum status status = load_weights(choice, message, metadata_match, build, diag);

	if (status) {
		diag_prefix(diag, "weighted_clusters");
		return status;
	}
	return load_match(choice, metadata_match, build, diag);
}

enum status cluster_choice_load(struct cluster_choice *choice,
				const Envoy__Config__Route__V3__RouteAction *message,
				const struct route_build *build, struct diag *diag)
{
	switch ((int)message->cluster_specifier_case) {
	case SPECIFIER(CLUSTER):
		return cluster_choice_load_named(choice, message->cluster, message->metadata_match,
						 build, diag);
	case SPECIFIER(WEIGHTED_CLUSTERS):
		return cluster_choice_load_weighted(choice, message->weighted_clusters,
						    message->metadata_match, build, diag);
	case SPECIFIER(CLUSTER_HEADER):
		if (!header_name_is_valid(slice_of(message->cluster_header)))
			return diag_at(diag, "cluster_header", "not a header name");
		choice->kind = CLUSTER_FROM_HEADER;
		choice->name = header_name_of_config(message->cluster_header, build->arena);
		choice->slot = CLUSTER_SLOT_NONE;
		return load_match(choice, message->metadata_match, build, diag);
	case SPECIFIER(CLUSTER_SPECIFIER_PLUGIN):
	case SPECIFIER(INLINE_CLUSTER_SPECIFIER_PLUGIN):
		diag_at(diag, "cluster_specifier_plugin", "is not supported");
		return STATUS_UNSUPPORTED;
	}
	return diag_set(diag, "one of cluster, cluster_header, weighted_clusters is required");
}

/* The number that a client sent, or the random one. A field that came twice says none: who made it
 * so can't be told. */
static uint64_t number_for_weights(const struct weighted_clusters *weighted,
				   const struct headers *headers, uint64_t random,
				   const uint64_t *hash)
{
	const struct header *h;
	uint64_t number;

	if (weighted->by_hash && hash)
		return *hash;
	if (weighted->header.len) {
		h = headers_find(headers, weighted->header);
		if (h && !headers_find_next(headers, h) &&
		    slice_to_uint64(header_value(h), &number))
			return number;
	}
	return random;
}

static bool pick_from_header(struct slice header, const struct headers *headers,
			     struct cluster_pick *pick)
{
	const struct header *h = headers_find(headers, header);

	if (!h || !h->value_len)
		return false;
	pick->name = header_value(h);
	pick->slot = CLUSTER_SLOT_NONE;
	return true;
}

bool cluster_choice_pick(const struct cluster_choice *choice, const struct headers *headers,
			 uint64_t random, const uint64_t *hash, struct cluster_pick *pick)
{
	*pick = (struct cluster_pick){.slot = choice->slot,
				      .metadata_match = choice->metadata_match};
	if (LIKELY(choice->kind == CLUSTER_NAMED)) {
		pick->name = choice->name;
		return true;
	}
	if (choice->kind == CLUSTER_FROM_HEADER)
		return pick_from_header(choice->name, headers, pick);

	const struct weighted_clusters *weighted = choice->weighted;
	const struct weighted_cluster *w = weighted->items;
	uint64_t at = number_for_weights(weighted, headers, random, hash) % weighted->total_weight;
	while (at >= w->weight) {
		at -= w->weight;
		w++;
	}
	pick->weighted = w;
	pick->metadata_match = w->metadata_match;
	if (!w->name.len)
		return pick_from_header(w->from_header, headers, pick);
	pick->name = w->name;
	pick->slot = w->slot;
	return true;
}
