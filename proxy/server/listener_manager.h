/* Main's side of listeners: what is configured, their sockets, what is published.
 *
 * Owner: the server. Thread: main. */
#ifndef SERVER_LISTENER_MANAGER_H
#define SERVER_LISTENER_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/map.h"
#include "server/dynamic_origin.h"
#include "server/listener.h"
#include "server/publisher.h"

struct stats;

struct listener_record {
	struct list_node link;
	struct slice name;
	uint32_t slot;
	bool is_static;
	uint64_t hash;
	struct listener *listener; /* the publisher's reference */
	uint64_t updated_wall_ns;
	struct origin origin; /* of the configuration */
};

struct listener_manager {
	struct publisher *publisher;
	struct stats *stats;
	struct stat_scope *scope; /* "listener_manager" */
	struct list_node records;
	struct list_node sockets;      /* struct listen_sockets */
	struct passed_sockets *passed; /* while taking over: a predecessor's. NULL: none */
	struct map by_name;
	uint64_t version_count; /* of all listeners */
};

void listener_manager_init(struct listener_manager *manager, struct publisher *publisher,
			   struct stats *stats);
/* Workers have ended. */
void listener_manager_fini(struct listener_manager *manager);

/* Builds, opens sockets and adds or replaces; sent with the next publisher_send. opens: false only
 * checks (--mode validate). STATUS_INVALID with path and reason; STATUS_EXISTS when LDS names a
 * static listener. */
enum status MUST_CHECK
listener_manager_put(struct listener_manager *manager,
		     const struct Envoy__Config__Listener__V3__Listener *message,
		     const struct config_context *context, uint64_t hash, bool is_static,
		     bool opens, struct diag *diag);
/* Sockets that workers miss are opened: nobody can take the service back. */
void listener_manager_complete(struct listener_manager *manager);
void listener_manager_remove(struct listener_manager *manager, struct slice name);

#endif
