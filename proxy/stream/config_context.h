/* What the loading of a configuration may ask for: memory, names, scopes, filter types, files.
 *
 * Given to every config_load while a published object is built. Owner: the builder, on its stack.
 * Thread: builder, or main while nothing else builds. What is loaded lives in `arena`, which
 * becomes the published object's. */
#ifndef STREAM_CONFIG_CONTEXT_H
#define STREAM_CONFIG_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/published.h"
#include "base/slice.h"
#include "base/status.h"
#include "telemetry/stats.h"

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;
struct Envoy__Config__Bootstrap__V3__LayeredRuntime;
struct Envoy__Config__Core__V3__ConfigSource;
struct Google__Protobuf__Any;
struct access_log_files;
struct discovered_filter;
struct filter_type;
struct conn_filter_type;
struct sentinel_applications;
struct spools;

/* How often each configuration was met in the building of one object: tells equal ones apart, so
 * that each finds its own process-wide state again in the next version. */
struct config_ordinals {
	struct slice object; /* "listener_0", "routes r1": whose build it is */
	struct config_ordinal *list;
};

/* A message filter that is to come by discovery. */
struct extension_ask {
	struct slice name;
	const struct Envoy__Config__Core__V3__ConfigSource *source;
	/* In force until another one comes. NULL: none, requests are answered with 500. */
	const struct Google__Protobuf__Any *default_config;
	bool is_unawaited; /* nothing waits for the first answer */
};

struct config_context {
	struct arena *arena;
	struct published *object;         /* what is being built; NULL: nothing that is published */
	struct config_ordinals *ordinals; /* NULL: equal configurations share their state */
	struct stats *stats;
	bool is_outbound;         /* the listener's traffic_direction … */
	bool is_inbound;          /* … which may be neither */
	bool is_modify_only;      /* its drain_type */
	bool has_peer_names;      /* its connections know their clients' certificates */
	struct slice stat_prefix; /* "http.ingress." within a connection manager: of its filters'
				     scopes */
	struct stat_scope *router_stats; /* of the connection manager around; NULL: none */
	struct slice service_cluster, service_node; /* node.cluster, node.id */
	struct addr
		host_address; /* the host's first IPv4 address that isn't loopback, or ADDR_NONE */
	struct slice listener_address; /* "127.0.0.1_10000": in listener scopes */
	const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime; /* NULL: none */
	struct access_log_files *log_files;
	struct sentinel_applications *sentinel; /* NULL: configurations are only checked */
	struct spools *spools;                  /* NULL: none is opened */
	void *owner;                            /* of the callbacks below */

	/* The slot of a name, made if new. Never fails. */
	uint32_t (*slot)(const struct config_context *context, enum published_kind kind,
			 struct slice name);
	/* Whether a name is configured now (clusters of a static configuration must be). */
	bool (*is_known)(const struct config_context *context, enum published_kind kind,
			 struct slice name);
	/* The type of a message filter's or connection filter's configuration, or NULL. */
	const struct filter_type *(*filter_type)(const struct ProtobufCMessageDescriptor *message);
	const struct conn_filter_type *(*conn_filter_type)(
		const struct ProtobufCMessageDescriptor *message);
	/* The type of message filter whose configuration in a chain has this type URL, or NULL. */
	const struct filter_type *(*filter_type_by_url)(struct slice type_url);
	/* RDS: has the table of that name published, from this source. */
	enum status (*subscribe_routes)(const struct config_context *context,
					const struct Envoy__Config__Core__V3__ConfigSource *source,
					struct slice name, struct diag *diag);
	/* The same of Dubbo's rules, a resource of the type DubboRules. NULL: none are published.
	 */
	enum status (*subscribe_rules)(const struct config_context *context,
				       const struct Envoy__Config__Core__V3__ConfigSource *source,
				       struct slice name, struct diag *diag);
	/* ECDS: has it published, for a chain's entry with these types, and fills in the slot.
	 * Diag's path begins inside the ExtensionConfigSource. NULL: none are published. */
	enum status (*subscribe_extension)(const struct config_context *context,
					   const struct extension_ask *ask,
					   struct discovered_filter *discovered, struct diag *diag);
	/* Dubbo's own YAML, several documents maybe, as messages of
	 * outrigger/config/route/v1/dubbo_rules.proto in the arena; file: its name, NULL: none.
	 * NULL: can't be read here. */
	enum status (*read_dubbo_rules)(const struct config_context *context, struct slice text,
					const char *file,
					const struct ProtobufCMessage *const **messages,
					size_t *count, struct diag *diag);
};

/* A scope of statistics, of this whole name, made if new. It is dropped with the arena. */
struct stat_scope *config_scope(const struct config_context *context, const struct stat_type *type,
				struct slice name);

/* Calls run(argument) on main, when the object that is being built is published: not if it is
 * refused, and before any worker works with it. At once without an object. What the configuration
 * changes beyond itself is changed there. */
void config_when_published(const struct config_context *context, void (*run)(void *argument),
			   void *argument);

/* A name for the process-wide state of a configuration with this hash: the same one in each version
 * of the object around, another one for each of several equal configurations in it. In the arena.
 */
struct slice config_state_name(const struct config_context *context, struct slice name,
			       uint64_t hash);

#endif
