#include "filters/sentinel/cluster_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/application.h"
#include "filters/sentinel/cluster/token_client.h"
#include "filters/sentinel/cluster_server.h"
#include "filters/sentinel/ops/command.h"

enum { COUNTS = SENTINEL_STAT_TOKEN_STALLED - SENTINEL_STAT_TOKEN_ASKED + 1 };

struct cluster_client {
	const struct sentinel_services *services;
	void *services_owner;
	const uint64_t *wall_ns; /* main's clock */
	struct token_client *tokens;
	struct cluster_server *server;
	struct command_cluster is; /* but for the client's state, and the server's availability */
	struct slice application;  /* heap */
	struct cluster_client_options
		told; /* by configurations, last; texts: heap, .data NULL: none */
	bool is_told; /* they speak of it */
	bool has_joined, is_closed;
	uint64_t shown[COUNTS];
};

static struct slice copy_of(struct slice text)
{
	char *copy = malloc(text.len + 1);

	invariant(copy);
	if (text.len)
		memcpy(copy, text.data, text.len);
	return slice_make(copy, text.len);
}

static void forget(struct slice *text)
{
	free((char *)(uintptr_t)text->data);
	*text = (struct slice){0};
}

/* --- beginning and end --- */

struct cluster_client *cluster_client_new(const struct sentinel_applications *all,
					  struct slice application)
{
	const struct token_client_options options = {.name_space = application,
						     .workers = all->workers};
	struct token_client *tokens = all->loop ? token_client_new(all->loop, &options) : NULL;
	struct cluster_client *client;

	if (!tokens) {
		if (all->loop)
			log_warn(SENTINEL,
				 "application '%.*s' can't ask a token server: no descriptors",
				 SLICE_FMT(application));
		return NULL;
	}
	client = calloc(1, sizeof *client);
	invariant(client);
	client->services = all->services;
	client->services_owner = all->owner;
	client->wall_ns = all->wall_ns;
	client->tokens = tokens;
	client->application = copy_of(application);
	client->server = cluster_server_new(all, client->application);
	client->is = (struct command_cluster){
		.mode = CLUSTER_NOT_STARTED,
		.last_modified_ms = -1,
		.server_port = CLUSTER_SERVER_PORT,
		.request_timeout_ms = CLUSTER_REQUEST_TIMEOUT_MS,
	};
	return client;
}

static void client_free(void *data)
{
	struct cluster_client *client = data;

	token_client_free(client->tokens);
	cluster_server_free(client->server);
	forget(&client->application);
	forget(&client->told.server);
	forget(&client->told.name_space);
	free(client);
}

void cluster_client_close(struct cluster_client *client)
{
	if (!client || client->is_closed)
		return;
	client->is_closed = true;
	token_client_close(client->tokens);
	cluster_server_close(client->server);
}

/* On a worker. */
static void join(void *data, unsigned worker, struct loop *loop)
{
	struct cluster_client *client = data;

	if (token_client_join(client->tokens, worker, loop))
		log_warn(SENTINEL, "worker %u can't ask the token server: no descriptors", worker);
}

static void leave(void *data, unsigned worker, struct loop *loop)
{
	struct cluster_client *client = data;

	(void)loop;
	token_client_leave(client->tokens, worker);
}

static void left(void *data)
{
	(void)data; /* the end follows */
}

void cluster_client_leave(struct cluster_client *client)
{
	if (!client || !client->has_joined)
		return;
	client->has_joined = false;
	client->services->on_workers(client->services_owner, leave, left, client);
}

void cluster_client_end(struct cluster_client *client)
{
	if (!client)
		return;
	cluster_client_close(client);
	if (client->has_joined)
		client->services->on_workers(client->services_owner, leave, client_free, client);
	else
		client_free(client);
}

const struct token_service *cluster_client_service(const struct cluster_client *client)
{
	return client ? token_client_service(client->tokens) : NULL;
}

/* --- what it does --- */

bool cluster_server_parse(struct slice server, uint16_t port, struct addr *addr)
{
	if (slice_equal_nocase(server, SLICE("localhost")))
		server = SLICE("127.0.0.1");
	return !addr_parse_ip(server, port, addr);
}

static void apply(struct cluster_client *client)
{
	const struct command_cluster *is = &client->is;
	struct addr addr;
	bool is_on = is->mode == CLUSTER_CLIENT &&
		     cluster_server_parse(slice_of(is->server), is->server_port, &addr);

	if (client->is_closed)
		return;
	token_client_set_timeout(client->tokens, is->request_timeout_ms);
	struct doorbell *local = cluster_server_switch(client->server, is->mode == CLUSTER_SERVER);
	if ((is_on || local) && !client->has_joined) {
		client->has_joined = true;
		client->services->on_workers(client->services_owner, join, left, client);
	}
	token_client_set_server(client->tokens, is_on ? &addr : NULL);
	token_client_set_local(client->tokens, local);
}

static void set_mode(struct cluster_client *client, int32_t mode)
{
	if (client->is.mode == mode)
		return;
	client->is.mode = mode;
	client->is.last_modified_ms = (int64_t)(*client->wall_ns / 1000000);
}

static bool has_said_so(const struct cluster_client *client,
			const struct cluster_client_options *options)
{
	const struct cluster_client_options *told = &client->told;

	if (!options || !client->is_told)
		return !options == !client->is_told;
	return slice_equal(told->server, options->server) && told->port == options->port &&
	       told->request_timeout_ms == options->request_timeout_ms &&
	       slice_equal(told->name_space, options->name_space);
}

/* As a client. */
static void take_options(struct cluster_client *client,
			 const struct cluster_client_options *options)
{
	struct command_cluster *is = &client->is;

	forget(&client->told.server);
	forget(&client->told.name_space);
	client->is_told = is->is_available = options != NULL;
	is->server[0] = 0;
	if (!options)
		return;
	client->told = *options;
	client->told.server = copy_of(options->server);
	client->told.name_space = copy_of(options->name_space);
	snprintf(is->server, sizeof is->server, "%.*s", SLICE_FMT(options->server));
	is->server_port = options->port;
	is->request_timeout_ms = options->request_timeout_ms;
}

static struct slice name_space(const struct cluster_client *client)
{
	return client->told.name_space.len ? client->told.name_space : client->application;
}

void cluster_client_configure(struct cluster_client *client,
			      const struct cluster_client_options *options,
			      const struct cluster_server_options *server)
{
	bool is_new = client && !has_said_so(client, options);

	if (!client || client->is_closed)
		return;
	if (is_new) {
		take_options(client, options);
		token_client_set_name_space(client->tokens, name_space(client));
	}
	if (cluster_server_configure(client->server, server, name_space(client)))
		is_new = true;
	if (!is_new)
		return;
	set_mode(client, client->is.server[0]                    ? CLUSTER_CLIENT
			 : cluster_server_begins(client->server) ? CLUSTER_SERVER
								 : CLUSTER_NOT_STARTED);
	apply(client);
}

void cluster_client_view(const struct cluster_client *client, struct command_cluster *view)
{
	*view = (struct command_cluster){.mode = CLUSTER_NOT_STARTED, .last_modified_ms = -1};
	if (!client)
		return;
	*view = client->is;
	view->is_server_available = cluster_server_is_available(client->server);
	view->tokens = cluster_server_tokens(client->server);
	view->application = client->application;
	view->client_state = (int32_t)token_client_state(client->tokens);
}

void cluster_client_set_mode(struct cluster_client *client, int32_t mode)
{
	if (!client || (mode == CLUSTER_CLIENT && !client->is.is_available) ||
	    (mode == CLUSTER_SERVER && !cluster_server_is_available(client->server)))
		return;
	set_mode(client, mode);
	apply(client);
}

void cluster_client_set_server(struct cluster_client *client, const struct command_cluster *wanted)
{
	struct command_cluster *is = client ? &client->is : NULL;

	if (!client || !is->is_available)
		return;
	memcpy(is->server, wanted->server, sizeof is->server);
	is->server_port = wanted->server_port;
	is->request_timeout_ms = wanted->request_timeout_ms;
	apply(client);
}

void cluster_client_change_server(struct cluster_client *client, struct cluster_change *change)
{
	if (client)
		cluster_server_change(client->server, change);
	else
		cluster_change_free(change);
}

/* --- what it did --- */

void cluster_client_keep_log(struct cluster_client *client)
{
	if (client)
		cluster_server_keep_log(client->server);
}

void cluster_client_collect(struct cluster_client *client, int64_t now_ms, struct text *lines)
{
	if (client)
		cluster_server_collect(client->server, now_ms, lines);
}

void cluster_client_show(struct cluster_client *client, struct stats_shard *shard,
			 const struct stat_scope *scope)
{
	const struct token_counts *counts = client ? token_client_counts(client->tokens) : NULL;

	if (!client)
		return;
	/* in the order of the stats */
	const _Atomic uint64_t *const all[COUNTS] = {
		&counts->asked,  &counts->granted,   &counts->refused,
		&counts->failed, &counts->forgotten, &counts->connects,
		&counts->losses, &counts->garbage,   &counts->stalls,
	};
	for (unsigned i = 0; i < COUNTS; i++) {
		uint64_t now = atomic_load_explicit(all[i], memory_order_relaxed);
		stat_add(shard, scope, SENTINEL_STAT_TOKEN_ASKED + i, now - client->shown[i]);
		client->shown[i] = now;
	}
	stat_gauge_set(shard, scope, SENTINEL_STAT_TOKEN_CLIENT_STATE,
		       (uint64_t)token_client_state(client->tokens));
	cluster_server_show(client->server);
}
