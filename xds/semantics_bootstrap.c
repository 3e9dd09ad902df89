/* Rules of the bootstrap: between its resources, and of its runtime layers. */
#include "base/hash.h"
#include "message_hash.h"
#include "semantics_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"

static bool binds_port(const Envoy__Config__Listener__V3__Listener *listener)
{
	const Envoy__Config__Core__V3__Address *address = listener->address;

	if (!address || (listener->bind_to_port && !listener->bind_to_port->value))
		return false;
	return address->address_case != ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS ||
	       address->socket_address->port_value;
}

static bool
listeners_hold(const Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources *resources,
	       const struct field_path *path, struct diag *diag)
{
	uint64_t *hashes = malloc((resources->n_listeners + 1) * sizeof *hashes);
	size_t earlier, later;

	invariant(hashes);
	for (size_t i = 0; i < resources->n_listeners; i++) /* what binds no port equals nothing */
		hashes[i] = binds_port(resources->listeners[i])
				    ? message_hash(&resources->listeners[i]->address->base)
				    : hash_uint64(i);
	bool found = semantics_find_equal(hashes, resources->n_listeners, &earlier, &later);
	free(hashes);
	if (!found)
		return true;
	char below[60];
	snprintf(below, sizeof below, "static_resources.listeners[%zu].address", later);
	return semantics_fault(diag, path, below, "listener %s listens there already",
			       resources->listeners[earlier]->name);
}

static bool clusters_hold(const Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources *resources,
			  const struct field_path *path, struct diag *diag)
{
	uint64_t *hashes = malloc((resources->n_clusters + 1) * sizeof *hashes);
	size_t earlier, later;

	invariant(hashes);
	for (size_t i = 0; i < resources->n_clusters; i++)
		hashes[i] = hash_bytes(slice_of(resources->clusters[i]->name));
	bool found = semantics_find_equal(hashes, resources->n_clusters, &earlier, &later);
	free(hashes);
	if (!found)
		return true;
	char below[60];
	snprintf(below, sizeof below, "static_resources.clusters[%zu].name", later);
	return semantics_fault(diag, path, below, "there is a cluster %s already",
			       resources->clusters[later]->name);
}

bool semantics_bootstrap(const ProtobufCMessage *message, const struct field_path *path,
			 struct diag *diag)
{
	const Envoy__Config__Bootstrap__V3__Bootstrap *bootstrap = (const void *)message;
	const Envoy__Config__Bootstrap__V3__Bootstrap__DynamicResources *dynamic =
		bootstrap->dynamic_resources;

	if (dynamic && (dynamic->lds_config || dynamic->cds_config || dynamic->ads_config) &&
	    (!bootstrap->node || !bootstrap->node->id[0] || !bootstrap->node->cluster[0]))
		return semantics_fault(
			diag, path, "node",
			"id and cluster must be set for dynamic resources, here or by "
			"--service-node and --service-cluster");
	return !bootstrap->static_resources ||
	       (listeners_hold(bootstrap->static_resources, path, diag) &&
		clusters_hold(bootstrap->static_resources, path, diag) &&
		semantics_references(message, path, diag));
}

bool semantics_runtime(const ProtobufCMessage *message, const struct field_path *path,
		       struct diag *diag)
{
	const Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime = (const void *)message;
	size_t admin_layers = 0;

	for (size_t i = 0; i < runtime->n_layers; i++) {
		char below[40];
		snprintf(below, sizeof below, "layers[%zu]", i);
		if (runtime->layers[i]->layer_specifier_case ==
			    ENVOY__CONFIG__BOOTSTRAP__V3__RUNTIME_LAYER__LAYER_SPECIFIER_ADMIN_LAYER &&
		    admin_layers++)
			return semantics_fault(diag, path, below,
					       "there is an admin layer already");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(runtime->layers[i]->name, runtime->layers[j]->name))
				return semantics_fault(diag, path, below,
						       "there is a layer %s already",
						       runtime->layers[i]->name);
	}
	return true;
}
