/* Which twin this is, by the versions that OpenKruise gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "hotrestart/sidecarset.h"

static void versions_tell_the_role(void **state)
{
	static const struct {
		const char *version, *other;
		enum sidecarset_role role;
	} rows[] = {
		{NULL, NULL, SIDECARSET_NONE},
		{NULL, "1", SIDECARSET_NONE},
		{"", "", SIDECARSET_NONE}, /* the annotation isn't there */
		{"v2", "1", SIDECARSET_NONE},
		{"-1", "1", SIDECARSET_NONE},
		{"1", "0", SIDECARSET_ALONE},
		{"1", NULL, SIDECARSET_ALONE},
		{"1", "", SIDECARSET_ALONE},
		{"1", "x", SIDECARSET_ALONE},
		{"2", "2", SIDECARSET_ALONE},
		{"2", "1", SIDECARSET_NEWER},
		{"10", "9", SIDECARSET_NEWER}, /* as numbers */
		{"1098297016", "1097936677", SIDECARSET_NEWER},
		{"18446744073709551615", "18446744073709551614", SIDECARSET_NEWER},
		{"1", "2", SIDECARSET_OLDER},
		{"9", "10", SIDECARSET_OLDER},
		{"0", "1", SIDECARSET_EMPTY},
		{"0", "0", SIDECARSET_EMPTY},
		{"0", NULL, SIDECARSET_EMPTY},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(sidecarset_role_of(rows[i].version, rows[i].other), rows[i].role);
}

static void who_idles_at_the_start(void **state)
{
	(void)state;
	for (int i = 0; i <= SIDECARSET_EMPTY; i++) {
		enum sidecarset_role role = (enum sidecarset_role)i;
		assert_int_equal(sidecarset_begins_idle(role),
				 role == SIDECARSET_OLDER || role == SIDECARSET_EMPTY);
		assert_string_not_equal(sidecarset_role_name(role), "?");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_tell_the_role),
		cmocka_unit_test(who_idles_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
