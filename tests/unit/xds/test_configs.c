/* Every example is taken, without a warning: in configs as bootstraps, in configs/dynamic as their
 * names say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "xds/bootstrap.h"
#include "xds/file_source.h"

#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/endpoint/v3/endpoint.pb-c.h"
#include "envoy/config/listener/v3/listener.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"

static void complain(void *context, const struct diag *diag, bool is_fault)
{
	char text[1024];
	(void)context;
	(void)is_fault;
	fail_msg("%s", diag_format(diag, text, sizeof text));
}

static void must_load(const char *path)
{
	struct bootstrap_options options = {.path = path, .report = complain};
	struct bootstrap bootstrap;
	struct diag diag = {0};
	char text[1024];
	if (bootstrap_load(&bootstrap, &options, &diag))
		fail_msg("%s", diag_format(&diag, text, sizeof text));
	assert_non_null(bootstrap.message->admin);
	bootstrap_free(&bootstrap);
}

static void bootstraps(void **state)
{
	glob_t found;
	(void)state;
	assert_int_equal(glob("configs/*.yaml", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 3);
	for (size_t i = 0; i < found.gl_pathc; i++)
		must_load(found.gl_pathv[i]);
	globfree(&found);
	must_load("configs/dynamic/bootstrap.yaml");
}

static void resources(void **state)
{
	static const struct {
		const char *path;
		const ProtobufCMessageDescriptor *type;
	} files[] = {
		{"configs/dynamic/cds.yaml", &envoy__config__cluster__v3__cluster__descriptor},
		{"configs/dynamic/eds.yaml",
		 &envoy__config__endpoint__v3__cluster_load_assignment__descriptor},
		{"configs/dynamic/lds.yaml", &envoy__config__listener__v3__listener__descriptor},
		{"configs/dynamic/rds.yaml",
		 &envoy__config__route__v3__route_configuration__descriptor},
	};
	const struct file_source_options options = {.refuse_unknown = true, .report = complain};
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct file_resources loaded;
		struct diag diag = {0};
		char text[1024];
		if (file_source_load(&loaded, files[i].path, files[i].type, &options, &diag))
			fail_msg("%s", diag_format(&diag, text, sizeof text));
		assert_int_equal(loaded.count, 1);
		file_resources_free(&loaded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bootstraps),
		cmocka_unit_test(resources),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
