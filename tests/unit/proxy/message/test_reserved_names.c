/* The names that are reserved, by id and by text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "message/reserved_names.h"

static bool is_listed(struct slice name)
{
	static const char *const names[] = {"connection",
					    "content-length",
					    "expect",
					    "host",
					    "http2-settings",
					    "keep-alive",
					    "te",
					    "trailer",
					    "upgrade",
					    "x-request-id",
					    "transfer-encoding",
					    "proxy-connection",
					    "x-client-trace-id"};
	static const char *const prefixes[] = {":", "tri-", "grpc-", "x-envoy-", "x-forwarded-"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_equal(name, slice_of(names[i])))
			return true;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (slice_starts_with(name, slice_of(prefixes[i])))
			return true;
	return false;
}

static void ids_are_reserved_as_their_names_are(void **state)
{
	(void)state;
	for (int i = HEADER_OTHER + 1; i < HEADER_ID_COUNT; i++) {
		enum header_id id = (enum header_id)i;
		struct slice name = known_name_text(id);
		if (reserved_name_has_id(id) != is_listed(name) ||
		    reserved_name_is(name, id) != is_listed(name))
			fail_msg("%.*s", SLICE_FMT(name));
	}
}

static void names_without_an_id_are_known_by_their_beginning(void **state)
{
	static const char *const names[] = {
		":",
		":x",
		"tri",
		"tri-",
		"tri-x",
		"trip",
		"grpc-",
		"grpc",
		"x-envoy-",
		"x-envoy",
		"x-envoy-fault-delay-request",
		"x-forward",
		"x-forwarded-",
		"x-forwarded-x",
		"x",
		"g",
		"t",
		"",
		"hosts",
		"x-request-ids",
		"a",
	};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct slice name = slice_of(names[i]);
		assert_int_equal(known_name_find(name), HEADER_OTHER);
		if (reserved_name_is(name, HEADER_OTHER) != is_listed(name))
			fail_msg("%s", names[i]);
	}
	assert_false(reserved_name_has_id(HEADER_OTHER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_reserved_as_their_names_are),
		cmocka_unit_test(names_without_an_id_are_known_by_their_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
