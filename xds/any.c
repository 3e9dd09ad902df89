#include "any.h"

#include <string.h>

#include "base/attributes.h"
#include "did_you_mean.h"

/* Every type that an Any may hold, in the order of their full names (a test checks it): the C name
 * of each. */
#define ANY_TYPES(X)                                                                                       \
	X(envoy__config__cluster__v3__cluster)                                                             \
	X(envoy__config__core__v3__typed_extension_config)                                                 \
	X(envoy__config__endpoint__v3__cluster_load_assignment)                                            \
	X(envoy__config__listener__v3__listener)                                                           \
	X(envoy__config__metrics__v3__dog_statsd_sink)                                                     \
	X(envoy__config__metrics__v3__statsd_sink)                                                         \
	X(envoy__config__overload__v3__scale_timers_overload_action_config)                                \
	X(envoy__config__rbac__v3__action)                                                                 \
	X(envoy__config__route__v3__filter_config)                                                         \
	X(envoy__config__route__v3__retry_policy)                                                          \
	X(envoy__config__route__v3__route)                                                                 \
	X(envoy__config__route__v3__route_configuration)                                                   \
	X(envoy__config__route__v3__route_list)                                                            \
	X(envoy__config__route__v3__scoped_route_configuration)                                            \
	X(envoy__config__route__v3__virtual_host)                                                          \
	X(envoy__config__trace__v3__open_telemetry_config)                                                 \
	X(envoy__config__trace__v3__zipkin_config)                                                         \
	X(envoy__extensions__access_loggers__file__v3__file_access_log)                                    \
	X(envoy__extensions__access_loggers__grpc__v3__http_grpc_access_log_config)                        \
	X(envoy__extensions__access_loggers__grpc__v3__tcp_grpc_access_log_config)                         \
	X(envoy__extensions__access_loggers__stream__v3__stderr_access_log)                                \
	X(envoy__extensions__access_loggers__stream__v3__stdout_access_log)                                \
	X(envoy__extensions__common__ratelimit__v3__rate_limit_descriptor)                                 \
	X(envoy__extensions__filters__common__matcher__action__v3__skip_filter)                            \
	X(envoy__extensions__filters__http__buffer__v3__buffer)                                            \
	X(envoy__extensions__filters__http__buffer__v3__buffer_per_route)                                  \
	X(envoy__extensions__filters__http__cors__v3__cors)                                                \
	X(envoy__extensions__filters__http__cors__v3__cors_policy)                                         \
	X(envoy__extensions__filters__http__ext_authz__v3__ext_authz)                                      \
	X(envoy__extensions__filters__http__ext_authz__v3__ext_authz_per_route)                            \
	X(envoy__extensions__filters__http__fault__v3__httpfault)                                          \
	X(envoy__extensions__filters__http__grpc_stats__v3__filter_config)                                 \
	X(envoy__extensions__filters__http__grpc_stats__v3__filter_object)                                 \
	X(envoy__extensions__filters__http__grpc_web__v3__grpc_web)                                        \
	X(envoy__extensions__filters__http__header_mutation__v3__header_mutation)                          \
	X(envoy__extensions__filters__http__header_mutation__v3__header_mutation_per_route)                \
	X(envoy__extensions__filters__http__header_to_metadata__v3__config)                                \
	X(envoy__extensions__filters__http__health_check__v3__health_check)                                \
	X(envoy__extensions__filters__http__jwt_authn__v3__jwt_authentication)                             \
	X(envoy__extensions__filters__http__jwt_authn__v3__per_route_config)                               \
	X(envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit)                         \
	X(envoy__extensions__filters__http__lua__v3__lua)                                                  \
	X(envoy__extensions__filters__http__lua__v3__lua_per_route)                                        \
	X(envoy__extensions__filters__http__on_demand__v3__on_demand)                                      \
	X(envoy__extensions__filters__http__on_demand__v3__per_route_config)                               \
	X(envoy__extensions__filters__http__ratelimit__v3__rate_limit)                                     \
	X(envoy__extensions__filters__http__ratelimit__v3__rate_limit_per_route)                           \
	X(envoy__extensions__filters__http__rbac__v3__rbac)                                                \
	X(envoy__extensions__filters__http__rbac__v3__rbacper_route)                                       \
	X(envoy__extensions__filters__http__router__v3__router)                                            \
	X(envoy__extensions__filters__http__set_metadata__v3__config)                                      \
	X(envoy__extensions__filters__http__stateful_session__v3__stateful_session)                        \
	X(envoy__extensions__filters__http__stateful_session__v3__stateful_session_per_route)              \
	X(envoy__extensions__filters__listener__http_inspector__v3__http_inspector)                        \
	X(envoy__extensions__filters__listener__local_ratelimit__v3__local_rate_limit)                     \
	X(envoy__extensions__filters__listener__original_dst__v3__original_dst)                            \
	X(envoy__extensions__filters__listener__original_src__v3__original_src)                            \
	X(envoy__extensions__filters__listener__proxy_protocol__v3__proxy_protocol)                        \
	X(envoy__extensions__filters__listener__tls_inspector__v3__tls_inspector)                          \
	X(envoy__extensions__filters__network__connection_limit__v3__connection_limit)                     \
	X(envoy__extensions__filters__network__direct_response__v3__config)                                \
	X(envoy__extensions__filters__network__dubbo_proxy__router__v3__router)                            \
	X(envoy__extensions__filters__network__dubbo_proxy__v3__dubbo_proxy)                               \
	X(envoy__extensions__filters__network__dubbo_proxy__v3__multiple_route_configuration)              \
	X(envoy__extensions__filters__network__echo__v3__echo)                                             \
	X(envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager)       \
	X(envoy__extensions__filters__network__local_ratelimit__v3__local_rate_limit)                      \
	X(envoy__extensions__filters__network__rbac__v3__rbac)                                             \
	X(envoy__extensions__filters__network__sni_cluster__v3__sni_cluster)                               \
	X(envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy)                                   \
	X(envoy__extensions__formatter__metadata__v3__metadata)                                            \
	X(envoy__extensions__formatter__req_without_query__v3__req_without_query)                          \
	X(envoy__extensions__health_check__event_sinks__file__v3__health_check_event_file_sink)            \
	X(envoy__extensions__http__early_header_mutation__header_mutation__v3__header_mutation)            \
	X(envoy__extensions__http__header_formatters__preserve_case__v3__preserve_case_formatter_config)   \
	X(envoy__extensions__http__original_ip_detection__custom_header__v3__custom_header_config)         \
	X(envoy__extensions__http__original_ip_detection__xff__v3__xff_config)                             \
	X(envoy__extensions__http__stateful_session__cookie__v3__cookie_based_session_state)               \
	X(envoy__extensions__http__stateful_session__header__v3__header_based_session_state)               \
	X(envoy__extensions__internal_redirect__allow_listed_routes__v3__allow_listed_routes_config)       \
	X(envoy__extensions__internal_redirect__previous_routes__v3__previous_routes_config)               \
	X(envoy__extensions__internal_redirect__safe_cross_scheme__v3__safe_cross_scheme_config)           \
	X(envoy__extensions__load_balancing_policies__cluster_provided__v3__cluster_provided)              \
	X(envoy__extensions__load_balancing_policies__least_request__v3__least_request)                    \
	X(envoy__extensions__load_balancing_policies__maglev__v3__maglev)                                  \
	X(envoy__extensions__load_balancing_policies__random__v3__random)                                  \
	X(envoy__extensions__load_balancing_policies__ring_hash__v3__ring_hash)                            \
	X(envoy__extensions__load_balancing_policies__round_robin__v3__round_robin)                        \
	X(envoy__extensions__load_balancing_policies__subset__v3__subset)                                  \
	X(envoy__extensions__load_balancing_policies__wrr_locality__v3__wrr_locality)                      \
	X(envoy__extensions__matching__common_inputs__environment_variable__v3__config)                    \
	X(envoy__extensions__matching__common_inputs__network__v3__application_protocol_input)             \
	X(envoy__extensions__matching__common_inputs__network__v3__destination_ipinput)                    \
	X(envoy__extensions__matching__common_inputs__network__v3__destination_port_input)                 \
	X(envoy__extensions__matching__common_inputs__network__v3__direct_source_ipinput)                  \
	X(envoy__extensions__matching__common_inputs__network__v3__dynamic_metadata_input)                 \
	X(envoy__extensions__matching__common_inputs__network__v3__filter_state_input)                     \
	X(envoy__extensions__matching__common_inputs__network__v3__network_namespace_input)                \
	X(envoy__extensions__matching__common_inputs__network__v3__server_name_input)                      \
	X(envoy__extensions__matching__common_inputs__network__v3__source_ipinput)                         \
	X(envoy__extensions__matching__common_inputs__network__v3__source_port_input)                      \
	X(envoy__extensions__matching__common_inputs__network__v3__source_type_input)                      \
	X(envoy__extensions__matching__common_inputs__network__v3__transport_protocol_input)               \
	X(envoy__extensions__matching__input_matchers__ip__v3__ip)                                         \
	X(envoy__extensions__network__dns_resolver__cares__v3__cares_dns_resolver_config)                  \
	X(envoy__extensions__network__dns_resolver__getaddrinfo__v3__get_addr_info_dns_resolver_config)    \
	X(envoy__extensions__path__match__uri_template__v3__uri_template_match_config)                     \
	X(envoy__extensions__path__rewrite__uri_template__v3__uri_template_rewrite_config)                 \
	X(envoy__extensions__request_id__uuid__v3__uuid_request_id_config)                                 \
	X(envoy__extensions__resource_monitors__downstream_connections__v3__downstream_connections_config) \
	X(envoy__extensions__resource_monitors__fixed_heap__v3__fixed_heap_config)                         \
	X(envoy__extensions__retry__host__omit_canary_hosts__v3__omit_canary_hosts_predicate)              \
	X(envoy__extensions__retry__host__omit_host_metadata__v3__omit_host_metadata_config)               \
	X(envoy__extensions__retry__host__previous_hosts__v3__previous_hosts_predicate)                    \
	X(envoy__extensions__retry__priority__previous_priorities__v3__previous_priorities_config)         \
	X(envoy__extensions__stat_sinks__graphite_statsd__v3__graphite_statsd_sink)                        \
	X(envoy__extensions__transport_sockets__internal_upstream__v3__internal_upstream_transport)        \
	X(envoy__extensions__transport_sockets__proxy_protocol__v3__proxy_protocol_upstream_transport)     \
	X(envoy__extensions__transport_sockets__raw_buffer__v3__raw_buffer)                                \
	X(envoy__extensions__transport_sockets__tls__v3__downstream_tls_context)                           \
	X(envoy__extensions__transport_sockets__tls__v3__secret)                                           \
	X(envoy__extensions__transport_sockets__tls__v3__upstream_tls_context)                             \
	X(envoy__extensions__upstreams__http__v3__http_protocol_options)                                   \
	X(envoy__service__discovery__v3__resource)                                                         \
	X(envoy__type__matcher__v3__address_matcher)                                                       \
	X(envoy__type__matcher__v3__http_request_header_match_input)                                       \
	X(envoy__type__matcher__v3__http_request_query_param_match_input)                                  \
	X(envoy__type__matcher__v3__http_request_trailer_match_input)                                      \
	X(envoy__type__matcher__v3__http_response_header_match_input)                                      \
	X(envoy__type__matcher__v3__http_response_status_code_class_match_input)                           \
	X(envoy__type__matcher__v3__http_response_status_code_match_input)                                 \
	X(envoy__type__matcher__v3__http_response_trailer_match_input)                                     \
	X(google__protobuf__any)                                                                           \
	X(google__protobuf__bool_value)                                                                    \
	X(google__protobuf__bytes_value)                                                                   \
	X(google__protobuf__double_value)                                                                  \
	X(google__protobuf__duration)                                                                      \
	X(google__protobuf__empty)                                                                         \
	X(google__protobuf__float_value)                                                                   \
	X(google__protobuf__int32_value)                                                                   \
	X(google__protobuf__int64_value)                                                                   \
	X(google__protobuf__list_value)                                                                    \
	X(google__protobuf__string_value)                                                                  \
	X(google__protobuf__struct)                                                                        \
	X(google__protobuf__uint32_value)                                                                  \
	X(google__protobuf__uint64_value)                                                                  \
	X(google__protobuf__value)                                                                         \
	X(outrigger__config__route__v1__dubbo_condition_rule)                                              \
	X(outrigger__config__route__v1__dubbo_destination_rule)                                            \
	X(outrigger__config__route__v1__dubbo_multi_destination_rule)                                      \
	X(outrigger__config__route__v1__dubbo_rules)                                                       \
	X(outrigger__config__route__v1__dubbo_script_rule)                                                 \
	X(outrigger__config__route__v1__dubbo_tag_rule)                                                    \
	X(outrigger__config__route__v1__dubbo_virtual_service)                                             \
	X(outrigger__config__route__v1__rpc_match)                                                         \
	X(outrigger__config__route__v1__rpc_route_configuration)                                           \
	X(outrigger__filters__dubbo_rules__v1__dubbo_rules)                                                \
	X(outrigger__filters__lane__v1__lane)                                                              \
	X(outrigger__filters__network__bolt_proxy__v1__bolt_proxy)                                         \
	X(outrigger__filters__network__protocol_sniffer__v1__protocol_sniffer)                             \
	X(outrigger__filters__network__rpc_proxy__v1__rpc_proxy)                                           \
	X(outrigger__filters__sentinel__v1__sentinel)                                                      \
	X(outrigger__filters__sentinel__v1__sentinel_per_route)                                            \
	X(outrigger__filters__traffic_class__v1__traffic_class)                                            \
	X(outrigger__filters__traffic_class__v1__traffic_class_per_route)                                  \
	X(outrigger__filters__unit__v1__unit)                                                              \
	X(udpa__type__v1__typed_struct)                                                                    \
	X(xds__type__matcher__v3__double_range_matcher)                                                    \
	X(xds__type__matcher__v3__ipmatcher)                                                               \
	X(xds__type__matcher__v3__int32_range_matcher)                                                     \
	X(xds__type__matcher__v3__int64_range_matcher)                                                     \
	X(xds__type__matcher__v3__matcher)                                                                 \
	X(xds__type__matcher__v3__regex_matcher)                                                           \
	X(xds__type__matcher__v3__server_name_matcher)                                                     \
	X(xds__type__matcher__v3__string_matcher)                                                          \
	X(xds__type__v3__typed_struct)

#define DECLARE(name) extern const ProtobufCMessageDescriptor name##__descriptor;
ANY_TYPES(DECLARE)
#undef DECLARE

static const ProtobufCMessageDescriptor *const types[] = {
#define ROW(name) &name##__descriptor,
	ANY_TYPES(ROW)
#undef ROW
};

struct slice any_type_name(struct slice type_url)
{
	size_t start = type_url.len;

	while (start && type_url.data[start - 1] != '/')
		start--;
	return slice_sub(type_url, start, type_url.len);
}

const ProtobufCMessageDescriptor *any_type_find(struct slice name)
{
	size_t low = 0, high = COUNT_OF(types);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(name, slice_of(types[middle]->name));
		if (!order)
			return types[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static size_t common_start(struct slice a, struct slice b)
{
	size_t len = 0;

	while (len < a.len && len < b.len && a.data[len] == b.data[len])
		len++;
	return len;
}

const ProtobufCMessageDescriptor *any_type_suggest(struct slice name)
{
	const char *short_names[COUNT_OF(types)];
	const ProtobufCMessageDescriptor *best = NULL;
	size_t dot = name.len, longest = 0;

	while (dot && name.data[dot - 1] != '.')
		dot--;
	for (size_t i = 0; i < COUNT_OF(types); i++)
		short_names[i] = types[i]->short_name;
	const char *meant =
		did_you_mean(slice_sub(name, dot, name.len), short_names, COUNT_OF(types));
	for (size_t i = 0; meant && i < COUNT_OF(types); i++) {
		size_t common = common_start(name, slice_of(types[i]->name));
		if (strcmp(types[i]->short_name, meant) == 0 && (!best || common > longest)) {
			best = types[i];
			longest = common;
		}
	}
	return best;
}

const ProtobufCMessageDescriptor *any_type_at(size_t index)
{
	return index < COUNT_OF(types) ? types[index] : NULL;
}

void any_set(Google__Protobuf__Any *any, char *type_url, const ProtobufCMessage *message)
{
	any->type_url = type_url;
	any->value.len = 0;
	any->value.data = (uint8_t *)(uintptr_t)message;
}
