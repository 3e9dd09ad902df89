/* Clusters and assignments from YAML, by the way that a configuration file takes. */
#ifndef TESTS_UPSTREAM_CLUSTER_YAML_H
#define TESTS_UPSTREAM_CLUSTER_YAML_H

#include <envoy/config/cluster/v3/cluster.pb-c.h>
#include <envoy/config/endpoint/v3/endpoint.pb-c.h>

#include "hosts.h"
#include "xds/yaml_message.h"

static inline const ProtobufCMessage *
yaml_read(const char *text, const ProtobufCMessageDescriptor *type, struct arena *arena)
{
	struct diag diag = {.line = 0};
	ProtobufCMessage *message = NULL;
	if (yaml_message_parse(slice_of(text), "t.yaml", type, NULL, arena, &message, &diag)) {
		char line[2048];
		fail_msg("%s", diag_format(&diag, line, sizeof line));
	}
	return message;
}

/* NULL, with diag, if it is refused. */
static inline struct cluster *cluster_try(const char *text, struct diag *diag)
{
	struct arena arena;
	struct cluster *cluster = NULL;

	*diag = (struct diag){.line = 0};
	arena_init(&arena, 4096);
	const ProtobufCMessage *message =
		yaml_read(text, &envoy__config__cluster__v3__cluster__descriptor, &arena);
	if (cluster_build((const void *)message, &cluster, diag))
		cluster = NULL;
	arena_free(&arena); /* nothing may point there */
	return cluster;
}

static inline struct cluster *cluster_of_yaml(const char *text)
{
	struct diag diag;
	struct cluster *cluster = cluster_try(text, &diag);
	if (!cluster)
		fail_msg("%s: %s", diag.path, diag.text);
	return cluster;
}

static inline void assert_refused(const char *text, const char *path, const char *reason)
{
	struct diag diag;
	struct cluster *cluster = cluster_try(text, &diag);
	if (cluster) {
		cluster_free(cluster);
		fail_msg("accepted: %s", text);
	}
	assert_string_equal(diag.path, path);
	if (!strstr(diag.text, reason))
		fail_msg("'%s' is not in '%s'", reason, diag.text);
}

static inline struct assignment *assignment_of_yaml(const char *text)
{
	struct arena arena;
	struct assignment *assignment = NULL;
	struct diag diag = {.line = 0};

	arena_init(&arena, 4096);
	const ProtobufCMessage *message = yaml_read(
		text, &envoy__config__endpoint__v3__cluster_load_assignment__descriptor, &arena);
	if (assignment_build((const void *)message, false, &assignment, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	arena_free(&arena);
	return assignment;
}

#endif
