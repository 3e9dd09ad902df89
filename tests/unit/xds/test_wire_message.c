#include "yaml_support.h"

#include <stdlib.h>

#include "xds/message_json.h"
#include "xds/proto/any_message.h"
#include "xds/wire_message.h"

#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/listener/v3/listener_components.pb-c.h"
#include "envoy/config/rbac/v3/rbac.pb-c.h"
#include "envoy/extensions/filters/http/fault/v3/fault.pb-c.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb-c.h"
#include "xds/type/v3/typed_struct.pb-c.h"

#define CLUSTER (&envoy__config__cluster__v3__cluster__descriptor)
#define FILTER (&envoy__config__listener__v3__filter__descriptor)
#define TCP (&envoy__extensions__filters__network__tcp_proxy__v3__tcp_proxy__descriptor)

static struct slice pack(struct yaml_fixture *fixture, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = arena_alloc(&fixture->arena, len + 1);
	protobuf_c_message_pack(message, bytes);
	return slice_make(bytes, len);
}

/* An exact copy on the heap, so that reading beyond the end is seen. */
static enum status unpack(struct yaml_fixture *fixture, struct slice bytes,
			  const ProtobufCMessageDescriptor *type, ProtobufCMessage **message)
{
	struct wire_options options = {yaml_fixture_report, fixture};
	char *copy = malloc(bytes.len ? bytes.len : 1);
	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	fixture->diag = (struct diag){0};
	enum status status = wire_message_unpack(slice_make(copy, bytes.len), type, &options,
						 &fixture->arena, message, &fixture->diag);
	free(copy);
	return status;
}

static struct slice filter_with(struct yaml_fixture *fixture, const char *type_url,
				struct slice value)
{
	Envoy__Config__Listener__V3__Filter filter = ENVOY__CONFIG__LISTENER__V3__FILTER__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	char name[] = "f";
	any.type_url = (char *)(uintptr_t)type_url;
	any.value = (ProtobufCBinaryData){value.len, (uint8_t *)(uintptr_t)value.data};
	filter.name = name;
	filter.config_type_case = ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG;
	filter.typed_config = &any;
	return pack(fixture, &filter.base);
}

static void same_as_from_text(void **state)
{
	struct yaml_fixture *fixture = *state;
	const struct message_json_options compact = {0};
	ProtobufCMessage *out,
		*in = yaml_must(fixture, CLUSTER,
				"{name: c, type: EDS, connect_timeout: 1.5s, metadata: "
				"{filter_metadata: {a: {b: [1, x]}}}, circuit_breakers: "
				"{thresholds: [{max_requests: 0}]}, load_assignment: "
				"{cluster_name: c, endpoints: [{}]}}");
	assert_int_equal(unpack(fixture, pack(fixture, in), CLUSTER, &out), STATUS_OK);
	assert_string_equal(message_json(out, &compact, &fixture->arena).data,
			    message_json(in, &compact, &fixture->arena).data);
	assert_int_equal(fixture->warnings, 0);
}

static void anys_are_decoded(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *out;
	struct slice tcp = pack(fixture, yaml_must(fixture, TCP, "{stat_prefix: s, cluster: c}"));
	struct slice bytes = filter_with(
		fixture, "t/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", tcp);
	assert_int_equal(unpack(fixture, bytes, FILTER, &out), STATUS_OK);
	const Envoy__Extensions__Filters__Network__TcpProxy__V3__TcpProxy *proxy = any_message_of(
		((Envoy__Config__Listener__V3__Filter *)(void *)out)->typed_config, TCP);
	assert_non_null(proxy);
	assert_string_equal(proxy->stat_prefix, "s");

	bytes = filter_with(fixture, "t/no.such.Type", SLICE("\001\002\003"));
	assert_int_equal(unpack(fixture, bytes, FILTER, &out), STATUS_OK);
	assert_null(
		any_message(((Envoy__Config__Listener__V3__Filter *)(void *)out)->typed_config));

	bytes = filter_with(fixture, "t/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
			    SLICE("\012\005ab"));
	assert_int_equal(unpack(fixture, bytes, FILTER, &out), STATUS_MALFORMED);
	assert_string_equal(fixture->diag.path, "typed_config");
}

static void typed_struct_stands_for_its_type(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *out;
	struct slice typed = pack(
		fixture, yaml_must(fixture, &xds__type__v3__typed_struct__descriptor,
				   "{type_url: t/envoy.extensions.filters.http.fault.v3.HTTPFault, "
				   "value: {abort: {http_status: 418}, delay: "
				   "{fixed_delay: 0.5s, percentage: {numerator: 7}}, headers: "
				   "[{name: x, present_match: true}]}}"));
	struct slice bytes = filter_with(fixture, "t/xds.type.v3.TypedStruct", typed);
	assert_int_equal(unpack(fixture, bytes, FILTER, &out), STATUS_OK);
	const Envoy__Extensions__Filters__Http__Fault__V3__HTTPFault *fault =
		any_message_of(((Envoy__Config__Listener__V3__Filter *)(void *)out)->typed_config,
			       &envoy__extensions__filters__http__fault__v3__httpfault__descriptor);
	assert_non_null(fault);
	assert_int_equal(fault->abort->http_status, 418);
	assert_int_equal(fault->delay->fixed_delay->nanos, 500000000);
	assert_int_equal(fault->headers[0]->present_match, 1);

	typed = pack(fixture,
		     yaml_must(fixture, &xds__type__v3__typed_struct__descriptor,
			       "{type_url: t/envoy.extensions.filters.http.fault.v3.HTTPFault, "
			       "value: {abort: 5}}"));
	bytes = filter_with(fixture, "t/xds.type.v3.TypedStruct", typed);
	assert_int_equal(unpack(fixture, bytes, FILTER, &out), STATUS_INVALID);
	assert_string_equal(fixture->diag.path, "typed_config.value.abort");

	typed = pack(fixture, yaml_must(fixture, &xds__type__v3__typed_struct__descriptor,
					"{type_url: t/no.such, value: {a: 1}}"));
	bytes = filter_with(fixture, "t/xds.type.v3.TypedStruct", typed);
	assert_int_equal(unpack(fixture, bytes, FILTER, &out), STATUS_OK);
	assert_string_equal(
		any_message(((Envoy__Config__Listener__V3__Filter *)(void *)out)->typed_config)
			->descriptor->short_name,
		"TypedStruct");
}

static void unknown_fields_are_warnings(void **state)
{
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *out;
	/* field 1 = "c", field 9999 = 1 */
	assert_int_equal(unpack(fixture, SLICE("\012\001c\370\360\004\001"), CLUSTER, &out),
			 STATUS_OK);
	assert_string_equal(((Envoy__Config__Cluster__V3__Cluster *)(void *)out)->name, "c");
	assert_int_equal(fixture->warnings, 1);
	assert_string_equal(fixture->last_report, "no field 9999 is known in Cluster: ignored");
}

static void bad_bytes(void **state)
{
	static const struct slice rows[] = {
		SLICE("\012"),
		SLICE("\012\002c"),
		SLICE("\012\377\377\377\377\377\377\377\377\377\001"),
		SLICE("\377"),
		SLICE("\000\000"),
		SLICE("\013\014"),
		SLICE("\011abc"),
		SLICE("\015ab"),
		SLICE("\012\003a\000b"),
		SLICE("\012\003a\303b"),
		SLICE("\042\005\010\001"),
		SLICE("\012\001c\010"),
	};
	struct yaml_fixture *fixture = *state;
	ProtobufCMessage *out;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (unpack(fixture, rows[i], CLUSTER, &out) != STATUS_MALFORMED)
			fail_msg("row %zu was taken", i);
}

static void depth_is_limited(void **state)
{
	struct yaml_fixture *fixture = *state;
	const ProtobufCMessageDescriptor *type = &envoy__config__rbac__v3__permission__descriptor;
	ProtobufCMessage *out;
	/* not_rule (8) in not_rule in …, the innermost: any (3) = true */
	char bytes[1000] = "\030\001";
	size_t len = 2;
	for (int i = 1; i < 99; i++) {
		char shorter[1000];
		memcpy(shorter, bytes, len);
		size_t head = len < 128 ? 2 : 3;
		bytes[0] = 0102;
		bytes[1] = (char)(len < 128 ? len : (len & 127) | 128);
		if (head == 3)
			bytes[2] = (char)(len >> 7);
		memcpy(bytes + head, shorter, len);
		len += head;
	}
	assert_int_equal(unpack(fixture, slice_make(bytes, len), type, &out), STATUS_OK);
	for (int i = 0; i < 2; i++) {
		char shorter[1000];
		memcpy(shorter, bytes, len);
		bytes[0] = 0102;
		bytes[1] = (char)((len & 127) | 128);
		bytes[2] = (char)(len >> 7);
		memcpy(bytes + 3, shorter, len);
		len += 3;
	}
	assert_int_equal(unpack(fixture, slice_make(bytes, len), type, &out), STATUS_MALFORMED);
	assert_string_equal(fixture->diag.text, "nested too deep");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, yaml_fixture_setup, yaml_fixture_teardown)
	const struct CMUnitTest tests[] = {
		T(same_as_from_text),
		T(anys_are_decoded),
		T(typed_struct_stands_for_its_type),
		T(unknown_fields_are_warnings),
		T(bad_bytes),
		T(depth_is_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
