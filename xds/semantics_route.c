/* Rules of route tables. */
#include "field.h"
#include "semantics_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "envoy/config/core/v3/backoff.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"

enum {
	BODY_DEFAULT = 4096, /* of a direct response, where max_direct_response_body_size_bytes
				doesn't say */
};

/* A domain of a table and where it stands. */
struct domain {
	const char *text;
	size_t host, index;
};

static int compare_domains(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;
	int order = strcasecmp(x->text, y->text);
	if (order)
		return order;
	order = (x->host > y->host) - (x->host < y->host);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Domains are unique in a table, whatever their case. */
static bool domains_hold(const Envoy__Config__Route__V3__RouteConfiguration *routes,
			 const struct field_path *path, struct diag *diag)
{
	size_t count = 0;
	bool holds = true;

	for (size_t i = 0; i < routes->n_virtual_hosts; i++)
		count += routes->virtual_hosts[i]->n_domains;
	struct domain *domains = malloc((count + 1) * sizeof *domains);
	invariant(domains);
	count = 0;
	for (size_t i = 0; i < routes->n_virtual_hosts; i++)
		for (size_t j = 0; j < routes->virtual_hosts[i]->n_domains; j++)
			domains[count++] =
				(struct domain){routes->virtual_hosts[i]->domains[j], i, j};
	qsort(domains, count, sizeof *domains, compare_domains);
	for (size_t i = 1; holds && i < count; i++)
		if (!strcasecmp(domains[i - 1].text, domains[i].text)) {
			char below[80];
			snprintf(below, sizeof below, "virtual_hosts[%zu].domains[%zu]",
				 domains[i].host, domains[i].index);
			holds = semantics_fault(
				diag, path, below, "\"%s\" belongs to virtual host %s already",
				domains[i].text, routes->virtual_hosts[domains[i - 1].host]->name);
		}
	free(domains);
	return holds;
}

static bool bodies_hold(const Envoy__Config__Route__V3__RouteConfiguration *routes,
			const struct field_path *path, struct diag *diag)
{
	uint32_t limit = routes->max_direct_response_body_size_bytes
				 ? routes->max_direct_response_body_size_bytes->value
				 : BODY_DEFAULT;

	for (size_t i = 0; i < routes->n_virtual_hosts; i++)
		for (size_t j = 0; j < routes->virtual_hosts[i]->n_routes; j++) {
			const Envoy__Config__Route__V3__Route *route =
				routes->virtual_hosts[i]->routes[j];
			const Envoy__Config__Core__V3__DataSource *body =
				route->action_case ==
						ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_DIRECT_RESPONSE
					? route->direct_response->body
					: NULL;
			size_t size = 0;
			if (body &&
			    body->specifier_case ==
				    ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING)
				size = strlen(body->inline_string);
			else if (
				body &&
				body->specifier_case ==
					ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES)
				size = body->inline_bytes.len;
			if (size > limit) {
				char below[100];
				snprintf(below, sizeof below,
					 "virtual_hosts[%zu].routes[%zu].direct_response.body", i,
					 j);
				return semantics_fault(
					diag, path, below,
					"has %zu bytes, more than the limit of %" PRIu32, size,
					limit);
			}
		}
	return true;
}

bool semantics_routes(const ProtobufCMessage *message, const struct field_path *path,
		      struct diag *diag)
{
	const Envoy__Config__Route__V3__RouteConfiguration *routes = (const void *)message;
	return domains_hold(routes, path, diag) && bodies_hold(routes, path, diag);
}

bool semantics_route_action(const ProtobufCMessage *message, const struct field_path *path,
			    struct diag *diag)
{
	const Envoy__Config__Route__V3__RouteAction *action = (const void *)message;
	int rewrites = (action->prefix_rewrite[0] != 0) + (action->regex_rewrite != NULL) +
		       (action->path_rewrite_policy != NULL) + (action->path_rewrite[0] != 0);

	return rewrites <= 1 ||
	       semantics_fault(
		       diag, path, "",
		       "at most one of prefix_rewrite, regex_rewrite, path_rewrite_policy and "
		       "path_rewrite may be set");
}

bool semantics_weighted_cluster(const ProtobufCMessage *message, const struct field_path *path,
				struct diag *diag)
{
	const Envoy__Config__Route__V3__WeightedCluster *weighted = (const void *)message;
	uint64_t total = 0;

	for (size_t i = 0; i < weighted->n_clusters; i++) {
		const Envoy__Config__Route__V3__WeightedCluster__ClusterWeight *cluster =
			weighted->clusters[i];
		char below[40];
		snprintf(below, sizeof below, "clusters[%zu]", i);
		total += cluster->weight ? cluster->weight->value : 0;
		if (!cluster->name[0] == !cluster->cluster_header[0])
			return semantics_fault(diag, path, below,
					       "must have one of name and cluster_header");
	}
	if (!total)
		return semantics_fault(diag, path, "clusters", "the weights must not all be 0");
	return total <= UINT32_MAX ||
	       semantics_fault(diag, path, "clusters", "the sum of the weights is over 4294967295");
}

static bool intervals_hold(const Google__Protobuf__Duration *base,
			   const Google__Protobuf__Duration *max, const struct field_path *path,
			   struct diag *diag)
{
	if (!base || !max || max->seconds > base->seconds ||
	    (max->seconds == base->seconds && max->nanos >= base->nanos))
		return true;
	return semantics_fault(diag, path, "max_interval", "must not be less than base_interval");
}

bool semantics_retry_back_off(const ProtobufCMessage *message, const struct field_path *path,
			      struct diag *diag)
{
	const Envoy__Config__Route__V3__RetryPolicy__RetryBackOff *back_off = (const void *)message;
	return intervals_hold(back_off->base_interval, back_off->max_interval, path, diag);
}

bool semantics_core_back_off(const ProtobufCMessage *message, const struct field_path *path,
			     struct diag *diag)
{
	const Envoy__Config__Core__V3__BackoffStrategy *back_off = (const void *)message;
	return intervals_hold(back_off->base_interval, back_off->max_interval, path, diag);
}

static bool may_change(const char *name)
{
	return name[0] != ':' && strcasecmp(name, "host") != 0;
}

bool semantics_headers(const ProtobufCMessage *message, const struct field_path *path,
		       struct diag *diag)
{
	static const char *const lists[] = {
		"request_headers_to_add",
		"response_headers_to_add",
		"request_headers_to_remove",
		"response_headers_to_remove",
	};
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		const ProtobufCFieldDescriptor *field =
			type->n_fields > 2
				? protobuf_c_message_descriptor_get_field_by_name(type, lists[i])
				: NULL;
		if (!field || !field_is_repeated(field))
			continue;
		for (size_t j = 0; j < field_count(message, field); j++) {
			const void *value = field_value(message, field, j);
			const char *name;
			if (field_class(field) == FIELD_STRING) {
				name = *(char *const *)value;
			} else if (field->descriptor ==
				   &envoy__config__core__v3__header_value_option__descriptor) {
				const Envoy__Config__Core__V3__HeaderValueOption *option =
					*(Envoy__Config__Core__V3__HeaderValueOption *const *)value;
				name = option->header ? option->header->key : "";
			} else {
				continue;
			}
			if (!may_change(name)) {
				char below[80];
				snprintf(below, sizeof below, "%s[%zu]", lists[i], j);
				return semantics_fault(
					diag, path, below,
					"\"%s\": host and pseudo-headers can't be added or removed",
					name);
			}
		}
	}
	return true;
}
