#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "xds/file_source.h"
#include "xds/file_watch.h"

#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/endpoint/v3/endpoint.pb-c.h"

#define CLUSTER (&envoy__config__cluster__v3__cluster__descriptor)
#define TYPE "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster"

static unsigned warnings;

static void note(void *context, const struct diag *diag, bool is_fault)
{
	(void)context;
	(void)diag;
	warnings += !is_fault;
}

/* "" and the resources if the text is taken; else the diag. */
static const char *parse(struct file_resources *resources, const char *text)
{
	static char said[1024];
	struct file_source_options options = {.report = note};
	struct diag diag = {0};
	warnings = 0;
	if (!file_source_parse(resources, slice_of(text), "f.yaml", CLUSTER, &options, &diag))
		return "";
	return diag_format(&diag, said, sizeof said);
}

static void resources_by_name(void **state)
{
	struct file_resources resources;
	(void)state;
	assert_string_equal(parse(&resources, "version_info: '7'\nnonce: x\nresources:\n- {" TYPE
					      ", name: a, lb_policy: RANDOM}\n"
					      "- {name: b, " TYPE "}\n"),
			    "");
	assert_true(slice_equal(resources.version_info, SLICE("7")));
	assert_int_equal(resources.count, 2);
	assert_true(slice_equal(resources.items[1].name, SLICE("b")));
	const struct file_resource *a = file_resources_find(&resources, SLICE("a"));
	assert_non_null(a);
	assert_int_equal(
		((const Envoy__Config__Cluster__V3__Cluster *)(const void *)a->message)->lb_policy,
		3);
	assert_null(file_resources_find(&resources, SLICE("c")));
	struct diag diag = {0};
	snprintf(diag.path, sizeof diag.path, "lb_policy");
	file_resources_place(&resources, a, &diag);
	assert_string_equal(diag.path, "resources[0].lb_policy");
	assert_int_equal(diag.line, 4);
	file_resources_free(&resources);
}

static void named_by_cluster_name_or_in_a_resource(void **state)
{
	struct file_resources resources;
	struct diag diag = {0};
	(void)state;
	assert_int_equal(
		file_source_parse(&resources,
				  SLICE("resources: [{'@type': "
					"t/envoy.config.endpoint.v3.ClusterLoadAssignment, "
					"cluster_name: c}]"),
				  "f",
				  &envoy__config__endpoint__v3__cluster_load_assignment__descriptor,
				  NULL, &diag),
		STATUS_OK);
	assert_true(slice_equal(resources.items[0].name, SLICE("c")));
	file_resources_free(&resources);
	assert_string_equal(parse(&resources,
				  "resources: [{'@type': t/envoy.service.discovery.v3.Resource, "
				  "name: x, resource: {" TYPE ", name: a}}]"),
			    "");
	assert_true(slice_equal(resources.items[0].name, SLICE("a")));
	file_resources_free(&resources);
	assert_string_equal(parse(&resources,
				  "resources: [{'@type': t/envoy.service.discovery.v3.Resource, "
				  "name: x, resource: {" TYPE "}}]"),
			    "f.yaml:1:71: resources[0].resource.name: must not be empty");
}

static void no_resources(void **state)
{
	struct file_resources resources;
	(void)state;
	assert_string_equal(parse(&resources, "{}"), "");
	assert_int_equal(resources.count, 0);
	file_resources_free(&resources);
	assert_string_equal(parse(&resources, "resources: null\n"), "");
	file_resources_free(&resources);
}

static void refused_as_a_whole(void **state)
{
	struct file_resources resources;
	(void)state;
	assert_string_equal(parse(&resources, "]["), "f.yaml:1:1: not YAML: did not find expected "
						     "node content while parsing a block node");
	assert_string_equal(parse(&resources, "- a\n"),
			    "f.yaml:1:1: must be a map (DiscoveryResponse)");
	assert_string_equal(
		parse(&resources, "resources: [{" TYPE ", name: a}, {" TYPE ", name: a}]"),
		"f.yaml:1:86: resources[1]: a is there already");
	assert_string_equal(
		parse(&resources, "resources: [{'@type': t/envoy.config.listener.v3.Listener}]"),
		"f.yaml:1:13: resources[0]: must be a envoy.config.cluster.v3.Cluster, not a "
		"t/envoy.config.listener.v3.Listener");
	assert_string_equal(parse(&resources, "resources: [{name: a}]"),
			    "f.yaml:1:13: resources[0]: has no @type: which message it is, as "
			    "\"@type\": type.googleapis.com/PACKAGE.MESSAGE");
	assert_string_equal(parse(&resources, "resources: [{" TYPE ", name: a}, {" TYPE
					      ", name: b, connect_timeout: -1s}]"),
			    "f.yaml:1:158: resources[1].connect_timeout: must be greater than 0s");
	assert_string_equal(parse(&resources, "resources: [{" TYPE ", name: a, type: EDS}]"),
			    "f.yaml:1:13: resources[0].eds_cluster_config: must be set, with "
			    "eds_config, for the type EDS");
}

static void unknown_fields_are_warnings(void **state)
{
	struct file_resources resources;
	struct file_source_options strict = {.refuse_unknown = true};
	struct diag diag = {0};
	(void)state;
	assert_string_equal(parse(&resources, "{foo: 1, resources: [{" TYPE ", name: a, bar: 1}]}"),
			    "");
	assert_int_equal(warnings, 2);
	file_resources_free(&resources);
	assert_string_equal(parse(&resources,
				  "resources: [{'@type': t/envoy.service.discovery.v3.Resource, "
				  "nmae: x, resource: {" TYPE ", name: a}}]"),
			    "");
	assert_int_equal(warnings, 1);
	file_resources_free(&resources);
	assert_int_equal(
		file_source_parse(&resources, SLICE("{foo: 1}"), "f", CLUSTER, &strict, &diag),
		STATUS_INVALID);
	assert_string_equal(diag.text, "no such field in DiscoveryResponse");
	assert_string_equal(diag.path, "foo");
	assert_int_equal(diag.column, 2);
}

static void equal_content_has_an_equal_hash(void **state)
{
	struct file_resources one, two;
	(void)state;
	assert_string_equal(parse(&one, "{version_info: '1', resources: [{" TYPE
					", name: a, lb_policy: RANDOM}]}"),
			    "");
	assert_string_equal(
		parse(&two, "{version_info: '2', resources: [{lb_policy: 3, " TYPE ", name: a}]}"),
		"");
	assert_true(one.items[0].hash == two.items[0].hash);
	file_resources_free(&one);
	file_resources_free(&two);
}

/* --- watching --- */

struct watched {
	struct file_watch_entry entry;
	unsigned changes;
};

struct folder {
	char path[64];
	struct file_watch watch;
	struct watched file;
};

static void count_change(struct file_watch_entry *entry)
{
	container_of(entry, struct watched, entry)->changes++;
}

static const char *in(const struct folder *folder, const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
	return path;
}

static void put(const struct folder *folder, const char *name, const char *text)
{
	FILE *file = fopen(in(folder, name), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int folder_setup(void **state)
{
	static struct folder folder;
	struct diag diag;
	folder = (struct folder){.path = "/tmp/watch-XXXXXX"};
	assert_non_null(mkdtemp(folder.path));
	put(&folder, "a.yaml", "1");
	assert_int_equal(file_watch_open(&folder.watch, &diag), STATUS_OK);
	assert_int_equal(file_watch_add(&folder.watch, &folder.file.entry, in(&folder, "a.yaml"),
					NULL, count_change, &diag),
			 STATUS_OK);
	*state = &folder;
	return 0;
}

static int folder_teardown(void **state)
{
	struct folder *folder = *state;
	char command[128];
	file_watch_remove(&folder->watch, &folder->file.entry);
	file_watch_close(&folder->watch);
	snprintf(command, sizeof command, "rm -rf %s", folder->path);
	return system(command);
}

static unsigned changes(struct folder *folder)
{
	folder->file.changes = 0;
	file_watch_read(&folder->watch);
	return folder->file.changes;
}

static void written_in_place(void **state)
{
	struct folder *folder = *state;
	assert_int_equal(changes(folder), 0);
	put(folder, "a.yaml", "2");
	assert_int_equal(changes(folder), 1);
	assert_int_equal(changes(folder), 0);
}

static void moved_into_place(void **state)
{
	struct folder *folder = *state;
	put(folder, "new", "2");
	assert_int_equal(changes(folder), 0);
	assert_int_equal(rename(in(folder, "new"), in(folder, "a.yaml")), 0);
	assert_int_equal(changes(folder), 1);
}

static void other_files_and_removal_are_no_change(void **state)
{
	struct folder *folder = *state;
	put(folder, "b.yaml", "2");
	unlink(in(folder, "a.yaml"));
	assert_int_equal(changes(folder), 0);
	put(folder, "a.yaml", "3");
	assert_int_equal(changes(folder), 1);
}

/* Kubernetes' mounts: file -> ..data/file, ..data -> a folder; an update moves a new ..data into
 * place. */
static void link_on_the_way_moved(void **state)
{
	struct folder *folder = *state;
	struct watched by_link = {0}, by_directory = {0};
	struct diag diag = {0};
	mkdir(in(folder, "v1"), 0700);
	mkdir(in(folder, "v2"), 0700);
	put(folder, "v1/c.yaml", "1");
	put(folder, "v2/c.yaml", "2");
	assert_int_equal(symlink("v1", in(folder, "..data")), 0);
	assert_int_equal(symlink("..data/c.yaml", in(folder, "c.yaml")), 0);
	assert_int_equal(file_watch_add(&folder->watch, &by_link.entry, in(folder, "c.yaml"), NULL,
					count_change, &diag),
			 0);
	assert_int_equal(file_watch_add(&folder->watch, &by_directory.entry, in(folder, "c.yaml"),
					folder->path, count_change, &diag),
			 0);
	assert_int_equal(changes(folder), 0);
	assert_int_equal(symlink("v2", in(folder, "..tmp")), 0);
	assert_int_equal(rename(in(folder, "..tmp"), in(folder, "..data")), 0);
	assert_int_equal(changes(folder), 0);
	assert_int_equal(by_link.changes, 1);
	assert_int_equal(by_directory.changes, 1);
	file_watch_remove(&folder->watch, &by_link.entry);
	file_watch_remove(&folder->watch, &by_directory.entry);
	put(folder, "a.yaml", "2"); /* the directory is still watched for the first file */
	assert_int_equal(changes(folder), 1);
}

static void directory_goes_and_comes_back(void **state)
{
	struct folder *folder = *state;
	struct watched file = {0};
	struct diag diag = {0};
	mkdir(in(folder, "d"), 0700);
	put(folder, "d/e.yaml", "1");
	assert_int_equal(file_watch_add(&folder->watch, &file.entry, in(folder, "d/e.yaml"), NULL,
					count_change, &diag),
			 0);
	assert_int_equal(rename(in(folder, "d"), in(folder, "old")), 0);
	changes(folder);
	file_watch_retry(&folder->watch);
	assert_int_equal(file.changes, 0);
	mkdir(in(folder, "d"), 0700);
	put(folder, "d/e.yaml", "2");
	file_watch_retry(&folder->watch);
	assert_int_equal(file.changes, 1);
	put(folder, "old/e.yaml", "x"); /* no longer ours */
	changes(folder);
	assert_int_equal(file.changes, 1);
	put(folder, "d/e.yaml", "3");
	changes(folder);
	assert_int_equal(file.changes, 2);
	file_watch_remove(&folder->watch, &file.entry);
}

static void no_such_directory(void **state)
{
	struct folder *folder = *state;
	struct watched file = {0};
	struct diag diag = {0};
	assert_int_equal(file_watch_add(&folder->watch, &file.entry, "/nonexistent/dir/a.yaml",
					NULL, count_change, &diag),
			 -ENOENT);
	assert_string_equal(diag.text, "can't watch /nonexistent/dir: No such file or directory");
}

int main(void)
{
#define W(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resources_by_name),
		cmocka_unit_test(named_by_cluster_name_or_in_a_resource),
		cmocka_unit_test(no_resources),
		cmocka_unit_test(refused_as_a_whole),
		cmocka_unit_test(unknown_fields_are_warnings),
		cmocka_unit_test(equal_content_has_an_equal_hash),
		W(written_in_place),
		W(moved_into_place),
		W(other_files_and_removal_are_no_change),
		W(link_on_the_way_moved),
		W(directory_goes_and_comes_back),
		W(no_such_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
