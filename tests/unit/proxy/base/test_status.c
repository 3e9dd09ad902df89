#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/status.h"

static void own_codes_have_texts_and_no_errno_meets_them(void **state)
{
	(void)state;
#define CHECK_ROW(name, value, text)                                                               \
	assert_string_equal(status_text(STATUS_##name), text);                                     \
	assert_true(STATUS_##name <= -1000);
	STATUS_TABLE(CHECK_ROW)
#undef CHECK_ROW
	assert_string_equal(status_text(STATUS_OK), "ok");
}

static void codes_differ(void **state)
{
	static const enum status all[] = {
#define ROW(name, value, text) STATUS_##name,
		STATUS_TABLE(ROW)
#undef ROW
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(all[i], all[k]);
}

static void system_errors_are_negated_errnos(void **state)
{
	(void)state;
	assert_int_equal(status_of_errno(ECONNREFUSED), -ECONNREFUSED);
	assert_string_equal(status_text(status_of_errno(ECONNREFUSED)), strerror(ECONNREFUSED));
	assert_string_equal(status_text((enum status) - 999999), "unknown status");
	assert_string_equal(status_text((enum status)7), "unknown status");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_codes_have_texts_and_no_errno_meets_them),
		cmocka_unit_test(codes_differ),
		cmocka_unit_test(system_errors_are_negated_errnos),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
