/* Resources from a file: a DiscoveryResponse in YAML or JSON, as path_config_source names it.
 *
 *   version_info: "7"
 *   resources:
 *   - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
 *     name: c1
 *
 * Of Dubbo's rules the file may have nothing but the rules, as Dubbo has them (dubbo_yaml.h): one
 * resource without a name.
 *
 * Unknown fields are warnings here (Envoy's rule for what comes while the process runs). All or
 * nothing: one bad resource refuses the file, and the caller keeps what it has.
 *
 * Thread: the builder's (it reads a file). Owner: struct file_resources holds all that it found. */
#ifndef XDS_FILE_SOURCE_H
#define XDS_FILE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"
#include "document.h"

struct file_source_options {
	bool refuse_unknown;    /* fields and types */
	bool allow_unsupported; /* fields that we understand and don't carry out: a warning */
	/* Called for every warning, and every fault but the first (which is in the diag); may be
	 * NULL. */
	void (*report)(void *context, const struct diag *diag, bool is_fault);
	void *context;
};

struct file_resource {
	struct slice name;
	const ProtobufCMessage *message; /* validated; Anys in it are decoded */
	uint64_t hash;                   /* of what it says: equal means nothing changed */
	size_t index;                    /* in the file's list */
};

struct file_resources {
	struct arena arena;
	struct document document; /* for file_resources_place */
	struct slice version_info;
	struct file_resource *items; /* in the file's order, no two of a name */
	size_t count;
};

/* Reads the file and checks that every resource is of the type. options may be NULL. On failure
 * diag says where and why, and there is nothing to free: STATUS_INVALID, STATUS_MALFORMED,
 * STATUS_TOO_LARGE, or the negated errno of the file. */
MUST_CHECK enum status file_source_load(struct file_resources *resources, const char *path,
					const ProtobufCMessageDescriptor *type,
					const struct file_source_options *options,
					struct diag *diag);

/* The same with the text at hand; `file` is its name, for the format and in messages. */
MUST_CHECK enum status file_source_parse(struct file_resources *resources, struct slice text,
					 const char *file, const ProtobufCMessageDescriptor *type,
					 const struct file_source_options *options,
					 struct diag *diag);

void file_resources_free(struct file_resources *resources);

/* The resource of that name, or NULL. Borrowed. */
const struct file_resource *file_resources_find(const struct file_resources *resources,
						struct slice name);

/* Gives a diag whose path begins at a resource's message its place in the file. */
void file_resources_place(const struct file_resources *resources,
			  const struct file_resource *resource, struct diag *diag);

#endif
