#include "filters/sentinel/cluster_server.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/application.h"
#include "filters/sentinel/cluster_files.h"
#include "filters/sentinel/ops/block_log.h"
#include "filters/sentinel/ops/server_log.h"

STAT_TYPE(sentinel_token_server_stats, "sentinel_token_server", TOKEN_SERVER_STAT,
	  TOKEN_SERVER_STATS);
STAT_TYPE(sentinel_token_flow_stats, "sentinel_token_flow", TOKEN_FLOW_STAT, TOKEN_FLOW_STATS);

enum { COUNTERS = TOKEN_SERVER_STAT_BAD_REQUEST - TOKEN_SERVER_STAT_ACCEPTED + 1 };

/* A flow id among the stats. */
struct shown_flow {
	struct list_node link;
	struct stat_scope *scope;
	struct token_totals totals; /* as they were shown */
	bool is_there;
};

struct cluster_server {
	struct stats *stats;
	struct slice application;
	struct slice own_name; /* heap */
	uint64_t seed;
	struct token_server *tokens; /* NULL: no configuration ever spoke of it */
	uint64_t told_hash;
	bool is_told, begins, is_on, is_closed;
	struct token_listen listen;
	struct cluster_files files; /* of rules */
	struct block_log *log;      /* NULL: not kept */
	struct stat_scope *scope;   /* with tokens */
	uint64_t shown[COUNTERS];
	struct list_node flows; /* struct shown_flow */
	uint32_t flow_count, flow_max;
};

/* --- changes --- */

struct cluster_change *cluster_change_new(void)
{
	struct cluster_change *change = calloc(1, sizeof *change);

	invariant(change);
	arena_init(&change->arena, 1024);
	return change;
}

void cluster_change_free(struct cluster_change *change)
{
	if (!change)
		return;
	token_rules_free(change->rules);
	arena_free(&change->arena);
	free(change);
}

/* --- beginning and end --- */

static void file_changed(void *arg, struct slice name, struct token_rules *rules);

struct cluster_server *cluster_server_new(const struct sentinel_applications *all,
					  struct slice application)
{
	struct cluster_server *server = calloc(1, sizeof *server);

	invariant(server);
	invariant(getrandom(&server->seed, sizeof server->seed, 0) == sizeof server->seed);
	server->stats = all->stats;
	server->application = application;
	server->files = (struct cluster_files){
		.services = all->services,
		.services_owner = all->owner,
		.seed = server->seed,
		.changed = file_changed,
		.arg = server,
	};
	cluster_files_init(&server->files);
	list_init(&server->flows);
	return server;
}

static void forget_flows(struct cluster_server *server, bool all)
{
	for (struct list_node *n = server->flows.next, *next; n != &server->flows; n = next) {
		struct shown_flow *own = container_of(n, struct shown_flow, link);
		next = n->next;
		if (own->is_there && !all)
			continue;
		list_remove(&own->link);
		stat_scope_drop(server->stats, own->scope);
		free(own);
		server->flow_count--;
	}
}

void cluster_server_close(struct cluster_server *server)
{
	if (!server || server->is_closed)
		return;
	server->is_closed = true;
	server->is_on = false;
	cluster_files_clear(&server->files);
	if (server->tokens)
		token_server_close(server->tokens);
	forget_flows(server, true);
	if (server->scope)
		stat_scope_drop(server->stats, server->scope);
	server->scope = NULL;
}

void cluster_server_free(struct cluster_server *server)
{
	if (!server)
		return;
	token_server_free(server->tokens);
	block_log_free(server->log);
	free((char *)(uintptr_t)server->own_name.data);
	free(server);
}

static void note_decision(void *log, const struct token_decision *decision, int64_t now_ms)
{
	server_log_note(log, decision, now_ms);
}

static void observe(struct cluster_server *server)
{
	if (!server->tokens || !server->log)
		return;
	token_server_lock(server->tokens);
	server->tokens->arbiter.observer = (struct token_observer){note_decision, server->log};
	token_server_unlock(server->tokens);
}

/* False: no descriptors are to be had, which was logged. */
static bool make_tokens(struct cluster_server *server)
{
	struct arena arena;

	if (server->tokens || server->is_closed)
		return server->tokens != NULL;
	server->tokens = token_server_new(server->seed);
	if (!server->tokens) {
		log_warn(SENTINEL, "application '%.*s' can't be a token server: no descriptors",
			 SLICE_FMT(server->application));
		return false;
	}
	observe(server);
	arena_init(&arena, 1024);
	server->scope = stat_scope_take(server->stats, &sentinel_token_server_stats,
					slice_of(arena_printf(&arena, "sentinel.%.*s.token_server",
							      SLICE_FMT(server->application))));
	arena_free(&arena);
	return true;
}

/* --- what it is told --- */

static void warn_of_rules(const struct token_rules *rules, struct slice name)
{
	if (rules->rejected)
		log_warn(SENTINEL,
			 "token server: name space '%.*s': %u of %zu %s aren't served: %s",
			 SLICE_FMT(name), rules->rejected, (size_t)rules->rejected + rules->count,
			 rules->kind == TOKEN_KIND_FLOW ? "flow rules" : "hot-parameter rules",
			 rules->first_fault);
}

/* Takes them. */
static void set_rules(struct cluster_server *server, struct slice name, struct token_rules *rules)
{
	warn_of_rules(rules, name);
	token_server_lock(server->tokens);
	bool is_served = token_arbiter_set_rules(&server->tokens->arbiter, name, rules);
	token_server_unlock(server->tokens);
	if (!is_served)
		log_warn(SENTINEL, "token server: name space '%.*s' isn't served: rules ignored",
			 SLICE_FMT(name));
}

/* What somebody writes to a file holds, whatever commands have set before. */
static void file_changed(void *arg, struct slice name, struct token_rules *rules)
{
	set_rules(arg, name, rules);
}

static void load_rules(struct cluster_server *server, const struct cluster_server_name_space *own,
		       enum token_kind kind)
{
	struct slice text = own->rules[kind].len ? own->rules[kind] : SLICE("[]");
	const struct cluster_file_ask ask = {own->paths[kind], own->name, kind};
	struct token_rules *rules = ask.path ? cluster_files_add(&server->files, &ask) : NULL;

	/* text that is no list was refused with its configuration */
	if (!rules && token_rules_parse(kind, text, server->seed, &rules))
		return;
	set_rules(server, own->name, rules);
}

static void load_name_spaces(struct cluster_server *server,
			     const struct cluster_server_options *options)
{
	struct slice *names = calloc(options->count + 1, sizeof *names);

	invariant(names);
	for (size_t i = 0; i < options->count; i++)
		names[i] = options->name_spaces[i].name;
	token_server_serve(server->tokens, server->own_name, names, options->count);
	free(names);
	for (size_t i = 0; i < options->count; i++)
		for (int kind = 0; kind < TOKEN_KINDS; kind++)
			load_rules(server, &options->name_spaces[i], (enum token_kind)kind);
}

static void configure_arbiter(struct cluster_server *server,
			      const struct token_arbiter_config *config)
{
	token_server_lock(server->tokens);
	token_arbiter_configure(&server->tokens->arbiter, config);
	token_server_unlock(server->tokens);
}

static void set_own_name(struct cluster_server *server, struct slice name)
{
	char *copy = malloc(name.len + 1);

	invariant(copy);
	memcpy(copy, name.data, name.len);
	free((char *)(uintptr_t)server->own_name.data);
	server->own_name = slice_make(copy, name.len);
}

static bool has_said_so(const struct cluster_server *server,
			const struct cluster_server_options *options, struct slice own_name)
{
	if (!options || !server->is_told)
		return !options && !server->is_told;
	return server->told_hash == options->hash && slice_equal(server->own_name, own_name);
}

bool cluster_server_configure(struct cluster_server *server,
			      const struct cluster_server_options *options, struct slice own_name)
{
	bool was_told = server->is_told, began = server->begins;

	if (has_said_so(server, options, own_name))
		return false;
	server->is_told = server->begins = false;
	cluster_files_clear(&server->files);
	if (options && make_tokens(server)) {
		server->is_told = true;
		server->told_hash = options->hash;
		server->begins = !options->begins_by_command;
		server->listen = options->listen;
		server->flow_max = options->flow_stats_max;
		set_own_name(server, own_name);
		configure_arbiter(server, &options->config);
		load_name_spaces(server, options);
		cluster_server_switch(server, server->is_on);
	}
	return was_told != server->is_told || began != server->begins;
}

void cluster_server_change(struct cluster_server *server, struct cluster_change *change)
{
	if (server->is_told && !server->is_closed)
		switch (change->what) {
		case CLUSTER_CHANGE_RULES:
			set_rules(server, change->name, change->rules);
			change->rules = NULL;
			break;
		case CLUSTER_CHANGE_CONFIG:
			configure_arbiter(server, &change->config);
			break;
		case CLUSTER_CHANGE_LISTEN:
			server->listen.addr.port = change->port;
			server->listen.idle_ms = change->idle_ms;
			cluster_server_switch(server, server->is_on);
			break;
		case CLUSTER_CHANGE_NAMES:
			token_server_serve(server->tokens, server->own_name, change->names,
					   change->count);
			break;
		}
	cluster_change_free(change);
}

bool cluster_server_is_available(const struct cluster_server *server)
{
	return server->is_told;
}

bool cluster_server_begins(const struct cluster_server *server)
{
	return server->is_told && server->begins;
}

struct doorbell *cluster_server_switch(struct cluster_server *server, bool is_on)
{
	if (!server->tokens || server->is_closed)
		return NULL;
	server->is_on = is_on;
	if (token_server_listen(server->tokens, &server->listen, is_on)) {
		log_warn(SENTINEL, "application '%.*s' can't be a token server: no thread",
			 SLICE_FMT(server->application));
		return NULL;
	}
	return is_on ? &server->tokens->bell : NULL;
}

struct token_server *cluster_server_tokens(const struct cluster_server *server)
{
	return server->tokens;
}

/* --- what it did --- */

void cluster_server_keep_log(struct cluster_server *server)
{
	if (server->log)
		return;
	server->log = block_log_new(1);
	observe(server);
}

void cluster_server_collect(struct cluster_server *server, int64_t now_ms, struct text *lines)
{
	if (server->log)
		block_log_collect(server->log, now_ms, lines);
}

static struct shown_flow *shown_new(struct cluster_server *server, const struct token_flow *flow)
{
	struct shown_flow *own = calloc(1, sizeof *own);
	struct arena arena;

	invariant(own);
	arena_init(&arena, 1024);
	own->scope = stat_scope_take(
		server->stats, &sentinel_token_flow_stats,
		slice_of(arena_printf(&arena, "sentinel.%.*s.token_server.%s.%" PRId64,
				      SLICE_FMT(server->application),
				      flow->kind == TOKEN_KIND_FLOW ? "flow" : "param",
				      flow->rule.flow_id)));
	arena_free(&arena);
	list_push_back(&server->flows, &own->link);
	server->flow_count++;
	return own;
}

static void show_flow(struct cluster_server *server, struct token_flow *flow)
{
	struct stats_shard *shard = stats_main_shard(server->stats);
	const struct token_totals *now = &flow->totals;

	if (!flow->shown && server->flow_count < server->flow_max)
		flow->shown = shown_new(server, flow);
	struct shown_flow *own = flow->shown;
	if (!own)
		return;
	own->is_there = true;
	stat_add(shard, own->scope, TOKEN_FLOW_STAT_PASS, now->pass - own->totals.pass);
	stat_add(shard, own->scope, TOKEN_FLOW_STAT_BLOCK, now->block - own->totals.block);
	stat_add(shard, own->scope, TOKEN_FLOW_STAT_WAITING, now->waiting - own->totals.waiting);
	own->totals = *now;
}

/* With the lock. */
static void show_flows(struct cluster_server *server)
{
	struct list_node *list = &server->tokens->arbiter.flows.list;

	for (struct list_node *n = server->flows.next; n != &server->flows; n = n->next)
		container_of(n, struct shown_flow, link)->is_there = false;
	for (struct list_node *n = list->next; n != list; n = n->next)
		show_flow(server, container_of(n, struct token_flow, link));
	forget_flows(server, false);
}

static void show_counts(struct cluster_server *server)
{
	const struct token_server *tokens = server->tokens;
	const struct token_server_counts *counts = &tokens->counts;
	const struct token_answers *answers = &tokens->arbiter.answers;
	struct stats_shard *shard = stats_main_shard(server->stats);
	/* in the order of the stats */
	const uint64_t all[COUNTERS] = {
		counts->accepted,  counts->over_limit, counts->idle,      counts->garbage,
		counts->malformed, counts->local,      answers->ok,       answers->should_wait,
		answers->blocked,  answers->no_rule,   answers->too_many, answers->bad,
	};

	for (unsigned i = 0; i < COUNTERS; i++) {
		stat_add(shard, server->scope, TOKEN_SERVER_STAT_ACCEPTED + i,
			 all[i] - server->shown[i]);
		server->shown[i] = all[i];
	}
	stat_gauge_set(shard, server->scope, TOKEN_SERVER_STAT_STATE, tokens->state);
	stat_gauge_set(shard, server->scope, TOKEN_SERVER_STAT_CONNECTIONS, tokens->session_count);
	stat_gauge_set(shard, server->scope, TOKEN_SERVER_STAT_NAMESPACES,
		       tokens->arbiter.by_name.count);
	stat_gauge_set(shard, server->scope, TOKEN_SERVER_STAT_FLOWS, tokens->arbiter.flows.count);
}

void cluster_server_show(struct cluster_server *server)
{
	if (!server->tokens || server->is_closed)
		return;
	token_server_lock(server->tokens);
	show_counts(server);
	show_flows(server);
	token_server_unlock(server->tokens);
}
