#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xds/any.h"

#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "xds/type/v3/typed_struct.pb-c.h"

static const ProtobufCMessageDescriptor *find(const char *name)
{
	return any_type_find(slice_of(name));
}

/* The table is searched by halves: a row out of order would hide others. */
static void types_at_both_ends_and_between(void **state)
{
	(void)state;
	assert_ptr_equal(find("envoy.config.cluster.v3.Cluster"),
			 &envoy__config__cluster__v3__cluster__descriptor);
	assert_ptr_equal(find("xds.type.v3.TypedStruct"), &xds__type__v3__typed_struct__descriptor);
	assert_ptr_equal(find("google.protobuf.Struct"), &google__protobuf__struct__descriptor);
	assert_null(find("envoy.config.cluster.v3.Clustes"));
	assert_null(find("a"));
	assert_null(find("z"));
	assert_null(find(""));
}

static void table_is_in_order(void **state)
{
	const ProtobufCMessageDescriptor *last = NULL, *type;
	(void)state;
	for (size_t i = 0; (type = any_type_at(i)); i++) {
		if (last && strcmp(last->name, type->name) >= 0)
			fail_msg("%s stands before %s", last->name, type->name);
		assert_ptr_equal(find(type->name), type);
		last = type;
	}
	assert_non_null(last);
}

static void type_names(void **state)
{
	(void)state;
	assert_true(slice_equal(any_type_name(SLICE("type.googleapis.com/a.b.C")), SLICE("a.b.C")));
	assert_true(slice_equal(any_type_name(SLICE("a.b.C")), SLICE("a.b.C")));
	assert_true(slice_equal(any_type_name(SLICE("x/y/")), SLICE("")));
	assert_true(slice_equal(any_type_name(SLICE("")), SLICE("")));
}

static const char *suggested(const char *name)
{
	const ProtobufCMessageDescriptor *type = any_type_suggest(slice_of(name));
	return type ? type->name : "";
}

static void a_near_type_is_suggested(void **state)
{
#define LIMITS "envoy.extensions.filters."
	(void)state;
	assert_string_equal(suggested("envoy.api.v2.Cluster"), "envoy.config.cluster.v3.Cluster");
	assert_string_equal(suggested("Clustre"), "envoy.config.cluster.v3.Cluster");
	/* of three with this last part the one that begins alike */
	assert_string_equal(suggested(LIMITS "http.local_ratelimit.v3.LocalRatelimit"),
			    LIMITS "http.local_ratelimit.v3.LocalRateLimit");
	assert_string_equal(suggested(LIMITS "network.local_ratelimit.v3.LocalRatelimit"),
			    LIMITS "network.local_ratelimit.v3.LocalRateLimit");
	assert_string_equal(suggested("no.such.thing.at.all.Whatsoever"), "");
	assert_string_equal(suggested("dot.at.the.end."), "");
	assert_string_equal(suggested(""), "");
}

static void decoded_form(void **state)
{
	Envoy__Config__Cluster__V3__Cluster cluster = ENVOY__CONFIG__CLUSTER__V3__CLUSTER__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	char url[] = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
	uint8_t packed[] = {1, 2, 3};
	(void)state;

	assert_null(any_message(&any));
	any_set(&any, url, &cluster.base);
	assert_ptr_equal(any_message(&any), &cluster);
	assert_ptr_equal(any_message_of(&any, cluster.base.descriptor), &cluster);
	any.value = (ProtobufCBinaryData){3, packed};
	assert_null(any_message(&any));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_at_both_ends_and_between),
		cmocka_unit_test(table_is_in_order),
		cmocka_unit_test(type_names),
		cmocka_unit_test(a_near_type_is_suggested),
		cmocka_unit_test(decoded_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
