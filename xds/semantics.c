#include "semantics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "field.h"
#include "scalar.h"
#include "semantics_private.h"
#include "xds/proto/any_message.h"

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb-c.h"
#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.pb-c.h"
#include "envoy/extensions/load_balancing_policies/maglev/v3/maglev.pb-c.h"
#include "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb-c.h"
#include "google/protobuf/duration.pb-c.h"

static const struct {
	const ProtobufCMessageDescriptor *type;
	semantics_check_fn *check;
} checks[] = {
	{&envoy__config__bootstrap__v3__bootstrap__descriptor, semantics_bootstrap},
	{&envoy__config__bootstrap__v3__layered_runtime__descriptor, semantics_runtime},
	{&envoy__config__cluster__v3__cluster__descriptor, semantics_cluster},
	{&envoy__config__cluster__v3__cluster__ring_hash_lb_config__descriptor, semantics_ring},
	{&envoy__config__cluster__v3__cluster__maglev_lb_config__descriptor, semantics_maglev},
	{&envoy__config__core__v3__backoff_strategy__descriptor, semantics_core_back_off},
	{&envoy__config__listener__v3__filter_chain__descriptor, semantics_filter_chain},
	{&envoy__config__listener__v3__listener__descriptor, semantics_listener},
	{&envoy__config__route__v3__retry_policy__retry_back_off__descriptor,
	 semantics_retry_back_off},
	{&envoy__config__route__v3__route_action__descriptor, semantics_route_action},
	{&envoy__config__route__v3__route_configuration__descriptor, semantics_routes},
	{&envoy__config__route__v3__weighted_cluster__descriptor, semantics_weighted_cluster},
	{&envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor,
	 semantics_token_bucket_http},
	{&envoy__extensions__filters__network__dubbo_proxy__v3__route_match__descriptor,
	 semantics_dubbo_match},
	{&envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor,
	 semantics_http_manager},
	{&envoy__extensions__filters__network__local_ratelimit__v3__local_rate_limit__descriptor,
	 semantics_token_bucket_network},
	{&envoy__extensions__load_balancing_policies__maglev__v3__maglev__descriptor,
	 semantics_maglev_policy},
	{&envoy__extensions__load_balancing_policies__ring_hash__v3__ring_hash__descriptor,
	 semantics_ring_policy},
};

bool semantics_fault(struct diag *diag, const struct field_path *path, const char *below,
		     const char *format, ...)
{
	va_list args;

	field_path_print(path, diag->path, sizeof diag->path);
	size_t used = strlen(diag->path);
	snprintf(diag->path + used, sizeof diag->path - used, "%s%s", used && below[0] ? "." : "",
		 below);
	va_start(args, format);
	vsnprintf(diag->text, sizeof diag->text, format, args);
	va_end(args);
	return false;
}

struct numbered {
	uint64_t hash;
	size_t index;
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

bool semantics_find_equal(const uint64_t *hashes, size_t count, size_t *earlier, size_t *later)
{
	struct numbered *sorted = malloc((count + 1) * sizeof *sorted);
	bool found = false;

	invariant(sorted);
	for (size_t i = 0; i < count; i++)
		sorted[i] = (struct numbered){hashes[i], i};
	qsort(sorted, count, sizeof *sorted, compare_numbered);
	for (size_t i = 1; i < count; i++)
		if (sorted[i].hash == sorted[i - 1].hash && (!found || sorted[i].index < *later)) {
			found = true;
			*earlier = sorted[i - 1].index;
			*later = sorted[i].index;
		}
	free(sorted);
	return found;
}

static bool check(const ProtobufCMessage *message, const struct field_path *path,
		  struct diag *diag);

static bool check_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
			const struct field_path *outer, struct diag *diag)
{
	struct field_path path = FIELD_PATH_OF_FIELD(outer, field->name);
	size_t count = field_count(message, field);
	bool is_map = count && field_is_map(field);

	for (size_t i = 0; i < count; i++) {
		const ProtobufCMessage *value =
			*(ProtobufCMessage *const *)field_value(message, field, i);
		struct field_path item = FIELD_PATH_OF_INDEX(&path, i);
		if (is_map) {
			const ProtobufCFieldDescriptor *key = &value->descriptor->fields[0];
			const ProtobufCFieldDescriptor *content = &value->descriptor->fields[1];
			if (field_class(content) != FIELD_MESSAGE || !field_count(value, content))
				continue;
			if (field_class(key) == FIELD_STRING)
				item = FIELD_PATH_OF_KEY(
					&path, slice_of(*(char *const *)field_slot(value, key)));
			value = *(ProtobufCMessage *const *)field_slot(value, content);
		}
		if (!check(value, is_map || field_is_repeated(field) ? &item : &path, diag))
			return false;
	}
	return true;
}

static bool check_duration(const ProtobufCMessage *message, const struct field_path *path,
			   struct diag *diag)
{
	const Google__Protobuf__Duration *duration = (const void *)message;

	if (duration->seconds < 0 || duration->nanos < 0)
		return semantics_fault(diag, path, "", "must not be negative");
	return (duration->seconds <= SCALAR_DURATION_MAX && duration->nanos < 1000000000) ||
	       semantics_fault(diag, path, "", "is out of range");
}

static bool check(const ProtobufCMessage *message, const struct field_path *path, struct diag *diag)
{
	if (message->descriptor == &google__protobuf__any__descriptor)
		message = any_message((const Google__Protobuf__Any *)(const void *)message);
	if (!message)
		return true;
	const ProtobufCMessageDescriptor *type = message->descriptor;
	if (type == &google__protobuf__duration__descriptor)
		return check_duration(message, path, diag);
	if (type->package_name[0] == 'g' && strcmp(type->package_name, "google.protobuf") == 0)
		return true;
	for (size_t i = 0; i < COUNT_OF(checks); i++)
		if (checks[i].type == type && !checks[i].check(message, path, diag))
			return false;
	if (!semantics_headers(message, path, diag))
		return false;
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
		    !check_field(message, &type->fields[i], path, diag))
			return false;
	return true;
}

enum status semantics_check(const ProtobufCMessage *message, const char *path, struct diag *diag)
{
	struct field_path outer = FIELD_PATH_OF_FIELD(NULL, path);
	return check(message, path[0] ? &outer : NULL, diag) ? STATUS_OK : STATUS_INVALID;
}
