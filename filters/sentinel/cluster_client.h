/* An application's place in a cluster: which token server its rules in cluster mode ask, whether
 * they ask at all, and whether it is one itself.
 *
 *   configuration ─┐   mode, server, timeout, name    ┌─ workers join with the first server
 *                  ├──────────────────────────────> token client (cluster/)
 *   command ───────┘   what came last holds           └─ and leave at the end
 *
 *   mode: NOT_STARTED ─ rules fall back    CLIENT ─ they ask the server that is told
 *         SERVER ─ they ask the token server of this process (cluster_server.h), as others do
 *
 * It is there from the application's beginning, as its entries may ask at any time; it is available
 * (to commands) once a configuration has spoken of it.
 *
 * Owner: the application; after cluster_client_end itself, until the workers have left. Thread:
 * main. Limits: CLUSTER_*. */
#ifndef FILTERS_SENTINEL_CLUSTER_CLIENT_H
#define FILTERS_SENTINEL_CLUSTER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"
#include "telemetry/stats.h"

struct cluster_change;
struct cluster_client;
struct cluster_server_options;
struct command_cluster;
struct sentinel_applications;
struct text;
struct token_service;

enum {
	CLUSTER_SERVER_PORT = 18730,     /* Java's default */
	CLUSTER_REQUEST_TIMEOUT_MS = 20, /* likewise */
	CLUSTER_TIMEOUT_MAX_MS = 10000,  /* that a request may be told to wait */
	CLUSTER_SERVER_MAX = 64,         /* bytes of its address, with the 0 */
};

/* What a configuration says. */
struct cluster_client_options {
	struct slice server; /* an IP address; "": none */
	uint16_t port;
	uint32_t request_timeout_ms;
	struct slice name_space;
};

/* Without a server. NULL: nothing is served here, or no descriptor is to be had (which was logged):
 * rules in cluster mode fall back. */
struct cluster_client *cluster_client_new(const struct sentinel_applications *all,
					  struct slice application);
/* NULL is fine; it is no longer the caller's. */
void cluster_client_end(struct cluster_client *client);
/* No connection, and nothing on main's loop, any more; questions fail. NULL is fine. */
void cluster_client_close(struct cluster_client *client);
/* All threads of workers have ended, but their loops are there: the end doesn't wait for them. NULL
 * is fine. */
void cluster_client_leave(struct cluster_client *client);

/* For sentinel_options.tokens; NULL for NULL. */
const struct token_service *cluster_client_service(const struct cluster_client *client);

/* What the configurations in force say of it as a client, and as a server; NULL: nothing (any
 * more). Nothing happens if they said so before: what a command set since holds. NULL client is
 * fine. */
void cluster_client_configure(struct cluster_client *client,
			      const struct cluster_client_options *options,
			      const struct cluster_server_options *server);

/* False: it is no IP address (or "localhost"). */
bool cluster_server_parse(struct slice server, uint16_t port, struct addr *addr);

/* How commands see it, and what they change of it. NULL client is fine. */
void cluster_client_view(const struct cluster_client *client, struct command_cluster *view);
void cluster_client_set_mode(struct cluster_client *client, int32_t mode);
void cluster_client_set_server(struct cluster_client *client, const struct command_cluster *wanted);
/* Takes the change, of the token server. NULL client is fine. */
void cluster_client_change_server(struct cluster_client *client, struct cluster_change *change);
/* What the token server decides is counted for its log from now on. NULL client is fine. */
void cluster_client_keep_log(struct cluster_client *client);
/* Appends the lines of the seconds before that of now_ms. One thread; nothing where no log is kept.
 * NULL client is fine. */
void cluster_client_collect(struct cluster_client *client, int64_t now_ms, struct text *lines);
/* Counts what was new since the last time. NULL client is fine. */
void cluster_client_show(struct cluster_client *client, struct stats_shard *shard,
			 const struct stat_scope *scope);

#endif
